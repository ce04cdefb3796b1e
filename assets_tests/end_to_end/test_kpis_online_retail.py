"""The KPIs of the real file against a computation of their own, which reads the file and knows none of the lake's SQL.

Money is counted in whole thousandths of a pound, so that sums are exact on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest

LAST = date(2011, 12, 9)
FIRST = date(2010, 12, 1)
HOME = "United Kingdom"
TOP = 20
SERVICES = ("23444", "23574", "22016")  # carriage, packing and a voucher under the number of an article
Parts = tuple[Fraction, Fraction | None]


@pytest.fixture(scope="module")
def sales(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines that were sold, with whether the invoice was its customer's first."""
    sold = lines.filter(~pl.col("invoice").str.contains("^[CA]"), pl.col("price") > 0)
    first = (
        sold.filter(pl.col("customer") != "")
        .group_by("customer", "invoice")
        .agg(pl.col("at").min())
        .sort("customer", "at", "invoice")
        .group_by("customer", maintain_order=True)
        .first()
        .select(pl.col("invoice"), pl.lit(value=True).alias("is_first"))
    )
    begun = sold.group_by("invoice").agg(pl.col("day").min().alias("invoiced_on"))
    return (
        sold.join(first, on="invoice", how="left")
        .join(begun, on="invoice")
        .with_columns(pl.col("is_first").fill_null(value=False), day=pl.col("invoiced_on"))
    )


@pytest.fixture(scope="module")
def lines(online_retail_file: Path) -> pl.DataFrame:
    raw = pl.read_csv(online_retail_file, infer_schema=False, encoding="utf8")
    text = {"invoice": "InvoiceNo", "customer": "CustomerID", "country": "Country"}
    return raw.select(
        *(pl.col(theirs).fill_null("").alias(ours) for ours, theirs in text.items()),
        pl.col("StockCode").str.to_uppercase().alias("product"),
        pl.col("Quantity").cast(pl.Int64).alias("quantity"),
        (pl.col("UnitPrice").cast(pl.Float64) * 1000).round().cast(pl.Int64).alias("price"),
        pl.col("InvoiceDate").str.to_datetime("%Y-%m-%d %H:%M:%S").alias("at"),
    ).with_columns(
        pl.col("at").dt.date().alias("day"), (pl.col("quantity") * pl.col("price")).alias("amount")
    )


