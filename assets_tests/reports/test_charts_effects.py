"""Forests, bands and panels: what is drawn of which rows."""

from datetime import date, timedelta
from xml.etree import ElementTree as ET

import altair as alt
import polars as pl
import pytest

from lakehouse.reports import words
from lakehouse.reports.charts_effects import effect_band, forest, panel_lines
from lakehouse.reports.drawing import COLOURS, NARROW, Drawing
from lakehouse.reports.svg import to_svg

KEYS = {"plain": "As measured", "shrunk": 'It\'s "shrunk" \\'}
FIGURES = {"estimate": pl.Float64, "low": pl.Float64, "high": pl.Float64}
Row = tuple[str, str, float | None, float | None, float | None]


def drawn(drawing: Drawing, rows: pl.DataFrame) -> ET.Element:
    for is_narrow in (True, False):
        svg = to_svg(drawing.spec(len(rows), is_narrow=is_narrow), rows, "c", "A title", "A text")
    return ET.fromstring(svg)  # noqa: S314 - our own drawing


def texts(svg: ET.Element) -> list[str]:
    return [element.text or "" for element in svg.iter("text")]


def painted(svg: ET.Element, *, fill: str = "", stroke: str = "") -> list[ET.Element]:
    return [
        each
        for each in svg.iter()
        if (not fill or each.get("fill") == fill) and (not stroke or each.get("stroke") == stroke)
    ]


def a_forest(*rows: Row, reach: tuple[float, float] | None = None, is_twinned: bool = False) -> ET.Element:
    frame = pl.DataFrame(rows, schema={"label": pl.String, "key": pl.String, **FIGURES}, orient="row")
    return drawn(
        forest("label", "key", KEYS, "Change", words.PERCENT, reach=reach, is_twinned=is_twinned), frame
    )


def test_a_forest_has_a_point_and_a_line_a_row_in_colours_of_their_kind() -> None:
    svg = a_forest(("Orders", "plain", 0.1, 0.05, 0.15), ("Visits", "shrunk", -0.1, -0.2, 0.05))

    assert {"Orders", "Visits", "Change", "0%"} <= set(texts(svg))
    for colour in COLOURS[:2]:
        assert len(painted(svg, fill=colour)) == 1
        assert len(painted(svg, stroke=colour)) == 1


def test_a_row_without_bounds_is_a_point_alone() -> None:
    svg = a_forest(("Orders", "plain", 0.1, None, 0.15), ("Visits", "plain", 0.2, 0.1, 0.3))

    assert len(painted(svg, fill=COLOURS[0])) == 2
    assert len(painted(svg, stroke=COLOURS[0])) == 1


def test_twins_stand_together_under_one_label() -> None:
    svg = a_forest(
        ("Orders", "plain", 0.1, 0.05, 0.15), ("Orders", "shrunk", 0.08, 0.05, 0.11), is_twinned=True
    )

    assert texts(svg).count("Orders") == 1
    assert len(painted(svg, fill=COLOURS[0])) == len(painted(svg, fill=COLOURS[1])) == 1


def test_what_lies_beyond_the_reach_is_cut_off_and_a_point_stands_hollow_at_the_edge() -> None:
    svg = a_forest(
        ("Orders", "plain", 40.0, 0.1, 90.0), ("Visits", "plain", 0.2, 0.1, 0.3), reach=(-0.5, 0.5)
    )
    ends = [
        float(each.get("x2", 0))
        for each in svg.iter("line")
        if each.get("stroke") == COLOURS[0] and each.get("x2")
    ]

    assert len(painted(svg, fill=COLOURS[0])) == 1
    assert max(ends) <= 880
    assert not [text for text in texts(svg) if "1000%" in text]


@pytest.mark.parametrize("label", ["</script><script>alert(1)</script>", "x" * 300, "☕ \u202eevil"])
def test_a_hostile_label_is_text(label: str) -> None:
    svg = a_forest((label, "plain", 0.1, 0.05, 0.15))

    assert [text for text in texts(svg) if text[:2] == words.plain(label)[:2]]


