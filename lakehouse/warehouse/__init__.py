"""The DuckDB warehouse: session and lock, staged tables, models, checks, the published copy.

Belongs here: everything that speaks SQL to DuckDB. Not here: files before staging (ingest/), the orchestrator (defs/).
"""
