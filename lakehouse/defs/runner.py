"""Runs assets in this process against the lake's own Dagster instance: what `lakehouse run` and tests call."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dagster as dg

from lakehouse.catalog import Catalog
from lakehouse.defs.build import build_definitions
from lakehouse.defs.home import open_instance
from lakehouse.defs.quick_log import quick_event_log
from lakehouse.defs.reaper import process_tags, reap_dead_runs
from lakehouse.defs.selection import select_assets
from lakehouse.settings import Settings


@dataclass(frozen=True, slots=True)
class StepEvent:
    """What a progress display needs: which step, and whether it starts, ends or fails."""

    step: str
    kind: str


@dataclass(frozen=True, slots=True)
class FailedCheck:
    asset: str
    check: str
    text: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The end of a run. `failures`: step -> message; `checks`: those that did not pass, errors first."""

    run_id: str
    success: bool
    failures: dict[str, str]
    skipped: tuple[str, ...]
    checks: tuple[FailedCheck, ...]

    @property
    def is_blocked(self) -> bool:
        """Whether the run ended before its reports were made."""
        return not self.success and "operations_report" not in self.failures


_KINDS = {
    dg.DagsterEventType.STEP_START: "start",
    dg.DagsterEventType.STEP_SUCCESS: "success",
    dg.DagsterEventType.STEP_FAILURE: "failure",
    dg.DagsterEventType.STEP_SKIPPED: "skipped",
}


def run_assets(
    settings: Settings,
    catalog: Catalog,
    selection: str = "*",
    on_plan: Callable[[Sequence[str]], None] = lambda _: None,
    on_event: Callable[[StepEvent], None] = lambda _: None,
    run_id: str | None = None,
) -> RunOutcome:
    """Materializes the selected assets in this process. `selection`: Dagster's selection syntax.

    Raises ValueError when the selection names nothing.
    """
    definitions = build_definitions(settings, catalog)
    keys = select_assets(definitions, selection)
    job = definitions.resolve_implicit_global_asset_job_def()
    checks = [
        check for check in definitions.resolve_asset_graph().asset_check_keys if check.asset_key in keys
    ]
    chosen = job.get_subset(asset_selection=keys, asset_check_selection=set(checks))
    on_plan(list(chosen.graph.node_dict))
    run_id = run_id or str(uuid.uuid4())
    with quick_event_log(settings.paths.dagster_home), open_instance(settings.paths) as instance:
        reap_dead_runs(instance)
        failures: dict[str, str] = {}
        skipped: list[str] = []
        found: list[FailedCheck] = []

        def listen(entry: dg.EventLogEntry) -> None:
            event = entry.dagster_event
            if event is None:
                return
            if event.event_type in _KINDS and event.step_key:
                kind = _KINDS[event.event_type]
                if kind == "failure":
                    failures[event.step_key] = _message(event)
                if kind == "skipped":
                    skipped.append(event.step_key)
                on_event(StepEvent(event.step_key, kind))
            elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                evaluation = event.asset_check_evaluation_data
                if not evaluation.passed:
                    is_error = evaluation.severity == dg.AssetCheckSeverity.ERROR
                    text = evaluation.description or ""
                    found.append(
                        FailedCheck(
                            evaluation.asset_key.to_user_string(), evaluation.check_name, text, is_error
                        )
                    )

        instance.add_event_listener(run_id, listen)
        result = chosen.execute_in_process(
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            # From its first moment, so that a run killed before its first step is recognized as dead too.
            tags={"lakehouse/door": "command line", **process_tags(run_id)},
            # Log lines would drown the progress display; the events stand in the instance all the same.
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    found.sort(key=lambda check: not check.is_error)
    return RunOutcome(run_id, result.success, failures, tuple(skipped), tuple(found))


def _message(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else event.message or "failed"
