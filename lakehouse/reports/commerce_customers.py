"""The commerce report's sections on customers: new and repeat ones, and cohorts.

Windows that are still running are shown as incomplete, and no sentence counts them.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl

from lakehouse.reports import charts, words
from lakehouse.reports.commerce_data import Periods, Totals, ratio
from lakehouse.reports.page import Chart, Column, Section, Table
from lakehouse.reports.query import read
from lakehouse.reports.svg import to_svg

_SERIES = {"new_customers": "New", "repeat_customers": "Repeat"}

_COHORTS_SHOWN = 24
_TITLE = "Retention and lifetime value by cohort"
_NOTE = "Hollow points are incomplete: the window is still running for some customers of the cohort."

_QUERY = """
select
    cast(cohort_month as date) as cohort_month,
    window_days,
    customers,
    retained_customers,
    retention_rate,
    revenue,
    ltv,
    is_complete
from fct_cohort_ltv
where cohort_month <= $as_of
order by cohort_month, window_days
"""


@dataclass(frozen=True, slots=True)
class _Measure:
    """A column of the cohorts, and how it is drawn and printed."""

    chart_id: str
    title: str
    column: str
    show: words.Formatter
    axis_title: str
    axis_format: str


def customers(now: Totals, before: Totals | None, periods: Periods) -> Section:
    """How many customers bought for the first time, and how many came back."""
    frame = periods.frame
    if not frame["new_customers"].sum() and not frame["repeat_customers"].sum():
        return Section(
            "customers",
            "New and repeat customers",
            empty="No purchase carries a customer number, so new and repeat customers can't be told apart.",
        )
    title = f"Customers purchasing, new and repeat, {periods.adjective}"
    long = charts.long_form(frame, _SERIES).with_columns(end=pl.col("start") + pl.duration(days=periods.days))
    chart = charts.stacked_bars(long, list(_SERIES.values()), "Customers", "~s")
    table = Table(
        f"Customers by {periods.noun}",
        (Column(periods.heading), Column("New", True), Column("Repeat", True), Column("Guest orders", True)),
        tuple(
            (
                words.day(row["start"]),
                words.count(row["new_customers"]),
                words.count(row["repeat_customers"]),
                words.count(row["guest_orders"]),
            )
            for row in frame.iter_rows(named=True)
        ),
    )
    sentence = (
        f"{words.counted(now.customers, 'customer')} purchased {now.span}: "
        f"{words.count(now.new_customers)} new and {words.count(now.repeat_customers)} repeat."
    )
    if before is not None:
        new = words.change(now.new_customers, before.new_customers).words
        repeat = words.change(now.repeat_customers, before.repeat_customers).words
        sentence += (
            f" Against the 30 days before, new customers: {new} (from {words.count(before.new_customers)}); "
            f"repeat customers: {repeat} (from {words.count(before.repeat_customers)})."
        )
    description = (
        f"Stacked bars from {words.day(frame['start'][0])} to {words.day(frame['last'][-1])}; "
        f"in the last {periods.noun} {words.count(frame['new_customers'][-1])} new "
        f"and {words.count(frame['repeat_customers'][-1])} repeat customers."
    )
    drawing = to_svg(chart, "customers-chart", title, description)
    return Section(
        "customers",
        "New and repeat customers",
        sentences=(sentence,),
        charts=(Chart("customers-chart", title, drawing, table, periods.note),),
    )


def cohorts(connection: duckdb.DuckDBPyConnection, as_of: date, currency: str | None) -> Section:
    """Retention and lifetime value per cohort and window."""
    frame = read(connection, _QUERY, as_of=as_of)
    if frame.is_empty():
        return Section(
            "cohorts", _TITLE, empty="No customer has made a first purchase yet, so there is no cohort."
        )
    months = frame["cohort_month"].unique().sort()
    shown = frame.filter(pl.col("cohort_month") >= months[-min(_COHORTS_SHOWN, len(months))])
    left_out = len(months) - shown["cohort_month"].n_unique()
    note = f"{_NOTE} Earlier cohorts ({left_out}) are left out." if left_out else _NOTE
    retention = _Measure(
        "retention-chart",
        "Share of customers who purchased again",
        "retention_rate",
        words.percent,
        "Customers retained",
        ".0%",
    )
    lifetime_value = _Measure(
        "ltv-chart",
        "Lifetime value per customer",
        "ltv",
        lambda value: words.money(value, currency),
        f"{currency or 'Amount'} per customer",
        ",.0f",
    )
    return Section(
        "cohorts",
        _TITLE,
        sentences=_sentences(frame, currency),
        charts=(
            _chart(shown, retention, note),
            _chart(shown, lifetime_value, note),
        ),
    )


def _sentences(frame: pl.DataFrame, currency: str | None) -> tuple[str, ...]:
    sentences = []
    for window in frame["window_days"].unique().sort():
        complete = frame.filter((pl.col("window_days") == window) & pl.col("is_complete"))
        customers = int(complete["customers"].sum())
        if not customers:
            sentences.append(f"No cohort's {window}-day window has fully elapsed yet.")
            continue
        first, last = complete["cohort_month"][0], complete["cohort_month"][-1]
        whose = words.month(first) if first == last else f"{words.month(first)} to {words.month(last)}"
        retained = Decimal(int(complete["retained_customers"].sum()))
        value = ratio(Decimal(complete["revenue"].sum()), customers)
        sentences.append(
            f"Within {window} days, {words.percent(ratio(retained, customers))} of the "
            f"{words.counted(customers, 'customer')} first seen in {whose} purchased again, "
            f"and a customer brought {words.money(value, currency)} on average."
        )
    unfinished = frame.filter(~pl.col("is_complete"))["cohort_month"].n_unique()
    if unfinished:
        which = words.counted(
            unfinished, "cohort has an incomplete window", "cohorts have an incomplete window"
        )
        sentences.append(f"{which}, marked below and left out of these sentences.")
    return tuple(sentences)


def _chart(frame: pl.DataFrame, measure: _Measure, note: str) -> Chart:
    windows = frame["window_days"].unique().sort().to_list()
    series = [f"{window} days" for window in windows]
    points = frame.select(
        cohort=pl.col("cohort_month").map_elements(words.month, return_dtype=pl.String),
        series=pl.format("{} days", "window_days"),
        value=pl.col(measure.column).cast(pl.Float64).round(6),
        state=pl.when("is_complete").then(pl.lit("complete")).otherwise(pl.lit("incomplete")),
    ).drop_nulls("value")
    complete = frame.filter("is_complete")
    description = (
        f"Points for {words.counted(frame['cohort_month'].n_unique(), 'cohort')} from "
        f"{words.month(frame['cohort_month'][0])} to {words.month(frame['cohort_month'][-1])}, windows of "
        f"{', '.join(str(window) for window in windows)} days; "
        f"{len(frame) - len(complete)} incomplete points are hollow."
    )
    cells = {(row["cohort_month"], row["window_days"]): row for row in frame.iter_rows(named=True)}
    rows = tuple(
        (
            words.month(month),
            words.count(
                max(cells[month, window]["customers"] for window in windows if (month, window) in cells)
            ),
            *(_cell(cells.get((month, window)), measure) for window in windows),
        )
        for month in frame["cohort_month"].unique().sort()
    )
    columns = (
        Column("Cohort"),
        Column("Customers", True),
        *(Column(name, is_number=True) for name in series),
    )
    drawing = to_svg(
        charts.cohort_points(points, series, measure.axis_title, measure.axis_format),
        measure.chart_id,
        measure.title,
        description,
    )
    return Chart(
        measure.chart_id, measure.title, drawing, Table(measure.title, columns, rows), note, is_wide=False
    )


def _cell(row: dict[str, Any] | None, measure: _Measure) -> str:
    if row is None:
        return words.MISSING
    text = measure.show(row[measure.column])
    return text if row["is_complete"] else f"{text} incomplete"
