"""The chart forms that reports share: pure functions from a Polars frame to an Altair chart.

Here belong marks, colours, axes and sizes. Queries, sentences and titles belong to a report; turning a chart
into SVG belongs to `svg`. Every function takes a frame whose columns its docstring names, so that a chart can
be drawn again elsewhere from the same rows.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl
import polars.selectors as cs

WIDE = 880
HALF = 420
HEIGHT = 260

# Okabe-Ito colours with at least 3:1 on white; the order is the order of use.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
DASHES = ([1, 0], [7, 3], [2, 2], [10, 3, 2, 3])
SHAPES = ("circle", "square", "triangle-up", "diamond")

AnyChart = alt.Chart | alt.LayerChart | alt.FacetChart

_INK = "#222222"
_FEW = 31
_DAYS_NAMED_UP_TO = 120


def long_form(frame: pl.DataFrame, series: Mapping[str, str]) -> pl.DataFrame:
    """The frame's `start` and the named columns, one row per period and series: `start`, `series`, `value`.

    series: label by column. Values become floats here, at the door to drawing and not before.
    """
    return (
        frame.select("start", *(pl.col(name).cast(pl.Float64).alias(label) for name, label in series.items()))
        .unpivot(index="start", variable_name="series", value_name="value")
        .with_columns(pl.col("value").round(4))
    )


def trend(
    frame: pl.DataFrame, series: Sequence[str], y_title: str, y_format: str, *, width: int = WIDE
) -> AnyChart:
    """Lines over days. Columns: `start` (date), `series` (text), `value` (number or null: a gap).

    Series differ in colour and in dash; points are drawn where a line alone could vanish.
    """
    colour = alt.Color(
        "series:N",
        scale=alt.Scale(domain=list(series), range=list(COLOURS[: len(series)])),
        legend=_legend(symbolType="stroke", symbolSize=500, symbolStrokeWidth=2.5)
        if len(series) > 1
        else None,
    )
    drawn = _with_days_as_text(frame)
    base = alt.Chart(drawn).encode(
        x=_days(frame, "start", width),
        y=alt.Y("value:Q", title=y_title, axis=_y_axis(y_format)),
        color=colour,
    )
    lines = base.mark_line(strokeWidth=2.2).encode(
        strokeDash=alt.StrokeDash(
            "series:N",
            scale=alt.Scale(domain=list(series), range=[list(dash) for dash in DASHES[: len(series)]]),
        )
    )
    lonely = drawn.filter(_is_lonely() | pl.lit(drawn["start"].n_unique() <= _FEW)).drop_nulls("value")
    points = base.mark_point(size=26, filled=True, opacity=1).properties(data=lonely)
    return _finished(alt.layer(lines, points, data=drawn), width)


def stacked_bars(
    frame: pl.DataFrame, series: Sequence[str], y_title: str, y_format: str, *, width: int = WIDE
) -> AnyChart:
    """Counts per period, stacked. Columns: `start`, `end` (dates, half-open), `series` (text), `value`.

    The first series stands at the bottom. The stack is summed here: a bar that has a width of its own in days
    is drawn unstacked by Vega-Lite.
    """
    stacked = (
        frame.with_columns(rank=pl.col("series").replace_strict(list(series), range(len(series))))
        .sort("start", "rank")
        .with_columns(high=pl.col("value").cum_sum().over("start"))
        .with_columns(low=pl.col("high") - pl.col("value"))
    )
    chart = (
        alt.Chart(_with_days_as_text(stacked.drop("rank")))
        .mark_rect(stroke="white", strokeWidth=1)
        .encode(
            x=_days(frame, "start", width),
            x2="end:T",
            y=alt.Y("low:Q", title=y_title, axis=_y_axis(y_format)),
            y2="high:Q",
            color=alt.Color(
                "series:N",
                scale=alt.Scale(domain=list(series), range=list(COLOURS[: len(series)])),
                legend=_legend(symbolType="square", symbolSize=150),
            ),
        )
    )
    return _finished(chart, width)


def ranked_bars(frame: pl.DataFrame, x_title: str, x_format: str, *, width: int = WIDE) -> AnyChart:
    """Bars from the largest down, in the frame's order. Columns: `label` (text, unique), `value` (number)."""
    step = 24
    values = [0.0, *frame["value"].to_list()]
    low, high = min(values), max(values)
    room = (high - low or 1.0) * 0.15
    data = frame.with_columns(end=pl.max_horizontal("value", pl.lit(0.0)))
    base = alt.Chart(data).encode(
        y=alt.Y(
            "label:N", sort=frame["label"].to_list(), title=None, axis=alt.Axis(labelLimit=300, ticks=False)
        ),
        x=alt.X(
            "value:Q",
            title=x_title,
            axis=alt.Axis(format=x_format, tickCount=3, domain=False),
            scale=alt.Scale(domain=[low, high + room], nice=False),
        ),
    )
    bars = base.mark_bar(color=COLOURS[0], height=15)
    figures = base.mark_text(align="left", dx=4, color=_INK, fontSize=12).encode(
        x="end:Q", text=alt.Text("value:Q", format=x_format)
    )
    return _finished(alt.layer(bars, figures, data=data), width, step * len(frame) + 46)


