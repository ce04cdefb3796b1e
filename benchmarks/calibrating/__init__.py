"""Simulated worlds whose truth is known, and how often each statistic is right in them; calibration.py runs them."""
