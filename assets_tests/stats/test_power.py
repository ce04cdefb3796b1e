from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from lakehouse.stats.arms import Arm
from lakehouse.stats.guards import ALTERNATIVES, Alternative
from lakehouse.stats.moments import Moments
from lakehouse.stats.planning import Duration, current_power, duration
from lakehouse.stats.power import (
    Outcome,
    distance_for,
    minimum_detectable_effect,
    power_at,
    power_of,
    sample_size,
    t_test_sample_size,
)
from lakehouse.stats.ratios import ratio_arm

ALPHAS = st.floats(0.001, 0.2)
POWERS = st.floats(0.3, 0.99)
ALTERNATIVE = st.sampled_from(ALTERNATIVES)


@settings(max_examples=60, deadline=None)
@given(ALPHAS, POWERS, ALTERNATIVE)
def test_distance_and_power_are_inverse(alpha: float, power: float, alternative: Alternative) -> None:
    distance = distance_for(alpha, power, alternative)
    assert distance > 0
    signed = -distance if alternative == "less" else distance
    assert power_at(signed, alpha, alternative) == pytest.approx(power)


def test_without_an_effect_power_is_alpha() -> None:
    for alternative in ALTERNATIVES:
        assert power_at(0.0, 0.03, alternative) == pytest.approx(0.03)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.05, 0.8), st.floats(0.005, 0.1), st.floats(0.1, 0.9), ALPHAS, POWERS)
def test_a_planned_size_has_the_power_and_one_unit_less_does_not(
    level: float, effect: float, share: float, alpha: float, power: float
) -> None:
    outcome = Outcome.rate(level)
    plan = sample_size(outcome, effect, share=share, alpha=alpha, power=power)
    assert plan.power >= power - 1e-9
    assume(min(plan.n_treatment, plan.n_control) > 3)
    fewer = power_of(outcome, effect, plan.n_treatment - 1, plan.n_control - 1, alpha=alpha)
    assert fewer.power < power


@settings(max_examples=60, deadline=None)
@given(st.floats(0.05, 0.9), st.integers(500, 10**6), st.integers(500, 10**6), ALPHAS, POWERS, ALTERNATIVE)
def test_the_minimum_detectable_effect_is_found_with_the_power(
    level: float, n1: int, n0: int, alpha: float, power: float, alternative: Alternative
) -> None:
    for outcome in (Outcome.rate(level), Outcome(level, 3.0), Outcome.rate(level, variance_reduction=0.5)):
        try:
            plan = minimum_detectable_effect(
                outcome, n1, n0, alpha=alpha, power=power, alternative=alternative
            )
        except ValueError as error:
            assert "expected enough to find any rate" in str(error)  # noqa: PT017  # some draws have no such effect
            continue
        assert (plan.effect < 0) is (alternative == "less")
        there = power_of(outcome, plan.effect, n1, n0, alpha=alpha, alternative=alternative)
        assert there.power == pytest.approx(power, abs=1e-6)


def test_textbook_sizes() -> None:
    """Fleiss, Levin & Paik (2003), table A.4 without correction; and 16 sigma^2 / delta^2 (Lehr 1992)."""
    z = stats.norm.isf(0.025) + stats.norm.isf(0.2)
    assert sample_size(Outcome.rate(0.1), 0.1).n_control == math.ceil(z**2 * (0.1 * 0.9 + 0.2 * 0.8) / 0.1**2)
    assert sample_size(Outcome(5.0, 4.0), 0.2).n_control == pytest.approx(16 * 4 / 0.04, rel=0.02)


def test_an_even_split_needs_the_fewest_units() -> None:
    totals = []
    for share in (0.1, 0.3, 0.5):
        plan = sample_size(Outcome(5.0, 4.0), 0.2, share=share)
        assert plan.n_treatment / (plan.n_treatment + plan.n_control) == pytest.approx(share, abs=1e-3)
        totals.append(plan.n_treatment + plan.n_control)
    assert totals[0] > totals[1] > totals[2]
    assert totals[0] == pytest.approx(totals[2] * 0.25 / 0.09, rel=1e-3)


def test_cuped_saves_the_share_of_units_that_it_removes_of_the_variance() -> None:
    plain, reduced = (sample_size(Outcome(5.0, 4.0, variance_reduction=share), 0.02) for share in (0.0, 0.4))
    assert reduced.n_control / plain.n_control == pytest.approx(0.6, abs=1e-4)


def test_a_ratio_metric_is_planned_from_its_arm() -> None:
    arm = ratio_arm(Moments.from_values([[1.0, 2.0], [3.0, 4.0], [2.0, 6.0], [0.0, 1.0]]))
    outcome = Outcome.of(arm)
    assert (outcome.level, outcome.variance) == (arm.mean, arm.variance)
    assert power_of(outcome, 0.1, 500, 500).power > 0.05


def test_the_small_sample_plan_has_its_power_by_the_noncentral_t() -> None:
    n = t_test_sample_size(0.8, power=0.9)
    critical = stats.t.isf(0.025, 2 * n - 2)
    shift = 0.8 * math.sqrt(n / 2)
    assert stats.nct.sf(critical, 2 * n - 2, shift) == pytest.approx(0.9, abs=1e-6)
    assert t_test_sample_size(-0.8, power=0.9) == n


