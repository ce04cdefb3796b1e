"""The commerce report: how the shop did up to the as-of day, on one page.

Here belong the page's frame and its key figures. The other sections stand in `commerce_sales`,
`commerce_customers`, `commerce_stock`, `commerce_rankings` and `commerce_quality`.
"""

from decimal import Decimal

import duckdb

from lakehouse.reports import words
from lakehouse.reports.commerce_customers import cohorts, customers
from lakehouse.reports.commerce_data import Terms, Totals, read_periods, read_terms, windows
from lakehouse.reports.commerce_quality import data_quality, unconverted_warning
from lakehouse.reports.commerce_rankings import top_countries, top_products
from lakehouse.reports.commerce_sales import order_value_and_returns, revenue
from lakehouse.reports.commerce_stock import inventory_alerts
from lakehouse.reports.page import Definition, Fact, Page, Section, Tile

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

DEFINITIONS = (
    Definition(
        "Gross revenue",
        "Quantity times unit price, tax included, of orders that are paid, fulfilled, delivered or returned; "
        "on the order's date.",
    ),
    Definition(
        "Net revenue",
        "Gross revenue less discounts, refunds and tax. Refunds count on the day of the return.",
    ),
    Definition(
        "Recognized revenue",
        "Revenue of delivered orders, on the day of delivery, less the refunds expected from the trailing "
        "return rate.",
    ),
    Definition(
        "Refund liability",
        "The reserve for refunds still expected on delivered orders, released as returns come or 30 days "
        "pass.",
    ),
    Definition("Orders", "Orders with revenue and at least one line."),
    Definition("Average order value (AOV)", "Gross revenue divided by orders."),
    Definition("Return rate", "Units returned in a period divided by units sold in it."),
    Definition(
        "New and repeat customers",
        "New: the first purchase falls in the period. Repeat: others who purchased in it. Each counts once a "
        "period; guests are neither.",
    ),
    Definition(
        "Cohort",
        "Customers by the month of their first purchase; windows run 7, 30 and 90 days from each customer's "
        "own first purchase.",
    ),
    Definition("Retention", "Share of a cohort that purchased again within the window."),
    Definition("Lifetime value (LTV)", "Net revenue of a cohort's orders within the window, per customer."),
    Definition(
        "Incomplete",
        "The window has not ended for every customer of the cohort, so the figure can still change.",
    ),
    Definition(
        "Inventory alert",
        "Stock on hand less allocations fell below the reorder point; it stays open until a day when it is "
        "no longer below.",
    ),
)


def commerce_page(connection: duckdb.DuckDBPyConnection, run_id: str, code_version: str) -> Page:
    """The commerce report on the tables that the connection sees.

    run_id, code_version: printed on the page, so that a figure leads back to what made it.
    Raises LookupError when run_settings is empty, duckdb.CatalogException when a table is missing.
    """
    terms = read_terms(connection)
    if terms.as_of is None or terms.first_day is None:
        return _page_without_sales(connection, terms, run_id, code_version)
    now, before = windows(connection, terms.as_of, terms.first_day)
    periods = read_periods(connection, terms.as_of, terms.first_day)
    # The marts of products and countries hold every date, the unfinished days after the as-of day too.
    later = f"all dates, those after {words.day(terms.as_of)} included"
    dates = later if terms.has_later_days else "the whole period"
    warning = unconverted_warning(connection, terms.as_of)
    return Page(
        title=TITLE,
        summary=_summary(now, before, terms.currency),
        facts=_facts(terms, run_id, code_version),
        sections=(
            _key_figures(now, before, terms),
            revenue(now, before, periods, terms.currency),
            order_value_and_returns(now, before, periods, terms.currency),
            customers(now, before, periods),
            cohorts(connection, terms.as_of, terms.currency),
            inventory_alerts(connection, terms.as_of, periods),
            top_products(connection, terms.currency, dates),
            top_countries(connection, terms.currency, dates),
            data_quality(connection),
        ),
        definitions=DEFINITIONS,
        warnings=(warning,) if warning else (),
    )


def _page_without_sales(
    connection: duckdb.DuckDBPyConnection, terms: Terms, run_id: str, code_version: str
) -> Page:
    until = f" up to {words.day(terms.as_of)}" if terms.as_of else ""
    reason = f"No order, return or delivery is known{until}, so there is nothing to show here yet."
    sections = tuple(Section(section_id, title, empty=reason) for section_id, title in _EMPTY_SECTIONS)
    return Page(
        title=TITLE,
        summary=f"The warehouse holds no sales{until}. Land order files and run again.",
        facts=_facts(terms, run_id, code_version),
        sections=(*sections, data_quality(connection)),
        definitions=DEFINITIONS,
    )


def _summary(now: Totals, before: Totals | None, currency: str | None) -> str:
    sentence = (
        f"{now.span[0].upper()}{now.span[1:]}, {words.counted(now.orders, 'order')} brought "
        f"{words.money(now.net, currency)} of net revenue"
    )
    if before is not None:
        sentence += f", {words.change(now.net, before.net).words} on the 30 days before"
    return f"{sentence}."


def _facts(terms: Terms, run_id: str, code_version: str) -> tuple[Fact, ...]:
    as_of = words.day(terms.as_of) + (" (configured)" if terms.is_as_of_configured else "")
    period = words.day(terms.first_day)
    if terms.first_day and terms.first_day != terms.as_of:
        period += f" to {words.day(terms.as_of)}"
    return (
        Fact("Data as of", as_of),
        Fact("Period", period),
        Fact("Reporting currency", terms.currency or words.MISSING),
        Fact("Business time zone", terms.time_zone),
        Fact("Run", run_id),
        Fact("Code version", code_version),
    )


def _key_figures(now: Totals, before: Totals | None, terms: Terms) -> Section:
    note = f"Measured {now.span}"
    if before is not None:
        note += f", against the 30 days before ({words.day(before.first)} to {words.day(before.last)})."
    else:
        note += ". The history is shorter than twice 30 days, so there is nothing whole to compare with."

    def tile(label: str, name: str, good: str, show: words.Formatter) -> Tile:
        """A tile of one attribute of both windows. good: the direction that is better, empty for neither."""
        value, earlier = getattr(now, name), getattr(before, name) if before is not None else None
        if before is None:
            return Tile(label, show(value))
        is_share = name == "return_rate"
        moved = words.change_in_points(value, earlier) if is_share else words.change(value, earlier)
        verdict = ""
        if good and moved.direction in ("up", "down"):
            verdict = "better" if moved.direction == good else "worse"
        return Tile(label, show(value), moved.direction, moved.words, verdict, f"before: {show(earlier)}")

    def money(value: Decimal | None) -> str:
        return words.money(value, terms.currency)

    def number(value: Decimal | int | None) -> str:
        return words.count(None if value is None else int(value))

    return Section(
        "key-figures",
        "Key figures",
        sentences=(f"{note} Refund liability and open alerts are those of the last day.",),
        tiles=(
            tile("Net revenue", "net", "up", money),
            tile("Gross revenue", "gross", "up", money),
            tile("Orders", "orders", "up", number),
            tile("Average order value", "average_order_value", "up", money),
            tile("Return rate", "return_rate", "down", words.percent),
            tile("New customers", "new_customers", "up", number),
            tile("Repeat customers", "repeat_customers", "up", number),
            tile("Refund liability", "refund_liability", "", money),
            tile("Open inventory alerts", "open_alerts", "down", number),
        ),
    )
