"""Synthetic difference-in-differences: weights solve the paper's problems, effects that are planted come back."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from lakehouse.stats.did import panel_did
from lakehouse.stats.synthetic_did import block_did, synthetic_did

REPO = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("LAKEHOUSE_SHARED_DIR", REPO.parent / "shared"))
PROP99 = SHARED / "data" / "experiments" / "california_prop99.csv"
needs_prop99 = pytest.mark.skipif(not PROP99.is_file(), reason="the Proposition 99 data are absent")


def california() -> tuple[np.ndarray, list[bool], int]:
    with PROP99.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    names, years = sorted({row["State"] for row in rows}), sorted({row["Year"] for row in rows})
    panel = np.full((len(names), len(years)), np.nan)
    for row in rows:
        panel[names.index(row["State"]), years.index(row["Year"])] = float(row["PacksPerCapita"])
    return panel, [name == "California" for name in names], years.index("1989")


def made(effect: float, seed: int = 0, treated_units: int = 4) -> tuple[np.ndarray, list[int]]:
    generator = np.random.default_rng(seed)
    units = 24 + treated_units
    levels, trends = generator.standard_normal((units, 1)) * 3, generator.standard_normal((units, 1)) * 0.1
    panel = (
        levels + trends * np.arange(20) + np.sin(np.arange(20)) + 0.1 * generator.standard_normal((units, 20))
    )
    panel[24:, 14:] += effect
    return panel, [0] * 24 + [1] * treated_units


@needs_prop99
def test_california_is_table_1_of_the_paper() -> None:
    """SDID -15.6 (8.4), DID -27.3 (17.7); the package's own figure is -15.604."""
    found = synthetic_did(*california())
    assert found.effect.estimate == pytest.approx(-15.604, abs=5e-3)
    assert found.effect.standard_error == pytest.approx(8.4, abs=1.2)
    plain = block_did(*california())
    assert plain.effect.estimate == pytest.approx(-27.349, abs=1e-3)
    assert plain.effect.standard_error == pytest.approx(17.7, abs=1.2)


@needs_prop99
def test_the_last_years_before_the_tax_carry_the_time_weights() -> None:
    weights = synthetic_did(*california()).time_weights
    assert weights[-3:] == pytest.approx([0.366, 0.206, 0.427], abs=2e-3)
    assert sum(weights[:-3]) < 1e-3


def test_a_planted_effect_is_found_and_moves_with_it() -> None:
    panel, treated = made(1.5)
    found = synthetic_did(panel, treated, 14, seed=3)
    assert found.effect.estimate == pytest.approx(1.5, abs=0.3)
    moved = synthetic_did(made(4.5)[0], treated, 14, seed=3)
    assert moved.effect.estimate - found.effect.estimate == pytest.approx(3.0)
    assert sum(found.unit_weights) == pytest.approx(1.0)
    assert sum(found.time_weights) == pytest.approx(1.0)


def test_levels_of_units_do_not_matter() -> None:
    panel, treated = made(1.5)
    plain = synthetic_did(panel, treated, 14)
    levels = synthetic_did(panel + 10 * np.arange(28)[:, None], treated, 14)
    assert levels.effect.estimate == pytest.approx(plain.effect.estimate, abs=1e-4)


def test_with_equal_weights_it_is_the_two_way_regression() -> None:
    panel, treated = made(1.5)
    units, periods = panel.shape
    unit, time = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    now = np.repeat(treated, periods) * (time >= 14)
    expected = panel_did(panel.ravel(), now, unit, time).estimate
    assert block_did(panel, treated, 14).effect.estimate == pytest.approx(expected)


def test_the_rank_of_a_large_effect_is_the_first() -> None:
    found = synthetic_did(*made(5.0), 14, replications=99)
    assert found.placebo_p_value == pytest.approx(1 / 100)
    assert found.effect.p_value < 1e-6


def test_controls_that_never_change_are_refused() -> None:
    panel = np.vstack([np.ones((4, 6)) * np.arange(4)[:, None], np.arange(6.0)])
    with pytest.raises(ValueError, match="expected controls that change before the treatment"):
        synthetic_did(panel, [0, 0, 0, 0, 1], 3)
