"""What the whole real file of Online Retail comes to: its published facts, every match, every reference.

Skips where the file is absent. The rules on small rows stand in test_online_retail_mapping.py.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

SOURCE = Path(__file__).parents[2] / "lakehouse" / "sources" / "online_retail"
SCHEMA = yaml.safe_load((SOURCE / "schema.yml").read_text(encoding="utf-8"))

LINES = "count(*), sum(amount) from online_retail_lines"
FACTS = {
    "every line": (f"select {LINES}", (541_909, Decimal("9747747.934"))),
    "credit notes": (
        f"select count(distinct invoice_no), {LINES} where kind = 'return'",
        (3_836, 9_288, Decimal("-896812.49")),
    ),
    "bad debt": (f"select {LINES} where kind = 'bad_debt'", (3, Decimal("-11062.06"))),
    "sales to a known customer": (
        f"select {LINES} where kind = 'sale' and customer_id is not null",
        (397_884, Decimal("8911407.904")),
    ),
    "price 0, of it written off": (
        "select count(*), count_if(quantity < 0) from online_retail_lines where kind = 'stock_adjustment'",
        (2_515, 1_336),
    ),
    "invoices, countries, customers": (
        """select count(distinct invoice_no), count(distinct country), count(distinct customer_id)
        from online_retail_lines""",
        (25_900, 38, 4_372),
    ),
    "without customer, without description": (
        "select count_if(customer_id is null), count_if(description is null) from online_retail_lines",
        (135_080, 1_454),
    ),
    "products": ("select count(distinct product_id) from products", (3_958,)),
    "customers": ("select count(distinct customer_id) from customers", (4_372,)),
    "orders": (
        "select count_if(status = 'delivered'), count_if(status = 'returned') from orders",
        (19_959, 969),
    ),
    "order items": (
        "select count(*), sum(quantity * unit_price) from order_items",
        (530_103, Decimal("10655622.484")),
    ),
    "returns, matched": (
        "select count(*), count(line_number), sum(refund_amount) from returns",
        (9_288, 7_469, Decimal("896812.49")),
    ),
    "net revenue": (
        """select (select sum(quantity * unit_price) from order_items)
        - (select sum(refund_amount) from returns)""",
        (Decimal("9758809.994"),),
    ),
}


@pytest.mark.parametrize(("query", "expected"), FACTS.values(), ids=FACTS)
def test_the_real_file_reconciles(real, query, expected):
    assert real.sql(query).fetchall() == [expected]


def test_every_return_of_the_real_file_is_matched_as_the_greedy_model_does(real, greedy, matched):
    assert real.sql("select count(customer_id) from online_retail_credits").fetchall() == [(8_905,)]
    assert matched(real) == greedy(real)


@pytest.mark.parametrize(
    ("child", "parent", "using"),
    [
        ("order_items", "orders", "order_id"),
        ("order_items", "products", "product_id"),
        ("orders", "customers", "customer_id"),
        ("returns", "orders", "order_id"),
        ("returns", "order_items", "order_id, line_number"),
    ],
)
def test_every_reference_of_the_real_file_is_found(real, child, parent, using):
    named = " and ".join(f"{column} is not null" for column in using.split(", "))
    orphans = real.sql(f"select count(*) from {child} anti join {parent} using ({using}) where {named}")
    assert orphans.fetchall() == [(0,)]


def test_the_feeds_do_not_depend_on_the_order_of_staged_rows(real, build):
    real.execute("create schema if not exists shuffled")
    real.execute("create table shuffled.stg_online_retail as from stg_online_retail order by hash(position)")
    with real.cursor() as con:
        con.execute("use shuffled")
        build(con)
        tables = con.sql("select table_name from duckdb_tables() where schema_name = 'shuffled'").fetchall()
        assert len(tables) == 8
        for (table,) in tables:
            differing = con.sql(
                f"select count(*) from (from (from main.{table} except all from shuffled.{table}) "
                f"union all (from shuffled.{table} except all from main.{table}))"
            )
            assert differing.fetchall() == [(0,)], table


def failing_rows(con: duckdb.DuckDBPyConnection, model: str, test: Any, column: str = "") -> int:
    """How many rows fail a test of schema.yml."""
    kind, options = next(iter(test.items())) if isinstance(test, dict) else (test, {})
    query = {
        "not_null": lambda: f"from {model} where {column} is null",
        "unique": lambda: f"select {column} from {model} group by 1 having count(*) > 1",
        "accepted_values": lambda: f"from {model} where {column} not in {tuple(options['values'])}",
        "expression_is_true": lambda: f"from {model} where not ({options['expression']})",
        "unique_combination_of_columns": lambda: (
            f"select 1 from {model} group by {', '.join(options['columns'])} having count(*) > 1"
        ),
        "sql_is_empty": lambda: options["query"],
    }[kind]()
    return len(con.sql(query).fetchall())


@pytest.mark.parametrize("model", SCHEMA["models"], ids=lambda model: model["name"])
def test_the_helper_tables_are_as_documented(real, model):
    name = model["name"]
    assert [column["name"] for column in model["columns"]] == real.table(name).columns
    assert all(column["description"] for column in model["columns"])
    tests = [(test, "") for test in model["data_tests"]] + [
        (test, column["name"]) for column in model["columns"] for test in column.get("data_tests", [])
    ]
    failing = [(test, column) for test, column in tests if failing_rows(real, name, test, column)]
    assert failing == []
