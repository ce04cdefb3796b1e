"""The reference method does what its paper says, and says when there is nothing to do."""

from __future__ import annotations

import pytest

from lakehouse.stats.adtributor import adtributor, explanatory_power, surprise


def test_explanatory_powers_sum_to_1_and_surprises_are_not_negative() -> None:
    assert sum(explanatory_power([5, 7, 9], [4, 9, 2])) == pytest.approx(1)
    assert min(surprise([5, 7, 0], [4, 0, 2])) >= 0
    assert surprise([2, 4], [1, 2]) == (0.0, 0.0)


def test_elements_that_explain_little_are_left_out_and_dimensions_that_explain_too_little_too() -> None:
    spread = ([10] * 20, [9] * 20)
    assert adtributor({"many": spread}) == ()
    answers = adtributor({"many": spread, "two": ([100, 100], [80, 100])})
    assert [(answer.dimension, answer.elements) for answer in answers] == [("two", (0,))]


def test_no_miss_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to explain"):
        adtributor({"one": ([1, 2], [2, 1])})
    with pytest.raises(ValueError, match="shares: expected numbers of at least 0"):
        surprise([1, -1], [2, 1])
