"""A series as trend, season and rest: STL by loess, the classical way by moving averages, and Ljung-Box for the rest.

Belongs here: decompositions of whole histories, for reading them. Not here: what a day should have been, given only
the days before it (expected.py): the smoothers here look ahead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from lakehouse.stats.guards import FloatArray, count, finite_array
from lakehouse.stats.mann_kendall import autocorrelations


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A series as a sum, each of shape (n,). weights: what robust fitting made of each value, 1 where it was taken whole.

    trend_strength, season_strength: from 0 to 1, how much of the variance without the other part each explains.
    """

    trend: FloatArray
    season: FloatArray
    rest: FloatArray
    weights: FloatArray
    trend_strength: float
    season_strength: float


@dataclass(frozen=True, slots=True)
class Whiteness:
    """Ljung and Box's statistic and its p-value: small says that the series is autocorrelated."""

    statistic: float
    p_value: float


def stl(x: ArrayLike, period: int, *, season_span: int = 7, robust: bool = False) -> Decomposition:
    """Seasonal-trend decomposition by loess (local lines); x: shape (n,), at least two rounds of `period`.

    season_span: rounds that the season is smoothed over, odd, at least 3. robust: outliers are weighted down.
    Raises ValueError for fewer or non-finite values, a period below 2, or a span that isn't odd or is below 3.
    Source: Cleveland, Cleveland, McRae & Terpenning (1990), Journal of Official Statistics 6:3-73; strengths by
    Wang, Smith & Hyndman (2006), Data Mining and Knowledge Discovery 13:335-364.

    >>> parts = stl([1, 5, 2, 6, 3, 7, 4, 8, 5, 9, 6, 10], 2)
    >>> parts.season[:2].round(1).tolist()
    [-1.8, 1.7]
    """
    values = _rounds(x, period)
    if season_span % 2 == 0 or count("season_span", season_span) < 3:
        raise ValueError(f"season_span: expected an odd number from 3, found {season_span}")
    n = len(values)
    trend_span = _odd(math.ceil(1.5 * period / (1 - 1.5 / season_span)))
    low_pass_span = _odd(period + 1)
    weights, trend, season = np.ones(n), np.zeros(n), np.zeros(n)
    for outer in range(16 if robust else 1):
        if outer:
            weights = _bisquare(values - trend - season)
        for _ in range(2 if robust else 5):
            cycle = _cycle_subseries(values - trend, period, season_span, weights)
            passed = _moving_average(_moving_average(_moving_average(cycle, period), period), 3)
            season = cycle[period : period + n] - _loess(passed, low_pass_span, np.ones(n))
            trend = _loess(values - season, trend_span, weights)
    return _parts(values, trend, season, weights)


def classical_decomposition(x: ArrayLike, period: int) -> Decomposition:
    """Trend by a centred moving average, season by each season's mean of what it leaves; arguments as in stl.

    The moving average doesn't reach the ends: there the trend is its nearest line's, through `period` values.
    Source: Macaulay (1931), The smoothing of time series; as in R's decompose and statsmodels' seasonal_decompose.

    >>> classical_decomposition([1, 5, 2, 6, 3, 7, 4, 8], 2).season[:2].tolist()
    [-1.75, 1.75]
    """
    values = _rounds(x, period)
    n = len(values)
    kernel = np.ones(period) if period % 2 else np.concatenate([[0.5], np.ones(period - 1), [0.5]])
    middle = np.convolve(values, kernel / period, "valid")
    edge = (n - len(middle)) // 2
    means = np.array(
        [(values[edge : n - edge] - middle)[(s - edge) % period :: period].mean() for s in range(period)]
    )
    season = np.resize(means - means.mean(), n)
    trend = np.concatenate(
        [
            _line(middle[:period], np.arange(-edge, 0.0)),
            middle,
            _line(middle[-period:], np.arange(float(edge)) + len(middle[-period:])),
        ]
    )
    return _parts(values, trend, season, np.ones(n))


