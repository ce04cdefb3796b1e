"""Taking out unit and time effects is the same as a dummy for each, whatever rows are missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lakehouse.stats.panel import fixed_effects_fit, group_sums, wald_test


def unbalanced(seed: int, units: int, periods: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    unit, time = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    kept = generator.random(units * periods) < 0.8
    unit, time = unit[kept], time[kept]
    x = generator.standard_normal((len(unit), 2)) + 0.3 * time[:, None]
    y = x @ [1.0, -2.0] + unit + time**2 + generator.standard_normal(len(unit))
    return y, x, unit, time


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), units=st.integers(6, 15), periods=st.integers(3, 6))
def test_the_fit_is_that_with_a_dummy_for_every_unit_and_time(seed: int, units: int, periods: int) -> None:
    y, x, unit, time = unbalanced(seed, units, periods)
    seen, times = np.unique(unit), np.unique(time)
    dummies = np.column_stack([x, unit[:, None] == seen, (time[:, None] == times)[:, 1:]]).astype(float)
    coefficients, *_ = np.linalg.lstsq(dummies, y, rcond=None)
    scores = dummies * (y - dummies @ coefficients)[:, None]
    sums = group_sums(scores, np.searchsorted(seen, unit))
    bread = np.linalg.inv(dummies.T @ dummies)
    groups, rows = len(seen), len(y)
    factor = groups / (groups - 1) * (rows - 1) / (rows - 2 - len(times))
    expected = (bread @ sums.T @ sums @ bread)[:2, :2] * factor

    fit = fixed_effects_fit(y, x, unit, time)
    assert fit.estimates == pytest.approx(coefficients[:2], rel=1e-8)
    assert fit.covariance.ravel() == pytest.approx(expected.ravel(), rel=1e-6, abs=1e-10)
    assert fit.degrees_of_freedom == groups - 1


def test_levels_of_units_and_times_do_not_matter() -> None:
    y, x, unit, time = unbalanced(1, 10, 5)
    plain = fixed_effects_fit(y, x, unit, time)
    shifted = fixed_effects_fit(y + 1000.0 * unit - 50 * time, x, unit, time)
    assert shifted.estimates == pytest.approx(plain.estimates, rel=1e-8)


def test_a_joint_test_of_independent_effects_adds_their_squares() -> None:
    test = wald_test(np.array([1.0, -3.0]), np.diag([1.0, 4.0]))
    assert test.statistic == pytest.approx(1 + 9 / 4)
    assert test.p_value == pytest.approx(stats.chi2.sf(3.25, 2))
    small = wald_test(np.array([1.0, -3.0]), np.diag([1.0, 4.0]), denominator=10)
    assert small.statistic == pytest.approx(3.25 / 2)
    assert small.p_value == pytest.approx(stats.f.sf(3.25 / 2, 2, 10))


def test_bad_input_is_named() -> None:
    y, x, unit, time = unbalanced(1, 10, 5)
    with pytest.raises(ValueError, match="expected variation beyond unit and time effects"):
        fixed_effects_fit(y, np.column_stack([x[:, 0], unit]), unit, time)
    with pytest.raises(ValueError, match="expected variation beyond unit and time effects"):
        fixed_effects_fit(y, np.column_stack([x[:, 0], 2 * x[:, 0]]), unit, time)
    with pytest.raises(ValueError, match="found a perfect fit"):
        fixed_effects_fit(x[:, 0], x, unit, time)
    with pytest.raises(ValueError, match="expected at least 2 units"):
        fixed_effects_fit(y, x, np.zeros(len(y)), time)
    with pytest.raises(ValueError, match="expected arrays of one length"):
        fixed_effects_fit(y[:-1], x, unit, time)
    with pytest.raises(ValueError, match="unit: expected a label on every row"):
        fixed_effects_fit(y, x, np.full(len(y), np.nan), time)
    with pytest.raises(ValueError, match="outcome: expected finite numbers"):
        fixed_effects_fit(np.full(len(y), np.nan), x, unit, time)
    with pytest.raises(ValueError, match="covariance: expected full rank to test 2 effects"):
        wald_test(np.array([1.0, 2.0]), np.ones((2, 2)))
