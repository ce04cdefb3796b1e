"""A shop small enough to reckon by hand: the tables that the commerce report reads, in a DuckDB in memory."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pytest

from lakehouse.experiments.readout_rows import TABLES as READOUTS
from lakehouse.experiments.readout_rows import create_sql
from lakehouse.experiments.tables import TYPES
from lakehouse.metrics.anomalies.tables import TYPES as ANOMALY_TYPES
from lakehouse.metrics.tables import TYPES as KPI_TYPES
from lakehouse.reports.anomalies import anomalies_page
from lakehouse.reports.experiments import experiment_pages
from lakehouse.reports.history import CheckRecord, RunRecord
from lakehouse.reports.operations import operations_page
from lakehouse.reports.page import Origin, Page
from lakehouse.warehouse.session import META_SQL

TABLES = """
create table run_settings (as_of_date date, is_as_of_configured boolean, business_time_zone varchar, reporting_currency varchar);
create table fct_revenue_daily (
    date date, orders bigint, units bigint, gross_revenue decimal(18, 4), discount decimal(18, 4), tax decimal(18, 4),
    refund decimal(18, 4), net_revenue decimal(18, 4), average_order_value decimal(18, 4), units_returned bigint,
    return_rate double, new_customers bigint, repeat_customers bigint, recognized_revenue decimal(18, 4),
    refund_liability decimal(18, 4)
);
create table fct_orders (
    order_id varchar, customer_id varchar, order_date date, country varchar, is_purchase boolean,
    is_first_order boolean, is_revenue boolean, is_unconverted boolean
);
create table mart_country_daily (
    date date, country varchar, orders bigint, repeat_orders bigint, new_customers bigint, units bigint,
    units_returned bigint, gross_revenue decimal(18, 4), discount decimal(18, 4), tax decimal(18, 4),
    refund decimal(18, 4), net_revenue decimal(18, 4)
);
create table fct_product_daily (
    date date, country varchar, product_id varchar, orders bigint, units bigint, units_returned bigint,
    gross_revenue decimal(18, 4), discount decimal(18, 4), tax decimal(18, 4), refund decimal(18, 4),
    net_revenue decimal(18, 4)
);
create table fct_cohort_ltv (
    cohort_month date, window_days bigint, customers bigint, retained_customers bigint, retention_rate double,
    revenue decimal(18, 4), ltv decimal(18, 4), is_complete boolean
);
create table fct_inventory_daily (date date, product_id varchar, is_at_risk boolean);
create table inventory_alerts (
    product_id varchar, alerted_on date, available bigint, reorder_point bigint, shortfall bigint, resolved_on date
);
create table mart_product_sales (product_id varchar, name varchar, category varchar);
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
        new: int = 0,
        country: str = "Germany",
        product: str = "p1",
    ) -> None:
        """A day on which one country bought and sent back one product; `purchase` adds to fct_orders.

        A second call for the same day adds to it, in another country or the same.
        """
        amounts = [Decimal(amount) for amount in (gross, discount, tax, refund)]
        net = amounts[0] - sum(amounts[1:])
        day = self.ago(ago)
        known = self.connection.execute("select count(*) from fct_revenue_daily where date = ?", [day])
        if known.fetchall()[0][0]:
            self.connection.execute(
                "update fct_revenue_daily set orders = orders + ?, units = units + ?, gross_revenue = gross_revenue + ?, "
                "discount = discount + ?, tax = tax + ?, refund = refund + ?, net_revenue = net_revenue + ?, "
                "units_returned = units_returned + ?, new_customers = new_customers + ?, "
                "recognized_revenue = recognized_revenue + ?, refund_liability = refund_liability + ? where date = ?",
                [orders, units, *amounts, net, returned, new, recognized, liability, day],
            )
        else:
            average, rate = (amounts[0] / orders if orders else None), (returned / units if units else None)
            figures = (average, returned, rate, new, 0, recognized, liability)
            self.insert("fct_revenue_daily", (day, orders, units, *amounts, net, *figures))
        self.insert("mart_country_daily", (day, country, orders, 0, new, units, returned, *amounts, net))
        self.insert("fct_product_daily", (day, country, product, orders, units, returned, *amounts, net))

    def purchase(
        self,
        ago: int,
        customer: str | None,
        *,
        first: bool = False,
        unconverted: bool = False,
        country: str = "Germany",
    ) -> None:
        """One purchase in fct_orders."""
        self.orders += 1
        self.insert(
            "fct_orders",
            (f"o{self.orders}", customer, self.ago(ago), country, True, first, True, unconverted),
        )


