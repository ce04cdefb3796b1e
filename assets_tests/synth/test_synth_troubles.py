"""What goes wrong in the company goes wrong where, when and as much as the truth says, counted from the landed files.

Counts differ from what was planted by chance only: bounds are some standard errors of a count wide.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lakehouse.synth.catalogue import make_catalogue
from lakehouse.synth.company import generate
from lakehouse.synth.plan import GeneratorPlan
from lakehouse.synth.troubles import CHECKOUT, GAP_DAYS, Trouble, plan_troubles
from lakehouse.synth.words import make_words

KINDS = {"checkout_broken", "product_recalled", "price_error", "channel_outage", "slow_decline"}
YEAR = GeneratorPlan(60_000, date(2025, 1, 1), date(2026, 1, 1))
SIZES = [
    YEAR,
    GeneratorPlan(100_000, date(2023, 1, 1), date(2026, 1, 1)),
    GeneratorPlan(40_000, date(2024, 8, 20), date(2025, 11, 28)),
    GeneratorPlan(9_000, date(2025, 1, 1), date(2025, 7, 1)),
]
FARTHEST = 4.5


def troubles_of(plan: GeneratorPlan) -> tuple[Trouble, ...]:
    return plan_troubles(plan, make_catalogue(plan, make_words(plan.seed)))


@pytest.mark.parametrize("plan", SIZES, ids=lambda plan: f"{plan.orders} in {plan.days} days")
@pytest.mark.parametrize("seed", range(12))
def test_troubles_keep_apart_and_away_from_the_plans_ends_and_the_peak(
    plan: GeneratorPlan, seed: int
) -> None:
    plan = replace(plan, seed=seed)
    planted = troubles_of(plan)
    assert planted == troubles_of(plan)
    assert len({one.kind for one in planted}) == len(planted)
    for earlier, later in pairwise(planted):
        gap = 0 if later.kind == CHECKOUT else GAP_DAYS
        assert earlier.last + gap < later.first
    for one in planted:
        if one.kind == CHECKOUT:
            assert plan.days - 4 <= one.first <= plan.days - 3
            assert one.last == plan.days - 1
            continue
        assert one.first >= 120
        assert one.last < plan.days - 10
        days = (one.starts_on(plan) + timedelta(days=i) for i in range(one.days))
        assert not {day.month for day in days} & {11, 12}


@pytest.mark.parametrize("seed", range(12))
def test_a_year_of_a_company_of_some_size_has_every_trouble(seed: int) -> None:
    assert {one.kind for one in troubles_of(replace(YEAR, seed=seed))} == KINDS


@pytest.mark.parametrize(
    "plan",
    [
        replace(YEAR, orders=2_000),
        replace(YEAR, end=date(2025, 4, 30)),
        replace(YEAR, troubles=False),
        GeneratorPlan(1, date(2025, 1, 1), date(2025, 1, 2)),
    ],
    ids=["small", "short", "switched off", "smallest"],
)
def test_nothing_goes_wrong_where_it_would_not_show_or_is_not_asked_for(plan: GeneratorPlan) -> None:
    assert troubles_of(plan) == ()


def test_a_plan_without_troubles_says_so(tmp_path: Path) -> None:
    plan = replace(YEAR, troubles=False, orders=20_000, visitors_per_order=0.0)
    truth = generate(plan, tmp_path / "landing")
    assert truth.anomalies == ()
    assert truth.plan["troubles"] is False
    assert truth.totals["orders"]["total"] == plan.orders


def test_the_same_plan_goes_wrong_in_the_same_way(tmp_path: Path) -> None:
    plan = replace(YEAR, orders=25_000, visitors_per_order=0.1, seed=5)
    contents = []
    for name in "ab":
        truth = generate(plan, tmp_path / name / "landing")
        assert {one["kind"] for one in truth.anomalies} >= {"checkout_broken", "price_error"}
        files = (path for path in (tmp_path / name).rglob("*") if path.is_file())
        contents.append({str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files})
    assert contents[0] == contents[1]


@pytest.fixture(scope="module")
def planted(troubled: Any) -> dict[str, dict[str, Any]]:
    found = {one["kind"]: one for one in troubled.truth.anomalies}
    assert found.keys() == KINDS
    return found


@pytest.fixture(scope="module")
def orders(troubled: Any) -> pl.DataFrame:
    columns = ("order_id", "country", "channel", "payment_method")
    return troubled.orders().select(*columns, day=pl.col("created_at").str.slice(0, 10).str.to_date())


@pytest.fixture(scope="module")
def lines(troubled: Any, orders: pl.DataFrame) -> pl.DataFrame:
    products = troubled.table("products").unique("product_id", keep="last").select("product_id", "category")
    numbers = (pl.col("quantity").cast(pl.Int64), pl.col("unit_price").cast(pl.Float64))
    lines = troubled.table("order_items").select("order_id", "line_number", "product_id", *numbers)
    return lines.join(orders, on="order_id").join(products, on="product_id")


def days_of(one: dict[str, Any]) -> tuple[date, date]:
    return date.fromisoformat(one["starts_on"]), date.fromisoformat(one["ends_on"])


def within(first: date, last: date) -> pl.Expr:
    return pl.col("day").is_between(first, last)


def compared(
    orders: pl.DataFrame, one: dict[str, Any], then: tuple[date, date], now: tuple[date, date]
) -> tuple[float, float]:
    """What became of the segment's orders beside all others', and the standard error of its logarithm."""
    ((dimension, segment),) = one["segment"].items()
    is_here = pl.col(dimension) == segment
    before, after = orders.filter(within(*then)), orders.filter(within(*now))
    counts = [part.filter(side).height for part in (before, after) for side in (is_here, ~is_here)]
    ratio = counts[2] / counts[3] / (counts[0] / counts[1])
    return ratio, float(np.sqrt(sum(1 / max(count, 1) for count in counts)))


def test_the_country_whose_checkout_breaks_loses_its_orders_and_nobody_else_does(
    orders: pl.DataFrame, planted: dict[str, dict[str, Any]]
) -> None:
    one = planted["checkout_broken"]
    first, last = days_of(one)
    assert last == orders["day"].max()
    ratio, error = compared(
        orders, one, (first - timedelta(days=35), first - timedelta(days=8)), (first, last)
    )
    assert abs(np.log(ratio / (1 + one["relative_effect"]))) < FARTHEST * error
    assert ratio < 0.35


def test_the_channel_that_is_down_takes_no_order(
    orders: pl.DataFrame, planted: dict[str, dict[str, Any]]
) -> None:
    first, last = days_of(planted["channel_outage"])
    app = orders.filter(pl.col("channel") == "app")
    assert app.filter(within(first, last)).height == 0
    assert app.filter(pl.col("day") == first - timedelta(days=1)).height > 0
    assert app.filter(pl.col("day") == last + timedelta(days=1)).height > 0
    assert orders.filter(within(first, last)).height > 50


def test_a_price_error_makes_one_category_cheap_on_its_days_alone(
    lines: pl.DataFrame, planted: dict[str, dict[str, Any]]
) -> None:
    first, last = days_of(planted["price_error"])
    category = planted["price_error"]["segment"]["category"]
    usual = lines.group_by("product_id").agg(usual=pl.col("unit_price").median())
    priced = lines.join(usual, on="product_id").with_columns(
        share=pl.col("unit_price") / pl.col("usual"),
        wrong=within(first, last) & (pl.col("category") == category),
    )
    wrong, right = priced.filter("wrong"), priced.filter(~pl.col("wrong"))
    assert wrong.height > 25
    assert 0.05 < wrong["share"].min() <= wrong["share"].max() < 0.2
    assert right["share"].min() > 0.3


def test_a_recalled_product_is_not_sold_and_comes_back(
    troubled: Any, lines: pl.DataFrame, planted: dict[str, dict[str, Any]]
) -> None:
    one = planted["product_recalled"]
    first, last = days_of(one)
    sold = lines.filter(pl.col("product_id") == one["product_id"])
    assert sold.filter(within(first, last)).height == 0
    month = timedelta(days=28)
    assert sold.filter(within(first - month, first - timedelta(days=1))).height > 20
    assert sold.filter(within(last + timedelta(days=1), last + month)).height > 20
    assert set(sold["category"]) == {one["segment"]["category"]}

    back = troubled.table("returns").join(
        lines.select("order_id", "line_number", "product_id", "category", bought="quantity"),
        on=["order_id", "line_number"],
    ).with_columns(pl.col("quantity").cast(pl.Int64), day=pl.col("returned_at").str.slice(0, 10).str.to_date())  # fmt: skip
    recalled = back.filter(pl.col("reason") == "recalled")
    assert recalled.height > 20
    assert set(recalled["product_id"]) == {one["product_id"]}
    assert recalled["day"].is_between(first, last).all()
    assert (recalled["quantity"] == recalled["bought"]).all()

    # The rate's effect is told against the same weeks without recalled units and with the units that were wanted.
    in_category = (pl.col("category") == one["segment"]["category"]) & within(first, last)
    told = {sign["kpi"]: sign["relative_effect"] for sign in one["kpis"] if sign["dimension"] == "category"}
    units = back.filter(in_category)["quantity"].sum()
    ordinary = units - recalled["quantity"].sum()
    assert 1 + told["return_rate"] == pytest.approx(units / ordinary / (1 + told["units_sold"]), rel=1e-3)
    before = lines.filter(within(first - month, first - timedelta(days=1)))
    here = pl.col("category") == one["segment"]["category"]
    share = before.filter(pl.col("product_id") == one["product_id"])["quantity"].sum()
    share /= before.filter(here)["quantity"].sum()
    assert told["units_sold"] == pytest.approx(-share, abs=0.12)


def test_a_slow_decline_comes_slowly_and_stays(
    orders: pl.DataFrame, planted: dict[str, dict[str, Any]]
) -> None:
    one = planted["slow_decline"]
    first, last = days_of(one)
    assert 69 <= (last - first).days <= 83
    before = (first - timedelta(days=63), first - timedelta(days=1))
    after = (last + timedelta(days=1), min(last + timedelta(days=63), orders["day"].max()))
    halfway = first + (last - first) / 2
    middle = (halfway - timedelta(days=10), halfway + timedelta(days=10))
    for span, effect in ((after, one["relative_effect"]), (middle, one["relative_effect"] / 2)):
        ratio, error = compared(orders, one, before, span)
        assert abs(np.log(ratio / (1 + effect))) < FARTHEST * error
    assert one["relative_effect"] == -0.35


def test_totals_stay_exact(
    troubled: Any, orders: pl.DataFrame, lines: pl.DataFrame, planted: dict[str, dict[str, Any]]
) -> None:
    totals = troubled.truth.totals
    assert orders.height == totals["orders"]["total"] == troubled.plan.orders
    assert totals["items"] == {"lines": lines.height, "units": lines["quantity"].sum()}
    assert lines["order_id"].n_unique() == orders.height, "every order holds a line"
    back = troubled.table("returns")
    assert totals["returns"]["rows"] == back.height
    assert totals["returns_explicit"]["rows"] == back["refund_amount"].drop_nulls().len()
    cents = (lines["unit_price"] * 100).round().cast(pl.Int64) * lines["quantity"]
    foreign = lines["country"] == "United Kingdom"
    for currency, rows in (("EUR", ~foreign), ("GBP", foreign)):
        assert float(totals[f"lines_{currency}"]["gross"]) * 100 == pytest.approx(cents.filter(rows).sum())
    assert planted["checkout_broken"]["sentence"].startswith("The checkout of ")


def test_signs_name_shipped_kpis_and_their_dimensions(troubled: Any, catalog: Any) -> None:
    for one in troubled.truth.anomalies:
        ((dimension, segment),) = one["segment"].items()
        assert one["kpis"][0]["relative_effect"] == one["relative_effect"]
        assert one["kpis"][0]["is_clear"]
        assert any((sign["dimension"], sign["segment"]) == (dimension, segment) for sign in one["kpis"])
        for sign in one["kpis"]:
            assert sign["direction"] == ("up" if sign["relative_effect"] > 0 else "down")
            assert sign["is_clear"] or abs(sign["relative_effect"]) < 0.5
            assert sign["dimension"] in {"", *catalog.kpis[sign["kpi"]].dimensions}
