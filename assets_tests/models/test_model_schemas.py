"""What schema.yml promises of a model is what its SQL makes: all columns described, and tests that hold."""

from __future__ import annotations

from typing import Any


def _busy_shop(shop: Any) -> None:
    """A little of everything that the rules tell apart."""
    shop.settings(reporting_currency="EUR")
    shop.add("products", product_id="p", name="A", unit_cost=30, reorder_point=5, updated_at="2026-01-01")
    shop.add("products", product_id="p", is_deleted=True, updated_at="2026-01-10")
    shop.add("products", product_id="p", name="B", unit_cost=40, reorder_point=5, updated_at="2026-01-20")
    shop.add("customers", customer_id="c", email="a@example.com", updated_at="2026-01-01")
    shop.add("customers", customer_id="c", email="b@example.com", updated_at="2026-01-12")
    shop.add("fx_rates", date="2026-01-12", currency="USD", rate="0.9")
    shop.sell("o1", "2026-01-02", customer_id="c", quantity=3, discount=1, tax=19)
    shop.sell("o2", "2026-01-15", customer_id="c", currency="USD", delivered_at="2026-01-18")
    shop.sell("o3", "2026-01-15", currency="JPY")
    shop.sell("o4", "2026-01-16", customer_id="unknown", status="cancelled")
    shop.sell("o5", "2026-01-17", product_id="unknown", status="paid", delivered_at=None)
    shop.add("order_items", order_id="missing", product_id="p", unit_price=1)
    shop.add("returns", return_id="r1", order_id="o1", returned_at="2026-01-20", refund_amount=None)
    shop.add("returns", return_id="r2", order_id="o2", returned_at="2026-01-30", refund_amount=5)
    shop.add("returns", return_id="r3", order_id="missing", returned_at="2026-01-30", refund_amount=5)
    shop.add("returns", return_id="r4", order_id="o3", returned_at="2026-01-30", refund_amount=5)
    movement = {"product_id": "p", "moved_at": "2026-01-02", "kind": "receipt", "quantity": 4}
    shop.add("inventory_movements", movement_id="m1", **movement)
    shop.build()


def test_every_model_and_every_column_is_described_in_its_order(shop: Any, described: Any) -> None:
    shop.build()
    built = {
        name: [column for (column, *_) in shop.rows(f"describe {name}")]
        for name in {row[0] for row in shop.rows("select table_name from information_schema.tables")}
        if not name.startswith(("core_", "meta_"))
    }
    assert built == {
        name: [column["name"] for column in model["columns"]] for name, model in described.items()
    }
    for name, model in described.items():
        assert model["description"]
        assert model["config"]["meta"].keys() >= {"owner", "grain"}, name
        assert [column["name"] for column in model["columns"] if not column.get("description")] == []


def test_the_tests_of_every_model_hold_on_a_busy_shop(shop: Any, described: Any) -> None:
    _busy_shop(shop)
    assert {name: shop.failures(name) for name in described} == {name: [] for name in described}


def test_a_lost_order_a_lost_day_and_an_overlap_are_noticed(shop: Any) -> None:
    _busy_shop(shop)
    shop.connection.execute("delete from fct_orders where order_id = 'o1'")
    shop.connection.execute("delete from fct_revenue_daily where date = date '2026-01-15'")
    shop.connection.execute("update dim_product set valid_to = valid_to + interval 20 day where version = 1")
    assert {"no_order_lost", "lines_sum_to_orders"} <= set(shop.failures("fct_orders"))
    assert {"no_day_missing", "days_sum_to_orders"} <= set(shop.failures("fct_revenue_daily"))
    assert "versions_do_not_overlap" in shop.failures("dim_product")


def test_money_is_decimal_and_counts_are_whole(shop: Any, described: Any) -> None:
    shop.build()
    for name, model in described.items():
        types = dict(row[:2] for row in shop.rows(f"describe {name}"))
        for column in model["columns"]:
            if column.get("meta", {}).get("unit") == "reporting currency":
                assert types[column["name"]] == "DECIMAL(18,4)", (name, column["name"])
            elif column.get("meta", {}).get("unit") == "units":
                assert types[column["name"]] == "BIGINT", (name, column["name"])
