"""Every number in every sentence of the commerce report, reckoned once more by queries of the published tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from lakehouse.reports.commerce import commerce_page
from lakehouse.reports.page import Origin, Page

if TYPE_CHECKING:
    from conftest import Company

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True)
class Marts:
    """The published copy, and the days that the sentences tell of."""

    connection: duckdb.DuckDBPyConnection
    last: date
    first: date
    currency: str

    def row(self, sql: str, **values: Any) -> tuple[Any, ...]:
        named = {name: value for name, value in values.items() if f"${name}" in sql}
        rows = self.connection.execute(sql, named).fetchall()
        assert len(rows) == 1
        return tuple(rows[0])

    def one(self, sql: str, **values: Any) -> Any:
        (value,) = self.row(sql, **values)
        return value

    @property
    def now(self) -> dict[str, date]:
        return {"low": self.last - timedelta(days=27), "high": self.last}

    @property
    def before(self) -> dict[str, date]:
        return {"low": self.last - timedelta(days=55), "high": self.last - timedelta(days=28)}

    def money(self, value: Decimal) -> str:
        return f"{rounded(value, '0.01'):,} {self.currency}"


def rounded(value: Decimal, step: str) -> Decimal:
    return Decimal(value).quantize(Decimal(step), ROUND_HALF_UP)


def share(part: Any, whole: Any) -> Decimal:
    return rounded(Decimal(part) / Decimal(whole) * 100, "0.1")


def day(value: date) -> str:
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def month(value: date) -> str:
    return f"{MONTHS[value.month - 1]} {value.year}"


def moved(now: Any, before: Any) -> str:
    if now == before:
        return "unchanged"
    if before == 0:
        return "up from zero"
    return f"{'up' if now > before else 'down'} {share(abs(Decimal(now) - before), before):,}%"


@pytest.fixture(scope="module")
def marts(company: Company) -> Iterator[Marts]:
    with duckdb.connect(str(company.settings.paths.marts), read_only=True) as connection:
        last, currency = connection.execute(
            "select as_of_date, reporting_currency from run_settings"
        ).fetchall()[0]
        first = connection.execute("select min(date) from fct_revenue_daily").fetchall()[0][0]
        # Weeks that end with the as-of day; a first one that isn't whole is left out.
        assert 120 < (last - first).days + 1 < 1100
        whole_weeks = ((last - first).days + 1) // 7
        yield Marts(connection, last, last - timedelta(days=7 * whole_weeks - 1), currency)


@pytest.fixture(scope="module")
def page(marts: Marts) -> Page:
    return commerce_page(marts.connection, Origin("run", "1"))


def said(page: Page, section_id: str) -> list[str]:
    return [
        sentence.text
        for section in page.sections
        if section.section_id == section_id
        for sentence in section.sentences
    ]


DAYS = """
select sum(net_revenue), sum(gross_revenue), sum(discount), sum(refund), sum(tax), sum(orders), sum(units),
    sum(units_returned)
