"""Recognition: revenue is earned on delivery less expected refunds, and every day reconciles to booked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

START = date(2026, 1, 1)
TEN_THOUSANDTH = Decimal("0.0001")


def test_revenue_is_deferred_until_delivery_and_reserved_at_the_trailing_rate(shop: Any) -> None:
    shop.sell("o1", "2026-01-01", 100)
    shop.add("returns", return_id="r1", order_id="o1", returned_at="2026-01-02", refund_amount=10)
    shop.sell("o2", "2026-01-03", 200, delivered_at="2026-01-05")
    shop.add("returns", return_id="r2", order_id="o2", returned_at="2026-01-06", refund_amount=15)
    shop.settings(as_of_date="2026-02-05")
    shop.build()
    assert shop.rows(
        "select date, recognized_revenue, deferred_revenue, refund_liability from fct_revenue_daily "
        "where date in ('2026-01-01', '2026-01-03', '2026-01-05', '2026-01-06', '2026-02-04', '2026-02-05') "
        "order by date"
    ) == [
        (date(2026, 1, 1), 100, 0, 0),
        (date(2026, 1, 3), 0, 200, 0),
        (date(2026, 1, 5), 180, 0, 20),
        (date(2026, 1, 6), 0, 0, 5),
        (date(2026, 2, 4), 0, 0, 5),
        (date(2026, 2, 5), 5, 0, 0),
    ]


def test_the_trailing_rate_looks_back_ninety_days_and_no_further(shop: Any) -> None:
    shop.sell("o1", "2026-01-01", 100)
    shop.add("returns", return_id="r1", order_id="o1", returned_at="2026-01-02", refund_amount=10)
    shop.sell("o2", "2026-02-01", 100)
    shop.sell("day 90", "2026-04-02", 200)
    shop.sell("day 91", "2026-04-03", 200)
    shop.build()
    assert shop.rows(
        "select date, refund_liability from fct_revenue_daily where date >= date '2026-04-01' order by date"
    ) == [(date(2026, 4, 1), 0), (date(2026, 4, 2), 20), (date(2026, 4, 3), 20)]


class Sale(NamedTuple):
    """An order by day numbers: placed, delivered (or never), worth, and its refunds as (day, amount)."""

    placed: int
    delivered: int | None
    booked: Decimal
    refunds: list[tuple[int, Decimal]]


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _refunds(sales: Iterable[Sale], first: int, end: int) -> Decimal:
    """Refunds of these sales dated from the first day up to but without the end."""
    return _sum(amount for sale in sales for day, amount in sale.refunds if first <= day < end)


def _recognition(sales: list[Sale], days: range) -> list[tuple[Decimal, Decimal, Decimal]]:
    """Recognized, deferred and liability by day, straight from the definitions."""
    deliveries: dict[int, list[Sale]] = {}
    for sale in sales:
        if sale.delivered is not None:
            deliveries.setdefault(sale.delivered, []).append(sale)

    def delivered(day: int) -> Decimal:
        cohort = deliveries.get(day, [])
        return _sum(sale.booked for sale in cohort) - _refunds(cohort, days.start, day)

    def reserve(day: int) -> Decimal:
        base = _sum(delivered(earlier) for earlier in range(day - 90, day))
        rate = min(Decimal(1), _refunds(sales, day - 90, day) / base) if base > 0 else Decimal(0)
        rate = rate.quantize(Decimal("0.00000001"), ROUND_HALF_UP)
        return (rate * max(delivered(day), Decimal(0))).quantize(TEN_THOUSANDTH, ROUND_HALF_UP)

    reserves = {day: reserve(day) for day in deliveries}
    rows, before = [], Decimal(0)
    for today in days:
        liability, returned = Decimal(0), Decimal(0)
        for day, cohort in deliveries.items():
            if day <= today:
                returned += _refunds(cohort, today, today + 1)
            if day <= today <= day + 30:
                liability += max(reserves[day] - _refunds(cohort, day, today + 1), Decimal(0))
        undelivered = [sale for sale in sales if sale.delivered is None or sale.delivered > today]
        deferred = _sum(sale.booked for sale in undelivered if sale.placed <= today)
        deferred -= _refunds(undelivered, days.start, today + 1)
        rows.append((delivered(today) - returned - (liability - before), deferred, liability))
        before = liability
    return rows


sales_lists = st.lists(
    st.builds(
        lambda placed, lag, cents, refunds: Sale(
            placed,
            None if lag is None else placed + lag,
            cents * TEN_THOUSANDTH,
            [(placed + later, amount * TEN_THOUSANDTH) for later, amount in refunds],
        ),
        st.integers(0, 120),
        st.one_of(st.none(), st.integers(0, 12)),
        st.integers(0, 2_000_000),
        st.lists(st.tuples(st.integers(0, 50), st.integers(0, 900_000)), max_size=2),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sales_lists)
def test_recognition_equals_its_definition_and_reconciles_every_day(new_shop: Any, sales: list[Sale]) -> None:
    shop = new_shop()

    def stamp(day: int | None) -> date | None:
        return None if day is None else START + timedelta(days=day)

    shop.add_many(
        "orders",
        [
            {"order_id": f"o{i}", "created_at": stamp(sale.placed), "delivered_at": stamp(sale.delivered)}
            for i, sale in enumerate(sales)
        ],
    )
    shop.add_many(
        "order_items",
        [{"order_id": f"o{i}", "product_id": "p", "unit_price": sale.booked} for i, sale in enumerate(sales)],
    )
    shop.add_many(
        "returns",
        [
            {
                "return_id": f"r{i}-{j}",
                "order_id": f"o{i}",
                "returned_at": stamp(day),
                "refund_amount": amount,
            }
            for i, sale in enumerate(sales)
            for j, (day, amount) in enumerate(sale.refunds)
        ],
    )
    shop.build(only=["fct_revenue_daily"])
    happened = [sale.placed for sale in sales] + [
        sale.delivered for sale in sales if sale.delivered is not None
    ]
    happened += [day for sale in sales for day, _ in sale.refunds]
    days = range(min(happened), max(happened) + 1)
    assert shop.rows(
        "select recognized_revenue, deferred_revenue, refund_liability from fct_revenue_daily order by date"
    ) == _recognition(sales, days)
    assert shop.failures("fct_revenue_daily") == []
