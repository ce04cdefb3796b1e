"""The sensors: one that sees landed files, one that tells of failed runs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from lakehouse.contracts import Contract
from lakehouse.defs.jobs import AFTER_FAILURE
from lakehouse.defs.published import PUBLISHED
from lakehouse.defs.reaper import reap_dead_runs
from lakehouse.ingest.asking import Ask, Attempt, decide, pending_signature
from lakehouse.ingest.landing import LandingFile, pending, raw_names, unknown_feeds, walk_landing
from lakehouse.settings import Settings

DOOR_TAG = "lakehouse/door"
PENDING_TAG = "lakehouse/pending"
FEEDS_TAG = "lakehouse/feeds"
_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def pending_files(contracts: Sequence[Contract], settings: Settings, now: float) -> list[LandingFile]:
    """Whole landing files of all feeds that raw doesn't hold, by listing folders only."""
    paths = settings.paths
    found: list[LandingFile] = []
    for contract in contracts:
        # One by one: a hundred thousand records kept at once would cost more in garbage collection than in listing.
        walked = walk_landing(paths.landing, contract.name, settings.settle_seconds, now)
        landed = (one for one in walked if isinstance(one, LandingFile))
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
        owed = _owed(context.instance)
        signature = pending_signature(files) or owed.signature
        decision = decide(signature, _attempts(context.instance, signature), now)
        if not isinstance(decision, Ask):
            return dg.SkipReason(decision.reason)
        feeds = sorted({file.feed for file in files} | set(owed.feeds))
        context.log.info(f"{len(files)} pending files of {', '.join(feeds)}: attempt {decision.attempt}")
        return dg.RunRequest(
            run_key=decision.run_key,
            asset_selection=_keys(feeds, target, context),
            tags={DOOR_TAG: "sensor", PENDING_TAG: signature, FEEDS_TAG: ",".join(feeds)},
        )

    return _sensor


def _keys(
    feeds: Sequence[str], target: dg.AssetSelection, context: dg.SensorEvaluationContext
) -> list[dg.AssetKey]:
    """The feeds' assets and everything downstream, and what these read that was never built."""
    graph = context.repository_def.asset_graph if context.repository_def else None
    if graph is None:
        raise dg.DagsterInvariantViolationError("expected the sensor to run inside its code location")
    asked = dg.AssetSelection.assets(*(f"raw_{feed}" for feed in feeds)).downstream() & target
    keys = asked.resolve(graph)
    read = dg.AssetSelection.assets(*keys).upstream().resolve(graph) - keys
    records = context.instance.get_asset_records(sorted(read)) if read else []
    built = {
        record.asset_entry.asset_key for record in records if record.asset_entry.last_materialization_record
    }
    return sorted(keys | (read - built))


@dataclass(frozen=True, slots=True)
class _Owed:
    """What the sensor's last run left undone: files that are in raw, and tables that don't show them yet."""

    signature: str = ""
    feeds: tuple[str, ...] = ()


def _owed(instance: dg.DagsterInstance) -> _Owed:
    last = instance.get_run_records(filters=dg.RunsFilter(tags={DOOR_TAG: "sensor"}), limit=1)
    if not last or last[0].dagster_run.status is not dg.DagsterRunStatus.FAILURE:
        return _Owed()
    published = instance.get_latest_materialization_event(dg.AssetKey(PUBLISHED))
    if published is not None and published.timestamp > (last[0].end_time or 0.0):
        return _Owed()
    tags = last[0].dagster_run.tags
    return _Owed(tags[PENDING_TAG], tuple(tags[FEEDS_TAG].split(",")))


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


def failure_sensor(job: "dg.UnresolvedAssetJobDefinition") -> dg.SensorDefinition:
    """Tells of failed runs, and asks for the operations report: a run that an error blocks makes no reports itself."""

    @dg.run_failure_sensor(
        name="failure_sensor",
        default_status=dg.DefaultSensorStatus.RUNNING,
        monitor_all_code_locations=False,
        request_job=job,
        description="Tells of every failed run in the daemon's log, and has the operations report made anew.",
    )
    def _sensor(context: dg.RunFailureSensorContext) -> dg.RunRequest | dg.SkipReason:
        run = context.dagster_run
        steps = [event.step_key for event in context.get_step_failure_events()]
        failed = ", ".join(step for step in steps if step) or "no step (the run itself)"
        context.log.error(f"run {run.run_id} failed at {failed}: {context.failure_event.message}")
        if run.job_name == AFTER_FAILURE:
            return dg.SkipReason("The operations report itself failed; it is not asked for again.")
        if not context.instance.get_latest_materialization_event(dg.AssetKey(PUBLISHED)):
            return dg.SkipReason("Nothing has been published yet that a report could be made from.")
        return dg.RunRequest(run_key=f"{AFTER_FAILURE}-{run.run_id}", tags={DOOR_TAG: "failure"})

    return _sensor
