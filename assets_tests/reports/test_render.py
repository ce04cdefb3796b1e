"""A page as one file: safe whatever its data say, equal for equal data, small, and whole without scripts."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from html.parser import HTMLParser

import polars as pl
import pytest

from lakehouse.reports import charts, words
from lakehouse.reports.dataset import ALL, Dataset, Filter, Measure, Ratio, Rows
from lakehouse.reports.page import (
    Chart,
    Column,
    Definition,
    Entry,
    Fact,
    Origin,
    Page,
    Section,
    Sentence,
    Table,
    tile,
)
from lakehouse.reports.periods import periods_of
from lakehouse.reports.render import render

EUR = words.money_form("EUR")
FIRST = date(2024, 12, 30)
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "</style></svg><img src=x onerror=alert(1)>",
    "\"quoted\" & 'quoted' {{ 7 * 7 }} {% raw %}",
    "control \x00\x0b\x1f and\nline\u2028end",
    "\u202eright to left\u202c \u200fmark",
    "long " * 60,
    "☕ mug 👩‍🍳",
    "=cmd|' /C calc'!A0",
)


def sales(weeks: int, countries: Sequence[str]) -> Dataset:
    """Weeks of sales of everything and of each country."""
    rows = [
        (
            FIRST + timedelta(days=7 * week),
            country,
            Decimal(f"{1000 * (place + 1) + 7 * week}.25"),
            10 + week % 7,
        )
        for place, country in enumerate((ALL, *countries))
        for week in range(weeks)
    ]
    schema = {"week": pl.Date, "country": pl.String, "net": pl.Decimal(38, 2), "orders": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return Dataset("sales", frame, "week", "country", {"average": Ratio("net", "orders")})


def chart(dataset: Dataset, place: int = 0, text: str = "Revenue") -> Chart:
    columns = (Column("Week from", "week", words.DAY), Column("Net", "net", words.AMOUNT))
    table = Table(f"{text} by week, {place}", columns, Rows(dataset, order="week"))
    drawing = charts.trend("week", {"net": "Net", "average": "Average"}, "EUR", EUR)
    return Chart(f"chart-{place}", f"{text} {place}", drawing, table, "A line.", "A note.")


def page_of(dataset: Dataset, number_of_charts: int, text: str = "Revenue", weeks: int = 10) -> Page:
    """A page that says the text wherever a page says anything."""
    periods = periods_of(FIRST, FIRST + timedelta(days=7 * weeks - 1))
    names = Table(
        f"{text} names",
        (Column("Country", "country", is_name=True),),
        Rows(dataset, ("country",)),
        "names",
        text,
    )
    sections = (
        Section("key", text, (Sentence(text, ("fct_orders",)),), (tile(Measure(text, dataset, "net", EUR, "up"), Filter()),)),
        Section("charts", "Charts", charts=tuple(chart(dataset, place, text) for place in range(number_of_charts))),
        Section("rest", "Rest", tables=(names,), entries=(Entry("a.html", text, text, (text,), text),), empty=text),
    )  # fmt: skip
    members = tuple(name for name in dataset.frame["country"].unique(maintain_order=True) if name)
    return Page(
        "sample", text, Sentence(text), Origin("run-1", text), periods.last, None, sections, text,
        facts=(Fact(text, text),), definitions=(Definition(text, text),), warnings=(text,),
        filters=periods.filters("Country", text, members), links={"index.html": text},
    )  # fmt: skip


SMALL = page_of(sales(10, ("Germany",)), 1)


class Elements(HTMLParser):
    """The elements of a document, the attributes of each, and what stands in scripts and styles."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, str]] = []
        self._opened = ""
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._opened = dict(attrs).get("type") or tag
            self.raw.append((self._opened, ""))

    def handle_data(self, data: str) -> None:
        if self._opened:
            self.raw[-1] = (self._opened, self.raw[-1][1] + data)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parser's signature
        self._opened = ""


def policy(elements: Elements) -> dict[str, set[str]]:
    """The content security policy: sources by directive."""
    content = next(found["content"] for tag, found in elements.tags if found.get("http-equiv"))
    assert content is not None
    parts = [part.split() for part in content.split(";")]
    return {part[0]: set(part[1:]) for part in parts}


def hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.mark.parametrize("is_interactive", [True, False], ids=["interactive", "static"])
def test_the_policy_names_the_scripts_and_the_style_that_are_there_and_nothing_else(
    *, is_interactive: bool
) -> None:
    elements = Elements(render(SMALL, is_interactive=is_interactive))
    found = policy(elements)
    run = [text for kind, text in elements.raw if kind == "script"]
    library = [text for kind, text in elements.raw if kind == "text/plain"]

    assert len(run) == len(library) == int(is_interactive)
    assert found.pop("script-src", set()) == {hash_of(text) for text in run + library}
    assert found == {
        "default-src": {"'none'"},
        "style-src": {hash_of(text) for kind, text in elements.raw if kind == "style"},
        "img-src": {"data:"},
        "base-uri": {"'none'"},
        "form-action": {"'none'"},
    }


