"""Forms of charts for effects and their intervals: each a pure function from column names to a drawing.

Here belong marks, scales and axes of forests, bands and panels. The forms that every report shares stand in `charts`;
queries, sentences and titles belong to a report.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import altair as alt

from lakehouse.reports.charts_parts import (
    axis_label,
    bright,
    days_axis,
    dimmed,
    figures_axis,
    interval_text,
    number_format,
    quoted,
    series_scale,
)
from lakehouse.reports.drawing import (
    COLOURS,
    DASHES,
    INK,
    ROWS,
    WIDE,
    Drawing,
    Key,
    drawing,
    keys_of,
)
from lakehouse.reports.words import Form

_FEW = 31


def forest(
    label: str,
    key: str,
    keys: Mapping[str, str],
    x_title: str,
    form: Form,
    *,
    reach: tuple[float, float] | None = None,
    is_twinned: bool = False,
    width: int = WIDE,
) -> Drawing:
    """A point with its interval a row, in the rows' order, against a line at zero.

    label, key: columns of the row's name and of its kind, one of `keys` (name by value); kinds differ in colour and
    in shape. The columns estimate, low and high hold the figures; a row without bounds is a point alone.
    is_twinned: rows of one label stand together, one line for each kind. reach: from where to where is drawn; what lies
    beyond is cut off, a point beyond stands hollow at the edge.
    """
    kinds = keys_of(dict(keys), "point")
    base = (
        alt.Chart(alt.NamedData(name=ROWS))
        .transform_calculate(
            key=f"datum['{key}']",
            interval=interval_text("low", "high", form),
            kind=_named(kinds, f"datum['{key}']"),
            begin=_up_to(reach, "low"),
            end=_up_to(reach, "high"),
            shown=_up_to(reach, "estimate"),
        )
        .encode(
            y=alt.Y(
                f"{label}:N",
                sort=None,
                title=None,
                axis=alt.Axis(labelLimit=alt.ExprRef("max(120, width * 0.38)"), ticks=False, domain=False),
            ),
            color=alt.Color("key:N", scale=series_scale(kinds, "colour"), legend=None),
            opacity=bright(),
            tooltip=[
                alt.Tooltip(f"{label}:N", title="Name"),
                alt.Tooltip("kind:N", title="Kind"),
                alt.Tooltip("estimate:Q", title=x_title, format=number_format(form)),
                alt.Tooltip("interval:N", title="Interval"),
            ],
        )
    )
    if is_twinned:
        base = base.encode(yOffset=alt.YOffset("key:N", sort=[kind.value for kind in kinds]))
    axis = alt.Axis(
        labelExpr=axis_label(_axis_format(form)),
        labelSeparation=10,
        tickCount=alt.ExprRef("max(3, floor(width / 130))"),
    )
    scale = alt.Scale(domain=list(reach)) if reach else alt.Scale(zero=True)

    def at(column: str) -> alt.X:
        return alt.X(f"{column}:Q", title=x_title, axis=axis, scale=scale)

    rules = base.transform_filter("isValid(datum.low) && isValid(datum.high)").mark_rule(strokeWidth=2.4)
    points = base.transform_filter("isValid(datum.estimate)").encode(
        x=at("shown"), shape=alt.Shape("key:N", scale=series_scale(kinds, "shape"), legend=None)
    )
    within = "datum.shown === datum.estimate"
    chart = alt.layer(
        _nothing().encode(x=alt.datum(0)),
        rules.encode(x=at("begin"), x2="end:Q"),
        points.transform_filter(within).mark_point(size=80, filled=True),
        # Farther away than is drawn: hollow, at the edge.
        points.transform_filter(f"!({within})").mark_point(size=80, filled=False),
    )
    return drawing(chart, kinds, width=width, row_height=20 if is_twinned else 26)


def effect_band(
    day: str,
    labels: Mapping[str, str],
    y_title: str,
    form: Form,
    *,
    reach: tuple[float, float] | None = None,
    width: int = WIDE,
) -> Drawing:
    """A line of an effect over days, its interval as a band, and the bounds of another, wider interval around it.

    Columns: estimate, low, high, outer_low and outer_high. labels: the names of "estimate", "inner" and "outer"; one
    that isn't named isn't drawn. reach: from where to where is drawn.
    """
    looks = {"estimate": "line", "inner": "block", "outer": "line"}
    keys = tuple(
        Key(value, labels[value], COLOURS[place // 2], mark, DASHES[place // 2])  # type: ignore[arg-type]  # one of the marks
        for place, (value, mark) in enumerate(looks.items())
        if value in labels
    )
    base = (
        alt.Chart(alt.NamedData(name=ROWS))
        .transform_calculate(
            when=f"utcFormat(datum['{day}'], '%-d %b %Y')",
            interval=interval_text("low", "high", form),
            outer=interval_text("outer_low", "outer_high", form),
        )
        .transform_joinaggregate(days=f"distinct({day})")
        .encode(
            x=days_axis(day),
            tooltip=[
                alt.Tooltip("when:N", title="Up to"),
                alt.Tooltip("estimate:Q", title=y_title, format=number_format(form)),
                alt.Tooltip("interval:N", title=labels.get("inner", "Interval")),
                *([alt.Tooltip("outer:N", title=labels["outer"])] if "outer" in labels else []),
            ],
        )
    )
    scale = alt.Scale(domain=list(reach)) if reach else alt.Scale(zero=True)

    def at(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", title=y_title, axis=figures_axis(_axis_format(form)), scale=scale)

    layers: list[alt.Chart] = []
    if "inner" in labels:
        inner = base.encode(y=at("low"), y2="high:Q", opacity=dimmed("inner", 0.25))
        layers += [
            inner.mark_area(color=COLOURS[0], clip=True),
            # An area of one day is nothing.
            inner.transform_filter("datum.days === 1").mark_rule(color=COLOURS[0], strokeWidth=3, clip=True),
        ]
    if "outer" in labels:
        outer: dict[str, Any] = {
            "color": COLOURS[1],
            "strokeWidth": 1.8,
            "strokeDash": list(DASHES[1]),
            "clip": True,
        }
        layers += [
            base.mark_line(**outer).encode(y=at(column), opacity=dimmed("outer", 1.0))
            for column in ("outer_low", "outer_high")
        ]
    line = base.encode(y=at("estimate"), opacity=dimmed("estimate", 1.0))
    layers += [
        line.mark_line(color=COLOURS[0], strokeWidth=2.4, clip=True),
        line.transform_filter(f"datum.days <= {_FEW} && isValid(datum.estimate)").mark_point(
            color=COLOURS[0], size=30, filled=True, clip=True
        ),
    ]
    zero = _nothing().encode(y=alt.datum(0))
    return drawing(alt.layer(zero, *layers), keys, width=width)


def panel_lines(
    period: str,
    series: Mapping[str, str],
    y_title: str,
    form: Form,
    *,
    since: float | date | None = None,
    is_dated: bool = False,
    width: int = WIDE,
) -> Drawing:
    """Lines over periods, numbered ones (years, say) or days. series: label by column.

    since: from which period on something is new; a dashed line stands there. is_dated: whether periods are days.
    """
    keys = keys_of(dict(series))
    named = _named(keys, "datum.key")
    base = (
        alt.Chart(alt.NamedData(name=ROWS))
        .transform_fold(list(series), as_=["key", "value"])
        .transform_calculate(
            name=named,
            when=f"utcFormat(datum['{period}'], '%-d %b %Y')" if is_dated else f"'' + datum['{period}']",
        )
        .encode(
            x=days_axis(period) if is_dated else _numbers(period),
            y=alt.Y("value:Q", title=y_title, axis=figures_axis("~s"), scale=alt.Scale(zero=False)),
            color=alt.Color("key:N", scale=series_scale(keys, "colour"), legend=None),
            opacity=bright(),
            tooltip=[
                alt.Tooltip("when:N", title="Period"),
                alt.Tooltip("name:N", title="Series"),
                alt.Tooltip("value:Q", title=y_title, format=number_format(form)),
            ],
        )
    )
    layers: list[alt.Chart] = [
        base.mark_line(strokeWidth=2.2).encode(
            strokeDash=alt.StrokeDash("key:N", scale=series_scale(keys, "dash"), legend=None)
        ),
        base.transform_filter("isValid(datum.value)").mark_point(size=30, filled=True),
    ]
    if since is not None:
        at = _milliseconds(since) if isinstance(since, date) else since
        kind: Any = "temporal" if is_dated else "quantitative"
        rule = _nothing()
        layers.append(rule.encode(x=alt.XDatum(at, type=kind)))
    return drawing(alt.layer(*layers), keys, width=width)


def _numbers(period: str) -> alt.X:
    axis = alt.Axis(format="d", tickMinStep=1, tickCount=alt.ExprRef("max(3, floor(width / 90))"))
    return alt.X(f"{period}:Q", title=None, axis=axis, scale=alt.Scale(zero=False, nice=False))


def _milliseconds(day: date) -> int:
    """A day as a chart's rows tell it: midnight UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def _nothing() -> alt.Chart:
    """One dashed line; without the aggregate there would be one a row."""
    chart: alt.Chart = (
        alt.Chart(alt.NamedData(name=ROWS))
        .transform_aggregate(rows="count()")
        .mark_rule(color=INK, strokeWidth=1.2, strokeDash=[4, 3])
    )
    return chart


def _up_to(reach: tuple[float, float] | None, column: str) -> str:
    """The figure, or the edge where it lies beyond: a mark outside would still take room on paper."""
    return f"clamp(datum.{column}, {reach[0]}, {reach[1]})" if reach else f"datum.{column}"


def _named(keys: tuple[Key, ...], value: str) -> str:
    return "{" + ", ".join(f"{quoted(key.value)}: {quoted(key.label)}" for key in keys) + f"}}[{value}]"


def _axis_format(form: Form) -> str:
    return ".0%" if form.kind == "percent" else "~s"
