"""A confidence sequence may be looked at whenever one likes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from lakehouse.stats.guards import ALTERNATIVES, Alternative
from lakehouse.stats.sequential import (
    ConfidenceSequence,
    confidence_sequence,
    mixture_boundary,
    mixture_log_evidence,
    mixture_rho,
    running_intersection,
)

alphas = st.floats(0.001, 0.5)
times = st.floats(1e-3, 1e8)
estimates = st.floats(-1e6, 1e6)
errors = st.floats(1e-6, 1e6)
sizes = st.integers(2, 10**9)
alternatives = st.sampled_from(ALTERNATIVES)


def brute_force_evidence(s: float, v: float, rho: float, *, one_sided: bool) -> float:
    """exp(theta s - theta^2 v / 2), averaged over theta ~ Normal(0, 1 / rho) or its positive half."""
    theta = np.linspace(0.0 if one_sided else -12.0, 12.0, 400_001) / math.sqrt(rho)
    density = np.exp(-0.5 * rho * theta**2) * math.sqrt(rho / (2 * math.pi)) * (2 if one_sided else 1)
    return float(np.trapezoid(density * np.exp(theta * s - 0.5 * theta**2 * v), theta))


@pytest.mark.parametrize("s", [-8.0, 0.0, 3.0, 15.0])
def test_the_evidence_is_the_likelihood_ratio_averaged_over_the_mixture(s: float) -> None:
    two_sided = brute_force_evidence(s, 20.0, 7.0, one_sided=False)
    assert math.exp(mixture_log_evidence(s, 20.0, 7.0)) == pytest.approx(two_sided, rel=1e-8)
    one_sided = brute_force_evidence(s, 20.0, 7.0, one_sided=True)
    assert math.exp(mixture_log_evidence(s, 20.0, 7.0, "greater")) == pytest.approx(one_sided, rel=1e-8)
    assert mixture_log_evidence(-s, 20.0, 7.0, "less") == mixture_log_evidence(s, 20.0, 7.0, "greater")


@settings(deadline=None)
@given(v=times, alpha=alphas, alternative=alternatives, target=times)
def test_at_its_boundary_the_evidence_is_one_over_alpha(
    v: float, alpha: float, alternative: Alternative, target: float
) -> None:
    rho = mixture_rho(target, alpha)
    bound = mixture_boundary(v, rho, alpha, alternative)
    reached = mixture_log_evidence(-bound if alternative == "less" else bound, v, rho, alternative)
    assert reached == pytest.approx(-math.log(alpha), abs=1e-6)


@settings(deadline=None)
@given(v=times)
def test_the_boundary_is_nearly_tightest_where_it_is_tuned_to_be(v: float) -> None:
    tuned = mixture_boundary(v, mixture_rho(v))
    others = [mixture_boundary(v, mixture_rho(v) * factor) for factor in (0.1, 0.5, 2.0, 10.0)]
    assert tuned <= min(others)


@settings(deadline=None)
@given(
    estimate=estimates,
    error=errors,
    n=sizes,
    expected=st.floats(10, 1e8),
    alpha=alphas,
    alternative=alternatives,
)
def test_interval_and_p_value_always_agree(
    estimate: float, error: float, n: int, expected: float, alpha: float, alternative: Alternative
) -> None:
    look = confidence_sequence(estimate, error, n, expected_n=expected, alpha=alpha, alternative=alternative)
    assert not math.isnan(look.low)
    assert not math.isnan(look.high)
    assert 0 <= look.p_value <= 1
    excluded = not look.low <= 0 <= look.high
    # On the edge itself rounding may decide.
    if abs(look.p_value - alpha) > 1e-6:
        assert excluded == (look.p_value < alpha)


@settings(deadline=None)
@given(error=errors, n=sizes, expected=st.floats(10, 1e8), alpha=alphas)
def test_looking_all_the_time_costs_width(error: float, n: int, expected: float, alpha: float) -> None:
    look = confidence_sequence(0.0, error, n, expected_n=expected, alpha=alpha)
    assert look.high == -look.low > norm.isf(alpha / 2) * error


@settings(deadline=None)
@given(error=errors, n=sizes, alpha=st.floats(0.001, 0.3))
def test_a_one_sided_question_costs_less(error: float, n: int, alpha: float) -> None:
    two = confidence_sequence(0.0, error, n, expected_n=n, alpha=alpha)
    one = confidence_sequence(0.0, error, n, expected_n=n, alpha=alpha, alternative="greater")
    assert one.high == math.inf
    assert two.low < one.low < 0


def test_a_stream_without_effect_is_rarely_ever_rejected() -> None:
    """400 streams of 2,000 values, looked at after every 20: at most 5 % are ever excluded, whatever the day."""
    values = np.random.default_rng(7).standard_normal((400, 2000)).cumsum(axis=1)
    at = np.arange(100, 2001, 20)
    bounds = np.array([mixture_boundary(float(n), mixture_rho(500)) for n in at])
    ever = (np.abs(values[:, at - 1]) >= bounds).any(axis=1).mean()
    assert ever <= 0.05
    fixed = (np.abs(values[:, at - 1]) >= 1.96 * np.sqrt(at)).any(axis=1).mean()
    assert fixed > 0.2


def test_all_looks_together_are_their_intersection_and_the_smallest_p() -> None:
    looks = [
        confidence_sequence(0.5, 0.1, 1000, expected_n=2000),
        confidence_sequence(0.4, 0.09, 1200, expected_n=2000),
    ]
    together = running_intersection(looks)
    assert (together.low, together.high) == (max(x.low for x in looks), min(x.high for x in looks))
    assert together.p_value == min(x.p_value for x in looks)
    assert (together.estimate, together.n) == (0.4, 1200)


def test_looks_that_exclude_one_another_are_refused() -> None:
    looks = [
        confidence_sequence(1.0, 0.01, 1000, expected_n=1000),
        confidence_sequence(0.0, 0.01, 2000, expected_n=1000),
    ]
    with pytest.raises(ValueError, match="expected intervals that share a value"):
        running_intersection(looks)
    with pytest.raises(ValueError, match="expected at least one look"):
        running_intersection([])


@settings(max_examples=30, deadline=None)
@given(z=st.floats(-1e300, 1e300), alternative=alternatives)
def test_no_estimate_is_too_extreme(z: float, alternative: Alternative) -> None:
    look: ConfidenceSequence = confidence_sequence(z, 1e-8, 100, expected_n=100, alternative=alternative)
    assert 0 <= look.p_value <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"standard_error": 0.0}, "standard_error: expected a number above 0, found 0"),
        ({"standard_error": math.nan}, "standard_error: expected a finite number, found nan"),
        ({"estimate": math.inf}, "estimate: expected a finite number"),
        ({"n": 1}, "n: expected at least 2, found 1"),
        ({"expected_n": 0}, "expected_n: expected a number above 0"),
        ({"alpha": 1.0}, "alpha: expected a number between 0 and 1"),
        ({"alternative": "bigger"}, "alternative: expected one of two-sided, greater, less, found 'bigger'"),
    ],
)
def test_bad_input_is_named(change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"estimate": 0.1, "standard_error": 0.1, "n": 100, "expected_n": 100}
    with pytest.raises(ValueError, match=message):
        confidence_sequence(**(arguments | change))  # type: ignore[arg-type]  # wrong on purpose
