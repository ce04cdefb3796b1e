"""The commerce report says what its tables say, says so when there is nothing, and prints hostile names as text."""

import base64
import hashlib
import random
import re
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import vl_convert

from lakehouse.reports import words
from lakehouse.reports.commerce import commerce_page
from lakehouse.reports.page import Page, Section, Tile, render
from lakehouse.reports.write import write_report

if TYPE_CHECKING:
    from conftest import Shop

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


def page_of(shop: "Shop") -> Page:
    return commerce_page(shop.connection, "run-1", "1.2.3")


def section(page: Page, section_id: str) -> Section:
    return next(each for each in page.sections if each.section_id == section_id)


def tile(page: Page, label: str) -> Tile:
    return next(each for each in section(page, "key-figures").tiles if each.label == label)


def test_the_header_says_what_the_page_stands_on(busy_shop: "Shop") -> None:
    facts = {fact.label: fact.value for fact in page_of(busy_shop).facts}

    assert facts == {
        "Data as of": "1 Mar 2025",
        "Period": "1 Jan 2025 to 1 Mar 2025",
        "Reporting currency": "GBP",
        "Business time zone": "UTC",
        "Run": "run-1",
        "Code version": "1.2.3",
    }


def test_tiles_compare_the_last_thirty_days_with_the_thirty_before(busy_shop: "Shop") -> None:
    page = page_of(busy_shop)
    shown = {
        each.label: (each.value, each.arrow, each.change, each.verdict, each.basis)
        for each in section(page, "key-figures").tiles
    }

    assert shown == {
        "Net revenue": ("3,525.00 GBP", "▲", "up 17.5%", "better", "before: 3,000.00 GBP"),
        "Gross revenue": ("3,600.00 GBP", "▲", "up 20.0%", "better", "before: 3,000.00 GBP"),
        "Orders": ("90", "▲", "up 50.0%", "better", "before: 60"),
        "Average order value": ("40.00 GBP", "▼", "down 20.0%", "worse", "before: 50.00 GBP"),
        "Return rate": ("1.3%", "▲", "up 1.3 points", "worse", "before: 0.0%"),
        "New customers": ("15", "▼", "down 50.0%", "worse", "before: 30"),
        "Repeat customers": ("30", "▲", "up from zero", "better", "before: 0"),
        "Refund liability": ("12.34 GBP", "▲", "up from zero", "", "before: 0.00 GBP"),
        "Open inventory alerts": ("1", "■", "unchanged", "", "before: 1"),
    }


def test_sentences_carry_the_figures_of_the_tables(busy_shop: "Shop") -> None:
    page = page_of(busy_shop)

    assert page.summary == (
        "In the 30 days to 1 Mar 2025, 90 orders brought 3,525.00 GBP of net revenue, up 17.5% on the 30 days before."
    )
    assert section(page, "revenue").sentences == (
        (
            "Net revenue was 3,525.00 GBP in the 30 days to 1 Mar 2025, up 17.5% on the 30 days before (3,000.00 GBP): "
            "gross revenue of 3,600.00 GBP less 0.00 GBP discounts, 30.00 GBP refunds and 45.00 GBP tax."
        ),
        "Behind it: orders up 50.0% (from 60 to 90), average order value down 20.0% (from 50.00 GBP to 40.00 GBP).",
        "Net revenue was highest on 31 Jan 2025: 118.50 GBP.",
    )
    assert section(page, "order-value").sentences[1] == (
        "2 units came back in the 30 days to 1 Mar 2025 while 150 were sold: a return rate of 1.3%, "
        "up 1.3 points against the 30 days before (0.0%)."
    )
    assert section(page, "customers").sentences == (
        (
            "45 customers purchased in the 30 days to 1 Mar 2025: 15 new and 30 repeat. Against the 30 days before, "
            "new customers: down 50.0% (from 30); repeat customers: up from zero (from 0)."
        ),
    )
    assert section(page, "inventory").sentences == (
        (
            "1 alert is open on 1 Mar 2025, of 2 alerts so far on 2 products. The largest shortfall when raised is that "
            "of \u2068Mug\u2069: 4 available against a reorder point of 12."
        ),
    )
    assert section(page, "products").sentences == (
        (
            "Over the whole period, \u2068Mug\u2069 leads 2 products with 3,570.00 GBP of net revenue, "
            "54.7% of 6,525.00 GBP."
        ),
    )
    assert section(page, "countries").sentences == (
        (
            "Over the whole period, \u2068Germany\u2069 leads 2 countries with 3,925.00 GBP of net revenue, "
            "60.2% of 6,525.00 GBP."
        ),
    )


