"""CUPED: an effect adjusted for what was known of the units before the experiment.

Belongs here: the adjustment of two arms by one covariate, for means and (through ratios.linearised) for
ratios with covariates on both parts. Not here: the comparison of adjusted arms (means.py, relative.py take
them).

Every function takes Moments of two variables per arm, outcome then covariate. For a ratio metric these are
`linearised(moments of numerator, denominator, numerator's covariate, denominator's covariate)`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lakehouse.stats.arms import Arm, Reference, Spread, spread
from lakehouse.stats.effects import Effect, quantile, wald_effect
from lakehouse.stats.guards import Alternative, finite, positive
from lakehouse.stats.means import difference
from lakehouse.stats.moments import Moments
from lakehouse.stats.relative import fieller_lifts


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Two arms adjusted with one slope theta.

    variance_reduction: share of the difference's sampling variance that the adjustment removed (negative when
    the price of estimating theta was higher than the gain).
    """

    treatment: Arm
    control: Arm
    theta: float
    variance_reduction: float


def slope(moments: Moments) -> float:
    """Least-squares slope of the outcome on the covariate in one set of units.

    Raises ValueError when the covariate doesn't vary.

    >>> slope(Moments.from_values([[1.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    0.75
    """
    _two("moments", moments)
    if not moments.covariances[1][1] > 0:
        raise ValueError("covariate: expected values that vary, found one value only")
    return moments.covariances[0][1] / moments.covariances[1][1]


def best_theta(treatment: Moments, control: Moments) -> float:
    """The slope that makes the adjusted difference's variance least; within arms, when they are of one size.

    Weighting by 1 / n keeps the promise that (but for theta's own error) the adjustment never adds variance,
    also when the split is uneven and the arms' slopes differ. Raises ValueError when the covariate varies in
    neither arm.
    Source: Deng, Xu, Kohavi & Walker (2013), WSDM, for the difference of two arms.

    >>> arm = Moments.from_values([[1.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    >>> best_theta(arm, arm)
    0.75
    """
    arms = (_two("treatment", treatment), _two("control", control))
    variance = sum(arm.covariances[1][1] / arm.n for arm in arms)
    if not variance > 0:
        raise ValueError("covariate: expected values that vary, found one value only")
    return sum(arm.covariances[0][1] / arm.n for arm in arms) / variance


def cuped(treatment: Moments, control: Moments, theta: float | None = None) -> Adjusted:
    """Both arms' outcomes moved to the covariate's common mean, with the variance that remains.

    theta: None estimates it with best_theta, and the variance then pays for the estimate: one degree of
    freedom, and theta's own error times the arms' gap in the covariate (exactly the analysis of covariance
    for arms of one size). A given theta, e.g. from other data, counts as known.
    Raises ValueError when the covariate varies in neither arm, for fewer than 4 units in all, or a theta that
    isn't finite.
    Source: Deng, Xu, Kohavi & Walker (2013), WSDM; Cochran (1957), Biometrics 13:261-281, for theta's own
    error.

    >>> control = Moments.from_values([[1.1, 1.0], [1.9, 2.0], [3.2, 3.0], [3.8, 4.0]])
    >>> treatment = Moments.from_values([[2.0, 1.0], [3.1, 2.0], [3.9, 3.0], [5.0, 4.0]])
    >>> adjusted = cuped(treatment, control)
    >>> round(adjusted.treatment.mean - adjusted.control.mean, 2), round(adjusted.variance_reduction, 2)
    (1.0, 0.99)
    """
    for name, arm in (("treatment", treatment), ("control", control)):
        _two(name, arm)
    used, inflation = _theta(treatment, control, theta)
    n = treatment.n + control.n
    common = treatment.means[1] * (treatment.n / n) + control.means[1] * (control.n / n)
    arms = [
        Arm(arm.n, arm.means[0] - used * (arm.means[1] - common), inflation * _residual(arm, used))
        for arm in (treatment, control)
    ]
    raw = sum(arm.covariances[0][0] / arm.n for arm in (treatment, control))
    left = sum(arm.variance / arm.n for arm in arms)
    return Adjusted(arms[0], arms[1], used, 1 - left / raw if raw > 0 else 0.0)


