"""The anomalies report: what needs attention and in which order, its charts and tables, and every state of the tables."""

import base64
import re
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest

from lakehouse.reports import words
from lakehouse.reports.anomalies_picture import anomaly_picture
from lakehouse.reports.dataset import narrowed, shown
from lakehouse.reports.page import Chart, Page, Section, Table
from lakehouse.reports.picture import MOST_BYTES
from lakehouse.reports.render import render

if TYPE_CHECKING:
    from conftest import Alarmed

SCRIPT = "</script><script>alert(1)</script>"


def part(page: Page, section_id: str) -> Section:
    return next(section for section in page.sections if section.section_id == section_id)


def titles(page: Page) -> list[str]:
    """The headings of what is shown whole, without the marks that set names apart."""
    whole = [each for each in page.sections if each.section_id.startswith("anomaly-")]
    return [each.title.replace("\u2068", "").replace("\u2069", "") for each in whole]


def charts(section: Section) -> dict[str, Chart]:
    return {chart.chart_id.rpartition("-")[0]: chart for chart in section.charts}


def tables(section: Section) -> dict[str, Table]:
    return {table.table_id.rpartition("-")[0] or table.table_id: table for table in section.tables}


def told(table: Table) -> list[list[str]]:
    """The rows of a table as they are read."""
    rows = shown(table.source)
    return [
        [words.show(row[column.name], column.form) for column in table.columns]
        for row in rows.iter_rows(named=True)
    ]


def test_most_money_comes_first(alarmed: "Alarmed") -> None:
    found = titles(alarmed.fill("busy").page)

    assert found[:4] == [
        "1. Net revenue: 34.0% below expectation since 10 Nov",
        "2. Net revenue, country France: 888.9% above expectation on 11 Nov",
        "3. Return rate: 2.5 points above expectation since 19 Oct, by week",
        "4. Order count: 10.0% below expectation on 3 Nov",
    ]
    assert len(found) == 12


def test_of_like_size_what_is_bad_comes_first(alarmed: "Alarmed") -> None:
    alarmed.kpi("net_revenue")
    for name, is_good in (("good", True), ("bad", False), ("neither", None)):
        alarmed.anomaly(name, "net_revenue", 3, 1, 10.0, 5.0, is_good=is_good, dimension="is", segment=name)

    assert [each.partition(" is ")[2].partition(":")[0] for each in titles(alarmed.page)] == [
        "bad",
        "neither",
        "good",
    ]


def test_what_no_money_is_known_of_comes_last_by_its_size(alarmed: "Alarmed") -> None:
    (table,) = part(alarmed.fill("busy").page, "more").tables

    assert [row[0] for row in told(table)] == [
        "Items per order",
        "Average price",
        "Order count, country Iceland",
    ]


@pytest.mark.parametrize(
    ("ended", "changes", "is_shown"),
    [
        (14, {}, True),
        (15, {}, False),
        (300, {"status": "open", "is_open": True}, True),
        (3, {"status": "muted"}, False),
        (3, {"status": "expected"}, False),
        (3, {"status": "confirmed"}, False),
        (3, {"part_of": "whole"}, False),
    ],
)
def test_what_is_open_or_just_closed_and_no_part_and_not_answered_needs_attention(
    alarmed: "Alarmed", ended: int, changes: dict[str, object], *, is_shown: bool
) -> None:
    alarmed.kpi("net_revenue")
    alarmed.anomaly(
        "it", "net_revenue", ended + 1, ended, 10.0, 5.0, **({"status": "closed", "is_open": False} | changes)
    )

    assert bool(titles(alarmed.page)) is is_shown


