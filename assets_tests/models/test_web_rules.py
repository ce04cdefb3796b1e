"""Visits, visitors and who bought: given these events, links and orders, then those sessions and visitors."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

MODELS = ("fct_web_sessions", "dim_visitor", "fct_visitor_orders")


def _event(shop: Any, at: str, kind: str = "page_view", **values: object) -> None:
    number = shop.value("select count(*) from core_web_events")
    row = {"event_id": f"e{number:03d}", "visitor_id": "v1", "session_id": "s1", "kind": kind, **values}
    shop.add("web_events", **{**row, "occurred_at": at})


def test_a_session_is_told_by_its_first_event_and_counted_over_all(shop: Any) -> None:
    _event(shop, "2026-01-01 10:05:00", "add_to_cart", device="desktop", traffic_source="direct")
    _event(shop, "2026-01-01 10:00:00", device="mobile", traffic_source="social")
    _event(shop, "2026-01-01 10:01:00", device="mobile", country="DE")
    _event(shop, "2026-01-01 10:09:00", "purchase")
    shop.build(only=MODELS)
    assert shop.rows(
        "select session_id, visitor_id, started_at, ended_at, device, traffic_source, country, page_views, carts, "
        "purchases, signups from fct_web_sessions"
    ) == [
        (
            *("s1", "v1", datetime(2026, 1, 1, 10), datetime(2026, 1, 1, 10, 9)),
            *("mobile", "social", "DE", 2, 1, 1, 0),
        )
    ]


def test_events_of_one_second_are_in_the_order_of_their_numbers(shop: Any) -> None:
    _event(shop, "2026-01-01 10:00:00", event_id="b", device="desktop")
    _event(shop, "2026-01-01 10:00:00", event_id="a", device="mobile")
    shop.build(only=MODELS)
    assert shop.value("select device from fct_web_sessions") == "mobile"


def test_a_session_counts_on_the_business_day_it_started(shop: Any) -> None:
    shop.settings(business_time_zone="Europe/Berlin")
    _event(shop, "2026-01-04 23:30:00")
    _event(shop, "2026-01-05 00:30:00", session_id="s2")
    _event(shop, "2026-01-04 22:30:00", session_id="s3")
    shop.build(only=MODELS)
    assert shop.rows("select session_id, session_date, session_week from fct_web_sessions order by 1") == [
        ("s1", date(2026, 1, 5), date(2026, 1, 5)),
        ("s2", date(2026, 1, 5), date(2026, 1, 5)),
        ("s3", date(2026, 1, 4), date(2025, 12, 29)),
    ]


def test_crawlers_and_staff_are_marked_and_make_their_visitor_one(shop: Any) -> None:
    looks = (
        ("v1", {"browser": "Googlebot"}),
        ("v2", {"browser": "HeadlessChrome"}),
        ("v3", {"device": "Bot"}),
        ("v4", {"traffic_source": "Internal", "browser": "Chrome"}),
        ("v5", {"browser": "Chrome", "device": "mobile", "traffic_source": "email"}),
        ("v6", {}),
    )
    for visitor, look in looks:
        _event(shop, "2026-01-01", visitor_id=visitor, session_id=f"{visitor}-1", **look)
        _event(shop, "2026-01-02", visitor_id=visitor, session_id=f"{visitor}-2")
    shop.build(only=MODELS)
    expected = [
        *[("v1", True, False), ("v2", True, False), ("v3", True, False)],
        *[("v4", False, True), ("v5", False, False), ("v6", False, False)],
    ]
    assert shop.rows("select visitor_id, is_bot, is_internal from dim_visitor order by 1") == expected
    assert shop.value("select count(*) from fct_web_sessions where is_bot or is_internal") == 4


def test_a_visitor_looks_as_at_first_whatever_comes_later(shop: Any) -> None:
    _event(shop, "2026-01-02", session_id="s2", device="desktop", country="FR", region="Brittany")
    _event(shop, "2026-01-01", session_id="s1", device="mobile", country="DE")
    shop.build(only=MODELS)
    assert shop.rows("select visitor_id, first_seen_at, device, country, region from dim_visitor") == [
        ("v1", datetime(2026, 1, 1), "mobile", "DE", "Brittany")
    ]


def test_a_visitor_is_known_from_a_session_a_link_or_an_exposure(shop: Any) -> None:
    _event(shop, "2026-01-03", visitor_id="seen")
    shop.add("visitor_identities", visitor_id="linked", customer_id="c", linked_at="2026-01-02")
    shop.add(
        "experiment_exposures",
        experiment_id="x",
        visitor_id="exposed",
        variant="control",
        exposed_at="2026-01-01",
    )
    shop.add(
        "experiment_exposures", experiment_id="x", visitor_id="seen", variant="control", exposed_at="2026-01-04"
    )  # fmt: skip
    shop.build(only=MODELS)
    assert shop.rows(
        "select visitor_id, customer_id, first_seen_at, is_bot, is_internal from dim_visitor order by 1"
    ) == [
        ("exposed", None, datetime(2026, 1, 1), False, False),
        ("linked", "c", datetime(2026, 1, 2), False, False),
        ("seen", None, datetime(2026, 1, 3), False, False),
    ]


def test_a_visitor_is_the_customer_it_was_first_found_to_be_for_its_whole_life(shop: Any) -> None:
    _event(shop, "2026-01-01")
    _event(shop, "2026-01-05", session_id="s2")
    shop.add("visitor_identities", visitor_id="v1", customer_id="later", linked_at="2026-01-04")
    shop.add("visitor_identities", visitor_id="v1", customer_id="first", linked_at="2026-01-03")
    shop.build(only=MODELS)
    assert shop.rows("select session_id, customer_id from fct_web_sessions order by 1") == [
        ("s1", "first"),
        ("s2", "first"),
    ]
    assert shop.value("select customer_id from dim_visitor") == "first"


def test_an_order_is_its_customers_latest_visitors_and_the_first_ones_before_any_link(shop: Any) -> None:
    shop.add("visitor_identities", visitor_id="phone", customer_id="c", linked_at="2026-01-10")
    shop.add("visitor_identities", visitor_id="laptop", customer_id="c", linked_at="2026-01-20")
    for number, on in enumerate(("2026-01-05", "2026-01-10", "2026-01-19", "2026-01-25"), start=1):
        shop.sell(f"o{number}", on, customer_id="c")
    shop.build(only=MODELS)
    assert shop.rows("select order_id, visitor_id from fct_visitor_orders order by 1") == [
        ("o1", "phone"),
        ("o2", "phone"),
        ("o3", "phone"),
        ("o4", "laptop"),
    ]


def test_only_purchases_of_linked_customers_are_visitors_orders(shop: Any) -> None:
    shop.settings(reporting_currency="EUR")
    shop.add("visitor_identities", visitor_id="v1", customer_id="c", linked_at="2026-01-01")
    shop.sell("bought", "2026-01-02", customer_id="c", quantity=2, discount=15, tax=20)
    shop.sell("cancelled", "2026-01-03", customer_id="c", status="cancelled")
    shop.sell("guest", "2026-01-04")
    shop.sell("stranger", "2026-01-05", customer_id="unlinked")
    shop.sell("unconverted", "2026-01-06", customer_id="c", currency="JPY")
    shop.add("returns", return_id="r1", order_id="bought", returned_at="2026-01-10", refund_amount=50)
    shop.build(only=MODELS)
    assert shop.rows("select order_id, units, order_value, refund, net_revenue from fct_visitor_orders") == [
        ("bought", 2, Decimal("185.0000"), Decimal("50.0000"), Decimal("115.0000"))
    ]
    assert shop.failures("fct_visitor_orders") == []


def test_the_web_tells_the_as_of_date_only_where_there_is_no_trade(new_shop: Any) -> None:
    alone = new_shop()
    _event(alone, "2026-03-05 10:00:00")
    alone.add("bookings", booking_id="b", customer_id="c", booked_at="2026-03-07", kind="new")
    alone.build(only=MODELS)
    assert alone.value("select as_of_date from run_settings") == date(2026, 3, 7)
    beside = new_shop()
    _event(beside, "2026-03-05 10:00:00")
    beside.sell("o1", "2026-01-02")
    beside.build(only=MODELS)
    assert beside.value("select as_of_date from run_settings") == date(2026, 1, 2)


def test_a_lost_event_is_noticed(shop: Any) -> None:
    _event(shop, "2026-01-01")
    _event(shop, "2026-01-01 00:00:05", "signup")
    shop.build(only=MODELS)
    assert shop.failures("fct_web_sessions") == []
    shop.connection.execute("update fct_web_sessions set signups = 0")
    assert shop.failures("fct_web_sessions") == ["no_event_lost"]
