"""The commerce report: how the shop did up to the as-of day, on one page.

Here belong the page's frame and its key figures. The other sections stand in `commerce_sales`,
`commerce_customers`, `commerce_stock`, `commerce_rankings` and `commerce_quality`, the terms in `commerce_terms`.
"""

import duckdb

from lakehouse.reports import words
from lakehouse.reports.commerce_customers import cohorts, customers
from lakehouse.reports.commerce_data import Shop, Terms, read_shop, read_terms
from lakehouse.reports.commerce_quality import data_quality, unconverted_warning
from lakehouse.reports.commerce_rankings import top_countries, top_products
from lakehouse.reports.commerce_sales import order_value_and_returns, revenue
from lakehouse.reports.commerce_stock import inventory_alerts
from lakehouse.reports.commerce_terms import DEFINITIONS
from lakehouse.reports.dataset import Measure
from lakehouse.reports.freshness import stale_warnings
from lakehouse.reports.page import Fact, Origin, Page, Period, Section, Sentence, tile
from lakehouse.reports.periods import WINDOW_DAYS, span_words

NAME = "commerce"
TITLE = "Commerce report"

_EMPTY_SECTIONS = (
    ("key-figures", "Key figures"),
    ("revenue", "Revenue over time"),
    ("order-value", "Order value and returns"),
    ("customers", "New and repeat customers"),
    ("cohorts", "Retention and lifetime value by cohort"),
    ("inventory", "Inventory alerts"),
    ("products", "Top products"),
    ("countries", "Top countries"),
)


def commerce_page(connection: duckdb.DuckDBPyConnection, origin: Origin) -> Page:
    """The commerce report on the published tables that the connection sees.

    Raises LookupError when run_settings is empty, duckdb.CatalogException when a table is missing.
    """
    terms = read_terms(connection)
    if terms.as_of is None or terms.first_day is None:
        return _page_without_sales(connection, terms, origin)
    shop = read_shop(connection, terms.first_day, terms.as_of, terms.currency)
    unconverted = unconverted_warning(connection, terms.as_of)
    return Page(
        name=NAME,
        title=TITLE,
        summary=_summary(shop),
        origin=origin,
        as_of=terms.as_of,
        as_of_note=_as_of_note(terms),
        period=Period(shop.periods.first, shop.periods.last),
        facts=_facts(terms),
        sections=(
            _key_figures(shop),
            revenue(shop),
            order_value_and_returns(shop),
            customers(shop),
            cohorts(connection, terms.as_of, terms.currency),
            inventory_alerts(shop),
            top_products(shop),
            top_countries(shop),
            data_quality(connection),
        ),
        definitions=DEFINITIONS,
        warnings=(*stale_warnings(connection), *((unconverted,) if unconverted else ())),
        filters=shop.periods.filters("Country", "All countries", shop.countries),
    )


def _page_without_sales(connection: duckdb.DuckDBPyConnection, terms: Terms, origin: Origin) -> Page:
    until = f" up to {words.day(terms.as_of)}" if terms.as_of else ""
    reason = f"No order, return or delivery is known{until}, so there is nothing to show here yet."
    sections = tuple(Section(section_id, title, empty=reason) for section_id, title in _EMPTY_SECTIONS)
    return Page(
        name=NAME,
        title=TITLE,
        summary=Sentence(f"The warehouse holds no sales{until}. Land order files and run again."),
        origin=origin,
        as_of=terms.as_of,
        as_of_note=_as_of_note(terms),
        period=None,
        facts=_facts(terms),
        sections=(*sections, data_quality(connection)),
        definitions=DEFINITIONS,
        warnings=stale_warnings(connection),
    )


def _summary(shop: Shop) -> Sentence:
    now, before = shop.periods.now, shop.periods.before
    span = span_words(now)
    orders = words.counted(shop.number("orders", now), "order")
    sentence = (
        f"{span[0].upper()}{span[1:]}, {orders} brought {shop.said('net', now, shop.money)} of net revenue"
    )
    if before is not None:
        moved = words.change(shop.figure("net", now), shop.figure("net", before))
        sentence += f", {moved.words} on the {WINDOW_DAYS} days before"
    return Sentence(f"{sentence}.", ("fct_revenue_daily",))


def _as_of_note(terms: Terms) -> str:
    return " (configured)" if terms.is_as_of_configured else ""


def _facts(terms: Terms) -> tuple[Fact, ...]:
    return (
        Fact("Reporting currency", terms.currency or words.MISSING),
        Fact("Business time zone", terms.time_zone),
    )


def _key_figures(shop: Shop) -> Section:
    now, before = shop.periods.now, shop.periods.before
    note = f"Measured {span_words(now)}"
    if before is not None:
        note += (
            f", against the {WINDOW_DAYS} days before ({words.day(before.first)} to {words.day(before.last)})"
        )
        note += ". Refund liability and open alerts are those of the last day."
    else:
        note += f". The history is shorter than twice {WINDOW_DAYS} days, so there is nothing whole to compare with."
    money = shop.money
    measures = (
        shop.measure("Net revenue", "net", money, "up"),
        shop.measure("Gross revenue", "gross", money, "up"),
        shop.measure("Orders", "orders", words.COUNT, "up"),
        shop.measure("Average order value", "average_order_value", money, "up"),
        shop.measure("Return rate", "return_rate", words.PERCENT, "down"),
        shop.measure("New customers", "new_customers", words.COUNT, "up"),
        shop.measure("Repeat orders", "repeat_orders", words.COUNT, "up"),
        Measure("Refund liability", shop.balances, "refund_liability", money, None, is_balance=True),
        Measure("Open inventory alerts", shop.balances, "open_alerts", words.COUNT, "down", is_balance=True),
    )
    return Section(
        "key-figures",
        "Key figures",
        sentences=(Sentence(note, ("fct_revenue_daily", "fct_orders", "inventory_alerts")),),
        tiles=tuple(tile(measure, now, before) for measure in measures),
    )
