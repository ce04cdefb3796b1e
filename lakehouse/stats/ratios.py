"""Ratio metrics: a sum over a sum (orders per session, revenue per order) of randomized units.

Belongs here: one arm's ratio as an Arm, linearised by the delta method, alone or with its covariates' ratio.
Not here: comparison (means.py and relative.py take the arms), and clusters (clusters.py).
"""

from __future__ import annotations

from typing import Literal

from lakehouse.stats.arms import Arm, Reference
from lakehouse.stats.effects import Effect
from lakehouse.stats.guards import Alternative, one_of
from lakehouse.stats.means import difference
from lakehouse.stats.moments import Moments
from lakehouse.stats.relative import delta_method, fieller, log_scale

LiftMethod = Literal["delta", "log", "fieller"]
LIFTS = {"delta": delta_method, "log": log_scale, "fieller": fieller}


def linearised(moments: Moments) -> Moments:
    """Moments of ratios of means: variables (a, b, c, d, ...) in pairs become (a/b, c/d, ...).

    Each unit contributes a - (A/B) b, over the mean of b, to the variance of A/B.
    Raises ValueError for an odd number of variables or a denominator whose mean isn't above 0.
    Source: Deng, Knoblich & Lu (2018), Applying the Delta Method in Metric Analytics, KDD.

    >>> linearised(Moments.from_values([[1.0, 2.0], [3.0, 4.0], [2.0, 6.0]])).means
    (0.5,)
    """
    k = len(moments.means)
    if k % 2:
        raise ValueError(f"moments: expected pairs of numerator and denominator, found {k} variables")
    gradients = []
    ratios = []
    for numerator in range(0, k, 2):
        top, bottom = moments.means[numerator], moments.means[numerator + 1]
        if not bottom > 0:
            raise ValueError(f"denominator: expected a mean above 0, found {bottom:g}")
        gradient = [0.0] * k
        gradient[numerator] = 1 / bottom
        gradient[numerator + 1] = -top / bottom / bottom
        gradients.append(gradient)
        ratios.append(top / bottom)
    return moments.linear(gradients).centred_at(ratios)


def ratio_arm(moments: Moments) -> Arm:
    """One arm's ratio of sums: variables (numerator, denominator) over the arm's units.

    Raises ValueError for fewer than 2 units or a denominator whose mean isn't above 0.

    >>> ratio_arm(Moments.from_values([[1.0, 2.0], [3.0, 4.0], [2.0, 6.0]])).mean
    0.5
    """
    return linearised(moments).arm()


def ratio_difference(
    treatment: Moments,
    control: Moments,
    *,
    reference: Reference = "welch",
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> Effect:
    """Difference of two arms' ratios by the delta method; variables (numerator, denominator) per unit.

    Raises ValueError for a denominator whose mean isn't above 0, or when neither ratio varies.
    Source: Deng, Knoblich & Lu (2018), Applying the Delta Method in Metric Analytics, KDD.

    >>> arm = Moments.from_values([[1.0, 2.0], [3.0, 4.0], [2.0, 6.0]])
    >>> ratio_difference(arm, arm).estimate
    0.0
    """
    arms = ratio_arm(treatment), ratio_arm(control)
    return difference(*arms, reference=reference, alpha=alpha, alternative=alternative)


def ratio_lift(
    treatment: Moments,
    control: Moments,
    *,
    method: LiftMethod = "delta",
    reference: Reference = "welch",
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> Effect:
    """Relative lift of treatment's ratio over control's; variables (numerator, denominator) per unit.

    method: "delta", "log" or "fieller", see relative.py. Raises ValueError like them, and for a denominator
    whose mean isn't above 0.

    >>> arm = Moments.from_values([[1.0, 2.0], [3.0, 4.0], [2.0, 6.0]])
    >>> ratio_lift(arm, arm).estimate
    0.0
    """
    one_of("method", method, tuple(LIFTS))
    arms = ratio_arm(treatment), ratio_arm(control)
    return LIFTS[method](*arms, reference=reference, alpha=alpha, alternative=alternative)
