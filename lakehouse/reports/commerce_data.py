"""What the commerce report reads: its terms, the totals of a window, the sums of each period.

Here belong the queries that more than one section needs; a query of a single section stands beside its
sentences. Every figure ends at the as-of day; nothing here knows the wall clock.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import duckdb
import polars as pl

from lakehouse.reports import words
from lakehouse.reports.query import read

WINDOW_DAYS = 30

# Longer histories are summed over longer periods, so that a chart stays small and readable.
_DAILY_UP_TO, _WEEKLY_UP_TO = 120, 1100

_TERMS = """
select
    as_of_date as as_of,
    is_as_of_configured,
    business_time_zone as time_zone,
    reporting_currency as currency,
    (select min(date) from fct_revenue_daily where date <= as_of_date) as first_day,
    (
        select count(*) > 0 from fct_revenue_daily
        where date > as_of_date and (orders > 0 or refund <> 0)
    ) as has_later_days
from run_settings
"""

_TOTALS = """
with purchases as (
    select customer_id, is_first_order
    from fct_orders
    where is_purchase and customer_id is not null and order_date between $first and $last
)

select
    cast(count(*) as bigint) as days,
    coalesce(sum(gross_revenue), 0) as gross,
    coalesce(sum(discount), 0) as discount,
    coalesce(sum(tax), 0) as tax,
    coalesce(sum(refund), 0) as refund,
    coalesce(sum(net_revenue), 0) as net,
    cast(coalesce(sum(orders), 0) as bigint) as orders,
    cast(coalesce(sum(units), 0) as bigint) as units,
    cast(coalesce(sum(units_returned), 0) as bigint) as returned,
    (select count(distinct customer_id) from purchases where is_first_order) as new_customers,
    (select count(distinct customer_id) from purchases) as customers,
    coalesce(max(refund_liability) filter (where date = $last), 0) as refund_liability,
    (
        select count(*) from inventory_alerts
        where alerted_on <= $last and (resolved_on is null or resolved_on > $last)
    ) as open_alerts
from fct_revenue_daily
where date between $first and $last
"""

_PERIODS = """
with sales as (
    select
        date_diff('day', date, $as_of) // $days as back,
        cast(count(*) as bigint) as days,
        sum(gross_revenue) as gross,
        sum(net_revenue) as net,
        sum(recognized_revenue) as recognized,
        sum(refund) as refund,
        cast(sum(orders) as bigint) as orders,
        cast(sum(units) as bigint) as units,
        cast(sum(units_returned) as bigint) as returned
    from fct_revenue_daily
    where date <= $as_of
    group by all
),
customers as (
    select
        date_diff('day', order_date, $as_of) // $days as back,
        count(distinct customer_id) filter (where is_first_order) as new_customers,
        count(distinct customer_id) as customers,
        count(*) filter (where customer_id is null) as guest_orders
    from fct_orders
    where is_purchase and order_date <= $as_of
    group by all
),
final as (
    select
        $as_of - cast((sales.back + 1) * $days - 1 as integer) as start,
        $as_of - cast(sales.back * $days as integer) as last,
        sales.days,
        sales.gross,
        sales.net,
        sales.recognized,
        sales.refund,
        sales.orders,
        sales.units,
        sales.returned,
        coalesce(customers.new_customers, 0) as new_customers,
        coalesce(customers.customers - customers.new_customers, 0) as repeat_customers,
        coalesce(customers.guest_orders, 0) as guest_orders
    from sales
    left join customers using (back)
)

