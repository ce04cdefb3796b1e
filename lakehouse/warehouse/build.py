"""Builds one model: its SELECT becomes a table or a view, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from lakehouse.warehouse.model import Model


class NotBuilt(LookupError):
    """A model reads a table that is not in the warehouse yet."""


@dataclass(frozen=True, slots=True)
class Built:
    """A built model: its row count and the DuckDB type of each column."""

    name: str
    rows: int
    types: dict[str, str]


def build_model(connection: duckdb.DuckDBPyConnection, model: Model) -> Built:
    """Replaces the model's table or view in one statement, so that a killed build leaves the former one."""
    kind = "view" if model.is_view else "table"
    sql = model.sql.strip().rstrip(";")
    try:
        connection.execute(f"create or replace {kind} {model.name} as\n{sql}")
    except duckdb.CatalogException as error:
        known = {row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()}
        known |= {row[0] for row in connection.execute("select view_name from duckdb_views()").fetchall()}
        missing = [table for table in model.depends_on if table not in known]
        if not missing:
            raise
        raise NotBuilt(
            f"{model.name} reads {', '.join(missing)}, which {'has' if len(missing) == 1 else 'have'} not been built yet. "
            f'Build what feeds it too: lakehouse run --select "+{model.name}"'
        ) from error
    return describe_table(connection, model.name)


def describe_table(connection: duckdb.DuckDBPyConnection, table: str) -> Built:
    """Row count and column types of a table as it stands."""
    types = {row[0]: row[1] for row in connection.execute(f"describe {table}").fetchall()}
    rows = connection.execute(f"select count(*) from {table}").fetchall()[0][0]
    return Built(table, rows, types)


def absent_tables(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> list[str]:
    """Those of the tables that nothing has built yet."""
    present = {
        row[0] for row in connection.execute("select table_name from information_schema.tables").fetchall()
    }
    return [table for table in tables if table not in present]
