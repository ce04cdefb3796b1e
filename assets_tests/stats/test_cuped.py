from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from lakehouse.stats.cuped import best_theta, cuped, cuped_lift, slope
from lakehouse.stats.means import pooled_t, welch
from lakehouse.stats.moments import Moments
from lakehouse.stats.ratios import linearised
from lakehouse.stats.relative import delta_method


def units(seed: int, n: int, theta: float = 2.0, effect: float = 0.0) -> np.ndarray:
    """Outcome and covariate of n units."""
    rng = np.random.default_rng(seed)
    before = rng.gamma(2.0, 1.0, n)
    return np.column_stack([5 + effect + theta * before + rng.normal(0, 1, n), before])


def moments(*samples: np.ndarray) -> list[Moments]:
    return [Moments.from_values(sample) for sample in samples]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 40))
def test_with_arms_of_one_size_it_is_the_analysis_of_covariance(seed: int, n: int) -> None:
    treatment, control = units(seed, n, effect=1.0), units(seed + 1, n)
    both = np.vstack([treatment, control])
    x = np.column_stack([np.ones(2 * n), np.repeat([1.0, 0.0], n), both[:, 1]])
    coefficients, residuals, *_ = np.linalg.lstsq(x, both[:, 0], rcond=None)
    variance = residuals[0] / (2 * n - 3) * np.linalg.inv(x.T @ x)
    adjusted = cuped(*moments(treatment, control))
    effect = pooled_t(adjusted.treatment, adjusted.control)
    assert adjusted.theta == pytest.approx(coefficients[2])
    assert effect.estimate == pytest.approx(coefficients[1])
    assert effect.standard_error == pytest.approx(math.sqrt(variance[1, 1]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(5, 400), st.integers(5, 400), st.floats(-3, 3), st.floats(-3, 3))
def test_the_best_theta_leaves_the_least_variance(
    seed: int, n1: int, n0: int, slope1: float, slope0: float
) -> None:
    treatment, control = moments(units(seed, n1, slope1), units(seed + 1, n0, slope0))

    def left(theta: float) -> float:
        adjusted = cuped(treatment, control, theta)
        return adjusted.treatment.standard_error**2 + adjusted.control.standard_error**2

    theta = best_theta(treatment, control)
    assert left(theta) <= left(0.0)
    assert left(theta) <= minimize_scalar(left, bracket=(-3.0, 3.0)).fun * (1 + 1e-9)


def test_the_variance_reduction_is_the_squared_correlation() -> None:
    samples = units(1, 20_000), units(2, 20_000)
    adjusted = cuped(*moments(*samples))
    correlation = np.corrcoef(np.vstack(samples).T)[0, 1]
    assert adjusted.variance_reduction == pytest.approx(correlation**2, abs=1e-3)


def test_a_covariate_that_tells_nothing_costs_its_degree_of_freedom() -> None:
    outcome = [1.0, 2.0, 1.0, 2.0]
    arms = moments(*[np.column_stack([outcome, [1.0, 1.0, 2.0, 2.0]])] * 2)
    adjusted = cuped(*arms)
    assert adjusted.theta == 0
    assert adjusted.variance_reduction == pytest.approx(1 - 6 / 5)


def test_arms_meet_at_the_covariates_common_mean() -> None:
    treatment, control = moments(units(1, 40, effect=3.0), units(2, 60))
    adjusted = cuped(treatment, control, theta=1.5)
    common = (40 * treatment.means[1] + 60 * control.means[1]) / 100
    assert adjusted.treatment.mean == pytest.approx(treatment.means[0] - 1.5 * (treatment.means[1] - common))
    assert adjusted.control.mean == pytest.approx(control.means[0] - 1.5 * (control.means[1] - common))


def test_theta_of_zero_changes_nothing() -> None:
    treatment, control = moments(units(1, 40), units(2, 60))
    adjusted = cuped(treatment, control, theta=0.0)
    assert welch(adjusted.treatment, adjusted.control) == welch(treatment.arm(), control.arm())
    lift, plain = cuped_lift(treatment, control, 0.0), delta_method(treatment.arm(), control.arm())
    assert (lift.low, lift.high, lift.p_value) == pytest.approx((plain.low, plain.high, plain.p_value))
    assert adjusted.variance_reduction == 0


def test_the_price_of_theta_fades_with_the_units() -> None:
    treatment, control = moments(units(1, 50_000), units(2, 50_000))
    estimated, known = (cuped(treatment, control, theta) for theta in (None, best_theta(treatment, control)))
    assert estimated.treatment.variance > known.treatment.variance
    assert estimated.treatment.variance == pytest.approx(known.treatment.variance, rel=1e-4)


def test_the_lifts_variance_is_that_of_its_linearised_units() -> None:
    treatment, control = units(1, 300, effect=1.0), units(2, 200)
    theta = 1.7
    lift = cuped_lift(*moments(treatment, control), theta)
    baseline = control[:, 0].mean()
    gap = treatment.mean(axis=0) - control.mean(axis=0)
    estimate = (gap[0] - theta * gap[1]) / baseline
    above = (treatment[:, 0] - theta * treatment[:, 1]) / baseline
    below = ((1 + estimate) * control[:, 0] - theta * control[:, 1]) / baseline
    assert lift.estimate == pytest.approx(estimate)
    assert lift.standard_error == pytest.approx(math.sqrt(above.var(ddof=1) / 300 + below.var(ddof=1) / 200))


def test_a_ratio_of_sums_is_adjusted_by_the_ratio_of_its_covariates() -> None:
    def arm(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        before, after = 1 + rng.poisson(5, 4000), 1 + rng.poisson(5, 4000)
        taste = rng.beta(2, 3, 4000)
        return np.column_stack(
            [rng.binomial(after, taste), after, rng.binomial(before, taste), before]
        ).astype(float)

    samples = [arm(1), arm(2)]
    linear = [linearised(one) for one in moments(*samples)]
    adjusted = cuped(*linear)
    contributions = [
        [(s[:, i] - s[:, i].sum() / s[:, i + 1].sum() * s[:, i + 1]) / s[:, i + 1].mean() for i in (0, 2)]
        for s in samples
    ]
    correlation = np.mean([np.corrcoef(*pair)[0, 1] ** 2 for pair in contributions])
    assert correlation > 0.2
    assert adjusted.variance_reduction == pytest.approx(correlation, abs=0.01)
    gap = adjusted.treatment.mean - adjusted.control.mean
    raw, before = (linear[0].means[i] - linear[1].means[i] for i in (0, 1))
    assert gap == pytest.approx(raw - adjusted.theta * before)


def test_a_covariate_without_variance_is_named() -> None:
    arm = Moments.from_values([[1.0, 7.0], [2.0, 7.0], [3.0, 7.0]])
    for ask in (
        lambda: cuped(arm, arm),
        lambda: best_theta(arm, arm),
        lambda: slope(arm),
        lambda: cuped_lift(arm, arm),
    ):
        with pytest.raises(ValueError, match="covariate: expected values that vary, found one value only"):
            ask()


def test_a_covariate_that_explains_all_leaves_nothing_to_compare() -> None:
    rng = np.random.default_rng(1)
    arms = [
        Moments.from_values(np.column_stack([3 * x, x])) for x in (rng.normal(size=20), rng.normal(size=20))
    ]
    adjusted = cuped(*arms)
    assert adjusted.variance_reduction == 1
    with pytest.raises(ValueError, match="no variance"):
        welch(adjusted.treatment, adjusted.control)


def test_wrong_arguments_are_named() -> None:
    one, two = Moments.from_values([1.0, 2.0]), Moments.from_values([[1.0, 2.0], [2.0, 5.0]])
    with pytest.raises(ValueError, match="treatment: expected 2 variables, outcome and covariate, found 1"):
        cuped(one, two)
    with pytest.raises(ValueError, match="theta: expected a finite number"):
        cuped(two, two, math.nan)
    with pytest.raises(ValueError, match="control level: expected a number above 0"):
        cuped_lift(two, two.centred_at([0.0, 1.0]), 1.0)


def test_four_units_are_enough_to_estimate_theta() -> None:
    two = Moments.from_values([[1.0, 2.0], [2.0, 5.0]])
    assert cuped(two, two).theta == pytest.approx(1 / 3)
