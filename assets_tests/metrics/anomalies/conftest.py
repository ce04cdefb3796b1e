"""Shops whose KPIs are judged: rows by day and country made from given numbers, built into every table of metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from lakehouse.metrics.anomalies.build import build_anomalies
from lakehouse.metrics.build import build_kpis
from lakehouse.metrics.definition import Kpi
from lakehouse.metrics.plan import Feed, KpiPlan

FIRST = date(2025, 1, 6)


@dataclass(frozen=True)
class Watched:
    """A table `sales` of rows (day, country, amount, is_won), from which KPIs are built and judged."""

    connection: duckdb.DuckDBPyConnection

    def sell(self, counts: Mapping[str, Sequence[int]], amount: float = 10.0, won: float = 0.5) -> None:
        """So many sales a day from FIRST on, by country."""
        frames = []
        for country, numbers in counts.items():
            per_day = np.asarray(numbers, dtype=np.int64)
            at = np.repeat(np.arange(len(per_day)), per_day)
            frames.append(
                pl.DataFrame(
                    {
                        "day": [FIRST + timedelta(days=int(t)) for t in at],
                        "country": [country] * len(at),
                        "amount": np.full(len(at), amount),
                        "is_won": np.random.default_rng(len(at)).random(len(at)) < won,
                    },
                    schema={"day": pl.Date, "country": pl.String, "amount": pl.Float64, "is_won": pl.Boolean},
                )
            )
        self.connection.register("_sold", pl.concat(frames).to_arrow())
        self.connection.execute("insert into sales by name select * from _sold")
        self.connection.unregister("_sold")

    def build(self, *kpis: Kpi, days: int) -> None:
        """Builds everything as of the last of so many days."""
        last = FIRST + timedelta(days=days - 1)
        self.connection.execute("delete from run_settings")
        self.connection.execute("insert into run_settings values (?, false, 'UTC')", [last])
        self.connection.execute("delete from stg_sales")
        landed = [last + timedelta(days=1)]
        self.connection.execute("insert into stg_sales values (?, ?)", [last, *landed])
        plans = [KpiPlan(kpi, (Feed("stg_sales", "happened"),)) for kpi in kpis]
        build_kpis(self.connection, plans)
        build_anomalies(self.connection, plans)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def found(self) -> list[dict[str, Any]]:
        """Anomalies in order of time, parts last."""
        cursor = self.connection.execute(
            "from anomalies order by part_of is not null, started_on, kpi, segment"
        )
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.fixture
def watched() -> Iterator[Watched]:
    with duckdb.connect(":memory:") as connection:
        connection.execute("create table sales (day date, country varchar, amount double, is_won boolean)")
        connection.execute("create table stg_sales (happened timestamp, _ingested_at timestamp)")
        connection.execute(
            "create table run_settings (as_of_date date, is_as_of_configured boolean, business_time_zone varchar)"
        )
        yield Watched(connection)


@pytest.fixture
def first_day() -> date:
    return FIRST


@pytest.fixture(scope="session")
def traffic() -> Callable[..., np.ndarray]:
    """Counts per day with a week, some growth and chance."""

    def make(days: int, level: float = 200.0, seed: int = 1) -> np.ndarray:
        chance = np.random.default_rng(seed)
        week = np.resize([1.0, 0.95, 0.97, 1.0, 1.1, 1.3, 0.7], days)
        return chance.poisson(
            level * week * np.exp(0.0003 * np.arange(days)) * chance.lognormal(0, 0.03, days)
        )

    return make
