"""The landing sensor: when it asks for a run, for which assets, and when it waits."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from lakehouse.defs.build import build_definitions
from lakehouse.defs.home import open_instance
from lakehouse.defs.jobs import AFTER_FAILURE
from lakehouse.defs.reaper import PROCESS_TAG, process_identity
from lakehouse.defs.sensors import PENDING_TAG
from lakehouse.ingest.asking import MOST_ATTEMPTS, Ask, Attempt, Wait, decide, pending_signature
from lakehouse.ingest.guard import Limits
from lakehouse.ingest.landing import LandingFile, list_landing
from lakehouse.ingest.raw import ingest_pending

NOW = 1_800_000_000.0


@dg.job
def idle() -> None:
    """A job without steps."""


# The decision, without Dagster.


def test_nothing_pending_asks_for_nothing() -> None:
    assert pending_signature([]) == ""
    assert decide("", [], NOW) == Wait("no files are pending")


def test_a_signature_tells_a_set_of_files_in_a_state() -> None:
    a, b = LandingFile("orders/a.csv", 10, 1), LandingFile("orders/b.csv", 10, 1)
    assert pending_signature([a, b]) == pending_signature([b, a])
    others = [[a], [b], [a, LandingFile("orders/b.csv", 11, 1)], [a, LandingFile("orders/b.csv", 10, 2)]]
    assert len({pending_signature(files) for files in [[a, b], *others]}) == 5


def test_a_set_that_was_not_tried_is_asked_for_at_once() -> None:
    assert decide("set", [], NOW) == Ask("set:0", 0)


def test_a_set_that_a_run_is_on_waits() -> None:
    going = Attempt("0123456789", "waiting", None)
    assert decide("set", [going], NOW) == Wait("run 01234567 is on it")
    assert decide("set", [Attempt("a", "failed", NOW - 9e9), going], NOW) == Wait("run 01234567 is on it")


@pytest.mark.parametrize("outcome", ["failed", "succeeded"])
@pytest.mark.parametrize(("tried", "pause"), [(1, 30), (2, 60), (3, 120)])
def test_each_attempt_that_left_something_undone_doubles_the_pause(
    outcome: Any, tried: int, pause: float
) -> None:
    attempts = [Attempt(f"run{number}", outcome, NOW - 7200 + number) for number in range(tried - 1)]
    attempts.append(Attempt("last", outcome, NOW))
    early = decide("set", attempts, NOW + pause - 1)
    assert isinstance(early, Wait)
    assert "follows in 1 s" in early.reason
    assert decide("set", attempts, NOW + pause) == Ask(f"set:{tried}", tried)


def test_after_some_attempts_a_person_is_needed() -> None:
    attempts = [Attempt(f"run{number}", "failed", NOW - 1e6) for number in range(MOST_ATTEMPTS)]
    decision = decide("set", attempts, NOW)
    assert isinstance(decision, Wait)
    assert f"{MOST_ATTEMPTS} attempts failed" in decision.reason


# The sensor, with a real instance.


@pytest.fixture
def instance(lake: Any) -> Iterator[dg.DagsterInstance]:
    with open_instance(lake.settings.paths) as instance:
        yield instance


def evaluate(lake: Any, instance: dg.DagsterInstance) -> Any:
    """What one evaluation of the sensor asks for."""
    repository = build_definitions(lake.settings, lake.catalog).get_repository_def()
    with dg.build_sensor_context(instance=instance, repository_def=repository) as context:
        return repository.get_sensor_def("landing_sensor")(context)


@pytest.fixture
def tick(lake: Any, instance: dg.DagsterInstance) -> Any:
    return lambda: evaluate(lake, instance)


def names(request: Any) -> set[str]:
    return {key.to_user_string() for key in request.asset_selection}


def test_it_skips_while_nothing_is_pending(tick: Any, lake: Any) -> None:
    assert tick().skip_message == "no files are pending"
    path = lake.land("orders", {})
    path.rename(path.with_suffix(".tmp"))
    lake.land("nobody_knows_me", {"a": 1})
    assert tick().skip_message == "no files are pending"


def test_it_asks_for_the_feeds_assets_and_all_that_follows_from_them(company: Any, tmp_path: Path) -> None:
    lake = company.copy(tmp_path / "own")
    with open_instance(lake.settings.paths) as instance:
        assert evaluate(lake, instance).skip_message == "no files are pending"
        lake.land("returns", {}, file="new.csv")
        request = evaluate(lake, instance)
        follows = {
            "raw_returns",
            "stg_returns",
            "fct_returns",
            "fct_orders",
            "published_marts",
            "commerce_report",
        }
        assert follows <= names(request)
        assert not names(request) & {"raw_orders", "stg_orders", "dim_customer"}
        assert request.run_key.endswith(":0")
        assert request.tags["lakehouse/feeds"] == "returns"
        lake.land("orders", {}, file="new.csv")
        both = evaluate(lake, instance)
        assert {"raw_orders", "raw_returns"} <= names(both)
        assert both.run_key != request.run_key


def test_in_an_empty_lake_it_asks_for_what_was_never_built_too(tick: Any, lake: Any) -> None:
    lake.land("returns", {})
    assert {"raw_returns", "fct_returns", "stg_orders", "dim_customer", "run_settings"} <= names(tick())


def test_it_waits_while_a_run_is_on_it_and_asks_again_after_that_failed(
    tick: Any, lake: Any, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.land("orders", {})
    request = tick()
    tags = {PENDING_TAG: request.tags[PENDING_TAG]}
    run = instance.create_run_for_job(idle, tags=tags, status=dg.DagsterRunStatus.STARTED)
    assert tick().skip_message == f"run {run.run_id[:8]} is on it"
    instance.report_run_failed(run, "for the test")
    assert "the next one follows in" in tick().skip_message
    half_an_hour_on(monkeypatch)
    again = tick()
    assert again.run_key == request.run_key.replace(":0", ":1")
    assert again.asset_selection == request.asset_selection


def half_an_hour_on(monkeypatch: pytest.MonkeyPatch) -> None:
    later = time.time() + 1800
    monkeypatch.setattr("lakehouse.defs.sensors.time.time", lambda: later)


def take(lake: Any, feed: str) -> None:
    """Brings a feed's landed files into raw, and no further."""
    settings, contract = lake.settings, lake.catalog.contracts[feed]
    landed = list_landing(settings.paths.landing, [feed], 0, time.time()).files
    limits = Limits(settings.max_expansion_ratio, settings.max_row_bytes)
    ingest_pending(contract, landed, settings.paths.landing, settings.paths.raw, limits, datetime.now(UTC))