def cohort_points(
    frame: pl.DataFrame, series: Sequence[str], y_title: str, y_format: str, *, width: int = HALF
) -> AnyChart:
    """One point per cohort and window. Columns: `cohort` (text), `series` (text), `value`, `state` (text).

    `state` is complete or incomplete: incomplete windows are hollow points that no line reaches.
    """
    cohorts = frame["cohort"].unique(maintain_order=True).to_list()
    domain = list(series)
    every = max(1, -(-len(cohorts) // (width // 75)))
    base = alt.Chart(frame).encode(
        x=alt.X(
            "cohort:O",
            sort=cohorts,
            title="Month of the first purchase",
            axis=alt.Axis(values=cohorts[::every], labelAngle=0, labelOverlap=True),
        ),
        y=alt.Y("value:Q", title=y_title, axis=_y_axis(y_format)),
        color=alt.Color(
            "series:N",
            scale=alt.Scale(domain=domain, range=list(COLOURS[: len(domain)])),
            legend=_legend(symbolFillColor="white", symbolSize=70),
        ),
    )
    lines = base.mark_line(strokeWidth=1.6).transform_filter("datum.state === 'complete'")
    shape = alt.Shape("series:N", scale=alt.Scale(domain=domain, range=list(SHAPES[: len(domain)])))
    hollow = base.mark_point(size=52, fill="white", filled=False, strokeWidth=1.8, opacity=1).encode(
        shape=shape
    )
    solid = (
        base.mark_point(size=52, filled=True, opacity=1)
        .encode(shape=shape)
        .transform_filter("datum.state === 'complete'")
    )
    return _finished(alt.layer(lines, hollow, solid, data=frame), width)


def _finished(chart: AnyChart, width: int, height: int = HEIGHT) -> AnyChart:
    finished: AnyChart = chart.properties(
        width=width, height=height, autosize=alt.AutoSizeParams(type="fit", contains="padding"), padding=6
    ).configure(
        aria=False,
        background="white",
        # Metric-compatible everywhere: the room measured here is the room needed on the reader's screen.
        font="Arial, Helvetica, 'Liberation Sans', sans-serif",
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            labelColor=_INK,
            titleColor=_INK,
            gridColor="#e4e4e4",
            domainColor="#888888",
            tickColor="#888888",
        ),
        legend=alt.LegendConfig(labelFontSize=12, labelColor=_INK, labelLimit=220),
    )
    return finished


def _legend(**options: Any) -> alt.Legend:
    return alt.Legend(orient="top", title=None, direction="horizontal", columnPadding=18, **options)


def _days(frame: pl.DataFrame, column: str, width: int) -> alt.X:
    values = frame[column].unique().sort()
    days = (values[-1] - values[0]).days if len(values) else 0
    if days > _DAYS_NAMED_UP_TO:
        axis = alt.Axis(format="%b %Y", tickCount=max(3, width // 110), labelOverlap=True)
    else:
        shown = values.gather_every(max(1, -(-len(values) // max(2, width // 120))))
        axis = alt.Axis(
            format="%-d %b %Y",
            values=[alt.DateTime(year=d.year, month=d.month, date=d.day, utc=True) for d in shown],
            labelOverlap=True,
        )
    return alt.X(f"{column}:T", title=None, axis=axis, scale=alt.Scale(type="utc"))


def _with_days_as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Days as `2025-03-01`: on a UTC scale they stand on the same spot in every time zone."""
    return frame.with_columns(cs.date().dt.to_string("%Y-%m-%d"))


def _y_axis(number_format: str) -> alt.Axis:
    return alt.Axis(format=number_format, tickCount=5, domain=False, ticks=False, labelPadding=6)


def _is_lonely() -> pl.Expr:
    """Rows whose neighbours in their series are missing: a line doesn't show them."""
    value = pl.col("value")
    before = value.shift(1).over("series").is_null()
    return value.is_not_null() & before & value.shift(-1).over("series").is_null()
