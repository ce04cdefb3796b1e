"""Assembles the Definitions of one lake from its settings and catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg

from lakehouse.catalog import Catalog
from lakehouse.defs.experiments import experiment_assets
from lakehouse.defs.feeds import feed_checks, raw_asset, staging_asset
from lakehouse.defs.jobs import daily_schedule, jobs
from lakehouse.defs.metrics import alert_checks, metric_assets
from lakehouse.defs.models import model_assets
from lakehouse.defs.published import published_asset
from lakehouse.defs.readouts import readout_assets
from lakehouse.defs.reports import report_assets
from lakehouse.defs.resources import WarehouseResource
from lakehouse.defs.sensors import failure_sensor, landing_sensor
from lakehouse.settings import Settings


def build_definitions(
    settings: Settings, catalog: Catalog, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Everything Dagster loads. `resource_overrides`: so that a test swaps only what it needs."""
    contracts = list(catalog.contracts.values())
    versions = [contract.versions_table for contract in contracts if contract.history]
    pii = frozenset(name for contract in contracts for name in contract.pii_columns)
    assets: list[Any] = []
    for contract in contracts:
        assets += [raw_asset(contract), staging_asset(contract)]
    models_and_checks = model_assets(_without(catalog, versions), pii)
    assets += [one for one in models_and_checks if not isinstance(one, dg.AssetChecksDefinition)]
    checks = [one for one in models_and_checks if isinstance(one, dg.AssetChecksDefinition)]
    assets += [*experiment_assets(catalog), *readout_assets(catalog), *metric_assets(catalog)]
    checks += alert_checks(catalog)
    checks += [one for contract in contracts if (one := feed_checks(contract)) is not None]
    check_keys = sorted({key for one in (*assets, *checks) for key in one.check_keys})
    assets += [published_asset(catalog, contracts), *report_assets(check_keys)]
    all_jobs = jobs(contracts)
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=all_jobs,
        schedules=[daily_schedule(all_jobs[0], settings.business_time_zone)],
        sensors=[landing_sensor(contracts, settings, dg.AssetSelection.all()), failure_sensor(all_jobs[-1])],
        resources={"warehouse": WarehouseResource.of(settings), **(resource_overrides or {})},
        # A step costs a few hundredths of a second in the run's own process, seconds as a process of its own.
        executor=dg.in_process_executor,
    )


def _without(catalog: Catalog, versions: list[str]) -> list[Any]:
    """Models as Dagster sees them: `stg_<feed>_versions` is written by the asset `stg_<feed>`."""
    renamed = {name: name.removesuffix("_versions") for name in versions}
    models = []
    for model in catalog.models:
        depends_on = tuple(sorted({renamed.get(table, table) for table in model.depends_on}))
        lineage = {
            column: tuple((renamed.get(table, table), name) for table, name in sources)
            for column, sources in model.lineage.items()
        }
        models.append(replace(model, depends_on=depends_on, lineage=lineage))
    return models
