"""Decompositions of whole histories."""

from __future__ import annotations

import numpy as np
import pytest

from lakehouse.stats.stl import classical_decomposition, ljung_box, stl


def series(n: int = 140) -> np.ndarray:
    week = np.resize([0.0, 3.0, 5.0, 2.0, 8.0, 20.0, -15.0], n)
    return np.asarray(100 + 0.2 * np.arange(n) + week + np.random.default_rng(8).normal(size=n))


@pytest.mark.parametrize("robust", [False, True])
def test_the_parts_add_up(*, robust: bool) -> None:
    x = series()
    for parts in (stl(x, 7, robust=robust), classical_decomposition(x, 7)):
        assert np.allclose(parts.trend + parts.season + parts.rest, x)
        assert parts.trend_strength > 0.9
        assert parts.season_strength > 0.9


def test_a_lone_outlier_stays_in_the_rest_of_a_robust_fit() -> None:
    x = series()
    x[70] += 500
    parts = stl(x, 7, robust=True)
    assert parts.rest[70] == pytest.approx(500, abs=10)
    assert parts.weights[70] == 0


def test_short_and_constant_series_hold_no_nan() -> None:
    for parts in (
        stl(np.zeros(14), 7, robust=True),
        classical_decomposition(np.full(4, 3.0), 2),
        stl([1, 2, 3, 4], 2),
    ):
        assert np.isfinite(np.concatenate([parts.trend, parts.season, parts.rest, parts.weights])).all()
    assert (ljung_box([2.0] * 9, 3).statistic, ljung_box([2.0] * 9, 3).p_value) == (0.0, 1.0)


def test_a_span_that_is_even_is_named() -> None:
    with pytest.raises(ValueError, match="expected an odd number from 3, found 8"):
        stl(series(), 7, season_span=8)