def opened() -> Shop:
    connection = duckdb.connect()
    connection.execute(TABLES)
    shop = Shop(connection, date(2025, 3, 1))
    shop.insert("run_settings", (shop.as_of, False, "UTC", "GBP"))
    return shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop without a single sale, as of 1 March 2025, selling in pounds."""
    shop = opened()
    yield shop
    shop.connection.close()


@pytest.fixture
def busy_shop(shop: Shop) -> Shop:
    """The shop after 56 days of business; see `in_business`."""
    return in_business(shop)


@pytest.fixture(scope="session")
def kept_shop() -> Iterator[Shop]:
    """A busy shop of which pages are made that many tests look at."""
    shop = in_business(opened())
    yield shop
    shop.connection.close()


def in_business(shop: Shop) -> Shop:
    """56 days: Germany's mugs at 60.00 a day and France's plates at 40.00, then 72.00 and 48.00.

    2 orders a day, then 3, the third one Germany's. In the later 28 days 1.50 of tax a day, one refund of 30.00 for 2
    plates, and a liability of 12.34 at the end.
    """
    for ago in range(55, 27, -1):
        shop.day(ago, "60", orders=1, units=2, recognized="90", new=1)
        shop.day(ago, "40", orders=1, units=2, country="France", product="p2")
        shop.purchase(ago, f"early{ago}", first=True)
        shop.purchase(ago, None, country="France")
    for ago in range(27, -1, -1):
        is_return, is_new = ago == 10, ago % 2
        liability = "12.34" if ago == 0 else "11"
        shop.day(
            ago, "72", orders=2, units=3, tax="0.90", recognized="101.25", liability=liability, new=is_new
        )
        shop.day(
            ago,
            "48",
            orders=1,
            units=2,
            tax="0.60",
            refund="30" if is_return else "0",
            returned=2 if is_return else 0,
            country="France",
            product="p2",
        )
        shop.purchase(ago, f"early{ago + 28}")
        shop.purchase(ago, f"late{ago}" if is_new else None, first=bool(is_new))
        shop.purchase(ago, f"early{ago + 28}", country="France")
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
    shop.insert("mart_product_sales", ("p1", "Mug", "kitchen"), ("p2", "Plate", None))
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


# The published copy that the operations report reads, in memory.

OPERATED_AT = datetime(2026, 3, 1, 6, 30)


@dataclass
class Published:
    """A published copy in memory, and what the orchestrator remembers; whatever isn't told stays empty."""

    connection: duckdb.DuckDBPyConnection
    runs: list[RunRecord] = field(default_factory=list)
    checks: list[CheckRecord] = field(default_factory=list)

    def file(
        self, feed: str, ago: int, rows: int, *, bad: int = 0, old: int = 0, again: int = 0, lost: int = 0,
        name: str = "", status: str = "loaded",
    ) -> None:  # fmt: skip
        """A file that was taken so many days ago."""
        staged = rows - bad - old - again - lost
        at = OPERATED_AT - timedelta(days=ago)
        self.connection.execute(
            "insert into meta_files values (?, ?, 'hash', ?, ?, ?, ?, ?, ?, 'batch', ?)",
            [feed, name or f"{feed}/{ago}.csv", rows, staged, old, again, bad, at, status],
        )

    def reject(
        self, feed: str, ago: int, *reasons: str, row: str = '{"id": "7"}', times: int = 1, file: str = ""
    ) -> None:
        """Rows in quarantine, of a file that was taken so many days ago."""
        for number in range(times):
            self.connection.execute(
                "insert into quarantine values (?, ?, ?, ?, ?, ?)",
                [
                    feed,
                    file or f"{feed}/{ago}.csv",
                    number + 1,
                    list(reasons),
                    row,
                    OPERATED_AT - timedelta(days=ago),
                ],
            )

    def feed(self, name: str, *, limit: float | None = None, age: float | None = None) -> None:
        """A configured feed; judged where it has both a limit and an age."""
        newest = None if age is None else OPERATED_AT - timedelta(hours=age)
        is_fresh = None if age is None or limit is None else age <= limit
        self.connection.execute(
            "insert into meta_feeds values (?, ?, 'What it brings.', 'created_at', ?, ?, ?, ?)",
            [name, f"{name}-owner", newest, limit, age if limit else None, is_fresh],
        )

    def run(self, number: int, status: Any, seconds: str | None) -> None:
        started = OPERATED_AT - timedelta(hours=number)
        taken = None if seconds is None else Decimal(seconds)
        self.runs.append(RunRecord(f"run-{number}", started, taken, status, "sensor"))

    def check(self, name: str, severity: Any, text: str = "Holds.", *, passed: bool = True) -> None:
        self.checks.append(CheckRecord("stg_orders", name, severity, text, passed, OPERATED_AT))

    def fill(self, state: str) -> "Published":
        """Bring the lake into one of the named states."""
        _STATES[state](self)
        return self

    @property
    def page(self) -> Page:
        return operations_page(self.connection, Origin("run-1", "1.2.3"), self.runs, self.checks)


