"""The commerce report's section on stock: inventory alerts, open ones first."""

from datetime import date

import duckdb
import polars as pl

from lakehouse.reports import charts, words
from lakehouse.reports.commerce_data import Periods
from lakehouse.reports.page import Chart, Column, Section, Table
from lakehouse.reports.query import read
from lakehouse.reports.svg import to_svg

_ALERTS_SHOWN = 25

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

select * from alerts
order by resolved_on is not null, case when resolved_on is null then shortfall end desc, resolved_on desc,
    alerted_on desc, product_id
"""


def inventory_alerts(connection: duckdb.DuckDBPyConnection, as_of: date, periods: Periods) -> Section:
    """Products whose available stock fell below the reorder point: open alerts first."""
    section_id, title = "inventory", "Inventory alerts"
    tracked = int(read(connection, _TRACKED, as_of=as_of)["products"][0])
    if not tracked:
        return Section(
            section_id, title, empty="No inventory movements have landed, so stock is not tracked."
        )
    alerts = read(connection, _ALERTS, as_of=as_of)
    watched = words.counted(tracked, "product")
    if alerts.is_empty():
        nothing = f"No alert: none of the {watched} in stock has fallen below its reorder point."
        return Section(section_id, title, empty=nothing)
    open_now = alerts.filter(pl.col("resolved_on").is_null())
    return Section(
        section_id,
        title,
        sentences=(_alert_sentence(open_now, alerts, as_of, watched),),
        charts=(_open_alerts_chart(alerts, periods),),
        tables=(_alert_table(alerts),),
    )


def _alert_sentence(open_now: pl.DataFrame, alerts: pl.DataFrame, as_of: date, watched: str) -> str:
    raised = words.counted(len(alerts), "alert")
    if open_now.is_empty():
        return f"No alert is open on {words.day(as_of)}; {raised} on {watched} so far, all resolved."
    worst = open_now.row(0, named=True)
    opened = words.counted(len(open_now), "alert is", "alerts are")
    return (
        f"{opened} open on {words.day(as_of)}, of {raised} so far on {watched}. "
        f"The largest shortfall when raised is that of {words.named(worst['name'])}: "
        f"{words.count(worst['available'])} available against a reorder point of "
        f"{words.count(worst['reorder_point'])}."
    )


def _open_alerts_chart(alerts: pl.DataFrame, periods: Periods) -> Chart:
    title, chart_id = "Open alerts over time", "alerts-chart"
    ends = periods.frame["last"].to_list()
    figures = [
        alerts.filter(
            (pl.col("alerted_on") <= end) & (pl.col("resolved_on").is_null() | (pl.col("resolved_on") > end))
        ).height
        for end in ends
    ]
    frame = pl.DataFrame(
        {"start": ends, "series": ["Open alerts"] * len(ends), "value": [float(n) for n in figures]}
    )
    when = "day" if periods.days == 1 else periods.noun
    table = Table(
        f"Open alerts at the end of each {when}"
        if periods.days <= 7
        else "Open alerts at the end of each period",
        (Column("Day"), Column("Open alerts", True)),
        tuple((words.day(end), words.count(figure)) for end, figure in zip(ends, figures, strict=True)),
    )
    description = (
        f"Line from {words.day(ends[0])} to {words.day(ends[-1])}: {figures[0]} open alerts at first, "
        f"{max(figures)} at most, {figures[-1]} at last."
    )
    chart = charts.trend(frame, ["Open alerts"], "Open alerts", "~s")
    return Chart(chart_id, title, to_svg(chart, chart_id, title, description), table)


def _alert_table(alerts: pl.DataFrame) -> Table:
    return Table(
        "Alerts, open ones first",
        (
            Column("Product", is_name=True),
            Column("State"),
            Column("Alerted on"),
            Column("Resolved on"),
            Column("Available", True),
            Column("Reorder point", True),
            Column("Shortfall", True),
        ),
        tuple(
            (
                row["name"],
                "open" if row["resolved_on"] is None else "resolved",
                words.day(row["alerted_on"]),
                words.day(row["resolved_on"]),
                *(words.count(row[name]) for name in ("available", "reorder_point", "shortfall")),
            )
            for row in alerts.head(_ALERTS_SHOWN).iter_rows(named=True)
        ),
        " ".join(
            part
            for part in (
                "Available, reorder point and shortfall are those of the day of the alert.",
                words.shown(_ALERTS_SHOWN, len(alerts), "alert"),
            )
            if part
        ),
    )
