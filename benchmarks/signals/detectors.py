"""Detectors side by side: what each says of every day of a KPI, with and without one alert per episode.

Belongs here: the methods as people use them, and ours. Not here: scores (scoring.py, nab.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.signals.kpis import DailyKpi
from lakehouse.stats.calendar_effects import day_features
from lakehouse.stats.confidence import level_of_budget
from lakehouse.stats.episodes import Episode, episodes
from lakehouse.stats.expected import Expected, expect
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.outliers import modified_z, trailing_z
from lakehouse.stats.stl import stl
from lakehouse.stats.surprise import Evidence, evidence
from lakehouse.stats.verdicts import seasonal_residuals, trailing_fences

Spans = list[tuple[int, int]]
Detector = Callable[[DailyKpi], Spans]
# Of alerts a year: those of noise come to about half of it, other false ones on top.
BUDGET = 5.0


@dataclass(frozen=True, slots=True)
class Judged:
    """Our expectation, evidence and episodes of one KPI."""

    expected: Expected
    evidence: Evidence
    episodes: tuple[Episode, ...]


def joined(flags: np.ndarray, gap: int = 2) -> Spans:
    """Days that are flagged, as spans [start, end) of days no more than `gap` apart."""
    spans: Spans = []
    for at in np.flatnonzero(flags):
        if spans and at - spans[-1][1] <= gap:
            spans[-1] = (spans[-1][0], int(at) + 1)
        else:
            spans.append((int(at), int(at) + 1))
    return spans


def judged(kpi: DailyKpi, *, knows_promotions: bool, budget: float = BUDGET) -> Judged:
    features = day_features(
        kpi.days,
        holidays=kpi.holidays,
        closed=kpi.closed,
        promotions=kpi.promotions if knows_promotions else None,
    )
    expected = expect(kpi.values, features, grain=kpi.grain)
    found = evidence(expected)
    return Judged(expected, found, episodes(kpi.values, expected, found, level_of_budget(budget)))


def ours(kpi: DailyKpi, *, knows_promotions: bool = True, budget: float = BUDGET) -> Spans:
    found = judged(kpi, knows_promotions=knows_promotions, budget=budget).episodes
    return [(episode.start, episode.end + 1) for episode in found]


def _filled(kpi: DailyKpi) -> FloatArray:
    """Values with gaps carried on from a week before, for methods that know none."""
    values = kpi.values.copy()
    for t in np.flatnonzero(~np.isfinite(values)):
        values[t] = values[t - 7] if t >= 7 else np.nanmedian(kpi.values)
    return values


def rolling_z(kpi: DailyKpi) -> Spans:
    return joined(np.abs(trailing_z(_filled(kpi), 28).scores) > 3)


def fences(kpi: DailyKpi) -> Spans:
    return joined(trailing_fences(_filled(kpi), 28) != 0)


def weekday_z(kpi: DailyKpi) -> Spans:
    values = _filled(kpi)
    flags = np.zeros(len(values), dtype=bool)
    for weekday in range(7):
        flags[weekday::7] = np.abs(trailing_z(values[weekday::7], 8).scores) > 3
    return joined(flags)


def seasonal_mad(kpi: DailyKpi) -> Spans:
    return joined(np.abs(seasonal_residuals(_filled(kpi), 7)) > 3.5)


def robust_stl(kpi: DailyKpi) -> Spans:
    """Residuals of robust STL over the whole history, which looks ahead, by their MAD."""
    return joined(np.abs(modified_z(stl(_filled(kpi), 7, robust=True).rest).scores) > 3.5)


DETECTORS: dict[str, Detector] = {
    "rolling z, 28 days": rolling_z,
    "IQR fences, 28 days": fences,
    "same weekday z": weekday_z,
    "seasonal MAD": seasonal_mad,
    "robust STL (looks ahead)": robust_stl,
    "ours, promotions unknown": lambda kpi: ours(kpi, knows_promotions=False),
    "ours, promotions known": ours,
}
