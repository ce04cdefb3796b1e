"""What can't be read says "no readout, because", never a NaN, a warning or a traceback."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from lakehouse.experiments.health import UnitCounts
from lakehouse.experiments.readout import Readout, read_randomized
from lakehouse.experiments.readout_metric import Evidence
from lakehouse.experiments.readout_rows import HealthRow, values_of
from lakehouse.experiments.readout_sums import Sums

ONES = [1.0] * 50


def refused(readout: Readout, text: str) -> None:
    for row in readout.rows:
        assert row.status == "no readout"
        assert row.reason.startswith("no readout, because ")
        assert text in row.reason
        assert row.decision is None
    told: list[Any] = [*readout.rows, *readout.health, *readout.segments]
    assert all(
        not isinstance(value, float) or math.isfinite(value) for row in told for value in values_of(row)
    )


def test_an_experiment_without_exposures(hand: Any) -> None:
    design = hand.design(hand.metric(), hand.metric("revenue", "mean", "secondary"))
    refused(read_randomized(design, Evidence(), UnitCounts(), hand.AFTER), "no eligible unit was exposed")
    refused(read_randomized(design, Evidence(), UnitCounts(), hand.AFTER), "no exposure carries its id, e")
    assert len(read_randomized(design, Evidence(), UnitCounts(), hand.AFTER).rows) == 2


def test_nobody_eligible_among_those_seen(hand: Any) -> None:
    seen = UnitCounts({}, {}, 12, 12)
    readout = read_randomized(hand.design(hand.metric()), Evidence(), seen, hand.AFTER)
    assert readout.rows[0].status == "no readout"
    assert "none of 12 seen is eligible. The figures can't be trusted" in readout.rows[0].reason
    assert readout.rows[0].decision == "invalid"


def test_nobody_eligible_tells_why_each_was_left_out(hand: Any) -> None:
    left_out = {"unknown_variant": 7, "outside_window": 4, "rule: age > 17": 1}
    seen = UnitCounts({}, left_out=left_out, unknown=("A", "B"))
    readout = read_randomized(hand.design(hand.metric()), Evidence(), seen, hand.AFTER)
    refused(readout, "7 saw a variant that the experiment doesn't name (seen: A, B; named: a, b)")
    refused(readout, f"4 were exposed outside of its days, {hand.START} to {hand.END - timedelta(days=1)}")
    refused(readout, "1 are left out by its rule: age > 17")


def test_a_source_that_has_values_of_no_unit(hand: Any) -> None:
    arms = {"conversion": {"a": hand.values(ONES), "b": hand.values(ONES)}}
    readout = hand.read(hand.design(hand.metric()), arms, unmatched={"conversion": "stg_sales"})
    refused(readout, "no unit has a value in stg_sales: are the ids there those of the exposures?")


def test_an_experiment_that_has_not_begun(hand: Any) -> None:
    early = hand.START - timedelta(days=1)
    refused(
        read_randomized(hand.design(hand.metric()), Evidence(), UnitCounts(), early),
        f"starts on {hand.START}",
    )


def test_one_variant_only(hand: Any) -> None:
    design = hand.design(hand.metric(), shares={"a": 1.0})
    readout = hand.read(design, {"conversion": {"a": hand.values(ONES)}})
    refused(readout, "one variant only, a")
    assert [row.variant for row in readout.rows] == ["a"]


@pytest.mark.parametrize("kind", ["proportion", "mean", "ratio"])
@pytest.mark.parametrize("size", [0, 1])
def test_an_arm_with_no_unit_or_one(hand: Any, kind: str, size: int) -> None:
    arms = {"m": {"b": hand.values([1.0] * size), "a": hand.values([0.0, 1.0] * 4)}}
    # The split would be told as broken otherwise, which is another test.
    counts = hand.counts({"a": 8, "b": 8})
    text = "b has no units" if size == 0 else "b has 1 unit, and at least 2 are needed"
    refused(hand.read(hand.design(hand.metric("m", kind)), arms, counts=counts), text)


def test_units_that_all_wait_for_their_window(hand: Any) -> None:
    waiting = replace(hand.values([]), immature=8)
    arms = {"m": {"b": waiting, "a": waiting}}
    counts = hand.counts({"a": 8, "b": 8})
    design = hand.design(hand.metric("m", window_days=14))
    refused(hand.read(design, arms, counts=counts), "8 more wait for their window to end")


@pytest.mark.parametrize(
    ("kind", "value"), [("proportion", 0), ("proportion", 1), ("mean", 3), ("mean", 0.1)]
)
def test_a_metric_that_does_not_vary(hand: Any, kind: str, value: float) -> None:
    arms = {"m": {name: hand.values([value] * 40) for name in "ab"}}
    refused(hand.read(hand.design(hand.metric("m", kind)), arms), "value")


def test_a_ratio_whose_denominators_are_all_zero(hand: Any) -> None:
    arms = {"m": {name: hand.values(np.arange(40.0), d=np.zeros(40)) for name in "ab"}}
    refused(hand.read(hand.design(hand.metric("m", "ratio")), arms), "denominators that add up to 0")


@pytest.mark.parametrize("kind", ["proportion", "mean", "ratio"])
@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan, None])
def test_sums_that_are_infinite_or_missing(hand: Any, kind: str, bad: float | None) -> None:
    good = hand.values([0.0, 1.0] * 20).sums()
    broken = replace(good, sums={**good.sums, "y": bad})
    evidence = Evidence({("m", name, "exclude", "unit"): broken for name in "ab"})
    readout = read_randomized(
        hand.design(hand.metric("m", kind)), evidence, hand.counts({"a": 40, "b": 40}), hand.AFTER
    )
    refused(readout, "missing or infinite")


@pytest.mark.parametrize("size", [1e308, 1e155, 1e-320])
def test_values_whose_squares_leave_the_floats(hand: Any, size: float) -> None:
    sums = Sums(40, sums={"y": size, "d": 40.0}, products={"yy": 1e308, "yd": size, "dd": 40.0})
    evidence = Evidence({("m", name, "exclude", "unit"): sums for name in "ab"})
    row = read_randomized(
        hand.design(hand.metric("m", "mean"), minimum_effect=0.1),
        evidence,
        hand.counts({"a": 40, "b": 40}),
        hand.AFTER,
    ).rows[0]
    assert row.status == "no readout" or row.effect == 0
    assert all(not isinstance(value, float) or math.isfinite(value) for value in values_of(row))


@pytest.mark.parametrize("covariate", [None, math.nan, math.inf, 0.0])
def test_a_covariate_of_nothing_leaves_the_readout_and_no_twin(hand: Any, covariate: float | None) -> None:
    rng = np.random.default_rng(1)
    evidence = {}
    for name in "ab":
        good = hand.values(rng.normal(10, 2, 100)).sums()
        nothing = dict.fromkeys(("yx", "dx", "xx", "xe"), covariate)
        evidence["m", name, "exclude", "unit"] = replace(
            good, sums={**good.sums, "x": covariate}, products={**good.products, **nothing}
        )
    design = hand.design(hand.metric("m", "mean", has_covariate=True), cuped=True)
    readout = read_randomized(design, Evidence(evidence), hand.counts({"a": 100, "b": 100}), hand.AFTER)
    row = readout.rows[0]
    assert (row.status, row.cuped_effect, row.variance_reduction) == ("ok", None, None)
    assert row.effect is not None
    assert [check.status for check in readout.health if check.check == "pre_period"] == ["pass"]


def test_a_quantile_of_too_few_units(hand: Any) -> None:
    design = hand.design(hand.metric("m", "quantile", quantile=0.9))
    arms = {"m": {name: hand.values(np.arange(5.0)) for name in "ab"}}
    refused(hand.read(design, arms), "too few units to tell how sure its quantile 0.9 is")


def test_a_metric_without_any_row_beside_one_with(hand: Any) -> None:
    design = hand.design(hand.metric(), hand.metric("gone", "mean", "secondary"))
    rows = hand.read(design, {"conversion": hand.rates(650, 5000, 500, 5000)}).rows
    assert (rows[0].decision, rows[1].status) == ("ship", "no readout")
    assert rows[1].reason == "no readout, because b has no units, and at least 2 are needed"


def test_a_guardrail_that_cannot_be_read_holds_a_win_back(hand: Any) -> None:
    design = hand.design(hand.metric(), hand.metric("gone", "mean", "guardrail"))
    row = hand.row(design, {"conversion": hand.rates(650, 5000, 500, 5000)})
    assert row.decision == "keep running"
    assert "Gone must not get worse, and has no readout, because b has no units" in row.reason


def test_checks_of_an_empty_experiment_have_words(hand: Any) -> None:
    readout = read_randomized(hand.design(hand.metric()), Evidence(), UnitCounts(), hand.AFTER)
    told: list[HealthRow] = list(readout.health)
    assert {row.check: row.status for row in told} == {
        "sample_ratio": "warn",
        "sequential_sample_ratio": "warn",
        "contamination": "pass",
        "pre_period": "pass",
        "exposure_by_day": "warn",
        "freshness": "pass",
    }
    assert all(row.text.endswith(".") for row in told)
