"""Whether an experiment may be believed: each check at its threshold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lakehouse.experiments.experiment import Thresholds
from lakehouse.experiments.health import (
    LateFeed,
    UnitCounts,
    contamination,
    exposure_by_day,
    failures,
    freshness,
    pre_fit,
    pre_trend,
    split,
    split_so_far,
)


def test_the_split_of_two_variants_is_tested_exactly(hand: Any) -> None:
    row = split(hand.design(hand.metric(), shares={"a": 0.9, "b": 0.1}), hand.counts({"a": 880, "b": 120}))
    assert row.value == pytest.approx(stats.binomtest(120, 1000, 0.1).pvalue)
    assert row.status == "pass"


def test_the_split_of_three_variants_is_tested_by_chi_square_the_empty_one_included(hand: Any) -> None:
    design = hand.design(hand.metric(), shares={"a": 0.5, "b": 0.25, "c": 0.25})
    row = split(design, hand.counts({"a": 50, "b": 25, "c": 20}))
    assert row.value == pytest.approx(stats.chisquare([50, 25, 20], [47.5, 23.75, 23.75]).pvalue)
    assert split(design, hand.counts({"a": 500, "b": 250})).status == "fail"


@pytest.mark.parametrize(("treated", "status"), [(4720, "pass"), (4650, "fail")])
def test_a_split_fails_below_one_in_a_thousand(hand: Any, treated: int, status: str) -> None:
    assert split(hand.design(hand.metric()), hand.counts({"a": 5000, "b": treated})).status == status


def test_where_clusters_were_assigned_the_split_is_theirs(hand: Any) -> None:
    by_day = hand.counts({"a": 9000, "b": 5000}).by_day
    row = split(hand.design(hand.metric()), UnitCounts(by_day, {"a": 20, "b": 19}))
    assert row.status == "pass"
    assert "clusters a 20, b 19" in row.text


def test_the_split_by_day_names_the_first_bad_day(hand: Any) -> None:
    good, bad = {"a": 500, "b": 500}, {"a": 500, "b": 250}
    days = {hand.START + timedelta(days=day): good if day < 5 else bad for day in range(20)}
    row = split_so_far(hand.design(hand.metric()), UnitCounts(days))
    assert row.status == "fail"
    assert f"since {hand.START + timedelta(days=6)}" in row.text
    assert split_so_far(hand.design(hand.metric()), hand.counts({"a": 500, "b": 500})).status == "pass"


@pytest.mark.parametrize(
    ("twice", "status"), [(0, "pass"), (9, "pass"), (10, "warn"), (49, "warn"), (50, "fail")]
)
def test_contamination_warns_from_1_and_fails_from_5_percent(twice: int, status: str) -> None:
    assert contamination("e", UnitCounts({}, {}, twice, 1000), Thresholds()).status == status


def test_thresholds_are_the_registrys(hand: Any) -> None:
    strict = Thresholds(contamination_warn=0.001, contamination_fail=0.002, sample_ratio=0.5)
    assert contamination("e", UnitCounts({}, {}, 2, 1000), strict).status == "fail"
    assert (
        split(hand.design(hand.metric(), thresholds=strict), hand.counts({"a": 500, "b": 470})).status
        == "fail"
    )


def test_days_without_a_new_unit_are_named(hand: Any) -> None:
    days = {hand.START + timedelta(days=day): {"a": 5, "b": 5} for day in (0, 1, 4, 5)}
    row = exposure_by_day(hand.design(hand.metric()), UnitCounts(days), hand.AFTER)
    assert (row.status, row.value) == ("warn", 2.0)
    assert row.text == "On 2 days between 2026-03-02 and 2026-03-07 no unit entered: 2026-03-04, 2026-03-05."


def test_the_latest_feed_is_told() -> None:
    row = freshness("e", [LateFeed("bookings", 30, 26), LateFeed("web_events", 90, 26)])
    assert row.status == "warn"
    assert row.text.startswith(
        "Late feeds: bookings, web_events; the newest row of web_events is 90 hours old"
    )


@pytest.mark.parametrize(("p", "status"), [(None, "warn"), (0.2, "pass"), (0.03, "warn"), (0.003, "fail")])
def test_trends_before_the_treatment(p: float | None, status: str) -> None:
    assert pre_trend("e", p, Thresholds(), "Sales").status == status


@pytest.mark.parametrize(("gap", "status"), [(5, "pass"), (15, "warn"), (30, "fail")])
def test_a_synthetic_control_must_have_followed_the_treated(gap: float, status: str) -> None:
    assert pre_fit("e", gap, 100, "Sales").status == status


def test_only_some_failures_make_verdicts_invalid(hand: Any) -> None:
    late = freshness("e", [LateFeed("bookings", 30, 26)])
    bad = split(hand.design(hand.metric()), hand.counts({"a": 5000, "b": 4000}))
    assert failures([late, bad]) == (bad.text,)


def test_healthy_experiments_rarely_fail(hand: Any) -> None:
    rng = np.random.default_rng(12)
    design = hand.design(hand.metric())
    failed = 0
    for _ in range(200):
        half = int(rng.binomial(2000, 0.5))
        counts = hand.counts({"a": half, "b": 2000 - half})
        failed += "fail" in {split(design, counts).status, split_so_far(design, counts).status}
    assert failed <= 2
