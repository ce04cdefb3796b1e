"""What a run of surprises is worth: a single day, three or seven days together, each against the series' own past.

Belongs here: evidence for every period from the surprises up to it. Not here: the surprises (expected.py), when evidence
is enough (confidence.py) and what an alarm covers (episodes.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lakehouse.stats.confidence import upper_tail
from lakehouse.stats.guards import FloatArray

# A single period finds drops and spikes, three a short trouble, seven (a whole week) a shift that no single day shows.
WINDOWS = {"daily": (1, 3, 7), "weekly": (1, 4)}
# In a window no period counts for more, so that a lone spike isn't told again for a week.
CAPPED = 2.5
# A window that stands out does so for some periods in a row, which make one alert: alerts per alarming period, measured
# on noise (benchmarks/anomalies.py holds the outcome to the budget).
CLUSTER = {1: 1.0, 3: 1.5, 4: 1.7, 7: 2.2}
# Tails are read anew every four weeks, from two years at most.
REFIT, MEMORY = {"daily": 28, "weekly": 4}, {"daily": 730, "weekly": 104}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of every period, shape (n,) or (series, n). p_value: at most x for as many ordinary periods as there are to be alerts,

    x per period. direction: 1 up, -1 down, 0 none. window: the number of periods that the evidence rests on.
    """

    p_value: FloatArray
    direction: NDArray[np.int64]
    window: NDArray[np.int64]


def evidence(surprise: ArrayLike, is_judged: ArrayLike, *, cadence: str = "daily") -> Evidence:
    """Evidence that a period is out of the ordinary, from its own surprise and the sums of the last few.

    surprise, is_judged: (n,) or (series, n), as of expected.py. Each kind of sum, upwards and downwards apart, is held
    against the tail of its own past (confidence.upper_tail), so that a series with promotions nobody told of grows
    deaf upwards and stays sharp downwards. Raises ValueError when the shapes differ.

    >>> quiet = np.random.default_rng(1).normal(size=200)
    >>> quiet[150] = -8
    >>> found = evidence(quiet, np.full(200, True))
    >>> int(found.p_value.argmin()), int(found.direction[150]), int(found.window[150])
    (150, -1, 1)
    """
    given, judged = np.asarray(surprise, dtype=np.float64), np.atleast_2d(np.asarray(is_judged, dtype=bool))
    u = np.atleast_2d(given)
    if u.shape != judged.shape:
        raise ValueError(f"is_judged: expected shape {u.shape} as of surprise, found {judged.shape}")
    windows = WINDOWS[cadence]
    p_value, direction = np.ones(u.shape), np.zeros(u.shape, dtype=np.int64)
    window = np.zeros(u.shape, dtype=np.int64)
    for size in windows:
        sums = _sums(u, judged, size)
        for side in (1, -1):
            p = _past_p_values(side * sums, judged, cadence)
            # Each of the kinds gets an equal part of the budget.
            p = np.minimum(p * 2 * len(windows) / CLUSTER[size], 1.0)
            better = judged & (p < p_value)
            p_value[better], direction[better], window[better] = p[better], side, size
    shape = given.shape
    return Evidence(p_value.reshape(shape), direction.reshape(shape), window.reshape(shape))


def _sums(u: FloatArray, judged: NDArray[np.bool_], size: int) -> FloatArray:
    """Sums of the last `size` judged surprises, in standard deviations of independent ones."""
    if size == 1:
        return u
    sums = np.zeros(u.shape)
    for i in range(len(u)):
        at = np.flatnonzero(judged[i])
        totals = np.concatenate([[0.0], np.cumsum(np.clip(u[i, at], -CAPPED, CAPPED))])
        if len(at) >= size:
            sums[i, at[size - 1 :]] = (totals[size:] - totals[:-size]) / np.sqrt(size)
    return sums


def _past_p_values(values: FloatArray, judged: NDArray[np.bool_], cadence: str) -> FloatArray:
    n = values.shape[1]
    counted = np.where(judged, values, np.nan)
    p = np.ones(values.shape)
    for start in range(0, n, REFIT[cadence]):
        stop = min(start + REFIT[cadence], n)
        tail = upper_tail(counted[:, max(0, start - MEMORY[cadence]) : start])
        p[:, start:stop] = tail.p_values(values[:, start:stop])
    return p
