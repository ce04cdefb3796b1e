"""What must not reach readers doesn't: bad batches stop before facts, broken tables before publication."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lakehouse.catalog import Catalog
from lakehouse.cli import app
from lakehouse.contracts.load import SHIPPED
from lakehouse.warehouse.model import DataTest

ORDERS = "select count(*) from fct_orders"
SOLD = {"customer_id": None, "created_at": "2025-06-20 10:00:00", "paid_at": "2025-06-20 10:05:00",
        "fulfilled_at": None, "delivered_at": None, "status": "paid"}  # fmt: skip
OTHER_FORMAT = {"created_at": "20/06/2025 10:00:00", "paid_at": "20/06/2025 10:05:00"}


@pytest.fixture
def own(company: Any, tmp_path: Path) -> Any:
    """A lake of one's own in which a company stands already."""
    return company.copy(tmp_path / "lake")


def test_a_bad_batch_stops_before_facts_and_a_mended_contract_lets_it_in(own: Any, tmp_path: Path) -> None:
    before = own.rows(ORDERS)
    own.land("orders", *({"order_id": f"new{n}", **SOLD, **OTHER_FORMAT} for n in range(3)), file="new.csv")
    own.land("order_items", *({"order_id": f"new{n}"} for n in range(3)), file="new.csv")

    ended = CliRunner().invoke(app, ["run", "--quiet"], env=own.environment)
    assert ended.exit_code == 1
    assert (
        "check stg_orders.quarantine_ratio: 3 of 3 rows of the last batch are in quarantine" in ended.output
    )
    assert "not rebuilt" in ended.output
    assert "select * from quarantine where feed = 'orders'" in ended.output
    held = "select reasons from quarantine where file = 'orders/new.csv'"
    assert len(own.rows(held)) == 3
    assert all(reason.startswith("created_at: expected a time like") for ((reason, *_),) in own.rows(held))
    assert own.rows(ORDERS) == own.published(ORDERS) == before
    # The reports of the business stay as they were; the one on operations tells of the run that was blocked.
    operations = (own.settings.reports_dir / "operations.html").read_text(encoding="utf-8")
    assert "3 of 3 rows of the last batch are in quarantine" in operations
    assert "failed" in operations

    config = tmp_path / "config" / "contracts"
    config.mkdir(parents=True)
    shipped = (SHIPPED / "orders.yaml").read_text(encoding="utf-8")
    both = '["%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S"]'
    (config / "orders.yaml").write_text(shipped.replace('["%Y-%m-%d %H:%M:%S"]', both), encoding="utf-8")
    own.configure(tmp_path / "config")
    own.run()
    assert own.rows(held) == []
    assert own.rows(ORDERS) == own.published(ORDERS) == [(before[0][0] + 3,)]
    assert own.published(
        "select order_date::varchar, count(*) from fct_orders where order_id like 'new%' group by 1"
    ) == [("2025-06-20", 3)]


def test_a_broken_table_is_not_published_and_readers_keep_what_they_have_open(own: Any) -> None:
    before = own.published(ORDERS)
    report = (own.settings.paths.reports_dir / "commerce.html").read_bytes()
    own.land("orders", {"order_id": "new", **SOLD}, file="new.csv")
    own.land("order_items", {"order_id": "new"}, file="new.csv")
    sound = own.catalog
    with reader(own, ORDERS) as ask:
        assert ask() == str(before)

        own.catalog = with_test(sound, "fct_orders", "order_id <> 'new'")
        outcome = own.run(is_good=False)
        assert [(check.asset, check.check) for check in outcome.checks if check.is_error] == [
            ("fct_orders", "planted")
        ]
        assert set(outcome.failures) == {"fct_orders"}
        assert own.published(ORDERS) == before
        assert (own.settings.paths.reports_dir / "commerce.html").read_bytes() == report
        assert ask() == str(before)

        own.catalog = sound
        own.run()
        assert own.published(ORDERS) == [(before[0][0] + 1,)]
        assert ask() == str(before)


def with_test(catalog: Catalog, name: str, expression: str) -> Catalog:
    """The catalog with one more error-level test of a model."""
    test = DataTest(kind="expression_is_true", arguments={"expression": expression}, name="planted")
    models = tuple(
        replace(model, doc=model.doc.model_copy(update={"data_tests": (*model.doc.data_tests, test)}))
        if model.name == name
        else model
        for model in catalog.models
    )
    return replace(catalog, models=models)


READER = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    for query in sys.stdin:
        print(connection.execute(query).fetchall(), flush=True)
"""


@contextmanager
def reader(lake: Any, query: str) -> Iterator[Callable[[], str]]:
    """Another process that holds the published copy open and asks it the same again and again."""
    command = [sys.executable, "-c", READER, str(lake.settings.paths.marts)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        questions, answers = process.stdin, process.stdout
        assert questions is not None
        assert answers is not None

        def ask() -> str:
            questions.write(f"{query}\n")
            questions.flush()
            return answers.readline().rstrip()

        yield ask
        questions.close()
