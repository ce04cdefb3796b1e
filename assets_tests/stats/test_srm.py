from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lakehouse.stats.srm import (
    SampleRatio,
    chi_square,
    exact_binomial,
    normal_approximation,
    sample_ratio,
    sequential_sample_ratio,
)

ONCE: tuple[Callable[..., SampleRatio], ...] = (
    sample_ratio,
    exact_binomial,
    normal_approximation,
    chi_square,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=6), st.data())
def test_the_chi_square_test_is_scipys(counts: list[int], data: st.DataObject) -> None:
    shares = data.draw(st.lists(st.floats(0.05, 1), min_size=len(counts), max_size=len(counts)))
    if sum(counts) == 0:
        return
    expected = np.array(shares) / sum(shares) * sum(counts)
    theirs = stats.chisquare(counts, expected)
    ours = chi_square(counts, shares)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-300)
    assert ours.expected == pytest.approx(expected)
    assert ours.observed == tuple(counts)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_exact_test_sums_all_outcomes_that_are_no_likelier(share: float) -> None:
    for units in range(13):
        chances = stats.binom.pmf(range(13), 12, share)
        expected = chances[chances <= chances[units] * (1 + 1e-7)].sum()
        assert exact_binomial([units, 12 - units], [share, 1 - share]).p_value == pytest.approx(expected)


def test_two_arms_take_the_exact_test_and_more_the_chi_square() -> None:
    assert sample_ratio([53, 47], [1, 1]).method == "exact binomial"
    assert sample_ratio([53, 47, 50], [1, 1, 1]).method == "chi-square"


def test_shares_are_weights_of_any_sum() -> None:
    for test in ONCE:
        assert test([700, 300], [0.7, 0.3]).p_value == pytest.approx(test([700, 300], [70, 30]).p_value)


def test_an_arm_without_a_unit_is_a_mismatch() -> None:
    for test in ONCE:
        assert test([1000, 0], [0.5, 0.5]).p_value < 1e-9
    assert sample_ratio([500, 500, 0], [1, 1, 1]).p_value < 1e-9
    assert sequential_sample_ratio([[1000, 0]], [0.5, 0.5]).p_value < 1e-9


def test_an_uneven_split_as_planned_is_no_mismatch() -> None:
    assert sample_ratio([90_000, 10_000], [0.9, 0.1]).p_value == 1
    assert sample_ratio([80, 10, 10], [0.8, 0.1, 0.1]).p_value == 1


@pytest.mark.parametrize("test", ONCE)
@pytest.mark.parametrize(
    ("counts", "shares", "message"),
    [
        ([0, 0], [1, 1], "counts: expected at least 1 unit, found none"),
        ([-1, 5], [1, 1], "counts: expected whole numbers from 0"),
        ([1.5, 5], [1, 1], "counts: expected whole numbers from 0"),
        ([math.nan, 5], [1, 1], "counts: expected finite numbers"),
        ([1, 5], [1, 0], "shares: expected numbers above 0, found 0"),
        ([1, 5], [1, -1], "shares: expected numbers above 0"),
        ([1, 5], [1, 1, 1], "expected arrays of one length"),
        ([5], [1], "shares: expected at least 2 arms, found 1"),
        ([1e300, 1e308], [1, 1], "counts: expected at most 9007199254740992 units"),
        ([5, 6], [1e-300, 1e300], "shares: expected weights of one magnitude"),
        ([], [], "expected at least 1 in each dimension"),
    ],
)
def test_a_split_that_cannot_be_tested_is_named(
    test: Callable[..., SampleRatio], counts: list[float], shares: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        test(counts, shares)


@pytest.mark.parametrize("test", [exact_binomial, normal_approximation])
def test_tests_of_two_arms_take_two(test: Callable[..., SampleRatio]) -> None:
    with pytest.raises(ValueError, match="counts: expected 2 arms, found 3"):
        test([1, 2, 3], [1, 1, 1])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=20))
def test_sequential_p_values_never_rise_and_stay_above_zero(batches: list[tuple[int, int]]) -> None:
    test = sequential_sample_ratio(batches, [0.5, 0.5], concentration=100)
    assert len(test.p_values) == len(batches)
    assert all(later <= earlier for earlier, later in zip(test.p_values, test.p_values[1:], strict=False))
    assert 0 <= test.p_value == test.p_values[-1] <= 1


def test_what_was_seen_counts_and_not_how_it_was_batched() -> None:
    one = sequential_sample_ratio([[205, 180], [210, 160]], [0.5, 0.5])
    many = sequential_sample_ratio([[100, 80], [105, 100], [110, 85], [100, 75]], [0.5, 0.5])
    assert one.log_evidence[-1] == pytest.approx(many.log_evidence[-1])


def test_the_evidence_is_a_fair_bet_under_the_plan() -> None:
    """Over all sequences of 8 units, the expected Bayes factor is 1: hence at most alpha ever reach 1 / alpha."""
    expected, ever = 0.0, 0.0
    for arms in product((0, 1), repeat=8):
        batches = [[1 - arm, arm] for arm in arms]
        test = sequential_sample_ratio(batches, [0.7, 0.3], concentration=2)
        chance = math.prod(0.3 if arm else 0.7 for arm in arms)
        expected += chance * math.exp(test.log_evidence[-1])
        ever += chance * (test.p_value <= 0.2)
    assert expected == pytest.approx(1)
    assert ever <= 0.2


@pytest.mark.parametrize(
    ("batches", "shares", "concentration", "message"),
    [
        ([], [1, 1], 1.0, "batches: expected 2 dimension"),
        ([[1, 2]], [1, 1], 0.0, "concentration: expected a number above 0"),
        ([[1, -2]], [1, 1], 1.0, "counts: expected whole numbers from 0"),
        ([[1, 2, 3]], [1, 1], 1.0, "expected arrays of one length"),
        ([[1]], [1], 1.0, "shares: expected at least 2 arms"),
    ],
)
def test_batches_that_cannot_be_tested_are_named(
    batches: list[list[float]], shares: list[float], concentration: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        sequential_sample_ratio(batches, shares, concentration=concentration)


def test_a_batch_without_units_says_nothing() -> None:
    assert sequential_sample_ratio([[0, 0]], [0.5, 0.5]).p_value == 1
