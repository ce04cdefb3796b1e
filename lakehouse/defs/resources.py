"""The warehouse as a Dagster resource: one locked connection for a whole run, opened when a step first needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

import dagster as dg
from dagster_duckdb import DuckDBResource
from pydantic import Field, PrivateAttr

from lakehouse.defs.reaper import process_tags
from lakehouse.settings import Settings
from lakehouse.warehouse.session import WarehouseSession, open_warehouse

WAREHOUSE_POOL = "warehouse"


class WarehouseResource(DuckDBResource):
    """The lake's settings and its writer connection. Fields can be given in the launchpad for one run."""

    data_dir: str = Field(description="The lake: landing, raw, staging, quarantine, warehouse.")
    reports_dir: str = Field(description="Where reports are written.")
    as_of: str | None = Field(
        default=None, description="Judge windows and freshness at this date (YYYY-MM-DD)."
    )
    reporting_currency: str | None = Field(default=None, description="Currency that money is summed in.")
    business_time_zone: str = Field(default="UTC", description="Time zone in which days are cut.")
    settle_seconds: float = Field(
        default=2.0, description="A landing file is taken once unchanged for so long."
    )
    memory_limit: str = Field(default="4GB", description="DuckDB's memory limit.")
    threads: int | None = Field(default=None, description="DuckDB's threads; default: all cores.")
    max_expansion_ratio: float = Field(default=100.0, description="A compressed file may grow so many times.")
    max_row_bytes: int = Field(default=1 << 20, description="A longer row is quarantined.")
    archive_days: int = Field(
        default=400, description="Days for which earlier issues of reports are kept; 0: none."
    )

    _stack: ExitStack | None = PrivateAttr(default=None)
    _session: WarehouseSession | None = PrivateAttr(default=None)
    _who: str = PrivateAttr(default="a notebook")
    _log: dg.DagsterLogManager | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings) -> WarehouseResource:
        return cls(
            database=str(settings.paths.warehouse),
            data_dir=str(settings.paths.data_dir),
            reports_dir=str(settings.paths.reports_dir),
            as_of=settings.as_of.isoformat() if settings.as_of else None,
            reporting_currency=settings.reporting_currency,
            business_time_zone=settings.business_time_zone,
            settle_seconds=settings.settle_seconds,
            memory_limit=settings.memory_limit,
            threads=settings.threads,
            max_expansion_ratio=settings.max_expansion_ratio,
            max_row_bytes=settings.max_row_bytes,
            archive_days=settings.archive_days,
        )

    @property
    def settings(self) -> Settings:
        """This run's settings: the environment's, with what the run's config changes."""
        return Settings(
            data_dir=Path(self.data_dir),
            reports_dir=Path(self.reports_dir),
            as_of=date.fromisoformat(self.as_of) if self.as_of else None,
            reporting_currency=self.reporting_currency,
            business_time_zone=self.business_time_zone,
            settle_seconds=self.settle_seconds,
            memory_limit=self.memory_limit,
            threads=self.threads,
            max_expansion_ratio=self.max_expansion_ratio,
            max_row_bytes=self.max_row_bytes,
            archive_days=self.archive_days,
        )

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        run = context.run
        self._log = context.log
        if run is not None:
            self._who = f"run {run.run_id[:8]}"
            if context.instance is not None:
                context.instance.add_run_tags(run.run_id, process_tags(run.run_id))

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        del context
        if self._stack is not None:
            self._stack.close()
        self._stack = self._session = None

    @contextmanager
    def session(self) -> Iterator[WarehouseSession]:
        """The run's open warehouse. The first call waits for its turn and opens it; the run's end closes it."""
        if self._session is None:
            stack = ExitStack()
            say = self._log.info if self._log is not None else print
            self._session = stack.enter_context(open_warehouse(self.settings, self._who, say))
            self._stack = stack
        yield self._session
