"""The warehouse as a readout sees it: rows of tables by column name, also of tables that nobody built yet.

Not here: any query (readout_counts.py, readout_tables.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

Rows = Iterator[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Tables:
    """The warehouse as a readout sees it; a table that isn't there is an empty one."""

    connection: duckdb.DuckDBPyConnection
    known: frozenset[str]

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection) -> Tables:
        """The tables and views of the connection's own database."""
        found = connection.execute(
            "select table_name from duckdb_tables() where database_name = current_database() "
            "union all select view_name from duckdb_views() where database_name = current_database()"
        ).fetchall()
        return cls(connection, frozenset(name for (name,) in found))

    def rows(self, sql: str, parameters: Sequence[object], table: str) -> Rows:
        """Rows by column name; none where the table isn't there."""
        if table not in self.known:
            return
        cursor = self.connection.execute(sql, list(parameters))
        names = [column[0] for column in cursor.description or ()]
        for row in cursor.fetchall():
            yield dict(zip(names, row, strict=True))


def day_of(value: date | datetime) -> date:
    """A day, whether it was read as one or as a timestamp."""
    return value.date() if isinstance(value, datetime) else value
