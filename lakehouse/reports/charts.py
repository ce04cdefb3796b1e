"""The forms of charts that reports share: each a pure function from column names to a drawing.

Here belong marks, scales and axes. Rows are not needed to draw: a form names the columns that it expects, so the
same drawing serves the static picture and every filter of it. Queries, sentences and titles belong to a report.
"""

from collections.abc import Mapping
from typing import Any

import altair as alt

from lakehouse.reports.charts_parts import (
    axis_label,
    bright,
    days_axis,
    figures_axis,
    number_format,
    quoted,
    series_scale,
)
from lakehouse.reports.drawing import COLOURS, HALF, INK, ROWS, WIDE, Drawing, Key, drawing, keys_of
from lakehouse.reports.words import Form

_DAY_MS = 86_400_000
_FEW = 31


def trend(
    day: str,
    series: Mapping[str, str],
    y_title: str,
    form: Form,
    *,
    width: int = WIDE,
    axis_format: str = "~s",
) -> Drawing:
    """Lines over days. series: label by column; a column without a value leaves a gap.

    Series differ in colour and in dash; points are drawn where a line alone could vanish.
    """
    keys = keys_of(dict(series))
    base = _folded(day, series).encode(
        x=days_axis(day),
        y=alt.Y("value:Q", title=y_title, axis=figures_axis(axis_format)),
        color=_colour(keys),
        opacity=bright(),
        tooltip=_tips(form),
    )
    lines = base.mark_line(strokeWidth=2.2).encode(
        strokeDash=alt.StrokeDash("key:N", scale=series_scale(keys, "dash"), legend=None)
    )
    return drawing(alt.layer(lines, _points(base, day)), keys, width=width)


def stacked_bars(
    day: str, step_days: int, series: Mapping[str, str], y_title: str, form: Form, *, width: int = WIDE
) -> Drawing:
    """Counts per period, stacked. series: label by column, the first one at the bottom; step_days: a period's length."""
    keys = keys_of(dict(series), "block")
    places = ", ".join(f"{quoted(key.value)}: {place}" for place, key in enumerate(keys))
    bars: alt.Chart = (
        _folded(day, series)
        .transform_calculate(
            rank="{" + places + "}[datum.key]", end=f"datum['{day}'] + {step_days * _DAY_MS}"
        )
        .transform_stack(stack="value", as_=["low", "high"], groupby=[day], sort=[alt.SortField("rank")])
        .mark_rect(stroke="white", strokeWidth=0.5)
        .encode(
            x=days_axis(day),
            x2="end:T",
            y=alt.Y("low:Q", title=y_title, axis=figures_axis("~s")),
            y2="high:Q",
            color=_colour(keys),
            opacity=bright(),
            tooltip=_tips(form),
        )
    )
    return drawing(bars, keys, width=width)


def ranked_bars(label: str, value: str, x_title: str, form: Form, *, width: int = WIDE) -> Drawing:
    """One bar a row, in the rows' order. label: a column of short texts, all different."""
    base = alt.Chart(alt.NamedData(name=ROWS)).transform_calculate(
        end=f"max(datum['{value}'], 0)",
        # Room for the figure behind the longest bar: on a phone it takes more of the width.
        room=f"datum['{value}'] * (width < {HALF - 40} ? 1.5 : 1.15)",
    )
    bars = base.encode(
        y=alt.Y(
            f"{label}:N",
            sort=None,
            title=None,
            axis=alt.Axis(labelLimit=alt.ExprRef("max(110, width * 0.4)"), ticks=False),
        ),
        x=alt.X(
            f"{value}:Q",
            title=x_title,
            axis=alt.Axis(labelExpr=axis_label("~s"), tickCount=3, domain=False),
            scale=alt.Scale(nice=False),
        ),
    )
    text = f"format(datum['{value}'], '{',.0f' if form.kind == 'amount' else number_format(form)}')"
    chart = alt.layer(
        bars.mark_bar(color=COLOURS[0], height=15).encode(
            tooltip=[alt.Tooltip(f"{label}:N", title="Name"), _tip(value, x_title, form)]
        ),
        bars.mark_point(opacity=0).encode(x="room:Q"),
        bars.transform_calculate(figure=text)
        .mark_text(align="left", dx=4, color=INK, fontSize=12)
        .encode(x="end:Q", text="figure:N"),
    )
    return drawing(chart, width=width, row_height=24)


