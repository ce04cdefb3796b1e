"""The rules of orders, lines, currencies and dates: given these core rows, then those facts.

Refunds, dimensions, days and cohorts, stock and recognition have modules of their own beside this one.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest


@pytest.mark.parametrize("status", ["paid", "fulfilled", "delivered", "returned"])
def test_revenue_counts_from_paid_on(shop: Any, status: str) -> None:
    shop.sell("o", "2026-01-01", 100, quantity=2, discount=10, tax=15, status=status)
    shop.build()
    assert shop.rows(
        "select gross_revenue, discount, tax, refund, net_revenue, is_revenue from fct_orders"
    ) == [(Decimal(200), Decimal(10), Decimal(15), Decimal(0), Decimal(175), True)]


@pytest.mark.parametrize("status", ["created", "cancelled"])
def test_created_and_cancelled_orders_are_kept_without_money(shop: Any, status: str) -> None:
    shop.sell("o", "2026-01-01", 100, quantity=2, discount=10, tax=15, status=status)
    shop.build()
    assert shop.rows(
        "select item_count, units, gross_revenue, discount, tax, net_revenue, cost, margin, is_purchase "
        "from fct_orders"
    ) == [(1, 2, 0, 0, 0, 0, 0, 0, False)]
    assert shop.value("select gross_revenue from fct_order_items") == 200
    assert shop.rows("select orders, units, gross_revenue from fct_revenue_daily") == [(0, 0, 0)]


def test_an_order_without_lines_is_revenue_and_no_purchase(shop: Any) -> None:
    shop.add("orders", order_id="credit", created_at="2026-01-01", delivered_at="2026-01-01", customer_id="c")
    shop.add(
        "returns",
        return_id="r",
        order_id="credit",
        line_number=None,
        returned_at="2026-01-01",
        refund_amount=7,
    )
    shop.build()
    assert shop.rows(
        "select gross_revenue, refund, net_revenue, cost, margin, is_purchase, is_first_order from fct_orders"
    ) == [(0, 7, -7, 0, -7, False, False)]
    assert shop.value("select net_revenue from fct_revenue_daily") == -7


def test_a_guest_has_no_customer_and_is_never_a_first_order(shop: Any) -> None:
    shop.sell("o", "2026-01-01", customer_id=None)
    shop.build()
    assert shop.rows("select customer_id, customer_key, is_first_order, is_purchase from fct_orders") == [
        (None, None, False, True)
    ]
    assert shop.rows("select * from dim_customer") == []
    assert shop.rows("select * from fct_cohort_ltv") == []


def test_the_first_order_is_the_first_purchase_by_time_and_then_by_id(shop: Any) -> None:
    shop.sell("o0", "2026-01-01", customer_id="c", status="cancelled")
    shop.sell("o3", "2026-01-02", customer_id="c")
    shop.sell("o2", "2026-01-02", customer_id="c")
    shop.sell("o1", "2026-01-03", customer_id="c")
    shop.build()
    assert shop.rows("select order_id from fct_orders where is_first_order") == [("o2",)]


def test_no_line_is_lost_when_its_order_never_came(shop: Any) -> None:
    shop.sell("o", "2026-01-01")
    shop.add("order_items", order_id="missing", product_id="p", unit_price=30)
    shop.build()
    assert shop.rows(
        "select order_date, gross_revenue, is_revenue from fct_order_items where order_id = 'missing'"
    ) == [(None, 30, False)]
    assert shop.value("select sum(gross_revenue) from fct_orders") == 100
    assert shop.value("select sum(gross_revenue) from mart_product_sales") == 100


def test_one_unknown_cost_makes_the_cost_of_the_order_unknown(shop: Any) -> None:
    shop.add("products", product_id="p", unit_cost=30, updated_at="2026-01-01")
    shop.sell("known", "2026-01-02", 100, quantity=2)
    shop.sell("unknown", "2026-01-02", 100)
    shop.add("order_items", order_id="unknown", line_number=2, product_id="q", unit_price=1)
    shop.build()
    assert shop.rows("select order_id, cost, margin from fct_orders order by 1") == [
        ("known", 60, 140),
        ("unknown", None, None),
    ]


def test_foreign_amounts_are_converted_one_by_one_at_the_rate_of_the_order(shop: Any) -> None:
    shop.sell("home", "2026-01-10", 10)
    shop.sell("home2", "2026-01-10", 10)
    shop.sell("o", "2026-01-10", "10.01", quantity=3, discount="1.11", tax="0.37", currency="USD")
    for day, rate in (("2026-01-05", "0.5"), ("2026-01-09", "0.91234567"), ("2026-01-11", "2")):
        shop.add("fx_rates", date=day, currency="USD", rate=rate)
    shop.add("returns", return_id="r", order_id="o", returned_at="2026-02-01", refund_amount="5")
    shop.build()
    assert shop.rows(
        "select unit_price, gross_revenue, discount, tax from fct_order_items where order_id = 'o'"
    ) == [(Decimal("9.1326"), Decimal("27.3978"), Decimal("1.0127"), Decimal("0.3376"))]
    assert shop.value("select refund_amount from fct_returns") == Decimal("4.5617")
    assert shop.value("select net_revenue from fct_orders where order_id = 'o'") == Decimal("21.4858")


def test_a_rate_may_be_seven_days_old_and_not_eight(shop: Any) -> None:
    shop.settings(reporting_currency="EUR")
    shop.add("fx_rates", date="2026-01-01", currency="USD", rate=2)
    shop.sell("seven", "2026-01-08", 10, currency="USD")
    shop.sell("eight", "2026-01-09", 10, currency="USD")
    shop.build()
    assert shop.rows("select order_id, gross_revenue, is_unconverted from fct_orders order by 1") == [
        ("eight", None, True),
        ("seven", 20, False),
    ]


def test_an_order_without_a_rate_is_kept_flagged_and_in_no_sum(shop: Any) -> None:
    shop.settings(reporting_currency="EUR")
    shop.sell("home", "2026-01-01", 10)
    shop.sell("o", "2026-01-01", 10, currency="JPY", customer_id="c")
    shop.sell("dropped", "2026-01-01", 10, currency="JPY", status="cancelled")
    shop.add("returns", return_id="r", order_id="o", returned_at="2026-01-02", refund_amount=None)
    shop.build()
    assert shop.rows(
        "select order_id, gross_revenue, net_revenue, margin, is_unconverted from fct_orders "
        "where order_id <> 'home' order by 1"
    ) == [("dropped", 0, 0, 0, True), ("o", None, None, None, True)]
    assert shop.value("select refund_amount from fct_returns") is None
    assert shop.rows(
        "select orders, gross_revenue, average_order_value, unconverted_orders, new_customers "
        "from fct_revenue_daily where date = date '2026-01-01'"
    ) == [(1, 10, 10, 1, 1)]
    assert shop.value("select sum(net_revenue) from mart_country_sales") == 10


def test_the_reporting_currency_is_the_commonest_and_then_the_first_by_name(shop: Any) -> None:
    shop.sell("o1", "2026-01-01", currency="USD")
    shop.sell("o2", "2026-01-01", currency="GBP")
    shop.build()
    assert shop.value("select reporting_currency from run_settings") == "GBP"
    shop.sell("o3", "2026-01-01", currency="USD")
    shop.build()
    assert shop.value("select reporting_currency from run_settings") == "USD"


def test_dates_are_cut_in_the_business_time_zone(shop: Any) -> None:
    shop.settings(business_time_zone="Europe/Berlin")
    shop.sell("winter", "2026-01-01 23:30:00", delivered_at="2026-01-03 22:30:00")
    shop.sell("summer", "2026-07-01 22:30:00", delivered_at="2026-07-02 21:30:00")
    shop.add("returns", return_id="r", order_id="winter", returned_at="2026-02-02 23:30:00")
    shop.build()
    assert shop.rows("select order_id, order_date, days_to_deliver from fct_orders order by 1") == [
        ("summer", date(2026, 7, 2), 0),
        ("winter", date(2026, 1, 2), 1),
    ]
    assert shop.rows("select return_date, days_since_delivery from fct_returns") == [(date(2026, 2, 3), 31)]
    assert shop.value("select sum(orders) from fct_revenue_daily where date = date '2026-01-02'") == 1


def test_the_as_of_date_is_the_last_event_unless_that_day_is_still_loading(shop: Any) -> None:
    shop.sell("o", "2026-01-10 12:00:00")
    shop.add(
        "inventory_movements",
        movement_id="m",
        product_id="p",
        moved_at="2026-01-12",
        kind="receipt",
        quantity=1,
    )
    shop.build()
    assert shop.value("select as_of_date from run_settings") == date(2026, 1, 12)
    shop.add("products", product_id="p", updated_at="2026-01-01", _ingested_at=datetime(2026, 1, 12, 8))
    shop.build()
    assert shop.value("select as_of_date from run_settings") == date(2026, 1, 11)
    shop.add("products", product_id="p", updated_at="2026-01-01", _ingested_at=datetime(2030, 1, 1))
    shop.build()
    assert shop.rows("select as_of_date, is_as_of_configured from run_settings") == [
        (date(2026, 1, 12), False)
    ]
    shop.settings(as_of_date="2026-01-05")
    shop.build()
    assert shop.rows("select as_of_date, is_as_of_configured from run_settings") == [(date(2026, 1, 5), True)]


def test_an_empty_lake_builds_every_model(shop: Any) -> None:
    shop.build()
    assert shop.rows("select * from run_settings") == [(None, False, "UTC", None)]
    for name in (
        "dim_date",
        "dim_customer",
        "dim_product",
        "fct_orders",
        "fct_inventory_daily",
        "fct_revenue_daily",
    ):
        assert shop.rows(f"select * from {name}") == []


def test_the_product_mart_nets_counted_refunds_of_matched_lines(shop: Any) -> None:
    shop.add("products", product_id="p", name="Old", updated_at="2026-01-01")
    shop.add("products", product_id="p", name="New", updated_at="2026-01-02")
    shop.sell("o1", "2026-01-01", 50, quantity=2, country=None)
    shop.sell("o2", "2026-01-01", 50, country="France", customer_id="c")
    shop.add("returns", return_id="r", order_id="o1", returned_at="2026-01-03")
    shop.build()
    assert shop.rows(
        "select name, units, orders, gross_revenue, refund, net_revenue, return_units from mart_product_sales"
    ) == [("New", 3, 2, 150, 50, 100, 1)]
    assert shop.rows(
        "select country, orders, customers, refund, net_revenue from mart_country_sales order by 1"
    ) == [
        ("France", 1, 1, 0, 50),
        ("Unknown", 1, 0, 50, 50),
    ]
