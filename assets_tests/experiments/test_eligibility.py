"""Who counts in an experiment, and why the others don't: one reason each, and no exposure lost."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest


def test_each_unit_has_the_first_reason_that_applies(trial: Any) -> None:
    trial.expose("fine", "new")
    trial.expose("stranger", "blue")
    trial.expose("early", "new", "2026-03-01 23:59:59")
    trial.expose("late", "new", "2026-03-30 00:00:00")
    trial.expose("bot", "new")
    trial.expose("staff", "new")
    trial.expose("abroad", "new")
    trial.expose("both", "new")
    trial.expose("both", "control", "2026-03-03 10:00")
    flags = {"is_bot": False, "is_internal": False, "country": "DE"}
    for name in ("fine", "early", "both"):
        trial.add("dim_visitor", {"visitor_id": name, **flags})
    trial.add("dim_visitor", {"visitor_id": "bot", **flags, "is_bot": True, "country": "FR"})
    trial.add("dim_visitor", {"visitor_id": "staff", **flags, "is_internal": True})
    trial.add("dim_visitor", {"visitor_id": "abroad", **flags, "country": "FR"})
    trial.build(trial.experiment(eligibility={"rules": ["country in ('DE', 'GB')"]}))
    assert trial.reasons() == {
        "fine": None,
        "stranger": "unknown_variant",
        "early": "outside_window",
        "late": "outside_window",
        "bot": "bot_or_internal",
        "staff": "bot_or_internal",
        "abroad": "rule: country in ('DE', 'GB')",
        "both": "contaminated",
    }


def test_what_a_rule_can_not_tell_of_a_unit_excludes_it_but_unknown_units_are_no_bots(trial: Any) -> None:
    trial.expose("unheard", "new")
    trial.build()
    assert trial.reasons() == {"unheard": None}
    trial.build(trial.experiment(eligibility={"rules": ["not is_bot"]}))
    assert trial.reasons() == {"unheard": None}
    trial.build(trial.experiment(eligibility={"rules": ["country <> 'FR'"]}))
    assert trial.reasons() == {"unheard": "rule: country <> 'FR'"}


def test_first_exposure_is_the_earliest_to_a_known_variant_within_the_days(trial: Any) -> None:
    trial.expose("v", "control", "2026-02-20 10:00")
    trial.expose("v", "new", "2026-03-05 10:00")
    trial.expose("v", "new", "2026-03-04 10:00")
    trial.build()
    assert trial.rows(
        "select variant, first_exposed_at, exposures, variants_seen, is_contaminated from exp_eligibility"
    ) == [("new", datetime(2026, 3, 4, 10), 3, 1, False)]


def test_days_are_cut_in_the_business_time_zone(trial: Any) -> None:
    trial.settings(business_time_zone="America/New_York")
    trial.expose("before", "new", "2026-03-02 04:59:59")
    trial.expose("in", "new", "2026-03-02 05:00:00")
    trial.expose("summer", "new", "2026-03-30 03:59:59")
    trial.expose("after", "new", "2026-03-30 04:00:00")
    trial.build()
    assert {unit for unit, reason in trial.reasons().items() if reason is None} == {"in", "summer"}


def test_exposures_after_the_as_of_date_do_not_count_yet(trial: Any) -> None:
    trial.settings(as_of_date="2026-03-10")
    trial.expose("known", "new", "2026-03-10 23:00")
    trial.expose("unknown", "new", "2026-03-11 00:00")
    trial.build()
    assert trial.reasons() == {"known": None, "unknown": "outside_window"}


@pytest.mark.parametrize(
    ("mode", "reason"), [("exclude", "contaminated"), ("first_exposure", None), ("intention_to_treat", None)]
)
def test_contaminated_units_count_unless_they_are_excluded(trial: Any, mode: str, reason: str | None) -> None:
    trial.expose("both", "new")
    trial.expose("both", "control", "2026-03-03 10:00")
    trial.expose("off", "new")
    trial.expose("off", "unheard_of", "2026-03-03 10:00")
    trial.build(trial.experiment(eligibility={"contamination": mode}))
    assert trial.reasons() == {"both": reason, "off": reason}
    assert trial.rows("select distinct variant, is_contaminated from exp_eligibility") == [("new", True)]


def test_two_variants_at_the_same_instant_give_the_same_one_in_every_order(new_trial: Any) -> None:
    for order in (("new", "control"), ("control", "new")):
        trial = new_trial()
        for variant in order:
            trial.expose("v", variant)
        trial.build()
        assert trial.rows("select variant from exp_eligibility") == [("control",)]


def test_customers_are_found_through_their_visitors(trial: Any) -> None:
    trial.expose("phone", "new", "2026-03-03 10:00")
    trial.expose("laptop", "new", "2026-03-02 10:00")
    trial.expose("guest", "new")
    for visitor in ("phone", "laptop"):
        trial.add(
            "core_visitor_identities", {"visitor_id": visitor, "customer_id": "c1", "linked_at": "2026-01-01"}
        )
    trial.add(
        "core_visitor_identities", {"visitor_id": "phone", "customer_id": "c2", "linked_at": "2026-02-01"}
    )
    for visitor, device in (("phone", "mobile"), ("laptop", "desktop")):
        row = {"visitor_id": visitor, "customer_id": "c1", "device": device, "is_bot": visitor == "phone"}
        trial.add(
            "dim_visitor", {**row, "first_seen_at": "2025-01-01" if visitor == "laptop" else "2025-06-01"}
        )
    trial.add("dim_customer_current", {"customer_id": "c1", "age_group": "30s"})
    trial.build(trial.experiment(unit="customer", segments=["age_group", "device"]))
    assert trial.rows(
        "select unit_id, exclusion_reason, first_exposed_at, exposures, segments['device'], segments['age_group'] "
        "from exp_eligibility order by all"
    ) == [
        ("c1", "bot_or_internal", datetime(2026, 3, 2, 10), 2, "desktop", "30s"),
        ("guest", "no_customer", datetime(2026, 3, 2, 10), 1, "(unknown)", "(unknown)"),
    ]


def test_existing_customers_can_be_left_out(trial: Any) -> None:
    for visitor, linked in (("old", "2026-03-01"), ("new", "2026-03-05")):
        trial.expose(visitor, "new")
        trial.add(
            "core_visitor_identities", {"visitor_id": visitor, "customer_id": visitor, "linked_at": linked}
        )
    trial.build(trial.experiment(eligibility={"existing_customers": "exclude"}))
    assert trial.reasons() == {"old": "existing_customer", "new": None}


def test_attributes_may_stand_in_a_file_of_ones_own(trial: Any) -> None:
    trial.owners = {"stg_trial": "lab"}
    for user, age in (("u1", 17), ("u2", 40)):
        trial.expose(f"lab:{user}", "new")
        trial.add("stg_trial", {"user_id": user, "age": age}, {"user_id": user, "age": age + 1})
    experiment = trial.experiment(
        attributes={"source": "stg_trial", "unit": "user_id"},
        eligibility={"rules": ["age >= 18"]},
        segments={"band": "case when age < 30 then 'young' else 'old' end"},
    )
    trial.build(experiment)
    assert trial.rows(
        "select unit_id, exclusion_reason, segments['band'] from exp_eligibility order by 1"
    ) == [
        ("lab:u1", "rule: age >= 18", "young"),
        ("lab:u2", None, "old"),
    ]


def test_experiments_do_not_touch_one_another(trial: Any) -> None:
    trial.expose("v", "new")
    trial.expose("v", "control", experiment="second")
    trial.expose("v", "control", experiment="not_registered")
    trial.build(trial.experiment(), trial.experiment("second"))
    assert trial.rows("select experiment_id, variant, exclusion_reason from exp_eligibility order by 1") == [
        ("second", "control", None),
        ("test", "new", None),
    ]


def test_the_tables_of_an_experiment_that_is_gone_go_too(trial: Any) -> None:
    trial.expose("v", "new")
    trial.build()
    trial.build(trial.experiment("second"))
    assert trial.rows("select count(*) from exp_base") == [(0,)]
    tables = "select table_name from duckdb_tables() where starts_with(table_name, 'exp_units_')"
    assert trial.rows(tables) == [("exp_units_second",)]
