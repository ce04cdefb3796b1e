"""A synthetic company with planted dirt through the public path: the tables equal its ground truth exactly.

The truth is counted by the generator in whole numbers, the tables by SQL: they judge each other.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import pytest

from lakehouse.warehouse.checks import checks_of, run_check


def test_quarantine_is_what_was_planted_row_for_row(company: Any) -> None:
    planted = {
        # A line counts the header, a row number doesn't.
        (file.feed, file.file, row.line - 1)
        for file in company.truth.files
        for row in file.bad
        if file.copy_of is None
    }
    found = company.rows("select feed, file, row_number, len(reasons) from quarantine")
    assert planted
    assert len(found) == len(planted)
    assert {tuple(row[:3]) for row in found} == planted
    assert all(row[3] >= 1 for row in found)


def test_every_file_is_accounted_for(company: Any) -> None:
    files = company.truth.files
    found = {
        file: (rows, quarantined, resent, landed)
        for file, rows, quarantined, resent, landed in company.rows(
            "select file, rows, quarantined, resent, staged + superseded + resent + quarantined from meta_files"
        )
    }
    assert set(found) == {file.file for file in files}
    for file in files:
        rows, quarantined, resent, accounted = found[file.file]
        assert rows == accounted == file.rows, file.file
        assert quarantined == (0 if file.copy_of else len(file.bad)), file.file
        assert resent == (file.rows if file.copy_of else 0), file.file
    assert any(file.copy_of for file in files)
    assert any(file.late_from for file in files)


MONEY = {
    "gross": "sum(gross_revenue)", "discount": "sum(discount)", "tax": "sum(tax)", "refund": "sum(refund)",
    "net": "sum(net_revenue)", "cost": "sum(cost)",
}  # fmt: skip


def test_revenue_is_that_of_the_truth_to_the_last_decimal(company: Any) -> None:
    told = company.truth.totals["revenue"]
    listed = ", ".join(MONEY.values())
    found = company.published(f"select {listed} from fct_orders")[0]
    assert dict(zip(MONEY, found, strict=True)) == {name: Decimal(told[name]) for name in MONEY}
    assert company.published("select count(*) from fct_orders where is_revenue") == [(told["orders"],)]
    assert company.published("select count(*), sum(quantity) from fct_order_items where is_revenue") == [
        (told["lines"], told["units"])
    ]
    days = [expression for name, expression in MONEY.items() if name != "cost"]
    assert company.published(f"select {', '.join(days)} from fct_revenue_daily") == [found[:5]]


def test_orders_are_those_of_the_truth(company: Any) -> None:
    totals = company.truth.totals
    found = dict(company.published("select status, count(*) from fct_orders group by 1"))
    assert found == {status: count for status, count in totals["orders_by_status"].items() if count}
    told = totals["orders"]
    assert company.published(
        "select count(*), count(*) filter (where customer_id is null), "
        "count(*) filter (where currency <> 'EUR') from fct_orders"
    ) == [(told["total"], told["guest"], told["foreign"])]
    assert company.published("select count(*), sum(quantity) from fct_order_items") == [
        (totals["items"]["lines"], totals["items"]["units"])
    ]


@pytest.mark.parametrize(
    ("topic", "condition"),
    [
        ("returns", "true"),
        ("returns_within_30_days", "not is_explicit and is_refundable"),
        ("returns_after_30_days", "not is_explicit and not is_refundable"),
        ("returns_explicit", "is_explicit"),
    ],
)
def test_refunds_are_those_of_the_truth(company: Any, topic: str, condition: str) -> None:
    told = company.truth.totals[topic]
    assert told["rows"] > 0
    assert company.published(
        f"select count(*), sum(quantity), sum(refund_amount) from fct_returns where {condition}"
    ) == [(told["rows"], told["units"], Decimal(told["refund"]))]


def test_stock_at_the_end_is_that_of_the_truth(company: Any) -> None:
    told = company.truth.totals["stock"]
    assert company.published(
        "select count(*), sum(on_hand), sum(allocated), count(*) filter (where is_at_risk) "
        "from fct_inventory_daily where date = (select as_of_date from run_settings)"
    ) == [(told["products"], told["on_hand"], told["allocated"], told["at_risk"])]
    assert company.published("select count(*) from inventory_alerts where resolved_on is null") == [
        (told["at_risk"],)
    ]


def test_dimensions_hold_every_version_also_those_that_came_out_of_order(company: Any) -> None:
    totals = company.truth.totals
    assert company.published("select count(*), count(distinct product_id) from dim_product") == [
        (totals["products"]["versions"], totals["products"]["registered"])
    ]
    assert company.published("select count(*), count(distinct customer_id) from dim_customer") == [
        (totals["customers"]["versions"], totals["customers"]["registered"])
    ]
    overtaken = company.truth.out_of_order_versions
    assert overtaken
    found = set(
        company.published("select product_id, valid_from::varchar, valid_to::varchar from dim_product")
    )
    assert {(version.product_id, version.updated_at, version.overtaken_by) for version in overtaken} <= found


def test_all_buyers_are_in_a_cohort(company: Any) -> None:
    assert company.published("select sum(customers) from fct_cohort_ltv where window_days = 7") == [
        (company.truth.totals["customers"]["buyers"],)
    ]


def test_visits_and_visitors_are_those_of_the_truth(company: Any) -> None:
    told = company.truth.totals["web"]
    columns = {"views": "page_views", "signup": "signups", "activation": "activations", "cart": "carts"}
    columns |= {"checkout": "checkouts", "purchase": "purchases"}
    listed = ", ".join(f"sum({column})" for column in columns.values())
    assert company.published(f"select count(*), {listed} from fct_web_sessions") == [
        (told["sessions"], *(told[name] for name in columns))
    ]
    assert company.published("select count(*) from dim_visitor") == [(told["visitors"],)]


def test_recurring_revenue_is_that_of_the_truth(company: Any) -> None:
    totals = company.truth.totals
    kinds = ("new", "expansion", "contraction", "churn", "renewal")
    told = {kind: totals[f"bookings_{kind}"] for kind in kinds}
    assert dict(company.published("select kind, count(*) from fct_bookings group by 1")) == {
        kind: one["rows"] for kind, one in told.items() if one["rows"]
    }
    listed = ", ".join(f"sum({kind}_mrr)" for kind in kinds)
    assert company.published(f"select {listed} from fct_mrr_daily") == [
        tuple(Decimal(told[kind]["mrr"]) for kind in kinds)
    ]
    assert company.published("select closing_mrr from fct_mrr_daily order by date desc limit 1") == [
        (sum(Decimal(told[kind]["mrr"]) for kind in kinds if kind != "renewal"),)
    ]


def test_everybody_exposed_is_a_visitor_of_the_web(company: Any) -> None:
    told = {one["id"]: one for one in company.truth.experiments if one["design"] == "randomized"}
    assert {"onboarding_checklist", "checkout_one_page", "homepage_video"} <= set(told)
    found = company.rows("select experiment_id, count(*) from core_experiment_exposures group by 1")
    assert dict(found) == {name: one["exposures"] for name, one in told.items()}
    by_visitor = company.rows(
        "select experiment_id, count(distinct visitor_id) from core_experiment_exposures group by 1"
    )
    assert all(
        count == told[name]["units_seen"] for name, count in by_visitor if told[name]["unit"] == "visitor"
    )
    assert company.rows(
        "select count(*) from core_experiment_exposures where visitor_id not in (select visitor_id from fct_web_sessions)"
    ) == [(0,)]


def test_every_error_level_check_of_every_table_holds(company: Any) -> None:
    checks = [check for model in company.catalog.models for check in checks_of(model)]
    with duckdb.connect(str(company.settings.paths.warehouse), read_only=True) as connection:
        failing = {
            f"{check.model}.{check.name}": verdict.failures
            for check in checks
            if check.severity == "error" and not (verdict := run_check(connection, check, frozenset())).passed
        }
    assert len(checks) > 100
    assert failing == {}


def test_readers_have_their_copy_their_exports_and_the_report(company: Any) -> None:
    assert company.published("select count(*) from meta_runs") == [(1,)]
    assert (company.settings.paths.exports / "fct_revenue_daily.parquet").exists()
    assert (company.settings.paths.reports_dir / "commerce.html").exists()
