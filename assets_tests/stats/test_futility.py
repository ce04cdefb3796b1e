"""Futility bounds spend beta, reach the power they promise, and never cost alpha."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.stats.crossing import crossing_probabilities
from lakehouse.stats.futility import futility_bounds
from lakehouse.stats.group_sequential import boundary_design, spending_design
from lakehouse.stats.spending import SPENDING_FAMILIES, SpendingFamily, error_spent

LOOKS = [0.3, 0.6, 1.0]


def test_the_numbers_are_gsdesigns() -> None:
    """gsDesign(k = 3, test.type = 4, alpha = .025, beta = .1): lower -0.24, 0.94, upper 3.01, 2.55, 2.00, ratio 1.070."""
    design = spending_design("hwang_shih_decani", [1 / 3, 2 / 3, 1], alpha=0.025, sides=1)
    bounds = futility_bounds(design, beta=0.1)
    assert design.upper == pytest.approx([3.01, 2.55, 2.00], abs=5e-3)
    assert bounds.lower == pytest.approx([-0.24, 0.94, 2.00], abs=5e-3)
    assert bounds.beta_spent == pytest.approx([0.0148, 0.0148 + 0.0289, 0.1], abs=1e-4)
    assert bounds.inflation == pytest.approx(1.070, abs=5e-4)


@settings(max_examples=15, deadline=None)
@given(family=st.sampled_from(SPENDING_FAMILIES), alpha=st.floats(0.005, 0.1), beta=st.floats(0.05, 0.4))
def test_beta_is_spent_as_said_and_the_power_is_reached(
    family: SpendingFamily, alpha: float, beta: float
) -> None:
    design = spending_design("obrien_fleming", LOOKS, alpha=alpha, sides=1)
    bounds = futility_bounds(design, beta, family, None)
    chances = crossing_probabilities(LOOKS, bounds.lower, design.upper, drift=bounds.drift)
    assert sum(chances.upper) == pytest.approx(1 - beta, abs=1e-6)
    assert bounds.power == pytest.approx(1 - beta, abs=1e-6)
    assert bounds.beta_spent == pytest.approx(error_spent(family, LOOKS, beta).tolist(), abs=1e-6)
    assert bounds.lower[-1] == design.upper[-1]
    assert bounds.inflation is not None
    assert bounds.inflation >= 1 - 1e-9
    assert all(low <= high for low, high in zip(bounds.lower, design.upper, strict=True))
    # Non-binding: giving up where told can only lower the chance of a false rejection.
    given_up = crossing_probabilities(LOOKS, bounds.lower, design.upper)
    assert sum(given_up.upper) <= alpha * (1 + 1e-9)


def test_with_one_look_nothing_is_paid() -> None:
    bounds = futility_bounds(boundary_design("pocock", [1.0], 0.025, 1), 0.2)
    assert bounds.inflation == pytest.approx(1.0)
    assert bounds.drift == pytest.approx(1.959964 + 0.841621, abs=1e-5)


def test_a_smaller_effect_than_planned_has_less_power() -> None:
    design = spending_design("obrien_fleming", LOOKS, alpha=0.025, sides=1)
    planned = futility_bounds(design, 0.2)
    smaller = futility_bounds(design, 0.2, drift=0.6 * planned.drift)
    assert smaller.power < planned.power
    assert smaller.inflation is None


def test_bad_input_is_named() -> None:
    design = spending_design("pocock", LOOKS, alpha=0.025, sides=1)
    with pytest.raises(ValueError, match="design: expected a one-sided design, found 2 sides"):
        futility_bounds(spending_design("pocock", LOOKS), 0.2)
    with pytest.raises(ValueError, match="beta: expected a number between 0 and 1"):
        futility_bounds(design, 0.0)
    with pytest.raises(ValueError, match="beta: expected less than 1 - alpha"):
        futility_bounds(design, 0.98)
    with pytest.raises(ValueError, match="drift: expected a finite number"):
        futility_bounds(design, 0.2, drift=math.nan)
