"""Episodes of the watched series: one per trouble, with what was expected, what was found, and the methods that agree.

Belongs here: from p-values to episodes, and their figures. Not here: which of them belong together (parts.py), what they are
worth (money.py), what people said of them (feedback.py), and their words (wording.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from lakehouse.metrics.anomalies.budget import PERIODS_PER_YEAR, alarms, alerts_per_year
from lakehouse.metrics.anomalies.judged import Judged
from lakehouse.metrics.anomalies.series import STEP, Series
from lakehouse.metrics.values_sql import is_additive
from lakehouse.stats.confidence import confidence
from lakehouse.stats.episodes import Episode, episodes
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.surprise import Evidence
from lakehouse.stats.verdicts import verdicts

EXPECTATION, THRESHOLD, TREND = "expectation", "threshold", "trend"
# How many troubles a year are taken for common, in a KPI as a whole and in one segment of it.
TROUBLES_OF_WHOLE, TROUBLES_OF_SEGMENT = 4.0, 1.0
# Periods since its last day after which an episode that nothing has ended is over.
LATELY = {"daily": 7, "weekly": 3}
_FIRST = date(1970, 1, 1)
_DIRECTIONS = {1: "up", -1: "down"}


@dataclass(frozen=True, slots=True)
class Found:
    """One episode of one series, in days. expected, actual: sums over its periods for KPIs that add up, means per period else,
    ratios over all of its events. p_value: of its strongest evidence. stands_alone: whether that is enough by itself, or only
    beside others that stood out at once.
    """

    series: Series
    started_on: date
    detected_on: date
    ended_on: date
    direction: str
    is_open: bool
    methods: tuple[str, ...]
    p_value: float
    confidence: float
    expected: float
    actual: float
    periods: tuple[int, ...]
    stands_alone: bool = True
    name: str | None = None

    @property
    def anomaly(self) -> str:
        """Its name, which stays while it lasts; `name` where it was named before."""
        if self.name is not None:
            return self.name
        # Where a drift began is known the better the longer it lasts; when it was first seen stays.
        since = ("", self.started_on) if self.methods[0] != TREND else (TREND, self.detected_on)
        said = "|".join((*self.series.key, self.direction, since[0], since[1].isoformat()))
        return hashlib.sha256(said.encode()).hexdigest()[:10]

    @property
    def impact(self) -> float:
        return self.actual - self.expected

    @property
    def relative_impact(self) -> float | None:
        """None where the like of it was never expected."""
        share = self.impact / abs(self.expected) if self.expected else None
        return share if share is not None and np.isfinite(share) else None

    @property
    def days(self) -> int:
        return (self.ended_on - self.started_on).days + 1


def find(judged: Judged) -> Iterator[Found]:
    """The episodes of all series of a panel, series by series, each in order of time."""
    panel = judged.panel
    if not panel.series:
        return
    p_values, forced, direction = _with_thresholds(judged)
    level, held = alarms(p_values, alerts_per_year(panel.series), PERIODS_PER_YEAR[panel.cadence])
    held = np.where(forced, np.minimum(held, level[:, None]), held)
    for i in np.flatnonzero((held <= level[:, None]).any(axis=1)):
        values, expected = panel.values[i], judged.expected(int(i))
        expected = replace(expected, is_judged=expected.is_judged | forced[i])
        evidence = Evidence(held[i], direction[i], np.maximum(judged.window[i], 1))
        season = 7 if panel.cadence == "daily" else 1
        agreeing = verdicts(values, season)
        for episode in episodes(values, expected, evidence, float(level[i]), methods=agreeing):
            yield _found(judged, int(i), episode, forced[i], p_values[i], float(level[i]))


def _with_thresholds(judged: Judged) -> tuple[FloatArray, NDArray[np.bool_], NDArray[np.int64]]:
    """P-values, periods of the whole beyond a threshold of the definition, and directions, which those then have."""
    panel = judged.panel
    forced, direction = np.zeros(panel.values.shape, dtype=bool), judged.direction.copy()
    for i, one in enumerate(panel.series):
        bounds = one.kpi.thresholds
        if not one.is_whole:
            continue
        for bound, side in ((bounds.low, -1), (bounds.high, 1)):
            if bound is None:
                continue
            beyond = np.nan_to_num(side * (panel.values[i] - bound), nan=-1.0) > 0
            forced[i] |= beyond
            direction[i] = np.where(beyond, side, direction[i])
    return judged.p_value, forced, direction


def _found(
    judged: Judged,
    i: int,
    episode: Episode,
    forced: NDArray[np.bool_],
    p_values: FloatArray,
    level: float,
) -> Found:
    panel, series = judged.panel, judged.panel.series[i]
    inside = np.arange(episode.start, episode.end + 1)
    is_forced = bool(forced[inside].any())
    # Of its own evidence only, whatever else stood out beside it.
    last = min(max(episode.end, episode.opened) + 1, len(p_values))
    own = p_values[episode.start : last]
    same_side = judged.direction[i, episode.start : last] == episode.direction
    p_value = float(own[same_side].min()) if same_side.any() else 1.0
    opened_by = EXPECTATION if p_value < 1 and not (is_forced and p_value > 0.5) else THRESHOLD
    also = (THRESHOLD,) if is_forced and opened_by != THRESHOLD else ()
    periods = inside[judged.is_judged[i, inside] | forced[inside]]
    expected, actual = figures(judged, i, periods)
    step = timedelta(days=STEP[panel.cadence] - 1)
    return Found(
        series=series,
        started_on=day_of(panel.days[episode.start]),
        detected_on=day_of(panel.days[episode.opened]) + step,
        ended_on=day_of(panel.days[max(episode.end, episode.opened)]) + step,
        direction=_DIRECTIONS[episode.direction],
        is_open=episode.is_open and _is_recent(judged, i, episode),
        methods=(opened_by, *also, *episode.methods),
        p_value=p_value,
        confidence=float(
            confidence([p_value], TROUBLES_OF_WHOLE if series.is_whole else TROUBLES_OF_SEGMENT)[0]
        ),
        expected=expected,
        actual=actual,
        periods=tuple(int(t) for t in periods),
        stands_alone=is_forced or p_value <= level,
    )


def _is_recent(judged: Judged, i: int, episode: Episode) -> bool:
    """Whether it was out of the ordinary lately; a series too thin to be judged since says neither that it goes on nor that it ended."""
    last = int(np.flatnonzero(np.isfinite(judged.panel.values[i]))[-1])
    return max(episode.end, episode.opened) >= last - LATELY[judged.panel.cadence]


def figures(judged: Judged, i: int, periods: NDArray[np.int64]) -> tuple[float, float]:
    """What was expected of these periods together, and what was found."""
    panel, kpi = judged.panel, judged.panel.series[i].kpi
    due, values = judged.center[i, periods], panel.values[i, periods]
    if is_additive(kpi):
        return float(due.sum()), float(values.sum())
    if kpi.is_ratio:
        weights = np.nan_to_num(panel.denominators[i, periods])
        if weights.sum() > 0 and (weights >= 0).all():
            return float(np.average(due, weights=weights)), float(
                np.nansum(panel.numerators[i, periods]) / weights.sum()
            )
    return float(due.mean()), float(values.mean())


def day_of(number: np.int64) -> date:
    return _FIRST + timedelta(days=int(number))
