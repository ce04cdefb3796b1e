from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq

from lakehouse.stats.arms import REFERENCES, Arm, Reference
from lakehouse.stats.effects import Effect
from lakehouse.stats.guards import ALTERNATIVES, Alternative
from lakehouse.stats.means import difference
from lakehouse.stats.relative import delta_method, fieller, log_scale

METHODS = (delta_method, log_scale, fieller)
ARMS = st.builds(Arm, st.integers(50, 10**6), st.floats(1, 100), st.floats(0.01, 10))


def scaled(arm: Arm, unit: float) -> Arm:
    return Arm(arm.n, arm.mean * unit, arm.variance * unit * unit)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=40, deadline=None)
@given(ARMS, ARMS, st.sampled_from([0.01, 100.0]), st.sampled_from(REFERENCES), st.sampled_from(ALTERNATIVES))
def test_a_lift_does_not_depend_on_the_unit(
    method: Callable[..., Effect],
    treatment: Arm,
    control: Arm,
    unit: float,
    reference: Reference,
    alternative: Alternative,
) -> None:
    one = method(treatment, control, reference=reference, alternative=alternative)
    other = method(
        scaled(treatment, unit), scaled(control, unit), reference=reference, alternative=alternative
    )
    assert one.estimate == pytest.approx(treatment.mean / control.mean - 1)
    for name in ("estimate", "low", "high", "p_value", "standard_error", "statistic"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-6, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(ARMS, ARMS, st.floats(0.001, 0.4), st.sampled_from(REFERENCES), st.sampled_from(ALTERNATIVES))
def test_fiellers_interval_and_the_absolute_test_never_disagree(
    treatment: Arm, control: Arm, alpha: float, reference: Reference, alternative: Alternative
) -> None:
    lift = fieller(treatment, control, alpha=alpha, reference=reference, alternative=alternative)
    absolute = difference(treatment, control, alpha=alpha, reference=reference, alternative=alternative)
    assert lift.p_value == absolute.p_value
    assert lift.low <= lift.estimate <= lift.high
    if abs(lift.p_value - alpha) > 1e-9:
        assert (lift.p_value < alpha) == (not lift.low <= 0 <= lift.high)


def test_fiellers_bounds_are_the_lifts_that_the_test_just_rejects() -> None:
    treatment, control = Arm(40, 2.3, 1.7), Arm(60, 2.0, 2.4)
    lift = fieller(treatment, control, reference="normal")

    def distance(bound: float) -> float:
        ratio = 1 + bound
        variance = treatment.variance / treatment.n + ratio**2 * control.variance / control.n
        return abs(treatment.mean - ratio * control.mean) / variance**0.5 - stats.norm.isf(0.025)

    assert lift.low == pytest.approx(brentq(distance, -0.9, lift.estimate))
    assert lift.high == pytest.approx(brentq(distance, lift.estimate, 3.0))


def test_the_log_scale_is_katzs_interval_of_a_risk_ratio() -> None:
    theirs = stats.contingency.relative_risk(30, 100, 20, 120)
    bounds = theirs.confidence_interval(0.95)
    arms = [Arm(n, x / n, x / n * (1 - x / n)) for x, n in ((30, 100), (20, 120))]
    ours = log_scale(arms[0], arms[1], reference="normal")
    assert (1 + ours.low, 1 + ours.high) == pytest.approx((bounds.low, bounds.high))


def test_with_large_samples_the_three_methods_agree() -> None:
    treatment, control = Arm(10**7, 1.02, 1.0), Arm(10**7, 1.0, 1.0)
    lifts = [method(treatment, control) for method in METHODS]
    for lift in lifts:
        assert (lift.low, lift.high) == pytest.approx((lifts[0].low, lifts[0].high), abs=1e-6)
        assert lift.standard_error == pytest.approx(lifts[0].standard_error)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("baseline", [0.0, -1.0])
def test_a_lift_needs_a_control_above_zero(method: Callable[..., Effect], baseline: float) -> None:
    with pytest.raises(ValueError, match=r"control\.mean: expected a number above 0"):
        method(Arm(10, 1.0, 1.0), Arm(10, baseline, 1.0))


def test_a_log_ratio_needs_a_treatment_above_zero() -> None:
    with pytest.raises(ValueError, match=r"treatment\.mean: expected a number above 0, found 0"):
        log_scale(Arm(10, 0.0, 1.0), Arm(10, 1.0, 1.0))


def test_an_unbounded_lift_is_named() -> None:
    with pytest.raises(ValueError, match="the relative lift is unbounded"):
        fieller(Arm(10, 1.0, 1.0), Arm(10, 0.1, 1.0))


@pytest.mark.parametrize("method", METHODS)
def test_arms_without_variance_have_no_lift(method: Callable[..., Effect]) -> None:
    with pytest.raises(ValueError, match="no variance"):
        method(Arm(10, 1.0, 0.0), Arm(10, 1.0, 0.0))


@pytest.mark.parametrize("method", METHODS)
def test_numbers_beyond_a_float_are_named(method: Callable[..., Effect]) -> None:
    with pytest.raises(ValueError, match="expected"):
        method(Arm(10, 1e300, 1.0), Arm(10, 1e-300, 1e-301))


def test_a_wide_log_interval_is_infinite_rather_than_an_error() -> None:
    assert log_scale(Arm(2, 1.0, 1e5), Arm(2, 1.0, 1e5)).high == math.inf
