"""When did the level change? All changes of a whole history at once, with a penalty that noise seldom pays.

Belongs here: PELT over means, its penalty from a level, and what autocorrelation does to it. Not here: whether today is
out of the ordinary (surprise.py), which needs no history behind it.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from lakehouse.stats.guards import FloatArray, count, finite_array, level, positive

# Values further than this many standard deviations from the median around them count as if they stood there.
CAPPED = 3.0


@dataclass(frozen=True, slots=True)
class Changes:
    """at: positions of the first value after each change. levels: the mean of each segment, one more than changes.

    status: ok, or why there is no answer (then there are neither changes nor levels). noise: standard deviation that a
    mean of m values has, times the root of m, autocorrelation included.
    """

    status: str
    at: tuple[int, ...]
    levels: tuple[float, ...]
    noise: float


def changepoints(x: ArrayLike, *, least_segment: int = 7, alpha: float = 0.05) -> Changes:
    """Changes of the level of a series without season; x: shape (n,).

    least_segment: values between changes, at least 2. alpha: the chance that a series of noise without any change, white or
    autocorrelated of first order, shows one. Take seasons out first (expected.py does), or they are found as changes.
    Never raises for what finite values hold; ValueError for non-finite values or an alpha outside (0, 1).
    Source: Killick, Fearnhead & Eckley (2012), Journal of the American Statistical Association 107:1590-1598.

    >>> visits = np.random.default_rng(1).normal(100, 5, 60)
    >>> visits[40:] += 30
    >>> changes = changepoints(visits)
    >>> changes.at, [round(level) for level in changes.levels]
    ((40,), [100, 129])
    """
    count("least_segment", least_segment, least=2)
    level("alpha", alpha)
    values = finite_array("x", x, least=0)
    n = len(values)
    if n < 2 * least_segment:
        return Changes(f"fewer than {2 * least_segment} values", (), (), 0.0)
    if np.ptp(values) == 0:
        return Changes("ok", (), (float(values[0]),), 0.0)
    capped = _capped(values, least_segment)
    noise = long_run_deviation(capped)
    if noise == 0:
        # So few values differ that their spread says nothing of noise.
        noise = float(np.std(capped)) or 1.0
    at = pelt(capped / noise, penalty(n, least_segment, alpha), least_segment)
    edges = [0, *at, n]
    means = tuple(float(np.mean(capped[a:b])) for a, b in itertools.pairwise(edges))
    return Changes("ok", at, means, noise)


def penalty(n: int, least_segment: int, alpha: float) -> float:
    """What a change has to save in squares of standard deviations, for noise to show one with a chance of alpha.

    Source: Andrews (1993), Econometrica 61:821-856, by Estrella's approximation (2003), Econometric Theory 19:1128-1143.

    >>> round(penalty(365, 7, 0.05), 1)
    10.5
    """
    share = count("least_segment", least_segment, least=1) / n
    span = 2 * math.log((1 - share) / share)

    def excess(b: float) -> float:
        return math.sqrt(b / 2 / math.pi) * math.exp(-b / 2) * (span * (1 - 1 / b) + 2 / b) - alpha

    return float(optimize.brentq(excess, 2.0, 200.0)) if excess(2.0) > 0 else 2.0


def pelt(x: ArrayLike, cost_of_change: float, least_segment: int = 1) -> tuple[int, ...]:
    """The changes of mean that minimize squared residuals plus a penalty for each; exact.

    x: shape (n,); the result: positions of first values after changes, in order. Raises ValueError for non-finite values.

    >>> pelt([0.0, 0, 0, 5, 5, 5], 1.0)
    (3,)
    """
    values = finite_array("x", x)
    positive("cost_of_change", cost_of_change)
    n = len(values)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    squares = np.concatenate([[0.0], np.cumsum(values**2)])
    best = np.full(n + 1, np.inf)
    best[0] = -cost_of_change
    last = np.zeros(n + 1, dtype=int)
    starts = np.array([0])
    for end in range(least_segment, n + 1):
        cost = squares[end] - squares[starts] - (sums[end] - sums[starts]) ** 2 / (end - starts)
        totals = best[starts] + cost + cost_of_change
        choice = int(totals.argmin())
        best[end], last[end] = totals[choice], starts[choice]
        # A start that is worse already by the penalty never becomes the best again.
        starts = starts[totals - cost_of_change <= best[end]]
        fresh = end - least_segment + 1
        if fresh > 0 and np.isfinite(best[fresh]):
            starts = np.append(starts, fresh)
    found = []
    end = n
    while last[end] > 0:
        end = int(last[end])
        found.append(end)
    return tuple(reversed(found))


def long_run_deviation(x: ArrayLike) -> float:
    """The standard deviation of the mean of m values, times the root of m, of first-order autocorrelated values.

    From differences, which changes of the level hardly touch: white noise gives its own standard deviation; the more
    alike neighbours are, the more; 0 where more than half of the neighbours are equal. x: shape (n,), n at least 3. Raises ValueError for fewer or non-finite values.

    >>> round(long_run_deviation(np.random.default_rng(1).normal(size=2000)), 1)
    1.0
    """
    values = finite_array("x", x, least=3)

    def variance_of_steps(lag: int) -> float:
        # Around their median, so that a trend isn't noise, and capped, so that a change isn't.
        steps = values[lag:] - values[:-lag]
        away = steps - np.median(steps)
        reach = CAPPED * float(np.median(np.abs(away))) / 0.6745
        return float(np.mean(np.clip(away, -reach, reach) ** 2))

    near, far = variance_of_steps(1), variance_of_steps(2)
    if near == 0:
        return 0.0
    # For a first-order autoregression: 2 (1 - phi) and 2 (1 - phi²) times its variance.
    phi = far / near - 1
    # What an estimate from n steps falls short of at least half of the time, and its standard error on top.
    phi = min(max(phi + 1 / math.sqrt(len(values)), 0.0), 0.95) if phi > 1 / math.sqrt(len(values)) else 0.0
    variance = near / (2 * (1 - phi))
    return math.sqrt(variance * (1 + phi) / (1 - phi))


def _capped(values: FloatArray, least_segment: int) -> FloatArray:
    """Values with lone outliers drawn in to the median of those around them."""
    half = min(least_segment, (len(values) - 1) // 2)
    padded = np.pad(values, half, mode="reflect")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)
    away = values - around
    spread = float(np.median(np.abs(away))) / 0.6745
    if spread == 0:
        return values
    return np.asarray(around + np.clip(away, -CAPPED * spread, CAPPED * spread))
