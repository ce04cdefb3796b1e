"""The commerce report says what its tables say, says so when there is nothing, and prints hostile names as text."""

import random
import re
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from lakehouse.reports import words
from lakehouse.reports.commerce import commerce_page
from lakehouse.reports.commerce_data import COUNTRIES_CHOSEN
from lakehouse.reports.dataset import Filter, narrowed, value_of
from lakehouse.reports.page import Origin, Page, Section, Table, Tile
from lakehouse.reports.render import render

if TYPE_CHECKING:
    from conftest import Shop


def page_of(shop: "Shop") -> Page:
    return commerce_page(shop.connection, Origin("run-1", "1.2.3"))


def section(page: Page, section_id: str) -> Section:
    return next(each for each in page.sections if each.section_id == section_id)


def said(section: Section) -> tuple[str, ...]:
    return tuple(sentence.text for sentence in section.sentences)


def rows(table: Table) -> list[tuple[str, ...]]:
    """The table's rows as the page shows them, those over its limit too."""
    names = [column.name for column in table.columns]
    return [
        tuple(words.show(value, column.form) for value, column in zip(row, table.columns, strict=True))
        for row in narrowed(table.source).select(names).iter_rows()
    ]


def tile(page: Page, label: str) -> Tile:
    return next(each for each in section(page, "key-figures").tiles if each.label == label)


def test_the_header_says_what_the_page_stands_on(busy_shop: "Shop") -> None:
    page = page_of(busy_shop)

    assert {fact.label: fact.value for fact in page.facts} == {
        "Reporting currency": "GBP",
        "Business time zone": "UTC",
    }
    assert (page.as_of, page.origin) == (date(2025, 3, 1), Origin("run-1", "1.2.3"))
    assert page.period is not None
    assert (page.period.first, page.period.last) == (date(2025, 1, 5), date(2025, 3, 1))


def test_tiles_compare_the_last_four_weeks_with_the_four_before(busy_shop: "Shop") -> None:
    page = page_of(busy_shop)
    shown = {
        each.label: (each.value, each.change, each.verdict, each.basis)
        for each in section(page, "key-figures").tiles
    }

    assert shown == {
        "Net revenue": ("3,288.00 GBP", "up 17.4%", "better", "before: 2,800.00 GBP"),
        "Gross revenue": ("3,360.00 GBP", "up 20.0%", "better", "before: 2,800.00 GBP"),
        "Orders": ("84", "up 50.0%", "better", "before: 56"),
        "Average order value": ("40.00 GBP", "down 20.0%", "worse", "before: 50.00 GBP"),
        "Return rate": ("1.4%", "up 1.4 points", "worse", "before: 0.0%"),
        "New customers": ("14", "down 50.0%", "worse", "before: 28"),
        "Repeat orders": ("56", "up from zero", "better", "before: 0"),
        "Refund liability": ("12.34 GBP", "up from zero", "", "before: 0.00 GBP"),
        "Open inventory alerts": ("1", "unchanged", "", "before: 1"),
    }


def test_a_country_has_its_own_figures(busy_shop: "Shop") -> None:
    page = page_of(busy_shop)
    now = Filter(busy_shop.ago(27), busy_shop.as_of, "France")
    figures = {
        each.label: words.show(value_of(each.measure, now), each.measure.form)
        for each in section(page, "key-figures").tiles
        if each.measure is not None and each.measure.dataset.dimension
    }

    assert figures == {
        "Net revenue": "1,297.20 GBP",
        "Gross revenue": "1,344.00 GBP",
        "Orders": "28",
        "Average order value": "48.00 GBP",
        "Return rate": "3.6%",
        "New customers": "0",
        "Repeat orders": "28",
    }
    assert page.filters is not None
    assert page.filters.members == ("France", "Germany")


