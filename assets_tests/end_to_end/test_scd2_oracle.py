"""The history of a dimension against the oracle: every case in every order of arrival, through the public path.

One lake holds them all: a key for each case and order, and a file for each step of arrival, ingested by a run of
its own. The rules beside the cases stand here too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

START = datetime(2025, 1, 1)
PRODUCTS = "raw_products, stg_products"
# One product is sold inside an interval that a late version splits later on.
SPLIT = (
    {"brand": "A", "updated_at": "2025-01-10 00:00:00"},
    {"brand": "C", "updated_at": "2025-01-20 00:00:00"},
)
LATE = {"brand": "B", "updated_at": "2025-01-15 00:00:00"}


@dataclass(frozen=True)
class History:
    """One case in one order of arrival. `expected`: brand, valid_from, valid_to."""

    key: str
    events: tuple[tuple[str | None, int], ...]
    expected: tuple[tuple[str | None, datetime, datetime | None], ...]

    def landed(self, step: int) -> dict[str, object]:
        value, day = self.events[step]
        is_deleted = value == "DELETE"
        return {
            "product_id": self.key,
            "brand": None if is_deleted else value,
            "updated_at": at(day),
            "is_deleted": is_deleted,
        }


def at(day: int) -> datetime:
    return START + timedelta(days=day)


def histories(cases: list[dict[str, Any]]) -> Iterator[History]:
    for case in cases:
        expected = tuple((value, at(begin), end and at(end)) for value, begin, end in case["expected"])
        for number, events in enumerate(permutations(map(tuple, case["events"]))):
            yield History(f"{case['id']}-{number}", events, expected)


@pytest.fixture(scope="module")
def oracle(shared_data: Path) -> list[History]:
    return list(histories(json.loads((shared_data / "oracles" / "scd2_cases.json").read_text())["cases"]))


@pytest.fixture(scope="module")
def arrived(oracle: list[History], lake_at: Callable[[Path], Any], built_once: Callable[..., Path]) -> Any:
    """A lake in which every history has arrived, step by step, and the side rules' rows with them."""

    def fill(root: Path) -> None:
        lake = lake_at(root)
        for step in range(max(len(history.events) for history in oracle)):
            rows = [history.landed(step) for history in oracle if step < len(history.events)]
            lake.land("products", *rows, *side_rows(step), file=f"step_{step}.csv")
            lake.run(PRODUCTS)
        # Personal data of one customer, of which what the acquisition cost is no reason for a version.
        lake.land(
            "customers",
            {"updated_at": "2025-01-01 00:00:00", "acquisition_cost": "1.50"},
            {"updated_at": "2025-02-01 00:00:00", "acquisition_cost": "2.50"},
            {
                "updated_at": "2025-03-01 00:00:00",
                "acquisition_cost": "3.50",
                "email": "lovelace@example.com",
            },
        )
        # Joined without a mark between them, the two keys would be one.
        lake.land(
            "order_items",
            {"order_id": "doc-7", "line_number": 12, "product_id": "split"},
            {"order_id": "doc-71", "line_number": 2, "product_id": "split"},
        )
        sold = {
            "created_at": "2025-01-17 10:00:00",
            "paid_at": None,
            "fulfilled_at": None,
            "delivered_at": None,
        }
        lake.land("orders", {"order_id": "doc-7", **sold}, {"order_id": "doc-71", **sold})
        lake.run("+fct_order_items, +dim_customer")

    return lake_at(built_once("scd2-oracle", fill))


def side_rows(step: int) -> list[dict[str, object]]:
    twice: dict[str, object] = {"product_id": "same-instant", "updated_at": at(10)}
    split: list[dict[str, object]] = [{"product_id": "split", **version} for version in SPLIT]
    if step == 0:
        brands = ("first file, first row", "first file, second row")
        return [*split, *({**twice, "brand": brand} for brand in brands)]
    if step == 1:
        brands = ("second file, first row", "second file, second row")
        bad: list[dict[str, object]] = [
            {"product_id": None, "brand": "no key"},
            {"product_id": "no-time", "updated_at": None},
        ]
        return [*({**twice, "brand": brand} for brand in brands), *bad]
    return []


def test_every_case_holds_in_every_order_of_arrival(arrived: Any, oracle: list[History]) -> None:
    assert len(oracle) > 200
    found: dict[str, list[tuple[Any, ...]]] = {history.key: [] for history in oracle}
    for key, *version in arrived.rows(
        "select product_id, brand, valid_from, valid_to, is_current, version, product_key "
        "from dim_product order by product_id, valid_from"
    ):
        if key in found:
            found[key].append(tuple(version))
    versions = {key: tuple(row[:3] for row in rows) for key, rows in found.items()}
    assert versions == {history.key: history.expected for history in oracle}
    for rows in found.values():
        assert [row[3] for row in rows] == [row[2] is None for row in rows]
        assert [row[4] for row in rows] == list(range(1, len(rows) + 1))
        assert len({row[5] for row in rows}) == len(rows)


def test_of_two_values_at_one_instant_the_later_ingested_wins(arrived: Any) -> None:
    assert arrived.rows("select brand, version from dim_product where product_id = 'same-instant'") == [
        ("second file, second row", 1)
    ]


def test_a_row_without_key_or_time_is_in_quarantine(arrived: Any) -> None:
    found = arrived.rows("select row ->> 'brand', reasons from quarantine where feed = 'products' order by 1")
    assert found == [
        ("Acme", ["updated_at: required, but empty"]),
        ("no key", ["product_id: required, but empty"]),
    ]


def test_an_untracked_attribute_makes_no_version_and_shows_its_latest_value(arrived: Any) -> None:
    assert arrived.rows(
        "select email, acquisition_cost::varchar, valid_from::date::varchar from dim_customer order by version"
    ) == [
        ("ada@example.com", "2.5000", "2025-01-01"),
        ("lovelace@example.com", "3.5000", "2025-03-01"),
    ]


def test_keys_of_several_columns_do_not_collide(arrived: Any) -> None:
    assert arrived.rows("select order_id, line_number from stg_order_items order by 1") == [
        ("doc-7", 12),
        ("doc-71", 2),
    ]


def test_facts_in_an_interval_that_a_late_version_splits_point_to_the_new_version(
    arrived: Any, tmp_path: Path
) -> None:
    sold = "select brand, count(*) from fct_order_items join dim_product using (product_id, product_key) group by all"
    assert arrived.rows(sold) == [("A", 2)]
    lake = arrived.copy(tmp_path)
    lake.land("products", {"product_id": "split", **LATE})
    lake.run("+fct_order_items")
    assert lake.rows(sold) == [("B", 2)]
