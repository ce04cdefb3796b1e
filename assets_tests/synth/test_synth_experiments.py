"""What is planted in the experiments can be found again, and the truth about it is told right.

Estimates are made here from the landed rows with plain frames, so that they judge the generator and the models on
their own. Effects of one assignment differ from the truth by chance only: bounds are some standard errors wide.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from scipy import stats

import lakehouse
from lakehouse.synth.campaign import END, START
from lakehouse.synth.company import generate
from lakehouse.synth.designs import CAMPAIGN, DESIGNS, Design
from lakehouse.synth.effects import MEASURES
from lakehouse.synth.geography import CAMPAIGN_REGIONS
from lakehouse.synth.plan import GeneratorPlan
from lakehouse.synth.trials import Known, chances_of

REGISTRY = Path(lakehouse.__file__).parent / "experiments"
BY_ID = {design.id: design for design in DESIGNS}
VISITOR_DESIGNS = [design for design in DESIGNS if design.unit == "visitor"]


@pytest.fixture(scope="module")
def truth(clean: Any) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in clean.truth.experiments}


@pytest.fixture(scope="module")
def visits(clean: Any) -> pl.DataFrame:
    """One row per session with its visitor's looks and what happened."""
    events = clean.table("web_events")
    return events.group_by("session_id").agg(
        pl.col("visitor_id", "device", "browser", "country", "region", "traffic_source").first(),
        pl.col("occurred_at").min().alias("started_at"),
        pl.col("occurred_at").max().alias("ended_at"),
        purchase=(pl.col("kind") == "purchase").any(),
        activation=(pl.col("kind") == "activation").any(),
    )


def units_of(clean: Any, visits: pl.DataFrame, design: Design) -> pl.DataFrame:
    """Every visitor exposed within the window: first variant and time, and whether it is eligible."""
    shown = clean.table("experiment_exposures").filter(
        (pl.col("experiment_id") == design.id)
        & (pl.col("exposed_at") >= str(design.start))
        & (pl.col("exposed_at") < str(design.end))
    )
    looks = visits.unique("visitor_id").select(
        "visitor_id",
        "device",
        is_fit=~pl.col("browser").str.contains("bot|Headless")
        & (pl.col("traffic_source") != "internal")
        & (pl.col("country") != (design.without_country or "")),
    )
    return (
        shown.sort("exposed_at")
        .group_by("visitor_id", maintain_order=True)
        .agg(
            pl.col("variant").first(),
            pl.col("exposed_at").first(),
            is_mixed=pl.col("variant").n_unique() > 1,
        )
        .join(looks, on="visitor_id")
    )


def rates_of(visits: pl.DataFrame, units: pl.DataFrame, outcome: str) -> dict[str, tuple[int, float]]:
    """Per variant the eligible units and the share of them with the outcome within 14 days."""
    fit = units.filter(pl.col("is_fit") & ~pl.col("is_mixed"))
    did = visits.filter(pl.col(outcome)).select("visitor_id", "ended_at")
    until = pl.col("exposed_at").str.to_datetime() + timedelta(days=14)
    within = fit.join(did, on="visitor_id").filter(
        (pl.col("ended_at") >= pl.col("exposed_at")) & (pl.col("ended_at").str.to_datetime() < until)
    )
    counted = fit.with_columns(done=pl.col("visitor_id").is_in(within["visitor_id"].implode()))
    rates = counted.group_by("variant").agg(pl.len(), pl.col("done").mean())
    return {variant: (n, rate) for variant, n, rate in rates.iter_rows()}


def error(one: tuple[int, float], other: tuple[int, float]) -> float:
    return float(np.sqrt(sum(rate * (1 - rate) / n for n, rate in (one, other))))


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.id)
def test_the_registry_describes_the_experiment_that_is_run(design: Design) -> None:
    told = yaml.safe_load((REGISTRY / "registry" / f"{design.id}.yaml").read_text(encoding="utf-8"))
    assert (told["start"], told["end"], told["unit"]) == (design.start, design.end, design.unit)
    assert (told["variants"], told["control"]) == (design.shares, design.variants[0])
    assert told["metrics"]["primary"] == design.primary
    listed = [name for names in list(told["metrics"].values())[1:] for name in names]
    assert {design.primary, *listed} <= {*design.metrics}
    rules = told["eligibility"].get("rules", [])
    assert rules == ([f"country <> '{design.without_country}'"] if design.without_country else [])


