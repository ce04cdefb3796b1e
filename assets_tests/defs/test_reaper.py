"""Runs whose process is gone are marked as failed; all others are left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from lakehouse.defs.home import open_instance
from lakehouse.defs.reaper import PROCESS_TAG, is_gone, process_identity, process_tags, reap_dead_runs
from lakehouse.settings import LakePaths


@dg.job
def idle() -> None:
    """A job without steps."""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(LakePaths(tmp_path, tmp_path)) as instance:
        yield instance


def run_of(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, identity: str | None) -> str:
    run = instance.create_run_for_job(idle, status=status)
    if identity is not None:
        instance.add_run_tags(run.run_id, {PROCESS_TAG: f"{run.run_id}:{identity}"})
    return run.run_id


def dead_process() -> str:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = process_identity(process.pid)
        assert not is_gone(identity)
    return identity


def test_a_process_is_gone_once_it_has_ended_and_not_before() -> None:
    assert is_gone(dead_process())
    assert not is_gone(process_identity(os.getpid()))


def test_a_dead_process_that_its_parent_has_not_looked_at_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = process_identity(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(identity)
    process.communicate()


def test_another_process_under_the_same_number_is_not_the_one_that_is_gone() -> None:
    host, pid, started = process_identity(os.getpid()).rsplit(":", 2)
    assert is_gone(f"{host}:{pid}:{int(started) - 1}")
    assert not is_gone(f"elsewhere:{pid}:{int(started) - 1}")


def test_runs_of_dead_processes_are_marked_as_failed_whatever_they_were_at(
    instance: dg.DagsterInstance,
) -> None:
    gone = dead_process()
    unfinished = [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    dead = {run_of(instance, status, gone) for status in unfinished}
    ended = run_of(instance, dg.DagsterRunStatus.SUCCESS, gone)
    alive = run_of(instance, dg.DagsterRunStatus.STARTED, process_identity(os.getpid()))
    unknown = run_of(instance, dg.DagsterRunStatus.STARTED, None)
    assert set(reap_dead_runs(instance)) == dead
    statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert {statuses[run_id] for run_id in dead} == {dg.DagsterRunStatus.FAILURE}
    assert statuses[ended] is dg.DagsterRunStatus.SUCCESS
    assert statuses[alive] is statuses[unknown] is dg.DagsterRunStatus.STARTED
    assert reap_dead_runs(instance) == []


def test_a_retried_run_does_not_die_of_its_parents_tags(instance: dg.DagsterInstance) -> None:
    parent = instance.create_run_for_job(idle, status=dg.DagsterRunStatus.FAILURE)
    inherited = {PROCESS_TAG: f"{parent.run_id}:{dead_process()}"}
    retried = instance.create_run_for_job(idle, status=dg.DagsterRunStatus.STARTING, tags=inherited)
    assert reap_dead_runs(instance) == []
    assert process_tags(retried.run_id) != process_tags(parent.run_id)
