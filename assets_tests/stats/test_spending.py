"""Error is spent step by step, and all of it by the planned end."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from lakehouse.stats.spending import SPENDING_FAMILIES, SpendingFamily, error_spent

families = st.sampled_from(SPENDING_FAMILIES)
parameters = {"hwang_shih_decani": st.floats(-50, 50), "power": st.floats(0.1, 10)}


@settings(deadline=None)
@given(data=st.data(), family=families, alpha=st.floats(1e-4, 0.99))
def test_spending_rises_from_nothing_to_alpha(
    data: st.DataObject, family: SpendingFamily, alpha: float
) -> None:
    parameter = data.draw(parameters[family]) if family in parameters else None
    spent = error_spent(family, np.linspace(0.01, 1.0, 50), alpha, parameter)
    assert (np.diff(spent) >= -1e-15).all()
    assert spent[0] >= 0
    assert spent[-1] == pytest.approx(alpha, rel=1e-9)


@settings(deadline=None)
@given(family=families, alpha=st.floats(1e-4, 0.5))
def test_past_the_planned_end_nothing_more_is_spent(family: SpendingFamily, alpha: float) -> None:
    assert error_spent(family, [1.3], alpha)[0] == pytest.approx(alpha)


def test_the_families_are_their_papers_formulas() -> None:
    t, alpha = 0.3, 0.025
    assert error_spent("obrien_fleming", [t], alpha)[0] == pytest.approx(
        2 * norm.sf(norm.isf(alpha / 2) / math.sqrt(t))
    )
    assert error_spent("pocock", [t], alpha)[0] == pytest.approx(alpha * math.log(1 + (math.e - 1) * t))
    assert error_spent("power", [t], alpha, 2.0)[0] == pytest.approx(alpha * t**2)
    for gamma in (-4.0, 2.0):
        expected = alpha * (1 - math.exp(-gamma * t)) / (1 - math.exp(-gamma))
        assert error_spent("hwang_shih_decani", [t], alpha, gamma)[0] == pytest.approx(expected)
    assert error_spent("hwang_shih_decani", [t], alpha, 0.0)[0] == pytest.approx(alpha * t)
    assert error_spent("hwang_shih_decani", [t], alpha, -2000.0)[0] == 0.0


@pytest.mark.parametrize(
    ("family", "information", "alpha", "parameter", "message"),
    [
        ("linear", [0.5], 0.05, None, "family: expected one of obrien_fleming, pocock"),
        ("pocock", [0.0], 0.05, None, "information: expected fractions above 0, found 0"),
        ("pocock", [], 0.05, None, "information: expected at least 1"),
        ("pocock", [0.5], 0.0, None, "alpha: expected a number between 0 and 1"),
        ("pocock", [0.5], 0.05, 2.0, "parameter: expected none for pocock, found 2.0"),
        ("power", [0.5], 0.05, 0.0, "parameter: expected a number above 0"),
        ("hwang_shih_decani", [0.5], 0.05, math.nan, "parameter: expected a finite number"),
    ],
)
def test_bad_input_is_named(
    family: SpendingFamily, information: list[float], alpha: float, parameter: float | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        error_spent(family, information, alpha, parameter)
