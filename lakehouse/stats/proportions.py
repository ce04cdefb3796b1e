"""Rates of yes/no outcomes: one arm's interval, and two arms' difference and lift.

Belongs here: large-sample and score methods for proportions from counts. Not here: exact tests of a 2x2 table
(exact.py); means of anything else (means.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from scipy.optimize import brentq

from lakehouse.stats.arms import Arm
from lakehouse.stats.effects import Effect, p_value, quantile, wald_effect
from lakehouse.stats.guards import ALTERNATIVES, Alternative, count, level, one_of
from lakehouse.stats.relative import lift_of


@dataclass(frozen=True, slots=True)
class Proportion:
    """One rate with its interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ScoreDifference:
    """A difference of two rates with Newcombe's interval, and the level at which it just touches 0."""

    estimate: float
    low: float
    high: float
    p_value: float


def proportion_arm(x: int, n: int) -> Arm:
    """A rate as an Arm with variance p (1 - p): for means.py, relative.py and power.

    x: successes, n: trials. Raises ValueError for fewer than 2 trials, or successes outside 0..n.

    >>> proportion_arm(16, 64)
    Arm(n=64, mean=0.25, variance=0.1875)
    """
    rate = _rate(x, n)
    return Arm(count("n", n, 2), rate, rate * (1 - rate))


def wald_interval(x: int, n: int, alpha: float = 0.05) -> Proportion:
    """Rate with the textbook interval p +- z sqrt(p (1 - p) / n); poor for small n and rates near 0 or 1.

    Raises ValueError without trials, for successes outside 0..n, or when all or no trials succeed.
    Source: Laplace (1812); its defects: Brown, Cai & DasGupta (2001), Statistical Science 16:101-133.

    >>> round(wald_interval(50, 100).low, 3)
    0.402
    """
    rate = _rate(x, n)
    effect = wald_effect(rate, math.sqrt(rate * (1 - rate) / n), alpha=alpha)
    return Proportion(rate, effect.low, effect.high)


def wilson(x: int, n: int, alpha: float = 0.05) -> Proportion:
    """Rate with Wilson's score interval, which also holds when all or no trials succeed.

    Raises ValueError without trials or for successes outside 0..n.
    Source: Wilson (1927), Journal of the American Statistical Association 22:209-212.

    >>> rate = wilson(0, 10)
    >>> rate.low, round(rate.high, 3)
    (0.0, 0.278)
    """
    rate = _rate(x, n)
    level("alpha", alpha)
    low, high = _wilson(rate, n, quantile(alpha / 2))
    return Proportion(rate, low, high)


