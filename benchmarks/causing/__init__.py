"""Worlds with known causes, peers, and scores for benchmarks/root_causes.py."""
