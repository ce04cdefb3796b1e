"""What the tests of the sources share: a source's tables built in plain DuckDB, and the real file.

Rules and facts stand in the test modules.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

REPO = Path(__file__).parents[2]
SOURCE = REPO / "lakehouse" / "sources" / "online_retail"
REAL_FILE = (
    Path(os.environ.get("LAKEHOUSE_SHARED_DIR", REPO.parent / "shared")) / "data" / "online_retail.csv.gz"
)
TABLES = (
    "online_retail_lines",
    "online_retail_credits",
    "orders",
    "order_items",
    "returns",
    "products",
    "customers",
)

Matches = dict[str, tuple[str, int]]


def build_online_retail(con: duckdb.DuckDBPyConnection, *tables: str) -> duckdb.DuckDBPyConnection:
    """Build the source's tables, all or the named ones, from the connection's stg_online_retail."""
    for table in tables or TABLES:
        sql = (SOURCE / f"{table}.sql").read_text(encoding="utf-8")
        con.execute(f"create or replace table {table} as {sql}")
    return con


def greedy_matches(con: duckdb.DuckDBPyConnection) -> Matches:
    """The matching rule told once more, in plain Python: return_id -> (invoice_no, line_number) sold."""
    lines = con.sql(
        "select invoice_no, line_number, upper(stock_code), quantity, invoice_date, customer_id, unit_price "
        "from stg_online_retail where customer_id is not null order by invoice_date, invoice_no, line_number"
    ).fetchall()
    sales: dict[tuple[str, str], list[list[Any]]] = defaultdict(list)
    for invoice_no, number, code, quantity, at, customer, price in lines:
        if invoice_no[0] not in "AC" and price > 0:
            sales[customer, code].append([at, invoice_no, number, quantity])
    matches: Matches = {}
    for invoice_no, number, code, quantity, at, customer, _ in lines:
        if not invoice_no.startswith("C"):
            continue
        for sale in reversed(sales[customer, code]):
            if sale[0] < at and sale[3] >= -quantity:
                sale[3] += quantity
                matches[f"{invoice_no}-{number}"] = (sale[1], sale[2])
                break
    return matches


def matches_in_sql(con: duckdb.DuckDBPyConnection) -> Matches:
    found = con.sql(
        "select return_id, sale_invoice_no, sale_line_number from online_retail_credits where is_matched"
    )
    return {return_id: (invoice_no, number) for return_id, invoice_no, number in found.fetchall()}


def real_lines() -> str:
    """The select that stages the real file, by the headers and types of the contract."""
    contract = yaml.safe_load((SOURCE / "contracts" / "online_retail.yaml").read_text(encoding="utf-8"))
    headers = {name: c["header"] for name, c in contract["columns"].items() if "header" in c}
    types = {"integer": "bigint", "decimal": "decimal(18, 4)", "timestamp": "timestamp"}
    casts = ", ".join(
        f'cast("{header}" as {types.get(contract["columns"][name]["type"], "varchar")}) as {name}'
        for name, header in headers.items()
    )
    return (
        "with landed as (select *, row_number() over () as position "
        f"from read_csv('{REAL_FILE}', header = true, all_varchar = true, nullstr = '', parallel = false)) "
        f"select {casts}, position, "
        "row_number() over (partition by InvoiceNo order by position) as line_number from landed"
    )


@pytest.fixture(scope="session")
def build() -> Callable[..., duckdb.DuckDBPyConnection]:
    return build_online_retail


@pytest.fixture(scope="session")
def greedy() -> Callable[[duckdb.DuckDBPyConnection], Matches]:
    return greedy_matches


@pytest.fixture(scope="session")
def matched() -> Callable[[duckdb.DuckDBPyConnection], Matches]:
    return matches_in_sql


@pytest.fixture(scope="session")
def real() -> Iterator[duckdb.DuckDBPyConnection]:
    """The source's tables made from the whole real file."""
    if not REAL_FILE.exists():
        pytest.skip(
            f"the real file is absent: no {REAL_FILE.name} in data/ of LAKEHOUSE_SHARED_DIR or ../shared"
        )
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute(f"create table stg_online_retail as {real_lines()} order by position")
        yield build_online_retail(con)
