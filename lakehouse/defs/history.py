"""What Dagster's instance remembers of runs and checks, as the records that the operations report tells of."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES as EVALUATED,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from lakehouse.reports.history import CheckRecord, RunRecord, RunStatus
from lakehouse.reports.operations_runs import RUNS_SHOWN

_STATUSES: dict[dg.DagsterRunStatus, RunStatus] = {
    dg.DagsterRunStatus.STARTED: "running",
    dg.DagsterRunStatus.CANCELING: "running",
    dg.DagsterRunStatus.SUCCESS: "succeeded",
    dg.DagsterRunStatus.FAILURE: "failed",
    dg.DagsterRunStatus.CANCELED: "canceled",
}
_ENDED = ("succeeded", "failed", "canceled")
_DOOR_TAG, _SCHEDULE_TAG, _RETRY_TAG = "lakehouse/door", "dagster/schedule_name", "dagster/parent_run_id"


def run_records(instance: dg.DagsterInstance, limit: int = RUNS_SHOWN) -> tuple[RunRecord, ...]:
    """The newest runs of every door, the one that is going on included."""
    return tuple(_run(record) for record in instance.get_run_records(limit=limit))


def check_records(instance: dg.DagsterInstance, keys: Sequence[dg.AssetCheckKey]) -> tuple[CheckRecord, ...]:
    """The latest evaluation of each check that ever was evaluated; a check that is only planned keeps its last one."""
    storage = instance.event_log_storage
    latest = storage.get_latest_asset_check_execution_by_key(list(keys))
    records = []
    for key in sorted(latest):
        record: AssetCheckExecutionRecord | None = latest[key]
        if latest[key].status not in EVALUATED:
            former = storage.get_asset_check_execution_history(key, limit=1, status=EVALUATED)
            record = former[0] if former else None
        if record is not None and record.evaluation is not None:
            records.append(_check(record.evaluation, record.create_timestamp))
    return tuple(records)


def _run(record: dg.RunRecord) -> RunRecord:
    run = record.dagster_run
    status = _STATUSES.get(run.status, "waiting")
    ended, begun = record.end_time, record.start_time
    is_timed = status in _ENDED and ended is not None and begun is not None
    return RunRecord(
        run_id=run.run_id,
        started_at=_moment(record.create_timestamp.timestamp() if begun is None else begun),
        seconds=Decimal(f"{ended - begun:.3f}") if is_timed and ended and begun else None,
        status=status,
        started_by=_door(run.tags),
    )


def _door(tags: Mapping[str, str]) -> str:
    if _RETRY_TAG in tags:
        return "retry"
    if _SCHEDULE_TAG in tags:
        return f"schedule {tags[_SCHEDULE_TAG]}"
    return tags.get(_DOOR_TAG, "Dagster UI")


def _check(evaluation: dg.AssetCheckEvaluation, at: float) -> CheckRecord:
    return CheckRecord(
        asset=evaluation.asset_key.to_user_string(),
        check=evaluation.check_name,
        severity="error" if evaluation.severity == dg.AssetCheckSeverity.ERROR else "warning",
        text=evaluation.description or "",
        passed=evaluation.passed,
        at=_moment(at),
    )


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC).replace(tzinfo=None)
