"""Noise from a few weeks: false causes come about as often as promised, whatever the number of leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from lakehouse.metrics.causes import RatioColumns, RatioNoise, additive_causes, ratio_causes
from lakehouse.metrics.causes.weekly_noise import noise_of_amounts, noise_of_ratios

WEEKS = 8
SHAPES = {5: (5,), 20: (5, 4), 300: (15, 5, 4)}
TABLES = {5: 120, 20: 80, 300: 25}
COLUMNS = RatioColumns("top0", "bottom0", "top1", "bottom1")


def cells(leaves: int) -> tuple[list[Any], pl.DataFrame]:
    places = np.indices(SHAPES[leaves]).reshape(len(SHAPES[leaves]), -1)
    return list(places), pl.DataFrame(
        {f"d{number}": [f"v{x:02}" for x in row] for number, row in enumerate(places)}
    )


def means(chance: np.random.Generator, codes: list[Any], level: float, scatter: float) -> Any:
    """Expected amounts of leaves in nine weeks, which move together and, by as much as is given, apart."""
    size = level * np.prod(
        [chance.dirichlet(np.full(x.max() + 1, 2.0))[x] * (x.max() + 1) for x in codes], axis=0
    )
    together = np.exp(chance.normal(0, 0.1, WEEKS + 1))
    return size[:, None] * together * np.exp(chance.normal(0, scatter, (len(size), WEEKS + 1)))


def explained(weeks: Any, codes: list[Any], frame: pl.DataFrame, least_phi: float) -> Any:
    noise = noise_of_amounts(weeks[:, :WEEKS], codes, least_phi=least_phi, depth=3)
    frame = frame.with_columns(
        real=pl.Series(weeks[:, WEEKS]),
        predict=pl.Series(weeks[:, :WEEKS].mean(axis=1)),
        noise=pl.Series(noise.deviation),
    )
    return additive_causes(
        frame, [name for name in frame.columns if name.startswith("d")], noise="noise", tail=noise.tail
    )


def counts(chance: np.random.Generator, codes: list[Any]) -> tuple[Any, float]:
    return chance.poisson(means(chance, codes, 100, 0)).astype(float), 1.0


def rare(chance: np.random.Generator, codes: list[Any]) -> tuple[Any, float]:
    return chance.poisson(means(chance, codes, 0.5, 0)).astype(float), 1.0


def scattered(chance: np.random.Generator, codes: list[Any]) -> tuple[Any, float]:
    return chance.poisson(means(chance, codes, 200, 0.15)).astype(float), 1.0


def money(chance: np.random.Generator, codes: list[Any]) -> tuple[Any, float]:
    orders = chance.poisson(means(chance, codes, 20, 0))
    paid = chance.lognormal(3, 1, int(orders.sum()))
    return np.bincount(np.repeat(np.arange(orders.size), orders.ravel()), paid, orders.size).reshape(
        orders.shape
    ), 0.0


@pytest.mark.parametrize("leaves", SHAPES)
@pytest.mark.parametrize("kind", [counts, rare, scattered, money])
def test_where_nothing_happened_false_causes_are_rare(kind: Any, leaves: int) -> None:
    """At alpha .05. The bound is what a right rate of .08 passes all but once in a thousand times."""
    codes, frame = cells(leaves)
    chance = np.random.default_rng(leaves)
    false = 0
    for _ in range(TABLES[leaves]):
        weeks, least_phi = kind(chance, codes)
        false += bool(explained(weeks, codes, frame, least_phi).causes)
    assert false <= {5: 20, 20: 15, 300: 7}[leaves]


def largest(weeks: Any, codes: list[Any]) -> int:
    """The first dimension's largest value: of a small one nobody can tell."""
    return int(np.bincount(codes[0], weeks.sum(axis=1)).argmax())


@pytest.mark.parametrize("leaves", SHAPES)
def test_a_segment_that_all_but_vanished_is_found(leaves: int) -> None:
    codes, frame = cells(leaves)
    found = 0
    for seed in range(10):
        weeks, least_phi = counts(np.random.default_rng(seed), codes)
        broken = largest(weeks, codes)
        weeks[codes[0] == broken, WEEKS] = np.floor(weeks[codes[0] == broken, WEEKS] * 0.2)
        causes = explained(weeks, codes, frame, least_phi).causes
        found += [cause.segment for cause in causes] == [(("d0", f"v{broken:02}"),)]
    assert found >= 9


def test_segments_that_move_as_one_are_no_causes() -> None:
    """Every first value has weeks of its own, which its leaves share: each leaf is known well, and their sum isn't."""
    codes, frame = cells(300)
    false = 0
    for seed in range(25):
        chance = np.random.default_rng(seed)
        common = np.exp(chance.normal(0, 0.2, (15, WEEKS + 1)))[codes[0]]
        weeks = chance.poisson(means(chance, codes, 200, 0) * common).astype(float)
        false += bool(explained(weeks, codes, frame, 1.0).causes)
    assert false <= 5


@pytest.mark.parametrize("leaves", [5, 20])
@pytest.mark.parametrize("scatter", [0.0, 0.1])
def test_ratios_have_few_false_causes_and_true_ones_are_found(leaves: int, scatter: float) -> None:
    codes, frame = cells(leaves)
    chance = np.random.default_rng(leaves)
    false = found = 0
    for number in range(40):
        bottom = chance.poisson(means(chance, codes, 2000, scatter / 4)).astype(float)
        rate = np.minimum(1, 0.05 * np.exp(chance.normal(0, scatter, bottom.shape)))
        is_broken = number >= 30
        broken = largest(bottom, codes)
        rate[codes[0] == broken, WEEKS] *= 0.1 if is_broken else 1.0
        top = chance.binomial(bottom.astype(int), rate).astype(float)
        above = noise_of_ratios(
            top[:, :WEEKS], bottom[:, :WEEKS], bottom[:, WEEKS], codes, least_phi=0.9, depth=3
        )
        below = noise_of_amounts(bottom[:, :WEEKS], codes, least_phi=1.0, depth=3)
        told = ratio_causes(
            frame.with_columns(
                top0=pl.Series(top[:, :WEEKS].mean(axis=1)), bottom0=pl.Series(bottom[:, :WEEKS].mean(axis=1)),
                top1=pl.Series(top[:, WEEKS]), bottom1=pl.Series(bottom[:, WEEKS]),
                above=pl.Series(above.deviation), below=pl.Series(below.deviation),
            ),
            frame.columns, columns=COLUMNS, noise=RatioNoise("above", "below", above.tail, below.tail),
        )  # fmt: skip
        false += bool(told.causes) and not is_broken
        found += is_broken and (("d0", f"v{broken:02}"),) in [cause.segment for cause in told.causes]
    assert false <= 6
    assert found >= 8


@pytest.mark.parametrize("constant", [0.0, 7.0])
def test_leaves_that_never_moved_have_noise_above_0(constant: float) -> None:
    codes, _ = cells(20)
    weeks = np.full((20, WEEKS), constant)
    noise = noise_of_amounts(weeks, codes, least_phi=0.0, depth=3)
    assert (noise.deviation > 0).all()
    assert np.isfinite(noise.deviation).all()
    assert noise.tail > 0
