from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from lakehouse.stats.arms import Arm
from lakehouse.stats.guards import ALTERNATIVES, Alternative
from lakehouse.stats.means import difference, pooled_t, welch
from lakehouse.stats.moments import Moments

SAMPLES = arrays(
    np.float64, st.integers(2, 20), elements=st.floats(-100, 100).map(lambda value: round(value, 3))
)


def arm(values: np.ndarray) -> Arm:
    return Moments.from_values(values).arm()


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@settings(max_examples=40, deadline=None)
@given(SAMPLES, SAMPLES)
def test_t_tests_are_scipys(alternative: Alternative, first: np.ndarray, second: np.ndarray) -> None:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return  # scipy warns of such samples
    for test, equal_var in ((welch, False), (pooled_t, True)):
        ours = test(arm(first), arm(second), alternative=alternative, alpha=0.1)
        theirs = stats.ttest_ind(first, second, equal_var=equal_var, alternative=alternative)
        bounds = theirs.confidence_interval(0.9)
        assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-6, abs=1e-9)
        assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)
        assert ours.degrees_of_freedom == pytest.approx(theirs.df, rel=1e-6)
        assert (ours.low, ours.high) == pytest.approx((bounds.low, bounds.high), rel=1e-6, abs=1e-6)


def test_the_large_sample_test_takes_the_normal() -> None:
    effect = difference(Arm(50, 1.2, 4.0), Arm(80, 1.0, 9.0), reference="normal")
    assert effect.standard_error == pytest.approx((4 / 50 + 9 / 80) ** 0.5)
    assert effect.p_value == pytest.approx(2 * stats.norm.sf(0.2 / effect.standard_error))


def test_swapping_the_arms_mirrors_the_effect() -> None:
    one, other = Arm(50, 1.2, 4.0), Arm(80, 1.0, 9.0)
    there, back = welch(one, other), welch(other, one)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.p_value == pytest.approx(back.p_value)


def test_one_arm_without_variance_is_compared_by_the_others() -> None:
    effect = welch(Arm(10, 1.0, 4.0), Arm(10, 0.0, 0.0))
    assert effect.degrees_of_freedom == 9


def test_two_arms_without_variance_are_not_compared() -> None:
    with pytest.raises(ValueError, match="no variance"):
        welch(Arm(10, 1.0, 0.0), Arm(10, 0.0, 0.0))


def test_an_unknown_reference_is_named() -> None:
    with pytest.raises(ValueError, match="reference: expected one of welch, pooled, normal, found 'z'"):
        difference(Arm(10, 1.0, 1.0), Arm(10, 0.0, 1.0), reference="z")  # type: ignore[arg-type]  # wrong on purpose
