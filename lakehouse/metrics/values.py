"""Rows of kpi_values: every period from a segment's first to the last, and whether its data are in.

Not here: the SQL of one KPI (values_sql.py), and how lags are learned (arrival.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb

from lakehouse.metrics.days import Wanted
from lakehouse.metrics.definition import CADENCES
from lakehouse.metrics.values_sql import counts_from_zero, grouped_sql, period_of
from lakehouse.sql_text import literal
from lakehouse.warehouse.clock import Clock, day

DAYS = {"daily": 1, "weekly": 7}


def add_values(connection: duckdb.DuckDBPyConnection, group: Sequence[Wanted], clock: Clock) -> None:
    """Appends the rows of KPIs that are grouped alike; look_at_days has been at their source."""
    first = group[0]
    begun = connection.execute("select min(day) from _days where rows_of = $1", [first.rows.key]).fetchall()[
        0
    ][0]
    if begun is None:
        return
    for cadence in CADENCES:
        kpis = [one.kpi for one in group if cadence in one.kpi.cadence]
        if kpis:
            said = ", ".join(
                f"({literal(one.kpi.name)}, {day(one.complete)}, {counts_from_zero(one.kpi)})"
                for one in group
            )
            grouped = grouped_sql(kpis, cadence, first.rows.happened, day(first.until))
            _add(connection, cadence, grouped, said, clock, begun)


def _add(
    connection: duckdb.DuckDBPyConnection, cadence: str, grouped: str, said: str, clock: Clock, begun: date
) -> None:
    days = DAYS[cadence]
    # A segment begins with its first period, and from then on a period without it is a period in which it had nothing.
    connection.execute(
        f"""
        insert into kpi_values
        with found as materialized (select * from ({grouped})),
        known as (from (values {said}) kpis(kpi, complete, from_zero)),
        ends as (
            select kpi, greatest({period_of(day(clock.as_of), cadence)}, max(period_start)) as last_period
            from found group by kpi
        ),
        span as (
            select kpi, dimension, segment, min(period_start) as first_period from found group by all
        ),
        periods as (
            select kpi, dimension, segment,
                cast(unnest(generate_series(first_period, last_period, interval {days} day)) as date) as period_start
            from span join ends using (kpi)
        )
        select kpi, $1, period_start, dimension, segment,
            case when found.n is null then case when from_zero then 0 end else found.numerator end,
            found.denominator,
            case when found.n is null then case when from_zero then 0 end else found.value end,
            coalesce(found.n, 0),
            period_start + {days - 1} <= complete and period_start >= {day(begun)}
        from periods join known using (kpi) left join found using (kpi, dimension, segment, period_start)
        order by kpi, dimension, segment, period_start
        """,
        [cadence],
    )
