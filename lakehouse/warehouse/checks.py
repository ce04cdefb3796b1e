"""The tests of schema.yml as SQL, and their verdict: how many rows fail, with a few of them to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from lakehouse.sql_text import literal
from lakehouse.warehouse.model import DataTest, Model, Severity

SAMPLES = 5
MASK = "•••"


@dataclass(frozen=True, slots=True)
class Check:
    """One test of one model, ready to run. `query` selects the rows that fail."""

    name: str
    model: str
    query: str
    severity: Severity
    description: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found. `samples` hold a few failing rows, personal data masked."""

    failures: int
    samples: tuple[dict[str, Any], ...]

    @property
    def passed(self) -> bool:
        return self.failures == 0


def checks_of(model: Model) -> list[Check]:
    """All tests of a model, those of its columns included. Names are unique within the model.

    The not_null tests of its columns are one check: one scan, and one line to read where there were a dozen.
    """
    checks = [_check(model, test, None) for test in model.doc.data_tests]
    not_null: dict[Severity, list[str]] = {}
    for column in model.doc.columns:
        for test in column.data_tests:
            if test.kind == "not_null":
                not_null.setdefault(test.severity or model.doc.config.severity, []).append(column.name)
            else:
                checks.append(_check(model, test, column.name))
    return checks + [_never_null(model, columns, severity) for severity, columns in not_null.items()]


def _never_null(model: Model, columns: list[str], severity: Severity) -> Check:
    name = "not_null" if severity == model.doc.config.severity else f"not_null_{severity}"
    is_null = " or ".join(f"{column} is null" for column in columns)
    query = f"select * from {model.name} where {is_null}"
    return Check(name, model.name, query, severity, f"Never null: {', '.join(columns)}.")


def _check(model: Model, test: DataTest, column: str | None) -> Check:
    query, told = _query(model.name, test, column)
    name = test.name or "_".join(part for part in (test.kind, column, _suffix(test)) if part)
    return Check(
        name, model.name, query, test.severity or model.doc.config.severity, test.description or told
    )


def _suffix(test: DataTest) -> str:
    columns = test.arguments.get("columns")
    return "_".join(columns) if columns else ""


def _query(table: str, test: DataTest, column: str | None) -> tuple[str, str]:
    arguments = test.arguments
    if test.kind == "unique":
        return _duplicates(table, [str(column)]), f"{column} is unique."
    if test.kind == "unique_combination_of_columns":
        return _duplicates(table, arguments["columns"]), f"{' + '.join(arguments['columns'])} is unique."
    if test.kind == "accepted_values":
        values = ", ".join(_value(value) for value in arguments["values"])
        return f"select * from {table} where {column} not in ({values})", f"{column} is one of {values}."
    if test.kind == "relationships":
        to, field = arguments["to"], arguments["field"]
        query = (
            f"select * from {table} where {column} is not null "
            f"and {column} not in (select {field} from {to} where {field} is not null)"
        )
        return query, f"Every {column} stands in {to}.{field}."
    if test.kind == "expression_is_true":
        return f"select * from {table} where not ({arguments['expression']})", f"{arguments['expression']}"
    return str(arguments["query"]).strip().rstrip(";"), "The query gives no row."


def _duplicates(table: str, columns: list[str]) -> str:
    listed = ", ".join(columns)
    return f"select {listed}, count(*) as rows from {table} group by {listed} having count(*) > 1"


def _value(value: object) -> str:
    return literal(value) if isinstance(value, str) else str(value)


def run_check(connection: duckdb.DuckDBPyConnection, check: Check, masked: frozenset[str]) -> Verdict:
    """Runs a check. `masked`: column names whose values are personal data."""
    failures = connection.execute(f"select count(*) from ({check.query}) as failing").fetchall()[0][0]
    if failures == 0:
        return Verdict(0, ())
    cursor = connection.execute(f"select * from ({check.query}) as failing limit {SAMPLES}")
    names = [column[0] for column in cursor.description or ()]
    samples = tuple(
        {
            name: MASK if name in masked and value is not None else value
            for name, value in zip(names, row, strict=True)
        }
        for row in cursor.fetchall()
    )
    return Verdict(failures, samples)