from fct_revenue_daily where date between $low and $high
"""


def test_the_summary_and_revenue(page: Page, marts: Marts) -> None:
    net, gross, discount, refund, tax, orders, *_ = marts.row(DAYS, **marts.now)
    net_before, gross_before, *_, orders_before, _, _ = marts.row(DAYS, **marts.before)
    value, value_before = (
        rounded(Decimal(total) / count, "0.000001")
        for total, count in ((gross, orders), (gross_before, orders_before))
    )
    start, best = marts.row(
        "select cast($last - cast((date_diff('day', date, $last) // 7 + 1) * 7 - 1 as integer) as date) as start, "
        "sum(net_revenue) as net from fct_revenue_daily where date between $first and $last "
        "group by all order by net desc, start limit 1",
        last=marts.last,
        first=marts.first,
    )

    assert page.summary.text == (
        f"In the 28 days to {day(marts.last)}, {orders:,} orders brought {marts.money(net)} of net revenue, "
        f"{moved(net, net_before)} on the 28 days before."
    )
    told = said(page, "revenue")
    assert told[0] == (
        f"Net revenue was {marts.money(net)} in the 28 days to {day(marts.last)}, {moved(net, net_before)} on the 28 "
        f"days before ({marts.money(net_before)}): gross revenue of {marts.money(gross)} less {marts.money(discount)} "
        f"discounts, {marts.money(refund)} refunds and {marts.money(tax)} tax."
    )
    assert told[1] == (
        f"Behind it: orders {moved(orders, orders_before)} (from {orders_before:,} to {orders:,}), average order value "
        f"{moved(value, value_before)} (from {marts.money(value_before)} to {marts.money(value)})."
    )
    assert told[-1] == f"Net revenue was highest in the week from {day(start)}: {marts.money(best)}."
    assert len(told) in (3, 4)


def test_the_country_that_moved_most(page: Page, marts: Marts) -> None:
    changes = dict(
        marts.connection.execute(
            "select country, sum(case when date >= $middle then net_revenue else -net_revenue end) "
            "from mart_country_daily where date between $low and $high group by country",
            {"middle": marts.now["low"], "low": marts.before["low"], "high": marts.last},
        ).fetchall()
    )
    whole = sum(changes.values())
    country = (max if whole > 0 else min)(changes, key=lambda name: changes[name])
    part = changes[country]
    direction, movement = ("up", "rise") if whole > 0 else ("down", "fall")
    ending = (
        f"of a {movement} of {marts.money(abs(whole))} in all countries."
        if abs(part) <= abs(whole)
        else f"more than the {movement} of {marts.money(abs(whole))} in all countries together."
    )

    assert said(page, "revenue")[2] == (
        f"\u2068{country}\u2069 moved most: {direction} {marts.money(abs(part))}, {ending}"
    )


def test_order_value_and_returns(page: Page, marts: Marts) -> None:
    _, gross, *_, orders, units, returned = marts.row(DAYS, **marts.now)
    _, gross_before, *_, orders_before, units_before, returned_before = marts.row(DAYS, **marts.before)
    value, value_before = (
        rounded(Decimal(total) / count, "0.000001")
        for total, count in ((gross, orders), (gross_before, orders_before))
    )
    points = share(returned, units) - share(returned_before, units_before)
    change = "unchanged" if points == 0 else f"{'up' if points > 0 else 'down'} {abs(points)} points"

    assert said(page, "order-value") == [
        (
            f"The average order was worth {marts.money(value)} in the 28 days to {day(marts.last)}: "
            f"{moved(value, value_before)} on the 28 days before."
        ),
        (
            f"{returned:,} units came back in the 28 days to {day(marts.last)} while {units:,} were sold: a return rate of "
            f"{share(returned, units)}%, {change} against the 28 days before ({share(returned_before, units_before)}%)."
        ),
    ]


def test_customers(page: Page, marts: Marts) -> None:
    query = """
        select count(distinct customer_id), count(distinct customer_id) filter (where is_first_order)
        from fct_orders where is_purchase and order_date between $low and $high
    """
    (buyers, new), (buyers_before, new_before) = (
        marts.row(query, **span) for span in (marts.now, marts.before)
    )
    repeat, repeat_before = buyers - new, buyers_before - new_before

    assert said(page, "customers") == [
        (
            f"{buyers:,} customers purchased in the 28 days to {day(marts.last)}: {new:,} new and {repeat:,} repeat. "
            f"Against the 28 days before, new customers: {moved(new, new_before)} (from {new_before:,}); "
            f"repeat customers: {moved(repeat, repeat_before)} (from {repeat_before:,})."
        )
    ]


def test_cohorts(page: Page, marts: Marts) -> None:
    expected = []
    for window in (7, 30, 90):
        customers, retained, revenue, first, last = marts.row(
            "select sum(customers), sum(retained_customers), sum(revenue), min(cohort_month), max(cohort_month) "
            "from fct_cohort_ltv where is_complete and window_days = $window",
            window=window,
        )
        months = month(first) if first == last else f"{month(first)} to {month(last)}"
        expected.append(
            f"Within {window} days, {share(retained, customers)}% of the {customers:,} customers first seen in {months} "
            f"purchased again, and a customer brought {marts.money(Decimal(revenue) / customers)} on average."
        )
    unfinished = marts.one("select count(distinct cohort_month) from fct_cohort_ltv where not is_complete")
    expected.append(
        f"{unfinished} cohorts have an incomplete window, marked below and left out of these sentences."
    )

    assert said(page, "cohorts") == expected


def test_stock(page: Page, marts: Marts) -> None:
    raised, still_open, products = marts.row(
        "select count(*), count(*) filter (where resolved_on is null or resolved_on > $last), "
        "(select count(distinct product_id) from fct_inventory_daily where date <= $last) "
        "from inventory_alerts where alerted_on <= $last",
        last=marts.last,
    )
    name, available, reorder_point = marts.connection.execute(
        "select coalesce(name, product_id), available, alerts.reorder_point "
        "from inventory_alerts as alerts left join dim_product_current using (product_id) "
        "where alerted_on <= $last and (resolved_on is null or resolved_on > $last) "
        "order by shortfall desc, alerted_on desc, product_id limit 1",
        {"last": marts.last},
    ).fetchall()[0]
    verb = "alert is" if still_open == 1 else "alerts are"

    assert said(page, "inventory") == [
        (
            f"{still_open:,} {verb} open on {day(marts.last)}, of {raised:,} alerts so far on {products:,} products. "
            f"The largest shortfall when raised is that of \u2068{name}\u2069: {available:,} available against a reorder "
            f"point of {reorder_point:,}."
        )
    ]


@pytest.mark.parametrize(
    ("section_id", "noun", "query"),
    [
        (
            "products",
            "products",
            (
                "select name, sum(days.net_revenue) from fct_product_daily as days "
                "inner join mart_product_sales using (product_id) "
                "where date between $first and $last and coalesce(category, '') <> 'service' "
                "group by product_id, name order by 2 desc, product_id"
            ),
        ),
        (
            "countries",
            "countries",
            (
                "select country, sum(net_revenue) from mart_country_daily where date between $first and $last "
                "group by country order by 2 desc, country"
            ),
        ),
    ],
)
def test_rankings(page: Page, marts: Marts, section_id: str, noun: str, query: str) -> None:
    ranked = marts.connection.execute(query, {"first": marts.first, "last": marts.last}).fetchall()
    total = sum(net for _, net in ranked)
    name, best = ranked[0]
    expected = [
        (
            f"Over the whole period, \u2068{name}\u2069 leads {len(ranked):,} {noun} with {marts.money(best)} of net "
            f"revenue, {share(best, total)}% of {marts.money(total)}."
        )
    ]
    if len(ranked) > 15:
        whose = " of products" if noun == "products" else ""
        part = share(sum(net for _, net in ranked[:15]), total)
        expected.append(f"The first 15 bring {part}% of all net revenue{whose}.")

    assert said(page, section_id) == expected


def test_quality(page: Page, marts: Marts) -> None:
    files, feeds, rows, quarantined = marts.row(
        "select count(*), count(distinct feed), sum(rows), sum(quarantined) from meta_files"
    )
    in_quarantine = marts.one("select count(*) from quarantine")

    assert in_quarantine == quarantined
    assert said(page, "quality") == [
        (
            f"{files:,} files of {feeds} feeds brought {rows:,} rows, and every one is accounted for: staged, superseded, "
            "sent again or in quarantine."
        ),
        (
            f"{quarantined:,} rows are in quarantine, {rounded(Decimal(quarantined) / rows * 100, '0.01')}% of the rows "
            "landed."
        ),
    ]


def test_the_key_figures_say_what_they_cover(page: Page, marts: Marts) -> None:
    low, high = marts.before["low"], marts.before["high"]

    assert said(page, "key-figures") == [
        (
            f"Measured in the 28 days to {day(marts.last)}, against the 28 days before ({day(low)} to {day(high)}). "
            "Refund liability and open alerts are those of the last day."
        )
    ]


def test_every_sentence_names_tables_that_are_published(page: Page, marts: Marts) -> None:
    published = {
        name
        for (name,) in marts.connection.execute(
            "select table_name from duckdb_tables() union select view_name from duckdb_views() where not internal"
        ).fetchall()
    }
    sentences = [page.summary, *(each for section in page.sections for each in section.sentences)]

    assert all(sentence.tables for sentence in sentences)
    assert {table for sentence in sentences for table in sentence.tables} <= published
    # No section speaks that the tests above don't check.
    assert {section.section_id for section in page.sections if section.sentences} == {
        "key-figures", "revenue", "order-value", "customers", "cohorts", "inventory", "products", "countries",
        "quality",
    }  # fmt: skip
