"""Weights on the simplex are optimal by the conditions that define the optimum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.stats.simplex import simplex_least_squares


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 20),
    count=st.integers(1, 15),
    ridge=st.sampled_from([0.0, 0.1, 10.0]),
    intercept=st.booleans(),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_no_move_on_the_simplex_improves_the_fit(
    *,
    seed: int,
    rows: int,
    count: int,
    ridge: float,
    intercept: bool,
    scale: float,
) -> None:
    generator = np.random.default_rng(seed)
    columns, target = (
        generator.standard_normal((rows, count)) * scale,
        generator.standard_normal(rows) * scale,
    )
    ridge *= scale**2
    weights = simplex_least_squares(columns, target, ridge, intercept=intercept)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0).all()
    if intercept:
        columns, target = columns - columns.mean(axis=0), target - target.mean()
    gradient = columns.T @ (columns @ weights - target) + ridge * weights
    # Karush-Kuhn-Tucker: the gradient is least, and equal, where weight lies.
    assert gradient @ weights <= gradient.min() + 1e-7 * scale**2 * rows


def test_a_mix_of_columns_is_found_again() -> None:
    columns = np.random.default_rng(0).standard_normal((30, 5))
    mix = np.array([0.2, 0.0, 0.5, 0.3, 0.0])
    assert simplex_least_squares(columns, columns @ mix) == pytest.approx(mix, abs=1e-9)


def test_equal_columns_and_a_strong_ridge_give_equal_weights() -> None:
    columns = np.random.default_rng(0).standard_normal((30, 4))
    assert simplex_least_squares(columns, columns[:, 0], 1e9) == pytest.approx([0.25] * 4, abs=1e-6)
    assert simplex_least_squares(np.ones((3, 2)), np.ones(3)).sum() == pytest.approx(1.0)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="target: expected 3 values, found 2"):
        simplex_least_squares(np.ones((3, 2)), np.ones(2))
    with pytest.raises(ValueError, match="columns: expected finite numbers"):
        simplex_least_squares(np.full((3, 2), np.nan), np.ones(3))
    with pytest.raises(ValueError, match="ridge: expected at least 0"):
        simplex_least_squares(np.ones((3, 2)), np.ones(3), -1.0)
