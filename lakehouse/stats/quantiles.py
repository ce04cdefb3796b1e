"""Quantiles of one arm and their difference between two, from order statistics: no density is estimated.

Belongs here: the ranks whose values bound a quantile, the interval of one arm, and the arm that two are
compared with. Not here: quantiles over events of units that have many (the events aren't independent; no
method for it here).

A database needs to keep three values per arm: the quantile, and the values at the two ranks of
`rank_interval`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from lakehouse.stats.arms import Arm
from lakehouse.stats.effects import Effect, quantile
from lakehouse.stats.guards import Alternative, count, finite, finite_array, level
from lakehouse.stats.means import difference


@dataclass(frozen=True, slots=True)
class RankInterval:
    """Ranks, from 1, of the sorted values that bound a quantile.

    below: chance that the quantile lies below the value at `low`; above: that it lies above the value at
    `high`.
    """

    low: int
    high: int
    below: float
    above: float


@dataclass(frozen=True, slots=True)
class QuantileEstimate:
    """A quantile of n values with its interval, whose coverage is at least 1 - alpha."""

    n: int
    estimate: float
    low: float
    high: float


def rank_interval(n: int, probability: float, alpha: float = 0.05) -> RankInterval:
    """The ranks that bound the quantile of that probability with at most alpha / 2 beyond either.

    Raises ValueError when n values are too few for such an interval, or a level lies outside (0, 1).
    Source: Conover (1999), Practical Nonparametric Statistics, 3rd ed.

    >>> ranks = rank_interval(100, 0.5)
    >>> ranks.low, ranks.high
    (40, 61)
    """
    n = count("n", n, 2)
    level("probability", probability)
    level("alpha", alpha)
    successes = stats.binom(n, probability)
    low = int(successes.ppf(alpha / 2))
    # ppf is the first count whose cumulative chance reaches alpha / 2: the one before stays below it.
    below = float(successes.cdf(low - 1))
    high = int(successes.isf(alpha / 2)) + 1
    above = float(successes.sf(high - 1))
    if low < 1 or high > n:
        raise ValueError(
            f"n: expected enough values to bound quantile {probability} at alpha {alpha}, found {n}"
        )
    return RankInterval(low, high, below, above)


def quantile_estimate(values: ArrayLike, probability: float, alpha: float = 0.05) -> QuantileEstimate:
    """A quantile with its order-statistic interval, from the values themselves, shape (n,), in any order.

    The estimate interpolates linearly (DuckDB's quantile_cont). Raises ValueError like rank_interval, and for
    values that aren't finite.

    >>> estimate = quantile_estimate(range(1, 101), 0.5)
    >>> estimate.estimate, estimate.low, estimate.high
    (50.5, 40.0, 61.0)
    """
    ordered = np.sort(finite_array("values", values))
    ranks = rank_interval(len(ordered), probability, alpha)
    with np.errstate(over="ignore", invalid="ignore"):
        estimate = finite("quantile", np.quantile(ordered, probability))
    return QuantileEstimate(
        n=len(ordered),
        estimate=estimate,
        low=float(ordered[ranks.low - 1]),
        high=float(ordered[ranks.high - 1]),
    )


def quantile_arm(bounded: QuantileEstimate, probability: float, alpha: float = 0.05) -> Arm:
    """The quantile as an Arm: its standard error is the interval's width over that in standard normal units.

    probability, alpha: those that the interval was made with. The discreteness of ranks is accounted for: the
    width is set against the chances actually left beyond the two ranks. Raises ValueError like rank_interval,
    or when the bounds aren't in order.
    Source: Woodruff (1952), Journal of the American Statistical Association 47:635-646; Price & Bonett
    (2002), Journal of Statistical Computation and Simulation 72:119-124, for the chances at the ranks.

    >>> arm = quantile_arm(quantile_estimate(range(1, 101), 0.5), 0.5)
    >>> round(arm.standard_error, 2)
    4.99
    """
    ranks = rank_interval(bounded.n, probability, alpha)
    low, high = finite("low", bounded.low), finite("high", bounded.high)
    if not low <= bounded.estimate <= high:
        raise ValueError(f"bounds: expected low <= estimate <= high, found {low}, {bounded.estimate}, {high}")
    error = (high - low) / (quantile(ranks.below) + quantile(ranks.above))
    return Arm(bounded.n, bounded.estimate, error * error * bounded.n)


def quantile_difference(
    treatment: QuantileEstimate,
    control: QuantileEstimate,
    probability: float,
    *,
    bounds_alpha: float = 0.05,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> Effect:
    """Treatment's quantile minus control's, with standard errors from the arms' order statistics; normal.

    bounds_alpha: the level that the arms' own intervals were made with; alpha: that of the difference.
    Raises ValueError like rank_interval, and when both arms' bounds coincide (too many equal values to tell).
    Source: Price & Bonett (2002), Journal of Statistical Computation and Simulation 72:119-124.

    >>> first, second = quantile_estimate(range(21, 121), 0.5), quantile_estimate(range(1, 101), 0.5)
    >>> effect = quantile_difference(first, second, 0.5)
    >>> effect.estimate, round(effect.low, 1), round(effect.high, 1)
    (20.0, 6.2, 33.8)
    """
    arms = [quantile_arm(arm, probability, bounds_alpha) for arm in (treatment, control)]
    return difference(arms[0], arms[1], reference="normal", alpha=alpha, alternative=alternative)
