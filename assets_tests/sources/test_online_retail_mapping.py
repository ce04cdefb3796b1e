"""What the mapping SQL of Online Retail makes of small sets of invoice lines, in plain DuckDB.

The real file's facts stand in test_online_retail_facts.py; landing and staging are not tested here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Line = tuple[str, int, str, str | None, int, datetime, str, str | None, str]

START = datetime(2011, 3, 1, 9)


def line(
    invoice_no: str,
    line_number: int = 1,
    *,
    code: str = "22423",
    quantity: int = 1,
    price: str = "2.5",
    hours: float = 0,
    customer: str | None = "17850",
    country: str = "United Kingdom",
    text: str | None = "CAKESTAND",
) -> Line:
    at = START + timedelta(hours=hours)
    return (invoice_no, line_number, code, text, quantity, at, price, customer, country)


def staged(lines: Sequence[Line]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": 2})
    con.execute(
        "create table stg_online_retail (invoice_no varchar, line_number bigint, stock_code varchar, "
        "description varchar, quantity bigint, invoice_date timestamp, unit_price decimal(18, 4), "
        "customer_id varchar, country varchar)"
    )
    con.executemany("insert into stg_online_retail values (?, ?, ?, ?, ?, ?, ?, ?, ?)", lines)
    return con


@pytest.fixture
def mapped(build):
    def run(lines, query):
        with staged(lines) as con:
            return build(con).sql(query).fetchall()

    return run


def test_an_invoice_is_an_order_delivered_when_it_was_invoiced(mapped):
    orders = mapped(
        [line("536365", 1, hours=1), line("536365", 2, hours=1.1), line("536366", customer=None)],
        "select order_id, customer_id, status, created_at, paid_at, fulfilled_at, delivered_at, currency "
        "from orders order by 1",
    )
    first = START + timedelta(hours=1)
    assert orders == [
        ("536365", "17850", "delivered", first, first, first, first, "GBP"),
        ("536366", None, "delivered", START, START, START, START, "GBP"),
    ]


def test_lines_that_are_no_sale_keep_their_reason_and_enter_no_feed(mapped):
    lines = [
        line("536365"),
        line("536365", 2, price="0"),
        line("536366", quantity=-5, price="0"),
        line("A563186", code="B", price="-11062.06"),
    ]
    kinds = "select invoice_no, line_number, kind, non_revenue_reason from online_retail_lines order by 1, 2"
    assert mapped(lines, kinds) == [
        ("536365", 1, "sale", None),
        ("536365", 2, "stock_adjustment", "price 0: nothing was charged"),
        ("536366", 1, "stock_adjustment", "price 0: stock written off"),
        ("A563186", 1, "bad_debt", "adjustment of bad debt"),
    ]
    assert mapped(lines, "select order_id from orders") == [("536365",)]
    assert mapped(lines, "select order_id, line_number from order_items") == [("536365", 1)]
    assert mapped(lines, "select return_id from returns") == []


def test_a_return_belongs_to_the_latest_earlier_sale_with_enough_left(mapped):
    lines = [
        line("1", quantity=10, hours=0),
        line("2", quantity=4, hours=1),
        line("C3", 1, quantity=-3, hours=2),
        line("C4", 1, quantity=-3, hours=3),
        line("C5", 1, quantity=-1, hours=4),
        line("C6", 1, quantity=-8, hours=5, price="2"),
        line("7", quantity=9, hours=5),
    ]
    found = "select return_id, order_id, line_number, quantity, refund_amount from returns order by 1"
    assert mapped(lines, found) == [
        ("C3-1", "2", 1, 3, Decimal("7.5")),
        ("C4-1", "1", 1, 3, Decimal("7.5")),
        ("C5-1", "2", 1, 1, Decimal("2.5")),
        ("C6-1", "C6", None, 8, Decimal(16)),
    ]
    credit_note = "select status, created_at, delivered_at from orders where order_id = 'C6'"
    assert mapped(lines, credit_note) == [
        ("returned", START + timedelta(hours=5), START + timedelta(hours=5))
    ]


def test_a_credit_note_is_an_order_only_when_a_line_of_it_is_unmatched(mapped):
    lines = [line("1"), line("C2", quantity=-1, hours=1), line("C3", quantity=-1, hours=2)]
    assert mapped(lines, "select order_id from orders order by 1") == [("1",), ("C3",)]


def test_stock_codes_match_in_any_case_and_guests_match_nothing(mapped):
    lines = [
        line("1", code="84969l"),
        line("C2", code="84969L", quantity=-1, hours=1),
        line("3", customer=None),
        line("C4", customer=None, quantity=-1, hours=1),
    ]
    assert mapped(lines, "select return_id, order_id from returns order by 1") == [
        ("C2-1", "1"),
        ("C4-1", "C4"),
    ]


def test_the_list_price_is_the_commonest_of_the_month_and_the_lower_at_a_tie(mapped):
    march = [line(str(n), price=price) for n, price in enumerate(("3", "2", "2", "3", "9"))]
    april = [
        line("50", price="4", hours=24 * 31, text=" CAKESTAND "),
        line("C51", code="D", quantity=-1, hours=24 * 31),
    ]
    prices = "select product_id, name, category, list_price, updated_at from products order by 1, 5"
    assert mapped([*march, *april], prices) == [
        ("22423", "CAKESTAND", "merchandise", Decimal(2), datetime(2011, 3, 1)),
        ("22423", "CAKESTAND", "merchandise", Decimal(4), datetime(2011, 4, 1)),
        ("D", "CAKESTAND", "service", None, datetime(2011, 4, 1)),
    ]


def test_a_clerks_note_names_no_product(mapped):
    notes = [line(str(n), price="0", text="damages") for n in range(3)]
    assert mapped([*notes, line("9")], "select name from products") == [("CAKESTAND",)]
    assert mapped(notes, "select name, list_price from products") == [(None, None)]


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("15056bl", "merchandise"),
        ("DCGS0003", "merchandise"),
        ("PADS", "merchandise"),
        ("POST", "service"),
        ("C2", "service"),
        ("gift_0001_20", "service"),
        ("BANK CHARGES", "service"),
        ("23444", "service"),
    ],
)
def test_codes_that_are_not_goods_are_services(mapped, code, category):
    assert mapped([line("1", code=code)], "select product_id, category from products") == [
        (code.upper(), category)
    ]


def test_a_customer_who_moves_has_a_version_per_country(mapped):
    lines = [line("2", hours=9, country="Norway"), line("1"), line("3", hours=9, country="Japan")]
    versions = "select customer_id, country, region, registered_at, updated_at from customers order by 5"
    assert mapped(lines, versions) == [
        ("17850", "United Kingdom", "United Kingdom", START, START),
        ("17850", "Japan", "Rest of world", START, START + timedelta(hours=9)),
    ]


few_lines = st.lists(
    st.tuples(
        st.booleans(), st.integers(1, 5), st.integers(0, 6), st.sampled_from("ab"), st.sampled_from("xXy")
    ),
    max_size=25,
)


@given(drawn=few_lines)
@settings(deadline=None, max_examples=60)
def test_matching_equals_the_greedy_model_on_any_lines(build, greedy, matched, drawn):
    lines = [
        line(f"{'C' * back}{n // 2}", n, quantity=-q if back else q, hours=hour, customer=customer, code=code)
        for n, (back, q, hour, customer, code) in enumerate(drawn)
    ]
    with staged([*lines, line("999")]) as con:
        build(con, "online_retail_lines", "online_retail_credits")
        assert matched(con) == greedy(con)
