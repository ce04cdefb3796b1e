"""Promotions are announced before they start, raise sales as told, and nobody orders on closed days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lakehouse.synth.catalogue import make_catalogue
from lakehouse.synth.company import generate
from lakehouse.synth.happenings import happen
from lakehouse.synth.plan import GeneratorPlan
from lakehouse.synth.promotions import closed_days
from lakehouse.synth.words import make_words

THREE_YEARS = GeneratorPlan(100_000, date(2023, 1, 1), date(2026, 1, 1))


@pytest.fixture(scope="module")
def orders(troubled: Any) -> pl.DataFrame:
    return troubled.orders().select(
        "order_id", "country", day=pl.col("created_at").str.slice(0, 10).str.to_date()
    )


@pytest.mark.parametrize("seed", range(12))
def test_eight_to_ten_a_year_of_a_few_days_each_and_never_two_at_once_or_in_a_trouble(seed: int) -> None:
    plan = replace(THREE_YEARS, seed=seed)
    happens = happen(plan, make_catalogue(plan, make_words(seed)))
    promotions = happens.promotions
    assert 24 <= len(promotions) <= 30
    assert len({one.promotion_id for one in promotions}) == len(promotions)
    days = [
        one.starts_on + timedelta(days=i)
        for one in promotions
        for i in range((one.ends_on - one.starts_on).days + 1)
    ]
    assert len(set(days)) == len(days)
    assert not set(days) & set(closed_days(plan))
    for one in promotions:
        assert 2 <= (one.ends_on - one.starts_on).days + 1 <= (7 if one.kind == "sale week" else 5)
        assert 0.15 <= one.uplift <= 0.45
    assert [one.starts_on.month for one in promotions if one.kind == "sale week"] == [11, 11, 11]
    for trouble in happens.troubles:
        if trouble.kind != "slow_decline":
            troubled = {trouble.starts_on(plan) + timedelta(days=i) for i in range(trouble.days)}
            assert not troubled & set(days)


def test_the_feed_tells_every_promotion_before_it_starts(troubled: Any) -> None:
    told = {}
    for file in sorted((troubled.landing / "promotions").glob("*.csv")):
        month = file.stem[-7:]
        for row in pl.read_csv(file, infer_schema=False).iter_rows(named=True):
            told[row["promotion_id"]] = (month, row)
    planted = {one["promotion_id"]: one for one in troubled.truth.promotions}
    assert told.keys() == planted.keys()
    assert len(planted) >= 7
    for name, (month, row) in told.items():
        assert {key: planted[name][key] for key in row} == row
        assert month < row["starts_on"][:7] or month == f"{troubled.plan.start:%Y-%m}"


def test_promotions_raise_sales_as_much_as_told(troubled: Any, orders: pl.DataFrame) -> None:
    """Each beside the same weekdays two weeks before and after, and all of them together."""
    per_day = dict(orders.group_by("day").len().iter_rows())
    special = set(closed_days(troubled.plan))
    spans = [
        (date.fromisoformat(one["starts_on"]), date.fromisoformat(one["ends_on"]))
        for one in (*troubled.truth.promotions, *troubled.truth.anomalies)
        if not one.get("stays")
    ]
    special |= {first + timedelta(days=i) for first, last in spans for i in range((last - first).days + 1)}
    errors = []
    for one in troubled.truth.promotions:
        if one["country"] is not None or one["kind"] == "sale week":
            continue
        first, last = date.fromisoformat(one["starts_on"]), date.fromisoformat(one["ends_on"])
        days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
        ratios = []
        for day in days:
            around = [day + timedelta(days=7 * k) for k in (-2, -1, 1, 2)]
            usual = [per_day[other] for other in around if other in per_day and other not in special]
            ratios.append(per_day[day] / np.mean(usual))
        errors.append(np.mean(ratios) - 1 - one["relative_effect"])
    assert len(errors) >= 4
    # A day's demand varies by 7 % beside its count, and both of a promotion's few days and of those around it.
    assert np.abs(errors).max() < 0.3
    assert abs(np.mean(errors)) < 0.1


def test_more_lines_are_discounted_while_a_promotion_is_on(troubled: Any, orders: pl.DataFrame) -> None:
    lines = troubled.table("order_items").join(orders, on="order_id")
    lines = lines.with_columns(is_discounted=pl.col("discount").cast(pl.Float64) > 0)
    on = pl.lit(value=False)
    for one in troubled.truth.promotions:
        here = pl.lit(value=True) if one["country"] is None else pl.col("country") == one["country"]
        first, last = date.fromisoformat(one["starts_on"]), date.fromisoformat(one["ends_on"])
        on |= here & pl.col("day").is_between(first, last)
    shares = dict(lines.group_by(on.alias("on")).agg(pl.col("is_discounted").mean()).iter_rows())
    assert shares[True] == pytest.approx(0.38, abs=0.03)
    assert shares[False] == pytest.approx(0.16, abs=0.01)


def test_nobody_orders_on_closed_days_and_somebody_on_every_other(
    troubled: Any, orders: pl.DataFrame
) -> None:
    days = {troubled.plan.start + timedelta(days=i) for i in range(troubled.plan.days)}
    assert {day.isoformat() for day in days - set(orders["day"])} == set(troubled.truth.closed_days)
    assert set(troubled.truth.closed_days) == {"2025-01-01", "2025-12-25", "2025-12-26"}


def test_a_plan_of_closed_days_alone_is_open(tmp_path: Path) -> None:
    truth = generate(GeneratorPlan(20, date(2025, 12, 25), date(2025, 12, 27)), tmp_path / "landing")
    assert truth.closed_days == ()
    assert truth.totals["orders"]["total"] == 20
    assert truth.promotions == ()
    assert not (tmp_path / "landing" / "promotions").exists()
