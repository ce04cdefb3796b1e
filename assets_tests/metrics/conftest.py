"""Leaf tables with known causes, and a warehouse of one table that a KPI counts, without a lake around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from lakehouse.metrics.build import build_kpis
from lakehouse.metrics.definition import Kpi
from lakehouse.metrics.plan import Feed, KpiPlan

VALUES = {
    "country": ("DE", "ES", "FR", "IT", "UK", "US"),
    "product": ("A", "B", "C", "D", "E"),
    "channel": ("app", "store", "web"),
    "tier": ("new", "repeat", "vip"),
}
CELLS = list(product(*VALUES.values()))
Plant = Mapping[tuple[tuple[str, str], ...], float]
Counts = NDArray[np.int64]


def inside(segment: tuple[tuple[str, str], ...]) -> NDArray[np.bool_]:
    return np.array([set(segment) <= set(zip(VALUES, cell, strict=True)) for cell in CELLS])


def leaf_columns() -> dict[str, list[str]]:
    return {name: [cell[place] for cell in CELLS] for place, name in enumerate(VALUES)}


def factors(plant: Plant) -> NDArray[np.float64]:
    total = np.ones(len(CELLS))
    for segment, factor in plant.items():
        total[inside(segment)] *= factor
    return total


@pytest.fixture
def dimensions() -> list[str]:
    return list(VALUES)


@pytest.fixture
def amounts() -> Callable[..., pl.DataFrame]:
    """Counts around a forecast, a segment multiplied by its factor; broad multiplies them all."""

    def build(plant: Plant, *, seed: int = 1, broad: float = 1.0) -> pl.DataFrame:
        chance = np.random.default_rng(seed)
        forecast = chance.lognormal(4, 1, len(CELLS))
        real = chance.poisson(forecast * factors(plant) * broad)
        return pl.DataFrame({**leaf_columns(), "real": real, "predict": forecast})

    return build


@pytest.fixture
def rates() -> Callable[..., pl.DataFrame]:
    """Orders of visits in two periods, a segment's rate or visits multiplied by its factor."""

    def build(*, rate: Plant, mix: Plant, seed: int = 1, broad: float = 1.0) -> pl.DataFrame:
        chance = np.random.default_rng(seed)
        expected = chance.lognormal(6, 1, len(CELLS))
        before = chance.poisson(expected)
        after = chance.poisson(expected * factors(mix))
        base = 0.05 * chance.lognormal(0, 0.3, len(CELLS))
        return pl.DataFrame(
            {
                **leaf_columns(),
                "denominator0": before,
                "numerator0": chance.binomial(before, base),
                "denominator1": after,
                "numerator1": chance.binomial(after, np.minimum(1, base * factors(rate) * broad)),
            }
        )

    return build


COLUMNS = "day date, sold_at timestamp, amount double, price decimal(18, 4), country varchar, product varchar"
STAGED = "happened timestamp, _ingested_at timestamp"


@dataclass(frozen=True)
class Shop:
    """The table `sales`, the staged table `stg_sales` behind it, and the settings."""

    connection: duckdb.DuckDBPyConnection

    def sell(self, *rows: dict[str, object]) -> None:
        for row in rows:
            names = ", ".join(row)
            marks = ", ".join("?" for _ in row)
            self.connection.execute(f"insert into sales ({names}) values ({marks})", list(row.values()))

    def land(self, *rows: tuple[str, str]) -> None:
        """(when it happened, when it landed)"""
        for row in rows:
            self.connection.execute("insert into stg_sales values (?, ?)", list(row))

    def build(self, *kpis: Kpi, as_of: str | None = "2026-03-31", zone: str = "UTC") -> None:
        self.connection.execute("delete from run_settings")
        self.connection.execute("insert into run_settings values (?, false, ?)", [as_of, zone])
        build_kpis(self.connection, [KpiPlan(kpi, (Feed("stg_sales", "happened"),)) for kpi in kpis])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def whole(self, cadence: str = "daily") -> dict[str, tuple[Any, ...]]:
        """Period -> value, n and is_complete of the whole."""
        found = self.rows(
            "select period_start::varchar, value, n, is_complete from kpi_values "
            f"where cadence = '{cadence}' and dimension = '' order by 1"
        )
        return {row[0]: row[1:] for row in found}

    def status(self) -> str:
        return str(self.rows("select status from kpi_definitions")[0][0])

    def complete_through(self) -> date | None:
        found = self.rows("select complete_through from kpi_definitions")[0][0]
        return found if found is None else date.fromisoformat(str(found))


@pytest.fixture
def shop() -> Iterator[Shop]:
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"create table sales ({COLUMNS})")
        connection.execute(f"create table stg_sales ({STAGED})")
        connection.execute(
            "create table run_settings (as_of_date date, is_as_of_configured boolean, business_time_zone varchar)"
        )
        yield Shop(connection)


@pytest.fixture(scope="session")
def kpi_of() -> Callable[..., Kpi]:
    """A KPI of the shop's sales; what a test doesn't care about is the daily sum of amount."""

    def make(**said: object) -> Kpi:
        common: dict[str, object] = {
            "name": "sold", "shown": "metrics/definitions/sold.yaml", "label": "Sold", "owner": "Finance", "unit": "EUR",
            "direction": "up", "cadence": ["daily", "weekly"], "source": "sales", "time": "day",
        }  # fmt: skip
        value = {} if {"value", "numerator"} & set(said) else {"value": "sum(amount)"}
        return Kpi.model_validate({**common, **value, **said})

    return make


@pytest.fixture(scope="session")
def days() -> Callable[[str, Sequence[float | None]], list[dict[str, object]]]:
    """One sale per day from the given day on."""

    def make(first: str, amounts: Sequence[float | None]) -> list[dict[str, object]]:
        start = date.fromisoformat(first).toordinal()
        return [
            {"day": date.fromordinal(start + number), "amount": amount}
            for number, amount in enumerate(amounts)
        ]

    return make