def test_steps_lead_from_what_was_expected_to_what_was_found(alarmed: "Alarmed") -> None:
    found = charts(part(alarmed.fill("busy").page, "anomaly-1"))
    rows = shown(found["segments"].table.source)

    assert rows["label"].to_list() == [
        "Expected",
        "country=Germany",
        "channel=mail, payment_method=card",
        "country=Norway",
        "Actual",
    ]
    assert rows["told"].to_list() == ["60,000", "-12,000", "-9,400", "+1,000", "39,600"]
    assert rows["kind"].to_list() == ["end", "worse", "worse", "better", "end"]
    assert rows["begin"].to_list()[1:] == rows["end"].to_list()[:-1]
    assert shown(found["factors"].table.source)["told"].to_list() == ["60,000", "-19,000", "-1,400", "39,600"]


def test_what_no_step_explains_is_a_step_of_its_own(alarmed: "Alarmed") -> None:
    alarmed.kpi("return_rate", unit="ratio", is_additive=False)
    alarmed.anomaly("it", "return_rate", 3, 1, 0.05, 0.08, is_good=None)
    for rank in range(10):
        alarmed.cause("it", rank + 1, f"country={rank}", 0.002)
    rows = shown(charts(part(alarmed.page, "anomaly-1"))["segments"].table.source)

    assert rows["label"].to_list()[-3:] == ["country=7", "Everything else", "Actual"]
    assert rows["told"].to_list() == ["5.0%", *["+0.2 points"] * 8, "+1.4 points", "8.0%"]
    assert set(rows["kind"]) == {"end", "neither", "rest"}


def test_a_segment_named_like_a_step_is_a_step_of_its_own(alarmed: "Alarmed") -> None:
    alarmed.kpi("net_revenue")
    alarmed.anomaly("it", "net_revenue", 3, 1, 100.0, 80.0)
    alarmed.cause("it", 1, "Expected", -20.0)
    rows = shown(charts(part(alarmed.page, "anomaly-1"))["segments"].table.source)

    assert rows["label"].to_list() == ["Expected", "Expected (2)", "Actual"]


def test_a_series_is_drawn_over_its_last_weeks_with_its_own_periods_shaded(alarmed: "Alarmed") -> None:
    page = alarmed.fill("busy").page
    daily, weekly = (
        shown(charts(part(page, name))["band"].table.source) for name in ("anomaly-1", "anomaly-3")
    )

    assert daily["day"].to_list() == [alarmed.ago(ago) for ago in range(69, 0, -1)], "today is not complete"
    assert daily.filter(daily["is_out"] == 1)["day"].to_list() == [
        alarmed.ago(ago) for ago in range(5, 0, -1)
    ]
    assert weekly.filter(weekly["is_out"] == 1)["day"].to_list() == [alarmed.ago(ago) for ago in (27, 20, 13)]
    assert {each.isoweekday() for each in weekly["day"]} == {1}
    assert 50 <= len(weekly) <= 53


def test_a_series_is_drawn_from_before_its_anomaly_began(alarmed: "Alarmed") -> None:
    alarmed.kpi("net_revenue")
    alarmed.values("net_revenue", 100, periods=200)
    alarmed.anomaly("it", "net_revenue", 100, 1, 10_000.0, 5_000.0)
    rows = shown(charts(part(alarmed.page, "anomaly-1"))["band"].table.source)

    assert rows["day"][0] == alarmed.ago(113)
    assert rows["is_out"].sum() == 100


def test_an_anomaly_that_nothing_more_is_known_of_says_so(alarmed: "Alarmed") -> None:
    section = part(alarmed.fill("bare").page, "anomaly-1")

    assert {each.label: each.value for each in section.tiles} == {
        "Actual": "-",
        "Expected": "-",
        "Impact": "-",
        "Money at stake": "unknown",
        "Confidence": "unknown",
    }
    assert (section.charts, section.tables) == ((), ())


@pytest.mark.parametrize(
    ("confidence", "said"),
    [(0.75, "very likely real"), (0.7499, "likely real"), (0.5, "likely real"), (0.4999, "may be noise"),
     (0.3, "may be noise"), (0.2999, "weak"), (0.0, "weak")],
)  # fmt: skip
def test_confidence_is_told_in_words_and_as_a_number(
    alarmed: "Alarmed", confidence: float, said: str
) -> None:
    alarmed.kpi("net_revenue")
    alarmed.anomaly("it", "net_revenue", 3, 1, 100.0, 80.0, confidence=confidence)
    tile = part(alarmed.page, "anomaly-1").tiles[-1]

    assert (tile.value, tile.basis) == (said, f"{words.percent(confidence)} sure that it is no noise")


