"""Builds the tables of all KPIs, in one transaction.

Belongs here: the order of steps, and the day the data are judged at. Not here: any step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date

import duckdb

from lakehouse.metrics import days
from lakehouse.metrics.arrival import Arrival, arrival_of, complete_through
from lakehouse.metrics.days import Wanted, computed_together, look_at_days, made_before, remember, wanted
from lakehouse.metrics.definition import Kpi
from lakehouse.metrics.plan import SETTINGS, KpiPlan
from lakehouse.metrics.refresh import refresh_values
from lakehouse.metrics.tables import make_tables
from lakehouse.metrics.values import add_values
from lakehouse.metrics.values_sql import grouped_sql, is_additive
from lakehouse.warehouse.clock import Clock, day
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
    """Brings every table of tables.TYPES up to date, all or none.

    Raises NotComputed when DuckDB can't run a KPI's own SQL on its data.
    """
    known = list(plans)
    try:
        with transaction(connection):
            _build(connection, known)
    except _Failed as failed:
        raise _culprit(connection, failed) from failed.__cause__


def _build(connection: duckdb.DuckDBPyConnection, known: Sequence[KpiPlan]) -> None:
    clock = kpi_clock(connection)
    make_tables(connection)
    if clock is None:
        for table in ("kpi_values", *days.TYPES):
            connection.execute(f"delete from {table}")
        for plan in known:
            _record(connection, plan.kpi, None, None, None, "no rows")
        return
    feeds = {
        feed: arrival_of(connection, feed, clock)
        for feed in dict.fromkeys(feed for plan in known for feed in plan.feeds)
    }
    arrivals = {
        plan.kpi.name: [one for feed in plan.feeds if (one := feeds[feed]) is not None] for plan in known
    }
    asked = [_wanted(connection, plan.kpi, arrivals[plan.kpi.name], clock) for plan in known]
    _compute(connection, asked, clock)
    statuses = _statuses(connection)
    for each in asked:
        lags = [one.lag_days for one in arrivals[each.kpi.name] if one.lag_days is not None]
        status = statuses.get(each.kpi.name, "no rows")
        _record(connection, each.kpi, clock.as_of, max(lags, default=None), each.complete, status)


def _wanted(
    connection: duckdb.DuckDBPyConnection, kpi: Kpi, arrivals: Sequence[Arrival], clock: Clock
) -> Wanted:
    complete = complete_through(arrivals, clock.as_of, kpi.matures_after_days)
    until = max([clock.as_of, *(one.landed_on for one in arrivals)])
    return wanted(connection, kpi, clock, complete, until)


def _compute(connection: duckdb.DuckDBPyConnection, asked: Sequence[Wanted], clock: Clock) -> None:
    """Of KPIs as they were defined before, the periods whose rows changed; of others all. In any doubt, all."""
    before = made_before(connection)
    look_at_days(connection, [one.rows for one in asked])
    same = [
        one
        for one in asked
        if (found := before.get(one.kpi.name)) is not None
        and found[:2] == (one.fingerprint, one.rows.key)
        and found[2] <= clock.as_of
    ]
    kept = {one.kpi.name for one in same}
    kept -= {one.kpi.name for one in refresh_values(connection, same, clock, _naming)}
    connection.execute("delete from kpi_values where not list_contains($1::varchar[], kpi)", [sorted(kept)])
    for group in computed_together(one for one in asked if one.kpi.name not in kept):
        with _naming(group):
            add_values(connection, group, clock)
    remember(connection, asked, clock, kept)


class _Failed(Exception):
    """The SQL of one of the KPIs failed."""

    def __init__(self, group: Sequence[Wanted]) -> None:
        super().__init__()
        self.group = group


@contextmanager
def _naming(group: Sequence[Wanted]) -> Iterator[None]:
    try:
        yield
    except (duckdb.DataError, duckdb.OperationalError) as error:
        raise _Failed(group) from error


def _culprit(connection: duckdb.DuckDBPyConnection, failed: _Failed) -> NotComputed:
    """Which of the KPIs it was, told by its file."""
    kpi, told = failed.group[0].kpi, failed.__cause__
    for one in failed.group if len(failed.group) > 1 else ():
        try:
            for cadence in one.kpi.cadence:
                sql = grouped_sql([one.kpi], cadence, one.rows.happened, day(one.until))
                connection.execute(f"create or replace temp table _tried as {sql}")
        except (duckdb.DataError, duckdb.OperationalError) as error:
            kpi, told = one.kpi, error
            break
        connection.execute("drop table _tried")
    shown = str(told).splitlines()[0]
    return NotComputed(f"{kpi.shown}: expected SQL that runs on the data of {kpi.source}, found {shown}")


def _statuses(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Of KPIs that have rows."""
    found = connection.execute(
        "select kpi, count(*) filter (where is_complete), count(value) filter (where is_complete) from kpi_values "
        "where dimension = '' group by kpi"
    ).fetchall()
    return {
        kpi: ("ok" if values else "no value") if periods else "no complete period"
        for kpi, periods, values in found
    }


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
