"""Seconds and peak memory per layer for N order items, and the ratio to plain DuckDB over the same files.

    python -m benchmarks.layers [--items 1000000] [--keep DIR]

Each side runs in a process of its own, one after the other, in this one command. Start-up (imports, the
orchestrator's instance) is shown apart and left out of the ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

ITEMS_PER_ORDER = 2.5
PAGE = os.sysconf("SC_PAGE_SIZE")


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def _lake(data: Path) -> dict[str, object]:
    """Runs in the child: the whole job, with seconds and peak memory of each layer."""
    from lakehouse.catalog import load_catalog
    from lakehouse.defs.runner import StepEvent, run_assets
    from lakehouse.display import layer_of
    from lakehouse.settings import Settings

    settings = Settings(data_dir=data, reports_dir=data / "reports", settle_seconds=0)
    spent: dict[str, float] = {}
    peak: dict[str, int] = {}
    begun: dict[str, float] = {}
    current = ["start-up"]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.01):
            peak[current[0]] = max(peak.get(current[0], 0), _resident())

    def told(event: StepEvent) -> None:
        now = time.perf_counter()
        if event.kind == "start":
            begun[event.step] = now
            current[0] = layer_of(event.step)
        else:
            layer = layer_of(event.step)
            spent[layer] = spent.get(layer, 0.0) + now - begun[event.step]

    watcher = threading.Thread(target=watch)
    watcher.start()
    whole = time.perf_counter()
    outcome = run_assets(settings, load_catalog(), "*", on_event=told)
    whole = time.perf_counter() - whole
    ended.set()
    watcher.join()
    if not outcome.success:
        raise SystemExit(f"the run failed: {outcome.failures}")
    import duckdb

    with duckdb.connect(str(settings.paths.marts), read_only=True) as connection:
        net, items = connection.execute(
            "select (select sum(net_revenue) from fct_orders)::double, (select count(*) from fct_order_items)::double"
        ).fetchall()[0]
    return {"spent": spent, "peak": peak, "whole": whole, "net_revenue": net, "order_items": items}


def _child(*arguments: str) -> tuple[dict[str, object], float, int]:
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", *arguments], check=True, capture_output=True, text=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return json.loads(done.stdout.splitlines()[-1]), time.perf_counter() - begun, peak


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--items", type=int, default=1_000_000, help="order items (default 1,000,000; tried up to 20,000,000)"
    )
    parser.add_argument("--keep", type=Path, help="keep the lake in this folder")
    parser.add_argument("--lake", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.lake is not None:
        print(json.dumps(_lake(chosen.lake)))
        return
    with tempfile.TemporaryDirectory(prefix="lakehouse-bench-") as folder:
        _compare(chosen.items, chosen.keep or Path(folder))


def _compare(items: int, data: Path) -> None:
    from lakehouse.synth.company import generate
    from lakehouse.synth.plan import GeneratorPlan

    console = Console(width=100)
    begun = time.perf_counter()
    plan = GeneratorPlan(
        orders=round(items / ITEMS_PER_ORDER), start=date(2025, 1, 1), end=date(2026, 1, 1), seed=1
    )
    generate(plan, data / "landing")
    console.print(f"generated in {time.perf_counter() - begun:.1f} s")
    plain, _, plain_peak = _child("benchmarks.plain_duckdb", str(data / "landing"))
    lake, process_s, _ = _child("benchmarks.layers", "--lake", str(data))
    spent, peak = lake["spent"], lake["peak"]
    assert isinstance(spent, dict)
    assert isinstance(peak, dict)
    if (plain["net_revenue"], plain["order_items"]) != (lake["net_revenue"], lake["order_items"]):
        raise SystemExit(f"the two sides differ: {plain} against {lake}")
    table = Table(title=f"{lake['order_items']:,.0f} order items")
    for heading in ("layer", "seconds", "peak memory"):
        table.add_column(heading, justify="left" if heading == "layer" else "right")
    for layer, seconds in spent.items():
        table.add_row(layer, f"{seconds:.2f}", f"{peak.get(layer, 0) / 1e6:,.0f} MB")
    total = sum(spent.values())
    table.add_row(
        "start-up and orchestration", f"{process_s - total:.2f}", f"{peak.get('start-up', 0) / 1e6:,.0f} MB"
    )
    table.add_section()
    table.add_row("the lake, start-up aside", f"{total:.2f}", f"{max(peak.values()) / 1e6:,.0f} MB")
    peer = float(str(plain["read"])) + float(str(plain["models"]))
    table.add_row("plain DuckDB", f"{peer:.2f}", f"{plain_peak / 1e6:,.0f} MB")
    table.add_row("ratio, start-up aside", f"{total / peer:.2f}", f"{max(peak.values()) / plain_peak:.2f}")
    table.add_row("ratio, the whole process", f"{process_s / peer:.2f}", "")
    console.print(table)


if __name__ == "__main__":
    main()
