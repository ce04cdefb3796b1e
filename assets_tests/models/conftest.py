"""A shop in memory: core tables filled by hand, every model built from its SQL file in dependency order.

Here belongs only what lets a test say "given these rows, when the models are built, then that table".
Nothing here knows landing files, staging or the project's own loader: the SQL is tried as plain DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
import yaml
from sqlglot import exp

PACKAGE = Path(__file__).resolve().parents[2] / "lakehouse"
FEEDS = (
    *("orders", "order_items", "returns", "customers", "products", "inventory_movements", "fx_rates"),
    *("web_events", "visitor_identities", "experiment_exposures", "bookings"),
)
TYPES = {
    "id": "varchar",
    "string": "varchar",
    "integer": "bigint",
    "timestamp": "timestamp",
    "date": "date",
    "boolean": "boolean",
}


@cache
def commerce_models() -> dict[str, str]:
    """The SQL of every model that reads only commerce tables, each after the models that it reads."""
    texts = {path.stem: path.read_text() for path in sorted((PACKAGE / "models").glob("*/*.sql"))}
    reads = {name: _tables(text) for name, text in texts.items()}
    given = {f"core_{feed}" for feed in FEEDS} | {"meta_settings"}
    order = TopologicalSorter({name: tables & texts.keys() for name, tables in reads.items()}).static_order()
    built: dict[str, str] = {}
    for name in order:
        if reads[name] <= given | built.keys():
            built[name] = texts[name]
    return built


@cache
def descriptions() -> dict[str, dict[str, Any]]:
    """What the schema.yml files say of each of those models."""
    files = (PACKAGE / "models").glob("*/schema.yml")
    models = [model for path in files for model in yaml.safe_load(path.read_text())["models"]]
    return {model["name"]: model for model in models if model["name"] in commerce_models()}


def _tables(sql: str) -> set[str]:
    statement = sqlglot.parse_one(sql, dialect="duckdb")
    steps = {cte.alias for cte in statement.find_all(exp.CTE)}
    return {table.name for table in statement.find_all(exp.Table)} - steps


def _column_type(column: Mapping[str, Any]) -> str:
    if column["type"] == "decimal":
        return f"decimal(18, {column.get('scale', 4)})"
    return TYPES[column["type"]]


class Shop:
    """Core tables with small rows, and the models built from them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.defaults: dict[str, dict[str, Any]] = {feed: {} for feed in FEEDS}
        self.defaults["orders"] = {"status": "delivered", "currency": "EUR", "payment_method": "card"}
        self.defaults["order_items"] = {"line_number": 1, "quantity": 1, "discount": 0, "tax": 0}
        self.defaults["returns"] = {"line_number": 1, "quantity": 1}
        for feed in FEEDS:
            contract = yaml.safe_load((PACKAGE / "contracts" / f"{feed}.yaml").read_text())
            columns = [f'"{name}" {_column_type(column)}' for name, column in contract["columns"].items()]
            columns += ["_ingested_at timestamp", "_row_number bigint"]
            connection.execute(
                f"create table core_{feed} (source varchar default 'native', {', '.join(columns)})"
            )
        connection.execute(
            "create table meta_settings "
            "(as_of_date date, business_time_zone varchar, reporting_currency varchar)"
        )
        connection.execute("insert into meta_settings values (null, 'UTC', null)")

    def settings(self, **values: object) -> None:
        """Configure as_of_date, business_time_zone or reporting_currency."""
        for name, value in values.items():
            self.connection.execute(f"update meta_settings set {name} = ?", [value])

    def add(self, feed: str, **values: object) -> None:
        """One row of a feed, with the feed's defaults for what the test does not care about."""
        self.add_many(feed, [values])

    def add_many(self, feed: str, rows: Iterable[Mapping[str, object]]) -> None:
        """Rows of a feed that all have the same columns."""
        filled = [{**self.defaults[feed], **row} for row in rows]
        if filled:
            names = ", ".join(f'"{name}"' for name in filled[0])
            marks = ", ".join("?" for _ in filled[0])
            values = ", ".join(f"({marks})" for _ in filled)
            flat = [value for row in filled for value in row.values()]
            self.connection.execute(f"insert into core_{feed} ({names}) values {values}", flat)

    def sell(self, order_id: str, on: str, price: float = 100, **values: object) -> None:
        """An order of one line, placed and delivered on a day unless the values say otherwise."""
        line_fields = ("product_id", "quantity", "discount", "tax")
        line = {name: values.pop(name) for name in line_fields if name in values}
        self.add("orders", **{"order_id": order_id, "created_at": on, "delivered_at": on, **values})
        self.add("order_items", **{"order_id": order_id, "product_id": "p", "unit_price": price, **line})

    def build(self, *, only: Iterable[str] | None = None) -> None:
        """Build every model, or the named ones and whatever they read."""
        wanted = _with_upstream(only) if only is not None else commerce_models().keys()
        for name, sql in commerce_models().items():
            if name in wanted:
                kind = descriptions()[name]["config"]["materialized"]
                self.connection.execute(f"create or replace {kind} {name} as {sql}")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.connection.execute(sql).fetchall()

    def failures(self, model: str) -> list[str]:
        """The model's tests of severity error, on whole rows or across tables, that this data breaks."""
        failed = []
        for test in descriptions()[model].get("data_tests", []):
            ((kind, options),) = test.items()
            if options.get("severity") != "warn" and self.rows(_failing_rows(model, kind, options)):
                failed.append(options.get("name", kind))
        return failed

    def value(self, sql: str) -> Any:
        """The only value of a query of one row and one column."""
        ((value,),) = self.rows(sql)
        return value


def _failing_rows(model: str, kind: str, options: Mapping[str, Any]) -> str:
    if kind == "sql_is_empty":
        return str(options["query"])
    if kind == "expression_is_true":
        return f"select * from {model} where not ({options['expression']})"
    columns = ", ".join(options["columns"])
    return f"select {columns} from {model} group by {columns} having count(*) > 1"


def _with_upstream(names: Iterable[str]) -> set[str]:
    wanted: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in commerce_models() and name not in wanted:
            wanted.add(name)
            waiting.extend(_tables(commerce_models()[name]))
    return wanted


@pytest.fixture
def described() -> dict[str, dict[str, Any]]:
    """What schema.yml says of each commerce model, by name."""
    return descriptions()


@pytest.fixture
def new_shop() -> Iterable[Any]:
    """Makes empty shops, for tests that need several (property tests); closed at the end."""
    connections: list[duckdb.DuckDBPyConnection] = []

    def make() -> Shop:
        connection = duckdb.connect(config={"threads": 1})
        connections.append(connection)
        return Shop(connection)

    yield make
    for connection in connections:
        connection.close()


@pytest.fixture
def shop(new_shop: Any) -> Shop:
    """One empty shop."""
    made: Shop = new_shop()
    return made
