"""Every form of chart draws what it is given, hostile names and gaps included, and says what it can't draw."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET

import altair as alt
import polars as pl
import pytest
import vl_convert

from lakehouse.reports import charts, words
from lakehouse.reports.drawing import NARROW, WIDE, Drawing, Key
from lakehouse.reports.svg import to_png, to_svg

EUR = words.money_form("EUR")
HOSTILE = "</script><script>alert(1)</script>"
DAYS = [date(2025, 1, 1) + timedelta(days=place) for place in range(40)]

SALES = pl.DataFrame(
    {
        "day": DAYS,
        "net": [Decimal(place) for place in range(40)],
        "gross": [Decimal(2 * place) for place in range(40)],
    }
)
PRODUCTS = pl.DataFrame(
    {
        "label": [HOSTILE, "=cmd|' /C calc'!A0", "x" * 300, "\u202eright\u202c", "☕ 👩‍🍳"],
        "net": [9, 5, 3, 0, -2],
    }
)
COHORTS = pl.DataFrame(
    {
        "cohort": [date(2024, 12, 1), date(2025, 1, 1), date(2024, 12, 1)],
        "window": ["7", "7", "30"],
        "rate": [Decimal("0.1"), Decimal("0.2"), Decimal("0.5")],
        "state": ["complete", "incomplete", "complete"],
    }
)
FORMS: dict[str, tuple[Callable[[], Drawing], pl.DataFrame]] = {
    "trend": (lambda: charts.trend("day", {"net": "Net", "gross": "Gross"}, "EUR", EUR), SALES),
    "stacked bars": (lambda: charts.stacked_bars("day", 1, {"net": "Net", "gross": "Gross"}, "EUR", EUR), SALES),
    "ranked bars": (lambda: charts.ranked_bars("label", "net", "EUR", EUR), PRODUCTS),
    "cohort points": (
        lambda: charts.cohort_points("cohort", "window", {"7": "7 days", "30": "30 days"}, "rate", "Rate", words.PERCENT, ".0%"),
        COHORTS,
    ),
}  # fmt: skip


def picture(drawing: Drawing, rows: pl.DataFrame, *, is_narrow: bool = False) -> ET.Element:
    """The rows drawn, read back."""
    return ET.fromstring(to_svg(drawing.spec(len(rows), is_narrow=is_narrow), rows, "c", "Title", "Words"))  # noqa: S314 - ours


def texts(root: ET.Element) -> set[str]:
    return {element.text for element in root.iter("text") if element.text}


def marks(root: ET.Element, *colours: str) -> int:
    return sum(
        element.get("fill") in colours or element.get("stroke") in colours
        for element in root.iter()
        if element.tag in ("path", "rect")
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("is_narrow", [False, True], ids=["wide", "narrow"])
def test_every_form_draws_with_a_title_and_a_description_in_the_room_it_has(
    form: str, *, is_narrow: bool
) -> None:
    build, rows = FORMS[form]
    root = picture(build(), rows, is_narrow=is_narrow)

    assert root.get("role") == "img"
    assert [(element.tag, element.text) for element in list(root)[:2]] == [
        ("title", "Title"),
        ("desc", "Words"),
    ]
    assert marks(root, "#0072B2", "#D55E00") >= 2
    assert float(root.get("width", "0")) <= (NARROW if is_narrow else WIDE)
    assert float(root.get("height", "0")) > 80


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_a_specification_that_the_schema_knows(form: str) -> None:
    build, rows = FORMS[form]

    spec = build().spec(len(rows), is_narrow=False)

    assert alt.Chart.from_dict(spec, validate=True).to_dict()["width"] == build().width


@pytest.mark.parametrize("form", FORMS)
def test_every_form_takes_one_row_and_none(form: str) -> None:
    build, rows = FORMS[form]
    drawing = build()

    assert marks(picture(drawing, rows.head(1)), "#0072B2", "#D55E00") >= 1
    assert marks(picture(drawing, rows.head(0)), "#0072B2", "#D55E00") == 0


@pytest.mark.parametrize("form", FORMS)
def test_the_same_rows_give_the_same_bytes_and_ids_of_their_own(form: str) -> None:
    build, rows = FORMS[form]
    first, second = (
        str(to_svg(build().spec(len(rows), is_narrow=False), rows, chart_id, "t", "d"))
        for chart_id in ("one", "one")
    )

    assert first == second
    assert all(name.startswith("one-") for name in re.findall(r'\bid="([^"]*)"', first))


def test_hostile_names_are_drawn_as_text_and_cut_where_the_room_ends() -> None:
    found = texts(picture(charts.ranked_bars("label", "net", "EUR", EUR), PRODUCTS))

    assert HOSTILE in found
    assert "=cmd|' /C calc'!A0" in found
    assert any(text.startswith("xxx") and text.endswith("…") for text in found)


@pytest.mark.parametrize(
    "label", [HOSTILE, 'it\'s \\ "quoted"', "two\nlines", "\u2028", "{datum.net}", "${1}"]
)
def test_hostile_names_of_series_are_text_too(label: str) -> None:
    drawing = charts.trend("day", {"net": label, "gross": "Gross"}, "EUR", EUR)

    assert drawing.keys[0].label == label
    assert marks(picture(drawing, SALES), "#0072B2") >= 1


def test_bars_grow_with_their_rows() -> None:
    drawing = charts.ranked_bars("label", "net", "EUR", EUR)
    heights = [float(picture(drawing, PRODUCTS.head(rows)).get("height", "0")) for rows in (1, 5)]

    assert heights[1] - heights[0] == 4 * (drawing.row_height or 0)


def line_and_points(missing: set[int]) -> tuple[int, int]:
    """How many pieces the line of 40 days has without some of them, and how many points stand beside it."""
    known = [Decimal(place) if place not in missing else None for place in range(40)]
    rows = pl.DataFrame({"day": DAYS, "net": known}, schema={"day": pl.Date, "net": pl.Decimal(38, 2)})
    root = picture(charts.trend("day", {"net": "Net"}, "EUR", EUR), rows)
    lines = [path.get("d", "") for path in root.iter("path") if path.get("stroke-width") == "2.2"]
    points = sum(path.get("fill") == "#0072B2" for path in root.iter("path"))
    return sum(line.count("M") for line in lines), points


def test_a_missing_day_is_a_gap_and_a_day_between_gaps_is_a_point() -> None:
    assert line_and_points(set()) == (1, 0)
    assert line_and_points({20}) == (2, 0)
    assert line_and_points({19, 21})[1] == 1


def test_more_than_four_series_are_refused_with_what_to_do() -> None:
    series = {f"column_{place}": f"Series {place}" for place in range(5)}

    with pytest.raises(ValueError, match="expected at most 4 series, found 5: group the small ones"):
        charts.trend("day", series, "EUR", EUR)


def test_series_differ_by_more_than_colour() -> None:
    series = {f"column_{place}": f"Series {place}" for place in range(4)}
    keys = charts.trend("day", series, "EUR", EUR).keys

    assert (
        len({key.colour for key in keys})
        == len({key.dash for key in keys})
        == len({key.shape for key in keys})
        == 4
    )
    assert keys[0] == Key("column_0", "Series 0", "#0072B2")


def test_one_series_needs_no_legend() -> None:
    assert charts.trend("day", {"net": "Net"}, "EUR", EUR).keys == ()


def test_too_many_rows_are_refused_with_what_to_do() -> None:
    rows = pl.DataFrame({"day": [DAYS[0]] * 5001, "net": [1] * 5001})

    with pytest.raises(
        ValueError, match="expected at most 5000 rows to draw, found 5001: aggregate them first"
    ):
        picture(charts.trend("day", {"net": "Net"}, "EUR", EUR), rows)


def failing(times: int, convert: Callable[..., str]) -> tuple[Callable[..., str], list[int]]:
    """A conversion that fails so many times before it works, and the count of its calls."""
    calls: list[int] = []

    def flaky(*args: object, **options: object) -> str:
        calls.append(1)
        if len(calls) <= times:
            raise ValueError("spoiled")
        return convert(*args, **options)

    return flaky, calls


def test_a_failed_conversion_is_tried_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    flaky, calls = failing(1, vl_convert.vegalite_to_svg)
    monkeypatch.setattr(vl_convert, "vegalite_to_svg", flaky)

    assert marks(picture(FORMS["trend"][0](), SALES), "#0072B2") >= 1
    assert len(calls) == 2


def test_a_conversion_that_fails_twice_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    flaky, calls = failing(2, vl_convert.vegalite_to_svg)
    monkeypatch.setattr(vl_convert, "vegalite_to_svg", flaky)

    with pytest.raises(ValueError, match="spoiled"):
        picture(FORMS["trend"][0](), SALES)
    assert len(calls) == 2


def test_a_broken_drawing_does_not_spoil_the_next_one() -> None:
    with pytest.raises(ValueError, match=r".+"):
        to_svg({"mark": "no such mark"}, SALES, "c", "t", "d")

    assert marks(picture(FORMS["trend"][0](), SALES), "#0072B2") >= 1


def test_a_preview_is_a_small_picture() -> None:
    preview = to_png(FORMS["trend"][0]().spec(40, is_narrow=False), SALES)

    assert preview.startswith(b"\x89PNG")
    assert len(preview) < 60_000
