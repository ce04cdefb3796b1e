"""A lake of one's own for each test: land rows, run the real graph, look at the tables.

Belongs here: the public path from landing to tables, and lakes that several tests read. Not here: what a single
layer's tests need; those have a conftest.py in their own folder.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock

from lakehouse.catalog import Catalog, load_catalog
from lakehouse.defs.runner import RunOutcome, run_assets
from lakehouse.settings import Settings
from lakehouse.synth.company import generate
from lakehouse.synth.plan import GeneratorPlan
from lakehouse.synth.truth import GroundTruth

REPO = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("LAKEHOUSE_SHARED_DIR", REPO.parent / "shared"))

# What a test doesn't care about: one delivered order of one unit.
DEFAULTS: dict[str, dict[str, object]] = {
    "customers": {"customer_id": "c1", "email": "ada@example.com", "updated_at": "2025-12-01 00:00:00"},
    "products": {
        "product_id": "p1", "name": "Mug", "category": "kitchen", "brand": "Acme", "list_price": "80",
        "unit_cost": "30", "reorder_point": 5, "updated_at": "2025-12-01 00:00:00", "is_deleted": False,
    },
    "orders": {
        "order_id": "o1", "customer_id": "c1", "status": "delivered", "created_at": "2026-01-01 10:00:00",
        "paid_at": "2026-01-01 10:01:00", "fulfilled_at": "2026-01-01 12:00:00",
        "delivered_at": "2026-01-01 18:00:00", "channel": "web", "country": "DE", "currency": "EUR",
        "payment_method": "card",
    },
    "order_items": {
        "order_id": "o1", "line_number": 1, "product_id": "p1", "quantity": 1, "unit_price": "80",
        "discount": 0, "tax": 0,
    },
    "returns": {
        "return_id": "r1", "order_id": "o1", "line_number": 1, "quantity": 1,
        "returned_at": "2026-01-10 09:00:00", "reason": "changed mind",
    },
    "inventory_movements": {
        "movement_id": "m1", "product_id": "p1", "moved_at": "2026-01-01 05:00:00", "kind": "receipt",
        "quantity": 10,
    },
    "web_events": {
        "event_id": "e1", "visitor_id": "v1", "session_id": "s1", "occurred_at": "2026-01-01 09:00:00",
        "kind": "page_view", "page": "/", "device": "mobile", "browser": "Chrome", "country": "DE",
        "region": "Bavaria", "traffic_source": "organic",
    },
    "visitor_identities": {"visitor_id": "v1", "customer_id": "c1", "linked_at": "2026-01-01 09:30:00"},
    "experiment_exposures": {
        "experiment_id": "test", "visitor_id": "v1", "variant": "control", "exposed_at": "2026-01-01 09:00:00",
    },
    "bookings": {
        "booking_id": "b1", "customer_id": "c1", "booked_at": "2026-01-01 12:00:00", "package": "Basic",
        "kind": "new", "monthly_recurring_revenue": "20", "amount": "20",
    },
}  # fmt: skip


@dataclass
class Lake:
    """One lake in a folder of its own, and a person's ways with it."""

    root: Path
    catalog: Catalog = field(repr=False)
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        folders = {"data_dir": self.root / "data", "reports_dir": self.root / "reports"}
        return Settings(**{**folders, "settle_seconds": 0.0, "memory_limit": "1GB", **self.changes})

    @property
    def environment(self) -> dict[str, str]:
        """What a shell needs to work on this lake."""
        return {
            **os.environ,
            "LAKEHOUSE_DATA_DIR": str(self.settings.data_dir),
            "LAKEHOUSE_REPORTS_DIR": str(self.settings.reports_dir),
            "LAKEHOUSE_SETTLE_SECONDS": "0",
            "LAKEHOUSE_MEMORY_LIMIT": "1GB",
            **(
                {"LAKEHOUSE_CONFIG_DIR": str(self.changes["config_dir"])}
                if "config_dir" in self.changes
                else {}
            ),
        }

    def land(self, feed: str, *rows: Mapping[str, object], file: str | None = None) -> Path:
        """Lands the rows as one csv file; what a row doesn't say is the feed's default."""
        folder = self.settings.paths.landing / feed
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / (file or f"{feed}_{len(list(folder.iterdir())):03d}.csv")
        filled = [{**DEFAULTS.get(feed, {}), **row} for row in rows]
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(filled[0]))
            writer.writeheader()
            writer.writerows(filled)
        return path

    def land_file(self, source: Path, feed: str) -> Path:
        folder = self.settings.paths.landing / feed
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy2(source, folder / source.name))

    def configure(self, config_dir: Path) -> None:
        """From now on a team's own configuration stands beside the shipped one."""
        self.changes["config_dir"] = config_dir
        self.catalog = load_catalog(config_dir)

    def run(self, select: str = "*", *, is_good: bool = True) -> RunOutcome:
        """Runs the selected assets; fails the test when they, or their error-level checks, end otherwise than expected."""
        outcome = run_assets(self.settings, self.catalog, select)
        broken = [check for check in outcome.checks if check.is_error]
        assert (outcome.success and not broken) is is_good, (outcome.failures, broken)
        return outcome

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query over the warehouse gives."""
        return self._query(self.settings.paths.warehouse, sql)

    def published(self, sql: str) -> list[tuple[Any, ...]]:
        """What a reader of the published copy gets."""
        return self._query(self.settings.paths.marts, sql)

    @staticmethod
    def _query(path: Path, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def copy(self, root: Path) -> Lake:
        """A lake of its own that stands where this one stands."""
        shutil.copytree(self.root, root, dirs_exist_ok=True)
        return replace(self, root=root, changes=dict(self.changes))

    def differing_tables(self, other: Lake) -> dict[str, int]:
        """Tables that differ from the other lake's, and by how many rows; ingestion metadata aside.

        Aside are columns that begin with `_`, and what tells of files and runs rather than of the business.
        """
        with duckdb.connect(":memory:") as connection:
            for name, lake in (("mine", self), ("theirs", other)):
                connection.execute(f"attach '{lake.settings.paths.warehouse}' as {name} (read_only)")
            columns = connection.execute(
                "select database_name, table_name, list(column_name order by column_index) "
                "from duckdb_columns() where database_name in ('mine', 'theirs') "
                "and not starts_with(column_name, '_') group by all"
            ).fetchall()
            tables = {(database, table): names for database, table, names in columns}
            assert {table for database, table in tables if database == "mine"} == {
                table for database, table in tables if database == "theirs"
            }
            differing = {}
            for (database, table), names in sorted(tables.items()):
                if database == "theirs" or table.startswith("meta_") or table == "quarantine":
                    continue
                assert names == tables["theirs", table]
                listed = ", ".join(f'"{name}"' for name in names)
                mine, theirs = (f"(select {listed} from {one}.{table})" for one in ("mine", "theirs"))
                count = connection.execute(
                    f"select count(*) from (({mine} except all {theirs}) union all ({theirs} except all {mine}))"
                ).fetchall()[0][0]
                if count:
                    differing[table] = count
            return differing


@dataclass
class Company(Lake):
    """A lake that holds a synthetic company, and the truth about it."""

    @property
    def truth(self) -> GroundTruth:
        return GroundTruth.read(self.settings.data_dir / "ground_truth.json")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_developer() -> Iterator[None]:
    """Tests know no lake but their own, whatever the shell says that they run in."""
    with pytest.MonkeyPatch.context() as patched:
        for name in [name for name in os.environ if name.startswith("LAKEHOUSE_")]:
            patched.delenv(name)
        yield


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The shipped configuration."""
    return load_catalog()


