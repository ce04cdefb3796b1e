"""A placebo is a control taken as treated, judged against the other controls."""

from __future__ import annotations

import numpy as np
import pytest

from lakehouse.stats.placebo import block, contrast, placebo_blocks, placebo_error, placebo_p_value

PANEL = np.arange(24.0).reshape(6, 4) ** 1.5


def test_one_treated_unit_has_every_control_as_placebo_once() -> None:
    design = block(PANEL, [0, 0, 1, 0, 0, 0], 2)
    fakes = placebo_blocks(design, replications=200, seed=0)
    assert [fake.treated[0, 0] for fake in fakes] == PANEL[[0, 1, 3, 4, 5], 0].tolist()
    assert all(len(fake.controls) == 4 for fake in fakes)
    assert not any((fake.controls[:, 0] == PANEL[2, 0]).any() for fake in fakes)


def test_several_treated_units_have_random_placebos_that_a_seed_repeats() -> None:
    design = block(PANEL, [1, 1, 0, 0, 0, 0], 2)
    draws = [placebo_blocks(design, 30, seed) for seed in (1, 1, 2)]
    first = [fake.treated[:, 0].tolist() for fake in draws[0]]
    assert first == [fake.treated[:, 0].tolist() for fake in draws[1]]
    assert first != [fake.treated[:, 0].tolist() for fake in draws[2]]
    assert {len(set(units)) for units in first} == {2}


def test_the_p_value_counts_the_treated_unit_itself() -> None:
    assert placebo_p_value(10.0, np.arange(9.0)) == pytest.approx(0.1)
    assert placebo_p_value(0.0, np.arange(9.0)) == 1.0
    assert placebo_p_value(8.0, np.arange(9.0)) == pytest.approx(0.2)


def test_a_contrast_with_equal_weights_is_a_difference_in_differences() -> None:
    design = block([[1.0, 3.0, 6.0], [2.0, 2.0, 2.0], [0.0, 0.0, 0.0], [1.0, 1.0, 9.0]], [0, 0, 0, 1], 2)
    expected = (9.0 - 1.0) - ((6 + 2 + 0) / 3 - (2 + 2 + 0) / 3)
    assert contrast(design, np.full(3, 1 / 3), np.full(2, 0.5)) == pytest.approx(expected)


def test_bad_designs_are_named() -> None:
    with pytest.raises(ValueError, match="treated: expected at least 1 treated unit and 2 more controls"):
        block(PANEL, [0] * 6, 2)
    with pytest.raises(ValueError, match="found 3 and 3"):
        block(PANEL, [1, 1, 1, 0, 0, 0], 2)
    with pytest.raises(ValueError, match="periods_before: expected at least 2, found 1"):
        block(PANEL, [1, 0, 0, 0, 0, 0], 1)
    with pytest.raises(ValueError, match="periods_before: expected fewer than 4 periods, found 4"):
        block(PANEL, [1, 0, 0, 0, 0, 0], 4)
    with pytest.raises(ValueError, match="outcomes: expected finite numbers"):
        block(np.where(PANEL == 0, np.nan, PANEL), [1, 0, 0, 0, 0, 0], 2)
    with pytest.raises(ValueError, match="treated: expected only 0 and 1"):
        block(PANEL, [2, 0, 0, 0, 0, 0], 2)
    with pytest.raises(ValueError, match="replications: expected at least 20"):
        placebo_blocks(block(PANEL, [1, 1, 0, 0, 0, 0], 2), 5, 0)
    with pytest.raises(ValueError, match="expected placebo effects that vary"):
        placebo_error(np.ones(5))
