"""From units to days, and from what has been measured so far to what is still missing.

Belongs here: the duration of a plan under daily traffic, and power in the middle of an experiment. Not here:
sizes before an experiment (power.py), and stopping early (sequential.py, group_sequential.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lakehouse.stats.guards import Alternative, count, finite, finite_array, level, positive
from lakehouse.stats.power import distance_for, power_at


@dataclass(frozen=True, slots=True)
class Duration:
    """Days until enough units have come, and the same in whole weeks."""

    days: int
    whole_weeks: int


@dataclass(frozen=True, slots=True)
class CurrentPower:
    """Power with the units so far, and how many more of them are missing.

    detectable_effect: what the units so far find with the power aimed at. additional_units: 0 when power
    suffices; additional_share: the same as a share of the units so far.
    """

    power: float
    detectable_effect: float
    additional_units: int
    additional_share: float


def duration(units: float, daily_units: ArrayLike, allocation: float = 1.0) -> Duration:
    """Days until so many units have entered the experiment.

    units: of all arms together. daily_units: units that are seen for the first time per day: one number, or
    one per day of a pattern (a week, say) that repeats. allocation: share of them that enters the experiment,
    above 0 up to 1.
    Raises ValueError for less than 1 unit, negative or no traffic at all, or an allocation outside (0, 1].

    >>> duration(7678, 1000)
    Duration(days=8, whole_weeks=2)
    >>> duration(7678, [1500, 1000, 1000, 1000, 1000, 500, 500], allocation=0.5).days
    16
    """
    needed = count("units", units, 1)
    if not 0 < allocation <= 1:
        raise ValueError(f"allocation: expected a number above 0 up to 1, found {allocation}")
    pattern = (
        finite_array("daily_units", np.atleast_1d(np.asarray(daily_units, dtype=np.float64))) * allocation
    )
    if pattern.min() < 0 or not pattern.sum() > 0:
        raise ValueError(f"daily_units: expected numbers from 0, some above, found {pattern.tolist()}")
    cumulative = np.cumsum(pattern)
    cycles = max(0, math.ceil(needed / cumulative[-1]) - 1)
    left = needed - cycles * cumulative[-1]
    # A share of rounding must not cost a day.
    days = cycles * len(pattern) + int(np.searchsorted(cumulative, left * (1 - 1e-12))) + 1
    return Duration(days, math.ceil(days / 7))


def current_power(
    standard_error: float,
    minimum_effect: float,
    units: int,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    alternative: Alternative = "two-sided",
) -> CurrentPower:
    """Power to find the minimum effect of interest with the units so far, and the units still missing.

    standard_error: of the effect as measured now, on any scale (absolute, relative, CUPED); it is taken to
    shrink with the root of the units. minimum_effect: on the same scale; its sign doesn't matter. units: so
    far, all arms together. Looking at power is no look at the effect: it costs no alpha.
    Raises ValueError for a standard error or minimum effect of 0, or a power not above alpha.
    Source: Chow, Shao & Wang (2008), Sample Size Calculations in Clinical Research, 2nd ed.

    >>> now = current_power(0.0918, 0.05, 1000)
    >>> round(now.power, 3), now.additional_units
    (0.085, 25458)
    """
    error = positive("standard_error", standard_error)
    effect = positive("|minimum_effect|", abs(minimum_effect))
    seen = count("units", units, 1)
    needed = distance_for(level("alpha", alpha), power, alternative)
    distance = effect / error
    ratio = needed * (error / effect)
    share = max(0.0, ratio * ratio - 1)
    missing = math.ceil(finite("units still missing", share * seen))
    return CurrentPower(
        power=power_at(distance if alternative != "less" else -distance, alpha, alternative),
        detectable_effect=finite("detectable effect", needed * error),
        additional_units=missing,
        additional_share=share,
    )
