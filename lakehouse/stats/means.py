"""The difference of two arms' levels: Welch's and the pooled t-test, and the z-test of large samples.

Belongs here: absolute differences of means, and of anything else that is an Arm (ratios, CUPED means,
quantiles). Not here: relative effects (relative.py), rates with their own methods (proportions.py), margins
(noninferiority.py).
"""

from __future__ import annotations

from lakehouse.stats.arms import Arm, Reference, spread
from lakehouse.stats.effects import Effect, wald_effect
from lakehouse.stats.guards import Alternative


def difference(
    treatment: Arm,
    control: Arm,
    *,
    reference: Reference = "welch",
    null: float = 0.0,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> Effect:
    """Treatment minus control in the metric's unit, tested against `null`.

    reference: "welch" (variances may differ, Student's t), "pooled" (one variance, Student's t) or "normal"
    (variances may differ, large samples). alpha, alternative: as in scipy; a one-sided interval has an
    infinite end.
    Raises ValueError when neither arm varies, and for an unknown reference, alternative or level.
    Source: Welch (1947), Biometrika 34:28-35; Student (1908), Biometrika 6:1-25.

    >>> effect = difference(Arm(3461, 0.7, 38.44), Arm(3407, 0.41, 15.2))
    >>> round(effect.estimate, 2), round(effect.low, 2), round(effect.high, 2)
    (0.29, 0.05, 0.53)
    """
    both = spread(treatment, control, reference)
    return wald_effect(
        treatment.mean - control.mean,
        both.standard_error,
        degrees_of_freedom=both.degrees_of_freedom,
        null=null,
        alpha=alpha,
        alternative=alternative,
    )


def welch(
    treatment: Arm, control: Arm, *, alpha: float = 0.05, alternative: Alternative = "two-sided"
) -> Effect:
    """Welch's t-test of treatment minus control, for arms whose variances may differ.

    Raises ValueError when neither arm varies, and for an unknown alternative or level.
    Source: Welch (1947), Biometrika 34:28-35.

    >>> round(welch(Arm(6, 117.5, 94.09), Arm(4, 126.8, 144.0)).degrees_of_freedom, 1)
    5.6
    """
    return difference(treatment, control, reference="welch", alpha=alpha, alternative=alternative)


def pooled_t(
    treatment: Arm, control: Arm, *, alpha: float = 0.05, alternative: Alternative = "two-sided"
) -> Effect:
    """Student's t-test of treatment minus control, for arms that share one variance.

    Raises ValueError when neither arm varies, and for an unknown alternative or level.
    Source: Student (1908), Biometrika 6:1-25.

    >>> effect = pooled_t(Arm(6, 117.5, 94.09), Arm(4, 126.8, 144.0))
    >>> round(effect.low, 2), round(effect.high, 2)
    (-25.11, 6.51)
    """
    return difference(treatment, control, reference="pooled", alpha=alpha, alternative=alternative)