@pytest.fixture(scope="module")
def returns(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.filter(pl.col("invoice").str.starts_with("C"))


def money(frame: pl.DataFrame) -> Fraction:
    return Fraction(frame["amount"].sum(), 1000)


def count(frame: pl.DataFrame, column: str) -> Fraction:
    return Fraction(frame[column].n_unique())


def known(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("customer") != "")


def goods(frame: pl.DataFrame) -> pl.DataFrame:
    is_article = pl.col("product").str.contains("^[0-9]{5}") & ~pl.col("product").is_in(SERVICES)
    return frame.filter(
        is_article | pl.col("product").str.starts_with("DCGS") | (pl.col("product") == "PADS")
    )


def concentration(sold: pl.DataFrame) -> Parts:
    by_product = goods(sold).group_by("product").agg(pl.col("amount").sum()).sort("amount", descending=True)
    return money(by_product.head(TOP)), money(by_product)


# KPI -> its numerator and denominator, from a period's sold lines and returned lines.
KPIS: dict[str, Callable[[pl.DataFrame, pl.DataFrame], Parts]] = {
    "total_revenue": lambda sold, _: (money(sold), None),
    "revenue_per_order": lambda sold, _: (money(sold), count(sold, "invoice")),
    "revenue_per_customer": lambda sold, _: (money(known(sold)), count(known(sold), "customer")),
    "order_count": lambda sold, _: (count(sold, "invoice"), None),
    "items_per_order": lambda sold, _: (Fraction(len(sold)), count(sold, "invoice")),
    "units_sold": lambda sold, _: (Fraction(sold["quantity"].sum()), None),
    "active_customers": lambda sold, _: (count(known(sold), "customer"), None),
    "repeat_rate": lambda sold, _: (
        count(known(sold).filter(~pl.col("is_first")), "customer"),
        count(known(sold), "customer"),
    ),
    "new_customers": lambda sold, _: (count(sold.filter(pl.col("is_first")), "customer"), None),
    "product_concentration": lambda sold, _: concentration(sold),
    "average_price": lambda sold, _: (money(goods(sold)), Fraction(goods(sold)["quantity"].sum())),
    "return_rate": lambda sold, back: (
        Fraction(-back["quantity"].sum()),
        Fraction(sold["quantity"].sum()),
    ),
    "revenue_by_country": lambda sold, _: (money(sold), None),
    "international_share": lambda sold, _: (money(sold.filter(pl.col("country") != HOME)), money(sold)),
}


def periods(cadence: str) -> list[tuple[date, date]]:
    """First and last day of every period that the file reaches into."""
    days = 1 if cadence == "daily" else 7
    start = FIRST if cadence == "daily" else FIRST - timedelta(days=FIRST.weekday())
    found = []
    while start <= LAST:
        found.append((start, start + timedelta(days=days - 1)))
        start += timedelta(days=days)
    return found


def fraction(value: Decimal | None) -> Fraction | None:
    return None if value is None else Fraction(value)


@pytest.mark.parametrize("cadence", ["daily", "weekly"])
@pytest.mark.parametrize("kpi", KPIS)
def test_every_period_of_a_kpi_is_what_the_file_says(
    kpi: str, cadence: str, online_retail: Any, sales: pl.DataFrame, returns: pl.DataFrame
) -> None:
    rows = online_retail.published(
        "select period_start, numerator, denominator, value, is_complete from kpi_values "
        f"where kpi = '{kpi}' and cadence = '{cadence}' and dimension = '' order by period_start"
    )
    found = {start: (fraction(above), fraction(below), value) for start, above, below, value, _ in rows}
    expected = {}
    for start, end in periods(cadence):
        within = pl.col("day").is_between(start, end)
        sold, back = sales.filter(within), returns.filter(within)
        if sold.is_empty() and back.is_empty():
            is_sum = found[start] == (0, None, 0.0)
            assert is_sum or found[start] == (None, None, None), start
            continue
        above, below = KPIS[kpi](sold, back)
        value = float(above) if below is None else float(above / below) if below else None
        expected[start] = (above, below, value)
    assert {start: parts[:2] for start, parts in found.items() if start in expected} == {
        start: parts[:2] for start, parts in expected.items()
    }
    for start, (_, _, value) in expected.items():
        assert found[start][2] == (None if value is None else pytest.approx(value, rel=1e-12))
    assert set(found) == {start for start, _ in periods(cadence)}
    # Of weeks, the file begins on a Wednesday and ends on a Friday.
    assert {start for start, *_, is_complete in rows if not is_complete} == (
        set() if cadence == "daily" else {date(2010, 11, 29), date(2011, 12, 5)}
    )


def test_revenue_by_country_is_what_the_file_says(online_retail: Any, sales: pl.DataFrame) -> None:
    rows = online_retail.published(
        "select period_start, segment, numerator from kpi_values "
        "where kpi = 'revenue_by_country' and cadence = 'daily' and dimension = 'country' and n > 0"
    )
    per_day = sales.group_by("day", "country").agg(pl.col("amount").sum())
    assert {(day, country): fraction(amount) for day, country, amount in rows} == {
        (day, country): Fraction(amount, 1000) for day, country, amount in per_day.iter_rows()
    }


def test_segments_sum_to_the_whole_and_days_to_weeks(online_retail: Any) -> None:
    """Of additive KPIs, in exact numbers, for every period and every dimension."""
    whole = online_retail.published(
        """
        with days as (
            select kpi, dimension, segment, cast(date_trunc('week', period_start) as date) as period_start,
                sum(numerator) as numerator
            from kpi_values join kpi_definitions using (kpi)
            where is_additive and cadence = 'daily' group by all
        )
        select count(*), count(*) filter (where weeks.numerator is distinct from days.numerator)
        from kpi_values as weeks join kpi_definitions using (kpi)
        full join days using (kpi, dimension, segment, period_start)
        where is_additive and weeks.cadence = 'weekly'
        """
    )[0]
    assert whole[0] > 5_000
    assert whole[1] == 0
    compared, differing = online_retail.published(
        """
        with cut as (
            select kpi, cadence, period_start, dimension, sum(numerator) as parts, sum(n) as n
            from kpi_values join kpi_definitions using (kpi) where is_additive and dimension <> '' group by all
        )
        select count(*), count(*) filter (where whole.numerator <> parts or whole.n <> cut.n)
        from cut join kpi_values as whole using (kpi, cadence, period_start) where whole.dimension = ''
        """
    )[0]
    assert compared > 4_000
    assert differing == 0


def test_changes_compare_complete_periods_of_the_same_weekday(online_retail: Any) -> None:
    rows = online_retail.published(
        "select comparison, value, base, relative_change, is_better from kpi_changes "
        "where kpi = 'total_revenue' and cadence = 'daily' and period_start = '2011-12-08' and dimension = ''"
    )
    of = {
        day: float(value)
        for day, value in online_retail.published(
            "select period_start, value from kpi_values where kpi = 'total_revenue' and cadence = 'daily' and dimension = ''"
        )
    }
    today = of[date(2011, 12, 8)]
    expected = {"WoW": date(2011, 12, 1), "MoM": date(2011, 11, 10), "YoY": date(2010, 12, 9)}
    assert {row[0]: row[1:] for row in rows} == {
        name: (today, of[day], pytest.approx((today - of[day]) / of[day]), today > of[day])
        for name, day in expected.items()
    }
    assert online_retail.published(
        "select count(*) from kpi_changes where period_start = '2011-12-05' and cadence = 'weekly'"
    ) == [(0,)]