def cohort_points(
    cohort: str,
    series: str,
    labels: Mapping[str, str],
    value: str,
    y_title: str,
    form: Form,
    axis_format: str,
) -> Drawing:
    """One point per cohort and series; incomplete ones are hollow, and no line reaches them.

    Columns: cohort (date, first of a month), series (text, one of `labels`), value, and `state`, which is complete or
    incomplete.
    """
    keys = keys_of(dict(labels), "point")
    base = (
        alt.Chart(alt.NamedData(name=ROWS))
        .transform_calculate(
            month=f"utcFormat(datum['{cohort}'], '%b %Y')",
            key=f"datum['{series}']",
            value=f"datum['{value}']",
        )
        .encode(
            x=alt.X(
                "month:O",
                sort=alt.EncodingSortField(field=cohort, op="min"),
                title="Month of the first purchase",
                axis=alt.Axis(labelAngle=0, labelOverlap=True, labelSeparation=10),
            ),
            y=alt.Y("value:Q", title=y_title, axis=figures_axis(axis_format)),
            color=_colour(keys),
            opacity=bright(),
            tooltip=[
                alt.Tooltip("month:N", title="Cohort"),
                alt.Tooltip("key:N", title="Window"),
                _tip("value", y_title, form),
                alt.Tooltip("state:N", title="State"),
            ],
        )
    )
    shape = alt.Shape("key:N", scale=series_scale(keys, "shape"), legend=None)
    complete = "datum.state === 'complete'"
    lines = base.transform_filter(complete).mark_line(strokeWidth=1.6)
    hollow = base.mark_point(size=52, fill="white", filled=False, strokeWidth=1.8).encode(shape=shape)
    solid = base.transform_filter(complete).mark_point(size=52, filled=True).encode(shape=shape)
    return drawing(alt.layer(lines, hollow, solid), keys, width=HALF)


def _folded(day: str, series: Mapping[str, str]) -> alt.Chart:
    """One row per day and series: `key` is its column, `name` its label, `value` its figure, `when` the day in words."""
    labels = (
        "{" + ", ".join(f"{quoted(key)}: {quoted(label)}" for key, label in series.items()) + "}[datum.key]"
    )
    return (
        alt.Chart(alt.NamedData(name=ROWS))
        .transform_fold(list(series), as_=["key", "value"])
        .transform_calculate(name=labels, when=f"utcFormat(datum['{day}'], '%-d %b %Y')")
    )


def _points(base: alt.Chart, day: str) -> alt.Chart:
    """Points of a short history, and of days whose neighbours are missing: a line doesn't show them."""
    around: Any = base.transform_window(
        before="lag(value)", after="lead(value)", groupby=["key"], sort=[alt.SortField(day)]
    ).transform_joinaggregate(days=f"distinct({day})")
    lonely = f"datum.days <= {_FEW} || (!isValid(datum.before) && !isValid(datum.after))"
    points: alt.Chart = around.transform_filter(f"isValid(datum.value) && ({lonely})").mark_point(
        size=26, filled=True
    )
    return points


def _colour(keys: tuple[Key, ...]) -> alt.Color:
    return alt.Color("key:N", scale=series_scale(keys, "colour"), legend=None)


def _tips(form: Form) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("when:N", title="From"),
        alt.Tooltip("name:N", title="Series"),
        _tip("value", form.unit or "Value", form),
    ]


def _tip(column: str, title: str, form: Form) -> alt.Tooltip:
    return alt.Tooltip(f"{column}:Q", title=title, format=number_format(form))
