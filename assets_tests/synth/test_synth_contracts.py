"""What lands keeps the contracts: clean rows pass, planted rows fail, keys are unique, references are met.

The contracts' checks are worked out here once more, so that they judge generator and ingestion on their own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

import lakehouse

FEEDS = (
    *("customers", "products", "orders", "order_items", "returns", "inventory_movements", "fx_rates"),
    *("web_events", "visitor_identities", "experiment_exposures", "bookings"),
)


def contract(feed: str) -> dict[str, Any]:
    text = (Path(lakehouse.__file__).parent / "contracts" / f"{feed}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def typed(kind: str, text: str) -> Any:
    """The text as the contract's type, None where it is not one."""
    try:
        match kind:
            case "integer":
                return int(text)
            case "decimal":
                return Decimal(text)
            case "timestamp":
                return datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
            case "date":
                return datetime.strptime(text, "%Y-%m-%d").date()
            case _:
                return text
    except (ValueError, InvalidOperation):
        return None


def passes(column: dict[str, Any], text: str) -> bool:
    if text == "":
        return not column.get("required") or "default" in column
    value = typed(column["type"], text)
    return value is not None and (
        ("isin" not in column or value in column["isin"])
        and ("str_matches" not in column or re.search(column["str_matches"], text) is not None)
        and ("ge" not in column or value >= column["ge"])
        and ("gt" not in column or value > column["gt"])
    )


def keeps_rules(feed: dict[str, Any], header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[bool]:
    """For rows whose cells pass: whether each keeps every row rule of the contract."""
    columns = {
        name: [typed(feed["columns"][name]["type"], row[i]) if row[i] else None for row in rows]
        for i, name in enumerate(header)
    }
    rules = [pl.sql_expr(f"({rule})").fill_null(True) for rule in feed.get("rules", {}).values()]
    kept = pl.DataFrame(columns).select(pl.all_horizontal(pl.repeat(True, len(rows)), *rules).alias("kept"))
    return kept["kept"].to_list()


def failing_lines(company: Any, feed: str, file: str) -> list[int]:
    header, *rows = company.lines(file)
    checks = contract(feed)
    whole = {number: row for number, row in enumerate(rows, start=2) if len(row) == len(header)}
    sound = {
        number: row
        for number, row in whole.items()
        if all(passes(checks["columns"][name], text) for name, text in zip(header, row, strict=True))
    }
    kept = keeps_rules(checks, header, list(sound.values())) if sound else []
    good = {number for number, keeps in zip(sound, kept, strict=True) if keeps}
    return [number for number in range(2, len(rows) + 2) if number not in good]


@pytest.mark.parametrize("feed", FEEDS)
def test_every_clean_row_keeps_its_contract(clean: Any, feed: str) -> None:
    files = [file for file in clean.truth.files if file.feed == feed]
    assert len(files) == 12
    for file in files:
        assert set(clean.lines(file.file)[0]) <= contract(feed)["columns"].keys()
        assert failing_lines(clean, feed, file.file) == []


@pytest.mark.parametrize("feed", FEEDS)
def test_exactly_the_planted_rows_break_their_contract(dirty: Any, feed: str) -> None:
    for file in (file for file in dirty.truth.files if file.feed == feed):
        assert failing_lines(dirty, feed, file.file) == [row.line for row in file.bad], file.file


@pytest.mark.parametrize(
    ("feed", "key"),
    [
        ("order_items", ["order_id", "line_number"]),
        ("returns", ["return_id"]),
        ("inventory_movements", ["movement_id"]),
        ("fx_rates", ["date", "currency"]),
        ("customers", ["customer_id", "updated_at"]),
        ("products", ["product_id", "updated_at"]),
        ("web_events", ["event_id"]),
        ("visitor_identities", ["visitor_id"]),
        ("experiment_exposures", ["experiment_id", "visitor_id", "variant", "exposed_at"]),
        ("bookings", ["booking_id"]),
    ],
)
def test_only_orders_are_sent_more_than_once(clean: Any, feed: str, key: list[str]) -> None:
    table = clean.table(feed)
    assert table.select(key).n_unique() == table.height


@pytest.mark.parametrize(
    ("feed", "column", "parent"),
    [
        ("orders", "customer_id", "customers"),
        ("order_items", "order_id", "orders"),
        ("order_items", "product_id", "products"),
        ("returns", "order_id", "orders"),
        ("inventory_movements", "product_id", "products"),
        ("visitor_identities", "customer_id", "customers"),
        ("visitor_identities", "visitor_id", "web_events"),
        ("experiment_exposures", "visitor_id", "web_events"),
        ("bookings", "customer_id", "customers"),
    ],
)
def test_every_reference_is_met(clean: Any, feed: str, column: str, parent: str) -> None:
    known = clean.table(parent).select(column)
    assert clean.table(feed).drop_nulls(column).join(known, on=column, how="anti").height == 0


def test_every_returned_line_was_sold_in_that_quantity_and_delivered_before(clean: Any) -> None:
    lines = clean.table("order_items").select(
        "order_id", "line_number", bought=pl.col("quantity").cast(pl.Int64)
    )
    back = (
        clean.table("returns")
        .join(lines, on=["order_id", "line_number"], how="left")
        .join(clean.orders().select("order_id", "delivered_at"), on="order_id", how="left")
        .with_columns(units=pl.col("quantity").cast(pl.Int64).sum().over("order_id", "line_number"))
    )
    assert back.select((pl.col("units") <= pl.col("bought")).all()).item()
    assert back.select((pl.col("delivered_at") < pl.col("returned_at")).all()).item()


def test_every_sale_finds_a_version_of_its_product_and_customer(clean: Any) -> None:
    created = clean.orders().select("order_id", "customer_id", "created_at")
    first = clean.table("products").group_by("product_id").agg(first=pl.col("updated_at").min())
    sold = clean.table("order_items").join(created, on="order_id").join(first, on="product_id")
    assert sold.select((pl.col("first") <= pl.col("created_at")).all()).item()
    registered = clean.table("customers").select("customer_id", "registered_at")
    bought = created.join(registered, on="customer_id")
    assert bought.select((pl.col("registered_at") <= pl.col("created_at")).all()).item()
