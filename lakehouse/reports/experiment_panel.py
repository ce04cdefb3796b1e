"""What happened to treated and untreated units, period by period: the picture behind a quasi-experiment.

Here belongs exp_panel for the deciding metric. The effect is the readout's.
"""

import duckdb
import polars as pl

from lakehouse.reports import words
from lakehouse.reports.charts_effects import panel_lines
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.experiment_data import Trial, as_day
from lakehouse.reports.page import Chart, Column, Section, Sentence, Table
from lakehouse.warehouse.query import read

_TABLE = "exp_panel"
_SERIES = {"treated": "Treated units", "untreated": "Never treated units"}
_FORM = words.Form("number")

_PANEL = """
select
    period,
    min(period_label) as label,
    avg(value) filter (adopted is not null) as treated,
    avg(value) filter (adopted is null) as untreated
from exp_panel
where experiment_id = $experiment and metric = $metric
group by period
order by period
"""

_UNITS = """
with units as (
    select unit_id, min(adopted) as adopted from exp_panel where experiment_id = $experiment and metric = $metric group by all
)

select
    count(*) filter (adopted is not null) as treated,
    count(*) filter (adopted is null) as untreated,
    count(distinct adopted) as dates,
    min(adopted) as first_adopted
from units
"""


def panel(connection: duckdb.DuckDBPyConnection, trial: Trial) -> Section:
    """Levels of treated and never treated units before and after the treatment."""
    title = "Treated and untreated units over time"
    metric = trial.primary[0].metric if trial.primary else ""
    found = read(connection, _PANEL, experiment=trial.id, metric=metric)
    if found.is_empty():
        return Section("panel", title, empty="The panel has no rows.")
    (units,) = read(connection, _UNITS, experiment=trial.id, metric=metric).iter_rows(named=True)
    label = trial.primary[0].label
    since = _label_of(found, units["first_adopted"])
    told = (
        f"{label}: {words.counted(units['treated'], 'treated unit')} and "
        f"{words.count(units['untreated'])} never treated over {words.counted(len(found), 'period')}"
    )
    if units["dates"] > 1:
        told += f", treated at {words.count(units['dates'])} different times, the first {_when(since)}"
    elif since:
        told += f", treated from {_when(since)} on"
    chart = _chart(trial, found, units["first_adopted"])
    return Section("panel", title, (Sentence(f"{told}.", (_TABLE,)),), charts=(chart,))


def _label_of(found: pl.DataFrame, period: float | None) -> str | None:
    """The first period from then on, as the source tells it."""
    after = found.filter(pl.col("period") >= period) if period is not None else found.head(0)
    return None if after.is_empty() else after["label"][0]


def _when(text: str | None) -> str:
    day = as_day(text)
    return words.day(day) if day else words.named(text or words.MISSING)


def _chart(trial: Trial, found: pl.DataFrame, since: float | None) -> Chart:
    label = words.shorten(trial.primary[0].label, 60)
    series = {
        name: text for name, text in _SERIES.items() if not found[name].drop_nulls().is_empty()
    } or _SERIES
    days = [as_day(text) for text in found["label"]]
    is_dated = all(days)
    frame = found.with_columns(pl.Series("label", days, dtype=pl.Date)) if is_dated else found
    begun = as_day(_label_of(found, since)) if is_dated else since
    heading = Column("Period from", "label", words.DAY) if is_dated else Column("Period", "label")
    drawing = panel_lines(
        "label" if is_dated else "period", series, label, _FORM, since=begun, is_dated=is_dated
    )
    table = Table(
        f"{label} by period",
        (heading, *(Column(text, name, _FORM) for name, text in series.items())),
        Rows(Dataset("panel", frame), order="period"),
        noun=("period", "periods"),
    )
    return Chart(
        "panel-chart",
        f"{label}: mean of treated and of never treated units",
        drawing,
        table,
        f"{words.counted(len(series), 'line')} over {words.counted(len(found), 'period')}.",
        "What the untreated units did tells what the treated ones would have done. Dashed and upright: where the treatment began.",
    )