def test_it_asks_for_what_raw_does_not_hold_only(tick: Any, lake: Any) -> None:
    lake.land("orders", {}, file="a.csv")
    take(lake, "orders")
    assert tick().skip_message == "no files are pending"
    lake.land("orders", {"order_id": "o2"}, file="b.csv")
    assert isinstance(tick(), dg.RunRequest)


def test_files_that_a_failed_run_took_into_raw_are_asked_for_until_they_are_published(
    tick: Any, lake: Any, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.land("orders", {})
    request = tick()
    run = instance.create_run_for_job(idle, tags=request.tags, status=dg.DagsterRunStatus.STARTED)
    take(lake, "orders")
    assert tick().skip_message == "no files are pending"
    instance.report_run_failed(run, "for the test")
    assert "the next one follows in" in tick().skip_message
    half_an_hour_on(monkeypatch)
    assert names(tick()) == names(request)
    instance.report_runless_asset_event(dg.AssetMaterialization("published_marts"))
    assert tick().skip_message == "no files are pending"


HOLDER = """
import sys, duckdb
from filelock import FileLock
with FileLock(sys.argv[1] + ".lock"), duckdb.connect(sys.argv[1] + ".duckdb"):
    print("held", flush=True)
    input()
"""


def test_a_tick_never_opens_the_warehouse(tick: Any, lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.land("orders", {})
    warehouse = lake.settings.paths.warehouse
    command = [sys.executable, "-c", HOLDER, str(warehouse.with_suffix(""))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "held\n"
        with pytest.raises(duckdb.IOException, match="lock"):
            duckdb.connect(str(warehouse), read_only=True)
        with monkeypatch.context() as patched:
            patched.setattr(duckdb, "connect", None)
            assert isinstance(tick(), dg.RunRequest)
        writer.communicate("\n")


def test_a_dead_run_does_not_keep_the_sensor_waiting(
    tick: Any, lake: Any, instance: dg.DagsterInstance
) -> None:
    lake.land("orders", {})
    request = tick()
    run = instance.create_run_for_job(
        idle, tags={PENDING_TAG: request.tags[PENDING_TAG]}, status=dg.DagsterRunStatus.STARTED
    )
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        identity = process_identity(process.pid)
    instance.add_run_tags(run.run_id, {PROCESS_TAG: f"{run.run_id}:{identity}"})
    assert "the next one follows in" in tick().skip_message


# After a run that failed.


@dg.op
def broken() -> None:
    raise ValueError("disk full")


@dg.job(name="everything")
def failing() -> None:
    broken()


@dg.job(name=AFTER_FAILURE)
def failing_report() -> None:
    broken()


def after_failure(lake: Any, instance: dg.DagsterInstance, job: dg.JobDefinition) -> Any:
    """What the failure sensor asks for after a run of the job."""
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    repository = build_definitions(lake.settings, lake.catalog).get_repository_def()
    context = dg.build_run_status_sensor_context(
        sensor_name="failure_sensor",
        dagster_instance=instance,
        dagster_run=result.dagster_run,
        dagster_event=result.get_run_failure_event(),
    ).for_run_failure()
    return result.run_id, repository.get_sensor_def("failure_sensor")(context)


def test_a_failed_run_has_the_operations_report_made_anew(lake: Any, instance: dg.DagsterInstance) -> None:
    _, nothing = after_failure(lake, instance, failing)
    assert isinstance(nothing, dg.SkipReason)
    instance.report_runless_asset_event(dg.AssetMaterialization("published_marts"))

    run_id, asked = after_failure(lake, instance, failing)
    assert isinstance(asked, dg.RunRequest)
    assert asked.run_key == f"{AFTER_FAILURE}-{run_id}"
    _, nothing = after_failure(lake, instance, failing_report)
    assert isinstance(nothing, dg.SkipReason)
