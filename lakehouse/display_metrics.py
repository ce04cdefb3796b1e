"""What KPIs look like in a terminal of 80 columns.

Belongs here: tables made of values that are given. Not here: where the values come from (cli_metrics.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from lakehouse.display_experiments import printable
from lakehouse.metrics.definition import Kpi
from lakehouse.metrics.published import Period, Status
from lakehouse.reports import words

MISSING = words.MISSING


def list_table(kpis: Iterable[Kpi], statuses: Mapping[str, Status]) -> Table:
    """Every KPI: whose it is, which way is good, and through which day its data are in."""
    table = _table()
    table.add_column("KPI", no_wrap=True)
    table.add_column("owner", no_wrap=True)
    table.add_column("good", no_wrap=True)
    table.add_column("by", overflow="fold", min_width=15)
    table.add_column("data through", min_width=10)
    for kpi in kpis:
        found = statuses.get(kpi.name)
        table.add_row(
            Text(kpi.name),
            kpi.owner,
            kpi.direction,
            Text(", ".join(kpi.dimensions) or MISSING),
            Text(through(found)),
        )
    return table


def through(status: Status | None) -> str:
    """The last complete day, or why there is none."""
    if status is None:
        return "not built yet"
    if status.status != "ok" or status.complete_through is None:
        return status.status
    return str(status.complete_through)


def periods_table(kpi: Kpi, periods: Sequence[Period], dimension: str) -> Table:
    """Periods one below the other, each with its changes; those that are still coming in are marked."""
    table = _table(f"{printable(kpi.label)}, {printable(kpi.unit)}")
    table.add_column("period", no_wrap=True)
    if dimension:
        table.add_column(dimension, overflow="fold")
    for heading in ("value", "n", "week", "4 weeks", "year"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in periods:
        mark = "" if one.is_complete else " *"
        named = [Text(printable(one.segment))] if dimension else []
        table.add_row(
            f"{one.period_start}{mark}",
            *named,
            amount(one.value),
            f"{one.n:,}",
            *(change(found) for found in (one.week_change, one.month_change, one.year_change)),
        )
    return table


def amount(value: float | None) -> str:
    """As many places as tell something: money with two, shares with four."""
    if value is None:
        return MISSING
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 10 else f"{value:.4f}"


def change(relative: float | None) -> str:
    if relative is None:
        return MISSING
    return f"{100 * relative:+,.1f}%" if abs(relative) < 100 else f"{relative:+,.0f}x"


def _table(title: str | None = None) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
