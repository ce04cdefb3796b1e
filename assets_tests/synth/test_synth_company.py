"""The same plan makes the same bytes, and the truth's totals are those of the files."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lakehouse.synth.company import generate
from lakehouse.synth.plan import GeneratorPlan
from lakehouse.synth.truth import GroundTruth

REVENUE = ["paid", "fulfilled", "delivered", "returned"]
SMALL = GeneratorPlan(orders=300, start=date(2025, 1, 20), end=date(2025, 4, 10), seed=3, dirt=0.05)


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_same_seed_makes_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, plan in (("a", SMALL), ("b", SMALL), ("c", replace(SMALL, seed=4))):
        generate(plan, tmp_path / name / "landing")
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a == b
    assert a["landing/orders/orders_2025-02.csv"] != c["landing/orders/orders_2025-02.csv"]


@pytest.mark.parametrize(
    "days", [(date(2025, 2, 28), date(2025, 3, 1)), (date(2024, 12, 30), date(2025, 1, 3))]
)
@pytest.mark.parametrize("orders", [1, 40])
def test_the_smallest_companies_are_whole(tmp_path: Path, days: tuple[date, date], orders: int) -> None:
    truth = generate(GeneratorPlan(orders, *days, dirt=0.2), tmp_path / "landing")
    assert truth.totals["orders"]["total"] == orders


def test_the_truth_stands_beside_landing_and_reads_back(clean: Any) -> None:
    assert GroundTruth.read(clean.landing.parent / "ground_truth.json") == clean.truth


def test_the_truth_can_be_written_elsewhere(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    plan = replace(SMALL, foreign_share=0.0)
    generate(
        plan, tmp_path / "in", lambda feed, rows: seen.append((feed, rows)), truth_path=tmp_path / "t.json"
    )
    assert (tmp_path / "t.json").exists()
    assert {feed for feed, _ in seen} == {path.name for path in (tmp_path / "in").iterdir()}
    assert not (tmp_path / "in" / "fx_rates").exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"orders": 0}, "orders: expected at least 1, found 0"),
        ({"end": date(2025, 1, 20)}, "end: expected a day after start"),
        ({"seed": -1}, "seed: expected 0 or more"),
        ({"dirt": 0.7}, "dirt: expected a share between 0 and 0.5, found 0.7"),
    ],
)
def test_a_wrong_plan_says_what_was_expected(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **wrong)


def test_counts_are_those_of_the_files(clean: Any) -> None:
    totals, orders, lines = clean.truth.totals, clean.orders(), clean.table("order_items")
    assert orders.height == totals["orders"]["total"] == clean.plan.orders
    counted = dict(orders["status"].value_counts().iter_rows())
    assert counted == {status: n for status, n in totals["orders_by_status"].items() if n}
    assert orders["customer_id"].null_count() == totals["orders"]["guest"]
    assert orders.filter(pl.col("currency") == "GBP").height == totals["orders"]["foreign"] > 0
    assert totals["items"] == {"lines": lines.height, "units": lines["quantity"].cast(pl.Int64).sum()}
    customers, products = clean.table("customers"), clean.table("products")
    buyers = orders.filter(pl.col("status").is_in(REVENUE))["customer_id"].drop_nulls().n_unique()
    registered = customers["customer_id"].n_unique()
    assert totals["customers"] == {"versions": customers.height, "registered": registered, "buyers": buyers}
    assert totals["products"] == {
        "registered": products["product_id"].n_unique(),
        "versions": products.height,
    }
    moved = (
        clean.table("inventory_movements")
        .group_by("kind")
        .agg(pl.len(), pl.col("quantity").cast(pl.Int64).sum())
    )
    for kind, rows, units in moved.iter_rows():
        assert totals[f"movements_{kind}"] == {"rows": rows, "units": units}


def test_each_version_differs_from_the_one_before(clean: Any) -> None:
    for feed, key in (("customers", "customer_id"), ("products", "product_id")):
        told = clean.table(feed).sort(key, "updated_at")
        tracked = pl.struct(pl.exclude("updated_at"))
        assert told.select((tracked == tracked.shift()).fill_null(False).any()).item() is False


def rates_of(company: Any) -> dict[str, Decimal]:
    """The rate of each foreign order: the latest on or before its day."""
    foreign = company.orders().filter(pl.col("currency") == "GBP")
    days = foreign.select("order_id", date=pl.col("created_at").str.slice(0, 10)).sort("date")
    told = company.table("fx_rates").select("date", "rate").sort("date")
    joined = days.with_columns(pl.col("date").str.to_date()).join_asof(
        told.with_columns(pl.col("date").str.to_date()), on="date", tolerance="7d"
    )
    assert joined["rate"].null_count() == 0
    return {order: Decimal(rate) for order, rate in joined.select("order_id", "rate").iter_rows()}


def test_money_is_that_of_the_files_under_the_business_rules(clean: Any) -> None:
    rates = rates_of(clean)
    orders = {row["order_id"]: row for row in clean.orders().iter_rows(named=True)}
    sums: dict[str, Decimal] = defaultdict(Decimal)
    net: dict[tuple[str, str], tuple[Decimal, int]] = {}
    for line in clean.table("order_items").iter_rows(named=True):
        rate, quantity = rates.get(line["order_id"], Decimal(1)), int(line["quantity"])
        price, discount, tax = (
            rounded(Decimal(line[name]) * rate) for name in ("unit_price", "discount", "tax")
        )
        net[line["order_id"], line["line_number"]] = (price * quantity - discount - tax, quantity)
        currency = orders[line["order_id"]]["currency"]
        sums[f"gross {currency}"] += Decimal(line["unit_price"]) * quantity
        sums[f"tax {currency}"] += Decimal(line["tax"])
        if orders[line["order_id"]]["status"] in REVENUE:
            sums["gross"] += price * quantity
            sums["discount"] += discount
            sums["tax"] += tax

    granted: dict[str, Decimal] = defaultdict(Decimal)
    counted: dict[str, int] = defaultdict(int)
    taken: dict[tuple[str, str], tuple[Decimal, int]] = defaultdict(lambda: (Decimal(0), 0))
    for row in clean.table("returns").sort("returned_at", "return_id").iter_rows(named=True):
        place = (row["order_id"], row["line_number"])
        (line_net, bought), (paid, units) = net[place], taken[place]
        kind, refund = policy_refund(row, orders[row["order_id"]], line_net, bought, paid, units)
        if kind == "explicit":
            refund = rounded(Decimal(row["refund_amount"]) * rates.get(row["order_id"], Decimal(1)))
        units += int(row["quantity"]) if kind == "within_30_days" else 0
        taken[place] = (paid + refund, units)
        granted[kind] += refund
        counted[kind] += 1

    totals = clean.truth.totals
    for name in ("gross", "discount", "tax"):
        assert Decimal(totals["revenue"][name]) == sums[name]
    for currency in ("EUR", "GBP"):
        assert Decimal(totals[f"lines_{currency}"]["gross"]) == sums[f"gross {currency}"]
        assert Decimal(totals[f"lines_{currency}"]["tax"]) == sums[f"tax {currency}"]
    for kind in ("within_30_days", "after_30_days", "explicit"):
        told = totals[f"returns_{kind}"]
        assert (told["rows"], Decimal(told["refund"])) == (counted[kind], granted[kind])
        assert counted[kind] > 0
    refund = sum(granted.values(), Decimal(0))
    net_revenue = sums["gross"] - sums["discount"] - sums["tax"] - refund
    assert (Decimal(totals["revenue"]["refund"]), Decimal(totals["revenue"]["net"])) == (refund, net_revenue)


def policy_refund(
    row: dict[str, Any], order: dict[str, Any], net: Decimal, bought: int, paid: Decimal, units: int
) -> tuple[str, Decimal]:
    """Which rule a return falls under, and what the policy refunds after `paid` for `units` earlier units."""
    if row["refund_amount"] is not None:
        return "explicit", Decimal(0)
    returned, delivered = (
        datetime.fromisoformat(x).date() for x in (row["returned_at"], order["delivered_at"])
    )
    if (returned - delivered).days > 30:
        return "after_30_days", Decimal(0)
    before, upto = (rounded(net * min(q, bought) / bought) for q in (units, units + int(row["quantity"])))
    return "within_30_days", max(Decimal(0), min(upto - before, net - paid))


def test_cost_is_that_of_the_versions_at_the_time_of_each_order(clean: Any) -> None:
    sold = (
        clean.orders()
        .filter(pl.col("status").is_in(REVENUE))
        .join(clean.table("order_items"), on="order_id")
        .with_columns(pl.col("created_at").str.to_datetime())
        .sort("created_at")
    )
    versions = clean.table("products").select(
        "product_id",
        pl.col("updated_at").str.to_datetime(),
        (pl.col("unit_cost").cast(pl.Float64) * 100).round(),
    )
    costed = sold.join_asof(
        versions.sort("updated_at"),
        left_on="created_at",
        right_on="updated_at",
        by="product_id",
        check_sortedness=False,
    )
    cents = costed.select((pl.col("unit_cost") * pl.col("quantity").cast(pl.Int64)).sum()).item()
    assert Decimal(clean.truth.totals["revenue"]["cost"]) == Decimal(int(cents)) / 100
