"""For whom: the deciding metric by segment, as measured and pulled towards the common change.

Here belongs exp_segments for the deciding metric; the table holds the other metrics too.
"""

import duckdb
import polars as pl

from lakehouse.reports import words
from lakehouse.reports.charts_effects import forest
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.experiment_data import Trial
from lakehouse.reports.experiment_metrics import reach_of
from lakehouse.reports.experiment_words import TOLD, chance, signed
from lakehouse.reports.page import Chart, Column, Section, Sentence, Table
from lakehouse.warehouse.query import read

_TABLE = "exp_segments"
_DRAWN, _NAMED = 30, 3
_READINGS = {"plain": "As measured", "shrunk": "Shrunk"}

_SEGMENTS = """
select
    segment, segment_value, n, n_control, lift, lift_low, lift_high, shrunk_lift, shrunk_low, shrunk_high, p_adjusted,
    status, reason
from exp_segments
where experiment_id = $experiment and metric = $metric and variant = $variant
order by lift is null, segment, n + n_control desc, segment_value
"""


def segments(connection: duckdb.DuckDBPyConnection, trial: Trial) -> Section:
    """A forest of segments for every variant."""
    title = "For whom: segments"
    sentences: list[Sentence] = []
    charts: list[Chart] = []
    for place, row in enumerate(trial.primary):
        found = read(connection, _SEGMENTS, experiment=trial.id, metric=row.metric, variant=row.variant)
        if found.is_empty():
            continue
        sentences.append(Sentence(_told(trial, row.variant, found), (_TABLE,)))
        charts.append(_forest(trial, row.variant, place, found))
    if not charts:
        return Section(
            "segments", title, empty="No segments: none were planned, or nothing is known of them yet."
        )
    return Section("segments", title, tuple(sentences), charts=tuple(charts))


def _told(trial: Trial, variant: str, found: pl.DataFrame) -> str:
    label = trial.primary[0].label
    told = found.filter((pl.col("p_adjusted") <= trial.alpha) & pl.col("lift").is_not_null())
    whole = words.counted(len(found), "segment")
    if told.is_empty():
        text = f"{label} of {words.named(variant)}: in none of {whole} is the change told from chance, adjusted for all of them"
    else:
        names = ", ".join(
            f"{_name(row)} ({signed(row['lift'])}, shrunk {signed(row['shrunk_lift'])})"
            for row in told.head(_NAMED).iter_rows(named=True)
        )
        more = f" and {words.count(len(told) - _NAMED)} more" if len(told) > _NAMED else ""
        verb = "is" if len(told) == 1 else "are"
        text = (
            f"{label} of {words.named(variant)}: {words.count(len(told))} of {whole} {verb} told from chance, adjusted for "
            f"all of them: {names}{more}"
        )
    known = found["shrunk_lift"].drop_nulls().to_list()
    if len(known) > 1:
        text += f". Shrunk, changes run from {signed(min(known))} to {signed(max(known))}"
    return f"{text}."


def _name(row: dict[str, object]) -> str:
    return words.named(f"{row['segment']}: {row['segment_value']}")


def _forest(trial: Trial, variant: str, place: int, found: pl.DataFrame) -> Chart:
    names = [f"{row['segment']}: {row['segment_value']}" for row in found.iter_rows(named=True)]
    rows = []
    for row, name, label in zip(found.iter_rows(named=True), names, words.chart_labels(names), strict=True):
        counts = (row["n"], row["n_control"], chance(row["p_adjusted"]))
        plain = (row["lift"], row["lift_low"], row["lift_high"])
        shrunk = (row["shrunk_lift"], row["shrunk_low"], row["shrunk_high"])
        for key, figures in (("plain", plain), ("shrunk", shrunk)):
            if key == "plain" or figures[0] is not None:
                rows.append((label, name, key, _READINGS[key], *figures, *counts, row["reason"] or None))
    names_of = ("label", "name", "key", "reading", "estimate", "low", "high", "n", "n_control", "p", "reason")
    kinds = {
        **dict.fromkeys(names_of, pl.String),
        **dict.fromkeys(("estimate", "low", "high"), pl.Float64),
        **dict.fromkeys(("n", "n_control"), pl.Int64),
    }
    frame = pl.DataFrame(rows, schema=kinds, orient="row")
    known = frame.filter(pl.col("estimate").is_not_null())
    drawn = known.head(2 * _DRAWN)
    against = f"{words.shorten(variant, 60)} against {words.shorten(trial.control, 60)}"
    columns = (
        Column("Segment", "name", is_name=True),
        Column("Reading", "reading"),
        Column("Units", "n", words.COUNT),
        Column("Control", "n_control", words.COUNT),
        Column("Change", "estimate", words.PERCENT),
        Column("From", "low", words.PERCENT),
        Column("To", "high", words.PERCENT),
        Column("p, adjusted", "p", TOLD),
        Column("Why none", "reason", is_name=True),
    )
    label = words.shorten(trial.primary[0].label, 60)
    table = Table(
        f"{label} by segment, {against}",
        columns,
        Rows(Dataset(f"segments-{place + 1}", frame)),
        note=f"Intervals are of {trial.level}. The other metrics' segments stand in exp_segments.",
        noun=("segment", "segments"),
    )
    reach = reach_of(drawn)
    note = "Shrunk: pulled towards the change of all segments as far as chance may have made the difference."
    if len(known) > len(drawn):
        note += f" Drawn are the first {_DRAWN}; the table holds all."
    return Chart(
        f"segments-{place + 1}-chart",
        f"{label} by segment: {against}",
        forest(
            "label",
            "key",
            _READINGS,
            "Change relative to the control",
            words.PERCENT,
            reach=reach,
            is_twinned=True,
        ),
        table,
        f"Points and intervals of {words.counted(len(found), 'segment')}, as measured and shrunk.",
        note,
        drawn_rows=len(drawn),
    )
