"""What a report page of 12 charts costs: bytes, seconds to make, peak memory, and the time until a browser paints it.

    python -m benchmarks.report_pages [--charts 12] [--weeks 53] [--countries 40]

Each page is made in a process of its own, once without the drawing library in the cache and once with it. The first
paint is the median of five visits by Debian's chromium, from the disk.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

VISITS = 5
BUDGETS = {"static kB": 700, "interactive kB": 2000, "seconds": 2.0, "peak MB": 250, "first paint s": 0.5}
PAINT = "() => performance.getEntriesByName('first-contentful-paint').map(each => each.startTime / 1000)"
FIRST = date(2024, 12, 30)


def _page(charts: int, weeks: int, countries: int) -> Any:
    """Charts over one dataset that the page's filters narrow by week and country."""
    import polars as pl

    from lakehouse.reports import charts as forms
    from lakehouse.reports import page as parts
    from lakehouse.reports import words
    from lakehouse.reports.dataset import Dataset, Measure, Ratio, Rows
    from lakehouse.reports.periods import Periods

    names = ["", *(f"Country {place}" for place in range(1, countries + 1))]
    starts = [FIRST + timedelta(days=7 * week) for week in range(weeks)]
    rows = [
        (
            start,
            name,
            Decimal(f"{1000 * (place + 1) + 37 * week}.25"),
            Decimal(f"{600 * (place + 1)}.10"),
            10 + week % 7,
        )
        for place, name in enumerate(names)
        for week, start in enumerate(starts)
    ]
    frame = pl.DataFrame(rows, schema=["week", "country", "net", "cost", "orders"], orient="row")
    data = Dataset("sales", frame, "week", "country", {"average": Ratio("net", "orders")})
    euro = words.money_form("EUR")
    columns = (
        parts.Column("Week from", "week", words.DAY), parts.Column("Net", "net", words.AMOUNT),
        parts.Column("Cost", "cost", words.AMOUNT), parts.Column("Average", "average", words.AMOUNT),
    )  # fmt: skip

    def chart(place: int) -> parts.Chart:
        both = {"net": "Net", "cost": "Cost"}
        by_week = parts.Table(f"Sales by week {place}", columns, Rows(data, order="week"))
        top = Rows(data, ("country",), "net", is_descending=True, limit=15)
        ranked = parts.Table(f"Countries {place}", (parts.Column("Country", "country"), columns[1]), top)
        drawing, table = (
            (forms.trend("week", both, "EUR", euro), by_week),
            (forms.stacked_bars("week", 7, both, "EUR", euro), by_week),
            (forms.ranked_bars("country", "net", "EUR", euro), ranked),
        )[place % 3]
        return parts.Chart(f"chart-{place}", f"Chart {place}", drawing, table, "Sales of the company.")

    periods = Periods(
        7, tuple(parts.Period(start, start + timedelta(days=6)) for start in starts), is_first_left_out=False
    )
    tiles = tuple(
        parts.tile(Measure(label, data, column, euro, "up"), periods.now, periods.before)
        for label, column in (("Net", "net"), ("Cost", "cost"), ("Average", "average"))
    )
    sections = (
        parts.Section("key", "Key figures", tiles=tiles),
        parts.Section("charts", "Charts", charts=tuple(chart(place) for place in range(charts))),
    )
    return parts.Page(
        "sales", "Sales", parts.Sentence("A year."), parts.Origin("run", "0"), periods.last,
        parts.Period(periods.first, periods.last), sections,
        filters=periods.filters("Country", "All countries", tuple(names[1:])),
    )  # fmt: skip


def _make(path: Path, cache: Path, size: list[int], *, is_interactive: bool) -> dict[str, float]:
    """Runs in the child: imports are start-up, which a run pays once for all of its steps."""
    from lakehouse.reports.render import render

    begun = time.perf_counter()
    path.write_text(render(_page(*size), is_interactive=is_interactive, cache=cache), encoding="utf-8")
    seconds = time.perf_counter() - begun
    return {
        "kB": path.stat().st_size / 1000,
        "seconds": seconds,
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def _in_a_process(path: Path, cache: Path, size: list[int], *, is_interactive: bool) -> dict[str, float]:
    told = json.dumps([str(path), str(cache), size, is_interactive])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.report_pages", "--child", told],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _first_paint(path: Path) -> float | None:
    chromium = shutil.which("chromium")
    if chromium is None:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        painted = []
        for _ in range(VISITS):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            tab = context.new_page()
            tab.goto(path.as_uri())
            tab.wait_for_timeout(300)  # the entry is written after the frame
            painted += tab.evaluate(PAINT)
            context.close()
        browser.close()
    return statistics.median(painted)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("charts", 12), ("weeks", 53), ("countries", 40)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        path, cache, size, is_interactive = json.loads(asked.child)
        print(json.dumps(_make(Path(path), Path(cache), size, is_interactive=is_interactive)))
        return
    size = [asked.charts, asked.weeks, asked.countries]
    table = Table(
        "page",
        "kB",
        "seconds",
        "peak MB",
        "first paint s",
        title=f"{size[0]} charts, {size[1]} weeks x {size[2]} countries",
    )
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        for label, name, is_interactive in (
            ("static", "static", False),
            ("interactive, library made", "interactive", True),
            ("interactive, library cached", "interactive", True),
        ):
            path = Path(folder) / f"{name}.html"
            found = _in_a_process(path, cache, size, is_interactive=is_interactive)
            paint = _first_paint(path)
            shown = "no chromium" if paint is None else f"{paint:.2f}"
            table.add_row(
                label, f"{found['kB']:,.0f}", f"{found['seconds']:.2f}", f"{found['peak MB']:.0f}", shown
            )
    table.caption = "budgets: " + ", ".join(f"{name} {limit:g}" for name, limit in BUDGETS.items())
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
