"""meta_feeds: one row per configured feed, judged at the as-of date as the freshness check judges it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import duckdb
import pytest

from lakehouse.warehouse.feed_checks import freshness
from lakehouse.warehouse.publish import record_feeds

AS_OF = date(2026, 3, 1)


@pytest.fixture
def recorded(warehouse: duckdb.DuckDBPyConnection) -> Any:
    """Records the feeds at the as-of date, and gives the table by feed."""

    def record(*contracts: Any, as_of: date | None = AS_OF) -> dict[str, tuple[Any, ...]]:
        warehouse.execute("create or replace table run_settings (as_of_date date)")
        warehouse.execute("insert into run_settings values (?)", [as_of])
        record_feeds(warehouse, contracts)
        return {row[0]: row[1:] for row in warehouse.execute("from meta_feeds").fetchall()}

    return record


@pytest.mark.parametrize(
    ("newest", "age", "is_fresh"),
    [
        (datetime(2026, 3, 1, 23), 1.0, True),
        (datetime(2026, 2, 28, 22), 26.0, True),
        (datetime(2026, 2, 28, 21, 30), 26.5, False),
        (datetime(2026, 4, 1), 0.0, True),
    ],
)
def test_a_feed_is_as_fresh_as_its_check_says(
    warehouse: Any, recorded: Any, contract_of: Any, newest: datetime, age: float, is_fresh: Any
) -> None:
    warehouse.execute("insert into stg_sales values ('1', null, $1)", [newest])
    feeds = recorded(contract_of())
    assert feeds == {"sales": ("sales", "Sales.", "sold_at", newest, 26.0, age, is_fresh)}
    assert freshness(warehouse, contract_of(), AS_OF).passed is is_fresh


def test_a_feed_without_rows_a_limit_or_an_event_is_not_judged(
    warehouse: Any, recorded: Any, contract_of: Any
) -> None:
    feeds = recorded(
        contract_of(),
        contract_of(name="customers", event_time=None, freshness=None, references={}),
        contract_of(name="never_built"),
    )
    assert feeds["sales"][3:] == (None, 26.0, None, None)
    assert feeds["customers"][2:] == (None, None, None, None, None)
    assert feeds["never_built"][3:] == (None, 26.0, None, None)
    newest = datetime(2026, 1, 1)
    warehouse.execute("insert into stg_sales values ('1', null, $1)", [newest])
    assert recorded(contract_of(freshness=None))["sales"][3:] == (newest, None, None, None)
    assert recorded(contract_of(), as_of=None)["sales"][3:] == (newest, 26.0, None, None)


def test_the_table_holds_what_is_configured_now(recorded: Any, contract_of: Any) -> None:
    recorded(contract_of(), contract_of(name="gone"))
    assert list(recorded(contract_of())) == ["sales"]


def test_before_the_first_as_of_date_nothing_is_judged(warehouse: Any, contract_of: Any) -> None:
    record_feeds(warehouse, [contract_of()])
    assert warehouse.execute("select feed, is_fresh from meta_feeds").fetchall() == [("sales", None)]
