"""Leaf tables with known causes, for tests of the search.

Belongs here: what several modules of this folder plant their causes in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

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
