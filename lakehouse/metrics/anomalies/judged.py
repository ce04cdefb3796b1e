"""What each watched series should have been, and how far its periods stand out.

Belongs here: expectations and evidence of a panel's series, by calendar. Not here: the statistics (stats/expected.py,
stats/surprise.py), and what is made of them (found.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lakehouse.metrics.anomalies.memo import judged
from lakehouse.metrics.anomalies.series import Panel, Series, grain, is_share
from lakehouse.metrics.definition import Cadence
from lakehouse.stats.calendar_effects import DayFeatures
from lakehouse.stats.expected import Expected
from lakehouse.stats.guards import FloatArray


@dataclass(frozen=True, slots=True)
class Judged:
    """A panel of watched series with what was expected of them; all arrays (series, n)."""

    panel: Panel
    center: FloatArray
    low: FloatArray
    high: FloatArray
    surprise: FloatArray
    p_value: FloatArray
    direction: NDArray[np.int64]
    window: NDArray[np.int64]
    is_judged: NDArray[np.bool_]
    status: tuple[str, ...]

    def expected(self, i: int) -> Expected:
        """Of one series, as stats/episodes.py reads it."""
        surprise = self.surprise[i]
        return Expected(
            (self.status[i],), self.center[i], self.low[i], self.high[i], surprise, np.ones_like(surprise),
            np.zeros_like(surprise), np.zeros_like(self.is_judged[i]), self.is_judged[i], (),
        )  # fmt: skip


class Days(Protocol):
    """What the calendar says of a series' periods; equal keys mean equal calendars."""

    @property
    def key(self) -> Hashable: ...

    def features(self, days: NDArray[np.int64], cadence: Cadence) -> DayFeatures: ...


def judge(panel: Panel, calendar: Callable[[Series], Days], cache: Path | None = None) -> Judged:
    """Expectation and evidence of every watched series of a panel, from the periods before each.

    cache: where what the next run may go on from is kept; the outcome doesn't hang on it.
    """
    panel = panel.of(panel.watched)
    shape = panel.values.shape
    center, low, high, surprise = (np.zeros(shape) for _ in range(4))
    p_value, is_judged = np.ones(shape), np.zeros(shape, dtype=bool)
    direction, window = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    status = [one.status for one in panel.series]
    # Ratios rest on the events that each value averages, amounts don't.
    groups: dict[Hashable, list[int]] = defaultdict(list)
    calendars = [calendar(one) for one in panel.series]
    for i, one in enumerate(panel.series):
        groups[calendars[i].key, one.kpi.is_ratio].append(i)
    for at in groups.values():
        series = [panel.series[i] for i in at]
        expected, found = judged(
            panel.judged[at],
            calendars[at[0]].features(panel.days, panel.cadence),
            denominators=panel.rows[at] if series[0].kpi.is_ratio else None,
            is_share=[is_share(one.kpi) for one in series],
            grain=[grain(one.kpi, panel.judged[i], panel.rows[i]) for i, one in zip(at, series, strict=True)],
            cadence=panel.cadence,
            cache=cache,
        )
        center[at], low[at], high[at] = expected.center, expected.low, expected.high
        surprise[at], is_judged[at] = expected.surprise, expected.is_judged
        p_value[at], direction[at], window[at] = found.p_value, found.direction, found.window
        for i, told in zip(at, expected.status, strict=True):
            status[i] = told
    return Judged(
        panel, center, low, high, surprise, p_value, direction, window, is_judged, tuple(status)
    )  # fmt: skip
