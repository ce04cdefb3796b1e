"""Seconds and peak memory of 30 KPIs by 6 dimensions over 3 years, values, anomalies and causes, all of it and then one day more, on 2 cores.

    python -m benchmarks.kpis [--rows 500000] [--keep DIR]

The peer, in the same command, is what an analyst would write: one query per KPI and cadence over the same table, without
periods in which nothing happened; for a day more, all of them again. Both must agree on every value. Each side runs in a process
of its own. Before, a smaller world gets its day more, and the tables must be equal to those made anew.
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
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from lakehouse.metrics.anomalies.build import build_anomalies
from lakehouse.metrics.build import build_kpis
from lakehouse.metrics.definition import Kpi
from lakehouse.metrics.plan import Feed, KpiPlan

CORES, DUCKDB_LIMIT = 2, "2500MB"
AIM_S, AIM_OF_A_DAY_S = 30.0, 5.0
FIRST, DAYS = date(2023, 1, 1), 1096
SMALL = 5_000
# Dimension -> segments.
DIMENSIONS = {"country": 20, "channel": 5, "device": 8, "region": 15, "category": 12, "method": 10}
# Form of a KPI -> what is summed, in the words of its definition.
FORMS: dict[str, dict[str, str]] = {
    "revenue": {"value": "sum(amount)"},
    "net": {"value": "sum(amount) - sum(tax)"},
    "orders": {"value": "count(*)"},
    "units": {"value": "sum(units)"},
    "customers": {"value": "count(distinct customer_id)"},
    "per_order": {"numerator": "sum(amount)", "denominator": "count(*)"},
    "per_customer": {"numerator": "sum(amount)", "denominator": "count(distinct customer_id)"},
    "tax_rate": {"numerator": "sum(tax)", "denominator": "sum(amount)"},
    "units_per_order": {"numerator": "sum(units)", "denominator": "count(*)"},
    "large_orders": {"numerator": "count(*) filter (where amount > 500)", "denominator": "count(*)"},
}
FILTERS = {"all": None, "new": "is_new", "web": "channel <> 's1'"}


def plans() -> list[KpiPlan]:
    """30 KPIs: ten forms, each of all rows and of two parts of them."""
    return [
        KpiPlan(
            Kpi.model_validate(
                {
                    "name": f"{name}_{part}", "shown": name, "label": name, "owner": "Finance", "unit": "EUR", "direction": "up",
                    "cadence": ["daily", "weekly"], "source": "sales", "time": "day", "filter": filtered,
                    "dimensions": list(DIMENSIONS), **form,
                }
            ),
            (Feed("stg_sales", "happened"),),
        )
        for part, filtered in FILTERS.items()
        for name, form in FORMS.items()
    ]  # fmt: skip


def make_world(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
    """Three years of sales, the feed that brought them, and the settings."""
    connection.execute(
        "create table sales (day date, amount decimal(18, 4), tax decimal(18, 4), units bigint, customer_id varchar, "
        f"is_new boolean, {', '.join(f'{name} varchar' for name in DIMENSIONS)})"
    )
    connection.execute("create table stg_sales (happened timestamp, _ingested_at timestamp)")
    connection.execute(
        "create table run_settings (as_of_date date, is_as_of_configured boolean, business_time_zone varchar)"
    )
    connection.execute(
        "insert into run_settings values ($1, true, 'UTC')", [FIRST + timedelta(days=DAYS - 1)]
    )
    _sell(connection, 0, rows, f"date '{FIRST}' + cast(i % {DAYS} as integer)")
    # Every ten weeks a segment sells nothing for two days.
    for number, start in enumerate(range(140, DAYS, 70)):
        name = list(DIMENSIONS)[number % len(DIMENSIONS)]
        first = FIRST + timedelta(days=start)
        connection.execute(
            f"delete from sales where {name} = 's{number % 3}' and day between $1 and $2",
            [first, first + timedelta(days=1)],
        )


def add_day(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
    """The day after, with as many rows as any."""
    day = FIRST + timedelta(days=DAYS)
    _sell(connection, rows, rows + rows // DAYS, f"date '{day}'")
    connection.execute("update run_settings set as_of_date = $1", [day])


def _sell(connection: duckdb.DuckDBPyConnection, start: int, end: int, day: str) -> None:
    # The larger segments have most rows, as of real countries and channels.
    segments = ", ".join(
        f"'s' || cast(floor({count} * power((hash(i, '{name}') % 100000) / 100000, 2)) as integer)"
        for name, count in DIMENSIONS.items()
    )
    connection.execute(
        f"insert into sales select {day} as day, (hash(i, 'amount') % 100000) / 100, (hash(i, 'tax') % 10000) / 100, "
        f"1 + hash(i, 'units') % 9, 'c' || hash(i, 'customer') % 20000, hash(i, 'new') % 4 = 0, {segments} "
        f"from range({start}, {end}) numbers(i)"
    )
    connection.execute(
        "insert into stg_sales select day, day + interval 1 day from sales where day >= "
        "coalesce((select max(happened) + interval 1 day from stg_sales), date '0001-01-01')"
    )


def _values(connection: duckdb.DuckDBPyConnection, _: Path) -> None:
    build_kpis(connection, plans())


def _anomalies(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    build_anomalies(connection, plans(), folder / "expectations")


# What a run does for KPIs, in order; each step is timed on all three years, and again when a day was added.
STEPS: dict[str, Callable[[duckdb.DuckDBPyConnection, Path], None]] = {
    "values": _values,
    "anomalies and causes": _anomalies,
}


def _run(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, float]:
    spent = {}
    for name, step in STEPS.items():
        begun = time.perf_counter()
        step(connection, folder)
        spent[name] = time.perf_counter() - begun
    return spent


def _lake(path: Path, rows: int) -> dict[str, Any]:
    """Runs in the child: ours."""
    with _open(path) as connection:
        make_world(connection, rows)
        whole = _run(connection, path.parent)
        add_day(connection, rows)
        more = _run(connection, path.parent)
        counted = connection.execute("select count(*) from kpi_values").fetchall()[0][0]
        found = connection.execute(
            "select kpi, cadence, dimension, count(*), sum(value) from kpi_values where n > 0 group by all order by all"
        ).fetchall()
        told = connection.execute(
            "select count(*) filter (where part_of is null), count(distinct root_causes.anomaly) "
            "from anomalies left join root_causes using (anomaly)"
        ).fetchall()[0]
        judged = connection.execute("select count(*) from kpi_series where status = 'ok'").fetchall()[0][0]
    return {
        "whole": whole, "more": more, "values": counted, "found": found, "judged": judged, "anomalies": told[0], "caused": told[1],
    }  # fmt: skip


def _peer(path: Path, rows: int) -> dict[str, Any]:
    """Runs in the child: plain SQL."""
    with _open(path) as connection:
        make_world(connection, rows)
        spent, found = [], []
        for turn in range(2):
            if turn:
                add_day(connection, rows)
            begun = time.perf_counter()
            for plan in plans():
                for cadence in plan.kpi.cadence:
                    connection.execute(
                        f"create or replace table {plan.kpi.name}_{cadence} as {_sql(plan.kpi, cadence)}"
                    )
            spent.append(time.perf_counter() - begun)
        for plan in plans():
            for cadence in plan.kpi.cadence:
                found += connection.execute(
                    f"select '{plan.kpi.name}', '{cadence}', dimension, count(*), sum(value) "
                    f"from {plan.kpi.name}_{cadence} group by all"
                ).fetchall()
    return {"whole": spent[0], "more": spent[1], "found": sorted(found)}


def _sql(kpi: Kpi, cadence: str) -> str:
    period = "day" if cadence == "daily" else "date_trunc('week', day)"
    value = kpi.value or f"cast({kpi.numerator} as double) / nullif({kpi.denominator}, 0)"
    cases = " ".join(f"when grouping({name}) = 0 then {{}}" for name in kpi.dimensions)
    return (
        f"select {period} as period, case {cases.format(*(repr(name) for name in kpi.dimensions))} else '' end as dimension, "
        f"case {cases.format(*kpi.dimensions)} else '' end as segment, cast({value} as double) as value, count(*) as n from sales "
        f"{'' if kpi.filter is None else f'where {kpi.filter} '}"
        f"group by grouping sets ((period), {', '.join(f'(period, {name})' for name in kpi.dimensions)})"
    )


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": CORES, "memory_limit": DUCKDB_LIMIT, "temp_directory": f"{path}.tmp", "preserve_insertion_order": False,
    }  # fmt: skip
    return duckdb.connect(str(path), config=config)


def check_day(folder: Path, rows: int = SMALL) -> None:
    """Fails unless a day more gives the values that a build of nothing but that state gives."""
    found = []
    for turn in range(2):
        with _open(folder / f"small_{turn}.duckdb") as connection:
            make_world(connection, rows)
            if not turn:
                _values(connection, folder)
            add_day(connection, rows)
            _values(connection, folder)
            found.append(connection.execute("from kpi_values order by all").fetchall())
    if found[0] != found[1]:
        raise SystemExit("kpi_values: expected after a day more the same rows as made anew, found others")


def _agree(ours: list[list[Any]], theirs: list[list[Any]]) -> None:
    if [row[:4] for row in ours] != [row[:4] for row in theirs]:
        raise SystemExit("the two sides differ in KPIs, dimensions or counts")
    for one, other in zip(ours, theirs, strict=True):
        if not math.isclose(one[4], other[4], rel_tol=1e-9):
            raise SystemExit(f"the two sides differ in values: {one} against {other}")


def _child(side: str, path: Path, rows: int) -> tuple[dict[str, Any], float]:
    """What a side told, and its peak memory in GB."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.kpis",
        "--side",
        side,
        "--keep",
        str(path),
        "--rows",
        str(rows),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told, told.pop("peak_kb") / 1e6


