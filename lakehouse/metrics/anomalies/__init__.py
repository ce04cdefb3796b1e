"""Anomalies: what KPIs should have been, where they weren't, what that is worth, and what people said of it."""
