"""The tables of KPIs: their columns' types, and what schema.yml says of them.

Belongs here: names and types, the tables as the rest of the lake knows models. Not here: their rows (values.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from uuid import uuid4

import duckdb
from pydantic import ValidationError

from lakehouse.configuration import ConfigurationError, problems_of, read_yaml
from lakehouse.metrics import days
from lakehouse.metrics.changes import CHANGES, CHANGES_SQL
from lakehouse.metrics.plan import KpiPlan
from lakehouse.sql_text import literal
from lakehouse.warehouse.model import Model, ModelDoc, SchemaFile

GROUP = "metrics"
_PERIOD = "kpi varchar, cadence varchar, period_start date, dimension varchar, segment varchar"
TYPES = {
    "kpi_definitions": (
        "kpi varchar, label varchar, description varchar, owner varchar, unit varchar, direction varchar, "
        "cadences varchar[], dimensions varchar[], source varchar, is_ratio boolean, is_additive boolean, "
        "sensitivity double, low double, high double, minimum_n bigint, targets map(varchar, double), as_of_date date, lag_days bigint, "
        "complete_through date, status varchar"
    ),
    "kpi_values": (
        f"{_PERIOD}, numerator decimal(38, 6), denominator decimal(38, 6), value double, n bigint, is_complete boolean"
    ),
}

# Tables of another form are made anew.
_FORM = hashlib.sha256(repr([TYPES["kpi_values"], days.TYPES]).encode()).hexdigest()


def make_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty tables in the place of the former ones, and the view over them. Whatever stood in kpi_values stays, as long as
    what is known of its days was made with it.
    """
    name = "kpi_definitions"
    connection.execute(f"create or replace table {name} ({TYPES[name]})")
    if not _are_of_one_making(connection):
        # A table in the place of either loses the comment, whoever put it there.
        making = uuid4().hex
        for name, columns in {"kpi_values": TYPES["kpi_values"], **days.TYPES}.items():
            connection.execute(f"create or replace table {name} ({columns})")
            connection.execute(f"comment on table {name} is {literal(f'{_FORM} {making}')}")
    connection.execute(f"create or replace view {CHANGES} as {CHANGES_SQL}")


def _are_of_one_making(connection: duckdb.DuckDBPyConnection) -> bool:
    names = ["kpi_values", *days.TYPES]
    found = connection.execute(
        "select comment from duckdb_tables() where schema_name = current_schema() and database_name = current_database() "
        "and list_contains($1::varchar[], table_name)",
        [names],
    ).fetchall()
    comments = {row[0] for row in found}
    return len(found) == len(names) and len(comments) == 1 and str(comments.pop()).startswith(_FORM)


def kpi_models(plans: Iterable[KpiPlan]) -> list[Model]:
    """Every table of KPIs as a model: descriptions, checks, columns, and what each is built from."""
    sources = tuple(sorted({table for plan in plans for table in plan.reads} | {"run_settings"}))
    reads = {
        "kpi_definitions": sources,
        "kpi_values": sources,
        CHANGES: ("kpi_definitions", "kpi_values"),
    }
    return [
        Model(
            doc.name,
            GROUP,
            CHANGES_SQL if doc.name == CHANGES else "",
            doc,
            depends_on=reads[doc.name],
            columns=tuple(column.name for column in doc.columns),
        )
        for doc in _documented()
    ]


@cache
def _documented() -> tuple[ModelDoc, ...]:
    shown = "metrics/schema.yml"
    try:
        return SchemaFile.model_validate(read_yaml(Path(__file__).parent / "schema.yml", shown)).models
    except ValidationError as error:
        raise ConfigurationError(problems_of(error, SchemaFile, shown)) from error