def test_the_registry_describes_the_campaign() -> None:
    told = yaml.safe_load((REGISTRY / "registry" / f"{CAMPAIGN}.yaml").read_text(encoding="utf-8"))
    assert (told["start"], told["end"]) == (START, END)
    assert all(f"'{region}'" in told["panel"]["treated"] for region in CAMPAIGN_REGIONS)
    assert told["panel"]["treated"].count("'") == 2 * len(CAMPAIGN_REGIONS)


def test_the_truth_measures_what_the_metrics_say() -> None:
    metrics = yaml.safe_load((REGISTRY / "metrics.yaml").read_text(encoding="utf-8"))
    sources = {"sessions": "fct_web_sessions", "orders": "fct_visitor_orders", "bookings": "fct_bookings"}
    assert MEASURES.keys() | {"weekly_sessions"} == metrics.keys()
    for name, measure in MEASURES.items():
        metric = metrics[name]
        told = (metric.get("window_days"), metric.get("winsorize"), metric.get("quantile"))
        assert told == (measure.window_days, measure.winsorize, measure.quantile), name
        assert metric["source"] == sources[measure.log]
        assert (metric["kind"] == "proportion", metric["kind"] == "ratio") == (
            measure.is_share,
            measure.denominator is not None,
        )


@pytest.mark.parametrize("design", VISITOR_DESIGNS, ids=lambda design: design.id)
def test_units_are_told_exactly(
    clean: Any, visits: pl.DataFrame, truth: dict[str, dict[str, Any]], design: Design
) -> None:
    told, units = truth[design.id], units_of(clean, visits, design)
    rows = clean.table("experiment_exposures").filter(pl.col("experiment_id") == design.id)
    assert told["exposures"] == rows.height
    assert told["units_seen"] == rows["visitor_id"].n_unique()
    assert told["units_outside"] == rows["visitor_id"].n_unique() - units.height
    assert told["units_not_eligible"] == units.filter(~pl.col("is_fit")).height
    fit = units.filter("is_fit")
    assert told["units_contaminated"] == fit.filter("is_mixed").height
    counted = dict(fit.filter(~pl.col("is_mixed"))["variant"].value_counts().iter_rows())
    assert told["units"] == counted


@pytest.mark.parametrize("design", VISITOR_DESIGNS, ids=lambda design: design.id)
def test_the_assignment_that_chance_made_shows_the_true_effect(
    clean: Any, visits: pl.DataFrame, truth: dict[str, dict[str, Any]], design: Design
) -> None:
    outcome = {"activation": "activation", "purchase": "purchase"}[design.outcome]
    rates = rates_of(visits, units_of(clean, visits, design), outcome)
    told = truth[design.id]["effects"][design.primary]
    control = rates[design.variants[0]]
    for variant in design.variants[1:]:
        found = rates[variant][1] - control[1]
        assert abs(found - told["variants"][variant]["effect"]) < 3.5 * error(rates[variant], control)


@pytest.mark.parametrize("design", VISITOR_DESIGNS, ids=lambda design: design.id)
def test_only_the_broken_split_is_broken(truth: dict[str, dict[str, Any]], design: Design) -> None:
    told = truth[design.id]["units"]
    expected = [share * sum(told.values()) for share in design.shares.values()]
    p = stats.chisquare([told[variant] for variant in design.variants], expected).pvalue
    assert bool(p < 0.001) is bool(design.lost)


def test_contamination_is_rare_but_where_it_is_planted(truth: dict[str, dict[str, Any]]) -> None:
    for design in VISITOR_DESIGNS:
        told = truth[design.id]
        share = told["units_contaminated"] / (told["units_contaminated"] + sum(told["units"].values()))
        assert share > 0.08 if design.id == "personal_recommendations" else share < 0.01


def test_what_came_before_an_experiment_is_balanced(clean: Any, visits: pl.DataFrame) -> None:
    for design in VISITOR_DESIGNS:
        units = units_of(clean, visits, design)
        earlier = visits.filter(pl.col("started_at") < str(design.start))["visitor_id"].implode()
        known = units.with_columns(known=pl.col("visitor_id").is_in(earlier))
        rates = {v: (n, r) for v, n, r in known.group_by("variant").agg(pl.len(), pl.col("known").mean()).iter_rows()}  # fmt: skip
        control = rates[design.variants[0]]
        for variant in design.variants[1:]:
            assert abs(rates[variant][1] - control[1]) < 4 * max(error(rates[variant], control), 1e-3)


