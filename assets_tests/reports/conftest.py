"""A shop small enough to reckon by hand: the tables that the commerce report reads, in a DuckDB in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pytest

TABLES = """
create table run_settings (as_of_date date, is_as_of_configured boolean, business_time_zone varchar, reporting_currency varchar);
create table fct_revenue_daily (
    date date, orders bigint, units bigint, gross_revenue decimal(18, 4), discount decimal(18, 4), tax decimal(18, 4),
    refund decimal(18, 4), net_revenue decimal(18, 4), average_order_value decimal(18, 4), units_returned bigint,
    return_rate double, new_customers bigint, repeat_customers bigint, recognized_revenue decimal(18, 4),
    refund_liability decimal(18, 4)
);
create table fct_orders (
    order_id varchar, customer_id varchar, order_date date, is_purchase boolean, is_first_order boolean,
    is_revenue boolean, is_unconverted boolean
);
create table fct_cohort_ltv (
    cohort_month date, window_days bigint, customers bigint, retained_customers bigint, retention_rate double,
    revenue decimal(18, 4), ltv decimal(18, 4), is_complete boolean
);
create table fct_inventory_daily (date date, product_id varchar, is_at_risk boolean);
create table inventory_alerts (
    product_id varchar, alerted_on date, available bigint, reorder_point bigint, shortfall bigint, resolved_on date
);
create table mart_product_sales (
    product_id varchar, name varchar, category varchar, units bigint, orders bigint, gross_revenue decimal(18, 4),
    net_amount decimal(18, 4), refund decimal(18, 4)
);
create table mart_country_sales (
    country varchar, orders bigint, customers bigint, gross_revenue decimal(18, 4), refund decimal(18, 4),
    net_revenue decimal(18, 4)
);
create table dim_product_current (product_id varchar, name varchar);
create table meta_files (
    feed varchar, file varchar, rows bigint, staged bigint, superseded bigint, resent bigint, quarantined bigint,
    ingested_at timestamp
);
create table quarantine (feed varchar, file varchar, row_number bigint, reasons varchar[], row varchar);
"""


@dataclass
class Shop:
    """What is told to the shop stands in its tables; whatever isn't told stays empty."""

    connection: duckdb.DuckDBPyConnection
    as_of: date
    orders: int = field(default=0)

    def insert(self, table: str, *rows: tuple[object, ...]) -> None:
        """Put rows into a table, every column in its order."""
        for row in rows:
            places = ", ".join("?" for _ in row)
            self.connection.execute(f"insert into {table} values ({places})", row)

    def ago(self, days: int) -> date:
        """The day so many days before the as-of day."""
        return self.as_of - timedelta(days=days)

    def day(
        self,
        ago: int,
        gross: str = "0",
        *,
        orders: int = 0,
        units: int = 0,
        discount: str = "0",
        tax: str = "0",
        refund: str = "0",
        returned: int = 0,
        recognized: str = "0",
        liability: str = "0",
    ) -> None:
        """One day of fct_revenue_daily; orders are added to fct_orders by `purchase`."""
        amounts = [Decimal(amount) for amount in (gross, discount, tax, refund)]
        net = amounts[0] - sum(amounts[1:])
        average = amounts[0] / orders if orders else None
        rate = returned / units if units else None
        self.insert(
            "fct_revenue_daily",
            (
                self.ago(ago),
                orders,
                units,
                *amounts,
                net,
                average,
                returned,
                rate,
                0,
                0,
                recognized,
                liability,
            ),
        )

    def purchase(
        self, ago: int, customer: str | None, *, first: bool = False, unconverted: bool = False
    ) -> None:
        """One purchase in fct_orders."""
        self.orders += 1
        self.insert(
            "fct_orders", (f"o{self.orders}", customer, self.ago(ago), True, first, True, unconverted)
        )


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop without a single sale, as of 1 March 2025, selling in pounds."""
    connection = duckdb.connect()
    connection.execute(TABLES)
    shop = Shop(connection, date(2025, 3, 1))
    shop.insert("run_settings", (shop.as_of, False, "UTC", "GBP"))
    yield shop
    connection.close()


@pytest.fixture
def busy_shop(shop: Shop) -> Shop:
    """Sixty days: 2 orders worth 100.00 a day, then 3 orders worth 120.00 a day; every section has something to show.

    In the later thirty days 1.50 of tax a day, one refund of 30.00 for 2 units, and a liability of 12.34 at the end.
    """
    for ago in range(59, 29, -1):
        shop.day(ago, "100", orders=2, units=4, recognized="90")
        shop.purchase(ago, f"early{ago}", first=True)
        shop.purchase(ago, None)
    for ago in range(29, -1, -1):
        is_return = ago == 10
        shop.day(
            ago,
            "120",
            orders=3,
            units=5,
            tax="1.50",
            refund="30" if is_return else "0",
            returned=2 if is_return else 0,
            recognized="101.25",
            liability="12.34" if ago == 0 else "11",
        )
        shop.purchase(ago, f"early{ago + 30}")
        shop.purchase(ago, f"early{ago + 30}")
        shop.purchase(ago, f"late{ago}" if ago % 2 else None, first=bool(ago % 2))
    shop.insert(
        "fct_cohort_ltv",
        (date(2024, 12, 1), 7, 10, 2, 0.2, Decimal(500), Decimal(50), True),
        (date(2024, 12, 1), 30, 10, 5, 0.5, Decimal(800), Decimal(80), True),
        (date(2025, 1, 1), 7, 30, 2, 2 / 30, Decimal(900), Decimal(30), True),
        (date(2025, 1, 1), 30, 30, 27, 0.9, Decimal(9000), Decimal(300), False),
    )
    shop.insert("dim_product_current", ("p1", "Mug"), ("p2", "Plate"))
    shop.insert("fct_inventory_daily", (shop.as_of, "p1", True), (shop.as_of, "p2", False))
    shop.insert(
        "inventory_alerts",
        ("p2", shop.ago(40), 3, 10, 7, shop.ago(20)),
        ("p1", shop.ago(5), 4, 12, 8, None),
    )
    shop.insert(
        "mart_product_sales",
        ("p1", "Mug", "kitchen", 60, 50, Decimal(3600), Decimal(3570), Decimal(0)),
        ("p2", "Plate", None, 210, 100, Decimal(3000), Decimal(2985), Decimal(30)),
    )
    shop.insert(
        "mart_country_sales",
        ("Germany", 100, 40, Decimal(4000), Decimal(30), Decimal(3925)),
        ("France", 50, 20, Decimal(2600), Decimal(0), Decimal(2600)),
    )
    shop.insert(
        "meta_files",
        ("orders", "orders-1.csv", 160, 150, 4, 3, 3, "2025-03-02 06:00:00"),
        ("returns", "returns-1.csv", 1, 1, 0, 0, 0, "2025-03-02 06:01:00"),
    )
    row = '{"email": "secret@example.com"}'
    shop.insert(
        "quarantine",
        ("orders", "orders-1.csv", 7, ["created_at: missing", "status: not one of the known"], row),
        ("orders", "orders-1.csv", 9, ["created_at: missing"], row),
        ("orders", "orders-1.csv", 11, ["created_at: missing"], row),
    )
    return shop
