"""Readouts from arrays: sums are made from a test's own values, so that the values can be the independent side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from lakehouse.experiments.experiment import HANDLINGS
from lakehouse.experiments.health import UnitCounts
from lakehouse.experiments.readout import Readout, read_randomized
from lakehouse.experiments.readout_design import MetricPlan, ReadoutDesign
from lakehouse.experiments.readout_metric import Evidence
from lakehouse.experiments.readout_rows import ReadoutRow
from lakehouse.experiments.readout_sums import PRODUCT_COLUMNS, VARIABLES, Level, Sums

START, END = date(2026, 3, 2), date(2026, 3, 30)
AFTER = date(2026, 4, 30)
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Values:
    """What the units of one arm did: numerators, and where there are any denominators and covariates."""

    y: Array
    d: Array | None = None
    x: Array | None = None
    e: Array | None = None
    cluster: Array | None = None
    immature: int = 0

    def variables(self) -> dict[str, Array]:
        nothing = np.zeros(len(self.y))
        return {
            "y": np.asarray(self.y, dtype=float),
            "d": np.ones(len(self.y)) if self.d is None else self.d,
            "x": nothing if self.x is None else self.x,
            "e": nothing if self.e is None else self.e,
        }

    def sums(self, level: Level = "unit") -> Sums:
        variables = self.variables()
        if level == "cluster":
            assert self.cluster is not None
            index = np.unique(self.cluster, return_inverse=True)[1]
            variables = {name: np.bincount(index, weights=values) for name, values in variables.items()}
        return Sums(
            n=len(variables["y"]),
            immature=self.immature,
            level=level,
            sums={name: float(variables[name].sum()) for name in VARIABLES},
            products={pair: float(variables[pair[0]] @ variables[pair[1]]) for pair in PRODUCT_COLUMNS},
        )


class Hand:
    """Makes designs, evidence and readouts by hand."""

    Values = Values
    START, END, AFTER = START, END, AFTER

    @staticmethod
    def values(y: ArrayLike, **more: Any) -> Values:
        arrays = {
            name: value if name == "immature" or value is None else np.asarray(value, dtype=float)
            for name, value in more.items()
        }
        return Values(np.asarray(y, dtype=float), **arrays)

    @staticmethod
    def metric(
        name: str = "conversion", kind: str = "proportion", role: str = "primary", **more: Any
    ) -> MetricPlan:
        return MetricPlan(name, name.replace("_", " ").capitalize(), kind, role, **more)  # type: ignore[arg-type]  # texts

    @staticmethod
    def design(*metrics: MetricPlan, **more: Any) -> ReadoutDesign:
        shares = more.pop("shares", {"a": 0.5, "b": 0.5})
        plain = ReadoutDesign("e", "An experiment", START, END, "a", shares, metrics)
        return replace(plain, **more)

    @staticmethod
    def evidence(
        arms: Mapping[str, Mapping[str, Values]],
        handlings: Mapping[str, Mapping[str, Mapping[str, Values]]] | None = None,
        **more: Any,
    ) -> Evidence:
        """arms: metric -> variant -> values, alike under all handlings but those given for themselves."""
        aggregates = {}
        for handling in HANDLINGS:
            for metric, variants in (handlings or {}).get(handling, arms).items():
                for variant, values in variants.items():
                    aggregates[metric, variant, handling, "unit"] = values.sums()
                    if values.cluster is not None:
                        aggregates[metric, variant, handling, "cluster"] = values.sums("cluster")
        return Evidence(aggregates, **more)

    @staticmethod
    def counts(sizes: Mapping[str, int], *, days: int = 20, contaminated: int = 0) -> UnitCounts:
        """Units that enter evenly over the days."""
        by_day = {
            START + timedelta(days=day): {
                name: size * (day + 1) // days - size * day // days for name, size in sizes.items()
            }
            for day in range(days)
        }
        return UnitCounts(by_day, {}, contaminated, sum(sizes.values()) + contaminated)

    def read(
        self,
        design: ReadoutDesign,
        arms: Mapping[str, Mapping[str, Values]],
        *,
        as_of: date = AFTER,
        contaminated: int = 0,
        counts: UnitCounts | None = None,
        **more: Any,
    ) -> Readout:
        evidence = self.evidence(arms, **more)
        first = design.metrics[0].name
        sizes = {name: len(arms[first][name].y) if name in arms[first] else 0 for name in design.shares}
        seen = counts or self.counts(sizes, contaminated=contaminated)
        return read_randomized(design, evidence, seen, as_of)

    def row(self, design: ReadoutDesign, arms: Mapping[str, Mapping[str, Values]], **more: Any) -> ReadoutRow:
        """The first row of the readout."""
        return self.read(design, arms, **more).rows[0]

    @staticmethod
    def rates(x1: int, n1: int, x0: int, n0: int) -> dict[str, Values]:
        """Variant b with x1 of n1 yes's, control a with x0 of n0."""
        return {
            "b": Values(np.repeat([1.0, 0.0], [x1, n1 - x1])),
            "a": Values(np.repeat([1.0, 0.0], [x0, n0 - x0])),
        }

    @staticmethod
    def daily(arms: Mapping[str, Sequence[Values]]) -> dict[str, dict[date, Sums]]:
        """Cumulative sums by day from each day's own values, by variant."""
        found: dict[str, dict[date, Sums]] = {}
        for variant, days in arms.items():
            for count in range(1, len(days) + 1):
                joined = Values(np.concatenate([day.y for day in days[:count]]))
                found.setdefault(variant, {})[START + timedelta(days=count - 1)] = joined.sums()
        return found


@pytest.fixture(scope="session")
def hand() -> Hand:
    return Hand()
