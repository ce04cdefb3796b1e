"""Days, cohorts and the calendar: what falls on which day, and which windows have fully elapsed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any


def test_sales_fall_on_the_order_date_and_refunds_on_the_return_date_without_gaps(shop: Any) -> None:
    shop.sell("o", "2026-01-01", 50, quantity=2)
    shop.sell("p", "2026-01-04", 50)
    shop.add("returns", return_id="r", order_id="o", returned_at="2026-01-04")
    shop.build()
    assert shop.rows(
        "select date, orders, net_revenue, units_returned, return_rate from fct_revenue_daily order by 1"
    ) == [
        (date(2026, 1, 1), 1, 100, 0, 0.0),
        (date(2026, 1, 2), 0, 0, 0, None),
        (date(2026, 1, 3), 0, 0, 0, None),
        (date(2026, 1, 4), 1, 0, 1, 1.0),
    ]


def test_days_reach_from_the_first_to_the_last_of_order_return_delivery_and_as_of(shop: Any) -> None:
    shop.sell("o", "2026-01-02", delivered_at="2026-01-05")
    shop.add("returns", return_id="r", order_id="missing", returned_at="2026-01-01")
    shop.settings(as_of_date="2026-01-08")
    shop.build()
    assert shop.rows("select min(date), max(date), count(*) from fct_revenue_daily") == [
        (date(2026, 1, 1), date(2026, 1, 8), 8)
    ]


def test_average_order_value_is_divided_exactly_and_half_up(shop: Any) -> None:
    shop.sell("o1", "2026-01-01", "0.0001")
    shop.sell("o2", "2026-01-01", "12345678901.0000")
    shop.sell("o3", "2026-01-03", "10")
    shop.sell("o4", "2026-01-03", "10")
    shop.sell("o5", "2026-01-03", "0")
    shop.build()
    assert shop.rows("select average_order_value from fct_revenue_daily order by date") == [
        (Decimal("6172839450.5001"),),
        (None,),
        (Decimal("6.6667"),),
    ]


def test_a_customer_is_new_once_and_repeat_on_every_later_day(shop: Any) -> None:
    shop.sell("o1", "2026-01-01", customer_id="a")
    shop.sell("o2", "2026-01-01 10:00:00", customer_id="a")
    shop.sell("o3", "2026-01-01", customer_id=None)
    shop.sell("o4", "2026-01-02", customer_id="a")
    shop.sell("o5", "2026-01-02 11:00:00", customer_id="a")
    shop.sell("o6", "2026-01-02", customer_id="b")
    shop.build()
    assert shop.rows("select new_customers, repeat_customers from fct_revenue_daily order by date") == [
        (1, 0),
        (1, 1),
    ]


def test_windows_begin_with_the_first_purchase_and_end_before_their_last_day(shop: Any) -> None:
    shop.sell("a1", "2026-01-01", 10, customer_id="a")
    shop.sell("a2", "2026-01-07", 20, customer_id="a")
    shop.sell("b1", "2026-01-20", 40, customer_id="b")
    shop.sell("b2", "2026-01-27", 80, customer_id="b")
    shop.sell("b3", "2026-02-19", 160, customer_id="b")
    shop.sell("c1", "2026-01-05", 1, customer_id="c")
    shop.sell("c2", "2026-01-05 12:00:00", 1, customer_id="c", status="cancelled")
    shop.settings(as_of_date="2026-06-30")
    shop.build()
    assert shop.rows(
        "select window_days, customers, retained_customers, round(retention_rate, 4), revenue, ltv, "
        "is_complete from fct_cohort_ltv order by 1"
    ) == [
        (7, 3, 1, 0.3333, Decimal(71), Decimal("23.6667"), True),
        (30, 3, 2, 0.6667, Decimal(151), Decimal("50.3333"), True),
        (90, 3, 2, 0.6667, Decimal(311), Decimal("103.6667"), True),
    ]


def test_a_cohort_is_complete_when_its_month_and_every_window_have_ended(shop: Any) -> None:
    shop.sell("a", "2026-01-10", customer_id="a")
    shop.sell("b", "2026-01-28", customer_id="b")

    def complete_windows(as_of: str) -> list[int]:
        shop.settings(as_of_date=as_of)
        shop.build()
        return [
            row[0] for row in shop.rows("select window_days from fct_cohort_ltv where is_complete order by 1")
        ]

    assert complete_windows("2026-01-30") == []
    assert complete_windows("2026-02-02") == []
    assert complete_windows("2026-02-03") == [7]
    assert complete_windows("2026-02-25") == [7]
    assert complete_windows("2026-02-26") == [7, 30]
    assert complete_windows("2026-04-27") == [7, 30, 90]


def test_a_cohort_of_the_running_month_is_incomplete_though_its_windows_have_elapsed(shop: Any) -> None:
    shop.sell("a", "2026-01-01", customer_id="a")
    shop.settings(as_of_date="2026-01-30")
    shop.build()
    assert shop.rows("select is_complete from fct_cohort_ltv where window_days <= 30") == [(False,), (False,)]


def test_a_refund_can_make_the_value_of_a_cohort_negative(shop: Any) -> None:
    shop.sell("a", "2026-01-01", 10, customer_id="a")
    shop.sell("b", "2026-01-01", 10, customer_id="b")
    shop.sell("c", "2026-01-01", 10, customer_id="c")
    shop.add("returns", return_id="r", order_id="a", returned_at="2026-01-02", refund_amount=50)
    shop.build()
    assert shop.value("select distinct ltv from fct_cohort_ltv") == Decimal("-6.6667")


def test_the_calendar_covers_whole_years_to_the_as_of_date(shop: Any) -> None:
    shop.sell("o", "2023-05-05")
    shop.settings(as_of_date="2024-02-01")
    shop.build()
    assert shop.rows("select min(date), max(date), count(*) from dim_date") == [
        (date(2023, 1, 1), date(2024, 12, 31), 731)
    ]
    assert shop.rows("select * from dim_date where date = date '2024-02-29'") == [
        (20240229, date(2024, 2, 29), 9, 2, 1, 2024, 4, False, True)
    ]
    assert shop.rows(
        "select iso_week, day_of_week, is_weekend from dim_date where date = date '2023-01-01'"
    ) == [(52, 7, True)]