def ljung_box(x: ArrayLike, lags: int) -> Whiteness:
    """Are the autocorrelations at lags 1..lags all 0? x: shape (n,), n more than lags.

    Raises ValueError for fewer or non-finite values. A constant series gives statistic 0 and p 1.
    Source: Ljung & Box (1978), Biometrika 65:297-303.

    >>> round(ljung_box([1.0, 2.0, 1.5, 3.0, 2.5, 4.0, 3.5], 1).p_value, 3)
    0.298
    """
    values = finite_array("x", x, least=count("lags", lags, least=1) + 1)
    n = len(values)
    correlations = autocorrelations(values, lags)[1:]
    statistic = float(n * (n + 2) * (correlations**2 / (n - np.arange(1, lags + 1))).sum())
    return Whiteness(statistic, float(special.chdtrc(lags, statistic)))


def _rounds(x: ArrayLike, period: int) -> FloatArray:
    return finite_array("x", x, least=2 * count("period", period, least=2))


def _odd(span: int) -> int:
    return span + 1 - span % 2


def _parts(values: FloatArray, trend: FloatArray, season: FloatArray, weights: FloatArray) -> Decomposition:
    rest = values - trend - season

    def strength(part: FloatArray) -> float:
        whole = float((rest + part).var())
        return max(0.0, 1 - float(rest.var()) / whole) if whole > 0 else 0.0

    return Decomposition(trend, season, rest, weights, strength(trend), strength(season))


def _line(values: FloatArray, at: FloatArray) -> FloatArray:
    if len(values) < 2:
        return np.full(len(at), values[0])
    slope, intercept = np.polyfit(np.arange(len(values)), values, 1)
    return np.asarray(intercept + slope * at)


def _moving_average(values: FloatArray, span: int) -> FloatArray:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray((sums[span:] - sums[:-span]) / span)


def _bisquare(rest: FloatArray) -> FloatArray:
    away = np.abs(rest)
    reach = 6 * float(np.median(away))
    if reach == 0:
        return np.ones(len(rest))
    weights = (1 - np.minimum(away / reach, 1.0) ** 2) ** 2
    # As its authors' program: beyond .999 of the reach nothing counts, within .001 all.
    return np.asarray(np.where(away > 0.999 * reach, 0.0, np.where(away <= 0.001 * reach, 1.0, weights)))


def _cycle_subseries(detrended: FloatArray, period: int, span: int, weights: FloatArray) -> FloatArray:
    """Each season's values smoothed, with one round more at either end: shape (n + 2 period,)."""
    cycle = np.zeros(len(detrended) + 2 * period)
    for season in range(period):
        values = detrended[season::period]
        ends = np.array([-1.0, len(values)])
        of_season = weights[season::period]
        cycle[season::period] = _loess(
            values, span, of_season, np.concatenate([ends[:1], np.arange(len(values)), ends[1:]])
        )
    return cycle


def _loess(values: FloatArray, span: int, weights: FloatArray, at: FloatArray | None = None) -> FloatArray:
    """Local lines with tricube weights through the `span` nearest of values at 0, 1, ..., read off at `at`."""
    n = len(values)
    at = np.arange(n, dtype=float) if at is None else at
    width = min(span, n)
    first = np.clip(np.round(at).astype(int) - (span - 1) // 2, 0, n - width)
    index = first[:, None] + np.arange(width)
    away = np.abs(index - at[:, None])
    reach = np.maximum(at - first, first + width - 1 - at)
    # A span longer than the series reaches as far as it would if there were more.
    reach = reach + max(0, (span - n) // 2)
    share = away / np.maximum(reach, 1e-300)[:, None]
    w = np.where(share > 0.999, 0.0, np.where(share <= 0.001, 1.0, (1 - np.minimum(share, 1.0) ** 3) ** 3))
    w = w * weights[index]
    total = w.sum(axis=1, keepdims=True)
    w = w / np.where(total > 0, total, 1.0)
    mean = (w * index).sum(axis=1, keepdims=True)
    spread = (w * (index - mean) ** 2).sum(axis=1, keepdims=True)
    # A line only where the points that count stand apart; else their mean.
    sloped = np.sqrt(spread) > 0.001 * max(n - 1, 1)
    w = w * np.where(sloped, 1 + (at[:, None] - mean) * (index - mean) / np.where(sloped, spread, 1.0), 1.0)
    fitted = (w * values[index]).sum(axis=1)
    return np.asarray(np.where(total[:, 0] > 0, fitted, values[np.clip(at.astype(int), 0, n - 1)]))
