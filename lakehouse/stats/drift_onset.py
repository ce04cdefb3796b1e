"""Where a drift began, how steep it is and which level it left: a level line with a bend, for many windows at once.

Belongs here: such fits. Not here: whether there is a drift (drift.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lakehouse.stats.drift_past import median_of
from lakehouse.stats.guards import FloatArray

# Weeks before the window that show the level; and so many weeks at least are before the bend and behind it.
LEVEL_WEEKS, ENDS = 13, 3
# Fits at a time, so that pairs of weeks stay within some megabytes.
CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Onset:
    """Of each window: position of its first drifting week, slope per week behind it, level before it."""

    start: NDArray[np.int64]
    slope: FloatArray
    level: FloatArray


def onsets(
    x: FloatArray, rows: NDArray[np.int64], ends: NDArray[np.int64], size: int, trend: FloatArray
) -> Onset:
    """The least squares fit of a level and a bend to the last `size` weeks and the LEVEL_WEEKS before; slopes are Sen's.

    x: (series, n), NaN for gaps; rows, ends: (m,), which series and which last week; trend: (m,), per week, taken out first.
    """
    found = Onset(np.zeros(len(rows), np.int64), np.zeros(len(rows)), np.zeros(len(rows)))
    width = size + LEVEL_WEEKS
    padded = np.pad(x, ((0, 0), (width - 1, 0)), constant_values=np.nan)
    for first in range(0, len(rows), CHUNK):
        part = slice(first, first + CHUNK)
        at = ends[part, None] + np.arange(1 - width, 1)
        values = padded[rows[part, None], at + width - 1] - trend[part, None] * at
        bend, level = _bend(values)
        found.start[part] = np.maximum(ends[part] - width + 1 + bend, 0)
        found.level[part] = level
        found.slope[part] = _slope(values[:, -size:], np.maximum(bend - LEVEL_WEEKS, 0))
    return found


def _bend(values: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """The first position of the best slope behind a level, and the level; values: (m, width)."""
    width = values.shape[1]
    is_there = np.isfinite(values)
    n = np.maximum(is_there.sum(axis=1), 1)
    mean = np.where(is_there, values, 0.0).sum(axis=1) / n
    y = np.where(is_there, values - mean[:, None], 0.0)
    bend, best, level = np.full(len(values), ENDS), np.full(len(values), -1.0), mean.copy()
    for start in range(ENDS, width - ENDS + 1):
        ramp = np.maximum(np.arange(width) - start + 1.0, 0.0)
        of_ramp = is_there @ ramp / n
        square = is_there @ ramp**2 - n * of_ramp**2
        product = y @ ramp
        slope = product / np.maximum(square, 1e-12)
        saved = slope * product
        better = saved > best
        bend[better], best[better] = start, saved[better]
        level[better] = (mean - slope * of_ramp)[better]
    return bend, level


def _slope(values: FloatArray, start: NDArray[np.int64]) -> FloatArray:
    """The median of the slopes between all weeks from `start` on."""
    first, second = np.triu_indices(values.shape[1], 1)
    slopes = (values[:, second] - values[:, first]) / (second - first)
    # The week before the first that moved still shows the level.
    slopes[first < start[:, None] - 1] = np.nan
    return median_of(slopes)
