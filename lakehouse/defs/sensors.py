"""The sensors: one that sees landed files, one that tells of failed runs."""

import time
from collections.abc import Sequence

import dagster as dg

from lakehouse.contracts import Contract
from lakehouse.defs.reaper import reap_dead_runs
from lakehouse.ingest.asking import Ask, Attempt, decide, pending_signature
from lakehouse.ingest.landing import LandingFile, list_landing, pending, raw_names, unknown_feeds
from lakehouse.settings import Settings

PENDING_TAG = "lakehouse/pending"
_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def pending_files(contracts: Sequence[Contract], settings: Settings, now: float) -> list[LandingFile]:
    """Whole landing files of all feeds that raw doesn't hold, by listing folders only."""
    paths = settings.paths
    found: list[LandingFile] = []
    for contract in contracts:
        landed = list_landing(paths.landing, [contract.name], settings.settle_seconds, now).files
        if landed:
            found += pending(landed, raw_names(paths.raw, contract.name), contract.reading_version)
    return found


def landing_sensor(
    contracts: Sequence[Contract], settings: Settings, target: dg.AssetSelection
) -> dg.SensorDefinition:
    """One run per tick for all feeds that have pending files, and for everything downstream of them."""

    @dg.sensor(
        name="landing_sensor",
        target=target,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=10,
        description="Asks for a run when landing holds files that raw doesn't; a failed run is asked for again with backoff.",
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        for run_id in reap_dead_runs(context.instance):
            context.log.warning(f"run {run_id} died without a word; marked as failed")
        for folder in unknown_feeds(settings.paths.landing, [contract.name for contract in contracts]):
            context.log.warning(f"landing/{folder}: no contract has this name, so nothing takes its files")
        now = time.time()
        files = pending_files(contracts, settings, now)
        signature = pending_signature(files)
        decision = decide(signature, _attempts(context.instance, signature), now)
        if not isinstance(decision, Ask):
            return dg.SkipReason(decision.reason)
        feeds = sorted({file.feed for file in files})
        context.log.info(f"{len(files)} pending files of {', '.join(feeds)}: attempt {decision.attempt}")
        return dg.RunRequest(
            run_key=decision.run_key,
            asset_selection=_keys(feeds, target, context),
            tags={PENDING_TAG: signature, "lakehouse/feeds": ", ".join(feeds)},
        )

    return _sensor


def _keys(
    feeds: Sequence[str], target: dg.AssetSelection, context: dg.SensorEvaluationContext
) -> list[dg.AssetKey]:
    graph = context.repository_def.asset_graph if context.repository_def else None
    if graph is None:
        raise dg.DagsterInvariantViolationError("expected the sensor to run inside its code location")
    roots = dg.AssetSelection.assets(*(f"raw_{feed}" for feed in feeds))
    return sorted((roots.downstream() & target).resolve(graph))


def _attempts(instance: dg.DagsterInstance, signature: str) -> list[Attempt]:
    if not signature:
        return []
    records = instance.get_run_records(filters=dg.RunsFilter(tags={PENDING_TAG: signature}))
    attempts = []
    for record in records:
        status = record.dagster_run.status
        outcome = (
            "waiting"
            if status not in _ENDED
            else "succeeded"
            if status is dg.DagsterRunStatus.SUCCESS
            else "failed"
        )
        attempts.append(Attempt(record.dagster_run.run_id, outcome, record.end_time))  # type: ignore[arg-type]  # one of three
    return attempts


@dg.run_failure_sensor(
    name="failure_sensor",
    default_status=dg.DefaultSensorStatus.RUNNING,
    monitor_all_code_locations=False,
    description="Tells of every failed run in the daemon's log, with the steps that failed.",
)
def failure_sensor(context: dg.RunFailureSensorContext) -> None:
    steps = [event.step_key for event in context.get_step_failure_events()]
    failed = ", ".join(step for step in steps if step) or "no step (the run itself)"
    context.log.error(f"run {context.dagster_run.run_id} failed at {failed}: {context.failure_event.message}")
