"""A series made ready: its scale, its first noise, which of its days teach, and which are closed or too thin to be judged.

Belongs here: what is settled before the pass over time. Not here: the pass (learning.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lakehouse.stats.calendar_effects import DayFeatures
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.scales import Scale, scale_of, there

BoolArray = NDArray[np.bool_]

# Periods before a value is judged: four of each weekday, or a quarter of weeks.
WARM_UP = {"daily": 28, "weekly": 13}
# Below so many events a period, expected and found, no period is judged: an empty one comes by chance once in exp(5) = 150.
LEAST_EVENTS = 5.0
# Many more found than that are news, however few were expected. Not fewer: on days of chance plenty alone no series is judged.
NEWS = 4 * LEAST_EVENTS
# A weekday is closed when all but one of its last eight had no business.
ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Start:
    """What one series' first weeks tell. common: events behind a common period, infinite without denominators; level, noise: a
    first level and standard deviation, on the scale; noise_class: the latter's size as a power of two on a logarithmic scale.
    """

    status: str
    scale: Scale
    common: float
    level: float
    noise: float
    noise_class: int

    @classmethod
    def of(
        cls,
        seen: FloatArray,
        volumes: FloatArray | None,
        features: DayFeatures,
        *,
        is_share: bool = False,
        grain: float | None = None,
    ) -> Start:
        """From the values that teach, and the events behind each of them; other arguments as of expected.expect."""
        warm_up = WARM_UP[features.cadence]
        status = "ok"
        if len(seen) == 0:
            status = "no values"
        elif not seen.any():
            status = "all values are zero"
        elif len(seen) <= warm_up:
            status = f"fewer than {warm_up + 1} values"
        if len(seen) == 0:
            return cls(status, scale_of(np.ones(1)), np.inf, 0.0, 0.1, -3)
        # From the first eight weeks, so that later days don't change what was said of earlier ones.
        first = seen[: 2 * warm_up]
        scale = scale_of(first, is_share=is_share, grain=grain, season=features.season)
        common = np.inf if volumes is None else float(np.median(volumes[: 2 * warm_up]))
        used = scale.there(first)
        lag = features.season if len(used) >= 2 * features.season + 7 else 1
        steps = np.diff(used) if lag == 1 else used[lag:] - used[:-lag]
        noise = float(np.median(np.abs(steps))) / 0.6745 / np.sqrt(2) if len(steps) else 0.1
        # A KPI that is steadier than 2 % isn't: it is rounded, or constant so far.
        noise = min(max(noise, 0.02 * scale.reach), 4.0 * scale.reach)
        noise_class = int(np.round(np.log2(noise / scale.reach)))
        return cls(status, scale, common, float(np.median(used[:14])), noise, noise_class)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Series of one calendar on their scales. g: (series, n), values, 0 where they don't teach; is_used: which of them teach;
    extra: the variance of thin days beyond the common day's.
    """

    starts: tuple[Start, ...]
    g: FloatArray
    is_used: BoolArray
    extra: FloatArray

    @classmethod
    def of(
        cls, starts: Sequence[Start], y: FloatArray, is_used: BoolArray, volumes: FloatArray | None
    ) -> Prepared:
        """Periods of the series, (series, n), from any of them on."""
        scales = [one.scale for one in starts]
        # Any number that all scales bear.
        g = np.where(is_used, there(scales, np.where(is_used, y, 0.5)), 0.0)
        extra = np.zeros(y.shape)
        if volumes is not None:
            common = np.array([one.common for one in starts])[:, None]
            # Of an angle 1/4 per event; of a logarithm of a mean about 1, as of amounts that are exponential.
            per_event = np.array([0.25 if one.kind == "angle" else 1.0 for one in scales])[:, None]
            extra = np.where(is_used, per_event * (1 / np.where(is_used, volumes, 1.0) - 1 / common), 0.0)
        return cls(tuple(starts), g, is_used, extra)

    def of_rows(self, rows: NDArray[np.intp]) -> Prepared:
        """Some of the series."""
        starts = tuple(self.starts[i] for i in rows)
        return Prepared(starts, self.g[rows], self.is_used[rows], self.extra[rows])


def is_settled(is_used: BoolArray, starts: Sequence[Start], features: DayFeatures) -> BoolArray:
    """Series of whose first weeks nothing is left to learn, by which periods teach so far; (series,)."""
    enough = is_used.sum(axis=1) >= 2 * WARM_UP[features.cadence]
    # Which weekdays are closed in the first weeks is told after them.
    knows_weekdays = features.season == 1 or is_used.shape[1] > features.season * ROUNDS
    return np.asarray(enough & knows_weekdays & np.array([one.status == "ok" for one in starts], dtype=bool))


def shut_weekdays(y: FloatArray, is_there: BoolArray, season: int) -> BoolArray:
    """Weekdays on which, of the eight before, all but one were without any business, while others weren't."""
    shut = np.zeros(y.shape, dtype=bool)
    if season == 1 or y.shape[1] <= season * ROUNDS:
        return shut
    empty = ~is_there | (np.nan_to_num(y) == 0)
    counts = np.cumsum(np.pad(empty, ((0, 0), (1, 0))), axis=1)
    span = season * ROUNDS
    all_empty = (counts[:, span:-1] - counts[:, : -span - 1]) / span
    of_weekday = sum(empty[:, span - season * k : -season * k].astype(int) for k in range(1, ROUNDS + 1))
    shut[:, span:] = (of_weekday >= ROUNDS - 1) & (all_empty < 0.5)
    # The first weeks have no past of their own to tell by.
    first = np.zeros((len(y), season), dtype=bool)
    for weekday in range(season):
        first[:, weekday] = empty[:, weekday:span:season].sum(axis=1) >= ROUNDS - 1
    first &= (empty[:, :span].mean(axis=1) < 0.5)[:, None]
    shut[:, :span] = np.tile(first, ROUNDS)
    return shut


def is_thin(
    y: FloatArray,
    center: FloatArray,
    volumes: FloatArray | None,
    starts: Sequence[Start],
    *,
    is_share: BoolArray,
) -> BoolArray:
    """Periods with too few events to be judged, expected or found; y: (series, n), is_share: (series,)."""
    found = np.nan_to_num(y)
    if volumes is not None:
        # A share is as thin as the rarer of its two outcomes, or both ways of being far from it.
        rarer, gone = np.minimum(center, 1 - center), np.maximum(found - center, center - found)
        part = np.where(is_share[:, None], np.maximum(rarer, 0.0), 1.0)
        apart = np.where(is_share[:, None], np.maximum(gone, 0.0), 0.0)
        counted = np.nan_to_num(volumes)
        return np.asarray((counted * part < LEAST_EVENTS) & (counted * apart < NEWS))
    grains = np.array([one.scale.grain for one in starts], dtype=np.float64)[:, None]
    return np.asarray(
        (grains > 0) & (np.abs(center) < LEAST_EVENTS * grains) & (np.abs(found) < NEWS * grains)
    )
