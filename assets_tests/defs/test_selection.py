"""What a person may write to select assets, and what that names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lakehouse.defs.build import build_definitions
from lakehouse.defs.selection import select_assets


@pytest.fixture(scope="module")
def definitions(catalog: Any, lake_at: Any) -> dg.Definitions:
    return build_definitions(lake_at(Path("nowhere")).settings, catalog)


@pytest.fixture
def select(definitions: dg.Definitions) -> Any:
    return lambda text: {key.to_user_string() for key in select_assets(definitions, text)}


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("fct_orders", 'key:"fct_orders"'),
        ("+fct_orders", '+key:"fct_orders"'),
        ("1+fct_orders", '1+key:"fct_orders"'),
        ("stg_orders+", 'key:"stg_orders"+'),
        ("fct_orders fct_returns", 'key:"fct_orders" or key:"fct_returns"'),
        ("fct_orders, +fct_returns", 'key:"fct_orders" or +key:"fct_returns"'),
        ("+fct_orders and stg_returns+", '+key:"fct_orders" and key:"stg_returns"+'),
        ("stg_*", "key:stg_*"),
    ],
)
def test_plain_names_mean_what_the_full_syntax_says(select: Any, text: str, full: str) -> None:
    assert select(text) == select(full) != set()


def test_what_feeds_a_table_begins_at_raw_files(select: Any) -> None:
    assert {"raw_orders", "stg_orders", "core_orders", "order_terms"} <= select("+fct_orders")
    assert {"fct_orders", "fct_revenue_daily", "published_marts", "commerce_report"} <= select("stg_orders+")


def test_the_star_and_groups_are_understood(select: Any) -> None:
    assert {"raw_orders", "commerce_report"} <= select("*")
    reports = {"anomalies_report", "commerce_report", "experiments_report", "operations_report"}
    assert select("group:reports") == select('group:"reports"') == reports


@pytest.mark.parametrize("text", ["fct_order", "group:fact", "((", "", "and", "fct_orders or group:"])
def test_what_names_nothing_is_told_with_what_to_write(select: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"expected assets to select, found .*Write a name \(fct_orders\)"):
        select(text)