def test_sentences_carry_the_figures_of_the_tables(busy_shop: "Shop") -> None:
    page = page_of(busy_shop)

    assert page.summary.text == (
        "In the 28 days to 1 Mar 2025, 84 orders brought 3,288.00 GBP of net revenue, up 17.4% on the 28 days before."
    )
    assert said(section(page, "revenue")) == (
        (
            "Net revenue was 3,288.00 GBP in the 28 days to 1 Mar 2025, up 17.4% on the 28 days before (2,800.00 GBP): "
            "gross revenue of 3,360.00 GBP less 0.00 GBP discounts, 30.00 GBP refunds and 42.00 GBP tax."
        ),
        "Behind it: orders up 50.0% (from 56 to 84), average order value down 20.0% (from 50.00 GBP to 40.00 GBP).",
        "\u2068Germany\u2069 moved most: up 310.80 GBP, of a rise of 488.00 GBP in all countries.",
        "Net revenue was highest on 2 Feb 2025: 118.50 GBP.",
    )
    assert said(section(page, "order-value"))[1] == (
        "2 units came back in the 28 days to 1 Mar 2025 while 140 were sold: a return rate of 1.4%, "
        "up 1.4 points against the 28 days before (0.0%)."
    )
    assert said(section(page, "customers")) == (
        (
            "42 customers purchased in the 28 days to 1 Mar 2025: 14 new and 28 repeat. Against the 28 days before, "
            "new customers: down 50.0% (from 28); repeat customers: up from zero (from 0)."
        ),
    )
    assert said(section(page, "inventory")) == (
        (
            "1 alert is open on 1 Mar 2025, of 2 alerts so far on 2 products. The largest shortfall when raised is that "
            "of \u2068Mug\u2069: 4 available against a reorder point of 12."
        ),
    )
    assert said(section(page, "products")) == (
        (
            "Over the whole period, \u2068Mug\u2069 leads 2 products with 3,670.80 GBP of net revenue, "
            "60.3% of 6,088.00 GBP."
        ),
    )
    assert said(section(page, "countries")) == (
        (
            "Over the whole period, \u2068Germany\u2069 leads 2 countries with 3,670.80 GBP of net revenue, "
            "60.3% of 6,088.00 GBP."
        ),
    )


def test_a_fall_is_told_with_the_country_that_fell_most(busy_shop: "Shop") -> None:
    busy_shop.day(3, refund="2000", country="France")

    assert said(section(page_of(busy_shop), "revenue"))[2] == (
        "\u2068France\u2069 moved most: down 1,822.80 GBP, more than the fall of 1,512.00 GBP in all countries together."
    )


def test_incomplete_windows_are_marked_and_never_averaged(busy_shop: "Shop") -> None:
    cohorts = section(page_of(busy_shop), "cohorts")

    assert said(cohorts) == (
        (
            "Within 7 days, 10.0% of the 40 customers first seen in Dec 2024 to Jan 2025 purchased again, "
            "and a customer brought 35.00 GBP on average."
        ),
        (
            "Within 30 days, 50.0% of the 10 customers first seen in Dec 2024 purchased again, "
            "and a customer brought 80.00 GBP on average."
        ),
        "1 cohort has an incomplete window, marked below and left out of these sentences.",
    )
    retention, lifetime_value = (rows(chart.table) for chart in cohorts.charts)
    assert retention[3] == ("Jan 2025", "30 days", "30", "90.0%", "incomplete")
    assert lifetime_value[2] == ("Jan 2025", "7 days", "30", "30.00 GBP", "complete")


def test_open_alerts_come_first(busy_shop: "Shop") -> None:
    table = section(page_of(busy_shop), "inventory").tables[0]

    assert [(row[0], row[1]) for row in rows(table)] == [("Mug", "open"), ("Plate", "resolved")]


def test_an_alert_resolved_after_the_as_of_day_is_open(busy_shop: "Shop") -> None:
    busy_shop.connection.execute(
        "update inventory_alerts set resolved_on = date '2025-03-02' where product_id = 'p1'"
    )

    assert tile(page_of(busy_shop), "Open inventory alerts").value == "1"


def test_every_landed_row_is_accounted_for_and_no_rejected_value_is_printed(busy_shop: "Shop") -> None:
    page = page_of(busy_shop)
    quality = section(page, "quality")

    assert said(quality) == (
        (
            "2 files of 2 feeds brought 161 rows, and every one is accounted for: staged, superseded, sent again or in "
            "quarantine."
        ),
        "3 rows are in quarantine, 1.86% of the rows landed.",
    )
    assert rows(quality.tables[0])[0] == ("orders", "1", "160", "150", "4", "3", "3", "2 Mar 2025 06:00 UTC")
    assert rows(quality.tables[1]) == [
        ("orders", "created_at: missing", "3"),
        ("orders", "status: not one of the known", "1"),
    ]
    assert "secret@example.com" not in render(page)


def test_rows_that_no_layer_holds_are_said_to_be_missing(busy_shop: "Shop") -> None:
    busy_shop.connection.execute("update meta_files set staged = staged - 2 where feed = 'orders'")

    assert said(section(page_of(busy_shop), "quality"))[0] == (
        "2 files of 2 feeds brought 161 rows, but the layers account for 2 rows fewer: the loading must be "
        "looked into."
    )


