"""Why a KPI changed: its leaves of a period beside those of another, or beside what the weeks before make usual.

Belongs here: what is compared with what, and what that can't tell. Not here: reading leaves (leaf_sql.py), what is usual
(baseline.py), the search (attribution.py), factors (kpi_factors.py).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import duckdb
import numpy as np

from lakehouse.metrics.causes.baseline import LEAST_WEEKS, WEEKS, Weeks, days_of_weeks, weeks_before
from lakehouse.metrics.causes.compared import ratio_explained, sums_explained
from lakehouse.metrics.causes.explanation import Explanation, Verdict
from lakehouse.metrics.causes.kpi_factors import NONE, Factors, factors_of
from lakehouse.metrics.causes.leaf_sql import KpiLeaves, counts_distinct, read_kpi_leaves, why_no_leaves
from lakehouse.metrics.definition import Cadence, Kpi
from lakehouse.stats.guards import FloatArray
from lakehouse.warehouse.clock import Clock

Days = tuple[date, date]
Searched = Literal[Verdict, "not searched"]
TWICE = "Leaves are counted by themselves: who is in two segments counts in both."


@dataclass(frozen=True, slots=True)
class KpiExplanation:
    """Why a KPI changed, as far as its segments and factors tell.

    period: first and last day. within: the dimension and segment that is looked into; None for the whole. compared_with:
    in words, what the period was held against. verdict, reason: the explanation's, or "not searched" and why. factors: what
    each factor added, summing to the change of the KPI; empty when it has none. notes: what a reader has to know beside.
    """

    kpi: str
    period: Days
    within: tuple[str, str] | None
    compared_with: str
    verdict: Searched
    reason: str
    explanation: Explanation | None = None
    factors: Factors = NONE
    notes: tuple[str, ...] = ()


def explain_periods(
    connection: duckdb.DuckDBPyConnection,
    kpi: Kpi,
    clock: Clock,
    *,
    period: Days,
    against: Days | None = None,
    within: tuple[str, str] | None = None,
    expected: float | None = None,
    besides: Collection[date] = (),
    cadence: Cadence = "daily",
) -> KpiExplanation:
    """Explains a KPI's change in a period, both days included.

    against: the period compared with; None for what the 8 weeks before make usual. Only then count the others: expected,
    what the whole (or the segment of `within`) should have been, of additive KPIs the sum of the days, else the mean of
    days or weeks; besides, days of the weeks before that are no measure; cadence, by which distinct counts are taken.
    Raises ValueError for days in the wrong order and periods that overlap.
    """
    for name, days in (("period", period), ("against", against)):
        if days is not None and days[0] > days[1]:
            raise ValueError(f"{name}: expected the first day before the last, found {days[0]} to {days[1]}")
    if against is not None and period[0] <= against[1] and against[0] <= period[1]:
        raise ValueError(
            f"against: expected a period apart from {span(period)}, found {span(against)}: they share days"
        )
    if against is not None:
        return _against(connection, kpi, clock, period, against, within)
    leaves = None
    if why_no_leaves(kpi, within[0] if within else None) is None:
        step = "week" if cadence == "weekly" and counts_distinct(kpi) else "day"
        reach = (period[0] - timedelta(days=7 * WEEKS), period[1])
        leaves = read_kpi_leaves(connection, kpi, clock, [reach], step=step)
    found = against_weeks(
        kpi, leaves, period, within=within, expected=expected, besides=besides, cadence=cadence
    )
    usual = days_of_weeks(*period, begun=leaves.begun if leaves else None, besides=besides)
    now = dict.fromkeys(days_in(period), 1.0)
    factors = factors_of(connection, kpi, usual, now, within=within, expected=expected)
    return replace(found, factors=factors)


def days_in(days: Days) -> list[date]:
    return [days[0] + timedelta(days=number) for number in range(1 + (days[1] - days[0]).days)]


def span(days: Days) -> str:
    """Days in words."""
    return f"{days[0]}" if days[0] == days[1] else f"{days[0]} to {days[1]}"


def against_weeks(
    kpi: Kpi,
    leaves: KpiLeaves | None,
    period: Days,
    *,
    within: tuple[str, str] | None = None,
    expected: float | None = None,
    besides: Collection[date] = (),
    cadence: Cadence = "daily",
) -> KpiExplanation:
    """A period beside the weeks before, from leaves that reach back so far; its arguments as those of explain_periods."""
    dimension = within[0] if within else None
    compared = f"the same weekdays of the {WEEKS} weeks before"
    why = why_no_leaves(kpi, dimension)
    if why is not None or leaves is None:
        return KpiExplanation(
            kpi.name, period, within, compared, "not searched", _not_searched(why or "no leaves")
        )
    leaves = leaves.between(period[0] - timedelta(days=7 * WEEKS), period[1])
    overlap = _overlap(leaves)
    if within is not None:
        leaves, overlap = leaves.within(*within), None
    is_weekly = cadence == "weekly" and counts_distinct(kpi)
    weeks = weeks_before(leaves, *period, besides=besides, is_weekly=is_weekly)
    compared = _weeks_in_words(weeks)
    notes = _notes(kpi, leaves)
    if len(weeks) < LEAST_WEEKS:
        told = f"expected at least {LEAST_WEEKS} weeks of data before {period[0]}, found {len(weeks)}"
        return KpiExplanation(
            kpi.name, period, within, compared, "not searched", _not_searched(told), notes=notes
        )
    top, bottom = _amounts(leaves, *period)
    periods = 1.0
    if counts_distinct(kpi) and kpi.value is not None:
        # Not a sum but the mean of days, or weeks: nobody knows how many were there on several of them.
        periods = math.ceil((1 + (period[1] - period[0]).days) / (7 if is_weekly else 1))
    if weeks.bottom is not None and bottom is not None:
        columns = (weeks.top.sum(axis=1), weeks.bottom.sum(axis=1), top, bottom)
        explained = ratio_explained(leaves, *columns, weeks)
    else:
        before = weeks.top.mean(axis=1)
        should = None if expected is None else expected * periods * (overlap or 1.0)
        explained = sums_explained(leaves, before, top, weeks.top, should, periods, unit=_unit(kpi))
    return _told(kpi, period, within, compared, explained, notes)


def _against(
    connection: duckdb.DuckDBPyConnection,
    kpi: Kpi,
    clock: Clock,
    period: Days,
    against: Days,
    within: tuple[str, str] | None,
) -> KpiExplanation:
    lengths = [1 + (last - first).days for first, last in (against, period)]
    compared = span(against)
    if lengths[0] != lengths[1]:
        compared += (
            f", {lengths[0]} days put on {lengths[1]}"
            if kpi.value is not None
            else f", {lengths[0]} days beside {lengths[1]}"
        )
    put = dict.fromkeys(days_in(against), lengths[1] / lengths[0])
    factors = factors_of(connection, kpi, put, dict.fromkeys(days_in(period), 1.0), within=within)
    why = why_no_leaves(kpi, within[0] if within else None)
    distinct = counts_distinct(kpi)
    if why is None and distinct and lengths[0] != lengths[1]:
        why = f"distinct counts of {lengths[0]} and {lengths[1]} days can't be compared; take periods of one length"
    if why is not None:
        return KpiExplanation(
            kpi.name, period, within, compared, "not searched", _not_searched(why), factors=factors
        )
    history = None
    if distinct:
        leaves = read_kpi_leaves(connection, kpi, clock, [against, period], step="span")
    else:
        earliest = min(period, against)
        usual = (earliest[0] - timedelta(days=7 * WEEKS), earliest[0] - timedelta(days=1))
        leaves = read_kpi_leaves(connection, kpi, clock, [usual, against, period])
        if kpi.value is not None:
            history = earliest[0]
    if within is not None:
        leaves = leaves.within(*within)
    notes = _notes(kpi, leaves)
    before, after = _amounts(leaves, *against), _amounts(leaves, *period)
    if before[1] is not None and after[1] is not None:
        explained = ratio_explained(leaves, before[0], before[1], after[0], after[1])
    else:
        scale = lengths[1] / lengths[0]
        weeks = (
            weeks_before(leaves, *period, before=history).top if history else np.zeros((len(before[0]), 0))
        )
        # The period compared with is as noisy as the period itself.
        explained = sums_explained(
            leaves,
            before[0] * scale,
            after[0],
            weeks,
            None,
            1.0,
            unit=_unit(kpi),
            widened=math.sqrt(1 + scale),
        )
    return replace(_told(kpi, period, within, compared, explained, notes), factors=factors)


def _told(
    kpi: Kpi,
    period: Days,
    within: tuple[str, str] | None,
    compared: str,
    explained: Explanation | str,
    notes: tuple[str, ...],
) -> KpiExplanation:
    if isinstance(explained, str):
        return KpiExplanation(
            kpi.name, period, within, compared, "not searched", _not_searched(explained), notes=notes
        )
    return KpiExplanation(
        kpi.name, period, within, compared, explained.verdict, explained.reason, explained, notes=notes
    )


def _amounts(leaves: KpiLeaves, first: date, last: date) -> tuple[FloatArray, FloatArray | None]:
    """Numerators and denominators of all leaves in a period."""
    part, count = leaves.between(first, last), len(leaves.segments)

    def summed(amounts: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(part.leaf, amounts, count), dtype=np.float64)

    return summed(part.top), None if part.bottom is None else summed(part.bottom)


def _overlap(leaves: KpiLeaves) -> float | None:
    """How many times leaves count somebody of the whole; None where they count nobody twice."""
    whole = math.fsum(leaves.whole.get(one, 0.0) for one in np.unique(leaves.period).tolist())
    return math.fsum(leaves.top) / whole if leaves.whole and whole > 0 else None


def _weeks_in_words(weeks: Weeks) -> str:
    out = f", {weeks.left_out} of them left out as out of the ordinary" if weeks.left_out else ""
    all_out = ", ordinary or not, as hardly any is" if weeks.are_all else ""
    return f"the same weekdays of the {len(weeks) + weeks.left_out} weeks before{out}{all_out}"


def _notes(kpi: Kpi, leaves: KpiLeaves) -> tuple[str, ...]:
    notes = [TWICE] if counts_distinct(kpi) else []
    if leaves.merged:
        notes.append("There are so many segments that rare ones were put together as (other).")
    return tuple(notes)


def _unit(kpi: Kpi) -> str:
    """The unit as a word after a number, where it is one: orders, customers, EUR."""
    return "" if " " in kpi.unit or kpi.is_ratio else kpi.unit


def _not_searched(why: str) -> str:
    return f"Not searched: {why}."
