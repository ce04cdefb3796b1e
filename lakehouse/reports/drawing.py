"""A chart before its rows: the Vega-Lite specifications for a wide page and for a phone, and their legend.

Here belong sizes, colours, fonts and the finish that all charts share. What a form of chart draws belongs to
`charts`; turning a drawing and its rows into SVG belongs to `svg`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

AnyChart = alt.Chart | alt.LayerChart | alt.FacetChart

# Room for the drawing on a wide page, in one of two columns, and on a phone of 360 pixels.
WIDE, HALF, NARROW = 880, 420, 316
HEIGHT, NARROW_HEIGHT = 260, 220
# What the axis below a chart of rows takes.
AXIS_ROOM = 46

# Okabe-Ito colours with at least 3:1 on white; the order is the order of use.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
DASHES = ((1, 0), (7, 3), (2, 2), (10, 3, 2, 3))
SHAPES = ("circle", "square", "triangle-up", "diamond")

INK = "#222222"

# The name under which a specification expects its rows, and the one of the series that a reader picks out.
ROWS = "rows"
HIGHLIGHT = "highlight"

CONFIG: dict[str, Any] = {
    # The page names its charts; marks that name themselves would be read out one by one.
    "aria": False,
    "mark": {"aria": False},
    "background": "white",
    # Metric-compatible everywhere: the room measured here is the room needed on the reader's screen.
    "font": "Arial, Helvetica, 'Liberation Sans', sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": "#e4e4e4",
        "domainColor": "#888888",
        "tickColor": "#888888",
    },
}


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a legend: the value that the series has in the rows, its name, and how it is drawn."""

    value: str
    label: str
    colour: str
    mark: Literal["line", "block", "point"] = "line"
    dash: tuple[int, ...] = (1, 0)
    shape: str = "circle"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A specification without a size; its rows come by the name `ROWS`.

    width: on a wide page. row_height: where each row is drawn on a line of its own, the line's height; the chart then
    grows with its rows.
    """

    form: dict[str, Any]
    width: int
    keys: tuple[Key, ...] = ()
    row_height: int | None = None

    def spec(self, rows: int, *, is_narrow: bool) -> dict[str, Any]:
        """The specification for so many rows, for a phone or for a wide page."""
        height = NARROW_HEIGHT if is_narrow else HEIGHT
        if self.row_height is not None:
            height = self.row_height * rows + AXIS_ROOM
        return {**self.form, "width": NARROW if is_narrow else self.width, "height": height}


def drawing(
    chart: AnyChart, keys: Sequence[Key] = (), *, width: int = WIDE, row_height: int | None = None
) -> Drawing:
    """The chart, finished. A legend is shown for two series or more; a chart with keys answers to `HIGHLIGHT`."""
    chart = chart.properties(autosize=alt.AutoSizeParams(type="fit", contains="padding"), padding=6)
    if keys:
        chart = chart.add_params(alt.param(name=HIGHLIGHT, value=""))
    # Tests hold every form against the schema; doing so for every page takes half of its time.
    form: dict[str, Any] = chart.to_dict(validate=False)
    # The page holds one configuration and one schema for all of its charts.
    for shared in ("config", "$schema"):
        form.pop(shared, None)
    return Drawing(form, width, tuple(keys) if len(keys) > 1 else (), row_height)


def keys_of(labels: dict[str, str], mark: Literal["line", "block", "point"] = "line") -> tuple[Key, ...]:
    """Legend entries for series in the order of colours. labels: name by the value in the rows.

    Raises ValueError for more series than there are colours that can be told apart.
    """
    if len(labels) > len(COLOURS):
        raise ValueError(f"expected at most {len(COLOURS)} series, found {len(labels)}: group the small ones")
    return tuple(
        Key(value, label, COLOURS[place], mark, DASHES[place], SHAPES[place])
        for place, (value, label) in enumerate(labels.items())
    )
