"""Sizes against a margin and with several looks: by simulation, and by the published tables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.stats.arms import Arm
from lakehouse.stats.group_sequential import BoundaryFamily, boundary_design, spending_design
from lakehouse.stats.noninferiority import non_inferiority, relative_non_inferiority
from lakehouse.stats.power import Outcome
from lakehouse.stats.sizes import inflation, margin_sample_size


def share_met(margin: float, units: tuple[int, int], *, is_relative: bool) -> float:
    """How often normal arms of level 10 and deviation 2 that are alike are shown to be within the margin."""
    rng = np.random.default_rng(5)
    means = rng.normal(10, 2 / np.sqrt(units), (4000, 2))
    test: Any = relative_non_inferiority if is_relative else non_inferiority
    met = [test(Arm(units[0], one, 4.0), Arm(units[1], other, 4.0), margin).is_met for one, other in means]
    return float(np.mean(met))


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_so_many_units_show_an_absolute_margin_with_the_power_aimed_at(share: float) -> None:
    plan = margin_sample_size(Outcome(10.0, 4.0), 0.5, share=share)
    met = share_met(0.5, (plan.n_treatment, plan.n_control), is_relative=False)
    assert met == pytest.approx(0.8, abs=0.025)


def test_so_many_units_show_a_relative_margin_with_the_power_aimed_at() -> None:
    """A large margin, so that the control's smaller part in the test shows."""
    outcome = Outcome(10.0, 4.0)
    plan = margin_sample_size(outcome, 1.0, allowed=0.9)
    assert plan.n_control < margin_sample_size(outcome, 1.0).n_control
    assert share_met(0.1, (plan.n_treatment, plan.n_control), is_relative=True) == pytest.approx(
        0.8, abs=0.03
    )


@pytest.mark.parametrize(
    ("family", "power", "published"),
    [("pocock", 0.8, 1.228), ("pocock", 0.9, 1.207), ("obrien_fleming", 0.8, 1.028), ("obrien_fleming", 0.9, 1.026)],
)  # fmt: skip
def test_five_looks_cost_what_the_tables_say(family: BoundaryFamily, power: float, published: float) -> None:
    design = boundary_design(family, [1, 2, 3, 4, 5])
    assert inflation(design, power) == pytest.approx(published, abs=1e-3)


@settings(deadline=None, max_examples=25)
@given(looks=st.integers(1, 6), alpha=st.floats(0.001, 0.2), power=st.floats(0.3, 0.95))
def test_looks_never_save_units_in_the_worst_case(looks: int, alpha: float, power: float) -> None:
    fractions = [at / looks for at in range(1, looks + 1)]
    cautious = inflation(spending_design("obrien_fleming", fractions, alpha), power)
    even = inflation(spending_design("pocock", fractions, alpha), power)
    assert 1 - 1e-9 <= cautious <= even + 1e-9
    assert math.isclose(even, 1.0, abs_tol=1e-6) is (looks == 1)


@pytest.mark.parametrize(
    ("given_", "told"),
    [({"margin": 0.0}, "margin: expected"), ({"allowed": 0.0}, "allowed: expected"), ({"power": 0.01}, "power: expected"), ({"share": 1.0}, "share: expected")],
)  # fmt: skip
def test_a_margin_that_makes_no_sense_says_why(given_: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        margin_sample_size(Outcome(10.0, 4.0), **{"margin": 0.5, **given_})
