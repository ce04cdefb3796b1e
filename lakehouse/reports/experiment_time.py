"""How the deciding metric's change came about day by day.

Here belongs exp_effect_daily; the verdict rests on the whole, never on one of its days.
"""

from datetime import date, timedelta
from typing import Any

import duckdb
import polars as pl

from lakehouse.reports import words
from lakehouse.reports.charts_effects import effect_band
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.experiment_data import Trial
from lakehouse.reports.experiment_metrics import reach_of
from lakehouse.reports.experiment_words import interval, signed
from lakehouse.reports.page import Chart, Column, Section, Sentence, Table
from lakehouse.warehouse.query import read

_TABLE = "exp_effect_daily"
_WEEK = timedelta(days=7)

_DAYS = """
select
    date as day, n, n_control, lift as estimate, low, high, sequential_low as outer_low, sequential_high as outer_high
from exp_effect_daily
where experiment_id = $experiment and variant = $variant
order by date
"""


def by_day(connection: duckdb.DuckDBPyConnection, trial: Trial) -> Section:
    """The change as it stood on each day, with the interval of that day and the one that holds at every look."""
    title = "The change day by day"
    sentences: list[Sentence] = []
    charts: list[Chart] = []
    for place, variant in enumerate(trial.variants):
        days = read(connection, _DAYS, experiment=trial.id, variant=variant)
        if days["estimate"].drop_nulls().is_empty():
            continue
        sentences.append(Sentence(_told(trial, variant, days), (_TABLE,)))
        charts.append(_band(trial, variant, place, days))
    if not charts:
        return Section(
            "by-day", title, empty="No day has a change to draw: nothing is known of both arms yet."
        )
    return Section("by-day", title, tuple(sentences), charts=tuple(charts))


def _told(trial: Trial, variant: str, days: pl.DataFrame) -> str:
    known = days.filter(pl.col("estimate").is_not_null())
    last = known.row(-1, named=True)
    label = trial.primary[0].label
    told = (
        f"{label} of {words.named(variant)}: at the end of {words.day(last['day'])} the change stood at "
        f"{signed(last['estimate'])} ({trial.level} interval {interval(last['low'], last['high'])}), from "
        f"{words.count(last['n'])} and {words.counted(last['n_control'], *trial.units)}"
    )
    before = known.filter(pl.col("day") == last["day"] - _WEEK)
    if not before.is_empty():
        told += f"; a week before at {signed(before['estimate'][0])}"
    return f"{told}.{_looked(known)}"


def _looked(known: pl.DataFrame) -> str:
    """Since when the interval that holds at every look leaves out zero; empty without one."""
    rows: list[dict[str, Any]] = [
        row
        for row in known.iter_rows(named=True)
        if row["outer_low"] is not None and row["outer_high"] is not None
    ]
    if not rows:
        return ""
    last = rows[-1]
    if last["outer_low"] <= 0 <= last["outer_high"]:
        return " The interval that holds at every look still includes zero."
    since: date = last["day"]
    for row in reversed(rows):
        if row["outer_low"] <= 0 <= row["outer_high"]:
            break
        since = row["day"]
    return f" The interval that holds at every look leaves out zero since {words.day(since)}."


def _band(trial: Trial, variant: str, place: int, days: pl.DataFrame) -> Chart:
    has_looks = not days["outer_low"].drop_nulls().is_empty()
    labels = {"estimate": "Change so far", "inner": f"{trial.level} interval for one look at that day"}
    columns = [
        Column("Up to", "day", words.DAY),
        Column("Units", "n", words.COUNT),
        Column("Control", "n_control", words.COUNT),
        Column("Change", "estimate", words.PERCENT),
        Column("From", "low", words.PERCENT),
        Column("To", "high", words.PERCENT),
    ]
    note = "The first days hold few units, so their intervals are wide."
    if has_looks:
        labels["outer"] = f"{trial.level} interval for every look"
        columns += [
            Column("Every look: from", "outer_low", words.PERCENT),
            Column("To", "outer_high", words.PERCENT),
        ]
    else:
        note += " No looks before the end were planned: a day that leaves out zero is no verdict."
    half = days.tail(max(1, len(days) // 2))
    against = f"{words.shorten(variant, 60)} against {words.shorten(trial.control, 60)}"
    label = words.shorten(trial.primary[0].label, 60)
    table = Table(
        f"{label}, {against}, by day",
        tuple(columns),
        Rows(Dataset(f"days-{place + 1}", days), order="day"),
        noun=("day", "days"),
    )
    reach = _with_line(reach_of(half, "outer_low", "outer_high"), days["estimate"])
    return Chart(
        f"by-day-{place + 1}",
        f"{label} so far: {against}",
        effect_band("day", labels, "Change relative to the control", words.PERCENT, reach=reach),
        table,
        f"A line with its interval over {words.counted(len(days), 'day')}.",
        note,
    )


def _with_line(reach: tuple[float, float] | None, line: pl.Series) -> tuple[float, float] | None:
    """The reach of the later days, with the earlier line as far as it doesn't shrink them below a third."""
    known = line.drop_nulls().to_list()
    if reach is None or not known:
        return reach
    low, high = reach
    room = high - low
    return min(low, max(min(known), low - room)), max(high, min(max(known), high + room))