def z_test(
    x1: int,
    n1: int,
    x0: int,
    n0: int,
    *,
    pooled: bool = True,
    continuity: bool = False,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> Effect:
    """Difference of two rates, p1 - p0, by the normal.

    x1, n1: successes and trials of the treatment; x0, n0: of the control. pooled: test and interval use the
    variance of the common rate (exact under the null), otherwise each arm's own. continuity: the statistic
    moves towards 0 and the interval outwards by (1 / n1 + 1 / n0) / 2. standard_error is without the
    correction.
    Raises ValueError without trials, for successes outside 0..n, or when nothing varies.
    Source: Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, 3rd ed.

    >>> effect = z_test(13, 47, 19, 53)
    >>> round(effect.low, 3), round(effect.high, 3), round(effect.p_value, 3)
    (-0.265, 0.101, 0.381)
    """
    p1, p0 = _rate(x1, n1), _rate(x0, n0)
    common = (x1 + x0) / (n1 + n0)
    variance = (
        common * (1 - common) * (1 / n1 + 1 / n0) if pooled else p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0
    )
    correction = (1 / n1 + 1 / n0) / 2 if continuity else 0.0
    return _corrected(
        wald_effect(p1 - p0, math.sqrt(variance), alpha=alpha, alternative=alternative),
        correction,
        alternative,
    )


def z_lift(
    x1: int,
    n1: int,
    x0: int,
    n0: int,
    *,
    pooled: bool = True,
    continuity: bool = False,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> Effect:
    """Relative lift of two rates, p1 / p0 - 1, on the log scale with the normal; arguments as in z_test.

    pooled: the logarithm's variance is that of the common rate. continuity: the correction of z_test over p0,
    on the log scale. standard_error is the lift's, statistic and p_value are the logarithm's.
    Raises ValueError without trials, for successes outside 0..n, when an arm has no success, or when nothing
    varies.
    Source: Katz, Baptista, Azen & Pike (1978), Biometrics 34:469-474.

    >>> lift = z_lift(13, 47, 19, 53)
    >>> round(lift.estimate, 3), round(lift.low, 3), round(lift.high, 3)
    (-0.228, -0.565, 0.368)
    """
    p1, p0 = _rate(x1, n1), _rate(x0, n0)
    if min(x1, x0) == 0:
        raise ValueError(f"successes: expected at least 1 in either arm, found {x1} and {x0}")
    common = (x1 + x0) / (n1 + n0)
    variance = (
        (1 - common) / common * (1 / n1 + 1 / n0) if pooled else (1 - p1) / p1 / n1 + (1 - p0) / p0 / n0
    )
    correction = (1 / n1 + 1 / n0) / 2 / p0 if continuity else 0.0
    logs = wald_effect(math.log(p1 / p0), math.sqrt(variance), alpha=alpha, alternative=alternative)
    logs = _corrected(logs, correction, alternative)
    return replace(
        logs,
        estimate=p1 / p0 - 1,
        low=lift_of(logs.low),
        high=lift_of(logs.high),
        standard_error=p1 / p0 * logs.standard_error,
    )


def newcombe(
    x1: int, n1: int, x0: int, n0: int, *, alpha: float = 0.05, alternative: Alternative = "two-sided"
) -> ScoreDifference:
    """Difference of two independent proportions, p1 - p0, with Newcombe's hybrid score interval.

    x1, n1: successes and trials of the treatment; x0, n0: of the control. alternative: as in scipy; a
    one-sided interval has an infinite end. p_value is the level at which the interval touches 0, so that the
    two never disagree.
    Raises ValueError when a trial count is 0 or successes exceed trials.
    Source: Newcombe (1998), Statistics in Medicine 17:873-890, method 10.

    >>> d = newcombe(56, 70, 48, 80)
    >>> round(d.estimate, 4), round(d.low, 4), round(d.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    one_of("alternative", alternative, ALTERNATIVES)
    level("alpha", alpha)
    p1, p0 = _rate(x1, n1), _rate(x0, n0)

    def bounds(z: float) -> tuple[float, float]:
        (l1, u1), (l0, u0) = _wilson(p1, n1, z), _wilson(p0, n0, z)
        gap = p1 - p0
        return gap - math.hypot(p1 - l1, u0 - p0), gap + math.hypot(u1 - p1, p0 - l0)

    z = quantile(alpha / 2 if alternative == "two-sided" else alpha)
    # A one-sided alpha above one half puts the bound beyond the estimate.
    low, high = bounds(z) if z >= 0 else bounds(-z)[::-1]
    return ScoreDifference(
        estimate=p1 - p0,
        low=-math.inf if alternative == "less" else low,
        high=math.inf if alternative == "greater" else high,
        p_value=p_value(_touching(bounds, p1 - p0), math.inf, alternative),
    )


def _touching(bounds: Callable[[float], tuple[float, float]], gap: float) -> float:
    """The signed z at which the interval around the gap just touches 0."""
    if gap == 0:
        return 0.0

    def short_of(z: float) -> float:
        return bounds(z)[0] if gap > 0 else -bounds(z)[1]

    reach = 1.0
    while short_of(reach) > 0:
        reach *= 2
    z = float(brentq(short_of, 0.0, reach, xtol=1e-12))
    return math.copysign(z, gap)


def _corrected(effect: Effect, correction: float, alternative: Alternative) -> Effect:
    """The effect with its interval widened, and its statistic drawn towards 0, by the correction."""
    if correction == 0:
        return effect
    distance = effect.statistic * effect.standard_error
    if alternative == "two-sided":
        moved = math.copysign(max(0.0, abs(distance) - correction), distance)
    else:
        moved = distance - correction if alternative == "greater" else distance + correction
    statistic = moved / effect.standard_error
    return replace(
        effect,
        low=effect.low - correction,
        high=effect.high + correction,
        statistic=statistic,
        p_value=p_value(statistic, math.inf, alternative),
    )


def _rate(x: int, n: int) -> float:
    trials = count("trials", n, 1)
    successes = count("successes", x)
    if successes > trials:
        raise ValueError(f"successes: expected at most the {trials} trials, found {successes}")
    return successes / trials


def _wilson(rate: float, n: int, z: float) -> tuple[float, float]:
    """Wilson's bounds at z; at rates 0 and 1 the outer bound is the rate itself, free of rounding."""
    share = z * z / n
    centre = (rate + share / 2) / (1 + share)
    reach = z / (1 + share) * math.sqrt(rate * (1 - rate) / n + share / n / 4)
    low = 0.0 if rate == 0 else min(rate, max(0.0, centre - reach))
    high = 1.0 if rate == 1 else max(rate, min(1.0, centre + reach))
    return low, high
