"""The tables of experiments as assets: built from landed files, each with its own checks, and any of them by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lakehouse.defs.experiments import experiment_assets
from lakehouse.defs.home import open_instance
from lakehouse.defs.resources import WarehouseResource
from lakehouse.experiments.tables import BUILT

CONTRACT = """
description: An analyst's trial.
owner: lab
key: [user_id]
columns:
  user_id: {type: id, required: true, description: Who.}
  arm: {type: string, required: true, description: Variant.}
  seen_at: {type: timestamp, required: true, description: When.}
  spent: {type: float, description: Outcome.}
  plan: {type: string, description: Plan.}
"""
MAPPING = "select 'trial' as experiment_id, user_id as visitor_id, arm as variant, seen_at as exposed_at from stg_lab_trial"
EXPERIMENT = """
name: A trial
owner: lab
start: 2024-01-01
end: 2024-02-01
variants: {a: 0.5, b: 0.5}
control: a
metrics: {primary: spent}
define:
  spent: {label: Spent, kind: mean, source: stg_lab_trial, unit: user_id, value: sum(spent)}
attributes: {source: stg_lab_trial, unit: user_id}
eligibility: {rules: ["spent is not null"]}
segments: [plan]
"""


@pytest.fixture(scope="module")
def lab(lake_at: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A lake with a flat file of (user, variant, timestamp, outcome) and the three files that an analyst writes."""
    root: Path = tmp_path_factory.mktemp("lab")
    lake, team = lake_at(root), root / "team"
    for path, text in {
        "sources/lab/contracts/lab_trial.yaml": CONTRACT,
        "sources/lab/experiment_exposures.sql": MAPPING,
        "experiments/registry/trial.yaml": EXPERIMENT,
    }.items():
        (team / path).parent.mkdir(parents=True, exist_ok=True)
        (team / path).write_text(text)
    lake.configure(team)
    rows = [
        ("u1", "a", 1.5, "free"),
        ("u2", "b", 4, "free"),
        ("u3", "b", 2, "paid"),
        ("u4", "b", None, "paid"),
    ]
    lake.land(
        "lab_trial",
        *(
            {"user_id": user, "arm": arm, "seen_at": "2024-01-05 10:00:00", "spent": spent, "plan": plan}
            for user, arm, spent, plan in rows
        ),
    )
    lake.run("group:raw or group:staging or group:dims or group:facts")
    return lake


def materialize(lake: Any, *names: str) -> dg.ExecuteInProcessResult:
    with open_instance(lake.settings.paths) as instance:
        return dg.materialize(
            experiment_assets(lake.catalog),
            selection=list(names) or None,
            resources={"warehouse": WarehouseResource.of(lake.settings)},
            instance=instance,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )


@pytest.fixture(scope="module")
def result(lab: Any) -> dg.ExecuteInProcessResult:
    """The run that builds them all."""
    return materialize(lab)


def test_a_flat_file_becomes_sums_that_add_up(lab: Any, result: dg.ExecuteInProcessResult) -> None:
    assert result.success
    failed = [check.check_name for check in result.get_asset_check_evaluations() if not check.passed]
    assert failed == []
    assert lab.rows(
        "select variant, n, s_y, yy from exp_aggregate where experiment_id = 'trial' and handling = 'exclude' order by 1"
    ) == [("a", 1, 1.5, 2.25), ("b", 2, 6, 20)]
    assert lab.rows(
        "select segment_value, n from exp_deep_dive where experiment_id = 'trial' and variant = 'b' order by 1"
    ) == [
        ("free", 1),
        ("paid", 1),
    ]
    assert lab.rows("select exclusion_reason, count(*) from exp_eligibility group by 1 order by 1") == [
        ("rule: spent is not null", 1),
        (None, 3),
    ]


def test_every_table_tells_its_rows_and_described_columns(result: dg.ExecuteInProcessResult) -> None:
    told = {
        event.asset_key.to_user_string(): event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }
    assert set(told) == set(BUILT)
    for name, metadata in told.items():
        columns = metadata["dagster/column_schema"].value.columns
        assert all(column.description and column.type != "unknown" for column in columns), name
    assert told["exp_eligibility"]["dagster/row_count"].value == 4


def test_one_table_can_be_asked_for_alone(lab: Any) -> None:
    alone = materialize(lab, "exp_daily")
    told = {event.asset_key for event in alone.get_asset_materialization_events()}
    assert told == {dg.AssetKey("exp_daily")}
    assert lab.rows("select count(*) from exp_daily where experiment_id = 'trial'") == [(2,)]


def test_the_tables_follow_from_what_the_registry_reads(lab: Any) -> None:
    (assets,) = experiment_assets(lab.catalog)
    specs = {
        spec.key.to_user_string(): {dep.asset_key.to_user_string() for dep in spec.deps}
        for spec in assets.specs
    }
    assert {"core_experiment_exposures", "core_visitor_identities", "stg_lab_trial"} <= specs[
        "exp_eligibility"
    ]
    assert {"exp_eligibility", "fct_web_sessions", "stg_lab_trial"} <= specs["exp_base"]
    assert specs["exp_finance"] == {"exp_eligibility", "fct_bookings"}