def test_cohens_table() -> None:
    """Cohen (1988), table 2.4.1: n for power .80 at a two-sided .05, rounded up."""
    assert [math.ceil(t_test_sample_size(d)) for d in (0.2, 0.5, 0.8)] == [394, 64, 26]


def test_the_small_sample_plan_nears_the_normal_one() -> None:
    normal = sample_size(Outcome(0.0, 1.0), 0.02).n_control
    assert t_test_sample_size(0.02) == pytest.approx(normal, rel=1e-3)


@pytest.mark.parametrize("effect", [0.0, math.nan, math.inf])
def test_an_effect_that_is_none_is_named(effect: float) -> None:
    with pytest.raises(ValueError, match="effect"):
        sample_size(Outcome(5.0, 4.0), effect)
    with pytest.raises(ValueError, match="effect"):
        t_test_sample_size(effect)


def test_wrong_arguments_are_named() -> None:
    outcome = Outcome.rate(0.1)
    with pytest.raises(ValueError, match="expected one that the alternative 'greater' looks for"):
        sample_size(outcome, -0.01, alternative="greater")
    with pytest.raises(ValueError, match="expected a treatment rate between 0 and 1"):
        sample_size(outcome, 0.95)
    with pytest.raises(ValueError, match="power: expected more than alpha"):
        sample_size(outcome, 0.01, power=0.05)
    with pytest.raises(ValueError, match="share: expected a number between 0 and 1"):
        sample_size(outcome, 0.01, share=1.0)
    with pytest.raises(ValueError, match="level: expected a rate between 0 and 1"):
        Outcome.rate(1.0)
    with pytest.raises(ValueError, match="variance: expected a number above 0"):
        Outcome(1.0, 0.0)
    with pytest.raises(ValueError, match="variance_reduction: expected"):
        Outcome(1.0, 1.0, variance_reduction=1.0)
    with pytest.raises(ValueError, match="n_treatment: expected at least 2, found 1"):
        power_of(outcome, 0.01, 1, 100)
    with pytest.raises(ValueError, match="expected enough to find any rate"):
        minimum_detectable_effect(outcome, 5, 5, alternative="less")
    with pytest.raises(ValueError, match="expected one that 2 units an arm don't find yet"):
        t_test_sample_size(1000.0)


def test_current_power_reaches_what_is_aimed_at_with_the_additional_units() -> None:
    now = current_power(0.02, 0.03, 1000)
    later = current_power(
        0.02 * math.sqrt(1000 / (1000 + now.additional_units)), 0.03, 1000 + now.additional_units
    )
    assert now.power < 0.8 <= later.power + 1e-12
    assert later.additional_units == 0
    assert now.detectable_effect == pytest.approx(distance_for(0.05, 0.8) * 0.02)


def test_current_power_is_that_of_the_arms_measured() -> None:
    treatment, control = Arm(5000, 0.11, 0.11 * 0.89), Arm(5000, 0.10, 0.10 * 0.90)
    error = math.hypot(treatment.standard_error, control.standard_error)
    assert current_power(error, 0.01, 10_000).power == pytest.approx(
        power_of(Outcome.rate(0.1), 0.01, 5000, 5000).power
    )


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_the_sign_of_the_effect_of_interest_does_not_matter(alternative: Alternative) -> None:
    assert current_power(0.02, 0.05, 100, alternative=alternative) == current_power(
        0.02, -0.05, 100, alternative=alternative
    )
    assert current_power(0.02, 0.05, 100, alternative=alternative).power > 0.6


@pytest.mark.parametrize(("error", "effect"), [(0.0, 0.1), (0.1, 0.0), (math.nan, 0.1), (0.1, math.inf)])
def test_current_power_needs_an_error_and_an_effect(error: float, effect: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        current_power(error, effect, 100)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 20_000),
    st.lists(st.integers(0, 500), min_size=1, max_size=7).filter(any),
    st.sampled_from([1.0, 0.5, 0.1]),
)
def test_the_duration_is_what_counting_day_by_day_gives(
    units: int, pattern: list[int], allocation: float
) -> None:
    assume(units < 3000 * sum(pattern) * allocation)
    days, entered = 0, 0.0
    while entered < units * (1 - 1e-9):
        entered += pattern[days % len(pattern)] * allocation
        days += 1
    assert duration(units, pattern, allocation) == Duration(days, math.ceil(days / 7))


@pytest.mark.parametrize(
    ("units", "daily", "allocation", "message"),
    [
        (0, 100, 1.0, "units: expected at least 1"),
        (10, 0, 1.0, "daily_units: expected numbers from 0, some above"),
        (10, [10, -1], 1.0, "daily_units: expected numbers from 0"),
        (10, math.nan, 1.0, "daily_units: expected finite numbers"),
        (10, [], 1.0, "daily_units: expected at least 1"),
        (10, 100, 0.0, "allocation: expected a number above 0 up to 1"),
        (10, 100, 1.5, "allocation: expected a number above 0 up to 1"),
    ],
)
def test_a_duration_that_nobody_can_know_is_named(
    units: int, daily: float, allocation: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        duration(units, daily, allocation)
