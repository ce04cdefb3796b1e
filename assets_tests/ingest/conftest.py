"""A lake of one feed: land bytes, bring them to raw, stage them, load them into DuckDB. No orchestrator.

Here belongs only what lets a test say "given this contract, when these files land, then that table".
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from lakehouse.contracts import Contract
from lakehouse.ingest.guard import Limits
from lakehouse.ingest.landing import list_landing, list_raw
from lakehouse.ingest.raw import Ingested, ingest_pending
from lakehouse.ingest.staging import Staged, stage_new_files
from lakehouse.ingest.table import RESERVED
from lakehouse.settings import Settings
from lakehouse.warehouse.session import prepare
from lakehouse.warehouse.staged import FeedAccount, load_staged

COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"type": "id", "required": True},
    "amount": {"type": "decimal"},
    "sold_at": {"type": "timestamp"},
    "note": {"type": "string"},
}


def a_contract(**changes: Any) -> Contract:
    """A feed `sales` of four columns; `changes` replace keys of the contract, `columns` included."""
    given: dict[str, Any] = {"key": ["id"], "columns": COLUMNS, **changes}
    return Contract.model_validate({"name": "sales", "description": "Sales.", "owner": "sales", **given})


def csv_bytes(header: Iterable[str], rows: Iterable[Iterable[object]], **options: Any) -> bytes:
    """A table as Python's csv writer writes it."""
    target = io.StringIO(newline="")
    writer = csv.writer(target, **{"lineterminator": "\n", **options})
    writer.writerow(header)
    writer.writerows(rows)
    return target.getvalue().encode()


@dataclass
class FeedLake:
    """One feed's way from landing to its staged table. Every run is an hour after the one before."""

    root: Path
    contract: Contract
    connection: duckdb.DuckDBPyConnection
    limits: Limits = field(default_factory=lambda: Limits(100, 1 << 20))
    now: datetime = datetime(2026, 3, 1, tzinfo=UTC)

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    def land(self, name: str, content: bytes | str) -> Path:
        path = self.landing / self.contract.name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def ingest(self) -> list[Ingested]:
        listing = list_landing(self.landing, [self.contract.name], 0, time.time())
        self.now += timedelta(hours=1)
        return ingest_pending(self.contract, listing.files, self.landing, self.raw, self.limits, self.now)

    def stage(self) -> Staged:
        return stage_new_files(self.contract, self.raw, self.root / "staging", self.root / "quarantine")

    def run(self) -> FeedAccount:
        self.ingest()
        return load_staged(self.connection, self.stage())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()

    def table(self) -> list[tuple[Any, ...]]:
        """The staged table: the contract's columns, sorted."""
        return self.rows(
            f"select {', '.join(self.contract.columns)} from {self.contract.staged_table} order by all"
        )

    def reasons(self) -> dict[int, list[str]]:
        """Row number -> reasons of everything in quarantine."""
        found = self.rows("select row_number, reasons from quarantine order by all")
        assert len({number for number, _ in found}) == len(found)
        return dict(found)

    def files(self) -> list[tuple[Any, ...]]:
        """What meta_files says: file, status, rows, staged, superseded, resent, quarantined."""
        return self.rows(
            "select file, status, rows, staged, superseded, resent, quarantined from meta_files order by ingested_at"
        )

    def cells(self) -> list[dict[str, str | None]]:
        """All raw rows that were split, as text, in order."""
        found: list[dict[str, str | None]] = []
        for path in list_raw(self.raw, self.contract.name):
            rows = pq.read_table(path, partitioning=None).to_pylist()
            rows.sort(key=lambda row: row["_row_number"])
            found += [
                {name: cell for name, cell in row.items() if name not in RESERVED}
                for row in rows
                if row["_problem"] is None
            ]
        return found

    def is_conserved(self) -> bool:
        return all(rows == sum(went) for _, _, rows, *went in self.files())


@pytest.fixture(scope="session")
def contract_of() -> Callable[..., Contract]:
    return a_contract


@pytest.fixture(scope="session")
def as_csv() -> Callable[..., bytes]:
    return csv_bytes


@pytest.fixture(scope="session")
def new_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., FeedLake]]:
    """Makes empty lakes, for tests that need several (property tests)."""
    connections: list[duckdb.DuckDBPyConnection] = []

    def make(
        contract: Contract | None = None, limits: Mapping[str, Any] | None = None, **changes: Any
    ) -> FeedLake:
        root = tmp_path_factory.mktemp("lake")
        connection = duckdb.connect(config={"threads": 1})
        connections.append(connection)
        prepare(connection, Settings(data_dir=root, reports_dir=root / "reports"))
        lake = FeedLake(root, contract or a_contract(**changes), connection)
        if limits:
            lake.limits = Limits(**{"max_expansion_ratio": 100, "max_row_bytes": 1 << 20, **limits})
        return lake

    yield make
    for connection in connections:
        connection.close()


@pytest.fixture
def lake(new_lake: Callable[..., FeedLake]) -> FeedLake:
    return new_lake()