def test_the_effect_of_a_segment_is_nowhere_else(truth: dict[str, dict[str, Any]]) -> None:
    segments = truth["mobile_sticky_cart"]["segments"]
    lifts = {name: told["variants"]["sticky"]["lift"] for name, told in segments.items()}
    assert lifts["mobile"] > 0.3
    assert lifts["desktop"] == pytest.approx(0, abs=1e-9)
    assert lifts["tablet"] == pytest.approx(0, abs=1e-9)


def test_nothing_is_planted_where_the_truth_says_nothing(truth: dict[str, dict[str, Any]]) -> None:
    for told in truth["homepage_video"]["effects"].values():
        assert all(one["effect"] == pytest.approx(0, abs=1e-9) for one in told["variants"].values())


def test_guardrails_are_hurt_only_where_planted(truth: dict[str, dict[str, Any]]) -> None:
    for name, told in truth.items():
        effects = told["effects"].get("average_order_value")
        for one in effects["variants"].values() if effects else ():
            assert (one["lift"] < -0.15) is (name == "free_shipping_threshold")


def test_customers_are_assigned_whatever_device_they_come_with(
    clean: Any, truth: dict[str, dict[str, Any]]
) -> None:
    rows = clean.table("experiment_exposures").filter(pl.col("experiment_id") == "club_welcome_offer")
    linked = rows.join(clean.table("visitor_identities"), on="visitor_id")
    assert linked.height == rows.height
    assert (linked["exposed_at"] >= linked["linked_at"]).all()
    told = truth["club_welcome_offer"]
    shown = linked.group_by("customer_id").agg(pl.col("variant").n_unique())
    assert shown.filter(pl.col("variant") > 1).height == told["units_contaminated"]
    assert shown.height == told["units_seen"]


def test_the_campaign_brings_what_the_truth_tells_to_its_regions(
    visits: pl.DataFrame, truth: dict[str, dict[str, Any]]
) -> None:
    weekly = visits.with_columns(
        week=pl.col("started_at").str.to_datetime().dt.date().dt.truncate("1w")
    ).filter(pl.col("week").is_between(date(2025, 1, 6), END, closed="left"))
    per_region = weekly.group_by("region").agg(
        before=(pl.col("week") < START).sum() / 30, after=(pl.col("week") >= START).sum() / 21
    )
    change = per_region.select("region", change=pl.col("after") - pl.col("before"))
    is_in = pl.col("region").is_in(list(CAMPAIGN_REGIONS))
    treated, others = change.filter(is_in)["change"].to_numpy(), change.filter(~is_in)["change"].to_numpy()
    noise = np.sqrt(treated.var(ddof=1) / len(treated) + others.var(ddof=1) / len(others))
    found, effect = (
        treated.mean() - others.mean(),
        truth[CAMPAIGN]["effects"]["weekly_sessions"]["variants"]["treated"]["effect"],
    )
    assert abs(found - effect) < 3.5 * noise
    assert found > 4 * noise


def test_chances_keep_the_shares_and_pull_what_they_should() -> None:
    rng = np.random.default_rng(0)
    happens = rng.random(5000) < 0.2
    known = Known(rng.random(5000) < 0.8, happens, rng.lognormal(4, 1, 5000))
    for design in DESIGNS:
        chances = chances_of(design, known)
        shares = np.array(list(design.shares.values()))
        assert chances.min() >= 0
        assert np.allclose(chances.sum(axis=1), 1)
        assert np.allclose(chances[~known.may_change], shares)
        assert np.allclose(chances[known.may_change].mean(axis=0), shares)
        assert np.all(chances[known.may_change & ~happens] == chances[known.may_change & ~happens][0])


def test_experiments_outside_the_plans_days_have_no_exposures(tmp_path: Path) -> None:
    plan = GeneratorPlan(orders=200, start=date(2024, 2, 1), end=date(2024, 4, 1), seed=1)
    truth = generate(plan, tmp_path / "landing")
    assert truth.experiments == ()
    landed = sorted((tmp_path / "landing" / "experiment_exposures").iterdir())
    assert [len(path.read_text().splitlines()) for path in landed] == [1, 1]


def test_a_plan_that_ends_within_a_window_tells_of_immature_units(tmp_path: Path) -> None:
    plan = GeneratorPlan(orders=600, start=date(2025, 1, 1), end=date(2025, 3, 1), seed=1)
    (told,) = generate(plan, tmp_path / "landing").experiments
    assert told["id"] == "onboarding_checklist"
    counted = told["effects"]["activation"]
    assert 0 < counted["immature_units"] < sum(told["units"].values())
