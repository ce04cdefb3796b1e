"""A series against its expectation, and the steps of a change: what is drawn of which rows."""

from datetime import date, timedelta
from xml.etree import ElementTree as ET

import altair as alt
import polars as pl
import pytest

from lakehouse.reports import words
from lakehouse.reports.charts_anomalies import (
    BETTER,
    ENDS,
    NEITHER,
    REST,
    WORSE,
    expected_band,
    waterfall,
)
from lakehouse.reports.drawing import COLOURS, NARROW, WIDE, Drawing
from lakehouse.reports.svg import to_svg

EUR = words.money_form("EUR")
HOSTILE = "</script><script>alert(1)</script>"
SHADE, BAND = "#f8d9c4", "#b9c6d3"
FIGURES = dict.fromkeys(("actual", "expected", "low", "high"), pl.Float64)


def drawn(drawing: Drawing, rows: pl.DataFrame, *, is_narrow: bool = False) -> ET.Element:
    svg = to_svg(drawing.spec(len(rows), is_narrow=is_narrow), rows, "c", "A title", "A text")
    return ET.fromstring(svg)  # noqa: S314 - our own drawing


def painted(svg: ET.Element, colour: str) -> list[ET.Element]:
    return [each for each in svg.iter() if colour in (each.get("fill"), each.get("stroke"))]


def lefts(svg: ET.Element) -> dict[str, float]:
    """How far down each text stands."""
    found = {}
    for parent in svg.iter():
        for each in parent:
            if each.tag == "text" and each.text:
                found[each.text] = float(
                    (each.get("transform") or "translate(0,0)").split(",")[1].split(")")[0]
                )
    return found


def series(
    days: int, *, out: int = 0, expected: int | None = None, gaps: tuple[int, ...] = ()
) -> pl.DataFrame:
    """So many days, the last `out` of them out of the ordinary; only the last `expected` have an expectation."""
    rows = []
    for day in range(days):
        is_known = expected is None or day >= days - expected
        figures = (
            None if day in gaps else 100.0 + day,
            *((100.0, 90.0, 110.0) if is_known else (None, None, None)),
        )
        rows.append((date(2026, 3, 1) + timedelta(days=day), *figures, int(day >= days - out)))
    return pl.DataFrame(rows, schema={"day": pl.Date, **FIGURES, "is_out": pl.Int64}, orient="row")


def a_band(step_days: int = 1) -> Drawing:
    return expected_band("day", step_days, "EUR", EUR, "95 of 100 ordinary days", "Out of the ordinary")


def test_a_series_has_its_line_its_band_and_a_shade_over_what_is_out_of_the_ordinary() -> None:
    svg = drawn(a_band(), series(40, out=3))

    assert len(painted(svg, SHADE)) == len(painted(svg, BAND)) == 1
    assert len([each for each in painted(svg, COLOURS[0]) if each.get("stroke") == COLOURS[0]]) == 1
    assert len(painted(svg, COLOURS[1])) == 3
    assert [key.label for key in a_band().keys] == [
        "Actual",
        "Expected",
        "95 of 100 ordinary days",
        "Out of the ordinary",
    ]


def test_an_ordinary_series_has_no_shade() -> None:
    svg = drawn(a_band(), series(40))

    assert painted(svg, SHADE) == painted(svg, COLOURS[1]) == []


def width(each: ET.Element) -> float:
    """How wide a rectangle is that was drawn as a path: M x,y h width …"""
    return float((each.get("d") or "").partition("h")[2].partition("v")[0])


def test_a_shade_is_as_wide_as_its_periods_are_long() -> None:
    one, four = (width(painted(drawn(a_band(), series(40, out=out)), SHADE)[0]) for out in (1, 4))

    assert four == pytest.approx(4 * one, rel=0.1)


def test_a_series_without_expectation_is_a_line_alone() -> None:
    svg = drawn(a_band(), series(40, expected=0))

    assert painted(svg, BAND) == []
    assert painted(svg, COLOURS[0]) != []


def test_a_value_between_two_gaps_is_a_point() -> None:
    svg = drawn(a_band(), series(3, gaps=(0, 2)))

    assert len([each for each in painted(svg, COLOURS[0]) if each.get("fill") == COLOURS[0]]) == 1


