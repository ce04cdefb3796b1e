"""The company on the web: visits are whole, buyers are the orders' customers, subscriptions add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lakehouse.synth.company import generate
from lakehouse.synth.geography import CAMPAIGN_REGIONS, REGIONS_OF_VISITS
from lakehouse.synth.plan import GeneratorPlan

SMALL = GeneratorPlan(orders=300, start=date(2025, 1, 20), end=date(2025, 4, 10), seed=3, dirt=0.05)


@pytest.fixture(scope="module")
def sessions(clean: Any) -> pl.DataFrame:
    """One row per session, its events counted by kind."""
    events = clean.table("web_events").sort("occurred_at", "event_id")
    kinds = ("page_view", "signup", "activation", "add_to_cart", "checkout", "purchase")
    return events.group_by("session_id", maintain_order=True).agg(
        pl.col("visitor_id").first(),
        pl.col("visitor_id").n_unique().alias("visitors"),
        pl.col("occurred_at").min().alias("started_at"),
        pl.col("occurred_at").max().alias("ended_at"),
        pl.struct("device", "browser", "country", "region", "traffic_source").n_unique().alias("faces"),
        pl.col("kind").first().alias("first"),
        pl.col("kind").last().alias("last"),
        *((pl.col("kind") == kind).sum().alias(kind) for kind in kinds),
    )


def test_the_shops_own_feeds_know_nothing_of_the_web(tmp_path: Path) -> None:
    contents = []
    for name, visitors in (("with", 4.0), ("without", 0.0)):
        truth = generate(replace(SMALL, visitors_per_order=visitors), tmp_path / name / "landing")
        assert bool(truth.experiments) is (visitors > 0)
        folder = tmp_path / name / "landing"
        contents.append({str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.csv")})
    both, shop = contents
    assert {name: both[name] for name in shop} == shop
    assert {name.split("/")[0] for name in both.keys() - shop.keys()} == {
        *("web_events", "visitor_identities", "experiment_exposures", "bookings")
    }


def test_about_four_visitors_come_for_each_order_of_a_small_plan_and_fewer_in_a_large_one(clean: Any) -> None:
    ratio = clean.truth.totals["web"]["visitors"] / clean.plan.orders
    assert 3.5 < ratio < 4.6


def test_counts_are_those_of_the_files(clean: Any, sessions: pl.DataFrame) -> None:
    told = clean.truth.totals["web"]
    assert told["events"] == clean.table("web_events").height
    assert told["sessions"] == sessions.height
    assert told["visitors"] == sessions["visitor_id"].n_unique()
    names = {"views": "page_view", "cart": "add_to_cart"}
    for name in ("views", "signup", "activation", "cart", "checkout", "purchase"):
        assert told[name] == sessions[names.get(name, name)].sum(), name


def test_a_session_is_one_visitors_and_begins_with_a_page(clean: Any, sessions: pl.DataFrame) -> None:
    assert sessions["visitors"].max() == sessions["faces"].max() == 1
    assert set(sessions["first"]) == {"page_view"}
    assert set(sessions.filter(pl.col("purchase") > 0)["last"]) == {"purchase"}
    assert sessions["started_at"].min() >= str(clean.plan.start)
    assert sessions["ended_at"].max() < str(clean.plan.end)


def test_every_online_order_is_the_end_of_a_session_of_its_customer(
    clean: Any, sessions: pl.DataFrame
) -> None:
    online = clean.orders().filter(pl.col("channel").is_in(["web", "app"]))
    links = clean.table("visitor_identities")
    bought = sessions.filter(pl.col("purchase") > 0).join(links, on="visitor_id", how="left")
    assert bought.height == online.height
    known = online.drop_nulls("customer_id").select("customer_id", ended_at="created_at")
    assert known.join(bought, on=["customer_id", "ended_at"], how="anti").height == 0
    assert bought["customer_id"].null_count() == online["customer_id"].null_count()


def test_regions_are_of_about_one_size_and_a_third_hears_the_campaign(sessions: pl.DataFrame) -> None:
    assert len(set(REGIONS_OF_VISITS)) == len(REGIONS_OF_VISITS) == 3 * len(CAMPAIGN_REGIONS)
    assert set(CAMPAIGN_REGIONS) < set(REGIONS_OF_VISITS)


def test_devices_do_not_tell_buyers_from_others(clean: Any, sessions: pl.DataFrame) -> None:
    devices = clean.table("web_events").group_by("session_id").agg(pl.col("device").first())
    joined = sessions.join(devices, on="session_id")
    people = joined.group_by("visitor_id").agg(pl.col("device").first(), buys=pl.col("purchase").max() > 0)
    rates = people.group_by("device").agg(pl.col("buys").mean(), pl.len())
    spread = np.sqrt(0.17 * 0.83 / rates["len"].to_numpy())
    assert np.all(np.abs(rates["buys"].to_numpy() - people["buys"].mean()) < 4 * spread)


def test_bots_and_staff_visit_and_buy_nothing(clean: Any) -> None:
    events = clean.table("web_events")
    machines = events.filter(pl.col("browser").is_in(["Googlebot", "HeadlessChrome"]))
    staff = events.filter(pl.col("traffic_source") == "internal")
    share = machines["visitor_id"].n_unique() / events["visitor_id"].n_unique()
    assert 0.008 < share < 0.022
    assert staff.height > 0
    assert "purchase" not in set(machines["kind"]) | set(staff["kind"])


def test_subscriptions_begin_go_on_and_end(clean: Any) -> None:
    booked = clean.table("bookings").with_columns(
        pl.col("monthly_recurring_revenue", "amount").cast(pl.Decimal(18, 4))
    )
    assert booked["booked_at"].is_sorted()
    of_customer = booked.group_by("customer_id", maintain_order=True).agg(
        first=pl.col("kind").first(),
        begun=(pl.col("kind") == "new").sum(),
        ended=(pl.col("kind") == "churn").sum(),
        last=pl.col("kind").last(),
        mrr=pl.col("monthly_recurring_revenue").filter(pl.col("kind") != "renewal").sum(),
    )
    assert set(of_customer["first"]) == {"new"}
    assert of_customer["begun"].max() == 1
    gone = pl.col("ended") > 0
    assert set(of_customer.filter(gone)["last"]) == {"churn"}
    assert of_customer.filter(gone)["mrr"].max() == 0
    assert of_customer.filter(~gone)["mrr"].min() > 0


def test_totals_of_bookings_are_those_of_the_file(clean: Any) -> None:
    booked = clean.table("bookings").group_by("kind").agg(
        pl.len(), *(pl.col(name).cast(pl.Decimal(18, 4)).sum() for name in ("monthly_recurring_revenue", "amount"))
    )  # fmt: skip
    for kind, rows, mrr, amount in booked.iter_rows():
        assert clean.truth.totals[f"bookings_{kind}"] == {
            "rows": rows,
            "mrr": str(mrr),
            "amount": str(amount),
        }
