"""The company behaves like a shop: seasons, a long tail, customers who return, parcels on the way."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from lakehouse.synth.demand import daily_orders
from lakehouse.synth.plan import GeneratorPlan


def test_demand_follows_the_week_the_year_and_the_trend() -> None:
    plan = GeneratorPlan(200_000, date(2024, 1, 1), date(2026, 1, 1))
    per_day = daily_orders(plan)
    assert per_day.sum() == plan.orders
    first, second = per_day[:366], per_day[366:]
    assert 1.2 < second.sum() / first.sum() < 1.4
    sundays, saturdays = second[4::7].sum(), second[3::7].sum()  # 2025-01-05 was a Sunday
    assert sundays > 1.1 * saturdays
    july, december = second[181:212].mean(), second[334:365].mean()
    assert december > 1.4 * july


def test_a_few_products_sell_most_and_most_sell_something(clean: Any) -> None:
    sold = clean.table("order_items").group_by("product_id").len()["len"].sort(descending=True).to_numpy()
    top = sold[: len(sold) // 10].sum() / sold.sum()
    assert 0.35 < top < 0.75
    assert len(sold) > 0.8 * clean.truth.totals["products"]["registered"]


def test_orders_hold_about_two_and_a_half_lines(clean: Any) -> None:
    totals = clean.truth.totals
    assert 2.35 < totals["items"]["lines"] / totals["orders"]["total"] < 2.65


def test_customers_come_back_and_some_order_as_guests(clean: Any) -> None:
    orders = clean.orders()
    assert 0.08 < orders["customer_id"].null_count() / orders.height < 0.12
    per_customer = orders["customer_id"].drop_nulls().value_counts()["count"].to_numpy()
    assert 0.2 < np.mean(per_customer > 1) < 0.5
    assert per_customer.max() >= 8


def test_statuses_agree_with_the_times_and_the_end(clean: Any) -> None:
    orders = clean.orders()
    end = str(clean.plan.end)
    steps = ("created_at", "paid_at", "fulfilled_at", "delivered_at")
    for step in steps:
        assert orders[step].drop_nulls().max() < end
    for earlier, later in pairwise(steps):
        assert orders.select(
            (pl.col(earlier) <= pl.col(later)).fill_null(pl.col(later).is_null()).all()
        ).item()
    reached = {
        "paid": "paid_at",
        "fulfilled": "fulfilled_at",
        "delivered": "delivered_at",
        "returned": "delivered_at",
    }
    for status, step in reached.items():
        assert orders.filter(pl.col("status") == status)[step].null_count() == 0
    under_way = orders.filter(pl.col("status").is_in(["created", "paid", "fulfilled"]))
    assert under_way.height > 0
    assert under_way["created_at"].min() > "2025-11-15"


def test_wholly_returned_orders_are_sent_again_as_returned(clean: Any) -> None:
    back = clean.table("returns").group_by("order_id").agg(back=pl.col("quantity").cast(pl.Int64).sum())
    sold = clean.table("order_items").group_by("order_id").agg(sold=pl.col("quantity").cast(pl.Int64).sum())
    whole = back.join(sold, on="order_id").filter(pl.col("back") == pl.col("sold"))["order_id"]
    returned = clean.orders().filter(pl.col("status") == "returned")["order_id"]
    assert set(whole) == set(returned)
    assert clean.table("orders").height > clean.orders().height


def test_prices_move_and_customers_too(clean: Any) -> None:
    prices = clean.table("products").group_by("product_id").agg(pl.col("list_price").n_unique())
    assert prices.filter(pl.col("list_price") > 1).height > 0.2 * prices.height
    countries = clean.table("customers").group_by("customer_id").agg(pl.col("country").n_unique())
    assert countries.filter(pl.col("country") > 1).height > 10
