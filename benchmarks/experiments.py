"""Seconds and peak memory from facts to readouts: 1 million units x 20 metrics x 10 segments, on 2 cores and 4 GB.

    python -m benchmarks.experiments [--units 1000000] [--keep DIR]

The peer, in the same command, is what an analyst would write in one SQL query over the same facts: values by unit, then
counts, sums and sums of squares by variant and segment value. Both must agree on them. Each side runs in a process of
its own. Before, a smaller world is read twice, its rows shuffled the second time: all tables must be equal to the bit.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.experiment_peer_sql import COMPARED, peer_sql
from benchmarks.experiment_world import experiment, make_world, metrics, plans, shuffle
from lakehouse.experiments import build
from lakehouse.experiments.readout_build import build_readouts

SEED = 20260101
TARGET_S, LIMIT_GB, CORES = 60.0, 4.0, 2
# What DuckDB may take; the rest of the process, and what DuckDB doesn't count, needs the difference to 4 GB.
DUCKDB_LIMIT = "2500MB"
ORDER_UNITS = 20_000
READ = (
    "exp_eligibility",
    "exp_aggregate",
    "exp_deep_dive",
    "exp_daily",
    "exp_finance",
    "exp_readout",
    "exp_segments",
)
# The functions of build.py, by the step that a reader knows.
STEPS = {
    "link_identities": "units", "find_units": "units", "measure_units": "measure", "make_units": "measure",
    "summands_of": "aggregate", "aggregate_units": "aggregate", "slice_by_segment": "segments",
    "slice_by_day": "by day", "attribute_bookings": "finance",
}  # fmt: skip


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": CORES, "memory_limit": DUCKDB_LIMIT, "temp_directory": f"{path}.tmp", "preserve_insertion_order": False,
    }  # fmt: skip
    connection = duckdb.connect(str(path), config=config)
    connection.execute("set timezone = 'UTC'")
    return connection


@contextmanager
def _timed(spent: dict[str, float]) -> Iterator[None]:
    """Seconds of each step, while build.py runs."""

    def timed(function: Callable[..., Any], step: str) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                spent[step] = spent.get(step, 0.0) + time.perf_counter() - begun

        return run

    plain = {name: getattr(build, name) for name in STEPS}
    for name, step in STEPS.items():
        setattr(build, name, timed(plain[name], step))
    try:
        yield
    finally:
        for name, function in plain.items():
            setattr(build, name, function)


def _read(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """From facts to readouts; seconds by step."""
    spent: dict[str, float] = {}
    known = plans(connection)
    begun = time.perf_counter()
    with _timed(spent):
        clock = build.experiments_clock(connection)
        build.build_experiments(connection, known, clock)
    # Writing the file, and what no step holds.
    spent["commit"] = time.perf_counter() - begun - sum(spent.values())
    begun = time.perf_counter()
    build_readouts(connection, {"big": experiment()}, metrics(), clock.as_of)
    spent["readouts"] = time.perf_counter() - begun
    return spent


def _lake(path: Path) -> dict[str, Any]:
    """Runs in the child: ours."""
    with _open(path) as connection:
        spent = _read(connection)
        counted = connection.execute("select count(*) filter (is_eligible) from exp_eligibility").fetchall()[
            0
        ][0]
        told = connection.execute("select count(*) filter (status = 'ok') from exp_readout").fetchall()[0][0]
        names = ", ".join(f"'{name}'" for name in COMPARED)
        rows = connection.execute(
            f"select metric, variant, '' as segment_value, n, s_y from exp_aggregate where metric in ({names}) and handling = 'exclude' "
            f"union all select metric, variant, segment || segment_value, n, s_y from exp_deep_dive where metric in ({names}) order by all"
        ).fetchall()
    return {"spent": spent, "units": counted, "readouts": told, "rows": rows}


def _peer(path: Path) -> dict[str, Any]:
    """Runs in the child: one query."""
    with _open(path) as connection:
        begun = time.perf_counter()
        rows = connection.execute(peer_sql()).fetchall()
        return {"seconds": time.perf_counter() - begun, "rows": rows}


def _child(side: str, path: Path) -> tuple[dict[str, Any], float]:
    """What a side told, and its peak memory in GB."""
    command = [sys.executable, "-m", "benchmarks.experiments", "--side", side, "--keep", str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told, told.pop("peak_kb") / 1e6


def check_order(folder: Path, units: int = ORDER_UNITS) -> None:
    """The same world twice, its rows in another order the second time: fails unless all tables are equal."""
    found = []
    for turn in range(2):
        with _open(folder / f"order_{turn}.duckdb") as connection:
            make_world(connection, units, SEED)
            if turn:
                shuffle(connection, SEED)
            _read(connection)
            found.append(
                {name: connection.execute(f"select * from {name} order by all").fetchall() for name in READ}
            )
    for name in READ:
        if found[0][name] != found[1][name]:
            raise SystemExit(
                f"{name}: expected the same rows whatever the order of exposures and facts, found others"
            )


def _agree(ours: list[list[Any]], theirs: list[list[Any]]) -> None:
    if [row[:4] for row in ours] != [row[:4] for row in theirs]:
        raise SystemExit("the two sides differ in metrics, variants, segments or counts")
    for one, other in zip(ours, theirs, strict=True):
        if not math.isclose(one[4], other[4], rel_tol=1e-9):
            raise SystemExit(f"the two sides differ in a sum: {one} against {other}")


def _compare(units: int, folder: Path) -> None:
    console = Console(width=100)
    begun = time.perf_counter()
    check_order(folder)
    console.print(
        f"{ORDER_UNITS:,} units, read twice in other orders: equal to the bit ({time.perf_counter() - begun:.1f} s)"
    )
    path = folder / "big.duckdb"
    begun = time.perf_counter()
    with _open(path) as connection:
        make_world(connection, units, SEED)
    console.print(f"facts generated in {time.perf_counter() - begun:.1f} s")
    theirs, their_peak = _child("peer", path)
    ours, our_peak = _child("lake", path)
    _agree(ours["rows"], theirs["rows"])
    if ours["readouts"] != len(metrics()):
        raise SystemExit(f"expected a readout of each of {len(metrics())} metrics, found {ours['readouts']}")
    total = sum(ours["spent"].values())
    table = Table(title=f"{ours['units']:,} eligible units x 20 metrics x 10 segments")
    for heading in ("step", "seconds", "peak memory"):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    for step, seconds in ours["spent"].items():
        table.add_row(step, f"{seconds:.2f}", "")
    table.add_section()
    table.add_row("facts to readouts", f"{total:.2f}", f"{our_peak:.2f} GB")
    table.add_row("one SQL query: sums only", f"{theirs['seconds']:.2f}", f"{their_peak:.2f} GB")
    table.add_row("ratio", f"{total / theirs['seconds']:.2f}", f"{our_peak / their_peak:.2f}")
    table.caption = f"aim at 1,000,000 units: {TARGET_S:g} s and {LIMIT_GB:g} GB on {CORES} cores"
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--units", type=int, default=1_000_000, help="units exposed (default 1,000,000)")
    parser.add_argument("--keep", type=Path, help="keep the tables in this folder")
    parser.add_argument("--side", choices=["lake", "peer"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.side:
        told = {"lake": _lake, "peer": _peer}[chosen.side](chosen.keep)
        print(json.dumps({**told, "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
        return
    with tempfile.TemporaryDirectory(prefix="lakehouse-bench-") as folder:
        if chosen.keep:
            chosen.keep.mkdir(parents=True, exist_ok=True)
        _compare(chosen.units, chosen.keep or Path(folder))


if __name__ == "__main__":
    main()
