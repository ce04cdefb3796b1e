"""Runs whose process is gone are told so, lest they hold the queue for ever."""

from __future__ import annotations

import socket
from pathlib import Path

import dagster as dg

PROCESS_TAG = "lakehouse/process"


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
        # Field 22, counted after the command's closing bracket, as a command may hold blanks.
        return stat.read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return "gone" if Path("/proc/self").exists() else "unknown"


def reap_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Marks runs as failed whose process is gone; returns their ids."""
    statuses = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    reaped = []
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=statuses)):
        identity = run.tags.get(PROCESS_TAG)
        if identity is not None and is_gone(identity):
            instance.report_run_failed(
                run, "The process of this run is gone; what it had not finished is pending."
            )
            reaped.append(run.run_id)
    return reaped
