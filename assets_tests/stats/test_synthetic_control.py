"""A synthetic control follows the treated unit before, and its gap after is the effect."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from lakehouse.stats.synthetic_control import synthetic_control

REPO = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("LAKEHOUSE_SHARED_DIR", REPO.parent / "shared"))
PROP99 = SHARED / "data" / "experiments" / "california_prop99.csv"


def factors(effect: float, seed: int = 0, treated_units: int = 1) -> tuple[np.ndarray, list[int]]:
    """Twenty controls and treated units driven by two common factors, 20 periods before and 10 after."""
    generator = np.random.default_rng(seed)
    units = 20 + treated_units
    common = generator.standard_normal((2, 30)).cumsum(axis=1)
    loadings = generator.dirichlet([1.0, 1.0], units)
    panel = 10 + loadings @ common + 0.05 * generator.standard_normal((units, 30))
    panel[20:, 20:] += effect
    return panel, [0] * 20 + [1] * treated_units


@pytest.mark.skipif(not PROP99.is_file(), reason="the Proposition 99 data are absent")
def test_california_smoked_twenty_packs_less() -> None:
    """Weights as in Abadie, Diamond & Hainmueller (2010) in kind: Utah, Montana, Nevada and Connecticut lead."""
    with PROP99.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    names, years = sorted({row["State"] for row in rows}), sorted({row["Year"] for row in rows})
    panel = np.full((len(names), len(years)), np.nan)
    for row in rows:
        panel[names.index(row["State"]), years.index(row["Year"])] = float(row["PacksPerCapita"])
    found = synthetic_control(panel, [name == "California" for name in names], years.index("1989"))
    assert found.effect.estimate == pytest.approx(-19.5136, abs=5e-4)
    assert found.effect.standard_error == pytest.approx(9.9, abs=1.0)
    assert found.placebo_p_value == pytest.approx(3 / 39)
    donors = [name for name in names if name != "California"]
    leading = sorted(zip(found.weights, donors, strict=True), reverse=True)[:4]
    assert {name for _, name in leading} == {"Utah", "Montana", "Nevada", "Connecticut"}


def test_a_planted_effect_is_found() -> None:
    found = synthetic_control(*factors(2.0), periods_before=20)
    assert found.effect.estimate == pytest.approx(2.0, abs=0.15)
    assert found.placebo_p_value == pytest.approx(1 / 21)
    assert found.rmspe_before < 0.1 < found.rmspe_after
    assert np.mean(found.gaps[20:]) == pytest.approx(found.effect.estimate)


def test_without_an_effect_none_is_claimed() -> None:
    found = synthetic_control(*factors(0.0), periods_before=20)
    assert found.effect.low < 0 < found.effect.high
    assert found.placebo_p_value > 0.05


def test_weights_are_shares() -> None:
    found = synthetic_control(*factors(1.0), periods_before=20)
    assert sum(found.weights) == pytest.approx(1.0)
    assert min(found.weights) >= 0
    assert len(found.weights) == len(found.placebos) == 20


def test_several_treated_units_are_averaged() -> None:
    panel, treated = factors(2.0, treated_units=3)
    found = synthetic_control(panel, treated, 20, replications=50, seed=4)
    again = synthetic_control(panel, treated, 20, replications=50, seed=4)
    assert found == again
    assert found.effect.estimate == pytest.approx(2.0, abs=0.15)
    assert len(found.placebos) == 50


def test_a_perfect_fit_before_is_no_accident_to_the_p_value() -> None:
    panel, treated = factors(0.0)
    panel[20] = panel[:20].mean(axis=0)
    found = synthetic_control(panel, treated, 20)
    assert found.rmspe_before == pytest.approx(0.0, abs=1e-9)
    assert 0 < found.placebo_p_value <= 1


def test_controls_that_are_all_alike_are_refused() -> None:
    panel = np.vstack([np.ones((4, 6)), np.arange(6.0)])
    with pytest.raises(ValueError, match="the controls are all alike"):
        synthetic_control(panel, [0, 0, 0, 0, 1], 3)
