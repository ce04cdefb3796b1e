from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lakehouse.stats.arms import Arm, spread, welch_degrees_of_freedom
from lakehouse.stats.effects import margins, p_value, quantile, upper_tail, wald_effect
from lakehouse.stats.guards import ALTERNATIVES, Alternative, count

LEVELS = st.floats(1e-6, 0.5)
DEGREES = st.one_of(st.floats(1, 1e7), st.just(math.inf))
ESTIMATES = st.floats(-1e6, 1e6)
ERRORS = st.floats(1e-3, 1e6)


@settings(max_examples=50, deadline=None)
@given(LEVELS, DEGREES)
def test_quantiles_and_tails_are_scipys(level: float, degrees: float) -> None:
    reference = stats.norm if math.isinf(degrees) else stats.t(degrees)
    assert quantile(level, degrees) == pytest.approx(reference.isf(level), rel=1e-9, abs=1e-9)
    assert upper_tail(1.3, degrees) == pytest.approx(reference.sf(1.3), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(ESTIMATES, ERRORS, DEGREES, st.floats(0.001, 0.4), st.sampled_from(ALTERNATIVES), ESTIMATES)
def test_the_interval_leaves_out_the_null_exactly_when_p_is_below_alpha(
    estimate: float, error: float, degrees: float, alpha: float, alternative: Alternative, null: float
) -> None:
    effect = wald_effect(
        estimate, error, degrees_of_freedom=degrees, null=null, alpha=alpha, alternative=alternative
    )
    assert effect.low < effect.high
    assert 0 <= effect.p_value <= 1
    if abs(effect.p_value - alpha) > 1e-9:
        assert (effect.p_value < alpha) == (not effect.low <= null <= effect.high)


@settings(max_examples=40, deadline=None)
@given(ESTIMATES, ERRORS, st.floats(1, 1e4))
def test_the_one_sided_p_values_add_up_and_the_two_sided_is_twice_the_smaller(
    estimate: float, error: float, degrees: float
) -> None:
    greater, less, both = (
        wald_effect(estimate, error, degrees_of_freedom=degrees, alternative=alternative).p_value
        for alternative in ("greater", "less", "two-sided")
    )
    assert greater + less == pytest.approx(1)
    assert both == pytest.approx(min(1, 2 * min(greater, less)))


def test_a_one_sided_interval_has_an_infinite_end() -> None:
    assert margins(2.0, math.inf, 0.05, "greater")[1] == math.inf
    assert margins(2.0, math.inf, 0.05, "less")[0] == math.inf
    assert wald_effect(1.0, 0.5, alternative="greater").high == math.inf
    assert wald_effect(1.0, 0.5, alternative="less").low == -math.inf


def test_a_far_statistic_keeps_its_tiny_p_value() -> None:
    assert p_value(30.0, math.inf, "two-sided") == pytest.approx(2 * stats.norm.sf(30), rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"estimate": math.nan, "standard_error": 1.0}, "estimate: expected a finite number"),
        ({"estimate": 1.0, "standard_error": 0.0}, "no variance"),
        ({"estimate": 1.0, "standard_error": math.inf}, "standard_error: expected a finite number"),
        ({"estimate": 1.0, "standard_error": 1.0, "alpha": 0.0}, "alpha: expected a number between 0 and 1"),
        ({"estimate": 1.0, "standard_error": 1.0, "alternative": "both"}, "alternative: expected one of"),
        ({"estimate": 1e300, "standard_error": 1e-300}, "statistic: expected a finite number"),
    ],
)
def test_what_gives_no_inference_is_said(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wald_effect(**arguments)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("n", [0, 1, 2.5, math.nan, math.inf])
def test_an_arm_needs_two_whole_units(n: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        Arm(n, 1.0, 1.0)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("mean", "variance"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, -1.0), (1.0, math.nan)]
)
def test_an_arm_needs_finite_moments(mean: float, variance: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        Arm(10, mean, variance)


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 10**6), st.integers(2, 10**6), st.floats(0, 1e12), st.floats(1e-12, 1e12))
def test_welchs_degrees_of_freedom_lie_between_the_smaller_arms_and_the_pooled(
    n1: int, n0: int, v1: float, v0: float
) -> None:
    degrees = welch_degrees_of_freedom(v1, n1, v0, n0)
    assert min(n1, n0) - 1 <= degrees * (1 + 1e-9)
    assert degrees <= (n1 + n0 - 2) * (1 + 1e-9)


def test_arms_without_variance_spread_nothing() -> None:
    both = spread(Arm(5, 1.0, 0.0), Arm(5, 2.0, 0.0))
    assert both.standard_error == 0
    assert both.degrees_of_freedom == math.inf


def test_a_count_is_a_whole_number() -> None:
    assert count("n", 3.0) == 3
    with pytest.raises(ValueError, match=r"n: expected a whole number, found 3\.5"):
        count("n", 3.5)
