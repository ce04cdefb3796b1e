"""What the forms of charts share: axes, scales, formats and the answer to a picked series.

Here belong parts that more than one form draws with. The forms stand in `charts` and `charts_effects`, sizes and
colours in `drawing`.
"""

from typing import Any

import altair as alt

from lakehouse.reports.drawing import HIGHLIGHT, Key
from lakehouse.reports.words import Form, plain

_TICKS = {"year": "%b %Y", "quarter": "%b %Y", "month": "%b %Y", "week": "%-d %b %Y", "date": "%-d %b %Y"}


def bright() -> Any:
    """Full strength, unless the reader picks out another series than the row's."""
    return alt.condition(f"{HIGHLIGHT} === '' || {HIGHLIGHT} === datum.key", alt.value(1.0), alt.value(0.15))


def dimmed(key: str, full: float) -> Any:
    """Its own opacity, unless the reader picks out another key."""
    return alt.condition(
        f"{HIGHLIGHT} === '' || {HIGHLIGHT} === '{key}'", alt.value(full), alt.value(0.15 * full)
    )


def days_axis(column: str) -> alt.X:
    """Days along the bottom, as many named as there is room for."""
    # On a UTC scale a day stands on the same spot in every reader's time zone.
    axis = alt.Axis(
        format=_TICKS,
        tickCount=alt.ExprRef("max(3, floor(width / 110))"),
        labelOverlap=True,
        labelSeparation=10,
    )
    return alt.X(f"{column}:T", title=None, axis=axis, scale=alt.Scale(type="utc"))


def figures_axis(tick_format: str) -> alt.Axis:
    """A quiet axis of figures."""
    return alt.Axis(labelExpr=axis_label(tick_format), tickCount=5, domain=False, ticks=False, labelPadding=6)


def axis_label(tick_format: str) -> str:
    """A tick's label as an expression."""
    # As an axis' own format, "~s" gives every tick the prefix of the largest: 0k; below one it says 500m, for milli.
    small = "~f" if tick_format == "~s" else tick_format
    return f"format(datum.value, abs(datum.value) < 1 ? '{small}' : '{tick_format}')"


def series_scale(keys: tuple[Key, ...], look: str) -> alt.Scale:
    """Which look each series has. look: colour, dash or shape."""
    looks = [getattr(key, look) for key in keys]
    return alt.Scale(
        domain=[key.value for key in keys], range=[list(each) if look == "dash" else each for each in looks]
    )


def number_format(form: Form) -> str:
    """The form as d3 writes it."""
    return {"amount": ",.2f", "percent": ".1%", "count": ",.0f"}.get(form.kind, f",.{form.decimals}f")


def interval_text(low: str, high: str, form: Form) -> str:
    """An expression for two columns' figures as an interval, none where one is missing."""
    ends = " + ' to ' + ".join(f"format(datum.{end}, '{number_format(form)}')" for end in (low, high))
    return f"isValid(datum.{low}) && isValid(datum.{high}) ? {ends} : 'none'"


def quoted(text: str) -> str:
    """The text as a literal inside an expression."""
    return "'" + plain(text).replace("\\", "\\\\").replace("'", "\\'") + "'"