@pytest.mark.parametrize(
    ("kpi", "expected", "actual", "figures", "heading"),
    [
        ({}, 1200.0, 600.5, ("600.50 GBP", "1,200.00 GBP", "-599.50 GBP"), "50.0% below expectation"),
        ({"unit": "orders"}, 1200.4, 600.5, ("601 orders", "1,200 orders", "-600 orders"), "50.0% below expectation"),
        ({"unit": "orders"}, 12.0, 6.0, ("6.0 orders", "12.0 orders", "-6.0 orders"), "50.0% below expectation"),
        ({"unit": "orders"}, 0.0, 6.0, ("6.0 orders", "0.0 orders", "+6.0 orders"), "6.0 orders above expectation"),
        ({"unit": "ratio"}, 0.05, 0.0625, ("6.3%", "5.0%", "+1.3 points"), "1.3 points above expectation"),
        ({"unit": "lines", "is_additive": False}, 2.25, 3.0, ("3.00 lines", "2.25 lines", "+0.75 lines"), "33.3% above expectation"),
        ({"unit": None, "is_additive": False}, 0.25, 0.5, ("0.5000", "0.2500", "+0.2500"), "100.0% above expectation"),
        ({}, -100.0, -50.0, ("-50.00 GBP", "-100.00 GBP", "+50.00 GBP"), "50.0% above expectation"),
    ],
)  # fmt: skip
def test_figures_stand_in_the_unit_of_the_kpi(
    alarmed: "Alarmed",
    kpi: dict[str, object],
    expected: float,
    actual: float,
    figures: tuple[str, ...],
    heading: str,
) -> None:
    alarmed.kpi("it", **kpi)
    alarmed.anomaly("it", "it", 3, 1, expected, actual)
    page = alarmed.page

    assert tuple(tile.value for tile in part(page, "anomaly-1").tiles[:3]) == figures
    assert titles(page) == [f"1. It: {heading} since 12 Nov"]


def test_a_day_of_another_year_than_the_page_names_its_year(alarmed: "Alarmed") -> None:
    alarmed.connection.execute("set variable told = date '2026-01-03'")
    alarmed.kpi("it", as_of_date=alarmed.ago(316), complete_through=alarmed.ago(317))
    alarmed.anomaly("over", "it", 320, 317, 100.0, 50.0, is_open=False, status="closed")
    alarmed.anomaly("before", "it", 327, 326, 90.0, 50.0, is_open=True, status="open")

    assert titles(alarmed.page) == [
        "1. It: 50.0% below expectation from 30 Dec 2025 to 2 Jan 2026",
        "2. It: 44.4% below expectation since 23 Dec 2025",
    ]


def test_nothing_is_told_as_certain(alarmed: "Alarmed") -> None:
    alarmed.kpi("net_revenue")
    alarmed.anomaly("it", "net_revenue", 3, 1, 100.0, 80.0, confidence=0.99999)
    alarmed.cause("it", 1, "country=France", -20.0, confidence=1.0)
    page = alarmed.page

    assert part(page, "anomaly-1").tiles[-1].basis == "99.9% sure that it is no noise"
    assert told(tables(part(page, "anomaly-1"))["causes"])[0][-1] == "99.9%"
    assert "99.9%" in told(part(page, "recent").tables[0])[0]


