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
from lakehouse.reports.commerce_data import Shop
from lakehouse.reports.dataset import Dataset, Filter, Ratio, Rows, quotient
from lakehouse.reports.page import Chart, Column, Section, Sentence, Table
from lakehouse.reports.periods import WINDOW_DAYS, span_words
from lakehouse.warehouse.query import read

_SERIES = {"new_customers": "New", "repeat_customers": "Repeat"}

_COHORTS_SHOWN = 24
_TITLE = "Retention and lifetime value by cohort"
_NOTE = "Hollow points are incomplete: the window is still running for some customers of the cohort."

_BUYERS = """
select
    count(distinct customer_id) as customers,
    count(distinct customer_id) filter (where is_first_order) as first_timers
from fct_orders
where is_purchase and order_date between $first and $last
"""

_COHORTS = """
select
    cast(cohort_month as date) as cohort_month,
    window_days || ' days' as window_length,
    window_days,
    customers,
    retained_customers,
    revenue,
    case when is_complete then 'complete' else 'incomplete' end as state
from fct_cohort_ltv
where cohort_month <= $as_of
order by cohort_month, window_days
"""


@dataclass(frozen=True, slots=True)
class _Buyers:
    """Distinct customers of a span of days: how many purchased, and for how many it was the first time."""

    customers: int
    first_timers: int

    @property
    def repeat(self) -> int:
        return self.customers - self.first_timers


def customers(shop: Shop) -> Section:
    """How many customers bought for the first time, and how many came back."""
    everything = Filter()
    if not shop.number("new_customers", everything) and not shop.number("repeat_customers", everything):
        return Section(
            "customers",
            "New and repeat customers",
            empty="No purchase carries a customer number, so new and repeat customers can't be told apart.",
        )
    periods = shop.periods
    table = Table(
        f"Customers by {periods.noun}",
        (
            Column(periods.heading, "start", words.DAY),
            Column("New", "new_customers", words.COUNT),
            Column("Repeat", "repeat_customers", words.COUNT),
            Column("Guest orders", "guest_orders", words.COUNT),
        ),
        Rows(shop.sales, order="start"),
        noun=("period", "periods"),
    )
    last = Filter(periods.spans[-1].first, periods.last)
    description = (
        f"Stacked bars from {words.day(periods.first)} to {words.day(periods.last)}; "
        f"in the last {periods.noun} {shop.said('new_customers', last, words.COUNT)} new "
        f"and {shop.said('repeat_customers', last, words.COUNT)} repeat customers."
    )
    chart = Chart(
        "customers-chart",
        f"Customers purchasing, new and repeat, {periods.adjective}",
        charts.stacked_bars("start", periods.days, _SERIES, "Customers", words.COUNT),
        table,
        description,
        periods.note,
    )
    return Section(
        "customers", "New and repeat customers", sentences=(_customer_sentence(shop),), charts=(chart,)
    )


def cohorts(connection: duckdb.DuckDBPyConnection, as_of: date, currency: str | None) -> Section:
    """Retention and lifetime value per cohort and window."""
    frame = read(connection, _COHORTS, as_of=as_of)
    if frame.is_empty():
        return Section(
            "cohorts", _TITLE, empty="No customer has made a first purchase yet, so there is no cohort."
        )
    months = frame["cohort_month"].unique().sort()
    shown = frame.filter(pl.col("cohort_month") >= months[-min(_COHORTS_SHOWN, len(months))])
    left_out = len(months) - shown["cohort_month"].n_unique()
    note = f"{_NOTE} Earlier cohorts ({left_out}) are left out." if left_out else _NOTE
    ratios = {
        "retention_rate": Ratio("retained_customers", "customers"),
        "ltv": Ratio("revenue", "customers"),
    }
    dataset = Dataset("cohorts", shown, "cohort_month", ratios=ratios)
    money = words.money_form(currency)
    per_customer = f"{currency or 'Amount'} per customer"
    return Section(
        "cohorts",
        _TITLE,
        sentences=_cohort_sentences(frame, currency),
        charts=(
            _cohort_chart(
                "retention-chart",
                "Share of customers who purchased again",
                dataset,
                ("Retained", "retention_rate", words.PERCENT),
                ("Customers retained", ".0%"),
                note,
            ),
            _cohort_chart(
                "ltv-chart",
                "Lifetime value per customer",
                dataset,
                ("Lifetime value", "ltv", money),
                (per_customer, "~s"),
                note,
            ),
        ),
    )