def cuped_lift(
    treatment: Moments,
    control: Moments,
    theta: float | None = None,
    *,
    reference: Reference = "welch",
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> Effect:
    """Adjusted difference relative to the control's unadjusted level, by the delta method.

    The denominator's own error, and its covariance with the adjusted difference, are in the variance. theta:
    as in cuped. The degrees of freedom are those of the adjusted absolute difference. A lift of 0.1 is +10%.
    Raises ValueError like cuped, when the control's level isn't above 0, and when nothing is left that
    varies.
    Source: delta method as in Deng, Knoblich & Lu (2018), Applying the Delta Method in Metric Analytics, KDD.

    >>> control = Moments.from_values([[1.1, 1.0], [1.9, 2.0], [3.2, 3.0], [3.8, 4.0]])
    >>> treatment = Moments.from_values([[2.0, 1.0], [3.1, 2.0], [3.9, 3.0], [5.0, 4.0]])
    >>> round(cuped_lift(treatment, control).estimate, 2)
    0.4
    """
    adjusted = cuped(treatment, control, theta)
    baseline = positive("control level", control.means[0])
    lift = (adjusted.treatment.mean - adjusted.control.mean) / baseline
    absolute = spread(adjusted.treatment, adjusted.control, reference)
    distance = _distance(treatment, control, theta, adjusted, lift, reference)
    return wald_effect(
        lift,
        distance.standard_error / baseline,
        degrees_of_freedom=absolute.degrees_of_freedom,
        alpha=alpha,
        alternative=alternative,
    )


def cuped_fieller(
    treatment: Moments,
    control: Moments,
    theta: float | None = None,
    *,
    reference: Reference = "welch",
    alpha: float = 0.05,
) -> Effect:
    """The lift of cuped_lift with all lifts that the test of the adjusted difference doesn't reject.

    Statistic and p-value are those of the adjusted difference, so that test and interval agree; standard_error is the
    delta method's. Raises ValueError like cuped_lift, and when the control's level isn't distinguishable from 0.
    Source: Fieller (1954), Journal of the Royal Statistical Society B 16:175-185.

    >>> control = Moments.from_values([[1.1, 1.0], [1.9, 2.0], [3.2, 3.0], [3.8, 4.0]])
    >>> treatment = Moments.from_values([[2.0, 1.0], [3.1, 2.0], [3.9, 3.0], [5.0, 4.0]])
    >>> lift = cuped_fieller(treatment, control)
    >>> lift.low > 0, lift.p_value < 0.05
    (True, True)
    """
    linear = cuped_lift(treatment, control, theta, reference=reference, alpha=alpha)
    adjusted = cuped(treatment, control, theta)
    absolute = difference(adjusted.treatment, adjusted.control, reference=reference, alpha=alpha)
    low, high = fieller_lifts(
        absolute.estimate,
        control.means[0],
        lambda lift: _distance(treatment, control, theta, adjusted, lift, reference).standard_error ** 2,
        quantile(alpha / 2, absolute.degrees_of_freedom),
    )
    return replace(linear, low=low, high=high, statistic=absolute.statistic, p_value=absolute.p_value)


def _distance(
    treatment: Moments,
    control: Moments,
    theta: float | None,
    adjusted: Adjusted,
    lift: float,
    reference: Reference,
) -> Spread:
    """Spread of the adjusted treatment less 1 + lift times the control: of what the lift leaves unexplained."""
    _, inflation = _theta(treatment, control, theta)
    # One control unit moves it by -(1 + lift) times its outcome, plus theta times its covariate.
    residual = inflation * _residual(control, adjusted.theta, outcome_weight=1 + lift)
    return spread(adjusted.treatment, Arm(control.n, control.means[0], residual), reference)


def _two(name: str, moments: Moments) -> Moments:
    if len(moments.means) != 2:
        raise ValueError(f"{name}: expected 2 variables, outcome and covariate, found {len(moments.means)}")
    return moments


def _residual(arm: Moments, theta: float, outcome_weight: float = 1.0) -> float:
    """Variance of outcome_weight * outcome - theta * covariate over the arm's units."""
    return arm.linear([[outcome_weight, -theta]]).covariances[0][0]


def _theta(treatment: Moments, control: Moments, theta: float | None) -> tuple[float, float]:
    """The slope, and the factor that its estimation adds to the residual variances."""
    if theta is not None:
        return finite("theta", theta), 1.0
    estimated = best_theta(treatment, control)
    n1, n0 = treatment.n, control.n
    n = n1 + n0
    if n < 4:
        raise ValueError(f"units: expected at least 4 to estimate theta, found {n}")
    variances = [arm.covariances[1][1] / arm.n for arm in (treatment, control)]
    # Variance of theta over the residual variance: sum of squared weights of a weighted least-squares slope.
    error = sum(v / arm.n / (arm.n - 1) for v, arm in zip(variances, (treatment, control), strict=True))
    gap = (treatment.means[1] - control.means[1]) / sum(variances)
    leverage = gap * gap * error / (1 / n1 + 1 / n0)
    return estimated, finite("theta's error", (n - 2) / (n - 3) * (1 + leverage))
