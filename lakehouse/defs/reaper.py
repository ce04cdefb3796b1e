"""Runs whose process is gone are told so, lest they hold the queue for ever."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import dagster as dg

PROCESS_TAG = "lakehouse/process"
_UNFINISHED = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def process_tags(run_id: str) -> dict[str, str]:
    """Says that this process is at work on the run. With the run's id, as a retried run inherits its parent's tags."""
    return {PROCESS_TAG: f"{run_id}:{process_identity(os.getpid())}"}


def process_identity(pid: int) -> str:
    """Host, pid and the process's start, as a pid alone is used again."""
    return f"{socket.gethostname()}:{pid}:{_started(pid)}"


def is_gone(identity: str) -> bool:
    """True when the process ran on this machine and doesn't any more."""
    host, pid, started = identity.rsplit(":", 2)
    return host == socket.gethostname() and _started(int(pid)) != started


def _started(pid: int) -> str:
    stat = Path(f"/proc/{pid}/stat")
    try:
        # Counted after the command's closing bracket, as a command may hold blanks: the state, ..., field 22.
        fields = stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "gone" if Path("/proc/self").exists() else "unknown"
    # A zombie is dead: only its parent has not looked yet.
    return "gone" if fields[0] in "ZX" else fields[19]


def reap_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Marks runs as failed whose process is gone; returns their ids."""
    reaped = []
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=_UNFINISHED)):
        run_id, _, identity = run.tags.get(PROCESS_TAG, "").partition(":")
        if run_id == run.run_id and is_gone(identity):
            instance.report_run_failed(
                run, "The process of this run is gone; what it had not finished is pending."
            )
            reaped.append(run.run_id)
    return reaped
