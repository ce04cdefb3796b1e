"""Stock by day and its alerts: given these movements, then that stock, that risk and those alerts."""

from __future__ import annotations

from datetime import date
from typing import Any


def _move(shop: Any, day: str, kind: str, quantity: int, product_id: str = "p") -> None:
    number = shop.value("select count(*) from core_inventory_movements")
    shop.add(
        "inventory_movements",
        movement_id=f"m{number}",
        product_id=product_id,
        moved_at=day,
        kind=kind,
        quantity=quantity,
    )


def test_stock_runs_from_the_first_movement_to_the_as_of_date(shop: Any) -> None:
    shop.settings(as_of_date="2026-01-05")
    for day, kind, quantity in (
        ("2026-01-01", "receipt", 10),
        ("2026-01-01", "allocation", 4),
        ("2026-01-03", "shipment", 3),
        ("2026-01-03", "release", 1),
        ("2026-01-04", "return", 1),
        ("2026-01-04", "adjustment", -2),
        ("2026-01-06", "receipt", 99),
    ):
        _move(shop, day, kind, quantity)
    shop.build()
    assert shop.rows(
        "select date, on_hand, allocated, available, reorder_point, is_at_risk from fct_inventory_daily"
    ) == [
        (date(2026, 1, 1), 10, 4, 6, None, False),
        (date(2026, 1, 2), 10, 4, 6, None, False),
        (date(2026, 1, 3), 7, 0, 7, None, False),
        (date(2026, 1, 4), 6, 0, 6, None, False),
        (date(2026, 1, 5), 6, 0, 6, None, False),
    ]


def test_a_shipment_nobody_allocated_leaves_allocated_at_zero(shop: Any) -> None:
    _move(shop, "2026-01-01", "receipt", 10)
    _move(shop, "2026-01-02", "shipment", 4)
    shop.build()
    assert shop.rows("select on_hand, allocated, available from fct_inventory_daily order by date") == [
        (10, 0, 10),
        (6, 0, 6),
    ]


def test_every_crossing_is_one_alert_and_resolves_on_the_first_day_not_at_risk(shop: Any) -> None:
    shop.settings(as_of_date="2026-01-10")
    shop.add("products", product_id="p", reorder_point=5, updated_at="2025-01-01")
    for day, kind, quantity in (
        ("2026-01-01", "receipt", 5),
        ("2026-01-02", "adjustment", -1),
        ("2026-01-03", "adjustment", -1),
        ("2026-01-05", "receipt", 2),
        ("2026-01-08", "allocation", 3),
    ):
        _move(shop, day, kind, quantity)
    shop.build()
    assert shop.rows("select * from inventory_alerts order by alerted_on") == [
        ("p", date(2026, 1, 2), 4, 5, 1, date(2026, 1, 5)),
        ("p", date(2026, 1, 8), 2, 5, 3, None),
    ]


def test_a_product_at_risk_on_its_first_day_is_an_alert_of_that_day(shop: Any) -> None:
    shop.add("products", product_id="p", reorder_point=5, updated_at="2025-01-01")
    shop.add("products", product_id="q", reorder_point=5, updated_at="2025-01-01")
    _move(shop, "2026-01-01", "receipt", 4)
    _move(shop, "2026-01-01", "receipt", 5, "q")
    shop.build()
    assert shop.rows("select product_id, alerted_on, resolved_on from inventory_alerts") == [
        ("p", date(2026, 1, 1), None)
    ]


def test_the_reorder_point_is_the_one_at_the_end_of_the_business_day(shop: Any) -> None:
    shop.settings(as_of_date="2026-01-04", business_time_zone="Europe/Berlin")
    shop.add("products", product_id="p", reorder_point=1, updated_at="2026-01-02 09:00:00")
    shop.add("products", product_id="p", reorder_point=2, updated_at="2026-01-02 10:00:00")
    shop.add("products", product_id="p", reorder_point=9, updated_at="2026-01-03 23:30:00")
    _move(shop, "2026-01-01", "receipt", 5)
    shop.build()
    assert shop.rows("select date, reorder_point, is_at_risk from fct_inventory_daily order by 1") == [
        (date(2026, 1, 1), 2, False),
        (date(2026, 1, 2), 2, False),
        (date(2026, 1, 3), 2, False),
        (date(2026, 1, 4), 9, True),
    ]
