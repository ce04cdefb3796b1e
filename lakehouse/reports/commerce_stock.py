"""The commerce report's section on stock: inventory alerts, open ones first."""

from datetime import date

import duckdb
import polars as pl

from lakehouse.reports import charts, words
from lakehouse.reports.commerce_data import Shop
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.page import Chart, Column, Section, Sentence, Table
from lakehouse.warehouse.query import read

_ALERTS_SHOWN = 25
# More alerts than a page needs; the table inventory_alerts has them all.
_ALERTS_KEPT = 500

_TRACKED = "select count(distinct product_id) as products from fct_inventory_daily where date <= $as_of"

_ALERTS = """
with alerts as (
    select
        inventory_alerts.product_id,
        coalesce(dim_product_current.name, inventory_alerts.product_id) as name,
        inventory_alerts.alerted_on,
        inventory_alerts.available,
        inventory_alerts.reorder_point,
        inventory_alerts.shortfall,
        case when inventory_alerts.resolved_on <= $as_of then inventory_alerts.resolved_on end as resolved_on
    from inventory_alerts
    left join dim_product_current on inventory_alerts.product_id = dim_product_current.product_id
    where inventory_alerts.alerted_on <= $as_of
)

select *, case when resolved_on is null then 'open' else 'resolved' end as state from alerts
order by resolved_on is not null, case when resolved_on is null then shortfall end desc, resolved_on desc,
    alerted_on desc, product_id
"""


def inventory_alerts(shop: Shop) -> Section:
    """Products whose available stock fell below the reorder point: open alerts first."""
    section_id, title = "inventory", "Inventory alerts"
    as_of = shop.periods.last
    tracked = _tracked(shop.connection, as_of)
    if not tracked:
        return Section(
            section_id, title, empty="No inventory movements have landed, so stock is not tracked."
        )
    alerts = read(shop.connection, _ALERTS, as_of=as_of)
    watched = words.counted(tracked, "product")
    if alerts.is_empty():
        nothing = f"No alert: none of the {watched} in stock has fallen below its reorder point."
        return Section(section_id, title, empty=nothing)
    return Section(
        section_id,
        title,
        sentences=(_alert_sentence(alerts, as_of, watched),),
        charts=(_open_alerts_chart(shop),),
        tables=(_alert_table(alerts),),
    )


def _tracked(connection: duckdb.DuckDBPyConnection, as_of: date) -> int:
    return int(read(connection, _TRACKED, as_of=as_of)["products"][0])


def _alert_sentence(alerts: pl.DataFrame, as_of: date, watched: str) -> Sentence:
    source = ("inventory_alerts", "fct_inventory_daily")
    open_now = alerts.filter(pl.col("resolved_on").is_null())
    raised = words.counted(len(alerts), "alert")
    if open_now.is_empty():
        text = f"No alert is open on {words.day(as_of)}; {raised} on {watched} so far, all resolved."
        return Sentence(text, source)
    worst = open_now.row(0, named=True)
    opened = words.counted(len(open_now), "alert is", "alerts are")
    return Sentence(
        f"{opened} open on {words.day(as_of)}, of {raised} so far on {watched}. "
        f"The largest shortfall when raised is that of {words.named(worst['name'])}: "
        f"{words.count(worst['available'])} available against a reorder point of "
        f"{words.count(worst['reorder_point'])}.",
        source,
    )


def _open_alerts_chart(shop: Shop) -> Chart:
    figures = shop.balances.frame["open_alerts"].to_list()
    description = (
        f"Line from {words.day(shop.periods.first)} to {words.day(shop.periods.last)}: {figures[0]} open alerts at "
        f"first, {max(figures)} at most, {figures[-1]} at last."
    )
    table = Table(
        f"Open alerts at the end of each {shop.periods.noun}"
        if shop.periods.days <= 7
        else "Open alerts at the end of each period",
        (Column("Day", "last", words.DAY), Column("Open alerts", "open_alerts", words.COUNT)),
        Rows(shop.balances, order="last"),
        noun=("period", "periods"),
    )
    drawing = charts.trend("last", {"open_alerts": "Open alerts"}, "Open alerts", words.COUNT)
    return Chart("alerts-chart", "Open alerts over time", drawing, table, description)


def _alert_table(alerts: pl.DataFrame) -> Table:
    note = "Available, reorder point and shortfall are those of the day of the alert."
    if len(alerts) > _ALERTS_KEPT:
        note += f" Of {len(alerts):,} alerts, the first {_ALERTS_KEPT} are on this page."
    return Table(
        "Alerts, open ones first",
        (
            Column("Product", "name", is_name=True),
            Column("State", "state"),
            Column("Alerted on", "alerted_on", words.DAY),
            Column("Resolved on", "resolved_on", words.DAY),
            Column("Available", "available", words.COUNT),
            Column("Reorder point", "reorder_point", words.COUNT),
            Column("Shortfall", "shortfall", words.COUNT),
        ),
        Rows(Dataset("alerts", alerts.head(_ALERTS_KEPT), "alerted_on"), limit=_ALERTS_SHOWN),
        "alerts-table",
        note,
        ("alert", "alerts"),
    )
