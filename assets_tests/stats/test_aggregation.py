"""Group-time effects add up to R's numbers, and to the truth where it is known."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from lakehouse.stats.aggregation import AGGREGATIONS, Aggregation, aggregate
from lakehouse.stats.staggered import ControlGroup, GroupTimeEffects, group_time_effects

REPO = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("LAKEHOUSE_SHARED_DIR", REPO.parent / "shared"))
MPDTA = SHARED / "data" / "experiments" / "mpdta.csv"
NEVER = np.inf

# R's did, aggte(bstrap = FALSE): overall effect and standard error.
OVERALL: dict[ControlGroup, dict[Aggregation, tuple[float, float]]] = {
    "never_treated": {
        "simple": (-0.0399512751551763, 0.0120340127701854),
        "group": (-0.0310182822287484, 0.0124460593209979),
        "dynamic": (-0.0772398214573151, 0.0199649890618494),
        "calendar": (-0.0417004321312822, 0.01597185188456),
    },
    "not_yet_treated": {
        "simple": (-0.0397636256230437, 0.0120524247873419),
        "group": (-0.030462228112565, 0.0125751201316818),
        "dynamic": (-0.0773993139705847, 0.0195601769463944),
        "calendar": (-0.0442670834758837, 0.0155709044211449),
    },
}
PARTS: dict[Aggregation, dict[float, tuple[float, float]]] = {
    "group": {2004: (-0.0797491265747291, 0.0263677994350273), 2006: (-0.0229095392495403, 0.0167033303)},
    "dynamic": {-3: (0.0305066555832928, 0.01503356028013), 0: (-0.0199318167892593, 0.0118263640580582)},
    "calendar": {2006: (-0.0488159842650431, 0.0201258612605003)},
}


def counties(control_group: ControlGroup) -> GroupTimeEffects:
    with MPDTA.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    units = sorted({row["countyreal"] for row in rows})
    panel, adopted = np.full((len(units), 5), np.nan), np.full(len(units), NEVER)
    for row in rows:
        unit = units.index(row["countyreal"])
        panel[unit, int(row["year"]) - 2003] = float(row["lemp"])
        adopted[unit] = float(row["first.treat"]) or NEVER
    return group_time_effects(panel, range(2003, 2008), adopted, control_group=control_group)


@pytest.mark.skipif(not MPDTA.is_file(), reason="the county data of Callaway and Sant'Anna are absent")
@pytest.mark.parametrize("control_group", OVERALL)
def test_the_numbers_are_those_of_r(control_group: ControlGroup) -> None:
    effects = counties(control_group)
    for aggregation, (estimate, error) in OVERALL[control_group].items():
        found = aggregate(effects, aggregation)
        assert found.effect.estimate == pytest.approx(estimate, abs=1e-8)
        assert found.effect.standard_error == pytest.approx(error, abs=1e-10)
        parts = {part.at: part.effect for part in found.parts}
        for at, (part, part_error) in PARTS.get(aggregation, {}).items():
            if control_group == "never_treated":
                assert parts[at].estimate == pytest.approx(part, abs=1e-10)
                assert parts[at].standard_error == pytest.approx(part_error, abs=1e-10)


def made(effect: float) -> GroupTimeEffects:
    """Groups of unequal size that adopt at 2, 3 and 4 of 4 periods, with one effect for all."""
    generator = np.random.default_rng(2)
    adopted = np.array([2.0] * 10 + [3.0] * 20 + [4.0] * 30 + [NEVER] * 40)
    times = np.arange(1.0, 5.0)
    y = generator.standard_normal((100, 1)) + times + 0.1 * generator.standard_normal((100, 4))
    return group_time_effects(y + effect * (times >= adopted[:, None]), times, adopted)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_one_effect_for_all_is_found_by_every_aggregation(aggregation: Aggregation) -> None:
    found = aggregate(made(2.0), aggregation)
    assert found.effect.estimate == pytest.approx(2.0, abs=0.1)
    assert found.effect.low < 2.0 < found.effect.high
    moved = aggregate(made(5.0), aggregation)
    assert moved.effect.estimate - found.effect.estimate == pytest.approx(3.0)


def test_parts_are_named_by_what_they_are_parts_of() -> None:
    effects = made(1.0)
    at = {name: [part.at for part in aggregate(effects, name).parts] for name in AGGREGATIONS}
    assert at == {
        "simple": [],
        "group": [2.0, 3.0, 4.0],
        "dynamic": [-2.0, -1.0, 0.0, 1.0, 2.0],
        "calendar": [2.0, 3.0, 4.0],
    }


def test_simple_weighs_by_group_size() -> None:
    effects = made(1.0)
    sizes = {2.0: 10, 3.0: 20, 4.0: 30}
    after = [each for each in effects.effects if each.period >= each.group]
    total = sum(sizes[each.group] for each in after)
    expected = sum(sizes[each.group] * each.effect.estimate for each in after) / total
    assert aggregate(effects, "simple").effect.estimate == pytest.approx(expected)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="aggregation: expected one of simple, group, dynamic, calendar"):
        aggregate(made(1.0), "total")  # type: ignore[arg-type]  # wrong on purpose
