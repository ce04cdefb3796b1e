"""Recurring revenue by day: given these bookings, then that opening, these movements and that close."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MODELS = ("fct_mrr_daily", "fct_bookings")
KINDS = ("new", "expansion", "renewal", "contraction", "churn")
DAY = (
    "select date, opening_mrr, new_mrr, expansion_mrr, contraction_mrr, churn_mrr, renewal_mrr, closing_mrr, customers "
    "from fct_mrr_daily order by date"
)


def _book(shop: Any, at: str, kind: str, mrr: float, customer: str = "c", amount: float = 0) -> None:
    number = shop.value("select count(*) from core_bookings")
    shop.add(
        "bookings",
        booking_id=f"b{number}",
        customer_id=customer,
        booked_at=at,
        kind=kind,
        monthly_recurring_revenue=mrr,
        amount=amount,
    )


def _amounts(*values: int) -> tuple[Decimal, ...]:
    return tuple(Decimal(value).quantize(Decimal("0.0001")) for value in values)


def test_every_day_opens_moves_and_closes_and_a_renewal_moves_nothing(shop: Any) -> None:
    shop.settings(as_of_date="2026-01-07")
    _book(shop, "2026-01-01 08:00:00", "new", 100)
    _book(shop, "2026-01-01 20:00:00", "new", 40, customer="d")
    _book(shop, "2026-01-03", "expansion", 30)
    _book(shop, "2026-01-04", "renewal", 130)
    _book(shop, "2026-01-05", "contraction", -20)
    _book(shop, "2026-01-06", "churn", -110)
    shop.build(only=MODELS)
    assert shop.rows(DAY) == [
        (date(2026, 1, 1), *_amounts(0, 140, 0, 0, 0, 0, 140), 2),
        (date(2026, 1, 2), *_amounts(140, 0, 0, 0, 0, 0, 140), 2),
        (date(2026, 1, 3), *_amounts(140, 0, 30, 0, 0, 0, 170), 2),
        (date(2026, 1, 4), *_amounts(170, 0, 0, 0, 0, 130, 170), 2),
        (date(2026, 1, 5), *_amounts(170, 0, 0, -20, 0, 0, 150), 2),
        (date(2026, 1, 6), *_amounts(150, 0, 0, 0, -110, 0, 40), 1),
        (date(2026, 1, 7), *_amounts(40, 0, 0, 0, 0, 0, 40), 1),
    ]
    assert shop.failures("fct_mrr_daily") == []


def test_a_customer_who_leaves_and_comes_back_is_counted_again(shop: Any) -> None:
    _book(shop, "2026-01-01", "new", 10)
    _book(shop, "2026-01-02", "churn", -10)
    _book(shop, "2026-01-04", "new", 25)
    shop.build(only=MODELS)
    assert shop.rows("select customers from fct_mrr_daily order by date") == [(1,), (0,), (0,), (1,)]


def test_a_booking_falls_on_its_business_day(shop: Any) -> None:
    shop.settings(business_time_zone="America/New_York")
    _book(shop, "2026-01-02 03:00:00", "new", 10, amount=12)
    shop.build(only=MODELS)
    assert shop.rows("select booking_date, amount from fct_bookings") == [
        (date(2026, 1, 1), Decimal("12.0000"))
    ]
    assert shop.rows("select date, new_mrr, bookings_amount from fct_mrr_daily limit 1") == [
        (date(2026, 1, 1), *_amounts(10, 12))
    ]


def test_bookings_go_on_after_the_as_of_date_and_stop_at_it_where_there_are_none(shop: Any) -> None:
    shop.settings(as_of_date="2026-01-02")
    _book(shop, "2026-01-01", "new", 10)
    _book(shop, "2026-01-04", "churn", -10)
    shop.build(only=MODELS)
    assert shop.value("select max(date) from fct_mrr_daily") == date(2026, 1, 4)


def test_without_bookings_there_are_no_days(shop: Any) -> None:
    shop.sell("o1", "2026-01-02")
    shop.build(only=MODELS)
    assert shop.rows(DAY) == []
    assert shop.failures("fct_mrr_daily") == shop.failures("fct_bookings") == []


def test_a_loss_whose_beginning_never_came_is_no_customer(shop: Any) -> None:
    _book(shop, "2026-01-01", "churn", -10)
    shop.build(only=MODELS)
    assert shop.rows("select closing_mrr, customers from fct_mrr_daily") == [(Decimal("-10.0000"), 0)]


BOOKING = st.tuples(
    st.integers(1, 20), st.sampled_from(KINDS), st.integers(1, 100), st.sampled_from(["a", "b", "c"])
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(BOOKING, max_size=12))
def test_days_always_follow_on_and_sum_to_the_bookings(
    new_shop: Any, bookings: list[tuple[int, str, int, str]]
) -> None:
    shop = new_shop()
    for day, kind, size, customer in bookings:
        mrr = -size if kind in ("contraction", "churn") else size
        _book(shop, f"2026-01-{day:02d}", kind, mrr, customer=customer, amount=size)
    shop.build(only=MODELS)
    assert shop.failures("fct_mrr_daily") == []
    moved = sum(
        -size if kind in ("contraction", "churn") else size
        for _, kind, size, _ in bookings
        if kind != "renewal"
    )
    closing = shop.rows("select closing_mrr from fct_mrr_daily order by date desc limit 1")
    assert closing == ([(Decimal(moved).quantize(Decimal("0.0001")),)] if bookings else [])
