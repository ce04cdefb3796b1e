"""Segments are pulled together as far as their own noise says, and no further."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.stats.shrinkage import METHODS, Method, shrunk_effects

# The eight schools of Rubin (1981).
SCHOOLS = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]
SCHOOL_ERRORS = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]

segments = st.lists(st.tuples(st.floats(-100, 100), st.floats(0.01, 100)), min_size=2, max_size=12)
methods = st.sampled_from(METHODS)


def test_eight_schools_are_compatible_with_one_effect() -> None:
    """Pooled 7.7 (4.1), and no evidence that the schools differ: Gelman et al. (2013), section 5.5."""
    result = shrunk_effects(SCHOOLS, SCHOOL_ERRORS)
    assert result.mean == pytest.approx(7.686, abs=1e-3)
    assert result.mean_standard_error == pytest.approx(4.072, abs=1e-3)
    assert result.statistic == pytest.approx(4.707, abs=1e-3)
    assert result.degrees_of_freedom == 7
    assert result.between_variance == 0.0
    assert {round(effect.estimate, 6) for effect in result.effects} == {round(result.mean, 6)}


def test_dersimonian_and_laird_by_hand() -> None:
    y, v = np.array([0.1, 0.5, 0.9]), np.array([0.01, 0.02, 0.04])
    w = 1 / v
    mean = w @ y / w.sum()
    expected = (w @ (y - mean) ** 2 - 2) / (w.sum() - w @ w / w.sum())
    result = shrunk_effects(y, np.sqrt(v), method="dersimonian_laird")
    assert result.between_variance == pytest.approx(expected)


def test_paule_and_mandel_solve_their_equation() -> None:
    y, v = np.array([0.1, 0.5, 0.9]), np.array([0.01, 0.02, 0.04])
    result = shrunk_effects(y, np.sqrt(v), method="paule_mandel")
    w = 1 / (v + result.between_variance)
    mean = w @ y / w.sum()
    assert w @ (y - mean) ** 2 == pytest.approx(2.0)
    assert result.mean == pytest.approx(mean)


def test_of_equal_segments_both_methods_say_the_same() -> None:
    y, errors = [0.0, 1.0, 3.0, 4.0], [0.5] * 4
    one, other = (shrunk_effects(y, errors, method=method) for method in METHODS)
    assert one.between_variance == pytest.approx(other.between_variance)
    assert one.effects[0].standard_error == pytest.approx(other.effects[0].standard_error)


@settings(deadline=None)
@given(data=segments, method=methods)
def test_shrinking_never_overshoots_and_never_claims_more_doubt(
    data: list[tuple[float, float]], method: Method
) -> None:
    estimates, errors = [pair[0] for pair in data], [pair[1] for pair in data]
    result = shrunk_effects(estimates, errors, method=method)
    assert result.between_variance >= 0
    assert 0 <= result.p_value <= 1
    assert min(estimates) - 1e-9 <= result.mean <= max(estimates) + 1e-9
    for estimate, error, effect in zip(estimates, errors, result.effects, strict=True):
        low, high = sorted((estimate, result.mean))
        assert low - 1e-9 <= effect.estimate <= high + 1e-9
        assert 0 <= effect.shrinkage <= 1
        assert 0 < effect.standard_error <= error * (1 + 1e-9)
        assert effect.low < effect.estimate < effect.high
        assert 0 <= effect.p_positive <= 1


@settings(deadline=None)
@given(data=segments, unit=st.floats(1e-6, 1e6), method=methods)
def test_the_unit_of_the_effect_does_not_matter(
    data: list[tuple[float, float]], unit: float, method: Method
) -> None:
    estimates, errors = np.array([pair[0] for pair in data]), np.array([pair[1] for pair in data])
    plain = shrunk_effects(estimates, errors, method=method)
    scaled = shrunk_effects(estimates * unit, errors * unit, method=method)
    assert scaled.mean == pytest.approx(plain.mean * unit, rel=1e-5, abs=1e-7 * unit)


def test_a_noisy_winner_is_not_crowned() -> None:
    """One small segment shines, nine large ones show nothing: it ends up near them."""
    result = shrunk_effects([0.30, *[0.01, -0.01, 0.0] * 3], [0.15, *[0.02] * 9])
    assert result.effects[0].estimate < 0.03
    assert result.effects[0].low < 0 < result.effects[0].high


def test_intervals_cover_what_they_should() -> None:
    """Eight segments, spread like their noise: 95 % intervals of the true effects, 400 experiments."""
    generator, covered, closer = np.random.default_rng(3), 0, 0.0
    for _ in range(400):
        errors = generator.uniform(0.5, 1.5, 8)
        truth = generator.standard_normal(8)
        estimates = truth + errors * generator.standard_normal(8)
        effects = shrunk_effects(estimates, errors).effects
        covered += sum(effect.low <= true <= effect.high for effect, true in zip(effects, truth, strict=True))
        found = np.array([effect.estimate for effect in effects])
        closer += float(((found - truth) ** 2).sum() - ((estimates - truth) ** 2).sum())
    assert 0.92 <= covered / 3200 <= 0.98
    assert closer < 0


@pytest.mark.parametrize(
    ("estimates", "errors", "message"),
    [
        ([1.0], [1.0], "estimates: expected at least 2"),
        ([1.0, 2.0], [1.0, 0.0], "standard_errors: expected numbers above 0, found 0"),
        ([1.0, math.nan], [1.0, 1.0], "estimates: expected finite numbers, found 1 that are not"),
        ([1.0, 2.0], [1.0, 1.0, 1.0], "expected arrays of one length"),
        ([1.0, 2.0], [1e-200, 1.0], "standard_errors: expected errors of comparable size"),
    ],
)
def test_bad_input_is_named(estimates: list[float], errors: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        shrunk_effects(estimates, errors)


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(ValueError, match="method: expected one of paule_mandel, dersimonian_laird"):
        shrunk_effects(SCHOOLS, SCHOOL_ERRORS, method="reml")  # type: ignore[arg-type]  # wrong on purpose
