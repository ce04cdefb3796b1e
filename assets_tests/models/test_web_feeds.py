"""The web's feeds through the public path: landed rows become tables, and a lake without them is as it was."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

TABLES = ("fct_web_sessions", "dim_visitor", "fct_visitor_orders", "fct_bookings", "fct_mrr_daily")

BUILT = "+fct_web_sessions +fct_visitor_orders +fct_mrr_daily"


def test_a_lake_without_the_web_has_empty_tables_and_late_feeds_are_not_judged(lake: Any) -> None:
    lake.land("orders", {})
    lake.land("order_items", {})
    lake.run()
    assert [lake.published(f"select count(*) from {table}") for table in TABLES] == [[(0,)]] * len(TABLES)
    judged = lake.published("select feed, is_fresh from meta_feeds where feed in ('web_events', 'bookings')")
    assert sorted(judged) == [("bookings", None), ("web_events", None)]


def test_rows_that_break_the_contracts_are_kept_in_quarantine(lake: Any) -> None:
    lake.land("web_events", {}, {"event_id": "e2", "kind": "teleport"}, {"event_id": "e3", "visitor_id": ""})
    lake.land("visitor_identities", {}, {"customer_id": ""})
    lake.land("experiment_exposures", {}, {"visitor_id": "v2"}, {"variant": ""})
    lake.land(
        "bookings",
        {},
        {"booking_id": "b2", "kind": "churn", "monthly_recurring_revenue": "5"},
        {"booking_id": "b3", "kind": "renewal", "monthly_recurring_revenue": "-5"},
        {"booking_id": "b4", "kind": "expansion", "monthly_recurring_revenue": "0"},
    )
    feeds = ("web_events", "visitor_identities", "experiment_exposures", "bookings")
    lake.run(" ".join(f"+stg_{feed}" for feed in feeds), is_good=False)
    assert [lake.rows(f"select count(*) from stg_{feed}") for feed in feeds] == [
        [(1,)],
        [(1,)],
        [(2,)],
        [(2,)],
    ]
    assert sorted(lake.rows("select feed, count(*) from quarantine group by 1")) == [
        ("bookings", 2),
        ("experiment_exposures", 1),
        ("visitor_identities", 1),
        ("web_events", 2),
    ]


def test_a_resent_event_is_one_event_and_a_corrected_booking_stands(lake: Any) -> None:
    lake.land("orders", {})
    lake.land("order_items", {})
    lake.land("customers", {})
    lake.land("visitor_identities", {})
    lake.land("web_events", {}, {"event_id": "e2", "kind": "signup", "occurred_at": "2026-01-01 09:01:00"})
    lake.land("bookings", {})
    lake.run(BUILT)
    lake.land("web_events", {})
    lake.land("bookings", {"monthly_recurring_revenue": "35", "amount": "35"})
    lake.run(BUILT)
    assert lake.rows("select page_views, signups, customer_id from fct_web_sessions") == [(1, 1, "c1")]
    assert lake.rows("select order_id, visitor_id, order_value from fct_visitor_orders") == [
        ("o1", "v1", Decimal("80.0000"))
    ]
    assert lake.rows("select distinct closing_mrr, customers from fct_mrr_daily") == [(Decimal("35.0000"), 1)]
