"""What the published copy tells of KPIs, for the command line and reports.

Belongs here: reading the tables of KPIs. Not here: what they look like (display_metrics.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

# As many periods as fit a screen: two weeks of days, a quarter of weeks.
LATEST = 14


@dataclass(frozen=True, slots=True)
class Status:
    """One KPI as it was last published."""

    kpi: str
    status: str
    as_of_date: date | None
    lag_days: int | None
    complete_through: date | None


@dataclass(frozen=True, slots=True)
class Period:
    """One period of the whole or of one segment, and its changes by comparison; None where there is none."""

    period_start: date
    segment: str
    numerator: str | None
    denominator: str | None
    value: float | None
    n: int
    is_complete: bool
    week_change: float | None
    month_change: float | None
    year_change: float | None


_SHOWN = """
with changes as (
    select period_start, segment, comparison, relative_change from kpi_changes
    where kpi = $1 and cadence = $2 and dimension = $3
)
select found.period_start, found.segment, found.numerator::varchar, found.denominator::varchar, found.value, found.n,
    found.is_complete, week.relative_change, month.relative_change, year.relative_change
from kpi_values as found
left join changes as week on week.period_start = found.period_start and week.segment = found.segment
    and week.comparison = 'WoW'
left join changes as month on month.period_start = found.period_start and month.segment = found.segment
    and month.comparison = 'MoM'
left join changes as year on year.period_start = found.period_start and year.segment = found.segment
    and year.comparison = 'YoY'
where found.kpi = $1 and found.cadence = $2 and found.dimension = $3 and found.period_start >= $4
order by found.period_start, found.n desc, found.segment
"""


def statuses(connection: duckdb.DuckDBPyConnection) -> dict[str, Status]:
    rows = connection.execute(
        "select kpi, status, as_of_date, lag_days, complete_through from kpi_definitions order by kpi"
    ).fetchall()
    return {row[0]: Status(*row) for row in rows}


def first_shown(connection: duckdb.DuckDBPyConnection, kpi: str, cadence: str, dimension: str) -> date | None:
    """Where a look at the latest periods begins: of segments the last complete one; None without any row."""
    periods = 1 if dimension else LATEST
    found: Sequence[tuple[Any, ...]] = connection.execute(
        "select distinct period_start, is_complete from kpi_values where kpi = $1 and cadence = $2 and dimension = $3 "
        "order by period_start desc",
        [kpi, cadence, dimension],
    ).fetchall()
    judged = [start for start, is_complete in found if is_complete] or [start for start, _ in found]
    return judged[min(periods, len(judged)) - 1] if judged else None


def periods_of(
    connection: duckdb.DuckDBPyConnection, kpi: str, cadence: str, dimension: str, since: date
) -> list[Period]:
    """Periods from `since` on, the earliest first; of each period the largest segments first. dimension '': the whole."""
    rows = connection.execute(_SHOWN, [kpi, cadence, dimension, since]).fetchall()
    return [Period(*row) for row in rows]
