"""Stock: what orders take is there, products run low and recover, and the books close."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

ON_HAND = {"receipt": 1, "return": 1, "adjustment": 1, "shipment": -1, "allocation": 0, "release": 0}
ALLOCATED = {"allocation": 1, "release": -1, "shipment": -1, "receipt": 0, "return": 0, "adjustment": 0}


@pytest.fixture(scope="module")
def levels(clean: Any) -> pl.DataFrame:
    """Stock after each movement, in the order of time."""
    moves = clean.table("inventory_movements").with_columns(pl.col("quantity").cast(pl.Int64))
    signed = [
        (pl.col("quantity") * pl.col("kind").replace_strict(signs, return_dtype=pl.Int64)).alias(name)
        for name, signs in (("on_hand", ON_HAND), ("allocated", ALLOCATED))
    ]
    ordered = moves.with_columns(signed).sort("moved_at", "movement_id")
    return ordered.with_columns(pl.col("on_hand", "allocated").cum_sum().over("product_id"))


def test_movements_are_numbered_in_the_order_of_time(clean: Any) -> None:
    moves = clean.table("inventory_movements")
    assert moves["movement_id"].is_sorted()
    assert moves["moved_at"].is_sorted()


def test_stock_is_never_negative_and_never_released_twice(levels: pl.DataFrame) -> None:
    assert levels["on_hand"].min() == 0
    assert levels["allocated"].min() == 0


def test_every_line_is_allocated_and_then_shipped_released_or_still_open(clean: Any) -> None:
    totals = clean.truth.totals
    units = {kind: totals[f"movements_{kind}"]["units"] for kind in ON_HAND}
    assert units["allocation"] == totals["items"]["units"]
    assert units["return"] == totals["returns"]["units"]
    assert units["allocation"] - units["release"] - units["shipment"] == totals["stock"]["allocated"]


def test_the_last_levels_are_those_of_the_truth(clean: Any, levels: pl.DataFrame) -> None:
    last = levels.group_by("product_id", maintain_order=True).last()
    points = clean.table("products").group_by("product_id", maintain_order=True).last()
    risky = last.join(
        points.select("product_id", pl.col("reorder_point").cast(pl.Int64)), on="product_id"
    ).filter(pl.col("on_hand") - pl.col("allocated") < pl.col("reorder_point"))
    assert clean.truth.totals["stock"] == {
        "products": last.height,
        "on_hand": last["on_hand"].sum(),
        "allocated": last["allocated"].sum(),
        "at_risk": risky.height,
    }


def test_some_products_fall_below_their_reorder_point_and_recover(clean: Any, levels: pl.DataFrame) -> None:
    points = clean.table("products").group_by("product_id", maintain_order=True).first()
    daily = levels.group_by(
        "product_id", pl.col("moved_at").str.slice(0, 10).alias("day"), maintain_order=True
    ).last()
    risk = daily.join(
        points.select("product_id", pl.col("reorder_point").cast(pl.Int64)), on="product_id"
    ).select("product_id", low=pl.col("on_hand") - pl.col("allocated") < pl.col("reorder_point"))
    turned = risk.with_columns(before=pl.col("low").shift().over("product_id"))
    fell = turned.filter(pl.col("low") & ~pl.col("before"))["product_id"].n_unique()
    recovered = turned.filter(~pl.col("low") & pl.col("before"))["product_id"].n_unique()
    assert fell > 10
    assert recovered > 10
    assert daily.filter(pl.col("on_hand") == 0).height > 0
