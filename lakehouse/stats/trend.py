"""Is there a trend? The test that the product uses: Mann-Kendall with a variance that autocorrelation can't fool.

Belongs here: that test, on series with or without a season. Not here: the published variants (mann_kendall.py), of which
those that keep their level lose trends, and the others alarm at any slow wave.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from lakehouse.stats.guards import FloatArray, count, finite_array, level
from lakehouse.stats.mann_kendall import (
    autocorrelations,
    kendall_s,
    rank_inflation,
    theil_sen,
    variance_of_s,
    z_and_p,
)

# With fewer points neither autocorrelation nor the season can be told from the trend.
FEWEST = 10


@dataclass(frozen=True, slots=True)
class Trend:
    """direction: up, down or none at level alpha. slope: per step, by Theil and Sen. autocorrelation: of neighbours.

    status: ok, or why there is no answer (then direction is none, p_value 1, and the rest 0).
    """

    status: str
    direction: str
    slope: float
    p_value: float
    z: float
    tau: float
    autocorrelation: float


def trend(x: ArrayLike, *, period: int | None = None, alpha: float = 0.05) -> Trend:
    """Is there a monotone trend in an evenly spaced series, given that neighbours are alike?

    x: shape (n,); NaN is a gap, and its neighbours keep their places. period: length of a season whose medians
    are taken out first (7 for days of a week); None: no season. alpha: two-sided level.
    The variance of S is that of ranks of a first-order autoregression. Its coefficient comes from normal scores of the
    series without its Theil-Sen line, and is freed of the bias that taking out a line brings; negative ones count as 0.
    Never raises for what a series holds; ValueError for an alpha outside (0, 1) or a period below 2.
    Source: Hamed & Rao (1998), Journal of Hydrology 204:182-196, for the variance; Kendall (1954), Biometrika
    41:403-404, for the bias; Student's distribution allows for the variance being an estimate. The level and power are measured by benchmarks/anomalies.py.

    >>> trend([1, 2, 2, 3, 3, 3, 4, 3, 5, 5, 4, 6]).direction
    'up'
    >>> trend([1.0, 2.0]).status
    'fewer than 10 values'
    """
    level("alpha", alpha)
    if period is not None:
        count("period", period, least=2)
    values = np.asarray(x, dtype=np.float64).ravel()
    at = np.flatnonzero(np.isfinite(values))
    seen = values[at]
    if len(seen) < FEWEST or (period is not None and len(seen) < 2 * period):
        return _none(f"fewer than {max(FEWEST, 2 * (period or 0))} values")
    if np.ptp(seen) == 0:
        return _none("all values are equal")
    slope = _slope(at, seen)
    if period is not None:
        seen = _without_season(at, seen, slope, period)
        slope = _slope(at, seen)
        if np.ptp(seen) == 0:
            return _none("nothing but the season")
    n = len(seen)
    phi = _autocorrelation(seen - slope * at)
    # Spearman's correlation of two normal values whose correlation is phi to the lag.
    of_ranks = 6 / math.pi * np.arcsin(phi ** np.arange(1, n) / 2)
    inflation = rank_inflation(of_ranks, n)
    s = kendall_s(seen)
    z, _ = z_and_p(s, variance_of_s(seen) * inflation)
    # The variance rests on an estimate from as many values as are worth n / inflation independent ones.
    p = float(2 * special.stdtr(max(n / inflation - 2, 1.0), -abs(z)))
    direction = "none" if p > alpha else "up" if z > 0 else "down"
    return Trend("ok", direction, slope, p, z, 2 * s / (n * (n - 1)), phi)


def _slope(at: np.ndarray, seen: FloatArray) -> float:
    if len(at) == at[-1] - at[0] + 1:
        return theil_sen(seen).slope
    first, second = np.triu_indices(len(at), 1)
    return float(np.median((seen[second] - seen[first]) / (at[second] - at[first])))


def _without_season(at: np.ndarray, seen: FloatArray, slope: float, period: int) -> FloatArray:
    rest = seen - slope * at
    season = at % period
    medians = np.array([np.median(rest[season == s]) if (season == s).any() else 0.0 for s in range(period)])
    return finite_array("x", seen - medians[season])


def _autocorrelation(rest: FloatArray) -> float:
    n = len(rest)
    scores = special.ndtri(stats.rankdata(rest) / (n + 1))
    found = float(autocorrelations(np.asarray(scores), 1)[1])
    # Mean of the estimate after a line was fitted: phi - (2 + 4 phi) / n.
    return min(max((n * found + 2) / (n - 4), 0.0), 0.99)


def _none(status: str) -> Trend:
    return Trend(status, "none", 0.0, 1.0, 0.0, 0.0, 0.0)
