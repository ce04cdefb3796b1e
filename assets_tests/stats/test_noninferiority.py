from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.stats.arms import REFERENCES, Arm, Reference
from lakehouse.stats.means import difference
from lakehouse.stats.noninferiority import (
    Better,
    Sides,
    equivalence,
    non_inferiority,
    relative_non_inferiority,
)
from lakehouse.stats.relative import fieller

# Levels far enough from 0 for a relative interval at every alpha below.
ARMS = st.builds(Arm, st.integers(50, 10**5), st.floats(3, 10), st.floats(0.01, 10))
BETTER: tuple[Better, ...] = ("higher", "lower")
TREATMENT, CONTROL = Arm(5000, 1.9784, 0.9881), Arm(5000, 2.0042, 1.0117)


@settings(max_examples=60, deadline=None)
@given(
    ARMS, ARMS, st.floats(0, 0.5), st.sampled_from(BETTER), st.sampled_from([1, 2]), st.sampled_from(REFERENCES),
    st.floats(0.001, 0.4),
)  # fmt: skip
def test_the_interval_the_p_value_and_the_verdict_agree(
    treatment: Arm,
    control: Arm,
    margin: float,
    better: Better,
    sides: Sides,
    reference: Reference,
    alpha: float,
) -> None:
    for ask in (non_inferiority, relative_non_inferiority):
        test = ask(treatment, control, margin, better=better, sides=sides, reference=reference, alpha=alpha)
        limit = -margin if better == "higher" else margin
        inside = test.low > limit if better == "higher" else test.high < limit
        on_good_side = test.estimate > limit if better == "higher" else test.estimate < limit
        if abs(test.p_value - alpha) > 1e-9:
            assert test.is_met is inside
            assert test.is_met is (test.p_value < alpha and on_good_side)


def test_two_sides_decide_like_one_at_half_the_level() -> None:
    one = non_inferiority(TREATMENT, CONTROL, 0.06, sides=1, alpha=0.025)
    two = non_inferiority(TREATMENT, CONTROL, 0.06, sides=2, alpha=0.05)
    assert one.low == pytest.approx(two.low)
    assert two.p_value == pytest.approx(2 * one.p_value)
    assert one.high == math.inf
    assert two.high < math.inf
    assert one.is_met is two.is_met


def test_lower_is_better_mirrors_higher_is_better() -> None:
    up = non_inferiority(TREATMENT, CONTROL, 0.06, better="higher")
    down = non_inferiority(Arm(5000, -1.9784, 0.9881), Arm(5000, -2.0042, 1.0117), 0.06, better="lower")
    assert (down.high, down.low, down.p_value) == pytest.approx((-up.low, -up.high, up.p_value))


def test_without_margin_it_is_a_test_of_superiority() -> None:
    test = non_inferiority(TREATMENT, CONTROL, 0.0)
    assert test.p_value == difference(TREATMENT, CONTROL, reference="normal", alternative="greater").p_value


def test_the_relative_interval_is_fiellers() -> None:
    test = relative_non_inferiority(TREATMENT, CONTROL, 0.02, sides=2)
    lift = fieller(TREATMENT, CONTROL, reference="normal")
    assert (test.estimate, test.low, test.high) == pytest.approx((lift.estimate, lift.low, lift.high))


def test_a_relative_margin_accounts_for_the_controls_error() -> None:
    """98% of the control is known with 98% of its error: the test is sharper than with a margin fixed as known."""
    relative = relative_non_inferiority(TREATMENT, CONTROL, 0.02)
    fixed = non_inferiority(TREATMENT, CONTROL, 0.02 * CONTROL.mean)
    assert relative.p_value < fixed.p_value


def test_equivalence_asks_both_sides() -> None:
    test = equivalence(TREATMENT, CONTROL, 0.06)
    worse = non_inferiority(TREATMENT, CONTROL, 0.06, better="higher")
    better = non_inferiority(TREATMENT, CONTROL, 0.06, better="lower")
    assert test.p_value == pytest.approx(max(worse.p_value, better.p_value))
    assert (test.low, test.high) == pytest.approx((worse.low, better.high))
    assert test.is_met is (worse.is_met and better.is_met)


@settings(max_examples=40, deadline=None)
@given(ARMS, ARMS, st.floats(0.01, 2), st.floats(0.001, 0.4))
def test_equivalence_is_met_exactly_when_p_is_below_alpha(
    treatment: Arm, control: Arm, margin: float, alpha: float
) -> None:
    test = equivalence(treatment, control, margin, alpha=alpha)
    if abs(test.p_value - alpha) > 1e-9:
        assert test.is_met is (test.p_value < alpha)


@pytest.mark.parametrize("margin", [-0.1, math.nan, math.inf])
def test_a_margin_is_a_number_from_zero(margin: float) -> None:
    for ask in (non_inferiority, relative_non_inferiority, equivalence):
        with pytest.raises(ValueError, match="margin: expected"):
            ask(TREATMENT, CONTROL, margin)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="better: expected one of higher, lower"):
        non_inferiority(TREATMENT, CONTROL, 0.1, better="up")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="sides: expected 1 or 2, found 3"):
        non_inferiority(TREATMENT, CONTROL, 0.1, sides=3)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="1 \\+ the margin on its side: expected a number above 0"):
        relative_non_inferiority(TREATMENT, CONTROL, 1.0)
    with pytest.raises(ValueError, match="2 \\* alpha: expected a number between 0 and 1"):
        equivalence(TREATMENT, CONTROL, 0.1, alpha=0.5)
    with pytest.raises(ValueError, match="no variance"):
        non_inferiority(Arm(5, 1.0, 0.0), Arm(5, 1.0, 0.0), 0.1)
    with pytest.raises(ValueError, match="no variance"):
        relative_non_inferiority(Arm(5, 1.0, 0.0), Arm(5, 1.0, 0.0), 0.1)
