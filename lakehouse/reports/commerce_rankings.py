"""The commerce report's rankings: the products and the countries that bring the most."""

from collections.abc import Iterable
from decimal import Decimal

import polars as pl

from lakehouse.reports import charts, words
from lakehouse.reports.commerce_data import COUNTRY_NAMES, Shop
from lakehouse.reports.dataset import Dataset, Rows, narrowed, quotient
from lakehouse.reports.page import Chart, Column, Section, Sentence, Table
from lakehouse.reports.periods import start_of
from lakehouse.warehouse.query import read

_TOP = 15
_PRODUCTS_SOURCE = ("fct_product_daily",)

# Of every country, and of all together, the products that bring the most over the page's whole period.
_PRODUCTS = f"""
with {COUNTRY_NAMES},
products as (
    select product_id, coalesce(name, product_id) as name, coalesce(category, '') as category from mart_product_sales
),
days as (
    select {start_of("date")} as start, countries.name as member, product_id, orders, units, gross_revenue, refund,
        net_revenue
    from fct_product_daily
    inner join countries using (country)
    where date between $first_day and $last_day
),
members as (
    select start, '' as member, product_id, orders, units, gross_revenue, refund, net_revenue from days
    union all
    select start, member, product_id, orders, units, gross_revenue, refund, net_revenue from days
),
ranked as (
    select member, product_id,
        row_number() over (partition by member order by sum(net_revenue) desc, product_id) as place
    from members
    inner join products using (product_id)
    where category <> 'service'
    group by member, product_id
)

select members.start, members.member as country, products.product_id, products.name, products.category,
    cast(sum(members.orders) as bigint) as orders, cast(sum(members.units) as bigint) as units,
    sum(members.gross_revenue) as gross, sum(members.refund) as refund, sum(members.net_revenue) as net
from members
inner join ranked on members.member = ranked.member and members.product_id = ranked.product_id
inner join products on members.product_id = products.product_id
where ranked.place <= {_TOP}
group by all
order by members.member, products.product_id, members.start
"""

_TOTALS = """
select
    count(distinct product_id) filter (where category <> 'service') as products,
    coalesce(sum(days.net_revenue) filter (where category <> 'service'), 0) as net,
    count(distinct product_id) filter (where category = 'service') as services,
    coalesce(sum(days.net_revenue) filter (where category = 'service'), 0) as net_of_services
from fct_product_daily as days
inner join (select product_id, coalesce(category, '') as category from mart_product_sales) as products using (product_id)
where date between $first_day and $last_day
"""


def top_products(shop: Shop) -> Section:
    """The products that bring the most, net of discounts, tax and refunds."""
    frame = read(shop.connection, _PRODUCTS, **shop.parameters)
    if frame.is_empty():
        return Section("products", "Top products", empty="No product has been sold yet.")
    labels = _labels(frame)
    frame = frame.with_columns(
        label=pl.col("product_id").replace_strict(labels, return_dtype=pl.String),
        category=pl.when(pl.col("category") == "").then(pl.lit(words.MISSING)).otherwise("category"),
    )
    table = Table(
        f"The {_TOP} products with the highest net revenue over the whole period, {shop.unit}",
        (
            Column("Product", "name", is_name=True),
            Column("Category", "category", is_name=True),
            Column("Units", "units", words.COUNT),
            Column("Orders", "orders", words.COUNT),
            Column("Gross", "gross", words.AMOUNT),
            Column("Refunds", "refund", words.AMOUNT),
            Column("Net", "net", words.AMOUNT),
        ),
        Rows(
            Dataset("products", frame, "start", "country"),
            ("product_id", "label", "name", "category"),
            "net",
            is_descending=True,
        ),
        note="Which products stand here is judged over the whole period; their figures are of the days chosen. "
        "Refunds that match no order line belong to no product.",
        noun=("product", "products"),
    )
    return Section(
        "products",
        "Top products",
        sentences=_product_sentences(shop, table),
        charts=(_ranking(shop, "products-chart", "Net revenue of the top products", "label", table),),
    )