def busy(published: Published) -> None:
    """70 days: orders fall, returns stay, customers have stopped; some rows are bad, one feed is late."""
    for ago in range(0, 70, 2):
        published.file("orders", ago, 100 if ago < 28 else 1000, bad=2 if ago < 28 else 1, old=3, again=4)
        published.file("returns", ago, 60)
    published.file("customers", 40, 20)
    published.file("orders", 3, 12, bad=12, name="orders/broken.csv", status="rejected")
    published.file("orders", 9, 0, name="orders/empty.csv", status="rejected")
    published.reject("orders", 0, "created_at: missing", "status: unknown", times=5)
    published.reject("orders", 2, "created_at: missing", times=2)
    published.reject("returns", 4, "created_at: missing")
    published.feed("orders", limit=26, age=84.25)
    published.feed("returns", limit=50, age=49)
    published.feed("customers")
    for number, seconds in enumerate(["12.345", "8.5", "30.25", "9"]):
        published.run(number + 1, "succeeded", seconds)
    published.run(0, "running", None)
    published.run(5, "failed", "2.5")
    published.run(6, "canceled", "1")
    published.check("not_null", "error")
    published.check("quarantine_ratio", "error", "12 of 12 rows are in quarantine.", passed=False)
    published.check("freshness", "warning", "The newest is old.", passed=False)
    published.check("files_readable", "warning", "2 rejected whole.", passed=False)


def weekly(published: Published) -> None:
    """200 days are cut into weeks; as many rows as before; nothing fails, nothing is late."""
    for ago in range(200):
        published.file("orders", ago, 10)
    published.feed("orders", limit=26, age=3)
    published.check("not_null", "error")
    published.run(1, "succeeded", "5")


def short(published: Published) -> None:
    """10 days reach back over no earlier window; a few in very many are bad."""
    published.file("orders", 9, 90_000, bad=1)
    published.file("orders", 0, 1)
    published.reject("orders", 9, "only one", row='{"id": "7"}')


def one_file(published: Published) -> None:
    """The least that can land."""
    published.file("orders", 0, 1)


def one_day(published: Published) -> None:
    """Several files on one day, of which rows are lost on the way."""
    for name in ("a", "b", "c"):
        published.file("orders", 0, 10, lost=1, name=f"orders/{name}.csv")


def after_a_pause(published: Published) -> None:
    """Rows after weeks without any, more accounted for than landed; many feeds have stopped, and are late."""
    published.file("orders", 0, 10, lost=-2)
    for number in range(6):
        published.file(f"feed_{number}", 60, 10)
        published.feed(f"feed_{number}", limit=1, age=10 + number)


def quiet(published: Published) -> None:
    """Files without rows."""
    published.file("orders", 0, 0)
    published.file("orders", 30, 0)
    published.feed("orders")


def empty(published: Published) -> None:
    """Nothing has landed."""
    published.feed("orders", limit=26)


_STATES = {
    each.__name__: each for each in (busy, weekly, short, one_file, one_day, after_a_pause, quiet, empty)
}


def _published_in(connection: duckdb.DuckDBPyConnection) -> Published:
    connection.execute(META_SQL)
    connection.execute(
        "create table run_settings as select date '2026-02-28' as as_of_date, false as is_as_of_configured"
    )
    connection.execute("create table fct_orders as select range as order_id from range(1234)")
    connection.execute("create table dim_date as select range as day from range(7)")
    return Published(connection)


@pytest.fixture
def published() -> Iterator[Published]:
    """An empty published copy."""
    with duckdb.connect(":memory:") as connection:
        yield _published_in(connection)


@pytest.fixture(params=sorted(_STATES))
def published_state(request: pytest.FixtureRequest, published: Published) -> Published:
    """A published copy in each of the states that a lake can be in."""
    return published.fill(request.param)


@pytest.fixture
def published_states() -> Iterator[list[Published]]:
    """A published copy for each of these states."""
    with ExitStack() as stack:
        yield [
            _published_in(stack.enter_context(duckdb.connect(":memory:"))).fill(state)
            for state in sorted(_STATES)
        ]


@pytest.fixture(scope="session")
def kept_published() -> Iterator[Published]:
    """A busy published copy of which pages are made that many tests look at."""
    with duckdb.connect(":memory:") as connection:
        yield _published_in(connection).fill("busy")


# The tables that the experiment pages read, in memory.

TRIED_ON = date(2026, 4, 30)