def test_incomplete_windows_are_marked_and_never_averaged(busy_shop: "Shop") -> None:
    cohorts = section(page_of(busy_shop), "cohorts")

    assert cohorts.sentences == (
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
    retention, lifetime_value = (chart.table.rows for chart in cohorts.charts)
    assert retention[1] == ("Jan 2025", "30", "6.7%", "90.0% incomplete")
    assert lifetime_value[1] == ("Jan 2025", "30", "30.00 GBP", "300.00 GBP incomplete")


def test_open_alerts_come_first(busy_shop: "Shop") -> None:
    table = section(page_of(busy_shop), "inventory").tables[0]

    assert [(row[0], row[1]) for row in table.rows] == [("Mug", "open"), ("Plate", "resolved")]


def test_an_alert_resolved_after_the_as_of_day_is_open(busy_shop: "Shop") -> None:
    busy_shop.connection.execute(
        "update inventory_alerts set resolved_on = date '2025-03-02' where product_id = 'p1'"
    )

    assert tile(page_of(busy_shop), "Open inventory alerts").value == "1"


def test_every_landed_row_is_accounted_for_and_no_rejected_value_is_printed(busy_shop: "Shop") -> None:
    page = page_of(busy_shop)
    quality = section(page, "quality")

    assert quality.sentences == (
        (
            "2 files of 2 feeds brought 161 rows, and every one is accounted for: staged, superseded, sent again or in "
            "quarantine."
        ),
        "3 rows are in quarantine, 1.86% of the rows landed.",
    )
    assert quality.tables[0].rows[0] == ("orders", "1", "160", "150", "4", "3", "3", "2 Mar 2025 06:00 UTC")
    assert quality.tables[1].rows == (
        ("orders", "created_at: missing", "3"),
        ("orders", "status: not one of the known", "1"),
    )
    assert "secret@example.com" not in render(page)


def test_rows_that_no_layer_holds_are_said_to_be_missing(busy_shop: "Shop") -> None:
    busy_shop.connection.execute("update meta_files set staged = staged - 2 where feed = 'orders'")

    assert section(page_of(busy_shop), "quality").sentences[0] == (
        "2 files of 2 feeds brought 161 rows, but the layers account for 2 rows fewer: the loading must be "
        "looked into."
    )


def test_orders_without_a_rate_are_a_warning(busy_shop: "Shop") -> None:
    busy_shop.purchase(3, "c", unconverted=True)

    assert page_of(busy_shop).warnings == (
        "1 order is in a currency without an exchange rate and left out of every sum of money.",
    )


def test_days_after_the_as_of_day_enter_no_figure_but_the_rankings_which_say_so(busy_shop: "Shop") -> None:
    before = page_of(busy_shop)
    busy_shop.day(-1, "999", orders=1, units=1)
    after = page_of(busy_shop)

    assert section(after, "key-figures") == section(before, "key-figures")
    assert section(after, "revenue") == section(before, "revenue")
    assert "Over all dates, those after 1 Mar 2025 included, " in section(after, "products").sentences[0]


def test_a_year_is_summed_by_weeks_that_end_with_the_as_of_day(shop: "Shop") -> None:
    numbers = random.Random(7)
    gross = [Decimal(numbers.randrange(1_000, 500_000)) / 100 for _ in range(365)]
    for ago, value in enumerate(gross):
        shop.day(ago, str(value), orders=1, units=1)
    table = section(page_of(shop), "revenue").charts[0].table

    assert len(table.rows) == 365 // 7
    assert table.rows[-1][:2] == (words.day(shop.ago(6)), words.amount(sum(gross[:7], Decimal(0))))
    assert table.rows[0][:2] == (words.day(shop.ago(363)), words.amount(sum(gross[357:364], Decimal(0))))


def test_an_empty_warehouse_gives_a_page_that_says_so_everywhere(shop: "Shop") -> None:
    shop.connection.execute("update run_settings set as_of_date = null, reporting_currency = null")
    page = page_of(shop)

    assert page.summary == "The warehouse holds no sales. Land order files and run again."
    assert all(each.empty for each in page.sections)
    assert len(page.sections) == 9
    assert {fact.value for fact in page.facts} == {"-", "UTC", "run-1", "1.2.3"}
    assert "None" not in render(page)


def test_a_single_day_is_a_page_without_comparisons(shop: "Shop") -> None:
    shop.day(0, "80", orders=2, units=2)
    shop.purchase(0, "c1", first=True)
    page = page_of(shop)

    assert page.summary == "On 1 Mar 2025, 2 orders brought 80.00 GBP of net revenue."
    assert tile(page, "Net revenue") == Tile("Net revenue", "80.00 GBP")
    assert section(page, "revenue").sentences == (
        (
            "Net revenue was 80.00 GBP on 1 Mar 2025: gross revenue of 80.00 GBP less 0.00 GBP discounts, 0.00 GBP "
            "refunds and 0.00 GBP tax."
        ),
    )


def test_what_a_shop_does_not_have_is_said_in_words(shop: "Shop") -> None:
    shop.day(0, "80", orders=1, units=2)
    shop.purchase(0, None)
    page = page_of(shop)

    assert section(page, "order-value").sentences[1].startswith("No returns have been recorded")
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
    assert (
        section(page, "order-value")
        .sentences[0]
        .startswith("No purchase was made in the 2 days to 1 Mar 2025")
    )


class Tags(HTMLParser):
    """The tags, ids and text of a page, as a browser would find them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.ids.extend(value for name, value in attrs if name == "id" and value)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture
def hostile_shop(busy_shop: "Shop") -> "Shop":
    """The busy shop with hostile names wherever a name can stand."""
    for place, name in enumerate(HOSTILE):
        product = f"hostile{place}"
        worth = Decimal(9000 - place)
        busy_shop.insert("dim_product_current", (product, name))
        busy_shop.insert("mart_product_sales", (product, name, name, 1, 1, worth, worth, Decimal(0)))
        busy_shop.insert("mart_country_sales", (name, 1, 1, worth, Decimal(0), worth))
        busy_shop.insert("inventory_alerts", (product, busy_shop.ago(2), 0, 90 - place, 90 - place, None))
        busy_shop.insert("quarantine", (name[:40], "f.csv", 1, [name], "{}"))
        busy_shop.insert("meta_files", (name[:40], "f.csv", 1, 0, 0, 0, 1, "2025-03-02 06:00:00"))
    return busy_shop


def test_hostile_names_are_text(hostile_shop: "Shop") -> None:
    html = render(commerce_page(hostile_shop.connection, "</title><script>", "<b>"))
    found = Tags(html)
    text = "".join(found.text)

    assert not found.tags & {"script", "img", "iframe", "object", "foreignobject", "b"}
    assert not {name for name in found.attributes if name.startswith("on")} | ({"style"} & found.attributes)
    assert "</script><script>alert(1)</script>" in text
    assert ("long " * 60).strip() in text
    assert "☕ mug 👩‍🍳" in text
    assert "{{ 7 * 7 }}" in text
    assert not re.search("[\x00-\x08\x0b-\x1f]", html)


def test_names_that_shorten_to_the_same_label_stay_apart() -> None:
    labels = words.chart_labels(["x" * 300, "x" * 301, "y"])

    assert labels == ["x" * 39 + "…", "x" * 39 + "… (2)", "y"]


def test_ids_are_unique_on_the_page_and_the_drawings_are_labelled(busy_shop: "Shop") -> None:
    html = render(page_of(busy_shop))
    found = Tags(html)
    charts = sum(len(each.charts) for each in page_of(busy_shop).sections)

    assert len(found.ids) == len(set(found.ids))
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(found.ids)
    assert charts == 9
    assert html.count('role="img"') == html.count("<desc ") == html.count("Data of this chart") == charts


def test_the_policy_allows_the_style_of_the_page_and_nothing_else(busy_shop: "Shop") -> None:
    html = render(page_of(busy_shop))
    css = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert css is not None
    digest = base64.b64encode(hashlib.sha256(css.group(1).encode()).digest()).decode()

    assert html.count("<style") == 1
    assert f"default-src &#39;none&#39;; style-src &#39;sha256-{digest}&#39;; img-src data:" in html


def test_same_tables_give_the_same_bytes(hostile_shop: "Shop") -> None:
    assert render(page_of(hostile_shop)) == render(page_of(hostile_shop))


def test_a_year_with_forty_countries_stays_small(busy_shop: "Shop") -> None:
    for ago in range(60, 366):
        busy_shop.day(
            ago, "123456.78", orders=1000, units=3000, returned=10, refund="1234.5", recognized="99999"
        )
        busy_shop.purchase(ago, f"old{ago}", first=True)
    for place in range(40):
        busy_shop.insert(
            "mart_country_sales", (f"Country {place}", 10, 5, Decimal(100), Decimal(1), Decimal(99))
        )
        busy_shop.insert(
            "inventory_alerts", (f"p{place}", busy_shop.ago(100 + place), 1, 9, 8, busy_shop.ago(place))
        )
        month = date(2022 + place // 12, place % 12 + 1, 1)
        for window in (7, 30, 90):
            busy_shop.insert(
                "fct_cohort_ltv", (month, window, 100, 10, 0.1, Decimal(5000), Decimal(50), True)
            )

    assert len(render(page_of(busy_shop)).encode()) < 250_000


def test_a_failed_conversion_is_tried_once_more(busy_shop: "Shop", monkeypatch: pytest.MonkeyPatch) -> None:
    expected = render(page_of(busy_shop))
    convert = vl_convert.vegalite_to_svg
    calls = []

    def fail_first(spec: dict[str, object], **options: list[str]) -> str:
        calls.append(options)
        if len(calls) == 1:
            raise ValueError("spoiled")
        return convert(spec, allowed_base_urls=options["allowed_base_urls"])

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", fail_first)

    assert render(page_of(busy_shop)) == expected
    assert all(options == {"allowed_base_urls": []} for options in calls)


def test_a_report_is_written_whole(busy_shop: "Shop", tmp_path: Path) -> None:
    page = page_of(busy_shop)
    path = write_report(page, tmp_path / "reports" / "commerce.html")

    assert path.read_text(encoding="utf-8") == render(page)
    assert [each.name for each in path.parent.iterdir()] == ["commerce.html"]


def test_a_report_that_cannot_be_written_leaves_nothing_behind(busy_shop: "Shop", tmp_path: Path) -> None:
    (tmp_path / "commerce.html").mkdir()

    with pytest.raises(OSError, match=r"commerce\.html"):
        write_report(page_of(busy_shop), tmp_path / "commerce.html")

    assert [each.name for each in tmp_path.iterdir()] == ["commerce.html"]


def test_a_warehouse_without_settings_is_an_error_that_says_what_to_do(shop: "Shop") -> None:
    shop.connection.execute("delete from run_settings")

    with pytest.raises(LookupError, match="build the core models first"):
        page_of(shop)
