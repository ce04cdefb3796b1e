"""What the commerce report reads: its terms, and the datasets that its sections share.

Here belong the queries that more than one section needs; a query of a single section stands beside its
sentences. Every figure ends at the as-of day; nothing here knows the wall clock.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import duckdb

from lakehouse.reports import words
from lakehouse.reports.dataset import Dataset, Filter, Measure, Ratio, value_of
from lakehouse.reports.periods import Periods, periods_of, start_of
from lakehouse.warehouse.query import read

# So many countries can be chosen; what is left is one choice together.
COUNTRIES_CHOSEN = 40
OTHER_COUNTRIES = "Other countries"

_TERMS = """
select
    as_of_date as as_of,
    is_as_of_configured,
    business_time_zone as time_zone,
    reporting_currency as currency,
    (select min(date) from fct_revenue_daily where date <= as_of_date) as first_day
from run_settings
"""

# What each country is called on the page: its name, or that of the many small ones together.
COUNTRY_NAMES = f"""
ranked_countries as (
    select country, row_number() over (order by sum(gross_revenue) desc, country) as place
    from mart_country_daily
    where date between $first_day and $last_day
    group by country
),
countries as (
    select country, case when place <= {COUNTRIES_CHOSEN} then country else '{OTHER_COUNTRIES}' end as name
    from ranked_countries
)
"""

_SALES = f"""
with {COUNTRY_NAMES},
periods as (select unnest($starts) as start),
members as (select '' as country union select name as country from countries),
days as (
    select date, '' as country, orders, units, units_returned, gross_revenue, discount, tax, refund, net_revenue,
        recognized_revenue, new_customers
    from fct_revenue_daily
    union all by name
    select date, name as country, orders, units, units_returned, gross_revenue, discount, tax, refund, net_revenue,
        null as recognized_revenue, new_customers
    from mart_country_daily
    inner join countries using (country)
),
sales as (
    select {start_of("date")} as start, country, sum(orders) as orders, sum(units) as units,
        sum(units_returned) as returned, sum(gross_revenue) as gross, sum(discount) as discount, sum(tax) as tax,
        sum(refund) as refund, sum(net_revenue) as net, sum(recognized_revenue) as recognized,
        sum(new_customers) as new_customers
    from days
    where date between $first_day and $last_day
    group by all
),
purchases as (
    select order_date, coalesce(nullif(country, ''), 'Unknown') as country, customer_id, is_first_order
    from fct_orders
    where is_purchase and order_date between $first_day and $last_day
),
by_country as (
    select {start_of("order_date")} as start, '' as country, customer_id, is_first_order from purchases
    union all
    select {start_of("order_date")} as start, countries.name as country, customer_id, is_first_order
    from purchases
    inner join countries using (country)
),
buyers as (
    select start, country, count(distinct customer_id) as customers,
        count(distinct customer_id) filter (where is_first_order) as first_timers,
        count(*) filter (where customer_id is null) as guest_orders,
        count(*) filter (where customer_id is not null and not is_first_order) as repeat_orders
    from by_country
    group by all
)

select
    periods.start,
    members.country,
    cast(coalesce(sales.orders, 0) as bigint) as orders,
    cast(coalesce(sales.units, 0) as bigint) as units,
    cast(coalesce(sales.returned, 0) as bigint) as returned,
    coalesce(sales.gross, 0) as gross,
    coalesce(sales.discount, 0) as discount,
    coalesce(sales.tax, 0) as tax,
    coalesce(sales.refund, 0) as refund,
    coalesce(sales.net, 0) as net,
    case when members.country = '' then coalesce(sales.recognized, 0) end as recognized,
    cast(coalesce(sales.new_customers, 0) as bigint) as new_customers,
    coalesce(buyers.customers - buyers.first_timers, 0) as repeat_customers,
    coalesce(buyers.repeat_orders, 0) as repeat_orders,
    coalesce(buyers.guest_orders, 0) as guest_orders
from periods
cross join members
left join sales on periods.start = sales.start and members.country = sales.country
left join buyers on periods.start = buyers.start and members.country = buyers.country
order by members.country, periods.start
"""

_BALANCES = """
with ends as (select unnest($starts) as start, unnest($lasts) as last)

select
    ends.start,
    ends.last,
    coalesce(fct_revenue_daily.refund_liability, 0) as refund_liability,
    (
        select count(*) from inventory_alerts
        where alerted_on <= ends.last and (resolved_on is null or resolved_on > ends.last)
    ) as open_alerts
from ends
left join fct_revenue_daily on ends.last = fct_revenue_daily.date
order by ends.start
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which every figure of the page is read; `first_day` is None where there is no figure."""

    as_of: date | None
    is_as_of_configured: bool
    time_zone: str
    currency: str | None
    first_day: date | None


@dataclass(frozen=True, slots=True)
class Shop:
    """What the sections share: the warehouse, the periods, sales per period and country, balances per period.

    sales, columns: start, country, orders, units, returned, gross, discount, tax, refund, net, recognized (overall
    only), new_customers, repeat_customers, repeat_orders, guest_orders; ratios average_order_value, return_rate.
    balances, on the last day of each period: start, last, refund_liability, open_alerts.
    """

    connection: duckdb.DuckDBPyConnection
    periods: Periods
    currency: str | None
    sales: Dataset
    balances: Dataset
    countries: tuple[str, ...]

    @property
    def money(self) -> words.Form:
        """An amount in the reporting currency."""
        return words.money_form(self.currency)

    @property
    def unit(self) -> str:
        """The reporting currency, for an axis."""
        return self.currency or "Amount"

    @property
    def parameters(self) -> dict[str, object]:
        """What queries over periods need: `$first_day`, `$last_day`, `$period_days`."""
        return {**self.periods.parameters, "first_day": self.periods.first}

    def measure(
        self, label: str, column: str, form: words.Form, good: words.Direction | None = None
    ) -> Measure:
        """A figure of the sales."""
        return Measure(label, self.sales, column, form, good)

    def figure(self, column: str, span: Filter) -> Decimal | int | None:
        """A column or ratio of the sales over a span."""
        return value_of(self.measure(column, column, words.AMOUNT), span)

    def number(self, column: str, span: Filter) -> int:
        """A count of the sales over a span."""
        return int(self.figure(column, span) or 0)

    def said(self, column: str, span: Filter, form: words.Form) -> str:
        """The same, as text."""
        return words.show(self.figure(column, span), form)


def read_terms(connection: duckdb.DuckDBPyConnection) -> Terms:
    """The run's settings, and the first day up to the as-of day that has any figure."""
    found = read(connection, _TERMS)
    if found.is_empty():
        raise LookupError("run_settings is empty: expected exactly one row, build the core models first.")
    return Terms(**found.row(0, named=True))


def read_shop(
    connection: duckdb.DuckDBPyConnection, first_day: date, as_of: date, currency: str | None
) -> Shop:
    """The datasets of the days from first_day to the as-of day, both included."""
    periods = periods_of(first_day, as_of)
    starts = [span.first for span in periods.spans]
    sales = read(connection, _SALES, **periods.parameters, first_day=periods.first, starts=starts)
    balances = read(connection, _BALANCES, starts=starts, lasts=[span.last for span in periods.spans])
    ratios = {
        "average_order_value": Ratio("gross", "orders"),
        "return_rate": Ratio("returned", "units"),
    }
    return Shop(
        connection=connection,
        periods=periods,
        currency=currency,
        sales=Dataset("sales", sales, "start", "country", ratios),
        balances=Dataset("balances", balances, "start"),
        countries=tuple(sorted({name for name in sales["country"] if name})),
    )