def _compare(rows: int, folder: Path) -> None:
    console = Console(width=100)
    check_day(folder)
    console.print(f"{SMALL:,} rows and a day more: equal to values made anew")
    theirs, their_peak = _child("peer", folder / "peer.duckdb", rows)
    ours, our_peak = _child("lake", folder / "lake.duckdb", rows)
    _agree(ours["found"], theirs["found"])
    whole, more = (sum(ours[turn].values()) for turn in ("whole", "more"))
    table = Table(
        title=f"{len(plans())} KPIs, {len(DIMENSIONS)} dimensions, {rows:,} rows: {ours['values']:,} values, "
        f"{ours['judged']:,} judged series, {ours['anomalies']} anomalies, {ours['caused']} with causes"
    )
    for heading in ("step", "3 years, s", "a day more, s", "peak memory"):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    for step in STEPS:
        table.add_row(step, f"{ours['whole'][step]:.2f}", f"{ours['more'][step]:.2f}", "")
    table.add_section()
    table.add_row("all steps", f"{whole:.2f}", f"{more:.2f}", f"{our_peak:.2f} GB")
    table.add_row("one query per KPI and cadence: values only", f"{theirs['whole']:.2f}", f"{theirs['more']:.2f}", f"{their_peak:.2f} GB")  # fmt: skip
    table.add_row("ratio", f"{whole / theirs['whole']:.2f}", f"{more / theirs['more']:.2f}", f"{our_peak / their_peak:.2f}")  # fmt: skip
    table.caption = f"aim: {AIM_S:g} s, and {AIM_OF_A_DAY_S:g} s for a day more, on {CORES} cores"
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=500_000, help="rows of sales (default 500,000)")
    parser.add_argument("--keep", type=Path, help="keep the tables in this folder")
    parser.add_argument("--side", choices=["lake", "peer"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.side:
        told = {"lake": _lake, "peer": _peer}[chosen.side](chosen.keep, chosen.rows)
        print(json.dumps({**told, "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
        return
    with tempfile.TemporaryDirectory(prefix="lakehouse-bench-") as folder:
        if chosen.keep:
            chosen.keep.mkdir(parents=True, exist_ok=True)
        _compare(chosen.rows, chosen.keep or Path(folder))


if __name__ == "__main__":
    main()