@dataclass
class Tried:
    """Experiments and their readouts, told one by one; whatever isn't told stays empty."""

    connection: duckdb.DuckDBPyConnection

    def put(self, table: str, **values: object) -> None:
        """One row; columns that aren't named are null."""
        marks = ", ".join("?" for _ in values)
        named = ", ".join(f'"{name}"' for name in values)
        self.connection.execute(f"insert into {table} ({named}) values ({marks})", list(values.values()))

    def experiment(self, key: str, *variants: str, **changes: Any) -> None:
        """A randomized one of March, unless something else is said."""
        names = ("control", *variants)
        given: dict[str, Any] = {
            "experiment_id": key, "name": f"The {key}", "hypothesis": "It helps.", "owner": "growth", "design": "randomized",
            "unit": "visitor", "starts": "2026-03-02", "ends": "2026-03-30", "control": "control", "handling": "exclude",
            "as_of_date": TRIED_ON, "alpha": 0.05, "minimum_effect": 0.1,
        }  # fmt: skip
        self.put("exp_experiments", **(given | changes))
        self.connection.execute(
            "update exp_experiments set planned = map($1::varchar[], $2::double[]) where experiment_id = $3",
            [list(names) if variants else [], [1 / len(names)] * len(names) if variants else [], key],
        )

    def reads(self, experiment: str, variant: str, metric: str = "conversion", **changes: Any) -> None:
        """A row of the readout: better by 12% of 0.2, told from chance, with its metric."""
        given: dict[str, Any] = {
            "experiment_id": experiment, "metric": metric, "role": "primary", "kind": "proportion", "variant": variant,
            "control": "control", "label": metric.replace("_", " ").capitalize(), "direction": "up", "status": "ok",
            "reason": f"{metric} of {variant}: 12% more", "decision": "ship" if changes.get("role", "primary") == "primary" else None,
            "is_fragile": False, "n": 1234, "n_control": 1200, "immature": 0, "mean": 0.224, "mean_control": 0.2, "effect": 0.024,
            "effect_low": 0.01, "effect_high": 0.04, "lift": 0.12, "lift_low": 0.05, "lift_high": 0.2, "p_value": 0.002,
            "p_adjusted": 0.004, "decisive_p": 0.004, "decided_by": "fixed", "family": "primary: 1 metric x 1 variant, holm",
            "method": "z-test", "lift_method": "delta method", "chance_to_win": 0.99, "expected_loss": 0.0012,
            "current_power": 0.63, "required_n": 4000,
        }  # fmt: skip
        if changes.get("status") == "no readout":
            kept = (
                "experiment_id",
                "metric",
                "role",
                "kind",
                "variant",
                "control",
                "label",
                "direction",
                "decision",
                "is_fragile",
            )
            given = {name: given[name] for name in kept} | {
                "n": 0,
                "n_control": 0,
                "immature": 0,
                "decision": None,
            }
        self.put("exp_readout", **(given | changes))
        known = self.connection.execute(
            "select count(*) from exp_metrics where experiment_id = ? and metric = ?", [experiment, metric]
        ).fetchall()[0][0]
        if not known:
            row = given | changes
            self.put(
                "exp_metrics", experiment_id=experiment, metric=metric, role=row["role"], label=row["label"], kind=row["kind"],
                direction=row["direction"], source="fct_web_sessions", window_days=14,
            )  # fmt: skip

    def healthy(self, experiment: str, **states: str) -> None:
        """All checks pass but those that are named with another state."""
        for check in ("sample_ratio", "contamination", "freshness"):
            state = states.get(check, "pass")
            text = f"{check} was looked at: {state}."
            self.put("exp_health", experiment_id=experiment, check=check, status=state, text=text)

    def seen(
        self, experiment: str, variant: str, count: int, day: int = 2, reason: str | None = None
    ) -> None:
        """Units first shown the variant on that day of March."""
        for _ in range(count):
            self.put(
                "exp_eligibility", experiment_id=experiment, unit_id=f"u{day}", variant=variant, exposures=2, variants_seen=1,
                first_exposed_at=datetime(2026, 3, day, 23, 30), is_eligible=reason is None, exclusion_reason=reason,
            )  # fmt: skip

    def day(
        self,
        experiment: str,
        variant: str,
        day: int,
        lift: float | None,
        outer: tuple[float, float] | None = None,
    ) -> None:
        """The change as it stood on that day of March, give or take 0.1."""
        low, high = (None, None) if lift is None else (lift - 0.1, lift + 0.1)
        self.put(
            "exp_effect_daily", experiment_id=experiment, metric="conversion", variant=variant, date=date(2026, 3, day),
            n=100 * day, n_control=90 * day, lift=lift, low=low, high=high,
            sequential_low=outer[0] if outer else None, sequential_high=outer[1] if outer else None,
        )  # fmt: skip

    def segment(
        self, experiment: str, variant: str, value: str, lift: float | None, p: float = 0.5, **changes: Any
    ) -> None:
        given: dict[str, Any] = {
            "experiment_id": experiment, "metric": "conversion", "variant": variant, "segment": "country", "segment_value": value,
            "n": 100, "n_control": 90, "lift": lift, "status": "ok", "reason": "", "p_adjusted": p,
        }  # fmt: skip
        if lift is not None:
            given |= {"lift_low": lift - 0.2, "lift_high": lift + 0.2, "shrunk_lift": lift / 2}
            given |= {"shrunk_low": lift / 2 - 0.1, "shrunk_high": lift / 2 + 0.1}
        self.put("exp_segments", **(given | changes))

    def booked(self, experiment: str, variant: str, amount: str, units: int | None = 100) -> None:
        self.put(
            "exp_finance", experiment_id=experiment, variant=variant, units=units, customers=7, bookings=9,
            amount=Decimal(amount), new_mrr=Decimal(amount) / 10, net_mrr=Decimal(amount) / 20,
        )  # fmt: skip

    def handled(self, experiment: str, variant: str, **decisions: str | None) -> None:
        """The verdict under each handling."""
        for place, (handling, decision) in enumerate(decisions.items()):
            lift = 0.12 + place / 100
            self.put(
                "exp_sensitivity", experiment_id=experiment, variant=variant, handling=handling, n=1234 + place, n_control=1200,
                lift=lift, lift_low=lift - 0.07, lift_high=lift + 0.07, p_value=0.01, decision=decision,
            )  # fmt: skip

    def panel(self, experiment: str, labels: list[str], treated: dict[str, float | None]) -> None:
        """Units over periods; treated: the period from which on, None for never."""
        for unit, adopted in treated.items():
            for period, label in enumerate(labels):
                self.put(
                    "exp_panel", experiment_id=experiment, metric="conversion", unit_id=unit, period=period, period_label=label,
                    adopted=adopted, value=10 + period + (5 if adopted is not None and period >= adopted else 0),
                )  # fmt: skip

    @property
    def pages(self) -> dict[str, Page]:
        """The overview and every experiment's page, by name."""
        return {page.name: page for page in experiment_pages(self.connection, Origin("run-1", "1.2.3"))}


