"""Made-up leaf tables whose causes are known: additive ones by RiskLoc's scheme, and conversion rates over two periods.

Belongs here: what development and the tests of the search run on, so that published cases are only ever scored.
Not here: scores.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl
from numpy.typing import NDArray

Segment = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Case:
    """A leaf table and what was planted: (effect, segment) pairs, none for a quiet one."""

    frame: pl.DataFrame
    kind: str
    causes: tuple[tuple[str, Segment], ...]

    @property
    def segments(self) -> frozenset[Segment]:
        return frozenset(segment for _, segment in self.causes)


ADDITIVE_SIZES = {"a": 10, "b": 12, "c": 10, "d": 8, "e": 5}
SHOP_DIMENSIONS = ("country", "product", "category", "channel", "device", "payment")
RATIO_VALUES = {
    "country": ("DE", "ES", "FR", "IT", "UK", "US"),
    "product": ("A", "B", "C", "D", "E"),
    "channel": ("app", "partner", "store", "web"),
    "tier": ("new", "repeat", "vip"),
}


def additive_cases(count: int, seed: int, sizes: dict[str, int] | None = None) -> Iterator[Case]:
    """RiskLoc's scheme: Weibull leaves, some 0, a relative error of up to 25% in forecast or actual, 1-3 anomalies of 1-3
    elements in one cuboid each, by which the forecast falls (or the actual) a share of 20-100% beyond the noise, with a
    scatter of its own of up to 10%.

    Source: Kalander (2022), RiskLoc: Localization of Multi-dimensional Root Causes by Weighted Risk, arXiv:2205.10004.
    """
    chance = np.random.default_rng(seed)
    for _ in range(count):
        yield additive_case(chance, sizes or ADDITIVE_SIZES)


def additive_case(chance: np.random.Generator, sizes: dict[str, int], *, quiet: bool = False) -> Case:
    names = list(sizes)
    shape = tuple(sizes.values())
    leaves = int(np.prod(shape))
    noise = chance.uniform(0, 0.25)
    clean = chance.weibull(chance.uniform(0.5, 1.0), leaves) * 100
    clean *= chance.uniform(size=leaves) > chance.uniform(0, 0.25)
    noisy = clean * (1 + chance.normal(0, noise, leaves))
    swap = chance.uniform(size=leaves) < 0.5
    predict, real = np.where(swap, np.maximum(noisy, 0), clean), np.where(swap, clean, noisy)
    places = np.array(list(np.ndindex(shape)))
    grows = real.sum() > predict.sum()
    causes: list[tuple[str, Segment]] = []
    used: dict[str, set[int]] = {name: set() for name in names}
    taken: list[list[str]] = []
    for _ in range(0 if quiet else int(chance.integers(1, 4))):
        severity, scatter = chance.uniform(0.2, 1.0) + noise, chance.uniform(0, 0.1)
        dimensions, elements = _elements(chance, sizes, used, taken, places, clean)
        taken.append(dimensions)
        for element in elements:
            for name, value in zip(dimensions, element, strict=True):
                used[name].add(value)
            inside = np.logical_and.reduce(
                [
                    places[:, names.index(name)] == value
                    for name, value in zip(dimensions, element, strict=True)
                ]
            )
            left = np.maximum(0, 1 - chance.normal(severity, scatter, int(inside.sum())))
            if grows:
                predict[inside] = real[inside] * left
            else:
                real[inside] = predict[inside] * left
            named = frozenset(
                (name, f"{name}{value + 1}") for name, value in zip(dimensions, element, strict=True)
            )
            causes.append(("volume", named))
    columns = {name: [f"{name}{value + 1}" for value in places[:, at]] for at, name in enumerate(names)}
    frame = pl.DataFrame({**columns, "real": real, "predict": predict})
    return Case(frame, f"noise {noise:.2f}", tuple(causes))


def _elements(
    chance: np.random.Generator,
    sizes: dict[str, int],
    used: dict[str, set[int]],
    taken: list[list[str]],
    places: NDArray[np.intp],
    clean: NDArray[np.float64],
) -> tuple[list[str], list[tuple[int, ...]]]:
    """One cuboid and 1-3 distinct elements of it, none with a value that an earlier anomaly has."""
    size = int(chance.integers(1, len(sizes) + 1))
    count = int(chance.integers(1, 4))
    while True:
        dimensions = sorted(chance.choice(list(sizes), size, replace=False))
        free = [sorted(set(range(sizes[name])) - used[name]) for name in dimensions]
        if all(free) and (dimensions not in taken or size == len(sizes)):
            drawn = [tuple(int(chance.choice(values)) for values in free) for _ in range(count)]
            whole = size == len(sizes)
            if whole and any(clean[(places == element).all(axis=1)].sum() == 0 for element in drawn):
                continue
            if len(set(drawn)) == count:
                return dimensions, drawn
        if not all(free) or dimensions in taken:
            size = int(chance.integers(1, len(sizes) + 1))


def ratio_cases(count: int, seed: int) -> Iterator[Case]:
    """Conversion rates of 360 leaves in two periods: a quarter each of rate, mix, joint (one of each) and none.

    Visits are Poisson around a product of the dimensions' sizes, move together by up to 15% and apart by 5% a leaf; orders
    are binomial around a product of the dimensions' rates. A segment of one or two dimensions converts by a factor of
    .5-.72 or 1.35-1.7, or is visited by a factor of .4-.6 or 1.8-2.4.
    """
    chance = np.random.default_rng(seed)
    for number in range(count):
        yield ratio_case(chance, ("rate", "mix", "joint", "none")[number % 4])


def ratio_case(chance: np.random.Generator, kind: str, size: float = 300.0) -> Case:
    names = list(RATIO_VALUES)
    cells = list(product(*RATIO_VALUES.values()))
    weight, rate = np.ones(len(cells)), np.full(len(cells), chance.uniform(0.03, 0.08))
    for at, values in enumerate(RATIO_VALUES.values()):
        sizes = dict(zip(values, chance.lognormal(0, 0.6, len(values)), strict=True))
        rates = dict(zip(values, chance.lognormal(0, 0.25, len(values)), strict=True))
        weight *= [sizes[cell[at]] for cell in cells]
        rate *= [rates[cell[at]] for cell in cells]
    expected = size * weight * chance.lognormal(0, 0.3, len(cells))
    rate = np.minimum(rate * chance.lognormal(0, 0.1, len(cells)), 0.6)
    later, later_rate = (
        expected * chance.uniform(0.9, 1.1) * chance.lognormal(0, 0.05, len(cells)),
        rate.copy(),
    )
    causes: list[tuple[str, Segment]] = []
    for effect in {"rate": ["rate"], "mix": ["mix"], "joint": ["rate", "mix"], "none": []}[kind]:
        while True:
            chosen = sorted(chance.choice(len(names), int(chance.integers(1, 3)), replace=False))
            segment = frozenset((names[at], str(chance.choice(RATIO_VALUES[names[at]]))) for at in chosen)
            inside = np.array([segment <= set(zip(names, cell, strict=True)) for cell in cells])
            if 0.03 < expected[inside].sum() / expected.sum() < 0.5 and segment not in {
                one for _, one in causes
            }:
                break
        down = chance.uniform() < 0.5
        if effect == "rate":
            later_rate[inside] *= chance.uniform(0.5, 0.72) if down else chance.uniform(1.35, 1.7)
        else:
            later[inside] *= chance.uniform(0.4, 0.6) if down else chance.uniform(1.8, 2.4)
        causes.append((effect, segment))
    visits = chance.poisson(expected), chance.poisson(later)
    orders = chance.binomial(visits[0], rate), chance.binomial(visits[1], np.minimum(later_rate, 0.95))
    frame = pl.DataFrame(
        {
            **{name: [cell[at] for cell in cells] for at, name in enumerate(names)},
            "visits0": visits[0],
            "orders0": orders[0],
            "visits1": visits[1],
            "orders1": orders[1],
        }
    )
    return Case(frame, kind, tuple(causes))


def shop_day(chance: np.random.Generator, rows: int) -> pl.DataFrame:
    """Leaves as a shop has them on one day: six dimensions, few of their combinations, small counts; a segment broken.

    A category follows from the product, as it does everywhere. The columns serve both kinds of metric.
    """
    product_of = chance.zipf(1.5, rows) % 50
    drawn = pl.DataFrame(
        {
            "country": chance.zipf(1.7, rows) % 38,
            "product": product_of,
            "category": product_of % 8,
            "channel": chance.integers(0, 4, rows),
            "device": chance.integers(0, 3, rows),
            "payment": chance.integers(0, 5, rows),
        }
    )
    leaves = drawn.group_by(drawn.columns).len("predict").sort(drawn.columns)
    broken = ((leaves["country"] == 1) & (leaves["channel"] == 2)).to_numpy()
    real = chance.poisson(leaves["predict"].to_numpy() * np.where(broken, 0.5, 1.0))
    visits = pl.Series(20.0 * leaves["predict"].to_numpy())
    return leaves.with_columns(
        predict=pl.col("predict").cast(pl.Float64),
        real=real,
        orders0=pl.Series(chance.poisson(leaves["predict"].to_numpy())),
        visits0=visits,
        orders1=real,
        visits1=visits,
    )