def test_similar_episodes_and_parts_stand_with_the_anomaly(alarmed: "Alarmed") -> None:
    found = tables(part(alarmed.fill("busy").page, "anomaly-1"))

    assert [row[0] for row in told(found["parts"])] == ["Net revenue, country Germany", "Order count"]
    assert [(row[0], row[-2], row[-1]) for row in told(found["similar"])] == [
        ("12 to 14 Nov", "muted, goes on", "We know: the feed of Atlantis is off."),
        ("30 to 31 Oct", "closed", "-"),
        ("6 to 8 Oct", "confirmed", "The checkout broke."),
        ("29 to 30 Apr", "expected", "-"),
        ("19 to 29 Jan", "closed", "-"),
    ]
    assert told(found["causes"])[0] == [
        "country=Germany",
        "8,000 instead of 20,000 (-60.0%), 59% of the change.",
        "-12,000.00 GBP",
        "58.8%",
        "amount",
        "99.0%",
    ]


def test_answered_anomalies_stand_in_a_table_with_their_notes(alarmed: "Alarmed") -> None:
    (table,) = part(alarmed.fill("busy").page, "answered").tables

    assert [(row[1], row[-2], row[-1]) for row in told(table)] == [
        ("12 to 14 Nov", "muted, goes on", "We know: the feed of Atlantis is off."),
        ("6 to 8 Oct", "confirmed", "The checkout broke."),
        ("29 to 30 Apr", "expected", "-"),
    ]


def test_what_is_watched_names_every_kpi_and_counts_the_reasons(alarmed: "Alarmed") -> None:
    kpis, reasons = part(alarmed.fill("busy").page, "watched").tables

    assert [row[:3] + row[4:] for row in told(kpis)] == [
        ["Finance", "Mrr", "no rows", "4.0", "0", "0", "0"],
        ["Finance", "Net revenue", "watched", "4.0", "12", "8", "6"],
        ["Finance", "Revenue per order", "watched", "4.0", "1", "0", "0"],
        ["Marketing", "Retention 30d", "not judged", "4.0", "0", "1", "0"],
        ["Operations", "Order count", "watched", "2.5", "2", "0", "11"],
        ["Operations", "Return rate", "watched", "4.0", "1", "0", "1"],
        ["Product", "Average price", "watched", "4.0", "1", "0", "1"],
        ["Product", "Items per order", "watched", "4.0", "1", "0", "1"],
    ]
    assert told(reasons) == [["too little in it", "5", "1"], ["too few periods", "4", "2"]]


@pytest.mark.parametrize("name", ["it's; rm -rf /", "$(reboot)", "a b", "-x", '"'])
def test_the_command_to_answer_takes_any_name_as_one_word(alarmed: "Alarmed", name: str) -> None:
    alarmed.kpi("net_revenue")
    alarmed.anomaly(name, "net_revenue", 3, 1, 100.0, 80.0)
    said = part(alarmed.page, "anomaly-1").sentences[-1].text

    assert shlex.split(said.partition("say so: ")[2]) == [
        "lakehouse",
        "anomalies",
        "expected",
        name,
        "--note",
        "...",
    ]


def test_a_quiet_day_is_one_line(alarmed: "Alarmed") -> None:
    page = alarmed.fill("quiet").page

    assert page.summary.text == (
        "Nothing needs attention: 4 series of 2 KPIs are watched, data are complete through 14 Nov 2026; "
        "the last anomaly ended on 9 Aug 2026."
    )
    assert [section.section_id for section in page.sections] == ["answered", "recent", "watched"]


def test_pages_are_the_same_every_time_and_hold_no_nan(alarmed_state: "Alarmed") -> None:
    once = render(alarmed_state.page, is_interactive=False)

    assert once == render(alarmed_state.page, is_interactive=False)
    assert re.findall(r"\bNaN\b|\bnan\b|Infinity|\bNone\b", once) == []


def test_hostile_names_stand_as_text(alarmed: "Alarmed") -> None:
    for place, name in enumerate((SCRIPT, "\u202eevil \x00", "=cmd|' /C calc'!A0", "x" * 200)):
        alarmed.kpi(f"k{place}", label=name, owner=name, unit=name, unjudged={name: 1}, status=name)
        alarmed.values(f"k{place}", 10, dimension=name, segment=name)
        alarmed.anomaly(
            f"{place} {name}", f"k{place}", 3, 1, 10.0, 5.0, dimension=name, segment=name, note=name, sentence=name, explanation=name,
            methods=[name],
        )  # fmt: skip
        alarmed.cause(f"{place} {name}", 1, name, -5.0)
        alarmed.factor(f"{place} {name}", name, -5.0)
    text = render(alarmed.page)

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "\x00" not in text


