"""What a run of surprises is worth: a single day, three or seven days together, each against the series' own past.

Belongs here: evidence for every period from the surprises up to it. Not here: the surprises themselves (expected.py),
when evidence is enough (confidence.py) and what an alarm covers (episodes.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lakehouse.stats.calendar_effects import Cadence
from lakehouse.stats.confidence import both_tails
from lakehouse.stats.expected import Expected
from lakehouse.stats.guards import FloatArray

# A single period finds drops and spikes, three a short trouble, seven (a whole week) a shift that no single day shows.
WINDOWS = {"daily": (1, 3, 7), "weekly": (1, 4)}
# In a window no period counts for more, so that a lone spike isn't told again for a week.
CAPPED = 2.5
# Parts of the budget that the kinds get, against an even split of p-values: sums stand out for some periods in a row, which
# make one alert, and so may have more. Measured on noise, where alerts of all shapes but the heaviest tails stay within the
# budget (benchmarks/anomalies.py).
SHARE = {1: 1.0, 3: 1.8, 4: 1.8, 7: 1.7}
# Where a series has lifts, what stands high is seldom a trouble: of the two sides' budget it gets a twentieth.
UPWARDS_OF_LIFTS = 0.1
# Tails are read anew every four weeks, from two years at most.
REFIT, MEMORY = {"daily": 28, "weekly": 4}, {"daily": 730, "weekly": 104}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of every period, shape (n,) or (series, n). p_value: on ordinary periods, alarming from x downwards opens at most about
    x alerts per period. direction: 1 up, -1 down, 0 none. window: how many periods the evidence rests on.
    """

    p_value: FloatArray
    direction: NDArray[np.int64]
    window: NDArray[np.int64]

    def one(self, i: int) -> Evidence:
        """The i-th of several series."""
        return Evidence(self.p_value[i], self.direction[i], self.window[i])


def evidence(expected: Expected, *, cadence: Cadence = "daily", since: int = 0) -> Evidence:
    """Evidence that a period is out of the ordinary, from its own surprise and from the last few against the level before.

    Each kind of sum, upwards and downwards apart, is held against the tail of its own past (confidence.both_tails), so that a
    series with promotions nobody told of grows deaf upwards and stays sharp downwards, and its budget goes there. since: the first
    position that is wanted; those before it have no evidence, and cost no time.

    >>> from lakehouse.stats.calendar_effects import day_features
    >>> from lakehouse.stats.expected import expect
    >>> orders = np.random.default_rng(2).poisson(400, 120).astype(float)
    >>> orders[100] = 250
    >>> found = evidence(expect(orders, day_features(range(120)), grain=1))
    >>> int(found.p_value.argmin()), int(found.direction[100]), int(found.window[100])
    (100, -1, 1)
    """
    shape = expected.surprise.shape
    u, judged = np.atleast_2d(expected.surprise), np.atleast_2d(expected.is_judged)
    learned, spread = np.atleast_2d(expected.learned), np.atleast_2d(expected.spread)
    raised = np.atleast_2d(expected.has_lifts)
    lifts = raised[:, since:]
    windows = WINDOWS[cadence]
    p_value, direction = np.ones(u.shape), np.zeros(u.shape, dtype=np.int64)
    window = np.zeros(u.shape, dtype=np.int64)
    for size in windows:
        sums = _sums(u, learned, spread, judged, size)
        for side, tail_p in zip(
            (1, -1), _past_p_values(sums, judged, raised, size, cadence, since), strict=True
        ):
            part = np.where(lifts, UPWARDS_OF_LIFTS if side > 0 else 2 - UPWARDS_OF_LIFTS, 1.0)
            p = np.minimum(tail_p * 2 * len(windows) / SHARE[size] / part, 1.0)
            better = judged[:, since:] & (p < p_value[:, since:])
            p_value[:, since:][better] = p[better]
            direction[:, since:][better], window[:, since:][better] = side, size
    return Evidence(p_value.reshape(shape), direction.reshape(shape), window.reshape(shape))


def _sums(
    u: FloatArray, learned: FloatArray, spread: FloatArray, judged: NDArray[np.bool_], size: int
) -> FloatArray:
    """Sums of the last `size` judged surprises, each as it would be had the level not followed since the first of them."""
    if size == 1:
        return u
    sums = np.zeros(u.shape)
    for i in range(len(u)):
        at = np.flatnonzero(judged[i])
        if len(at) < size:
            continue
        own, level, scale = (
            np.lib.stride_tricks.sliding_window_view(x[i, at], size) for x in (u, learned, spread)
        )
        # What the level took in since, in the unit of each period: thin days are wider than others.
        followed = (level - level[:, :1]) / scale
        sums[i, at[size - 1 :]] = np.clip(own + followed, -CAPPED, CAPPED).sum(axis=1) / np.sqrt(size)
    return sums


def _past_p_values(
    values: FloatArray,
    judged: NDArray[np.bool_],
    raised: NDArray[np.bool_],
    size: int,
    cadence: Cadence,
    since: int,
) -> tuple[FloatArray, FloatArray]:
    """The chance of a value as high, and as low, by the periods before; of periods from `since` on."""
    counted = np.where(judged, values, np.nan)
    high, low = np.ones(values[:, since:].shape), np.ones(values[:, since:].shape)
    for start in range(since - since % REFIT[cadence], values.shape[1], REFIT[cadence]):
        part = slice(max(start, since), start + REFIT[cadence])
        past = counted[:, max(0, start - MEMORY[cadence]) : start]
        upper, lower = both_tails(past, span=size, has_lifts=raised[:, start])
        # What is below the middle of its past is no evidence, whatever its share.
        for p_value, tail, side in ((high, upper, 1), (low, lower, -1)):
            own = side * values[:, part]
            p_value[:, part.start - since : part.stop - since] = tail.p_values(
                own, wanted=judged[:, part] & (own > 0)
            )
    return high, low
