"""What every comparison of arms returns, and how an estimate with its standard error becomes one.

Belongs here: the result, and the normal and Student arithmetic of intervals and p-values. Not here: where an
estimate or a standard error comes from (means.py, relative.py, ratios.py, ...).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from lakehouse.stats.guards import ALTERNATIVES, Alternative, finite, level, one_of


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect with its test and interval; a one-sided interval has an infinite end.

    degrees_of_freedom is infinite where the reference distribution is the normal.
    """

    estimate: float
    low: float
    high: float
    p_value: float
    standard_error: float
    statistic: float
    degrees_of_freedom: float


def quantile(upper_tail: float, degrees_of_freedom: float = math.inf) -> float:
    """The value that Student's t (the normal, for infinite degrees of freedom) exceeds with that probability.

    >>> round(quantile(0.025), 4), round(quantile(0.025, 10), 4)
    (1.96, 2.2281)
    """
    if math.isinf(degrees_of_freedom):
        return -float(special.ndtri(upper_tail))
    return -float(special.stdtrit(degrees_of_freedom, upper_tail))


def upper_tail(statistic: float, degrees_of_freedom: float = math.inf) -> float:
    """Probability that Student's t (the normal, for infinite degrees of freedom) exceeds the statistic.

    >>> round(upper_tail(1.96), 4), round(upper_tail(2.2281, 10), 4)
    (0.025, 0.025)
    """
    if math.isinf(degrees_of_freedom):
        return float(special.ndtr(-statistic))
    return float(special.stdtr(degrees_of_freedom, -statistic))


def p_value(statistic: float, degrees_of_freedom: float, alternative: Alternative) -> float:
    """P-value of a statistic that is large when the effect is; two-sided doubles the smaller tail.

    >>> round(p_value(-1.96, float("inf"), "two-sided"), 3), round(p_value(-1.96, float("inf"), "greater"), 3)
    (0.05, 0.975)
    """
    if alternative == "greater":
        return upper_tail(statistic, degrees_of_freedom)
    if alternative == "less":
        return upper_tail(-statistic, degrees_of_freedom)
    return min(1.0, 2 * upper_tail(abs(statistic), degrees_of_freedom))


def margins(
    standard_error: float, degrees_of_freedom: float, alpha: float, alternative: Alternative
) -> tuple[float, float]:
    """How far the interval reaches below and above its estimate.

    >>> [round(margin, 2) for margin in margins(1.0, float("inf"), 0.05, "two-sided")]
    [1.96, 1.96]
    >>> [round(margin, 2) for margin in margins(1.0, float("inf"), 0.05, "greater")]
    [1.64, inf]
    """
    one_of("alternative", alternative, ALTERNATIVES)
    level("alpha", alpha)
    if alternative == "two-sided":
        reach = quantile(alpha / 2, degrees_of_freedom) * standard_error
        return reach, reach
    reach = quantile(alpha, degrees_of_freedom) * standard_error
    return (reach, math.inf) if alternative == "greater" else (math.inf, reach)


def wald_effect(
    estimate: float,
    standard_error: float,
    *,
    degrees_of_freedom: float = math.inf,
    null: float = 0.0,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> Effect:
    """The effect whose distance from `null`, in standard errors, follows Student's t or the normal.

    estimate, standard_error, null: in one unit. alpha: level of the interval, as a whole for two-sided, of
    its one finite end otherwise. alternative: as in scipy.
    Raises ValueError for a standard error that is 0 (no variance, no inference), for anything not finite, and
    for an alpha outside (0, 1).
    Source: Wald (1943), Transactions of the American Mathematical Society 54:426-482.

    >>> effect = wald_effect(0.29, 0.12478)
    >>> round(effect.low, 3), round(effect.high, 3), round(effect.p_value, 3)
    (0.045, 0.535, 0.02)
    """
    finite("estimate", estimate)
    finite("null", null)
    if not finite("standard_error", standard_error) > 0:
        raise ValueError("standard_error: expected a number above 0, found 0: the values have no variance")
    below, above = margins(standard_error, degrees_of_freedom, alpha, alternative)
    statistic = finite("statistic", (estimate - null) / standard_error)
    return Effect(
        estimate=float(estimate),
        low=estimate - below,
        high=estimate + above,
        p_value=p_value(statistic, degrees_of_freedom, alternative),
        standard_error=float(standard_error),
        statistic=statistic,
        degrees_of_freedom=float(degrees_of_freedom),
    )
