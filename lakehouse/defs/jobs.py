"""Jobs and the schedule: everything, ingest only, reports only; daily what depends on the calendar."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from lakehouse.contracts import Contract

AFTER_FAILURE = "operations_after_failure"
RETRIES = {"dagster/max_runtime": "7200"}


def jobs(contracts: Sequence[Contract]) -> list[dg.UnresolvedAssetJobDefinition]:
    feeds = [name for contract in contracts for name in (f"raw_{contract.name}", contract.staged_table)]
    return [
        dg.define_asset_job(
            "everything", dg.AssetSelection.all(), description="From landing to reports.", tags=RETRIES
        ),
        dg.define_asset_job(
            "ingest", dg.AssetSelection.assets(*feeds), description="Landing to staging.", tags=RETRIES
        ),
        dg.define_asset_job(
            "reports",
            dg.AssetSelection.groups("reports"),
            description="Reports from the published copy.",
            tags=RETRIES,
        ),
        dg.define_asset_job(
            AFTER_FAILURE,
            dg.AssetSelection.assets("operations_report"),
            description="The operations report after a run that failed: it tells of that run and of its checks.",
            tags=RETRIES,
        ),
    ]


def daily_schedule(job: dg.UnresolvedAssetJobDefinition, time_zone: str) -> dg.ScheduleDefinition:
    """Dates, completeness, freshness and reports move with the calendar, also on days when no file lands."""
    return dg.ScheduleDefinition(
        name="daily",
        job=job,
        cron_schedule="15 5 * * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every morning at 5:15: everything that depends on the calendar.",
    )
