"""A shop small enough to reckon by hand: the tables that the commerce report reads, in a DuckDB in memory."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from lakehouse.experiments.readout_rows import TABLES as READOUTS
from lakehouse.experiments.readout_rows import create_sql
from lakehouse.experiments.tables import TYPES
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
