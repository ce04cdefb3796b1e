"""Chances of first crossing agree with exact formulas, with scipy's multivariate normal and with themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from lakehouse.stats.crossing import crossing_probabilities

gaps = st.lists(st.floats(0.02, 1.0), min_size=1, max_size=6)
INFINITE = math.inf


def test_one_look_is_a_normal_tail() -> None:
    chances = crossing_probabilities([4.0], [-1.5], [2.0], drift=0.5)
    assert chances.upper[0] == pytest.approx(norm.sf(2.0 - 1.0), rel=1e-13)
    assert chances.lower[0] == pytest.approx(norm.cdf(-1.5 - 1.0), rel=1e-13)


@pytest.mark.parametrize("information", [[1.0, 2.0, 3.0], [0.1, 0.9, 1.0]])
def test_staying_inside_is_a_multivariate_normal_box(information: list[float]) -> None:
    levels = np.array(information)
    correlation = np.sqrt(np.minimum.outer(levels, levels) / np.maximum.outer(levels, levels))
    low, high = np.array([-2.5, -1.0, -2.0]), np.array([2.7, 2.4, 2.0])
    means = 0.4 * np.sqrt(levels)
    box = multivariate_normal(means, correlation, seed=1, abseps=1e-8, maxpts=2_000_000)
    chances = crossing_probabilities(information, low.tolist(), high.tolist(), drift=0.4)
    left = sum(chances.upper) + sum(chances.lower)
    assert 1 - left == pytest.approx(float(box.cdf(high, lower_limit=low)), abs=2e-6)


@settings(max_examples=40, deadline=None)
@given(gaps=gaps, drift=st.floats(-3, 3), z=st.floats(0.2, 4.0))
def test_with_no_way_out_in_between_only_the_last_look_counts(
    gaps: list[float], drift: float, z: float
) -> None:
    information = np.cumsum(gaps).tolist()
    waiting = [INFINITE] * (len(gaps) - 1)
    chances = crossing_probabilities(information, [-x for x in [*waiting, z]], [*waiting, z], drift=drift)
    expected = norm.sf(z - drift * math.sqrt(information[-1]))
    assert sum(chances.upper) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(gaps=gaps, drift=st.floats(-3, 3), upper=st.floats(0.0, 4.0), lower=st.floats(-4.0, 0.0))
def test_mirrored_bounds_and_drift_give_mirrored_chances(
    gaps: list[float], drift: float, upper: float, lower: float
) -> None:
    information, looks = np.cumsum(gaps).tolist(), len(gaps)
    one = crossing_probabilities(information, [lower] * looks, [upper] * looks, drift=drift)
    other = crossing_probabilities(information, [-upper] * looks, [-lower] * looks, drift=-drift)
    assert one.upper == pytest.approx(other.lower, abs=1e-12)
    assert 0 <= sum(one.upper) + sum(one.lower) <= 1 + 1e-12


def test_information_has_no_unit() -> None:
    small = crossing_probabilities([1, 2], [-2, -2], [2, 2], drift=1.0)
    large = crossing_probabilities([1e6, 2e6], [-2, -2], [2, 2], drift=1e-3)
    assert small.upper == pytest.approx(large.upper, rel=1e-10)


@pytest.mark.parametrize(
    ("information", "lower", "upper", "message"),
    [
        ([1, 1], [-2, -2], [2, 2], "rise by at least 0.1 %"),
        ([0, 1], [-2, -2], [2, 2], "expected levels above 0"),
        ([-1], [-2], [2], "expected levels above 0"),
        ([], [], [], "information: expected at least 1"),
        ([1, 2], [-2], [2, 2], "expected arrays of one length"),
        ([1], [3], [2], "expected lower bounds below the upper"),
        ([1], [math.nan], [2], "expected lower bounds below the upper"),
    ],
)
def test_bad_input_is_named(
    information: list[float], lower: list[float], upper: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        crossing_probabilities(information, lower, upper)
