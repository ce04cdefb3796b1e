"""The tables of anomalies: their columns' types, and what schema.yml says of them.

Belongs here: names and types. Not here: their rows (expectations.py, found.py, explained.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import duckdb
from pydantic import ValidationError

from lakehouse.configuration import ConfigurationError, problems_of, read_yaml
from lakehouse.metrics.plan import KpiPlan
from lakehouse.warehouse.model import Model, ModelDoc, SchemaFile

GROUP = "metrics"
_SERIES = "kpi varchar, cadence varchar, dimension varchar, segment varchar"
TYPES = {
    "kpi_series": f"{_SERIES}, periods bigint, alerts_per_year double, status varchar",
    "kpi_expected": (
        f"{_SERIES}, period_start date, expected double, low double, high double, surprise double, p_value double, "
        "is_judged boolean"
    ),
    "anomalies": (
        f"anomaly varchar, {_SERIES}, started_on date, detected_on date, ended_on date, is_open boolean, direction varchar, "
        "is_good boolean, methods varchar[], confidence double, expected double, actual double, impact double, "
        "relative_impact double, money double, status varchar, part_of varchar, verdict varchar, explanation varchar, "
        "sentence varchar, note varchar"
    ),
    "root_causes": (
        "anomaly varchar, rank bigint, segment varchar, effect varchar, contribution double, share double, expected double, "
        "actual double, confidence double, sentence varchar"
    ),
    "anomaly_factors": "anomaly varchar, factor varchar, before double, after double, contribution double",
}


def make_anomaly_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty tables in the place of the former ones."""
    for name, columns in TYPES.items():
        connection.execute(f"create or replace table {name} ({columns})")


def anomaly_models(plans: Iterable[KpiPlan], feeds: Iterable[str]) -> list[Model]:
    """Every table of anomalies as a model. feeds: the tables of feeds that tell of calendars and of what people said."""
    sources = {plan.kpi.source for plan in plans}
    reads = tuple(sorted({"kpi_definitions", "kpi_values", "run_settings", *sources, *feeds}))
    return [
        Model(
            doc.name, GROUP, "", doc, depends_on=reads, columns=tuple(column.name for column in doc.columns)
        )
        for doc in _documented()
    ]


@cache
def _documented() -> tuple[ModelDoc, ...]:
    shown = "metrics/anomalies/schema.yml"
    try:
        return SchemaFile.model_validate(read_yaml(Path(__file__).parent / "schema.yml", shown)).models
    except ValidationError as error:
        raise ConfigurationError(problems_of(error, SchemaFile, shown)) from error
