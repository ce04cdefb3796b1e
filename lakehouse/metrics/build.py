"""Builds the tables of all KPIs, in one transaction.

Belongs here: the order of steps, and the day the data are judged at. Not here: any step.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import duckdb

from lakehouse.metrics.arrival import Arrival, arrival_of, complete_through
from lakehouse.metrics.definition import Kpi
from lakehouse.metrics.plan import SETTINGS, Feed, KpiPlan
from lakehouse.metrics.tables import make_tables
from lakehouse.metrics.values import add_values
from lakehouse.metrics.values_sql import is_additive
from lakehouse.warehouse.clock import Clock
from lakehouse.warehouse.session import transaction


class NotComputed(ValueError):
    """A KPI's own SQL fails on the data that are there."""


def kpi_clock(connection: duckdb.DuckDBPyConnection) -> Clock | None:
    """The run's business time zone and as-of date; None without any data."""
    rows = connection.execute(
        f"select as_of_date, is_as_of_configured, business_time_zone from {SETTINGS}"
    ).fetchall()
    as_of, is_chosen, zone = rows[0] if rows else (None, False, "UTC")
    return None if as_of is None else Clock(as_of, zone, is_chosen)


def build_kpis(connection: duckdb.DuckDBPyConnection, plans: Iterable[KpiPlan]) -> None:
    """Replaces every table of tables.TYPES, all or none.

    Raises NotComputed when DuckDB can't run a KPI's own SQL on its data.
    """
    known = list(plans)
    clock = kpi_clock(connection)
    with transaction(connection):
        make_tables(connection)
        if clock is None:
            for plan in known:
                _record(connection, plan.kpi, None, None, None, "no rows")
            return
        feeds = {feed: arrival_of(connection, feed, clock) for plan in known for feed in plan.feeds}
        for plan in known:
            try:
                _add(connection, plan, feeds, clock)
            except (duckdb.DataError, duckdb.OperationalError) as error:
                told = str(error).splitlines()[0]
                raise NotComputed(
                    f"{plan.kpi.shown}: expected SQL that runs on the data of {plan.kpi.source}, found {told}"
                ) from error


def _add(
    connection: duckdb.DuckDBPyConnection, plan: KpiPlan, feeds: dict[Feed, Arrival | None], clock: Clock
) -> None:
    arrivals = [one for feed in plan.feeds if (one := feeds[feed]) is not None]
    complete = complete_through(arrivals, clock.as_of, plan.kpi.matures_after_days)
    until = max([clock.as_of, *(one.landed_on for one in arrivals)])
    rows = add_values(connection, plan.kpi, clock, complete, until)
    lags = [one.lag_days for one in arrivals if one.lag_days is not None]
    _record(
        connection,
        plan.kpi,
        clock.as_of,
        max(lags, default=None),
        complete,
        _status(connection, plan.kpi, rows),
    )


def _status(connection: duckdb.DuckDBPyConnection, kpi: Kpi, rows: int) -> str:
    if not rows:
        return "no rows"
    judged, known = connection.execute(
        "select count(*) filter (where is_complete), count(value) filter (where is_complete) from kpi_values "
        "where kpi = $1 and dimension = ''",
        [kpi.name],
    ).fetchall()[0]
    if not judged:
        return "no complete period"
    return "ok" if known else "no value"


def _record(
    connection: duckdb.DuckDBPyConnection,
    kpi: Kpi,
    as_of: date | None,
    lag_days: int | None,
    complete: date | None,
    status: str,
) -> None:
    """One row of kpi_definitions: what readers of the other tables need to know of the KPI."""
    targets = {one: target for one in kpi.cadence if (target := kpi.target_for(one)) is not None}
    values: list[object] = [
        kpi.name, kpi.label, kpi.description, kpi.owner, kpi.unit, kpi.direction, list(kpi.cadence), list(kpi.dimensions),
        kpi.source, kpi.is_ratio, is_additive(kpi), kpi.sensitivity, kpi.thresholds.low, kpi.thresholds.high,
        kpi.thresholds.minimum_n, targets, as_of, lag_days, complete, status,
    ]  # fmt: skip
    marks = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    connection.execute(f"insert into kpi_definitions values ({marks})", values)