def a_band(days: int, *, outer: bool = True, reach: tuple[float, float] | None = None) -> ET.Element:
    rows = [
        (date(2026, 3, 1) + timedelta(days=day), 0.1, 0.1 - 1 / (day + 1), 0.1 + 1 / (day + 1), -1.0, 1.5)
        for day in range(days)
    ]
    names = ["day", "estimate", "low", "high", "outer_low", "outer_high"]
    labels = {"estimate": "So far", "inner": "One look"} | ({"outer": "Every look"} if outer else {})
    return drawn(effect_band("day", labels, "Change", words.PERCENT, reach=reach), pl.DataFrame(rows, schema=names, orient="row"))  # fmt: skip


def test_a_band_has_a_line_an_area_and_dashed_bounds_for_every_look() -> None:
    svg = a_band(40)

    assert len(painted(svg, stroke=COLOURS[1])) == 2
    assert all(each.get("stroke-dasharray") for each in painted(svg, stroke=COLOURS[1]))
    assert len(painted(svg, stroke=COLOURS[0])) == 1
    assert len(painted(svg, fill=COLOURS[0])) == 1
    assert painted(a_band(40, outer=False), stroke=COLOURS[1]) == []


def test_one_day_is_a_point_with_its_interval() -> None:
    svg = a_band(1, outer=False)

    assert len([each for each in painted(svg, stroke=COLOURS[0]) if each.tag == "line"]) == 1
    assert len(painted(svg, fill=COLOURS[0])) >= 1


def test_a_band_reaches_no_farther_than_it_is_told() -> None:
    assert [text for text in texts(a_band(40)) if text == "150%"]
    assert not [text for text in texts(a_band(40, reach=(-0.5, 0.5))) if text == "100%"]


@pytest.mark.parametrize("is_dated", [True, False])
def test_a_panel_has_a_line_a_series_and_a_dashed_one_where_it_begins(*, is_dated: bool) -> None:
    periods = [date(1980 + year, 1, 1) if is_dated else 1980 + year for year in range(10)]
    frame = pl.DataFrame(
        {"at": periods, "treated": [float(year) for year in range(10)], "untreated": [None, *range(9)]}
    )
    series = {"treated": "Treated", "untreated": "Never treated"}
    svg = drawn(
        panel_lines("at", series, "Sales", words.Form("number"), since=periods[4], is_dated=is_dated), frame
    )
    upright = [
        each for each in painted(svg, stroke="#222222") if each.tag == "line" and each.get("stroke-dasharray")
    ]

    assert len(upright) == 1
    assert [len(painted(svg, stroke=colour)) for colour in COLOURS[:2]] == [1, 1]
    assert not [text for text in texts(svg) if "," in text], "years are no thousands"
    assert len(painted(svg, fill=COLOURS[1])) == 9


def test_nothing_is_hidden_in_drawings_without_a_reach() -> None:
    drawing = forest("label", "key", {"plain": "As measured"}, "Change", words.PERCENT)

    assert drawing.keys == (), "one kind needs no legend"
    assert drawing.row_height == 26


@pytest.mark.parametrize(
    "drawing",
    [
        forest("label", "key", KEYS, "Change", words.PERCENT, reach=(-0.1, 0.4), is_twinned=True),
        effect_band("day", {"estimate": "So far", "inner": "One look", "outer": "Every look"}, "Change", words.PERCENT),
        panel_lines("at", {"treated": "Treated"}, "Sales", words.Form("number"), since=1984),
        panel_lines("at", {"treated": "Treated"}, "Sales", words.Form("number"), since=date(1984, 1, 1), is_dated=True),
    ],
    ids=["forest", "band", "numbered panel", "dated panel"],
)  # fmt: skip
def test_every_form_is_a_specification_that_the_schema_knows(drawing: Drawing) -> None:
    spec = drawing.spec(3, is_narrow=True)

    assert alt.Chart.from_dict(spec, validate=True).to_dict()["width"] == NARROW