def test_a_static_page_holds_no_script_that_runs() -> None:
    elements = Elements(render(SMALL, is_interactive=False))

    assert [found.get("type") for tag, found in elements.tags if tag == "script"] == ["application/json"]
    assert not any(
        tag in ("form", "select", "button", "iframe", "object", "embed") for tag, _ in elements.tags
    )


@pytest.mark.parametrize("is_interactive", [True, False], ids=["interactive", "static"])
def test_nothing_is_styled_or_run_from_an_attribute_and_nothing_is_loaded(*, is_interactive: bool) -> None:
    elements = Elements(render(SMALL, is_interactive=is_interactive))
    names = {name for _, found in elements.tags for name in found}
    addresses = {
        value.partition(",")[0]
        for tag, found in elements.tags
        for name, value in found.items()
        if name in ("src", "href", "srcset", "xlink:href", "action", "poster") and value and tag != "a"
    }

    assert "style" not in names
    assert not [name for name in names if name.startswith("on")]
    assert addresses == {"data:"}


@pytest.mark.parametrize("is_interactive", [True, False], ids=["interactive", "static"])
def test_ids_are_unique_and_everything_that_is_pointed_at_is_there(*, is_interactive: bool) -> None:
    document = render(page_of(sales(10, ("Germany",)), 3), is_interactive=is_interactive)
    elements = Elements(document)
    ids = [found["id"] for _, found in elements.tags if "id" in found]
    pointed = {
        name
        for _, found in elements.tags
        for attribute in ("aria-labelledby", "aria-describedby", "for")
        for name in (found.get(attribute) or "").split()
    }
    pointed |= {value[1:] for _, found in elements.tags if (value := found.get("href") or "").startswith("#")}
    pointed |= set(
        re.findall(r"url\(#([^)]+)\)", re.sub(r"<script.*?</script>", "", document, flags=re.DOTALL))
    )

    assert len(ids) == len(set(ids))
    assert pointed <= set(ids)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_wherever_it_stands(text: str) -> None:
    plain, hostile = (
        Elements(render(page_of(sales(3, (name,)), 1, name, 3))) for name in ("Harmless", text)
    )  # fmt: skip

    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    assert [kind for kind, _ in hostile.raw] == [kind for kind, _ in plain.raw]
    assert {name for _, found in hostile.tags for name in found} == {
        name for _, found in plain.tags for name in found
    }
    for kind, raw in hostile.raw:
        if kind == "application/json":
            assert not set("<>&\u2028\u2029") & set(raw)
            assert json.loads(raw)


def test_not_a_number_in_the_data_is_shown_as_missing() -> None:
    frame = pl.DataFrame({"name": ["a", "b"], "rate": [float("nan"), float("inf")]})
    columns = (Column("Name", "name"), Column("Rate", "rate", words.PERCENT))
    table = Table("Rates", columns, Rows(Dataset("rates", frame)), "rates")
    document = render(_bare(Section("s", "S", tables=(table,))), is_interactive=False)

    assert document.count('<td class="number">-</td>') == 2
    assert not re.search(r"\b(NaN|inf)\b", document)


def _bare(*sections: Section) -> Page:
    return Page("bare", "Bare", Sentence("Nothing."), Origin("-", "-"), None, None, sections)


def test_a_table_and_a_chart_without_rows_say_so() -> None:
    empty = Dataset("sales", SMALL.sections[1].charts[0].table.source.dataset.frame.head(0))
    document = render(_bare(Section("s", "S", charts=(chart(empty),))), is_interactive=False)

    assert "Nothing to show." in document
    assert "No rows." in document
    assert "<svg role" not in document
    assert "<path" not in document.partition("<main>")[2].replace("swatch", "")


@pytest.mark.parametrize("is_interactive", [True, False], ids=["interactive", "static"])
def test_equal_pages_give_equal_bytes(*, is_interactive: bool) -> None:
    first, second = (
        render(page_of(sales(10, ("Germany",)), 2), is_interactive=is_interactive) for _ in range(2)
    )

    assert first == second


def test_one_name_is_one_dataset() -> None:
    page = _bare(Section("s", "S", charts=(chart(sales(3, ())), chart(sales(4, ()), 1))))

    with pytest.raises(ValueError, match="expected one dataset of the name sales on a page, found two"):
        render(page)


def test_a_year_of_forty_countries_in_twelve_charts_stays_within_the_budgets() -> None:
    page = page_of(sales(53, [f"Country number {place}" for place in range(40)]), 12, weeks=53)

    assert len(render(page, is_interactive=False).encode()) < 700_000
    assert len(render(page).encode()) < 2_000_000


def test_a_page_without_charts_and_filters_needs_no_script() -> None:
    assert [kind for kind, _ in Elements(render(_bare())).raw] == ["application/json", "style"]
