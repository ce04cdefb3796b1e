"""Whether DuckDB understands each SQL file, asked over empty tables before anything is built.

sqlglot reads names off the SQL; only the engine knows which columns, functions and types fit together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import duckdb

from lakehouse.configuration import Problem
from lakehouse.contracts import Contract
from lakehouse.warehouse.session import META_SQL


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT. `shown` is how messages name its file; `table` is what it becomes, whole or as a part.

    `hint`: what to do when DuckDB refuses it and has no better idea.
    """

    shown: str
    sql: str
    table: str
    is_part: bool = False
    hint: str = ""


_META_TYPES = "_source_file VARCHAR, _row_number BIGINT, _ingested_at TIMESTAMP, _row_hash UBIGINT"


def binding_problems(contracts: Mapping[str, Contract], statements: Iterable[Statement]) -> list[Problem]:
    """What DuckDB says of each statement that it can't bind; they come in build order.

    A table is left out when a part of it fails, and so is what reads it: only the cause is told.
    """
    problems: list[Problem] = []
    failed: set[str] = set()
    with duckdb.connect(":memory:") as connection:
        connection.execute(META_SQL)
        for contract in contracts.values():
            typed = ", ".join(f"{name} {column.sql_type}" for name, column in contract.columns.items())
            for table in {contract.staged_table, contract.versions_table}:
                connection.execute(f"create table {table} ({typed}, {_META_TYPES})")
        for statement in statements:
            if statement.table in failed and not statement.is_part:
                continue
            try:
                described = connection.execute(f"describe {statement.sql}").fetchall()
            except duckdb.Error as error:
                told = str(error)
                if not any(f"Table with name {table} does not exist" in told for table in failed):
                    problems.append(_problem(statement.shown, told, statement.hint))
                failed.add(statement.table)
                continue
            if not statement.is_part:
                columns = ", ".join(f'"{row[0]}" {row[1]}' for row in described)
                connection.execute(f"create table {statement.table} ({columns})")
    return problems


def _problem(shown: str, told: str, otherwise: str) -> Problem:
    """DuckDB's message on one line, its candidates as the hint; the statement's echo is left out."""
    lines = list(_said(told))
    hints = (
        line for line in lines if line.startswith(("Candidate", "Did you mean")) and not line.endswith(":")
    )
    hint = next(hints, otherwise)
    return Problem(shown, "", "SQL that DuckDB understands", lines[0].rstrip(".!"), hint)


def _said(told: str) -> Iterator[str]:
    for line in told.splitlines():
        if line.startswith("LINE "):
            return
        if line.strip():
            yield line.strip()
