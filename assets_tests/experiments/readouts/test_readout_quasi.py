"""Quasi-experiments: published numbers from public data, and panels that can't be read."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lakehouse.experiments.readout import read_observed
from lakehouse.experiments.readout_design import ReadoutDesign
from lakehouse.experiments.readout_quasi import PanelRows

REPO = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("LAKEHOUSE_SHARED_DIR", REPO.parent / "shared")) / "data" / "experiments"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="public data is absent: no LAKEHOUSE_SHARED_DIR and no ../shared"
)


def design(hand: Any, quasi: str = "difference_in_differences", **more: Any) -> ReadoutDesign:
    metric = hand.metric("outcome", "mean")
    shares = {"untreated": 0.5, "treated": 0.5}
    found: ReadoutDesign = hand.design(
        metric, shares=shares, control="untreated", quasi=quasi, start=None, end=None, **more
    )
    return found


def panel(rows: list[tuple[str, float, float, float]]) -> PanelRows:
    unit, period, adopted, value = zip(*rows, strict=True)
    return PanelRows(
        np.array(unit), np.array(period, float), np.array(adopted, float), np.array(value, float)
    )


def read(name: str, delimiter: str = ",") -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


@needs_data
def test_new_jerseys_minimum_wage(hand: Any) -> None:
    rows = [
        (row["id"] + row["nj"], float(row["d"]), 1.0 if row["nj"] == "1" else math.inf, math.nan if row["fte"] == "NA" else float(row["fte"]))
        for row in read("card_krueger_1994.csv")
    ]  # fmt: skip
    readout = read_observed(design(hand), {"outcome": panel(rows)}, hand.AFTER)
    assert readout.rows[0].effect == pytest.approx(2.7536, abs=5e-4)
    assert [row.status for row in readout.health] == ["warn", "pass", "pass"]


@needs_data
@pytest.mark.parametrize(
    ("aggregation", "effect"), [("simple", -0.0400), ("group", -0.0310), ("dynamic", -0.0772)]
)
def test_county_teen_employment(hand: Any, aggregation: str, effect: float) -> None:
    rows = [
        (row["countyreal"], float(row["year"]), float(row["first.treat"]) or math.inf, float(row["lemp"]))
        for row in read("mpdta.csv")
    ]
    readout = read_observed(design(hand, aggregation=aggregation), {"outcome": panel(rows)}, hand.AFTER)
    assert readout.rows[0].effect == pytest.approx(effect, abs=5e-4)
    assert (readout.rows[0].n, readout.rows[0].n_control) == (191, 309)
    # The published joint test of the effects before adoption.
    assert readout.health[0].value == pytest.approx(0.168, abs=5e-3)
    assert readout.health[0].status == "pass"


def smoking() -> PanelRows:
    rows = read("california_prop99.csv", ";")
    return panel(
        [
            (
                row["State"],
                float(row["Year"]),
                1989.0 if row["State"] == "California" else math.inf,
                float(row["PacksPerCapita"]),
            )
            for row in rows
        ]
    )


@needs_data
@pytest.mark.parametrize(
    ("quasi", "estimator", "effect", "tolerance"),
    [
        ("difference_in_differences", "default", -27.349, 1e-3),
        ("synthetic_control", "default", -19.5, 0.3),
        ("synthetic_control", "synthetic_did", -15.604, 0.05),
    ],
)
def test_californias_tobacco_law(
    hand: Any, quasi: str, estimator: str, effect: float, tolerance: float
) -> None:
    readout = read_observed(design(hand, quasi, estimator=estimator), {"outcome": smoking()}, hand.AFTER)
    row = readout.rows[0]
    assert row.effect == pytest.approx(effect, abs=tolerance)
    assert (row.n, row.n_control) == (1, 38)
    assert row.method is not None
    assert "placebo" in row.method
    if (quasi, estimator) == ("synthetic_control", "default"):
        # Of 38 states without the law, two had a gap after it that was larger beside the one before.
        assert row.p_value == row.decisive_p == pytest.approx(3 / 39)
    assert row.lift is not None
    assert row.lift == pytest.approx(row.effect / (row.mean - row.effect))


def trends(lead: float, effect: float, units: int = 16, periods: int = 10) -> PanelRows:
    """Half of the units are treated from period 6 on; `lead`: how much they rise per period before that."""
    rng = np.random.default_rng(9)
    return panel(
        [
            (
                f"u{unit}",
                period,
                6.0 if unit < units // 2 else math.inf,
                20
                + unit
                + rng.normal(0, 0.5)
                + (effect * (period >= 6) + lead * min(period, 6)) * (unit < units // 2),
            )
            for unit in range(units)
            for period in range(periods)
        ]
    )


def test_an_effect_on_parallel_trends_ships(hand: Any) -> None:
    readout = read_observed(design(hand), {"outcome": trends(0, 3)}, hand.AFTER)
    assert readout.rows[0].decision == "ship"
    assert readout.rows[0].lift == pytest.approx(3 / 23.5, abs=0.02)


def test_trends_that_parted_before_make_it_invalid(hand: Any) -> None:
    readout = read_observed(design(hand), {"outcome": trends(0.8, 3)}, hand.AFTER)
    assert readout.rows[0].decision == "invalid"
    assert "moved apart" in readout.rows[0].reason
    assert readout.health[0].status == "fail"


def test_parallel_trends_pass_also_with_more_periods_than_units(hand: Any) -> None:
    rng = np.random.default_rng(4)
    failed = 0
    for _ in range(30):
        rows = [
            (f"u{unit}", period, 12.0 if unit < 6 else math.inf, rng.normal())
            for unit in range(14)
            for period in range(14)
        ]
        readout = read_observed(design(hand), {"outcome": panel(rows)}, hand.AFTER)
        failed += readout.health[0].status != "pass"
    # A warning stands for p < 0.05: one or two in thirty by chance, where the joint test of 11 leads warns of most.
    assert failed <= 5


def test_few_units_are_told_and_judged_by_the_doubt_they_leave(hand: Any) -> None:
    few = read_observed(design(hand), {"outcome": trends(0, 3, units=8)}, hand.AFTER)
    many = read_observed(design(hand), {"outcome": trends(0, 3, units=40)}, hand.AFTER)
    checks = [{row.check: row for row in readout.health} for readout in (few, many)]
    assert [found["few_units"].status for found in checks] == ["warn", "pass"]
    assert "4 units treated, 4 not" in checks[0]["few_units"].text
    row = few.rows[0]
    assert row.p_value == pytest.approx(2 * stats.t.sf(row.effect / row.standard_error, 3))
    assert row.effect_high - row.effect == pytest.approx(stats.t.isf(0.025, 3) * row.standard_error)
    assert many.rows[0].method is not None
    assert "few units" not in many.rows[0].method
    assert "few units" in (few.rows[0].method or "")


@pytest.mark.parametrize("dates", [1, 2])
def test_parallel_trends_of_few_units_are_rarely_called_invalid(hand: Any, dates: int) -> None:
    rng = np.random.default_rng(12)
    warned = failed = 0
    for _ in range(200):
        noise = rng.normal(size=(40, 6))
        for period in range(1, 6):
            noise[:, period] = 0.6 * noise[:, period - 1] + 0.8 * noise[:, period]
        adopted = [3.0 + unit % dates if unit < 4 else math.inf for unit in range(40)]
        rows = [
            (f"u{unit}", period, adopted[unit], noise[unit, period])
            for unit in range(40)
            for period in range(6)
        ]
        check = read_observed(design(hand), {"outcome": panel(rows)}, hand.AFTER).health[0]
        warned += check.status != "pass"
        failed += check.status == "fail"
    # 5% and 1% of 200 by chance; the joint test of the leads would warn of 48 and fail 20.
    assert warned <= 20
    assert failed <= 6


@pytest.mark.parametrize(
    ("rows", "by_differences", "by_control"),
    [
        ([("a", 1, math.inf, math.nan)], "no rows with a value", "no rows with a value"),
        ([("a", 1, math.inf, 1.0), ("b", 1, 2.0, 2.0)], "there is 1 period in the panel", "there is 1 period in the panel"),
        ([("a", 1, math.inf, 1.0), ("a", 2, math.inf, 2.0)], "no unit was treated", "no unit was treated"),
        ([("a", 1, 1.0, 1.0), ("a", 2, 1.0, 2.0)], "every unit was treated from the first period on", "every unit was treated from the first period on"),
        ([("a", 1, 2.0, 1e101), ("b", 2, math.inf, 2.0)], "values that are too large", "values that are too large"),
        ([(unit, period, adopted, 5.0) for unit, adopted in (("a", math.inf), ("b", 2.0), ("c", 2.0), ("d", math.inf)) for period in (1, 2)], "which needs variation within the four cells, and found none", "there is 1 period before the treatment, and at least 2"),
        ([(unit, period, adopted, period + 0.1) for unit, adopted in (("a", math.inf), ("b", 3.0), ("c", 3.0), ("d", math.inf)) for period in (1, 2, 3)], "which needs variation beyond the model, and found a perfect fit", "2 were treated and 2 were not, and at least 2 more untreated"),
        ([(unit, period, 2.0, period + 0.1) for unit in "ab" for period in (1, 2)], "every unit was treated, and at least 2 that never were are needed", "there is 1 period before"),
        ([("a", 1, 2.0, 1.0), ("a", 2, 2.0, 2.0), ("b", 1, math.inf, 1.0), ("b", 2, math.inf, 1.0)], "1 unit only was never treated, and at least 2", "there is 1 period before"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("quasi", ["difference_in_differences", "synthetic_control"])
def test_a_panel_that_cannot_be_read_says_why(
    hand: Any, quasi: str, rows: Any, by_differences: str, by_control: str
) -> None:
    readout = read_observed(design(hand, quasi), {"outcome": panel(rows)}, hand.AFTER)
    assert readout.rows[0].status == "no readout"
    assert (by_control if quasi == "synthetic_control" else by_differences) in readout.rows[0].reason
    assert readout.rows[0].decision is None


def test_several_dates_of_adoption_have_no_synthetic_control(hand: Any) -> None:
    rows = [
        (f"u{unit}", period, [3.0, 4.0, math.inf, math.inf][unit], unit + period)
        for unit in range(4)
        for period in range(6)
    ]
    readout = read_observed(design(hand, "synthetic_control"), {"outcome": panel(rows)}, hand.AFTER)
    assert "adopted at 2 different times" in readout.rows[0].reason
