"""What factors added sums to the change of their product."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.stats.factors import lmdi_factors, shapley_factors


def products(low: float, high: float) -> st.SearchStrategy[tuple[list[list[float]], list[list[float]]]]:
    def table(shape: tuple[int, int]) -> st.SearchStrategy[list[list[float]]]:
        row = st.lists(st.floats(low, high), min_size=shape[1], max_size=shape[1])
        return st.lists(row, min_size=shape[0], max_size=shape[0])

    return st.tuples(st.integers(1, 4), st.integers(1, 5)).flatmap(
        lambda shape: st.tuples(table(shape), table(shape))
    )


@given(products(-100, 100))
def test_shapley_effects_sum_to_the_change(pair: tuple[list[list[float]], list[list[float]]]) -> None:
    found = shapley_factors(*pair)
    size = max(1.0, *(np.maximum(np.abs(pair[0]), np.abs(pair[1])).prod(axis=1)))
    assert abs(math.fsum(found.effects) - found.change) <= 1e-9 * size
    assert [math.fsum(row[place] for row in found.by_segment) for place in range(len(pair[0][0]))] == (
        pytest.approx(found.effects, abs=1e-9 * size)
    )


@given(products(0.01, 100))
def test_lmdi_effects_sum_to_the_change(pair: tuple[list[list[float]], list[list[float]]]) -> None:
    found = lmdi_factors(*pair)
    size = max(1.0, *(np.maximum(pair[0], pair[1]).prod(axis=1)))
    assert abs(math.fsum(found.effects) - found.change) <= 1e-9 * size


@given(products(-10, 10))
def test_shapley_is_the_mean_over_all_orders_of_change(
    pair: tuple[list[list[float]], list[list[float]]],
) -> None:
    before, after = np.array(pair[0][0]), np.array(pair[1][0])
    added = np.zeros(len(before))
    orders = list(permutations(range(len(before))))
    for order in orders:
        now = before.copy()
        for factor in order:
            was = now.prod()
            now[factor] = after[factor]
            added[factor] += now.prod() - was
    size = max(1.0, np.maximum(np.abs(before), np.abs(after)).prod())
    assert shapley_factors(before, after).effects == pytest.approx(added / len(orders), abs=1e-9 * size)


def test_visits_conversion_and_order_value() -> None:
    before, after = [[1000, 0.05, 40.0], [500, 0.08, 60.0]], [[1200, 0.045, 42.0], [450, 0.1, 55.0]]
    shapley, lmdi = shapley_factors(before, after), lmdi_factors(before, after)
    assert shapley.change == lmdi.change == pytest.approx(343)
    # Two exact methods differ in what they give to whom, and not by much.
    assert shapley.effects == pytest.approx(lmdi.effects, rel=0.01)


def test_a_factor_that_did_not_move_added_nothing() -> None:
    for method in (shapley_factors, lmdi_factors):
        assert method([10, 2, 3], [20, 2, 1]).effects[1] == 0.0
        assert method([10, 2], [10, 2]).effects == (0.0, 0.0)


def test_shapley_takes_zeros_and_lmdi_says_that_it_cannot() -> None:
    assert shapley_factors([0, 0.1], [100, 0.2]).effects == pytest.approx((15, 5))
    with pytest.raises(ValueError, match="factors: expected numbers above 0, found 0: use shapley_factors"):
        lmdi_factors([0, 0.1], [100, 0.2])


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="factors: expected at most 5, found 6: use lmdi_factors"):
        shapley_factors([1] * 6, [2] * 6)
    with pytest.raises(ValueError, match="after: expected the shape of before"):
        shapley_factors([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="before: expected finite numbers"):
        lmdi_factors([math.nan], [1])
