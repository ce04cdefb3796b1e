"""The relative lift of treatment over control, by three methods that are named as such.

Belongs here: (treatment - control) / control with the delta method, Fieller's theorem and the log scale. Not
here: relative lifts of CUPED'd metrics over the unadjusted control (cuped.py), and of rates (proportions.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from lakehouse.stats.arms import Arm, Reference, Spread, spread
from lakehouse.stats.effects import Effect, quantile, wald_effect
from lakehouse.stats.guards import ALTERNATIVES, Alternative, finite, level, one_of, positive
from lakehouse.stats.means import difference


def delta_method(
    treatment: Arm,
    control: Arm,
    *,
    reference: Reference = "welch",
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> Effect:
    """Relative lift with a symmetric interval: the lift is linearised in both arms' levels.

    reference: as in means.difference; the degrees of freedom are those of the absolute difference. A lift of
    0.1 is +10%. Good when the control's level is many standard errors above 0.
    Raises ValueError when the control's level isn't above 0 or neither arm varies.
    Source: Deng, Knoblich & Lu (2018), Applying the Delta Method in Metric Analytics, KDD.

    >>> lift = delta_method(Arm(30, 16 / 30, 0.2489), Arm(28, 0.5, 0.25))
    >>> round(lift.estimate, 4), round(lift.low, 3), round(lift.high, 3)
    (0.0667, -0.478, 0.611)
    """
    baseline = positive("control.mean", control.mean)
    both = spread(treatment, control, reference)
    ratio = treatment.mean / baseline
    return wald_effect(
        treatment.mean / baseline - 1,
        math.hypot(math.sqrt(both.treatment) / baseline, math.sqrt(both.control) / baseline * ratio),
        degrees_of_freedom=both.degrees_of_freedom,
        alpha=alpha,
        alternative=alternative,
    )


def log_scale(
    treatment: Arm,
    control: Arm,
    *,
    reference: Reference = "welch",
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> Effect:
    """Relative lift with an interval symmetric for the logarithm of treatment / control, never below -100%.

    reference: as in means.difference, applied to the variances of the logarithms. standard_error is the
    lift's (linearised back), statistic and p_value are those of the logarithm.
    Raises ValueError when a level isn't above 0 or neither arm varies.
    Source: Katz, Baptista, Azen & Pike (1978), Biometrics 34:469-474, for any positive level.

    >>> lift = log_scale(Arm(47, 0.383, 0.502), Arm(53, 0.566, 0.789))
    >>> round(lift.low, 2), round(lift.high, 2)
    (-0.66, 0.34)
    """
    logs = [
        Arm(arm.n, math.log(positive(f"{name}.mean", arm.mean)), _squared_variation(arm))
        for name, arm in (("treatment", treatment), ("control", control))
    ]
    effect = difference(logs[0], logs[1], reference=reference, alpha=alpha, alternative=alternative)
    ratio = finite("treatment.mean / control.mean", treatment.mean / control.mean)
    return replace(
        effect,
        estimate=ratio - 1,
        low=lift_of(effect.low),
        high=lift_of(effect.high),
        standard_error=finite("standard_error", ratio * effect.standard_error),
    )


def fieller(
    treatment: Arm,
    control: Arm,
    *,
    reference: Reference = "welch",
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> Effect:
    """Relative lift with all lifts that the test of treatment - (1 + lift) * control doesn't reject.

    reference: as in means.difference; the degrees of freedom are those of the absolute difference, whose
    statistic and p-value these are, so that test and interval agree. standard_error is the delta method's.
    Raises ValueError when the control's level isn't above 0, isn't distinguishable from 0 at this alpha (the
    set of lifts is then unbounded), or neither arm varies.
    Source: Fieller (1954), Journal of the Royal Statistical Society B 16:175-185.

    >>> lift = fieller(Arm(47, 1.9, 0.8), Arm(53, 2.0, 1.0))
    >>> round(lift.estimate, 3), round(lift.low, 3), round(lift.high, 3)
    (-0.05, -0.218, 0.154)
    """
    one_of("alternative", alternative, ALTERNATIVES)
    level("alpha", alpha)
    baseline = positive("control.mean", control.mean)
    both = spread(treatment, control, reference)
    absolute = difference(treatment, control, reference=reference, alpha=alpha, alternative=alternative)
    linear = delta_method(treatment, control, reference=reference, alpha=alpha, alternative=alternative)
    critical = quantile(alpha / 2 if alternative == "two-sided" else alpha, both.degrees_of_freedom)
    low, high = fieller_bounds(treatment.mean / baseline, baseline, both, critical)
    return replace(
        linear,
        low=-math.inf if alternative == "less" else low - 1,
        high=math.inf if alternative == "greater" else high - 1,
        statistic=absolute.statistic,
        p_value=absolute.p_value,
    )


def fieller_bounds(ratio: float, baseline: float, both: Spread, critical: float) -> tuple[float, float]:
    """The ratios r at which (treatment - r * control)^2 is critical^2 times its variance.

    ratio: treatment over control; baseline: control's level. Raises ValueError when the roots don't bound the
    ratio.

    >>> low, high = fieller_bounds(1.0, 10.0, Spread(0.0, 0.25, 10.0), 2.0)
    >>> round(low, 3), round(high, 3)
    (0.909, 1.111)
    """
    scale = critical / baseline
    v1, v0 = scale * scale * both.treatment, scale * scale * both.control
    if v0 >= 1:
        raise ValueError(
            f"control.mean: expected a level distinguishable from 0 at this alpha, found {baseline:g} with a "
            f"standard error of {math.sqrt(both.control):g}: the relative lift is unbounded"
        )
    reach = math.sqrt(max(0.0, finite("relative variance", v1 * (1 - v0) + v0 * ratio * ratio)))
    return (ratio - reach) / (1 - v0), (ratio + reach) / (1 - v0)


def fieller_lifts(
    gap: float, baseline: float, variance_at: Callable[[float], float], critical: float
) -> tuple[float, float]:
    """The lifts l at which (gap - l * baseline)^2 is critical^2 times the variance of that distance.

    gap: treatment less control, both as compared; baseline: the level that the lift is relative to, above 0.
    variance_at: the variance by lift, a polynomial of degree 2. For arms that aren't independent, or whose gap and
    baseline aren't made of the same values. The set holds 0 exactly when the test of the gap doesn't reject.
    Raises ValueError when the roots don't bound the lift.
    Source: Fieller (1954), Journal of the Royal Statistical Society B 16:175-185.

    >>> low, high = fieller_lifts(0.0, 10.0, lambda lift: 0.25 * (1 + lift) ** 2, 2.0)
    >>> round(low, 3), round(high, 3)
    (-0.091, 0.111)
    """
    square = critical * critical
    at_zero, at_one, at_minus_one = (square * variance_at(lift) for lift in (0.0, 1.0, -1.0))
    linear, quadratic = (at_one - at_minus_one) / 2, (at_one + at_minus_one) / 2 - at_zero
    a, b, c = baseline * baseline - quadratic, gap * baseline + linear / 2, gap * gap - at_zero
    if not a > 0:
        raise ValueError(
            f"baseline: expected a level distinguishable from 0 at this alpha, found {baseline:g}: the relative lift "
            "is unbounded"
        )
    reach = math.sqrt(max(0.0, finite("relative variance", b * b - a * c)))
    return (b - reach) / a, (b + reach) / a


def _squared_variation(arm: Arm) -> float:
    """Variance of the logarithm of one unit's contribution: the squared coefficient of variation."""
    variation = math.sqrt(arm.variance) / arm.mean
    return variation * variation


def lift_of(log_ratio: float) -> float:
    """The lift of a log ratio: what has no bound keeps none, and an interval too wide for a float has none.

    >>> round(lift_of(math.log(1.1)), 3), lift_of(-math.inf)
    (0.1, -inf)
    """
    if math.isinf(log_ratio):
        return log_ratio
    return math.expm1(log_ratio) if log_ratio < 700 else math.inf
