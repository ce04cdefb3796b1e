"""A plan of looks keeps its alpha, and its intervals and p-values say the same as its bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.stats.crossing import crossing_probabilities
from lakehouse.stats.group_sequential import (
    BoundaryFamily,
    GroupSequentialDesign,
    boundary_design,
    readout,
    spending_design,
)
from lakehouse.stats.spending import SPENDING_FAMILIES

alphas = st.floats(1e-4, 0.4)
sides = st.sampled_from([1, 2])


@st.composite
def designs(draw: st.DrawFn) -> GroupSequentialDesign:
    gaps = draw(st.lists(st.floats(0.05, 1.0), min_size=1, max_size=5))
    information = np.cumsum(gaps) / np.sum(gaps)
    family = draw(st.sampled_from([*SPENDING_FAMILIES, "bounds_obrien_fleming", "bounds_pocock"]))
    if family.startswith("bounds_"):
        bounds: BoundaryFamily = family.removeprefix("bounds_")  # type: ignore[assignment]  # one of the two
        return boundary_design(bounds, information.tolist(), draw(alphas), draw(sides))
    return spending_design(family, information.tolist(), draw(alphas), draw(sides))  # type: ignore[arg-type]  # a family


@settings(max_examples=40, deadline=None)
@given(design=designs())
def test_all_looks_together_reject_a_null_with_alpha(design: GroupSequentialDesign) -> None:
    chances = crossing_probabilities(design.information, design.lower, design.upper)
    total = sum(chances.upper) + (sum(chances.lower) if design.sides == 2 else 0.0)
    assert total == pytest.approx(design.alpha, rel=1e-6)
    assert design.alpha_spent[-1] == pytest.approx(design.alpha, rel=1e-6)
    assert all(
        later >= earlier for earlier, later in zip(design.alpha_spent, design.alpha_spent[1:], strict=False)
    )


@settings(max_examples=30, deadline=None)
@given(design=designs(), z=st.floats(-5, 5), data=st.data())
def test_bound_interval_and_p_value_always_agree(
    design: GroupSequentialDesign, z: float, data: st.DataObject
) -> None:
    look = data.draw(st.integers(1, design.looks))
    at = readout(design, look, estimate=0.1 * z, standard_error=0.1)
    if abs(at.p_value - design.alpha) > 1e-6:
        assert at.rejects == (at.p_value < design.alpha)
        assert at.rejects == (not at.low <= 0 <= at.high)
    assert (at.look, at.looks, at.method) == (look, design.looks, design.method)


@settings(max_examples=20, deadline=None)
@given(design=designs(), data=st.data())
def test_at_its_bound_the_p_value_is_alpha(design: GroupSequentialDesign, data: st.DataObject) -> None:
    look = data.draw(st.integers(1, design.looks))
    bound = design.upper[look - 1]
    if math.isfinite(bound):
        assert readout(design, look, bound, 1.0).p_value == pytest.approx(design.alpha, rel=1e-5)


def test_obrien_fleming_is_strict_early_and_pocock_the_same_throughout() -> None:
    strict, even = boundary_design("obrien_fleming", range(1, 6)), boundary_design("pocock", range(1, 6))
    assert strict.upper == pytest.approx([2.040 * math.sqrt(5 / look) for look in range(1, 6)], abs=3e-3)
    assert even.upper == pytest.approx([2.413] * 5, abs=6e-4)
    assert strict.upper[-1] < even.upper[-1]


def test_bounds_of_looks_taken_do_not_depend_on_looks_to_come() -> None:
    soon = spending_design("obrien_fleming", [0.25, 0.5])
    later = spending_design("obrien_fleming", [0.25, 0.5, 0.6, 1.0])
    assert later.upper[:2] == pytest.approx(soon.upper, rel=1e-12)
    assert soon.alpha_spent[-1] < 0.05


def test_one_look_is_the_fixed_test() -> None:
    for design in (spending_design("pocock", [1.0]), boundary_design("obrien_fleming", [1.0])):
        assert design.upper[0] == pytest.approx(1.959964, abs=1e-6)


def test_more_information_than_planned_spends_what_is_left() -> None:
    design = spending_design("pocock", [0.5, 1.2])
    assert design.alpha_spent[-1] == pytest.approx(0.05)


def test_a_one_sided_design_does_not_reject_a_loss() -> None:
    design = spending_design("pocock", [0.5, 1.0], alpha=0.025, sides=1)
    at = readout(design, 1, estimate=-0.9, standard_error=0.1)
    assert not at.rejects
    assert at.high == math.inf
    assert at.p_value == 1.0


def test_a_look_that_may_spend_nothing_has_no_bound() -> None:
    design = spending_design("obrien_fleming", [0.01, 1.0])
    at = readout(design, 1, estimate=0.5, standard_error=0.1)
    assert at.bound == math.inf
    assert (at.low, at.high, at.rejects) == (-math.inf, math.inf, False)
    assert 0 < at.p_value <= 1


def test_the_p_value_has_a_floor() -> None:
    for design in (spending_design("pocock", [0.5, 1.0]), boundary_design("pocock", [0.5, 1.0])):
        assert readout(design, 2, estimate=50.0, standard_error=0.1).p_value == 1e-12


def test_thirty_looks_are_planned_as_well() -> None:
    design = spending_design("obrien_fleming", [day / 30 for day in range(1, 31)])
    chances = crossing_probabilities(design.information, design.lower, design.upper)
    assert 2 * sum(chances.upper) == pytest.approx(0.05, rel=1e-9)


@pytest.mark.parametrize(
    ("information", "alpha", "sides", "message"),
    [
        ([0.5, 0.5], 0.05, 2, "information: expected levels above 0 that rise"),
        ([0.5, 1.0, 1.2], 0.05, 2, "expected no look after fraction 1"),
        ([0.5], 0.0, 2, "alpha: expected a number between 0 and 1"),
        ([0.5], 0.05, 3, "sides: expected 1 or 2, found 3"),
        ([math.nan], 0.05, 2, "information: expected finite numbers"),
    ],
)
def test_bad_plans_are_named(information: list[float], alpha: float, sides: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spending_design("pocock", information, alpha, sides)


def test_bad_readouts_are_named() -> None:
    design = spending_design("pocock", [0.5, 1.0])
    for look in (0, 3, 1.5):
        with pytest.raises(ValueError, match="look: expected a whole number from 1 to 2"):
            readout(design, look, 0.1, 0.1)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="standard_error: expected a number above 0"):
        readout(design, 1, 0.1, 0.0)
    with pytest.raises(ValueError, match="family: expected one of obrien_fleming, pocock"):
        boundary_design("haybittle", [1.0])  # type: ignore[arg-type]  # wrong on purpose
