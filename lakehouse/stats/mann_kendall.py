"""Mann-Kendall's rank test of a monotone trend, and its published variants for autocorrelated and seasonal series.

Belongs here: the tests as their authors (and the software that made them common) define them, Theil-Sen's slope and the
seasonal one. Not here: the test that the product uses (trend.py), which keeps its level where these do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from lakehouse.stats.guards import FloatArray, count, finite_array, level


@dataclass(frozen=True, slots=True)
class Slope:
    """A line by medians: slope per step (per season's round for the seasonal one), intercept at step 0."""

    slope: float
    intercept: float


@dataclass(frozen=True, slots=True)
class TrendTest:
    """A test of no trend: Kendall's S and tau, the variance of S that the variant takes, z and two-sided p."""

    s: float
    tau: float
    variance: float
    z: float
    p_value: float
    slope: float
    intercept: float


def kendall_s(x: FloatArray) -> float:
    """Pairs that rise minus pairs that fall, of the series in order; x: shape (n,)."""
    return float(sum(np.sign(x[i + 1 :] - x[i]).sum() for i in range(len(x) - 1)))


def variance_of_s(x: FloatArray) -> float:
    """Variance of S of independent values in any order, ties allowed for; x: shape (n,)."""
    n = len(x)
    ties = np.unique(x, return_counts=True)[1].astype(float)
    return float((n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18)


def z_and_p(s: float, variance: float) -> tuple[float, float]:
    """S with continuity correction over its standard deviation, and the two-sided normal p-value."""
    z = (s - math.copysign(1.0, s)) / math.sqrt(variance) if s != 0 and variance > 0 else 0.0
    return z, float(special.erfc(abs(z) / math.sqrt(2)))


def autocorrelations(x: FloatArray, lags: int) -> FloatArray:
    """Autocorrelations at lags 0..lags of a series of shape (n,); all 0 beyond lag 0 for a constant series."""
    centred = x - x.mean()
    products = np.correlate(centred, centred, "full")[len(x) - 1 : len(x) + lags]
    return products / products[0] if products[0] > 0 else np.concatenate([[1.0], np.zeros(lags)])


def theil_sen(x: ArrayLike) -> Slope:
    """The median of the slopes between all pairs of points, one step apart each; x: shape (n,), n at least 2.

    Raises ValueError for fewer than 2 or non-finite values.
    Source: Sen (1968), Journal of the American Statistical Association 63:1379-1389.

    >>> theil_sen([1.0, 3.0, 2.0, 4.0])
    Slope(slope=0.75, intercept=1.375)
    """
    values = finite_array("x", x, least=2)
    n = len(values)
    first, second = np.triu_indices(n, 1)
    slope = float(np.median((values[second] - values[first]) / (second - first)))
    return Slope(slope, float(np.median(values)) - (n - 1) / 2 * slope)


def seasonal_theil_sen(x: ArrayLike, period: int) -> Slope:
    """The median of the slopes between all pairs of the same season, per round of the seasons.

    x: shape (n,), n more than period; period: seasons per round, at least 2.
    Raises ValueError for a shorter series or non-finite values.
    Source: Hirsch, Slack & Smith (1982), Water Resources Research 18:107-121.

    >>> seasonal_theil_sen([1, 5, 2, 6, 3, 7], 2).slope
    1.0
    """
    seasons = _seasons(x, period)
    slopes = []
    for season in seasons:
        first, second = np.triu_indices(len(season), 1)
        slopes.append((season[second] - season[first]) / (second - first))
    slope = float(np.median(np.concatenate(slopes)))
    n = sum(len(season) for season in seasons)
    return Slope(slope, float(np.median(np.concatenate(seasons))) - (n - 1) / 2 / period * slope)


def original(x: ArrayLike) -> TrendTest:
    """Mann and Kendall's test for independent values; x: shape (n,), n at least 3.

    On daily figures of a business, which hang together from day to day, it alarms far too often.
    Raises ValueError for fewer than 3 or non-finite values.
    Source: Mann (1945), Econometrica 13:245-259; Kendall (1975), Rank correlation methods.

    >>> test = original([2.0, 4.5, 3.1, 5.2, 6.0, 5.5, 7.3, 8.1, 7.9, 9.4])
    >>> test.s, test.variance, round(test.p_value, 6)
    (39.0, 125.0, 0.000677)
    """
    values = finite_array("x", x, least=3)
    return _result(values, variance_of_s(values), theil_sen(values))


def hamed_rao(x: ArrayLike, lag: int | None = None, alpha: float = 0.05) -> TrendTest:
    """Variance of S widened by the significant autocorrelations of the detrended ranks.

    lag: the last lag that counts; None: all n - 1, as first published. alpha: level at which an autocorrelation
    counts. x and errors as in original; a variance that the correction makes negative gives z 0 and p 1.
    Source: Hamed & Rao (1998), Journal of Hydrology 204:182-196.

    >>> round(hamed_rao([1, 2, 2, 3, 3, 3, 4, 3, 5, 5, 4, 6], lag=3).variance, 3)
    201.0
    """
    values, n, lags, line = _detrendable(x, lag)
    level("alpha", alpha)
    correlations = autocorrelations(stats.rankdata(values - line.slope * np.arange(1, n + 1)), lags)[1:]
    counted = np.where(
        np.abs(correlations) > float(special.ndtri(1 - alpha / 2)) / math.sqrt(n), correlations, 0.0
    )
    return _result(values, variance_of_s(values) * rank_inflation(counted, n), line)


def rank_inflation(correlations: FloatArray, n: int) -> float:
    """How much autocorrelated ranks widen the variance of S; correlations: at lags 1, 2, ... below n."""
    lags = np.arange(1, len(correlations) + 1)
    weights = (n - lags) * (n - lags - 1.0) * (n - lags - 2.0)
    return float(1 + 2 / (n * (n - 1.0) * (n - 2.0)) * (weights * correlations).sum())


def yue_wang(x: ArrayLike, lag: int | None = None) -> TrendTest:
    """Variance of S widened by the autocorrelations of the detrended values up to a lag; arguments as in hamed_rao.

    Over all lags it can shrink the variance instead, and alarm at everything.
    Source: Yue & Wang (2004), Water Resources Management 18:201-218.

    >>> round(yue_wang([2.0, 4.5, 3.1, 5.2, 6.0, 5.5, 7.3, 8.1, 7.9, 9.4]).variance, 3)
    12.326
    """
    values, n, lags, line = _detrendable(x, lag)
    correlations = autocorrelations(values - line.slope * np.arange(1, n + 1), lags)[1:]
    inflation = 1 + 2 * float(((1 - np.arange(1, lags + 1) / n) * correlations).sum())
    return _result(values, variance_of_s(values) * inflation, line)


def pre_whitening(x: ArrayLike) -> TrendTest:
    """The original test on what lag-1 autocorrelation leaves; x: shape (n,), n at least 4.

    Keeps its level, and pays with power: a trend counts as autocorrelation and is taken out with it.
    Source: von Storch (1995), in Analysis of climate variability, 11-26.

    >>> pre_whitening([1, 2, 2, 3, 3, 3, 4, 3, 5, 5, 4, 6]).s
    28.0
    """
    values = finite_array("x", x, least=4)
    whitened = values[1:] - float(autocorrelations(values, 1)[1]) * values[:-1]
    return _result(whitened, variance_of_s(whitened), theil_sen(values))


def trend_free_pre_whitening(x: ArrayLike) -> TrendTest:
    """The original test after the trend was taken out, the rest whitened, and the trend put back; x as above.

    Source: Yue, Pilon, Phinney & Cavadias (2002), Hydrological Processes 16:1807-1829.

    >>> trend_free_pre_whitening([1, 2, 2, 3, 3, 3, 4, 3, 5, 5, 4, 6]).s
    45.0
    """
    values = finite_array("x", x, least=4)
    line = theil_sen(values)
    rest = values - line.slope * np.arange(1, len(values) + 1)
    whitened = rest[1:] - float(autocorrelations(rest, 1)[1]) * rest[:-1]
    again = whitened + line.slope * np.arange(1, len(values))
    return _result(again, variance_of_s(again), line)


def seasonal(x: ArrayLike, period: int) -> TrendTest:
    """S and its variance summed over seasons, each compared with itself only; arguments as in seasonal_theil_sen.

    Source: Hirsch, Slack & Smith (1982), Water Resources Research 18:107-121.

    >>> seasonal([1, 5, 2, 6, 3, 7, 4, 8], 2).s
    12.0
    """
    seasons = _seasons(x, period)
    s = sum(kendall_s(season) for season in seasons)
    variance = sum(variance_of_s(season) for season in seasons)
    pairs = sum(len(season) * (len(season) - 1) / 2 for season in seasons)
    line = seasonal_theil_sen(x, period)
    return TrendTest(s, s / pairs, variance, *z_and_p(s, variance), line.slope, line.intercept)


def _seasons(x: ArrayLike, period: int) -> Sequence[FloatArray]:
    count("period", period, least=2)
    values = finite_array("x", x)
    if len(values) <= period:
        raise ValueError(f"x: expected more than one round of {period} seasons, found {len(values)} values")
    return [values[start::period] for start in range(period)]


def _detrendable(x: ArrayLike, lag: int | None) -> tuple[FloatArray, int, int, Slope]:
    values = finite_array("x", x, least=4)
    n = len(values)
    lags = n - 1 if lag is None else min(count("lag", lag, least=1), n - 1)
    return values, n, lags, theil_sen(values)


def _result(x: FloatArray, variance: float, line: Slope) -> TrendTest:
    s, n = kendall_s(x), len(x)
    return TrendTest(
        s, s / (n * (n - 1) / 2), variance, *z_and_p(s, variance), slope=line.slope, intercept=line.intercept
    )
