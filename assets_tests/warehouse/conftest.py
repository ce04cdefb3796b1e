"""A warehouse in memory with the tables that it keeps itself, and a small contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lakehouse.contracts import Contract
from lakehouse.settings import Settings
from lakehouse.warehouse.session import prepare


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        prepare(connection, Settings(data_dir=tmp_path, reports_dir=tmp_path))
        connection.execute("create table stg_sales (sale_id varchar, customer_id varchar, sold_at timestamp)")
        connection.execute("create table stg_customers (customer_id varchar)")
        yield connection


@pytest.fixture
def contract_of() -> Callable[..., Contract]:
    def make(**changes: Any) -> Contract:
        columns = {
            "sale_id": {"type": "id"},
            "customer_id": {"type": "id"},
            "sold_at": {"type": "timestamp"},
        }
        return Contract.model_validate(
            {
                "name": "sales",
                "description": "Sales.",
                "owner": "sales",
                "key": ["sale_id"],
                "columns": columns,
                "references": {"customer_id": "customers.customer_id"},
                "event_time": "sold_at",
                "freshness": "26h",
                **changes,
            }
        )

    return make
