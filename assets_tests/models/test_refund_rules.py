"""The refund policy: what a return gives back, and whether it lowers revenue."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TEN_THOUSANDTH = Decimal("0.0001")


def test_a_refund_on_a_cancelled_order_is_recorded_and_not_counted(shop: Any) -> None:
    shop.sell("o", "2026-01-01", status="cancelled")
    shop.add("returns", return_id="r", order_id="o", returned_at="2026-01-02", refund_amount=100)
    shop.build()
    assert shop.rows("select refund_amount, is_counted from fct_returns") == [(100, False)]
    assert shop.value("select refund from fct_orders") == 0


def test_a_line_returned_on_day_30_is_refunded_and_on_day_31_is_not(shop: Any) -> None:
    for order_id in ("o1", "o2", "o3"):
        shop.sell(order_id, "2026-01-01 23:30:00", 80)
    shop.add("returns", return_id="r1", order_id="o1", returned_at="2026-01-31 23:59:59")
    shop.add("returns", return_id="r2", order_id="o2", returned_at="2026-02-01 00:00:00")
    shop.add("returns", return_id="r3", order_id="o3", returned_at="2026-01-01 23:30:00")
    shop.build()
    assert shop.rows(
        "select order_id, days_since_delivery, is_refundable, refund_amount, refund_method "
        "from fct_returns order by 1"
    ) == [
        ("o1", 30, True, Decimal(80), "card"),
        ("o2", 31, False, Decimal(0), "card"),
        ("o3", 0, True, Decimal(80), "card"),
    ]


def test_goods_back_before_delivery_or_without_one_are_not_refundable(shop: Any) -> None:
    shop.sell("never", "2026-01-01", delivered_at=None, status="paid")
    shop.sell("later", "2026-01-01", delivered_at="2026-01-05")
    shop.add("returns", return_id="r1", order_id="never", returned_at="2026-01-03")
    shop.add("returns", return_id="r2", order_id="later", returned_at="2026-01-03")
    shop.build()
    assert shop.rows(
        "select order_id, days_since_delivery, is_refundable, refund_amount from fct_returns order by 1"
    ) == [("later", -2, False, 0), ("never", None, False, 0)]


def test_a_line_returned_in_thirds_refunds_exactly_its_net_amount(shop: Any) -> None:
    shop.sell("o", "2026-01-01", 50, quantity=3, discount=50)
    for day in (2, 3, 4):
        shop.add("returns", return_id=f"r{day}", order_id="o", returned_at=f"2026-01-0{day}")
    shop.build()
    parts = [row[0] for row in shop.rows("select refund_amount from fct_returns order by return_id")]
    assert parts == [Decimal("33.3333"), Decimal("33.3334"), Decimal("33.3333")]
    assert shop.value("select net_revenue from fct_orders") == 0


def test_more_goods_back_than_sold_refund_no_more_than_the_line(shop: Any) -> None:
    shop.sell("o", "2026-01-01", 40, quantity=2)
    shop.add("returns", return_id="r1", order_id="o", quantity=3, returned_at="2026-01-02")
    shop.add("returns", return_id="r2", order_id="o", quantity=2, returned_at="2026-01-03")
    shop.build()
    assert shop.rows("select refund_amount from fct_returns order by return_id") == [(80,), (0,)]


def test_an_explicit_refund_stands_even_late_and_above_the_line(shop: Any) -> None:
    shop.sell("o", "2026-01-01", 40)
    shop.add("returns", return_id="r", order_id="o", returned_at="2026-12-01", refund_amount=55)
    shop.build()
    assert shop.rows("select is_refundable, is_explicit, refund_amount from fct_returns") == [
        (False, True, 55)
    ]
    assert shop.value("select net_revenue from fct_orders") == -15


def test_a_computed_refund_gives_only_what_an_explicit_one_left(shop: Any) -> None:
    shop.sell("o", "2026-01-01", 50, quantity=2)
    shop.add("returns", return_id="r1", order_id="o", returned_at="2026-01-02", refund_amount=80)
    shop.add("returns", return_id="r2", order_id="o", returned_at="2026-01-03", refund_amount=None)
    shop.add("returns", return_id="r3", order_id="o", returned_at="2026-01-04", refund_amount=None)
    shop.build()
    assert shop.rows("select refund_amount from fct_returns order by return_id") == [(80,), (20,), (0,)]


def test_a_return_of_an_unknown_line_or_order_is_kept(shop: Any) -> None:
    shop.sell("o", "2026-01-01")
    shop.add(
        "returns", return_id="r1", order_id="o", line_number=9, returned_at="2026-01-02", refund_amount=None
    )
    shop.add(
        "returns", return_id="r2", order_id="o", line_number=None, returned_at="2026-01-02", refund_amount=5
    )
    shop.add("returns", return_id="r3", order_id="missing", returned_at="2026-01-02", refund_amount=6)
    shop.build()
    assert shop.rows(
        "select return_id, is_matched, is_counted, refund_amount, product_id from fct_returns order by 1"
    ) == [("r1", False, True, 0, None), ("r2", False, True, 5, None), ("r3", False, False, 6, None)]
    assert shop.value("select sum(refund) from fct_revenue_daily") == 5


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(1, 7),
            st.integers(0, 99_999),
            st.integers(0, 50_000),
            st.lists(
                st.tuples(
                    st.integers(1, 4), st.integers(0, 40), st.one_of(st.none(), st.integers(0, 400_000))
                ),
                max_size=5,
            ),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_refunds_follow_the_policy_return_by_return(
    new_shop: Any, lines: list[tuple[int, int, int, list[tuple[int, int, int | None]]]]
) -> None:
    shop = new_shop()
    expected: dict[str, Decimal] = {}
    for number, (quantity, price, discount, returns) in enumerate(lines):
        shop.sell(
            f"o{number}",
            "2026-01-01",
            price * TEN_THOUSANDTH,
            quantity=quantity,
            discount=discount * TEN_THOUSANDTH,
        )
        net = (quantity * price - discount) * TEN_THOUSANDTH
        ordered = sorted(enumerate(returns), key=lambda one: (one[1][1], one[0]))
        paid, quantity_back = Decimal(0), 0
        for position, (back, day, explicit) in ordered:
            return_id = f"o{number}-{position}"
            shop.connection.execute(
                "insert into core_returns "
                "(return_id, order_id, line_number, quantity, returned_at, refund_amount) "
                "values (?, ?, 1, ?, timestamp '2026-01-01' + ? * interval 1 day, ?)",
                [return_id, f"o{number}", back, day, None if explicit is None else explicit * TEN_THOUSANDTH],
            )
            if explicit is not None:
                amount = explicit * TEN_THOUSANDTH
            elif day > 30:
                amount = Decimal(0)
            else:
                due = _share(net, min(quantity_back + back, quantity), quantity) - _share(
                    net, min(quantity_back, quantity), quantity
                )
                quantity_back += back
                amount = max(Decimal(0), min(due, net - paid))
            paid += amount
            expected[return_id] = amount
    shop.build(only=["fct_returns"])
    assert dict(shop.rows("select return_id, refund_amount from fct_returns")) == expected


def _share(net: Decimal, part: int, whole: int) -> Decimal:
    exact = Fraction(net) * part / whole
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(TEN_THOUSANDTH, ROUND_HALF_UP)
