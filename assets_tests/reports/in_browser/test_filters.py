"""A choice narrows tiles, tables, charts and saved files to the figures that Python reckons, to the last digit."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import vl_convert
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from lakehouse.reports import words
from lakehouse.reports.csv_data import csv_text
from lakehouse.reports.dataset import ALL, Filter, narrowed, shown
from lakehouse.reports.drawing import CONFIG, ROWS
from lakehouse.reports.page import Chart, Page, Table, Tile, tile

Choice = tuple[int, int, str]
ARROWS = {"up": "▲ ", "down": "▼ ", "level": "■ ", "unknown": ""}


def tables_of(page: Page) -> Iterator[tuple[str, Table]]:
    for section in page.sections:
        for chart in section.charts:
            yield f"{chart.chart_id}-table", chart.table
        for table in section.tables:
            yield table.table_id, table


def charts_of(page: Page) -> list[Chart]:
    return [chart for section in page.sections for chart in section.charts]


def choices(page: Page) -> list[Choice]:
    """The whole of one member, a range of everything, the last period of another member."""
    assert page.filters is not None
    last = len(page.filters.periods) - 1
    members = [words.plain(member) for member in page.filters.members] or [ALL]
    return [(0, last, members[0]), (last // 2, last - 1 if last else 0, ALL), (last, last, members[-1])]


def choose(tab: Tab, choice: Choice) -> None:
    """As a reader does: one select after the other."""
    tab.select_option("#filter-from", str(choice[0]))
    tab.select_option("#filter-to", str(choice[1]))
    if tab.locator("#filter-member").count():
        tab.select_option("#filter-member", choice[2])


def spans(page: Page, choice: Choice) -> tuple[Filter, Filter, Filter | None]:
    """What tables show, what tiles show, and what tiles compare it with."""
    assert page.filters is not None
    periods = page.filters.periods
    first, last, member = choice
    is_whole = first == 0 and last == len(periods) - 1
    rows = Filter(
        None if is_whole else periods[first].first, None if is_whole else periods[last].last, member
    )
    if is_whole:
        first = [period.first for period in periods].index(page.filters.default.first)
    before = first - (last - first + 1)
    return (
        rows,
        Filter(periods[first].first, periods[last].last, member),
        Filter(periods[before].first, periods[first - 1].last, member) if before >= 0 else None,
    )


def tile_words(shown_tile: Tile, page: Page, member: str) -> list[str]:
    measure = shown_tile.measure
    assert measure is not None
    assert page.filters is not None
    is_missed = bool(member) and measure.dataset.dimension is None
    basis = shown_tile.basis + (f" ({page.filters.everything.lower()})" if is_missed else "")
    verdict = f" · {shown_tile.verdict}" if shown_tile.verdict else ""
    return [shown_tile.value, ARROWS[shown_tile.direction] + shown_tile.change + verdict, basis.strip()]


def text_of(tab: Tab, selector: str) -> list[str]:
    return [" ".join(text.split()) for text in tab.locator(selector).all_text_contents()]


def one_line(texts: list[str]) -> list[str]:
    return [" ".join(text.split()) for text in texts]


def cells(tab: Tab, table_id: str) -> list[list[str]]:
    rows: list[list[str]] = tab.locator(f"[id='{table_id}']").evaluate(
        "table => [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return rows


def saved(tab: Tab, table_id: str) -> str:
    link = tab.locator(f"div:has(> [id='{table_id}']) ~ .save a").first
    href = link.get_attribute("href") or ""
    return unquote(href.partition(",")[2]).removeprefix("\ufeff")


def assert_reckoned(tab: Tab, page: Page, choice: Choice) -> None:
    """Every tile, every table and every link that saves says what Python says."""
    rows, now, before = spans(page, choice)
    tiles = [each for section in page.sections for each in section.tiles if each.measure]
    for place, each in enumerate(tiles):
        assert each.measure is not None
        expected = tile_words(tile(each.measure, now, before), page, choice[2])
        parts = [text_of(tab, f".measured {part}")[place] for part in (".value", ".change", ".basis")]
        assert parts == one_line(expected), each.label
    for table_id, table in tables_of(page):
        narrow = shown(table.source, rows)
        columns = [narrow[column.name].to_list() for column in table.columns]
        expected_cells = [
            [words.show(value, column.form) for value, column in zip(row, table.columns, strict=True)]
            for row in zip(*columns, strict=True)
        ]
        assert cells(tab, table_id) == expected_cells, table_id
        ours = csv_text(
            narrow, [column.name for column in table.columns], [column.label for column in table.columns]
        )
        assert list(csv.reader(io.StringIO(saved(tab, table_id)))) == list(csv.reader(io.StringIO(ours))), (
            table_id
        )
        total = len(narrowed(table.source, rows))
        left_out = tab.locator(f"div:has(> [id='{table_id}']) + .note .left-out").text_content()
        assert left_out == (
            words.shown(len(narrow), total, *table.noun) if total else f"No {table.noun[1]}."
        ), table_id


def plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        at = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
        return int(at.replace(tzinfo=UTC).timestamp() * 1000)
    return value


def summary(root: ET.Element) -> list[tuple[str, int, list[str]]]:
    """What a picture draws: per layer of marks its kind, the number of its points or shapes, and its texts."""
    found = []
    for group in root.iter():
        names = (group.get("class") or "").split()
        if "role-mark" not in names:
            continue
        shapes = [each for each in group.iter() if each.tag.endswith("path") and each.get("opacity") != "0"]
        steps = sum(len(re.findall("[ML]", each.get("d") or "")) for each in shapes)
        count = steps if "mark-line" in names else sum(bool(each.get("d")) for each in shapes)
        texts = ["".join(each.itertext()) for each in group.iter() if each.tag.endswith("text")]
        found.append((names[0], count, texts))
    return found


def assert_drawn(tab: Tab, chart: Chart, rows: Filter) -> None:
    """The chart draws as many points and bars, with the same figures on them, as Python draws for the same rows."""
    figure = tab.locator(f"figure[id='{chart.chart_id}']")
    narrow = shown(chart.table.source, rows)
    narrow = narrow if chart.drawn_rows is None else narrow.head(chart.drawn_rows)
    if narrow.is_empty():
        expect(figure.locator(".nothing")).to_be_visible()
        expect(figure.locator(".drawing")).to_be_hidden()
        return
    values = [{name: plain(value) for name, value in row.items()} for row in narrow.iter_rows(named=True)]
    spec = chart.drawing.spec(len(narrow), is_narrow=False)
    ours = vl_convert.vegalite_to_svg(
        {**spec, "config": CONFIG, "datasets": {ROWS: values}}, allowed_base_urls=[]
    )
    expect(figure.locator(".live svg")).to_have_count(1)
    theirs = figure.locator(".live svg").evaluate("svg => new XMLSerializer().serializeToString(svg)")
    assert summary(ET.fromstring(theirs)) == summary(ET.fromstring(ours)), chart.chart_id  # noqa: S314 - our pages


def settled(tab: Tab) -> None:
    """Wait until the charts that were asked for are drawn."""
    expect(tab.locator("[aria-busy]")).to_have_count(0)


def state(tab: Tab) -> list[list[str]]:
    parts = (
        ".value",
        ".change",
        ".basis",
        "td",
        ".left-out",
        ".scope",
        "#filter-state",
        ".nothing:not([hidden])",
    )
    return [text_of(tab, part) for part in parts]


def test_choices_show_what_python_reckons_and_everything_comes_back(
    visit: Callable[..., Tab], built: dict[str, Page], filtered: str
) -> None:
    page = built[filtered]
    tab = visit(filtered, drawn="")
    before = state(tab)
    for choice in choices(page):
        choose(tab, choice)
        assert_reckoned(tab, page, choice)
        settled(tab)
        for chart in charts_of(page):
            assert_drawn(tab, chart, spans(page, choice)[0])
    tab.get_by_role("button", name="Show everything").click()
    settled(tab)

    assert state(tab) == before
    assert_reckoned(tab, page, (0, choices(page)[0][1], ALL))


def test_of_choices_in_haste_the_last_one_is_drawn(visit: Callable[..., Tab], built: dict[str, Page]) -> None:
    tab = visit("sample", drawn="")
    for choice in (*choices(built["sample"]), (0, 19, "France")):
        choose(tab, choice)
    settled(tab)
    for chart in charts_of(built["sample"]):
        assert_drawn(tab, chart, Filter(member="France"))


def test_an_empty_choice_says_so_and_comes_back(visit: Callable[..., Tab]) -> None:
    tab = visit("sample", drawn="#net")
    choose(tab, (5, 19, "Atlantis"))
    figure = tab.locator("figure#net")

    expect(figure.locator(".nothing")).to_have_text("Nothing to show for this choice.")
    expect(figure.locator(".drawing")).to_be_hidden()
    assert text_of(tab, ".measured .value")[:5] == ["-"] * 5
    assert text_of(tab, "#net-table + * td, #net-table tbody td") == []
    assert "No weeks." in text_of(tab, "#net .left-out")
    choose(tab, (0, 0, "Atlantis"))
    expect(figure.locator(".drawing .live svg")).to_be_visible()
    expect(figure.locator(".nothing")).to_be_hidden()
    assert len(cells(tab, "net-table")) == 1


def test_the_state_is_told_and_what_is_not_narrowed_says_so(visit: Callable[..., Tab]) -> None:
    tab = visit("sample", drawn="")
    assert text_of(tab, "#filter-state") == [
        "Shown: 6 Jan 2025 to 25 May 2025, All countries. Key figures: 28 Apr 2025 to 25 May 2025."
    ]
    choose(tab, (18, 19, "France"))

    assert text_of(tab, "#filter-state") == [
        "Shown: 12 May 2025 to 25 May 2025, \u2068France\u2069. Sentences still tell of everything."
    ]
    assert "Not narrowed by date or country." in text_of(tab, "#retention .scope")
    assert "Not narrowed by country." in text_of(tab, "div:has(> #files) + .note .scope")
    assert (
        tab.locator(".sentence").first.evaluate("each => getComputedStyle(each, '::before').content")
        == '"Everything: "'
    )


def test_of_two_bounds_that_cross_the_one_chosen_last_stays(visit: Callable[..., Tab]) -> None:
    tab = visit("sample", drawn="")
    bounds = [tab.locator("#filter-from"), tab.locator("#filter-to")]
    choose(tab, (10, 12, ALL))
    tab.select_option("#filter-to", "4")

    assert [each.input_value() for each in bounds] == ["4", "4"]
    tab.select_option("#filter-from", "15")
    assert [each.input_value() for each in bounds] == ["15", "15"]
    assert text_of(tab, "#filter-state")[0].startswith("Shown: 21 Apr 2025 to 27 Apr 2025, All countries.")


def test_the_link_saves_a_file_of_the_chosen_rows(visit: Callable[..., Tab]) -> None:
    tab = visit("sample", drawn="")
    choose(tab, (19, 19, "Germany"))
    tab.locator("#worst summary").click()
    with tab.expect_download() as found:
        tab.locator("#worst .save a").click()
    download = found.value
    header, *rows = csv.reader(io.StringIO(download.path().read_text(encoding="utf-8-sig"), newline=""))

    assert download.suggested_filename == "worst-table.csv"
    assert header == ["Product", "Net"]
    assert rows[:2] == [["</script><script>alert(1)</script>", "119"], ["'=cmd|' /C calc'!A0", "219"]]
    assert len(rows) == 9
