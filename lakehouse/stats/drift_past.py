"""What the weeks before a window say of it: their trend, their level, and how alike neighbours are.

Belongs here: such estimates, for many series at once, every few weeks. Not here: the window (drift.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lakehouse.stats.guards import FloatArray

# Two years at most are looked at, anew every four weeks; the level is that of the last half year.
MEMORY, REFIT, LEVEL = 104, 4, 26
# With fewer values nothing is read from them.
LEAST = 8
# A slope of half a year may be a season's, and isn't believed; one of a year is.
DOUBTED, BELIEVED = 26, 52
# Neighbours of a series that says little yet are taken to be alike by 0.3; its own weeks count as so many.
PRIOR_PHI, PRIOR_WORTH = 0.3, 20.0


@dataclass(frozen=True, slots=True)
class Past:
    """At every REFIT-th position, from the values before it; all (series, positions).

    slope: per step, as far as it is believed; level: of values less slope times position; phi: correlation of neighbours once
    the slope is out; seen: values there.
    """

    slope: FloatArray
    level: FloatArray
    phi: FloatArray
    seen: FloatArray

    def some(self, rows: NDArray[np.bool_], at: NDArray[np.int64]) -> Past:
        """Of some of the series, at some of the positions."""
        return Past(*(part[rows][:, at] for part in (self.slope, self.level, self.phi, self.seen)))


def past_of(x: FloatArray) -> Past:
    """The past of every REFIT-th position; x: (series, n), NaN for gaps.

    Source: the slope is Theil's incomplete one (1950), the median of the slopes between values half of the past apart;
    phi is of normal scores, with the bias that taking out a line brings as in trend.py.

    >>> past = past_of(np.arange(60.0)[None])
    >>> past.slope[0, 14].round(2), past.seen[0, 14]
    (np.float64(1.0), np.float64(56.0))
    """
    ends = np.arange(0, x.shape[1] + 1, REFIT)
    shape = (len(x), len(ends))
    past = Past(np.zeros(shape), np.zeros(shape), np.full(shape, PRIOR_PHI), np.zeros(shape))
    for j, end in enumerate(ends):
        part = x[:, max(0, end - MEMORY) : end]
        at = np.arange(max(0, end - MEMORY), end)
        seen = np.isfinite(part).sum(axis=1)
        past.seen[:, j] = seen
        if not (seen >= LEAST).any():
            continue
        half = part.shape[1] // 2
        slope = median_of(part[:, half:] - part[:, : part.shape[1] - half]) / half
        slope[seen < LEAST] = 0.0
        phi = _phi(part - slope[:, None] * at, seen)
        past.phi[:, j] = np.where(seen >= LEAST, phi, PRIOR_PHI)
        believed = slope * np.clip((seen - DOUBTED) / (BELIEVED - DOUBTED), 0.0, 1.0)
        past.slope[:, j] = believed
        past.level[:, j] = median_of((part - believed[:, None] * at)[:, -LEVEL:])
    return past


def median_of(x: FloatArray) -> FloatArray:
    """The median of each row's values, 0 for a row of gaps; x: (rows, m), NaN for gaps. Faster than numpy's for many rows.

    >>> median_of(np.array([[3.0, np.nan, 1.0], [np.nan, np.nan, np.nan]])).tolist()
    [2.0, 0.0]
    """
    if x.shape[1] == 0:
        return np.zeros(len(x))
    ordered = np.sort(x, axis=1)
    m = np.isfinite(x).sum(axis=1)
    rows = np.arange(len(x))
    middle = ordered[rows, np.maximum(m - 1, 0) // 2] + ordered[rows, np.minimum(m // 2, x.shape[1] - 1)]
    return np.where(m > 0, np.nan_to_num(middle) / 2, 0.0)


def carried(x: FloatArray) -> FloatArray:
    """Gaps filled with the last value before, or 0 where there is none; x: (series, n), NaN for gaps.

    >>> carried(np.array([[np.nan, 1.0, np.nan]])).tolist()
    [[0.0, 1.0, 1.0]]
    """
    is_there = np.isfinite(x)
    last = np.maximum.accumulate(np.where(is_there, np.arange(x.shape[1]), 0), axis=1)
    return np.asarray(np.nan_to_num(np.take_along_axis(x, last, axis=1)))


def _phi(rest: FloatArray, seen: FloatArray) -> FloatArray:
    is_there = np.isfinite(rest)
    ranks = np.argsort(np.argsort(np.where(is_there, rest, np.inf), axis=1), axis=1) + 1.0
    scores = special.ndtri(np.minimum(ranks, seen[:, None]) / (seen[:, None] + 1.0))
    scores = np.where(is_there, scores, 0.0)
    pairs = (is_there[:, 1:] & is_there[:, :-1]).sum(axis=1)
    variance = np.maximum((scores**2).sum(axis=1) / np.maximum(seen, 1), 1e-9)
    found = (scores[:, 1:] * scores[:, :-1]).sum(axis=1) / np.maximum(pairs, 1) / variance
    free_of_bias = (seen * found + 2) / np.maximum(seen - 4, 1)
    drawn = (seen * free_of_bias + PRIOR_WORTH * PRIOR_PHI) / (seen + PRIOR_WORTH)
    return np.asarray(np.clip(drawn, 0.0, 0.95))
