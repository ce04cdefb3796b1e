"""All metrics of an experiment: changes with their intervals, and what each comes to.

Here belongs exp_readout by metric; the deciding metric's verdict stands in `experiment_verdict`.
"""

import polars as pl

from lakehouse.experiments.readout_rows import ReadoutRow
from lakehouse.reports import words
from lakehouse.reports.charts_effects import forest
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.experiment_data import READOUT, Trial
from lakehouse.reports.experiment_words import (
    RESULTS,
    ROLES,
    TOLD,
    chance,
    level,
    rested,
    result,
    sentence_of,
)
from lakehouse.reports.page import Chart, Column, Section, Sentence, Table

READINGS = {"plain": "As measured", "cuped": "Adjusted for the time before"}
# A chart that reached as far as its widest interval would leave no room for the others.
_REACH, _FARTHEST, _NEAREST = 4.0, 12.0, 0.001
_SCHEMA = {
    "label": pl.String,
    "metric": pl.String,
    "key": pl.String,
    "reading": pl.String,
    "estimate": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p": pl.String,
    "less": pl.Float64,
}


def metrics(trial: Trial) -> Section:
    """A forest of every variant's metrics, and a table of what they come to."""
    title = "All metrics"
    if not trial.rows:
        return Section("metrics", title, empty="The tables hold no readout of it.")
    return Section(
        "metrics",
        title,
        (Sentence(_told(trial), (READOUT,)), *_refusals(trial)),
        charts=tuple(_forest(trial, variant, place) for place, variant in enumerate(trial.variants)),
        tables=(_table(trial),),
    )