def test_captions_and_headings_are_all_different(alarmed: "Alarmed") -> None:
    for number in range(3):
        alarmed.kpi(f"k{number}", label="The same")
        alarmed.values(f"k{number}", 10)
        for began in (3, 8):
            name = f"{number}-{began}"
            alarmed.anomaly(name, f"k{number}", began, began - 1, 10.0, 5.0)
            alarmed.anomaly(f"part of {name}", f"k{number}", began, began, 10.0, 5.0, part_of=name)
            alarmed.cause(name, 1, "a=b", -5.0)
            alarmed.factor(name, "a", -5.0)
    sections = alarmed.page.sections
    every = [chart.table for section in sections for chart in section.charts]
    every += [table for section in sections for table in section.tables]
    names = [table.caption for table in every] + [
        chart.title for section in sections for chart in section.charts
    ]

    assert len(set(names)) == len(names)
    assert len({section.title for section in sections}) == len(sections)


def test_a_missing_table_is_told(alarmed: "Alarmed") -> None:
    alarmed.connection.execute("drop table root_causes")
    alarmed.kpi("it")
    alarmed.anomaly("it", "it", 3, 1, 10.0, 5.0)

    with pytest.raises(duckdb.CatalogException, match="root_causes"):
        alarmed.page  # noqa: B018  a property that reads


def test_the_picture_of_an_anomaly_is_small_and_inline(alarmed: "Alarmed") -> None:
    alarmed.fill("busy")
    head, _, picture = (
        anomaly_picture(alarmed.connection, "net_revenue-2026-11-10").rstrip(")").partition("base64,")
    )

    assert head == "![Net revenue: 34.0% below expectation since 10 Nov](data:image/png;"
    assert len(picture) <= MOST_BYTES
    assert base64.b64decode(picture).startswith(b"\x89PNG")


def test_a_hostile_name_stays_within_the_words_of_the_picture(alarmed: "Alarmed") -> None:
    alarmed.kpi("it", label="](javascript:x) <b>\n![")
    alarmed.values("it", 10)
    alarmed.anomaly("it", "it", 3, 1, 10.0, 5.0)
    text = anomaly_picture(alarmed.connection, "it")

    assert re.match(r"!\[[^\[\]()<>\n]+\]\(data:image/png;base64,[A-Za-z0-9+/=]+\)$", text)


def test_there_is_no_picture_of_nothing_and_of_no_unknown_anomaly(alarmed: "Alarmed") -> None:
    alarmed.kpi("it")
    alarmed.anomaly("it", "it", 3, 1, 10.0, 5.0)

    assert anomaly_picture(alarmed.connection, "it") == ""
    with pytest.raises(LookupError, match="expected an anomaly of the table, found other"):
        anomaly_picture(alarmed.connection, "other")


def test_everything_of_the_last_weeks_is_listed_parts_and_answers_too(alarmed: "Alarmed") -> None:
    alarmed.kpi("it")
    for name, ended, changes in (
        ("last", 89, {}),
        ("gone", 90, {}),
        ("open", 200, {"status": "open", "is_open": True}),
        ("muted", 3, {"status": "muted"}),
        ("part", 3, {"part_of": "open"}),
    ):
        alarmed.anomaly(name, "it", ended + 1, ended, 10.0, 5.0, **changes)
    rows = narrowed(part(alarmed.page, "recent").tables[0].source)

    assert rows["state"].to_list() == ["muted", "closed, part of another", "closed", "open"]
    assert alarmed.page.period is not None
    assert alarmed.page.period.first == alarmed.page.period.last - timedelta(days=89)
