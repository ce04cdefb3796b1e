from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lakehouse.stats.moments import Moments, combined

VALUES = arrays(
    np.float64, st.tuples(st.integers(2, 30), st.integers(1, 4)), elements=st.floats(-1e6, 1e6, width=32)
)


def from_sums(values: np.ndarray) -> Moments:
    return Moments.from_sums(len(values), values.sum(axis=0), values.T @ values)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_values_have_numpys_moments(values: np.ndarray) -> None:
    moments = Moments.from_values(values)
    np.testing.assert_allclose(moments.means, values.mean(axis=0), rtol=1e-12, atol=1e-9)
    scale = max(1.0, float(np.abs(values).max()) ** 2)
    np.testing.assert_allclose(
        np.array(moments.covariances), np.atleast_2d(np.cov(values.T)), rtol=1e-9, atol=1e-12 * scale
    )


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_sums_say_the_same_as_the_values(values: np.ndarray) -> None:
    scale = max(1.0, float(np.abs(values).max()) ** 2)
    np.testing.assert_allclose(
        np.array(from_sums(values).covariances),
        np.array(Moments.from_values(values).covariances),
        rtol=1e-6,
        atol=1e-11 * scale,
    )


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_no_variance_is_negative_and_no_covariance_exceeds_them(values: np.ndarray) -> None:
    for moments in (
        Moments.from_values(values),
        from_sums(values),
        combined(from_sums(values), from_sums(values)),
    ):
        matrix = np.array(moments.covariances)
        deviations = np.sqrt(np.diag(matrix))
        assert (np.abs(matrix) <= np.outer(deviations, deviations) * (1 + 1e-9)).all()


@settings(max_examples=30, deadline=None)
@given(st.floats(-1e9, 1e9, width=32), st.integers(2, 10_000))
def test_equal_values_have_no_variance_however_their_sums_are_rounded(value: float, n: int) -> None:
    values = np.full(n, value)
    assert Moments.from_values(values).arm().variance == 0
    one_by_one = float(np.add.accumulate(values)[-1]), float(np.add.accumulate(values * values)[-1])
    assert Moments.from_sums(n, [one_by_one[0]], [[one_by_one[1]]]).arm().variance == 0


@pytest.mark.parametrize("value", [0.1, 19.99, 1e6 / 3])
def test_a_million_equal_values_added_one_by_one_have_no_variance(value: float) -> None:
    values = np.full(1_000_000, value)
    total, squares = float(np.add.accumulate(values)[-1]), float(np.add.accumulate(values * values)[-1])
    assert squares != total * total / 1_000_000
    assert Moments.from_sums(1_000_000, [total], [[squares]]).arm().variance == 0


def test_a_small_variance_around_a_large_mean_is_not_taken_for_rounding() -> None:
    values = 1000 + np.tile([-0.01, 0.01], 500)
    assert from_sums(values[:, np.newaxis]).arm().variance == pytest.approx(1e-4, rel=0.01)


def test_two_arms_combine_to_the_units_of_both() -> None:
    values = np.random.default_rng(1).normal(size=(50, 3))
    together = combined(Moments.from_values(values[:20]), Moments.from_values(values[20:]))
    expected = Moments.from_values(values)
    assert together.n == 50
    np.testing.assert_allclose(together.means, expected.means)
    np.testing.assert_allclose(together.covariances, expected.covariances)


def test_linear_combinations_have_the_moments_of_combined_values() -> None:
    values = np.random.default_rng(2).normal(size=(50, 3))
    coefficients = np.array([[1.0, -2.0, 0.5], [0.0, 1.0, 1.0]])
    linear = Moments.from_values(values).linear(coefficients)
    expected = Moments.from_values(values @ coefficients.T)
    np.testing.assert_allclose(linear.means, expected.means)
    np.testing.assert_allclose(linear.covariances, expected.covariances)


def test_a_variable_less_itself_has_no_variance() -> None:
    moments = Moments.from_values(
        np.random.default_rng(3).normal(1e3, 7, size=(40, 1)).repeat(2, axis=1) * [1, 3]
    )
    assert moments.linear([[3.0, -1.0]]).arm().variance == 0


@pytest.mark.parametrize(
    ("n", "sums", "products", "message"),
    [
        (0, [0.0], [[0.0]], "n: expected at least 2, found 0"),
        (1, [1.0], [[1.0]], "n: expected at least 2, found 1"),
        (3, [math.inf], [[1.0]], "sums: expected finite numbers"),
        (3, [1.0], [[math.nan]], "products: expected finite numbers"),
        (3, [1.0, None], [[1.0, 0.0], [0.0, 1.0]], "sums: expected"),
        (3, [6.0], [[1.0]], "expected a sum of squares that values can have"),
        (3, [6.0], [[14.0, 1.0]], "products: expected shape"),
        (3, [0.0, 0.0], [[2.0, 1.0], [0.0, 2.0]], "products: expected a symmetric matrix"),
        (3, [0.0, 0.0], [[2.0, 5.0], [5.0, 2.0]], "expected no covariance beyond what the variances allow"),
        (3, [1e200], [[1e308]], "expected numbers whose squares are finite"),
    ],
)
def test_sums_that_no_values_can_have_are_named(
    n: int, sums: list[float], products: list[list[float]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Moments.from_sums(n, sums, products)


@pytest.mark.parametrize(
    "values", [[], [1.0], [[1.0, 2.0]], [1.0, math.nan], [1.0, math.inf], 3.0, [[[1.0]]], [None, 1.0]]
)
def test_values_without_moments_are_named(values: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        Moments.from_values(values)  # type: ignore[arg-type]  # wrong on purpose


def test_values_too_large_to_square_are_named() -> None:
    with pytest.raises(ValueError, match="expected numbers whose squares are finite"):
        Moments.from_values([1e200, -1e200])


def test_shapes_that_do_not_fit_are_named() -> None:
    one, two = Moments.from_values([1.0, 2.0]), Moments.from_values([[1.0, 2.0], [2.0, 5.0]])
    with pytest.raises(ValueError, match="expected 1 variables like the first, found 2"):
        combined(one, two)
    with pytest.raises(ValueError, match="expected 1 a combination, found 2"):
        one.linear([[1.0, 2.0]])
    with pytest.raises(ValueError, match="arrays of one length"):
        one.centred_at([1.0, 2.0])