def test_orders_without_a_rate_are_a_warning(busy_shop: "Shop") -> None:
    busy_shop.purchase(3, "c", unconverted=True)

    assert page_of(busy_shop).warnings == (
        "1 order is in a currency without an exchange rate and left out of every sum of money.",
    )


def test_days_after_the_as_of_day_enter_no_figure(busy_shop: "Shop") -> None:
    before = page_of(busy_shop)
    busy_shop.day(-1, "999", orders=1, units=1)
    busy_shop.purchase(-1, "later", first=True)

    assert render(page_of(busy_shop)) == render(before)


def test_a_year_is_summed_by_weeks_that_end_with_the_as_of_day(shop: "Shop") -> None:
    numbers = random.Random(7)
    gross = [Decimal(numbers.randrange(1_000, 500_000)) / 100 for _ in range(365)]
    for ago, value in enumerate(gross):
        shop.day(ago, str(value), orders=1, units=1)
    table = section(page_of(shop), "revenue").charts[0].table

    shown = rows(table)
    assert len(shown) == 365 // 7
    assert shown[-1][:2] == (words.day(shop.ago(6)), words.amount(sum(gross[:7], Decimal(0))))
    assert shown[0][:2] == (words.day(shop.ago(363)), words.amount(sum(gross[357:364], Decimal(0))))


def test_an_empty_warehouse_gives_a_page_that_says_so_everywhere(shop: "Shop") -> None:
    shop.connection.execute("update run_settings set as_of_date = null, reporting_currency = null")
    page = page_of(shop)

    assert page.summary.text == "The warehouse holds no sales. Land order files and run again."
    assert all(each.empty for each in page.sections)
    assert len(page.sections) == 9
    assert {fact.value for fact in page.facts} == {"-", "UTC"}
    assert page.filters is None
    assert "None" not in render(page)


def test_a_single_day_is_a_page_without_comparisons(shop: "Shop") -> None:
    shop.day(0, "80", orders=2, units=2)
    shop.purchase(0, "c1", first=True)
    page = page_of(shop)

    assert page.summary.text == "On 1 Mar 2025, 2 orders brought 80.00 GBP of net revenue."
    net = tile(page, "Net revenue")
    assert (net.value, net.change, net.basis) == ("80.00 GBP", "", "")
    assert said(section(page, "revenue")) == (
        (
            "Net revenue was 80.00 GBP on 1 Mar 2025: gross revenue of 80.00 GBP less 0.00 GBP discounts, 0.00 GBP "
            "refunds and 0.00 GBP tax."
        ),
    )


def test_what_a_shop_does_not_have_is_said_in_words(shop: "Shop") -> None:
    shop.day(0, "80", orders=1, units=2)
    shop.purchase(0, None)
    shop.connection.execute("delete from fct_product_daily")
    page = page_of(shop)

    assert said(section(page, "order-value"))[1].startswith("No returns have been recorded")
    assert section(page, "customers").empty.startswith("No purchase carries a customer number")
    assert section(page, "cohorts").empty.startswith("No customer has made a first purchase")
    assert section(page, "inventory").empty == "No inventory movements have landed, so stock is not tracked."
    assert section(page, "products").empty == "No product has been sold yet."
    assert section(page, "quality").empty == "No file has landed yet."


def test_stock_without_an_alert_is_said_in_words(shop: "Shop") -> None:
    shop.day(0, "80", orders=1, units=2)
    shop.insert("fct_inventory_daily", (shop.as_of, "p1", False))

    assert section(page_of(shop), "inventory").empty == (
        "No alert: none of the 1 product in stock has fallen below its reorder point."
    )


def test_days_without_orders_have_no_average_order_value(shop: "Shop") -> None:
    shop.day(1)
    shop.day(0, refund="10", returned=1)
    page = page_of(shop)

    assert tile(page, "Average order value").value == "-"
    assert tile(page, "Return rate").value == "-"
    assert tile(page, "Net revenue").value == "-10.00 GBP"
    assert said(section(page, "order-value"))[0] == (
        "No purchase was made in the 2 days to 1 Mar 2025, so there is no average order value."
    )


HOSTILE = (
    "</script><script>alert(1)</script>",
    "\u202eright to left\u202c \u200fmark",
    "long " * 60,
    "☕ mug 👩‍🍳",
    "</style></svg><img src=x onerror=alert(1)>",
    "control \x00\x0b\x1f and\nline",
    "\"quoted\" & 'quoted' {{ 7 * 7 }} {% raw %}",
    "=cmd|' /C calc'!A0",
)


