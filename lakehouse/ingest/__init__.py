"""Landing file -> raw Parquet -> staged Parquet and quarantine.

Belongs here: listing, reading, casting and validating files. Not here: anything that knows DuckDB tables (warehouse/)
or the orchestrator (defs/).
"""
