"""The connection that writes the warehouse: locked, limited, and closed also when its body raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from lakehouse.settings import Settings
from lakehouse.sql_text import literal
from lakehouse.warehouse.lock import writer_lock


@dataclass(frozen=True, slots=True)
class WarehouseSession:
    """An open warehouse and the settings it was opened with."""

    connection: duckdb.DuckDBPyConnection
    settings: Settings


def connection_config(settings: Settings) -> dict[str, str | bool | int | float | list[str]]:
    """DuckDB's configuration for a writer."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.memory_limit,
        "temp_directory": str(settings.paths.scratch),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        # Rows of a table have no order of their own; keeping the order of insertion costs memory.
        "preserve_insertion_order": "false",
    }
    if settings.threads is not None:
        config["threads"] = settings.threads
    return config


@contextmanager
def open_warehouse(
    settings: Settings, who: str, say: Callable[[str], None] = lambda _: None, timeout_s: float | None = None
) -> Iterator[WarehouseSession]:
    """Waits for its turn, opens the warehouse for writing, and closes it in any case."""
    with writer_lock(settings.paths.warehouse, who, say, timeout_s):
        settings.paths.scratch.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(str(settings.paths.warehouse), config=connection_config(settings))
        try:
            prepare(connection, settings)
            confine(connection, settings)
            yield WarehouseSession(connection, settings)
        finally:
            connection.close()


def prepare(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Makes the tables that the warehouse itself keeps, and writes the configured settings into one of them."""
    connection.execute("set timezone = 'UTC'")
    connection.execute(META_SQL)
    with transaction(connection):
        connection.execute("delete from meta_settings")
        connection.execute(
            "insert into meta_settings values ($1, $2, $3)",
            [settings.as_of, settings.business_time_zone, settings.reporting_currency],
        )


def confine(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """From here on SQL, a source's too, reaches files of the lake only, and can't undo that."""
    connection.execute(f"set allowed_directories = [{literal(settings.paths.data_dir)}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of the body's writes, or none."""
    connection.execute("begin")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


META_SQL = """
create table if not exists meta_files (
    feed varchar, file varchar, content_hash varchar, rows bigint, staged bigint, superseded bigint, resent bigint,
    quarantined bigint, ingested_at timestamp, batch varchar, status varchar
);
create table if not exists quarantine (
    feed varchar, file varchar, row_number bigint, reasons varchar[], row varchar, ingested_at timestamp
);
create table if not exists meta_runs (
    run_id varchar, started_at timestamp, seconds double, landed_rows bigint, staged_rows bigint,
    quarantined_rows bigint, model_rows bigint
);
create table if not exists meta_feeds (
    feed varchar, owner varchar, description varchar, event_column varchar, newest_at timestamp,
    freshness_limit_hours double, age_hours double, is_fresh boolean
);
create table if not exists meta_settings (as_of_date date, business_time_zone varchar, reporting_currency varchar);
create table if not exists meta_staging (feed varchar, signature varchar);
"""