class Tags(HTMLParser):
    """The tags and text of a page, as a browser would find them; what stands in data blocks is no tag."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture
def hostile_shop(busy_shop: "Shop") -> "Shop":
    """The busy shop with hostile names wherever a name can stand."""
    for place, name in enumerate(HOSTILE):
        product = f"hostile{place}"
        busy_shop.insert("dim_product_current", (product, name))
        busy_shop.insert("mart_product_sales", (product, name, name))
        busy_shop.day(5, str(9000 - place), orders=1, units=1, country=name, product=product)
        busy_shop.insert("inventory_alerts", (product, busy_shop.ago(2), 0, 90 - place, 90 - place, None))
        busy_shop.insert("quarantine", (name[:40], "f.csv", 1, [name], "{}"))
        busy_shop.insert("meta_files", (name[:40], "f.csv", 1, 0, 0, 0, 1, "2025-03-02 06:00:00"))
    return busy_shop


def test_hostile_names_are_text(hostile_shop: "Shop") -> None:
    page = commerce_page(hostile_shop.connection, Origin("</title><script>", "<b>"))
    html = render(page)
    found = Tags(html)
    text = "".join(found.text)

    # The mark, the data, the library and the page's own script.
    assert found.tags.count("script") == 4
    assert not set(found.tags) & {"img", "iframe", "object", "foreignobject", "b"}
    assert not {name for name in found.attributes if name.startswith("on")} | ({"style"} & found.attributes)
    assert "</script><script>alert(1)</script>" in text
    assert ("long " * 60).strip() in text
    assert "☕ mug 👩‍🍳" in text
    assert "{{ 7 * 7 }}" in text
    assert not re.search("[\x00-\x08\x0b-\x1f]", html)
    assert page.filters is not None
    assert set(HOSTILE) < set(page.filters.members)


def test_names_that_shorten_to_the_same_label_stay_apart() -> None:
    labels = words.chart_labels(["x" * 300, "x" * 301, "y"])

    assert labels == ["x" * 39 + "…", "x" * 39 + "… (2)", "y"]


def test_same_tables_give_the_same_bytes(hostile_shop: "Shop") -> None:
    assert render(page_of(hostile_shop)) == render(page_of(hostile_shop))


def test_small_countries_are_one_choice(busy_shop: "Shop") -> None:
    for place in range(COUNTRIES_CHOSEN + 20):
        busy_shop.day(place % 50, "1", orders=1, units=1, country=f"Land {place:02}")
    page = page_of(busy_shop)
    table = section(page, "countries").charts[0].table

    assert page.filters is not None
    assert len(page.filters.members) == COUNTRIES_CHOSEN + 1
    assert ("Other countries", "22", "0", "22.00", "0.00", "22.00") in rows(table)
    assert sum(int(row[1]) for row in rows(table)) == 140 + COUNTRIES_CHOSEN + 20


def test_a_year_with_forty_countries_stays_within_its_budget(busy_shop: "Shop") -> None:
    days = "from range(365) as days(ago), range(40) as lands(place)"
    day = f"date '{busy_shop.as_of}' - ago::integer"
    money = "1234.5678, 1.5, 200.1234, 34.5678, 998.3766"
    busy_shop.connection.execute(
        f"insert into mart_country_daily select {day}, 'Land ' || place, 3, 1, 1, 9, 1, {money} {days}"
    )
    busy_shop.connection.execute(
        "insert into fct_product_daily "
        f"select {day}, 'Land ' || place, 'p' || (ago + place) % 50, 3, 9, 1, {money} {days}"
    )
    for ago in range(56, 365):
        busy_shop.day(
            ago, "123456.78", orders=1000, units=3000, returned=10, refund="1234.5", recognized="99999"
        )
        busy_shop.purchase(ago, f"old{ago}", first=True)
    for place in range(50):
        busy_shop.insert(
            "mart_product_sales", (f"p{place + 3}", f"A product of some length {place}", "kitchen")
        )
        busy_shop.insert(
            "inventory_alerts", (f"p{place}", busy_shop.ago(100 + place), 1, 9, 8, busy_shop.ago(place))
        )
    page = page_of(busy_shop)

    assert len(render(page, is_interactive=False).encode()) < 700_000
    assert len(render(page).encode()) < 2_000_000


def test_a_warehouse_without_settings_is_an_error_that_says_what_to_do(shop: "Shop") -> None:
    shop.connection.execute("delete from run_settings")

    with pytest.raises(LookupError, match="build the core models first"):
        page_of(shop)
