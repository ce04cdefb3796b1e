"""SCD-2: the history of a dimension is a pure function of the set of its versions, and facts find theirs."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ORACLES = Path(__file__).resolve().parents[3] / "shared" / "oracles" / "scd2_cases.json"
START = datetime(2024, 1, 1)


class Event(NamedTuple):
    """One record of a product as it landed: day it became true, arrival, and two attributes."""

    day: int
    arrival: int
    name: str | None
    is_deleted: bool


def _feed_rows(product_id: str, events: list[Event]) -> list[dict[str, object]]:
    return [
        {
            "product_id": product_id,
            "name": event.name,
            "is_deleted": event.is_deleted,
            "updated_at": START + timedelta(days=event.day),
            "_ingested_at": datetime(2026, 1, 1) + timedelta(minutes=event.arrival),
            "_row_number": event.arrival,
        }
        for event in events
    ]


def _history(shop: Any) -> dict[str, list[tuple[str | None, int, int | None]]]:
    shop.build(only=["dim_product"])
    found: dict[str, list[tuple[str | None, int, int | None]]] = {}
    for product_id, name, begins, ends in shop.rows(
        "select product_id, name, valid_from, valid_to from dim_product order by product_id, valid_from"
    ):
        days = (begins - START).days, None if ends is None else (ends - START).days
        found.setdefault(product_id, []).append((name, *days))
    return found


def _brute_force(events: list[Event]) -> list[tuple[str | None, int, int | None]]:
    """One state a day, day by day; a state that differs from the one before opens a version."""
    rows: list[tuple[str | None, int, int | None]] = []
    alive, name = False, None
    for day in sorted({event.day for event in events}):
        winner = max((one for one in events if one.day == day), key=lambda one: (one.is_deleted, one.arrival))
        if alive and (winner.is_deleted or winner.name != name):
            rows[-1] = (*rows[-1][:2], day)
        if not winner.is_deleted and (not alive or winner.name != name):
            rows.append((winner.name, day, None))
        alive, name = not winner.is_deleted, winner.name
    return rows


@pytest.mark.skipif(not ORACLES.exists(), reason="the SCD-2 oracle cases are not in this checkout")
def test_every_oracle_case_holds_in_every_order_of_arrival(shop: Any) -> None:
    expected = {}
    for case in json.loads(ORACLES.read_text())["cases"]:
        for number, order in enumerate(permutations(case["events"])):
            key = f"{case['id']}/{number}"
            events = [
                Event(day, arrival, None if value == "DELETE" else value, value == "DELETE")
                for arrival, (value, day) in enumerate(order)
            ]
            shop.add_many("products", _feed_rows(key, events))
            if case["expected"]:
                expected[key] = [tuple(row) for row in case["expected"]]
    assert _history(shop) == expected


event_lists = st.lists(
    st.builds(
        Event,
        day=st.integers(0, 6),
        arrival=st.integers(0, 99),
        name=st.sampled_from([None, "A", "B"]),
        is_deleted=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda event: event.arrival,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(event_lists, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_history_equals_a_brute_force_model(new_shop: Any, keys: list[list[Event]], random: Any) -> None:
    shop = new_shop()
    rows = [row for number, events in enumerate(keys) for row in _feed_rows(f"k{number}", events)]
    random.shuffle(rows)
    shop.add_many("products", rows)
    expected = {f"k{number}": _brute_force(events) for number, events in enumerate(keys)}
    assert _history(shop) == {key: rows for key, rows in expected.items() if rows}


def test_two_versions_of_one_instant_take_the_later_ingested_and_then_the_later_row(shop: Any) -> None:
    same = {"updated_at": START, "_ingested_at": datetime(2026, 1, 2)}
    shop.add("products", product_id="p", name="first row", _row_number=1, **same)
    shop.add("products", product_id="p", name="second row", _row_number=2, **same)
    shop.add(
        "products",
        product_id="p",
        name="older file",
        updated_at=START,
        _ingested_at=datetime(2026, 1, 1),
        _row_number=9,
    )
    shop.build(only=["dim_product"])
    assert shop.rows("select name, version from dim_product") == [("second row", 1)]


def test_an_untracked_change_makes_no_version_and_shows_its_latest_value(shop: Any) -> None:
    for day, country, cost in ((1, "FR", 5), (2, "FR", 7), (3, "DE", 1), (4, "DE", 9)):
        shop.add(
            "customers",
            customer_id="c",
            country=country,
            acquisition_cost=cost,
            updated_at=START + timedelta(days=day),
        )
    shop.build(only=["dim_customer_current"])
    assert shop.rows(
        "select country, acquisition_cost, version, is_current from dim_customer order by version"
    ) == [
        ("FR", 7, 1, False),
        ("DE", 9, 2, True),
    ]
    assert shop.rows("select country from dim_customer_current") == [("DE",)]


@pytest.mark.parametrize(
    "column", ["email", "full_name", "country", "region", "age_group", "acquisition_channel"]
)
def test_every_tracked_attribute_of_a_customer_makes_a_version(shop: Any, column: str) -> None:
    shop.add("customers", customer_id="c", **{column: None}, updated_at=START)
    shop.add("customers", customer_id="c", **{column: "x"}, updated_at=START + timedelta(days=1))
    shop.build(only=["dim_customer"])
    assert shop.rows(f"select {column}, version from dim_customer order by version") == [(None, 1), ("x", 2)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", "x"),
        ("category", "x"),
        ("brand", "x"),
        ("list_price", 1),
        ("unit_cost", 1),
        ("reorder_point", 1),
    ],
)
def test_every_tracked_attribute_of_a_product_makes_a_version(shop: Any, column: str, value: object) -> None:
    shop.add("products", product_id="p", **{column: None}, updated_at=START)
    shop.add("products", product_id="p", **{column: value}, updated_at=START + timedelta(days=1))
    shop.build(only=["dim_product"])
    assert shop.rows(f"select {column}, version from dim_product order by version") == [(None, 1), (value, 2)]


def test_a_version_without_a_time_of_its_own_begins_when_it_was_ingested(shop: Any) -> None:
    shop.add("products", product_id="p", name="A", updated_at=None, _ingested_at=START)
    shop.add("products", product_id="no time at all", name="A", updated_at=None, _ingested_at=None)
    shop.build(only=["dim_product"])
    assert shop.rows("select product_id, valid_from from dim_product") == [("p", START)]


def test_the_key_is_stable_when_the_version_closes_and_changes_with_its_start(shop: Any) -> None:
    shop.add("products", product_id="p", name="A", updated_at=START)
    shop.build(only=["dim_product"])
    before = shop.value("select product_key from dim_product")
    shop.add("products", product_id="p", name="B", updated_at=START + timedelta(days=1))
    shop.build(only=["dim_product"])
    keys = [row[0] for row in shop.rows("select product_key from dim_product order by version")]
    assert keys[0] == before
    assert keys[1] != before


def _cost_and_version(shop: Any) -> list[tuple[Any, ...]]:
    shop.build(only=["fct_order_items"])
    rows: list[tuple[Any, ...]] = shop.rows(
        "select order_id, version, items.unit_cost from fct_order_items as items "
        "inner join dim_product using (product_key) order by order_id"
    )
    return rows


def test_a_line_takes_the_version_of_its_order_time_also_when_that_version_comes_late(shop: Any) -> None:
    shop.add("products", product_id="p", unit_cost=10, updated_at="2026-01-10")
    shop.add("products", product_id="p", unit_cost=30, updated_at="2026-01-30")
    shop.sell("before", "2026-01-01")
    shop.sell("exactly", "2026-01-30 00:00:00")
    shop.sell("inside", "2026-01-25")
    assert _cost_and_version(shop) == [("before", 1, 10), ("exactly", 2, 30), ("inside", 1, 10)]
    shop.add("products", product_id="p", unit_cost=20, updated_at="2026-01-20")
    assert _cost_and_version(shop) == [("before", 1, 10), ("exactly", 3, 30), ("inside", 2, 20)]


def test_a_line_in_the_gap_after_a_delete_takes_the_version_before_it(shop: Any) -> None:
    shop.add("products", product_id="p", unit_cost=10, updated_at="2026-01-01")
    shop.add("products", product_id="p", is_deleted=True, updated_at="2026-01-10")
    shop.add("products", product_id="p", unit_cost=20, updated_at="2026-01-20")
    shop.sell("gap", "2026-01-15")
    shop.sell("later", "2026-01-25")
    assert _cost_and_version(shop) == [("gap", 1, 10), ("later", 2, 20)]


def test_a_key_that_never_came_is_an_inferred_member_until_it_comes(shop: Any) -> None:
    shop.sell("o", "2026-01-15", customer_id="c")
    shop.add(
        "inventory_movements",
        movement_id="m",
        product_id="q",
        moved_at="2026-01-15",
        kind="receipt",
        quantity=1,
    )
    shop.add("products", product_id="gone", is_deleted=True, updated_at="2026-01-01")
    shop.build()
    assert shop.rows(
        "select product_id, valid_from, is_current, version, is_inferred from dim_product order by 1"
    ) == [
        ("p", datetime(1970, 1, 1), True, 1, True),
        ("q", datetime(1970, 1, 1), True, 1, True),
    ]
    assert (
        shop.value(
            "select count(*) from fct_orders inner join dim_customer using (customer_key) where is_inferred"
        )
        == 1
    )
    shop.add("products", product_id="p", name="A", updated_at="2026-02-01")
    shop.add("customers", customer_id="c", full_name="B", updated_at="2026-02-01")
    shop.build()
    assert shop.rows("select product_id, name, is_inferred from dim_product order by 1") == [
        ("p", "A", False),
        ("q", None, True),
    ]
    assert shop.value("select full_name from fct_orders inner join dim_customer using (customer_key)") == "B"


def test_a_fact_of_a_key_that_was_only_deleted_still_finds_a_member(shop: Any) -> None:
    shop.add("products", product_id="p", is_deleted=True, updated_at="2026-01-01")
    shop.sell("o", "2026-01-15")
    shop.build(only=["fct_order_items"])
    assert shop.value("select product_key from fct_order_items") == shop.value(
        "select product_key from dim_product"
    )