def _customer_sentence(shop: Shop) -> Sentence:
    def buyers(span: Filter) -> _Buyers:
        found: dict[str, Any] = read(shop.connection, _BUYERS, first=span.first, last=span.last).row(
            0, named=True
        )
        return _Buyers(**found)

    now, span = buyers(shop.periods.now), shop.periods.before
    sentence = (
        f"{words.counted(now.customers, 'customer')} purchased {span_words(shop.periods.now)}: "
        f"{words.count(now.first_timers)} new and {words.count(now.repeat)} repeat."
    )
    if span is not None:
        before = buyers(span)
        sentence += (
            f" Against the {WINDOW_DAYS} days before, new customers: "
            f"{words.change(now.first_timers, before.first_timers).words} "
            f"(from {words.count(before.first_timers)}); "
            f"repeat customers: {words.change(now.repeat, before.repeat).words} "
            f"(from {words.count(before.repeat)})."
        )
    return Sentence(sentence, ("fct_orders",))


def _cohort_sentences(frame: pl.DataFrame, currency: str | None) -> tuple[Sentence, ...]:
    source = ("fct_cohort_ltv",)
    sentences = []
    for window in frame["window_days"].unique().sort():
        complete = frame.filter((pl.col("window_days") == window) & (pl.col("state") == "complete"))
        customers = int(complete["customers"].sum())
        if not customers:
            sentences.append(Sentence(f"No cohort's {window}-day window has fully elapsed yet.", source))
            continue
        first, last = complete["cohort_month"][0], complete["cohort_month"][-1]
        whose = words.month(first) if first == last else f"{words.month(first)} to {words.month(last)}"
        retained = quotient(int(complete["retained_customers"].sum()), customers)
        value = quotient(Decimal(complete["revenue"].sum()), customers)
        sentences.append(
            Sentence(
                f"Within {window} days, {words.percent(retained)} of the "
                f"{words.counted(customers, 'customer')} first seen in {whose} purchased again, "
                f"and a customer brought {words.money(value, currency)} on average.",
                source,
            )
        )
    unfinished = frame.filter(pl.col("state") == "incomplete")["cohort_month"].n_unique()
    if unfinished:
        which = words.counted(
            unfinished, "cohort has an incomplete window", "cohorts have an incomplete window"
        )
        sentences.append(Sentence(f"{which}, marked below and left out of these sentences.", source))
    return tuple(sentences)


def _cohort_chart(
    chart_id: str,
    title: str,
    dataset: Dataset,
    measure: tuple[str, str, words.Form],
    axis: tuple[str, str],
    note: str,
) -> Chart:
    """A chart of one ratio. measure: its name, its column and its form; axis: its title and its format."""
    label, column, form = measure
    frame = dataset.frame
    windows = frame["window_length"].unique(maintain_order=True).to_list()
    incomplete = frame.filter(pl.col("state") == "incomplete").height
    description = (
        f"Points for {words.counted(frame['cohort_month'].n_unique(), 'cohort')} from "
        f"{words.month(frame['cohort_month'][0])} to {words.month(frame['cohort_month'][-1])}, windows of "
        f"{', '.join(windows)}; {words.counted(incomplete, 'incomplete point is', 'incomplete points are')} hollow."
    )
    table = Table(
        title,
        (
            Column("Cohort", "cohort_month", words.MONTH),
            Column("Window", "window_length"),
            Column("Customers", "customers", words.COUNT),
            Column(label, column, form),
            Column("State", "state"),
        ),
        Rows(dataset),
    )
    labels = {window: window for window in windows}
    drawing = charts.cohort_points("cohort_month", "window_length", labels, column, axis[0], form, axis[1])
    return Chart(chart_id, title, drawing, table, description, note, is_wide=False)
