"""The commerce report's rankings: the products and the countries that bring the most."""

from decimal import Decimal

import duckdb
import polars as pl

from lakehouse.reports import charts, words
from lakehouse.reports.commerce_data import ratio
from lakehouse.reports.page import Chart, Column, Section, Table
from lakehouse.reports.query import read
from lakehouse.reports.svg import to_svg

_TOP = 15
_SERVICE = "service"
_COUNTRIES_SHOWN = 60

_PRODUCTS = """
select
    coalesce(name, product_id) as name,
    coalesce(category, '') as category,
    units,
    orders,
    gross_revenue,
    refund,
    net_amount - coalesce(refund, 0) as net
from mart_product_sales
order by net desc nulls last, product_id
"""

_COUNTRIES = """
select country as name, orders, customers, gross_revenue, refund, net_revenue as net
from mart_country_sales
order by net desc nulls last, country
"""


def top_products(connection: duckdb.DuckDBPyConnection, currency: str | None, dates: str) -> Section:
    """The products that bring the most, net of discounts, tax and refunds."""
    everything = read(connection, _PRODUCTS)
    frame = everything.filter(pl.col("category") != _SERVICE)
    if frame.is_empty():
        return Section("products", "Top products", empty="No product has been sold yet.")
    services = everything.filter(pl.col("category") == _SERVICE)
    table = Table(
        f"The {min(_TOP, len(frame))} products with the highest net revenue, {currency or 'amounts'}",
        (
            Column("Product", is_name=True),
            Column("Category", is_name=True),
            *(Column(label, is_number=True) for label in ("Units", "Orders", "Gross", "Refunds", "Net")),
        ),
        tuple(
            (
                row["name"],
                row["category"] or words.MISSING,
                words.count(row["units"]),
                words.count(row["orders"]),
                *(words.amount(row[name]) for name in ("gross_revenue", "refund", "net")),
            )
            for row in frame.head(_TOP).iter_rows(named=True)
        ),
        words.shown(_TOP, len(frame), "product"),
    )
    sentences = _lead_sentences(frame, currency, dates, "product", "products")
    if not services.is_empty():
        beside = words.money(sum(services["net"].drop_nulls().to_list(), Decimal(0)), currency)
        sentences = (
            *sentences,
            f"Postage, fees and other services are not ranked; they bring {beside} beside.",
        )
    return Section(
        "products",
        "Top products",
        sentences=sentences,
        charts=(_ranking("products-chart", "Net revenue of the top products", frame, currency, table),),
    )


def top_countries(connection: duckdb.DuckDBPyConnection, currency: str | None, dates: str) -> Section:
    """The countries that bring the most, net of discounts, tax and refunds."""
    frame = read(connection, _COUNTRIES)
    if frame.is_empty():
        return Section(
            "countries", "Top countries", empty="No order has brought revenue yet, so no country is ranked."
        )
    table = Table(
        f"Revenue by country, {currency or 'amounts'}",
        (
            Column("Country", is_name=True),
            *(Column(label, is_number=True) for label in ("Orders", "Customers", "Gross", "Refunds", "Net")),
        ),
        tuple(
            (
                row["name"],
                words.count(row["orders"]),
                words.count(row["customers"]),
                *(words.amount(row[name]) for name in ("gross_revenue", "refund", "net")),
            )
            for row in frame.head(_COUNTRIES_SHOWN).iter_rows(named=True)
        ),
        words.shown(_COUNTRIES_SHOWN, len(frame), "country", "countries"),
    )
    return Section(
        "countries",
        "Top countries",
        sentences=_lead_sentences(frame, currency, dates, "country", "countries"),
        charts=(_ranking("countries-chart", "Net revenue of the top countries", frame, currency, table),),
    )


def _lead_sentences(
    frame: pl.DataFrame, currency: str | None, dates: str, one: str, many: str
) -> tuple[str, ...]:
    total = sum(frame["net"].drop_nulls().to_list(), Decimal(0))
    leader = frame.row(0, named=True)
    share = ratio(leader["net"], total) if total > 0 and leader["net"] is not None else None
    first = (
        f"Over {dates}, {words.named(leader['name'])} leads {words.counted(len(frame), one, many)} with "
        f"{words.money(leader['net'], currency)} of net revenue"
    )
    if share is not None and len(frame) > 1:
        first += f", {words.percent(share)} of {words.money(total, currency)}"
    sentences = [f"{first}."]
    if share is not None and len(frame) > _TOP:
        top = sum(frame["net"].head(_TOP).drop_nulls().to_list(), Decimal(0))
        sentences.append(f"The first {_TOP} bring {words.percent(ratio(top, total))} of all net revenue.")
    return tuple(sentences)


def _ranking(chart_id: str, title: str, frame: pl.DataFrame, currency: str | None, table: Table) -> Chart:
    top = frame.head(_TOP)
    bars = pl.DataFrame(
        {
            "label": words.chart_labels(top["name"].to_list()),
            "value": top["net"].cast(pl.Float64).fill_null(0.0).round(2),
        }
    )
    lead = words.shorten(top["name"][0], 60)
    description = (
        f"Bars from the highest down: {lead} with {words.money(top['net'][0], currency)}, "
        f"{words.counted(len(top), 'bar')} in all."
    )
    chart = charts.ranked_bars(bars, currency or "Amount", ",.0f")
    return Chart(chart_id, title, to_svg(chart, chart_id, title, description), table)
