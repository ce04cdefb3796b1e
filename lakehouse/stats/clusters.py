"""Effects when clusters, not units, vary on their own: schools, households, customers with many sessions.

Belongs here: cluster-robust comparison of means and ratios from per-cluster sums. Not here: regressions with
clustered errors (cluster_regression.py).

A mean over clustered units is a ratio of per-cluster sums, so Moments here are over clusters: per cluster the
sum of the metric (or of its numerator), and the number of units (or the sum of the denominator).
"""

from __future__ import annotations

from dataclasses import replace

from lakehouse.stats.arms import Arm
from lakehouse.stats.effects import Effect, quantile, wald_effect
from lakehouse.stats.guards import Alternative, positive
from lakehouse.stats.moments import Moments
from lakehouse.stats.ratios import linearised
from lakehouse.stats.relative import fieller_lifts


def cluster_arm(moments: Moments) -> Arm:
    """One arm's mean over units of G clusters, as an Arm of n = G: compare with means.py or relative.py.

    moments: over the arm's clusters, of (sum of values, number of units), or (sum of numerators, sum of
    denominators). Each cluster belongs to one arm. The variance has the divisor G - 1. Raises ValueError for
    fewer than 2 clusters, or without units.
    Source: Liang & Zeger (1986), Biometrika 73:13-22, for a mean; factor G / (G - 1) per arm.

    >>> arm = cluster_arm(Moments.from_values([[6.0, 2.0], [8.0, 4.0], [9.0, 3.0]]))
    >>> arm.n, round(arm.mean, 3), round(arm.standard_error, 3)
    (3, 2.556, 0.373)
    """
    if len(moments.means) != 2:
        raise ValueError(f"moments: expected 2 variables, sum and size, found {len(moments.means)}")
    return linearised(moments).arm()


def clustered_difference(
    moments: Moments, *, alpha: float = 0.05, alternative: Alternative = "two-sided"
) -> Effect:
    """Difference of two arms' means when a cluster may hold units of both arms.

    moments: over all G clusters, of (treatment's sum, treatment's size, control's sum, control's size), where
    an arm that a cluster doesn't hold has sum and size 0. A ratio metric has sums of numerator and
    denominator. Student's t with G - 1 degrees of freedom.
    Raises ValueError for fewer than 2 clusters, an arm without units, or when nothing varies between
    clusters.
    Source: Liang & Zeger (1986), Biometrika 73:13-22; the factor G / (G - 1) as in Cameron & Miller (2015),
    Journal of Human Resources 50:317-372, for two coefficients.

    >>> sums = [[6.0, 2.0, 3.0, 2.0], [8.0, 4.0, 2.0, 2.0], [9.0, 3.0, 0.0, 0.0], [0.0, 0.0, 4.0, 3.0]]
    >>> effect = clustered_difference(Moments.from_values(sums))
    >>> round(effect.estimate, 3), round(effect.standard_error, 3)
    (1.27, 0.261)
    """
    return _effect(_both_means(moments).linear([[1.0, -1.0]]), alpha, alternative)


def clustered_lift(
    moments: Moments, *, alpha: float = 0.05, alternative: Alternative = "two-sided"
) -> Effect:
    """Relative lift by the delta method when a cluster may hold units of both arms.

    Arguments as in clustered_difference; a lift of 0.1 is +10%. Raises ValueError like it, and when the
    control's mean isn't above 0.
    Source: delta method as in Deng, Knoblich & Lu (2018), Applying the Delta Method in Metric Analytics, KDD.

    >>> sums = [[6.0, 2.0, 3.0, 2.0], [8.0, 4.0, 2.0, 2.0], [9.0, 3.0, 0.0, 0.0], [0.0, 0.0, 4.0, 3.0]]
    >>> round(clustered_lift(Moments.from_values(sums)).estimate, 3)
    0.988
    """
    means = _both_means(moments)
    baseline = positive("control's mean", means.means[1])
    ratio = means.means[0] / baseline
    return _effect(
        means.linear([[1 / baseline, -ratio / baseline]]).centred_at([ratio - 1]), alpha, alternative
    )


def clustered_fieller(moments: Moments, *, alpha: float = 0.05) -> Effect:
    """The lift of clustered_lift with all lifts that the test of the difference doesn't reject.

    Statistic and p-value are those of clustered_difference; standard_error is the delta method's. Raises ValueError like
    clustered_lift, and when the control's mean isn't distinguishable from 0.
    Source: Fieller (1954), Journal of the Royal Statistical Society B 16:175-185.

    >>> sums = [[6.0, 2.0, 3.0, 2.0], [8.0, 4.0, 2.0, 2.0], [9.0, 3.0, 0.0, 0.0], [0.0, 0.0, 4.0, 3.0]]
    >>> lift = clustered_fieller(Moments.from_values(sums))
    >>> lift.low > 0, lift.p_value < 0.05
    (True, True)
    """
    linear = clustered_lift(moments, alpha=alpha)
    absolute = clustered_difference(moments, alpha=alpha)
    means = _both_means(moments)
    low, high = fieller_lifts(
        absolute.estimate,
        means.means[1],
        lambda lift: means.linear([[1.0, -(1 + lift)]]).arm().standard_error ** 2,
        quantile(alpha / 2, absolute.degrees_of_freedom),
    )
    return replace(linear, low=low, high=high, statistic=absolute.statistic, p_value=absolute.p_value)


def _both_means(moments: Moments) -> Moments:
    if len(moments.means) != 4:
        raise ValueError(
            f"moments: expected 4 variables, sum and size of either arm, found {len(moments.means)}"
        )
    return linearised(moments)


def _effect(contrast: Moments, alpha: float, alternative: Alternative) -> Effect:
    arm = contrast.arm()
    return wald_effect(
        arm.mean, arm.standard_error, degrees_of_freedom=arm.n - 1.0, alpha=alpha, alternative=alternative
    )
