"""Typed settings from the environment: the only module that reads it.

Settings are values; where they are used they come in as arguments. Paths of the lake are derived here so that
no other module joins folder names by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _known_time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f'expected an IANA time zone such as "Europe/Berlin", found "{name}"')
    return ZoneInfo(name).key


@dataclass(frozen=True, slots=True)
class LakePaths:
    """Where the layers of one lake lie. All below `data_dir`, the reports aside."""

    data_dir: Path
    reports_dir: Path

    @property
    def landing(self) -> Path:
        return self.data_dir / "landing"

    @property
    def raw(self) -> Path:
        return self.data_dir / "raw"

    @property
    def staging(self) -> Path:
        return self.data_dir / "staging"

    @property
    def quarantine(self) -> Path:
        return self.data_dir / "quarantine"

    @property
    def exports(self) -> Path:
        return self.data_dir / "exports"

    @property
    def warehouse(self) -> Path:
        return self.data_dir / "warehouse.duckdb"

    @property
    def marts(self) -> Path:
        return self.data_dir / "marts.duckdb"

    @property
    def scratch(self) -> Path:
        return self.data_dir / "tmp"

    @property
    def cache(self) -> Path:
        return self.data_dir / "cache"

    @property
    def dagster_home(self) -> Path:
        return self.data_dir / "dagster"


class Settings(BaseSettings):
    """Every setting of a lake, each an environment variable `LAKEHOUSE_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="LAKEHOUSE_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    data_dir: Path = Field(
        Path("data"), description="The lake: landing, raw, staging, quarantine, warehouse."
    )
    reports_dir: Path = Field(Path("reports"), description="Where the HTML reports are written.")
    config_dir: Path | None = Field(
        None, description="A team's own contracts/, sources/ and experiments/, beside the shipped ones."
    )
    settle_seconds: float = Field(
        2.0, ge=0, description="A landing file is taken once unchanged for so long."
    )
    as_of: date | None = Field(
        None, description="Date that windows and freshness are judged at; default: from data."
    )
    business_time_zone: Annotated[str, AfterValidator(_known_time_zone)] = Field(
        "UTC", description="Time zone in which days are cut."
    )
    reporting_currency: str | None = Field(
        None, pattern="^[A-Z]{3}$", description="Currency that money is summed in; default: the commonest."
    )
    memory_limit: str = Field("4GB", description="DuckDB's memory limit; more is spilled to disk.")
    threads: int | None = Field(None, ge=1, description="DuckDB's threads; default: all cores.")
    max_expansion_ratio: float = Field(100.0, gt=1, description="A compressed file may grow so many times.")
    max_row_bytes: int = Field(1 << 20, ge=1024, description="A longer line of a text file is quarantined.")
    archive_days: int = Field(
        400, ge=0, description="Days for which earlier issues of reports are kept; 0: none."
    )

    @property
    def paths(self) -> LakePaths:
        return LakePaths(data_dir=self.data_dir.absolute(), reports_dir=self.reports_dir.absolute())