select * from final order by start
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which every figure of the page is read; `first_day` is None where there is no figure."""

    as_of: date | None
    is_as_of_configured: bool
    time_zone: str
    currency: str | None
    first_day: date | None
    has_later_days: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the days from first to last, both included; balances are those of the last day."""

    first: date
    last: date
    days: int
    gross: Decimal
    discount: Decimal
    tax: Decimal
    refund: Decimal
    net: Decimal
    orders: int
    units: int
    returned: int
    new_customers: int
    customers: int
    refund_liability: Decimal
    open_alerts: int

    @property
    def span(self) -> str:
        """When, for the middle of a sentence."""
        if self.first == self.last:
            return f"on {words.day(self.last)}"
        return f"in the {(self.last - self.first).days + 1} days to {words.day(self.last)}"

    @property
    def repeat_customers(self) -> int:
        """Customers who purchased in the window and before it."""
        return self.customers - self.new_customers

    @property
    def average_order_value(self) -> Decimal | None:
        """Gross revenue per order; None without orders."""
        return ratio(self.gross, self.orders)

    @property
    def return_rate(self) -> Decimal | None:
        """Units returned per unit sold; None without sales."""
        return ratio(Decimal(self.returned), self.units)


@dataclass(frozen=True, slots=True)
class Periods:
    """Consecutive periods of equal length that end with the as-of day, oldest first."""

    days: int
    frame: pl.DataFrame
    is_first_left_out: bool

    @property
    def adjective(self) -> str:
        """The length of a period, before a noun."""
        return {1: "daily", 7: "weekly"}.get(self.days, f"{self.days}-day")

    @property
    def noun(self) -> str:
        """The name of one period."""
        return {1: "day", 7: "week"}.get(self.days, f"{self.days} days")

    @property
    def heading(self) -> str:
        """The header of the column that names the periods."""
        return "Day" if self.days == 1 else f"{self.noun.capitalize()} from"

    @property
    def note(self) -> str:
        """What a reader must know about the periods' bounds; empty for days."""
        if self.days == 1:
            return ""
        left_out = "; the unfinished first one is left out" if self.is_first_left_out else ""
        return (
            f"Periods of {self.days} days, the last one ending {words.day(self.frame['last'][-1])}{left_out}."
        )


def ratio(part: Decimal, whole: int | Decimal) -> Decimal | None:
    """A quotient to six decimals, half up; None where there is nothing to divide by."""
    return (part / whole).quantize(Decimal("0.000001"), ROUND_HALF_UP) if whole else None


def read_terms(connection: duckdb.DuckDBPyConnection) -> Terms:
    """The run's settings, and the first day up to the as-of day that has any figure."""
    found = read(connection, _TERMS)
    if found.is_empty():
        raise LookupError("run_settings is empty: expected exactly one row, build the core models first.")
    return Terms(**found.row(0, named=True))


def last_days(connection: duckdb.DuckDBPyConnection, last: date, days: int) -> Totals:
    """The totals of the given number of days that end with `last`."""
    first = last - timedelta(days=days - 1)
    frame = read(connection, _TOTALS, first=first, last=last)
    return Totals(first=first, last=last, **frame.row(0, named=True))


def windows(
    connection: duckdb.DuckDBPyConnection, as_of: date, first_day: date
) -> tuple[Totals, Totals | None]:
    """The last 30 days and the 30 before; None where the history doesn't reach back over both.

    A history shorter than 30 days gives a shorter first window.
    """
    history = (as_of - first_day).days + 1
    now = last_days(connection, as_of, min(WINDOW_DAYS, history))
    if history < 2 * WINDOW_DAYS:
        return now, None
    return now, last_days(connection, as_of - timedelta(days=WINDOW_DAYS), WINDOW_DAYS)


def read_periods(connection: duckdb.DuckDBPyConnection, as_of: date, first_day: date) -> Periods:
    """The sums per day, per week or per 28 days, by the length of the history.

    Periods are counted back from the as-of day, so that the last one is whole and no fall at the end is an
    artefact; a first period that isn't whole is left out.
    """
    history = (as_of - first_day).days + 1
    days = 1 if history <= _DAILY_UP_TO else 7 if history <= _WEEKLY_UP_TO else 28
    frame = read(connection, _PERIODS, as_of=as_of, days=days)
    is_first_left_out = len(frame) > 1 and frame["days"][0] < days
    return Periods(days, frame[1:] if is_first_left_out else frame, is_first_left_out)
