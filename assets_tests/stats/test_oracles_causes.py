"""Published and closed-form numbers of decompositions and of Adtributor come out of the public functions."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lakehouse.stats.adtributor import adtributor, explanatory_power, surprise
from lakehouse.stats.decomposition import mix_rate
from lakehouse.stats.factors import lmdi_factors

REPO = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("LAKEHOUSE_SHARED_DIR", REPO.parent / "shared"))
ORACLES = SHARED / "oracles" / "metrics_forecast_customers.json"

pytestmark = pytest.mark.skipif(
    not ORACLES.is_file(), reason="the oracles are absent: no LAKEHOUSE_SHARED_DIR and no ../shared"
)
RATIOS = (
    "rca.mixrate.simpson_rates_up_total_down",
    "rca.mixrate.pure_mix",
    "rca.mixrate.kidney_stone_A_vs_B",
)
OTHERS = ("rca.mixrate.requirements", "rca.lmdi1.visits_cr_aov", "rca.adtributor.example")


def entries() -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in json.loads(ORACLES.read_text(encoding="utf-8"))}


def test_every_entry_on_causes_has_its_test() -> None:
    assert {name for name in entries() if name.startswith("rca.")} == {*RATIOS, *OTHERS}


@pytest.mark.parametrize("name", RATIOS)
def test_ratio_decompositions(name: str) -> None:
    entry = entries()[name]
    inputs, expected = entry["inputs"], entry["expected"]
    periods = inputs["num0"], inputs["den0"], inputs["num1"], inputs["den1"]
    middle, base = mix_rate(*periods), mix_rate(*periods, weights="base")
    found = {
        "R0": middle.before,
        "R1": middle.after,
        "delta": middle.change,
        "shapley_rate": middle.rate,
        "shapley_mix_centred": middle.mix,
        "shapley_rate_total": middle.rate_total,
        "shapley_mix_total": middle.mix_total,
        "base_rate": base.rate,
        "base_mix_centred": base.mix,
        "base_interaction": base.joint,
        "per_segment_total": middle.contribution,
    }
    assert set(found) == set(expected)
    for key, number in expected.items():
        assert found[key] == pytest.approx(number, abs=entry["tolerance"]["abs"]), key
    assert base.rate_total + base.mix_total + base.joint_total == pytest.approx(base.change, abs=1e-12)


def test_edge_rules_of_the_ratio_decomposition() -> None:
    rules = entries()["rca.mixrate.requirements"]["expected"]
    assert "whole contribution to mix" in rules["new_segment"]
    effects = mix_rate([10, 0, 6], [100, 0, 40], [12, 5, 0], [110, 20, 0])
    assert effects.presence == ("both", "entry", "exit")
    assert effects.rate[1:] == (0.0, 0.0)
    assert effects.rate_total + effects.mix_total == pytest.approx(effects.change, abs=1e-12)

    assert "invariant to splitting" in rules["invariance"]
    whole = mix_rate([160, 4], [800, 200], [66, 21], [300, 700])
    parts = mix_rate([80, 80, 4], [400, 400, 200], [33, 33, 21], [150, 150, 700])
    assert sum(parts.contribution[:2]) == pytest.approx(whole.contribution[0], abs=1e-12)
    assert parts.contribution[2] == pytest.approx(whole.contribution[1], abs=1e-12)


def test_logarithmic_mean_divisia_index() -> None:
    entry = entries()["rca.lmdi1.visits_cr_aov"]
    found = lmdi_factors(entry["inputs"]["x0"], entry["inputs"]["x1"])
    expected, tolerance = entry["expected"], entry["tolerance"]["abs"]
    assert found.before == pytest.approx(expected["V0"], abs=tolerance)
    assert found.after == pytest.approx(expected["V1"], abs=tolerance)
    assert found.effects == pytest.approx(expected["effects"], abs=tolerance)


def test_adtributor_on_the_table_of_its_paper() -> None:
    entry = entries()["rca.adtributor.example"]
    tables = entry["inputs"]["dims"]
    # The table's last device has an actual of 0, and the paper's thresholds are the defaults.
    dimensions = {name: tuple(zip(*table.values(), strict=True)) for name, table in tables.items()}
    tolerance = entry["tolerance"]["abs"]
    for name, (forecast, actual) in dimensions.items():
        assert (sum(forecast), sum(actual)) == (entry["inputs"]["F"], entry["inputs"]["A"])
        expected = entry["expected"]["table"][name]
        assert explanatory_power(forecast, actual) == pytest.approx(
            [row["EP"] for row in expected.values()], abs=tolerance
        )
        assert surprise(forecast, actual) == pytest.approx(
            [row["S"] for row in expected.values()], abs=tolerance
        )
    best = adtributor(dimensions)[0]
    answer = entry["expected"]["answer"]
    assert best.dimension == answer["dimension"]
    assert {list(tables[best.dimension])[one] for one in best.elements} == set(answer["elements"])
    assert best.explanatory_power == pytest.approx(answer["EP"], abs=tolerance)