def _tried_in(connection: duckdb.DuckDBPyConnection) -> Tried:
    connection.execute("set timezone = 'UTC'")
    for name, columns in TYPES.items():
        connection.execute(f"create table {name} ({columns})")
    for name in READOUTS:
        connection.execute(create_sql(name))
    connection.execute(
        "create table run_settings as select date '2026-04-30' as as_of_date, 'UTC' as business_time_zone, "
        "'EUR' as reporting_currency"
    )
    return Tried(connection)


@pytest.fixture
def tried() -> Iterator[Tried]:
    """No experiment yet."""
    with duckdb.connect(":memory:") as connection:
        yield _tried_in(connection)


@pytest.fixture(scope="session")
def kept_tried() -> Iterator[Tried]:
    """Empty tables for experiments of which pages are made that many tests look at."""
    with duckdb.connect(":memory:") as connection:
        yield _tried_in(connection)


# The tables that the anomalies report reads, in memory.

ALARMED_ON = date(2026, 11, 15)
METHODS = (["trend"], ["threshold", "seasonal MAD"], ["expectation", "z-score", "changepoint"], ["intuition"])


@dataclass
class Alarmed:
    """KPIs, their series and what was out of the ordinary, told one by one; whatever isn't told stays empty."""

    connection: duckdb.DuckDBPyConnection

    def put(self, table: str, **values: object) -> None:
        """One row; columns that aren't named are null."""
        named, marks = ", ".join(values), ", ".join("?" for _ in values)
        self.connection.execute(f"insert into {table} ({named}) values ({marks})", list(values.values()))

    def ago(self, days: int) -> date:
        """The day so many days before the as-of day."""
        return ALARMED_ON - timedelta(days=days)

    def kpi(
        self, name: str, *, judged: int = 1, unjudged: dict[str, int] | None = None, **changes: Any
    ) -> None:
        """An additive KPI of money, with as many series that are judged, and as many that aren't by reason."""
        given: dict[str, Any] = {
            "kpi": name, "label": name.replace("_", " ").capitalize(), "description": "What it counts.", "owner": "Finance",
            "unit": "reporting currency", "direction": "up", "cadences": ["daily", "weekly"], "dimensions": ["country"],
            "source": "fct_orders", "is_ratio": False, "is_additive": True, "sensitivity": 4.0, "as_of_date": ALARMED_ON,
            "lag_days": 1, "complete_through": self.ago(1), "status": "ok",
        }  # fmt: skip
        self.put("kpi_definitions", **(given | changes))
        for status, count in {"ok": judged, **(unjudged or {})}.items():
            for number in range(count):
                self.put("kpi_series", kpi=name, cadence="daily", dimension="" if status == "ok" and not number else "country",
                         segment="" if status == "ok" and not number else f"{status} {number}", periods=400,
                         alerts_per_year=0.5, status=status)  # fmt: skip

    def values(
        self, kpi: str, base: float, *, out: dict[int, float] | None = None, cadence: str = "daily", dimension: str = "", segment: str = "",
        missing: tuple[int, ...] = (), periods: int = 120, unexpected: int = 0, level: float = 0.2,
    ) -> None:  # fmt: skip
        """A series and its expectation: weekly waves around a base. out: actual by expected, by how many periods ago.

        missing: periods ago without a value; unexpected: so many first periods have no expectation.
        """
        step = 7 if cadence == "weekly" else 1
        last = self.ago(1) if cadence == "daily" else self.ago(13)
        found, expectations = [], []
        for place in range(-1, periods):
            start = last - timedelta(days=step * place)
            wave = 1 + level * (-0.5, -0.2, 0.0, 0.1, 0.7, 0.9, -1.0)[(start.toordinal() // step) % 7]
            noise = 1 + 0.03 * ((start.toordinal() * 7919) % 11 - 5) / 5
            value = None if place in missing else base * wave * noise * (out or {}).get(place, 1.0)
            found.append((start, value, 0 if value is None else 100, place >= 0))
            if 0 <= place < periods - unexpected:
                expectations.append((start, base * wave, base * wave * 0.88, base * wave * 1.12))
        key = {"kpi": kpi, "cadence": cadence, "dimension": dimension, "segment": segment}
        self._put_all("kpi_values", key, ["period_start", "value", "n", "is_complete"], found)
        self._put_all("kpi_expected", key, ["period_start", "expected", "low", "high"], expectations)

    def _put_all(
        self, table: str, key: dict[str, str], names: list[str], rows: list[tuple[object, ...]]
    ) -> None:
        """Many rows under one key; row by row would take seconds."""
        fixed = ", ".join(f"${place + 1} as {name}" for place, name in enumerate(key))
        self.connection.register("told", pl.DataFrame(rows, schema=names, orient="row").to_arrow())
        self.connection.execute(
            f"insert into {table} by name select {fixed}, * from told", list(key.values())
        )
        self.connection.unregister("told")

    def anomaly(
        self,
        name: str,
        kpi: str,
        began: int,
        ended: int,
        expected: float | None,
        actual: float | None,
        **changes: Any,
    ) -> None:
        """One that began and ended so many days ago, told from noise a day after; figures follow from the two given."""
        known = expected is not None and actual is not None
        impact = actual - expected if expected is not None and actual is not None else None
        way = "down" if impact is not None and impact < 0 else "up"
        given: dict[str, Any] = {
            "anomaly": name, "kpi": kpi, "cadence": "daily", "dimension": "", "segment": "", "started_on": self.ago(began),
            "detected_on": self.ago(max(ended, began - 1)), "ended_on": self.ago(ended), "is_open": ended <= 1, "direction": way,
            "is_good": way == "up", "methods": ["expectation", "z-score"], "confidence": 0.9, "expected": expected, "actual": actual,
            "impact": impact, "relative_impact": impact / abs(expected) if known and impact is not None and expected else None,
            "money": abs(impact) if impact is not None else None, "status": "open" if ended <= 1 else "closed",
            "verdict": "not searched", "explanation": "Causes were not searched.", "sentence": f"{kpi} was out of the ordinary.",
        }  # fmt: skip
        self.put("anomalies", **(given | changes))

    def cause(self, anomaly: str, rank: int, segment: str, contribution: float, **changes: Any) -> None:
        given: dict[str, Any] = {
            "anomaly": anomaly, "rank": rank, "segment": segment, "effect": "volume", "contribution": contribution, "share": 0.5,
            "expected": 100.0, "actual": 100.0 + contribution, "confidence": 0.99, "sentence": f"{segment}: it moved.",
        }  # fmt: skip
        self.put("root_causes", **(given | changes))

    def factor(self, anomaly: str, factor: str, contribution: float) -> None:
        self.put(
            "anomaly_factors",
            anomaly=anomaly,
            factor=factor,
            before=10.0,
            after=9.0,
            contribution=contribution,
        )

    def fill(self, state: str) -> "Alarmed":
        """Bring the lake into one of the named states."""
        _ALARMS[state](self)
        return self

    @property
    def page(self) -> Page:
        return anomalies_page(self.connection, Origin("run-1", "1.2.3"))


def alarmed_busy(alarmed: Alarmed) -> None:
    """Fifteen things need attention, of all kinds; others are parts, answered, or long closed."""
    alarmed.kpi("net_revenue", judged=12, unjudged={"too few periods": 3, "too little in it": 5})
    alarmed.kpi("order_count", owner="Operations", unit="orders", judged=2, sensitivity=2.5)
    alarmed.kpi("revenue_per_order", is_ratio=True, is_additive=False)
    alarmed.kpi(
        "return_rate", owner="Operations", unit="ratio", direction="down", is_ratio=True, is_additive=False
    )
    alarmed.kpi("average_price", owner="Product", direction="neither", is_ratio=True, is_additive=False)
    alarmed.kpi("retention_30d", owner="Marketing", unit="ratio", is_ratio=True, is_additive=False, judged=0,
                unjudged={"too few periods": 1}, complete_through=alarmed.ago(30))  # fmt: skip
    alarmed.kpi("items_per_order", owner="Product", unit="lines per order", is_ratio=True, is_additive=False)
    alarmed.kpi("mrr", judged=0, complete_through=None, status="no rows", is_additive=False)

    alarmed.values("net_revenue", 12000, out=dict.fromkeys(range(5), 0.66))
    alarmed.values(
        "net_revenue", 4000, out=dict.fromkeys(range(5), 0.4), dimension="country", segment="Germany"
    )
    alarmed.anomaly("net_revenue-2026-11-10", "net_revenue", 5, 1, 60_000.0, 39_600.0, is_open=True, verdict="causes", confidence=0.97,
        methods=["expectation", "z-score", "changepoint"], detected_on=alarmed.ago(4),
        sentence="Net revenue was 39,600.00 instead of the expected 60,000.00 from 10 Nov to 14 Nov.",
        explanation="2 segments stand out in the change from 60,000 to 39,600 (-34.0%).")  # fmt: skip
    alarmed.cause("net_revenue-2026-11-10", 1, "country=Germany", -12_000.0, share=0.588, sentence="country=Germany: 8,000 instead of 20,000 (-60.0%), 59% of the change.")  # fmt: skip
    alarmed.cause("net_revenue-2026-11-10", 2, "channel=mail, payment_method=card", -9_400.0, share=0.461)
    alarmed.cause("net_revenue-2026-11-10", 3, "country=Norway", 1_000.0, share=-0.049)
    alarmed.factor("net_revenue-2026-11-10", "order_count", -19_000.0)
    alarmed.factor("net_revenue-2026-11-10", "revenue_per_order", -1_400.0)
    alarmed.anomaly("net_revenue-de-2026-11-10", "net_revenue", 5, 1, 20_000.0, 8_000.0, dimension="country", segment="Germany",
                    part_of="net_revenue-2026-11-10")  # fmt: skip
    alarmed.anomaly(
        "orders-2026-11-11", "order_count", 4, 1, 480.4, 350.0, part_of="net_revenue-2026-11-10", money=9000.0
    )

    alarmed.values("return_rate", 0.05, cadence="weekly", out={0: 1.6, 1: 1.5, 2: 1.4}, level=0.05)
    alarmed.anomaly("return_rate-2026-10-19", "return_rate", 27, 7, 0.0502, 0.0753, cadence="weekly", is_open=True, is_good=False,
                    status="open", confidence=0.62, money=4_321.5, verdict="broad change", note="The new sizes run small.", explanation="No segment stands out: broad change from 0.0502 to 0.0753.",
                    methods=["expectation", "trend"])  # fmt: skip
    alarmed.values(
        "net_revenue",
        900,
        out={3: 9.0},
        dimension="country",
        segment="France",
        missing=(20, 21, 23),
        unexpected=60,
    )
    alarmed.anomaly("net_revenue-fr-2026-11-11", "net_revenue", 4, 4, 900.0, 8_900.0, dimension="country", segment="France", confidence=0.74,
                    verdict="within noise", explanation="Within noise: the change is no more than leaves vary by themselves.")  # fmt: skip
    alarmed.values("average_price", 8.5, out={2: 1.4, 1: 1.4})
    alarmed.anomaly("average_price-2026-11-12", "average_price", 3, 2, 8.5, 11.9, is_good=None, money=None, confidence=0.49, note="The list of prices was wrong.")  # fmt: skip
    alarmed.values("items_per_order", 2.25, cadence="weekly", out={0: 0.5})
    alarmed.anomaly(
        "items-2026-11-02",
        "items_per_order",
        13,
        7,
        2.25,
        1.125,
        cadence="weekly",
        money=None,
        confidence=0.29,
    )
    alarmed.anomaly(
        "from-nothing",
        "order_count",
        2,
        2,
        0.0,
        7.0,
        money=None,
        confidence=0.5,
        dimension="country",
        segment="Iceland",
    )
    alarmed.values("order_count", 0.0, out={}, dimension="country", segment="Iceland")
    for number in range(9):
        alarmed.anomaly(f"orders-{number}", "order_count", 12 + number % 3, 12, 100.0, 90.0 - number, money=100.0 - number, methods=METHODS[number % 4],
            confidence=0.3 + number / 100)  # fmt: skip
    alarmed.values("order_count", 100.0, out={11: 0.9})

    alarmed.anomaly(
        "net_revenue-muted",
        "net_revenue",
        3,
        1,
        100.0,
        5.0,
        status="muted",
        note="We know: the feed of Atlantis is off.",
    )
    alarmed.anomaly(
        "net_revenue-confirmed",
        "net_revenue",
        40,
        38,
        30_000.0,
        21_000.0,
        status="confirmed",
        note="The checkout broke.",
    )
    alarmed.anomaly("net_revenue-expected", "net_revenue", 200, 199, 24_000.0, 48_000.0, status="expected")
    alarmed.anomaly("net_revenue-closed-15", "net_revenue", 16, 15, 24_000.0, 12_000.0)
    alarmed.anomaly("net_revenue-old", "net_revenue", 300, 290, 100_000.0, 60_000.0, confidence=0.8)
    alarmed.anomaly("gone", "no_longer_defined", 20, 18, 10.0, 20.0)


def alarmed_quiet(alarmed: Alarmed) -> None:
    """All is as expected; the last anomaly is weeks ago."""
    alarmed.kpi("net_revenue", judged=3)
    alarmed.kpi("order_count", unit="orders")
    alarmed.values("net_revenue", 12000)
    alarmed.anomaly("old", "net_revenue", 100, 98, 30_000.0, 21_000.0)
    alarmed.anomaly("older", "order_count", 300, 299, 30.0, 21.0)


def alarmed_never(alarmed: Alarmed) -> None:
    """All is as expected, and ever was; one KPI, that may give one false alert."""
    alarmed.kpi("net_revenue", sensitivity=1.0)


def alarmed_empty(alarmed: Alarmed) -> None:
    """Tables without rows."""
    assert alarmed.page is not None


def alarmed_null(alarmed: Alarmed) -> None:
    """A KPI of which nothing is known, not even the as-of day."""
    alarmed.put("kpi_definitions", kpi="nothing", status="no rows")


def alarmed_half(alarmed: Alarmed) -> None:
    """A KPI of which nothing is known beside one that has no complete day; nothing is judged."""
    alarmed.put("kpi_definitions", kpi="nothing", status="no rows")
    alarmed.kpi(
        "net_revenue",
        judged=0,
        unjudged={"too few periods": 1},
        complete_through=None,
        status="no complete period",
    )


def alarmed_bare(alarmed: Alarmed) -> None:
    """One anomaly that nothing more is known of: no money, no causes, no values, no methods; and no currency."""
    alarmed.connection.execute("update run_settings set reporting_currency = null")
    alarmed.kpi("mrr", is_additive=False, owner=None, sensitivity=None)
    alarmed.anomaly("mrr-1", "mrr", 1, 1, float("nan"), None, is_good=None, money=None, confidence=None, methods=None, explanation="", sentence="")  # fmt: skip


_ALARMS = {
    each.__name__.removeprefix("alarmed_"): each
    for each in (
        alarmed_busy,
        alarmed_quiet,
        alarmed_never,
        alarmed_empty,
        alarmed_null,
        alarmed_half,
        alarmed_bare,
    )
}


def _alarmed_in(connection: duckdb.DuckDBPyConnection) -> Alarmed:
    for name, columns in (KPI_TYPES | ANOMALY_TYPES).items():
        connection.execute(f"create table {name} ({columns})")
    connection.execute(
        "create table run_settings as select date '2026-11-15' as as_of_date, 'GBP' as reporting_currency"
    )
    return Alarmed(connection)


@pytest.fixture
def alarmed() -> Iterator[Alarmed]:
    """Nothing is watched yet."""
    with duckdb.connect(":memory:") as connection:
        yield _alarmed_in(connection)


@pytest.fixture(params=sorted(_ALARMS))
def alarmed_state(request: pytest.FixtureRequest, alarmed: Alarmed) -> Alarmed:
    """The tables of anomalies in each of the states that they can be in."""
    return alarmed.fill(request.param)


@pytest.fixture
def alarmed_states() -> Iterator[list[Alarmed]]:
    """The tables of anomalies in all of these states."""
    with ExitStack() as stack:
        yield [
            _alarmed_in(stack.enter_context(duckdb.connect(":memory:"))).fill(state)
            for state in sorted(_ALARMS)
        ]


@pytest.fixture(scope="session")
def kept_alarmed() -> Iterator[Alarmed]:
    """Many anomalies, of which pages are made that many tests look at."""
    with duckdb.connect(":memory:") as connection:
        yield _alarmed_in(connection).fill("busy")
