"""Runs that are killed or that meet each other: the next run to its end leaves the lake as if nothing had happened.

A process imports the command once and forks a child for each run, so that the instants fall into the run itself and
not into the interpreter's start. The child is the command as a shell calls it, in a process group of its own.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lakehouse.defs.home import open_instance
from lakehouse.synth.company import generate
from lakehouse.synth.plan import GeneratorPlan

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for processes as Linux does")

PLAN = GeneratorPlan(orders=400, start=date(2025, 1, 1), end=date(2025, 4, 1), seed=5)
MONTHS = ("2025-01", "2025-02", "2025-03")
# Ten kills on each of two lakes: 20 instants, each in a twentieth of a run of its own.
LAKES, KILLS = 2, 10

# A line in tells the environment and the command; two lines out tell the process, and how it ended.
FORKING_SHELL = """
import json, os, sys
import lakehouse.defs.runner, lakehouse.display
from lakehouse.cli import app
print("ready", flush=True)
for line in sys.stdin:
    environment, arguments = json.loads(line)
    child = os.fork()
    if child == 0:
        os.environ.update(environment)
        os.dup2(2, 1)
        app(arguments)
    os.setpgid(child, child)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@dataclass(frozen=True)
class Shell:
    """Runs the command, one after the other."""

    process: subprocess.Popen[str]

    def run(self, lake: Any, *, killed_after: float | None = None) -> int:
        """`lakehouse run`: its exit code, or minus the signal that ended it."""
        assert self.process.stdin is not None
        environment = {name: told for name, told in lake.environment.items() if name.startswith("LAKEHOUSE_")}
        self.process.stdin.write(json.dumps([environment, ["run", "--quiet"]]) + "\n")
        self.process.stdin.flush()
        child = int(self.line())
        if killed_after is not None:
            kill_after(child, killed_after)
        return os.waitstatus_to_exitcode(int(self.line()))

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


def kill_after(process: int, seconds: float) -> None:
    """Kills the process and its children at an instant of its life, unless it ends before."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return
    has_ended, _, _ = select.select([descriptor], [], [], seconds)
    os.close(descriptor)
    if not has_ended:
        os.killpg(process, signal.SIGKILL)


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    with subprocess.Popen(
        [sys.executable, "-c", FORKING_SHELL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        shell = Shell(process)
        assert shell.line() == "ready\n"
        yield shell


def deliver(lake: Any, delivery: Path, *months: str) -> None:
    """Lands the company's files of some months, and with them rows and a file that can't be staged."""
    for month in months:
        for path in sorted(delivery.glob(f"*/*{month}.csv")):
            lake.land_file(path, path.parent.name)
        with (lake.settings.paths.landing / f"order_items/order_items_{month}.csv").open("a") as stream:
            stream.write("o1,one,p1,none,9.95,0,0\n")
        lake.land("returns", {}, file=f"poison_{month}.csv").write_bytes(f"\0{month}".encode())
    for path in lake.settings.paths.landing.rglob("*.csv"):
        # The same files at the same time, wherever they land: their rows' order of arrival is theirs.
        os.utime(path, (1_750_000_000, 1_750_000_000))


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("delivery") / "landing"
    generate(PLAN, folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(
    lake_at: Callable[[Path], Any], built_once: Callable[..., Path], shell: Shell, delivery: Path
) -> Any:
    """The lake of a run that nobody disturbed; its file `seconds` tells how long that took."""

    def fill(root: Path) -> None:
        lake = lake_at(root)
        deliver(lake, delivery, *MONTHS)
        begun = time.monotonic()
        assert shell.run(lake) == 0
        (root / "seconds").write_text(str(time.monotonic() - begun))

    return lake_at(built_once("undisturbed", fill))


@pytest.mark.parametrize("number", range(LAKES))
def test_killed_runs_leave_no_trace_once_a_run_ends(
    number: int, lake: Any, undisturbed: Any, shell: Shell, delivery: Path
) -> None:
    seconds = float((undisturbed.root / "seconds").read_text())
    rng = random.Random(number)
    shares = [(number + LAKES * kill + rng.random()) / (LAKES * KILLS) for kill in range(KILLS)]
    rng.shuffle(shares)
    for kill, share in enumerate(shares):
        # New files for every third; the others meet what those left behind.
        if kill % 3 == 0:
            deliver(lake, delivery, *MONTHS[kill // 3 : kill // 3 + 1])
        begun = time.monotonic()
        while shell.run(lake, killed_after=share * seconds) == 0:
            # Quicker than the undisturbed run was: the share is of this one.
            seconds, begun = time.monotonic() - begun, time.monotonic()
    assert shell.run(lake) == 0
    assert_as_undisturbed(lake, undisturbed)
    assert dg.DagsterRunStatus.FAILURE in statuses(lake)


def test_two_runs_at_once_both_end_well(lake: Any, undisturbed: Any, delivery: Path) -> None:
    deliver(lake, delivery, *MONTHS)
    command = [sys.executable, "-m", "lakehouse.cli", "run", "--quiet"]
    both = [
        subprocess.Popen(
            command, env=lake.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(2)
    ]
    assert [(process.communicate(timeout=180)[0], process.returncode) for process in both] == [("", 0)] * 2
    assert_as_undisturbed(lake, undisturbed)
    assert statuses(lake) == [dg.DagsterRunStatus.SUCCESS] * 2


def statuses(lake: Any) -> list[dg.DagsterRunStatus]:
    with open_instance(lake.settings.paths) as instance:
        return [run.status for run in instance.get_runs()]


ACCOUNTS = (
    (
        "select feed, file, content_hash, rows, staged, superseded, resent, quarantined, status from meta_files "
        "order by all"
    ),
    "select feed, file, row_number, reasons, row from quarantine order by all",
)


def assert_as_undisturbed(lake: Any, undisturbed: Any) -> None:
    assert lake.differing_tables(undisturbed) == {}
    for account in ACCOUNTS:
        assert lake.rows(account) == undisturbed.rows(account) == lake.published(account)
    assert lake.rows("select count(*), count(distinct file) from quarantine") == [(6, 6)]
    for folder in (lake.settings.paths.data_dir, lake.settings.paths.reports_dir):
        dagster_home = lake.settings.paths.dagster_home
        files = [path for path in folder.rglob("*") if path.is_file() and dagster_home not in path.parents]
        leftovers = [
            path for path in files if path.name.startswith(".") or ".tmp" in path.name or ".wal" in path.name
        ]
        assert leftovers == []
    assert not lake.settings.paths.warehouse.with_suffix(".owner.json").exists()
    assert set(statuses(lake)) <= {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}
