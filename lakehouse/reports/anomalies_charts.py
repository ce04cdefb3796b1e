"""The pictures of one anomaly: its series with what was expected of it, and the steps of the change.

Here belong the rows that are drawn. How they are drawn belongs to `charts_anomalies`.
"""

from datetime import timedelta
from typing import Any

import duckdb
import polars as pl

from lakehouse.reports import words
from lakehouse.reports.anomalies_data import Anomaly, Watch, rows_of
from lakehouse.reports.anomalies_words import brief, cell_form, figure, form_of, kpi_form, moved, name_of
from lakehouse.reports.charts_anomalies import BETTER, ENDS, NEITHER, REST, WORSE, expected_band, waterfall
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.drawing import HALF, WIDE
from lakehouse.reports.page import Chart, Column, Table

# What is drawn of a series: ten weeks of days, a year of weeks; more where the anomaly began before, and never more
# than can be told apart.
_DAYS, _WEEKS, _BEFORE, _MOST = 70, 53, 14, 400
_STEPS = 8
_STEP_LABEL = 40

_BAND = """
select
    found.period_start as day, found.value as actual, expectation.expected, expectation.low, expectation.high,
    case when found.period_start between case $2 when 'weekly' then date_trunc('week', $5::date)::date else $5::date end and $6
        then 1 else 0 end as is_out
from kpi_values as found
left join kpi_expected as expectation using (kpi, cadence, dimension, segment, period_start)
where found.kpi = $1 and found.cadence = $2 and found.dimension = $3 and found.segment = $4 and found.is_complete
    and found.period_start > $7
order by day desc
limit $8
"""
_CAUSES = """
select segment, contribution from root_causes
where anomaly = $1 and contribution is not null and isfinite(contribution)
order by rank
"""
_FACTORS = """
select coalesce(nullif(label, ''), factor) as segment, contribution from anomaly_factors
left join kpi_definitions on kpi_definitions.kpi = factor
where anomaly = $1 and contribution is not null and isfinite(contribution)
order by abs(contribution) desc, factor
"""


def band(connection: duckdb.DuckDBPyConnection, watch: Watch, anomaly: Anomaly, place: int) -> Chart | None:
    """The series with what was expected of it and the anomaly's periods; None where the tables hold nothing of it."""
    step = 7 if anomaly.is_weekly else 1
    kept = (_WEEKS if anomaly.is_weekly else _DAYS) * step
    last = max(anomaly.ended_on, watch.as_of) if watch.as_of else anomaly.ended_on
    first = min(last - timedelta(days=kept), anomaly.started_on - timedelta(days=_BEFORE * step))
    where = (anomaly.kpi, anomaly.cadence, anomaly.dimension, anomaly.segment)
    found = rows_of(connection, _BAND, *where, anomaly.started_on, anomaly.ended_on, first, _MOST)
    figures = dict.fromkeys(("actual", "expected", "low", "high"), pl.Float64)
    rows = pl.DataFrame(found, schema={"day": pl.Date, **figures, "is_out": pl.Int64}, orient="row").reverse()
    if rows["actual"].drop_nulls().is_empty():
        return None
    form = kpi_form(watch.kpi(anomaly.kpi), watch.currency, rows["actual"].to_list())
    name, period = name_of(watch, anomaly), "week" if anomaly.is_weekly else "day"
    columns = (
        Column("Week from" if anomaly.is_weekly else "Day", "day", words.DAY),
        Column("Actual", "actual", cell_form(form)),
        Column("Expected", "expected", cell_form(form)),
        Column("From", "low", cell_form(form)),
        Column("To", "high", cell_form(form)),
    )
    table = Table(
        f"No. {place}: {name}, figures by {period}",
        columns,
        Rows(Dataset(f"band-{place}", rows), order="day"),
        noun=(period, f"{period}s"),
    )
    drawn = expected_band(
        "day",
        step,
        form.unit or ("Share" if form.kind == "percent" else "Value"),
        form,
        f"95 of 100 ordinary {period}s",
        "Out of the ordinary",
    )
    told = f"A line over {words.counted(len(rows), period)} with the range that was expected; {words.counted(int(rows['is_out'].sum()), period)} shaded."
    return Chart(f"band-{place}", f"No. {place}: {name} by {period}", drawn, table, told)


def steps(
    connection: duckdb.DuckDBPyConnection, watch: Watch, anomaly: Anomaly, place: int
) -> tuple[Chart, ...]:
    """From what was expected to what was found: by segment, by factor, by both, or neither where none is known."""
    if anomaly.expected is None or anomaly.actual is None:
        return ()
    found = [
        ("segments", "by segment", rows_of(connection, _CAUSES, anomaly.id)),
        ("factors", "by factor", rows_of(connection, _FACTORS, anomaly.id)),
    ]
    known = [(f"{key}-{place}", f"No. {place}: the change {by}", rows) for key, by, rows in found if rows]
    return tuple(_waterfall(watch, anomaly, *each, is_wide=len(known) == 1) for each in known)


def _waterfall(
    watch: Watch, anomaly: Anomaly, key: str, title: str, found: list[dict[str, Any]], *, is_wide: bool
) -> Chart:
    frame = steps_frame(watch, anomaly, found)
    form = form_of(watch, anomaly)
    columns = (Column("Step", "name", is_name=True), Column("Figure", "figure", cell_form(form)))
    table = Table(f"{title}, step by step", columns, Rows(Dataset(key, frame)), noun=("step", "steps"))
    unit = form.unit or ("Share" if form.kind == "percent" else "Value")
    return Chart(
        key,
        title,
        waterfall("label", unit, form, width=WIDE if is_wide else HALF),
        table,
        f"{words.counted(len(frame) - 2, 'step')} from what was expected to what was found.",
        ""
        if anomaly.is_good is None
        else "Orange: for the worse. Green: for the better. Grey: what no step explains.",
        is_wide=is_wide,
    )


def steps_frame(watch: Watch, anomaly: Anomaly, found: list[dict[str, Any]]) -> pl.DataFrame:
    """The rows of a waterfall: expected, each step, what is left, actual. Steps sum to the change."""
    expected, actual = anomaly.expected or 0.0, anomaly.actual or 0.0
    form = brief(form_of(watch, anomaly), max(abs(expected), abs(actual)))
    names = ["Expected", *(each["segment"] for each in found[:_STEPS])]
    rows = [(expected, expected, expected, figure(expected, form), ENDS)]
    at = expected
    for each in found[:_STEPS]:
        step = each["contribution"]
        rows.append((at, at + step, step, moved(step, form), _kind(anomaly, step)))
        at += step
    rest = actual - at
    if moved(rest, form) != moved(0.0, form):
        names.append("Everything else")
        rows.append((at, actual, rest, moved(rest, form), REST))
    names.append("Actual")
    rows.append((actual, actual, actual, figure(actual, form), ENDS))
    plain = [words.shorten(name, 200) or "(empty)" for name in names]
    texts = {"name": plain, "label": words.chart_labels(plain, _STEP_LABEL)}
    kinds = dict.fromkeys(("begin", "end", "figure"), pl.Float64) | dict.fromkeys(("told", "kind"), pl.String)
    figures = pl.DataFrame(rows, schema=kinds, orient="row")
    return pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String)).hstack(figures)


def _kind(anomaly: Anomaly, step: float) -> str:
    """Whether a step goes the good way: by what the anomaly's own way is."""
    if anomaly.is_good is None:
        return NEITHER
    is_up_good = anomaly.is_good == (anomaly.direction == "up")
    return BETTER if (step > 0) == is_up_good else WORSE
