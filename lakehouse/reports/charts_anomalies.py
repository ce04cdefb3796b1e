"""Forms of charts for anomalies: a series against what was expected of it, and the steps from one figure to another.

Here belong marks, scales and axes of these two. The forms that every report shares stand in `charts`; queries,
sentences and titles belong to a report.
"""

from functools import lru_cache

import altair as alt

from lakehouse.reports.charts_parts import (
    axis_label,
    days_axis,
    dimmed,
    figures_axis,
    interval_text,
    number_format,
)
from lakehouse.reports.drawing import COLOURS, DASHES, INK, ROWS, WIDE, Drawing, Key, drawing
from lakehouse.reports.words import Form

_DAY_MS = 86_400_000
_BAND, _EPISODE = "#b9c6d3", "#f8d9c4"

# What a step of a waterfall is, by the value of its column `kind`.
ENDS, WORSE, BETTER, NEITHER, REST = "end", "worse", "better", "neither", "rest"
_STEPS = {WORSE: COLOURS[1], BETTER: COLOURS[2], NEITHER: COLOURS[0], REST: "#8a929b"}


# A page draws many of few kinds, and each takes longer to put together than to copy.
@lru_cache(maxsize=64)
def expected_band(
    day: str, step_days: int, y_title: str, form: Form, interval: str, episode: str, *, width: int = WIDE
) -> Drawing:
    """A series over days or weeks, what was expected of it with its interval, and the periods out of the ordinary.

    Columns: actual, expected, low, high, and is_out, which is 1 in the periods that are shaded. interval, episode: the
    names of the band and of the shading.
    """
    keys = (
        Key("actual", "Actual", COLOURS[0]),
        Key("expected", "Expected", INK, dash=DASHES[1]),
        Key("band", interval, _BAND, "block"),
        Key("episode", episode, _EPISODE, "block"),
    )
    base = (
        alt.Chart(alt.NamedData(name=ROWS))
        .transform_calculate(
            when=f"utcFormat(datum['{day}'], '%-d %b %Y')", interval=interval_text("low", "high", form)
        )
        .encode(
            x=days_axis(day),
            tooltip=[
                alt.Tooltip("when:N", title="From" if step_days > 1 else "Day"),
                alt.Tooltip("actual:Q", title="Actual", format=number_format(form)),
                alt.Tooltip("expected:Q", title="Expected", format=number_format(form)),
                alt.Tooltip("interval:N", title="Interval"),
            ],
        )
    )
    axis = figures_axis(".1~%" if form.kind == "percent" else "~s")

    def at(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", title=y_title, axis=axis, scale=alt.Scale(zero=False))

    half = step_days * _DAY_MS // 2
    shade = (
        alt.Chart(alt.NamedData(name=ROWS))
        .transform_filter("datum.is_out === 1")
        .transform_aggregate(first=f"min({day})", last=f"max({day})")
        .transform_filter("isValid(datum.first)")
        .transform_calculate(begin=f"datum.first - {half}", end=f"datum.last + {half}")
        .mark_rect(color=_EPISODE)
        .encode(x=days_axis("begin"), x2="end:T", opacity=dimmed("episode", 1.0))
    )
    # A few wide intervals would press the line flat: the band is drawn as far as it tells something.
    room = "max((datum.most - datum.least) / 2, datum.usual * 1.5)"
    known = (
        base.transform_filter("isValid(datum.low) && isValid(datum.high)")
        .transform_calculate(
            size="datum.high - datum.low", found="isValid(datum.actual) ? datum.actual : datum.expected"
        )
        .transform_joinaggregate(usual="median(size)", least="min(found)", most="max(found)")
        .transform_calculate(
            floor=f"max(datum.low, min(datum.least, datum.expected) - {room})",
            ceiling=f"min(datum.high, max(datum.most, datum.expected) + {room})",
        )
    )
    points = base.transform_filter("isValid(datum.actual)")
    chart = alt.layer(
        shade,
        known.mark_area(color=_BAND).encode(y=at("floor"), y2="ceiling:Q", opacity=dimmed("band", 0.75)),
        base.mark_line(color=INK, strokeWidth=1.6, strokeDash=list(DASHES[1])).encode(
            y=at("expected"), opacity=dimmed("expected", 1.0)
        ),
        base.mark_line(color=COLOURS[0], strokeWidth=2.2).encode(
            y=at("actual"), opacity=dimmed("actual", 1.0)
        ),
        # A value between two gaps is seen too.
        points.mark_point(color=COLOURS[0], size=14, filled=True).encode(
            y=at("actual"), opacity=dimmed("actual", 1.0)
        ),
        points.transform_filter("datum.is_out === 1")
        .mark_point(color=COLOURS[1], size=46, filled=True)
        .encode(y=at("actual"), opacity=dimmed("episode", 1.0)),
    )
    return drawing(chart, keys, width=width)


@lru_cache(maxsize=64)
def waterfall(label: str, x_title: str, form: Form, *, width: int = WIDE) -> Drawing:
    """One row a step, from where the figure stood to where it came. label: a column of short texts, all different.

    Columns: begin, end, told (the step in words) and kind, one of the constants of this module; an ENDS row is a point
    at its `end`. Steps are drawn where they lie: the scale needs no zero, as no bar's length is a figure's size.
    """
    # Room for the longest words behind the rightmost step, in pixels, and what the labels in front leave of the width.
    words_room = "(7 * datum.longest + 12)"
    room = f"datum.most + (datum.most - datum.least) * {words_room} / max(width * 0.56 - {words_room}, 50)"
    base = (
        alt.Chart(alt.NamedData(name=ROWS))
        .transform_window(place="row_number()")
        .transform_calculate(left="min(datum.begin, datum.end)", right="max(datum.begin, datum.end)")
        .transform_calculate(letters="length(datum.told)")
        .transform_joinaggregate(least="min(left)", most="max(right)", longest="max(letters)")
        .transform_calculate(room=room, margin="datum.least - (datum.most - datum.least) * 0.04")
        .encode(
            y=alt.Y(
                f"{label}:N",
                # Steps and ends are drawn apart; by their own order they would stand apart, too.
                sort=alt.EncodingSortField(field="place", op="min"),
                title=None,
                axis=alt.Axis(labelLimit=alt.ExprRef("max(110, width * 0.4)"), ticks=False, domain=False),
            ),
            tooltip=[alt.Tooltip(f"{label}:N", title="Step"), alt.Tooltip("told:N", title=x_title)],
        )
    )
    axis = alt.Axis(
        labelExpr=axis_label(".1~%" if form.kind == "percent" else "~s"),
        labelSeparation=10,
        labelOverlap=True,
        tickCount=alt.ExprRef("max(2, floor(width / 150))"),
        domain=False,
    )

    def at(column: str) -> alt.X:
        return alt.X(f"{column}:Q", title=x_title, axis=axis, scale=alt.Scale(zero=False, nice=False))

    colours = alt.Color(
        "kind:N", scale=alt.Scale(domain=list(_STEPS), range=list(_STEPS.values())), legend=None
    )
    steps = base.transform_filter(f"datum.kind !== '{ENDS}'")
    ends = base.transform_filter(f"datum.kind === '{ENDS}'")
    chart = alt.layer(
        steps.mark_bar(height=14).encode(x=at("begin"), x2="end:Q", color=colours),
        # A step too short for a bar is seen as a line.
        steps.mark_tick(thickness=2, size=14).encode(x=at("end"), color=colours),
        ends.mark_point(color=INK, size=90, filled=True, shape="diamond").encode(x=at("end")),
        base.mark_point(opacity=0).encode(x=at("room")),
        base.mark_point(opacity=0).encode(x=at("margin")),
        base.mark_text(align="left", dx=9, color=INK, fontSize=12).encode(x=at("right"), text="told:N"),
    )
    return drawing(chart, width=width, row_height=26)