def reach_of(frame: pl.DataFrame, *others: str, always: int = 0) -> tuple[float, float] | None:
    """From where to where a chart of these rows reaches, zero within; None where nothing lies beside zero.

    Columns: estimate, low, high and `others`. What lies far beyond most of the bounds is cut off, but nothing of the
    first rows, `always` of them.
    """
    names = ("low", "high", *others)

    def away(rows: pl.DataFrame, *columns: str) -> list[float]:
        return sorted(abs(value) for name in columns for value in rows[name].drop_nulls())

    ends, points = away(frame, *names), away(frame, "estimate")
    if not any([*ends, *points]):
        return None
    usual = ends[len(ends) // 2] if ends else points[-1]
    far = max(_REACH * usual, min(points[-1], _FARTHEST * usual)) if points else _REACH * usual
    far = max([far, _NEAREST, *away(frame.head(always), "estimate", *names)])
    shown = [
        max(-far, min(far, value)) for name in ("estimate", *names) for value in frame[name].drop_nulls()
    ]
    low, high = min(0.0, *shown), max(0.0, *shown)
    room = 0.06 * max(high - low, _NEAREST)
    return round(low - room, 6), round(high + room, 6)


def _told(trial: Trial) -> str:
    results = [result(row, trial.alpha) for row in trial.rows]
    several = " and variants" if len(trial.variants) > 1 else ""
    counts = {name: results.count(name) for name in RESULTS}
    said = ", ".join(f"{words.count(counts[name])} {text}" for name, text in RESULTS.items() if counts[name])
    return f"Over all metrics{several}: {said}."


def _refusals(trial: Trial) -> tuple[Sentence, ...]:
    """Why metrics have no readout, one sentence per reason; the deciding metric's stands with the verdict."""
    reasons: dict[str, list[str]] = {}
    for row in trial.rows:
        if row.status != "ok" and row.role != "primary":
            reasons.setdefault(row.reason, []).append(f"{trial.said(row.variant)}{row.label}")
    return tuple(
        Sentence(f"{', '.join(words.named(name) for name in names)}: {sentence_of(reason)}", (READOUT,))
        for reason, names in reasons.items()
    )


def _forest(trial: Trial, variant: str, place: int) -> Chart:
    rows = trial.of(variant)
    labels = words.chart_labels(row.label for row in rows)
    readings = [each for row, label in zip(rows, labels, strict=True) for each in _readings(row, label)]
    frame = pl.DataFrame(readings, schema=_SCHEMA, orient="row")
    keys = {key: name for key, name in READINGS.items() if key in set(frame["key"])} or READINGS
    ends = [end for name in ("low", "high") for end in frame[name].drop_nulls()]
    reach = reach_of(frame, always=sum(frame["label"] == labels[0]))
    against = f"{words.shorten(variant, 60)} against {words.shorten(trial.control, 60)}"
    columns = (
        Column("Metric", "metric", is_name=True),
        Column("Reading", "reading"),
        Column("Change", "estimate", words.PERCENT),
        Column("From", "low", words.PERCENT),
        Column("To", "high", words.PERCENT),
        Column("p", "p", TOLD),
        Column("Noise removed", "less", words.PERCENT),
    )
    table = Table(
        f"Changes of {against}, with {trial.level} intervals",
        columns,
        Rows(Dataset(f"metrics-{place + 1}", frame)),
        note="p: the chance of a difference at least this large if there were none, before adjusting for several tests. "
        "Noise removed: the part of the change's variance that the time before explains.",
        noun=("metric with a change", "metrics with a change"),
    )
    cut = reach is not None and not all(reach[0] <= end <= reach[1] for end in ends)
    note = f"Lines are {trial.level} intervals; one that crosses the dashed line at zero may be no change at all."
    return Chart(
        f"forest-{place + 1}",
        f"Change of each metric: {against}",
        forest(
            "label",
            "key",
            keys,
            "Change relative to the control",
            words.PERCENT,
            reach=reach,
            is_twinned=len(keys) > 1,
        ),
        table,
        f"A point and an interval for each of {words.counted(len(set(frame['label'])), 'metric')}.",
        f"{note} The widest are cut off at the edge." if cut else note,
    )


def _readings(row: ReadoutRow, label: str) -> list[tuple[object, ...]]:
    """The change as measured, and adjusted where there is something to adjust with; none without a lift."""
    if row.status != "ok" or row.lift is None:
        return []
    first = (label, row.label)
    plain = (row.lift, row.lift_low, row.lift_high, chance(row.p_value), None)
    told: list[tuple[object, ...]] = [(*first, "plain", READINGS["plain"], *plain)]
    if row.cuped_lift is not None:
        p = chance(row.cuped_p_value)
        twin = (row.cuped_lift, row.cuped_lift_low, row.cuped_lift_high, p, row.variance_reduction)
        told.append((*first, "cuped", READINGS["cuped"], *twin))
    return told


def _table(trial: Trial) -> Table:
    rows = []
    for row in trial.rows:
        found = rested(row)
        levels = (level(row.mean, row.kind), level(row.mean_control, row.kind))
        figures = (found.lift, found.low, found.high, chance(row.decisive_p))
        rows.append(
            (f"{row.label} ({ROLES[row.role]})", row.variant, *levels, *figures, _comes_to(trial, row))
        )
    names = ("metric", "variant", "level", "control", "lift", "low", "high", "p", "result")
    numbers = dict.fromkeys(("lift", "low", "high"), pl.Float64)
    frame = pl.DataFrame(rows, schema={name: numbers.get(name, pl.String) for name in names}, orient="row")
    columns = (
        Column("Metric", "metric", is_name=True),
        *((Column("Variant", "variant", is_name=True),) if len(trial.variants) > 1 else ()),
        Column("Level", "level", TOLD),
        Column("Control", "control", TOLD),
        Column("Change", "lift", words.PERCENT),
        Column("From", "low", words.PERCENT),
        Column("To", "high", words.PERCENT),
        Column("Deciding p", "p", TOLD),
        Column("Comes to", "result", is_name=True),
    )
    note = (
        "The change is the one that is judged: adjusted for the time before where that was possible, and with the interval "
        "for every look where looks were planned. Intervals are each of one comparison, the deciding p is adjusted for all "
        "of its role: an interval may leave out zero and the change not be told from chance."
    )
    source = Rows(Dataset("readout", frame))
    return Table("What each metric comes to", columns, source, "readout", note, ("metric", "metrics"))


def _comes_to(trial: Trial, row: ReadoutRow) -> str:
    told = RESULTS[result(row, trial.alpha)]
    if row.margin is None or row.status != "ok":
        return told
    is_safe = row.non_inferiority_p is not None and row.non_inferiority_p <= trial.alpha
    return f"{told}; {'within' if is_safe else 'not shown yet to be within'} its margin of {words.percent(row.margin)}"