@pytest.fixture
def lake(tmp_path: Path, catalog: Catalog) -> Lake:
    """An empty lake."""
    return Lake(tmp_path, catalog)


@pytest.fixture(scope="session")
def lake_at(catalog: Catalog) -> Callable[[Path], Lake]:
    """The lake in a given folder."""
    return lambda root: Lake(root, catalog)


@pytest.fixture(scope="session")
def company_at(catalog: Catalog) -> Callable[[Path], Company]:
    """The lake in a given folder that holds a synthetic company, or is to hold one."""
    return lambda root: Company(root, catalog)


@pytest.fixture(scope="session")
def shared_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of one test session have in common."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared-lakes"
    root.mkdir(exist_ok=True)
    return root


@pytest.fixture(scope="session")
def built_once(shared_root: Path) -> Callable[[str, Callable[[Path], None]], Path]:
    """Builds a lake once for all test processes; they only read it, or copy it."""

    def build(name: str, fill: Callable[[Path], None]) -> Path:
        root = shared_root / name
        with FileLock(shared_root / f"{name}.lock"):
            if not (root / "whole").exists():
                shutil.rmtree(root, ignore_errors=True)
                root.mkdir()
                fill(root)
                (root / "whole").touch()
        return root

    return build


@pytest.fixture(scope="session")
def company(built_once: Callable[[str, Callable[[Path], None]], Path], catalog: Catalog) -> Company:
    """Half a year of 3,000 orders with dirt among them, from landing to report. Read it, never write it."""

    def fill(root: Path) -> None:
        lake = Company(root, catalog)
        plan = GeneratorPlan(orders=3000, start=date(2025, 1, 1), end=date(2025, 7, 1), seed=11, dirt=0.01)
        generate(plan, lake.settings.paths.landing)
        lake.run()

    return Company(built_once("company", fill), catalog)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real files and oracles that outside users don't have."""
    if not SHARED.is_dir():
        pytest.skip("the shared data are absent: no LAKEHOUSE_SHARED_DIR and no ../shared")
    return SHARED
