from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from lakehouse.stats.quantiles import (
    QuantileEstimate,
    quantile_arm,
    quantile_difference,
    quantile_estimate,
    rank_interval,
)


def enough(n: int, probability: float, alpha: float) -> bool:
    return (
        stats.binom.cdf(0, n, probability) <= alpha / 2 and stats.binom.sf(n - 1, n, probability) <= alpha / 2
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 3000), st.floats(0.01, 0.99), st.floats(0.001, 0.3))
def test_ranks_are_the_tightest_that_leave_at_most_half_of_alpha_beyond_either(
    n: int, probability: float, alpha: float
) -> None:
    assume(enough(n, probability, alpha))
    ranks = rank_interval(n, probability, alpha)
    below = [stats.binom.cdf(rank - 1, n, probability) for rank in (ranks.low, ranks.low + 1)]
    above = [stats.binom.sf(rank - 1, n, probability) for rank in (ranks.high, ranks.high - 1)]
    assert 1 <= ranks.low < ranks.high <= n
    assert below[0] == pytest.approx(ranks.below)
    assert above[0] == pytest.approx(ranks.above)
    for inside, outside in (below, above):
        assert inside <= alpha / 2 * (1 + 1e-9)
        assert outside > alpha / 2 * (1 - 1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(20, 400), st.sampled_from([0.25, 0.5, 0.9]), st.integers(0, 1000))
def test_the_interval_is_scipys(n: int, probability: float, seed: int) -> None:
    assume(enough(n, probability, 0.05))
    values = np.random.default_rng(seed).lognormal(size=n)
    theirs = stats.quantile_test(values, p=probability).confidence_interval(0.95)
    ours = quantile_estimate(values, probability)
    assert (ours.low, ours.high) == (theirs.low, theirs.high)
    assert ours.estimate == np.quantile(values, probability)
    assert ours.low <= ours.estimate <= ours.high


def test_the_order_of_the_values_does_not_matter() -> None:
    values = np.random.default_rng(1).normal(size=101)
    assert quantile_estimate(values, 0.5) == quantile_estimate(values[::-1], 0.5)


def test_the_standard_error_is_that_of_the_asymptotic_theory() -> None:
    """For the uniform it is sqrt(q (1 - q) / n), as the density is 1."""
    values = (np.arange(10_000) + 0.5) / 10_000
    for probability in (0.1, 0.5, 0.95):
        arm = quantile_arm(quantile_estimate(values, probability), probability)
        assert arm.standard_error == pytest.approx(
            math.sqrt(probability * (1 - probability) / 10_000), rel=0.02
        )


def test_a_shift_of_all_values_is_the_difference_of_quantiles() -> None:
    values = np.random.default_rng(2).lognormal(size=500)
    effect = quantile_difference(quantile_estimate(values + 3, 0.9), quantile_estimate(values, 0.9), 0.9)
    assert effect.estimate == pytest.approx(3)
    assert effect.low < 3 < effect.high
    assert effect.degrees_of_freedom == math.inf


def test_the_level_of_the_bounds_barely_matters_for_the_difference() -> None:
    values = np.random.default_rng(3).normal(size=20_000)
    errors = [
        quantile_arm(quantile_estimate(values, 0.5, level), 0.5, level).standard_error
        for level in (0.01, 0.05, 0.2)
    ]
    assert errors == pytest.approx([errors[1]] * 3, rel=0.05)


@pytest.mark.parametrize(("n", "probability"), [(5, 0.5), (100, 0.99), (100, 0.01), (2, 0.5)])
def test_too_few_values_for_a_bound_are_named(n: int, probability: float) -> None:
    with pytest.raises(ValueError, match="n: expected enough values to bound quantile"):
        rank_interval(n, probability)


def test_values_that_are_too_often_equal_are_not_compared() -> None:
    arm = quantile_estimate([1.0] * 100, 0.5)
    with pytest.raises(ValueError, match="no variance"):
        quantile_difference(arm, arm, 0.5)


@pytest.mark.parametrize("values", [[], [1.0], [math.nan] * 100, [math.inf] * 100, [-1e308, 1e308] * 100])
def test_values_without_a_quantile_are_named(values: list[float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        quantile_estimate(values, 0.5)


@pytest.mark.parametrize("probability", [0.0, 1.0, math.nan])
def test_a_probability_lies_between_zero_and_one(probability: float) -> None:
    with pytest.raises(ValueError, match="probability: expected a number between 0 and 1"):
        rank_interval(100, probability)


def test_bounds_out_of_order_are_named() -> None:
    with pytest.raises(ValueError, match="bounds: expected low <= estimate <= high"):
        quantile_arm(QuantileEstimate(100, 5.0, 6.0, 7.0), 0.5)
