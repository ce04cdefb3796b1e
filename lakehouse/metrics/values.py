"""Rows of kpi_values: every period from a segment's first to the last, and whether its data are in.

Not here: the SQL of one KPI (values_sql.py), and how lags are learned (arrival.py).
"""

from __future__ import annotations

from datetime import date

import duckdb

from lakehouse.metrics.days import Wanted
from lakehouse.metrics.definition import Kpi
from lakehouse.metrics.values_sql import counts_from_zero, grouped_sql, period_of
from lakehouse.warehouse.clock import Clock, day

DAYS = {"daily": 1, "weekly": 7}


def add_values(connection: duckdb.DuckDBPyConnection, wanted: Wanted, clock: Clock) -> None:
    """Appends the KPI's rows by every cadence; look_at_days has been at its source."""
    begun = connection.execute("select min(day) from _days where rows_of = $1", [wanted.rows.key]).fetchall()[
        0
    ][0]
    if begun is None:
        return
    for cadence in wanted.kpi.cadence:
        grouped = grouped_sql(wanted.kpi, cadence, wanted.rows.happened, day(wanted.until))
        _add(connection, wanted.kpi, cadence, grouped, clock, begun, wanted.complete)


def _add(
    connection: duckdb.DuckDBPyConnection,
    kpi: Kpi,
    cadence: str,
    grouped: str,
    clock: Clock,
    begun: date,
    complete: date,
) -> None:
    days = DAYS[cadence]
    zero = "0" if counts_from_zero(kpi) else "null"
    # A segment begins with its first period, and from then on a period without it is a period in which it had nothing.
    connection.execute(
        f"""
        insert into kpi_values
        with found as materialized (select * from ({grouped})),
        span as (
            select dimension, segment, min(period_start) as first_period,
                greatest({period_of(day(clock.as_of), cadence)}, (select max(period_start) from found)) as last_period
            from found group by dimension, segment
        ),
        periods as (
            select dimension, segment,
                cast(unnest(generate_series(first_period, last_period, interval {days} day)) as date) as period_start
            from span
        )
        select $1, $2, periods.period_start, periods.dimension, periods.segment,
            case when found.period_start is null then {zero} else found.numerator end,
            found.denominator,
            case when found.period_start is null then {zero} else found.value end,
            coalesce(found.n, 0),
            periods.period_start + {days - 1} <= {day(complete)} and periods.period_start >= {day(begun)}
        from periods left join found using (dimension, segment, period_start)
        order by dimension, segment, period_start
        """,
        [kpi.name, cadence],
    )