@pytest.mark.parametrize("days", [0, 1, 400])
@pytest.mark.parametrize("is_narrow", [False, True])
def test_any_length_of_a_series_is_drawn(days: int, *, is_narrow: bool) -> None:
    svg = drawn(a_band(7), series(days, out=1), is_narrow=is_narrow)

    assert float(svg.get("width", "0")) <= (NARROW if is_narrow else WIDE)
    assert bool(painted(svg, COLOURS[1])) is bool(days)


STEPS = [
    ("Expected", 60_000.0, 60_000.0, "60,000", ENDS),
    (HOSTILE, 60_000.0, 48_000.0, "-12,000", WORSE),
    ("☕ \u202eevil", 48_000.0, 49_000.0, "+1,000", BETTER),
    ("=cmd|' /C calc'!A0", 49_000.0, 49_000.5, "+1", NEITHER),
    ("Everything else", 49_000.5, 39_600.0, "-9,400", REST),
    ("Actual", 39_600.0, 39_600.0, "39,600", ENDS),
]


def steps(*rows: tuple[str, float, float, str, str]) -> pl.DataFrame:
    kinds = {"label": pl.String, "begin": pl.Float64, "end": pl.Float64, "told": pl.String, "kind": pl.String}
    return pl.DataFrame(rows, schema=kinds, orient="row")


@pytest.mark.parametrize("is_narrow", [False, True])
def test_steps_stand_in_their_order_from_expected_to_actual(*, is_narrow: bool) -> None:
    found = lefts(drawn(waterfall("label", "EUR", EUR), steps(*STEPS), is_narrow=is_narrow))
    figures = [found[told] for *_, told, _ in STEPS]

    assert figures == sorted(figures)
    assert len(set(figures)) == len(STEPS)


def test_steps_are_coloured_by_what_they_are() -> None:
    svg = drawn(waterfall("label", "EUR", EUR), steps(*STEPS))

    assert [bool(painted(svg, colour)) for colour in (*COLOURS[:3], "#8a929b")] == [True] * 4
    assert HOSTILE[:6] in "".join(each.text or "" for each in svg.iter("text"))


def test_a_step_ends_where_the_next_one_begins() -> None:
    svg = drawn(
        waterfall("label", "EUR", EUR),
        steps(("a", 0.0, 10.0, "+10", WORSE), ("b", 10.0, 30.0, "+20", BETTER)),
    )
    ends = []
    for colour in (COLOURS[1], COLOURS[2]):
        bar = max(painted(svg, colour), key=width)
        left = float((bar.get("d") or "").partition("M")[2].partition(",")[0])
        ends.append((left, left + width(bar)))

    assert ends[0][1] == pytest.approx(ends[1][0], abs=0.5)
    assert ends[1][1] - ends[1][0] == pytest.approx(2 * (ends[0][1] - ends[0][0]), rel=0.05)


@pytest.mark.parametrize("told", ["+1", "+123,456,789,012"])
@pytest.mark.parametrize("is_narrow", [False, True])
def test_the_words_behind_the_longest_step_have_room(told: str, *, is_narrow: bool) -> None:
    rows = steps(("x" * 40, 0.0, 1e11, told, WORSE), ("Actual", 1e11, 1e11, told, ENDS))
    svg = drawn(waterfall("label", "EUR", EUR), rows, is_narrow=is_narrow)
    rights = [
        float((each.get("transform") or "").partition("(")[2].partition(",")[0]) + 6.5 * len(told)
        for each in svg.iter("text")
        if each.text == told
    ]

    assert len(rights) == 2
    assert max(rights) <= float(svg.get("width", "0"))


@pytest.mark.parametrize(
    "drawing", [a_band(), waterfall("label", "EUR", words.PERCENT)], ids=["band", "waterfall"]
)
def test_a_drawing_is_a_specification_that_the_schema_knows(drawing: Drawing) -> None:
    spec = drawing.spec(5, is_narrow=False)

    assert alt.Chart.from_dict(spec, validate=True).to_dict()["width"] == WIDE
