"""What happened, in one sentence: which KPI, where, when, and how far from what was expected.

Not here: why (causes/words.py), and what a page makes of it (reports).
"""

from __future__ import annotations

from datetime import date

from lakehouse.metrics.anomalies.found import TREND, Found
from lakehouse.metrics.values_sql import is_additive


def sentence(found: Found) -> str:
    """Such as: Orders, country Germany: 12 from 3 to 6 May 2026, 91 % below the 140 expected."""
    kpi, series = found.series.kpi, found.series
    named = (
        kpi.label
        if series.is_whole
        else f"{kpi.label}, {series.dimension.replace('_', ' ')} {series.segment}"
    )
    each = (
        "" if is_additive(kpi) or kpi.is_ratio or len(found.periods) < 2 else f" a {_PERIOD[series.cadence]}"
    )
    amount = f"{value(found.actual, kpi.unit)}{each}"
    way = "above" if found.impact > 0 else "below"
    relative = found.relative_impact
    if relative is None:
        apart = f"where {value(found.expected, kpi.unit)} was expected"
    elif abs(relative) >= 2:
        apart = f"{found.actual / found.expected:,.1f} times the {value(found.expected, kpi.unit)} expected"
    else:
        apart = f"{abs(relative):.0%} {way} the {value(found.expected, kpi.unit)} expected"
    if found.methods[0] == TREND:
        return f"{named} went {found.direction} steadily {_when(found)}: {amount}, {apart}."
    still = ", and it may go on" if found.is_open else ""
    return f"{named}: {amount} {_when(found)}, {apart}{still}."


_PERIOD = {"daily": "day", "weekly": "week"}


def value(number: float, unit: str) -> str:
    """Ratios as a percentage; other units rounded to what a reader can hold."""
    if unit == "ratio":
        return f"{number:.1%}" if abs(number) >= 0.01 or number == 0 else f"{number:.2%}"
    if abs(number) >= 100 or number == round(number):
        return f"{number:,.0f}"
    return f"{number:,.3g}"


def _when(found: Found) -> str:
    first, last = found.started_on, found.ended_on
    if first == last:
        return f"on {_day(first)}"
    if (first.year, first.month) == (last.year, last.month):
        return f"from {first.day} to {_day(last)}"
    if first.year == last.year:
        return f"from {first.day} {first:%b} to {_day(last)}"
    return f"from {_day(first)} to {_day(last)}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
