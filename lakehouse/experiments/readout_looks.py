"""Results that are looked at before the end: the interval and the p-value that stay true in spite of it.

Belongs here: confidence sequences over the days so far, and group-sequential plans with their calendar of looks.
Not here: the comparison at the end (readout_compare.py) and which of the p-values decides (readout_metric.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lakehouse.experiments.readout_sums import NoReadout, Sums
from lakehouse.stats.group_sequential import readout, spending_design
from lakehouse.stats.means import difference
from lakehouse.stats.sequential import ConfidenceSequence, confidence_sequence, running_intersection
from lakehouse.stats.spending import SpendingFamily

# Units, both arms together, at which a confidence sequence is tightest when nothing was planned: any number is valid.
EXPECTED_UNITS = 10_000
# Below so many units in either arm the normal approximation of a single day's look isn't trusted.
LEAST_UNITS = 100


@dataclass(frozen=True, slots=True)
class DayOfSums:
    """Everything known by the end of that day, of one metric in variant and control."""

    day: date
    treatment: Sums
    control: Sums


@dataclass(frozen=True, slots=True)
class Looked:
    """An interval and a p-value that hold at every look; bounds are None before the first look may say anything."""

    method: str
    low: float | None
    high: float | None
    p_value: float
    looks: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """An effect and its standard error from so many units, variant and control together."""

    effect: float
    standard_error: float
    units: int


def any_time(
    days: Sequence[DayOfSums],
    now: Estimate | None,
    *,
    is_ratio: bool,
    alpha: float = 0.05,
    expected_units: float | None = None,
) -> Looked | None:
    """The confidence sequence: what all days' looks say together; without days, the look of now alone.

    Days are sums by units. None before either arm has LEAST_UNITS, or anything varies.
    """
    estimates = [
        found for found in (estimate_of(day, is_ratio=is_ratio) for day in days) if found is not None
    ]
    if not estimates and now is not None and not days:
        estimates = [now]
    if not estimates:
        return None
    looks = [_sequence(at, alpha, expected_units or EXPECTED_UNITS) for at in estimates]
    try:
        found = running_intersection(looks)
    except ValueError:
        # The effect has changed over time: only the latest look speaks of all of it.
        found = looks[-1]
    return Looked("confidence sequence", found.low, found.high, found.p_value, len(looks))


def any_time_p(at: Estimate, alpha: float, expected_units: float | None = None) -> float:
    """The p-value of one look that holds however often one looks."""
    return _sequence(at, alpha, expected_units or EXPECTED_UNITS).p_value


def look_days(first: date, last: date, looks: int) -> list[date]:
    """The last days before each look: evenly over the days from first to last, both included.

    >>> [day.day for day in look_days(date(2026, 3, 1), date(2026, 3, 10), 3)]
    [3, 7, 10]
    """
    days = (last - first).days + 1
    count = max(1, min(looks, days))
    return [first + timedelta(days=math.floor(days * at / count + 0.5) - 1) for at in range(1, count + 1)]


def planned_looks(
    days: Mapping[date, DayOfSums],
    calendar: Sequence[date],
    as_of: date,
    *,
    is_ratio: bool,
    family: SpendingFamily = "obrien_fleming",
    parameter: float | None = None,
    alpha: float = 0.05,
    planned_units: float | None = None,
) -> Looked | None:
    """The group-sequential readout at the last look that was due; None before the first one with enough units.

    calendar: days of the looks. Information is the share of the planned units, or without a plan of the calendar
    that has passed; the last look spends what is left of alpha.
    """
    fractions: list[float] = []
    taken: list[Estimate] = []
    for number, due in enumerate(calendar, start=1):
        known = [day for day in days if day <= due]
        found = estimate_of(days[max(known)], is_ratio=is_ratio) if due <= as_of and known else None
        if found is None:
            continue
        is_last = number == len(calendar)
        share = found.units / planned_units if planned_units else number / len(calendar)
        fraction = max(1.0, share) if is_last else share
        if fractions and fraction <= fractions[-1]:
            continue
        fractions.append(fraction)
        taken.append(found)
        if fraction >= 1:
            break
    if not taken:
        return None
    design = spending_design(family, fractions, alpha, parameter=parameter)
    reads = [readout(design, look, at.effect, at.standard_error) for look, at in enumerate(taken, start=1)]
    last = reads[-1]
    return Looked(
        method=f"{design.method}, {len(taken)} of {len(calendar)} looks",
        low=_bounded(last.low),
        high=_bounded(last.high),
        p_value=min(read.p_value for read in reads),
        looks=len(taken),
    )


def estimate_of(day: DayOfSums, *, is_ratio: bool) -> Estimate | None:
    """The effect known by a day; None while an arm is small or nothing varies."""
    if min(day.treatment.n, day.control.n) < LEAST_UNITS:
        return None
    try:
        arms = day.treatment.arm(is_ratio=is_ratio), day.control.arm(is_ratio=is_ratio)
        effect = difference(arms[0], arms[1], reference="normal")
    except (NoReadout, ValueError):
        return None
    return Estimate(effect.estimate, effect.standard_error, day.treatment.n + day.control.n)


def _sequence(at: Estimate, alpha: float, expected_units: float) -> ConfidenceSequence:
    return confidence_sequence(at.effect, at.standard_error, at.units, expected_n=expected_units, alpha=alpha)


def _bounded(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None
