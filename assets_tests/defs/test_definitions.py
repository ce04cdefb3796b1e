"""What Dagster loads: groups, owners, descriptions, metadata after a run, and the files it starts from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from lakehouse.defs.build import build_definitions
from lakehouse.defs.home import open_instance
from lakehouse.settings import LakePaths

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def definitions(catalog: Any, lake_at: Any, tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(lake_at(tmp_path_factory.mktemp("lake")).settings, catalog)


def specs(definitions: dg.Definitions) -> list[dg.AssetSpec]:
    return list(definitions.resolve_all_asset_specs())


def test_every_asset_stands_in_one_of_the_groups_of_the_design(definitions: dg.Definitions) -> None:
    groups = {spec.group_name for spec in specs(definitions)}
    assert groups == {"raw", "staging", "dims", "facts", "marts", "experiments", "metrics", "reports"}


def test_every_asset_has_an_owner_a_description_and_kinds(definitions: dg.Definitions) -> None:
    bare = [
        spec.key.to_user_string()
        for spec in specs(definitions)
        if not (spec.owners and spec.description and spec.kinds)
    ]
    assert bare == []


def test_every_asset_but_raw_files_follows_from_another(definitions: dg.Definitions) -> None:
    known = {spec.key for spec in specs(definitions)}
    for spec in specs(definitions):
        assert {dep.asset_key for dep in spec.deps} <= known
        is_root = spec.group_name == "raw" or spec.key == dg.AssetKey("run_settings")
        assert bool(spec.deps) or is_root, spec.key


def test_what_writes_the_warehouse_waits_for_its_pool(definitions: dg.Definitions) -> None:
    pools = {
        name: node.definition.pool
        for name, node in definitions.resolve_implicit_global_asset_job_def().graph.node_dict.items()
        if isinstance(node.definition, dg.OpDefinition)
    }
    reports = ("anomalies_report", "commerce_report", "experiments_report", "operations_report")
    assert [pools.pop(name) for name in reports] == [None] * len(reports)
    assert set(pools.values()) == {"warehouse"}


def test_jobs_schedule_and_sensors_are_on(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    assert {"everything", "ingest", "reports"} <= set(repository.job_names)
    sensors = {sensor.name: sensor.default_status for sensor in repository.sensor_defs}
    assert sensors == dict.fromkeys(["landing_sensor", "failure_sensor"], dg.DefaultSensorStatus.RUNNING)
    (schedule,) = repository.schedule_defs
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


@pytest.fixture(scope="module")
def materialized(company: Any) -> dict[str, dict[str, Any]]:
    """Asset -> the metadata of its latest materialization."""
    names = [spec.key for spec in specs(build_definitions(company.settings, company.catalog))]
    with open_instance(company.settings.paths) as instance:
        events = instance.get_latest_materialization_events(names)
        return {
            key.to_user_string(): dict(event.asset_materialization.metadata)
            for key, event in events.items()
            if event is not None and event.asset_materialization is not None
        }


def test_a_run_leaves_row_counts_and_described_columns(materialized: dict[str, Any], company: Any) -> None:
    models = {model.name for model in company.catalog.models}
    for name, metadata in materialized.items():
        if name in models or name.startswith("stg_"):
            assert "dagster/row_count" in metadata, name
            columns = metadata["dagster/column_schema"].schema.columns
            assert columns, name
            assert all(column.description and column.type != "unknown" for column in columns), name
    count = company.rows("select count(*) from fct_orders")[0][0]
    assert materialized["fct_orders"]["dagster/row_count"].value == count


def test_a_run_leaves_column_lineage_that_was_read_off_the_sql(materialized: dict[str, Any]) -> None:
    def sources(table: str, column: str) -> set[tuple[str, str]]:
        lineage = materialized[table]["dagster/column_lineage"].lineage.deps_by_column
        return {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage[column]}

    assert ("core_orders", "order_id") in sources("order_terms", "order_id")
    assert ("fct_order_items", "gross_revenue") in sources("fct_orders", "gross_revenue")
    assert {table for table, _ in sources("fct_revenue_daily", "net_revenue")} <= set(materialized)


def test_personal_data_are_masked_in_the_metadata_of_a_run(materialized: dict[str, Any]) -> None:
    told = "\n".join(str(metadata) for metadata in materialized.values())
    assert "@example." not in told
    columns = materialized["dim_customer"]["dagster/column_schema"].schema.columns
    assert {column.name for column in columns if column.tags.get("pii")} == {"email", "full_name"}


def test_the_workspace_names_the_module() -> None:
    assert yaml.safe_load((REPO / "workspace.yaml").read_text()) == {
        "load_from": [{"python_module": "lakehouse.definitions"}]
    }


def test_the_instance_takes_the_projects_dagster_yaml(tmp_path: Path) -> None:
    with open_instance(LakePaths(tmp_path, tmp_path)) as instance:
        assert not instance.telemetry_enabled
        assert instance.run_monitoring_enabled
        assert instance.run_retries_enabled
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
        assert instance.get_tick_retention_settings(dg._core.definitions.run_request.InstigatorType.SENSOR)
    assert (tmp_path / "dagster" / "dagster.yaml").read_text() == (REPO / "dagster.yaml").read_text()


def test_a_users_own_dagster_yaml_is_kept(tmp_path: Path) -> None:
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with open_instance(LakePaths(tmp_path, tmp_path)) as instance:
        assert not instance.run_monitoring_enabled


def test_a_wrong_contract_stops_the_load_with_its_message(lake: Any, tmp_path: Path) -> None:
    contracts = tmp_path / "config" / "contracts"
    contracts.mkdir(parents=True)
    (contracts / "visits.yaml").write_text(
        "description: d\nowner: o\nformat: {kind: csv}\nkey: [visit]\n"
        "columns: {visit_id: {type: text, description: d}}\n"
    )
    (contracts / "bad.yaml").write_text("a: [1\n")
    environment = {**lake.environment, "LAKEHOUSE_CONFIG_DIR": str(tmp_path / "config")}
    ended = subprocess.run(
        [sys.executable, "-c", "import lakehouse.definitions"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "config/contracts/visits.yaml: columns.visit_id.type: expected" in ended.stderr
    assert "config/contracts/bad.yaml: line" in ended.stderr