def top_countries(shop: Shop) -> Section:
    """The countries that bring the most, net of discounts, tax and refunds."""
    if not shop.countries:
        return Section(
            "countries", "Top countries", empty="No order has brought revenue yet, so no country is ranked."
        )
    table = Table(
        f"Revenue by country, {shop.unit}",
        (
            Column("Country", "country", is_name=True),
            Column("Orders", "orders", words.COUNT),
            Column("New customers", "new_customers", words.COUNT),
            Column("Gross", "gross", words.AMOUNT),
            Column("Refunds", "refund", words.AMOUNT),
            Column("Net", "net", words.AMOUNT),
        ),
        Rows(shop.sales, ("country",), "net", is_descending=True),
        noun=("country", "countries"),
    )
    leader = narrowed(table.source)
    total = Decimal(shop.figure("net", shop.periods.whole) or 0)
    sentences = [
        _lead(
            leader.row(0, named=True)["country"],
            leader["net"][0],
            total,
            words.counted(len(leader), "country", "countries"),
            shop,
            ("mart_country_daily",),
        )
    ]
    if len(leader) > _TOP and total > 0:
        top = sum(leader["net"].head(_TOP).to_list(), Decimal(0))
        share = words.percent(quotient(top, total))
        text = f"The first {_TOP} bring {share} of all net revenue."
        sentences.append(Sentence(text, ("mart_country_daily",)))
    return Section(
        "countries",
        "Top countries",
        sentences=tuple(sentences),
        charts=(_ranking(shop, "countries-chart", "Net revenue of the top countries", "country", table),),
    )


def _product_sentences(shop: Shop, table: Table) -> tuple[Sentence, ...]:
    leaders = narrowed(table.source)
    whole = shop.periods.whole
    totals = read(shop.connection, _TOTALS, first_day=whole.first, last_day=whole.last).row(0, named=True)
    sentences = [
        _lead(
            leaders["name"][0],
            leaders["net"][0],
            totals["net"],
            words.counted(totals["products"], "product"),
            shop,
            _PRODUCTS_SOURCE,
        )
    ]
    if totals["products"] > _TOP and totals["net"] > 0:
        share = words.percent(quotient(sum(leaders["net"].to_list(), Decimal(0)), totals["net"]))
        text = f"The first {_TOP} bring {share} of all net revenue of products."
        sentences.append(Sentence(text, _PRODUCTS_SOURCE))
    if totals["services"]:
        beside = words.show(totals["net_of_services"], shop.money)
        text = f"Postage, fees and other services are not ranked; they bring {beside} beside."
        sentences.append(Sentence(text, _PRODUCTS_SOURCE))
    return tuple(sentences)


def _lead(
    name: str, net: Decimal, total: Decimal, among: str, shop: Shop, tables: tuple[str, ...]
) -> Sentence:
    text = f"Over the whole period, {words.named(name)} leads {among} with {words.show(net, shop.money)} of net revenue"
    if total > 0 and not among.startswith("1 "):
        text += f", {words.percent(quotient(net, total))} of {words.show(total, shop.money)}"
    return Sentence(f"{text}.", tables)


def _labels(frame: pl.DataFrame) -> dict[str, str]:
    """A short label for every product on the page, no two alike."""
    names = frame.unique("product_id", maintain_order=True)
    labels: Iterable[str] = words.chart_labels(names["name"].to_list())
    return dict(zip(names["product_id"], labels, strict=True))


def _ranking(shop: Shop, chart_id: str, title: str, label: str, table: Table) -> Chart:
    rows = narrowed(table.source)
    first = rows.row(0, named=True)
    drawn = min(_TOP, len(rows))
    description = (
        f"Bars from the highest down: {words.shorten(first[label], 60)} with "
        f"{words.show(first['net'], shop.money)}, {words.counted(drawn, 'bar')} in all."
    )
    drawing = charts.ranked_bars(label, "net", shop.unit, shop.money)
    return Chart(chart_id, title, drawing, table, description, drawn_rows=_TOP)
