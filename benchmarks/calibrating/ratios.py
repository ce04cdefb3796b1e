"""Worlds of visitors with many sessions, and of long tails: ratio metrics and quantiles.

Belongs here: how such data come about, and the tests that read them. Not here: ratios with covariates (adjusted.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.calibrating.cell import (
    Method,
    Promise,
    Row,
    Table,
    batches,
    judged,
    sizes_of,
    table_of,
)
from lakehouse.stats.effects import Effect
from lakehouse.stats.moments import Moments
from lakehouse.stats.proportions import z_test
from lakehouse.stats.quantiles import QuantileEstimate, quantile_difference, rank_interval
from lakehouse.stats.ratios import ratio_arm, ratio_difference
from lakehouse.stats.relative import delta_method, fieller, log_scale


def ratios(n1: int, n0: int, lift: float, draws: int, seed: int) -> list[Row]:
    """Orders per session: visitors have many sessions, and each visitor an own inclination to order."""
    level = 0.2

    def arm(rng: np.random.Generator, draws: int, n: int, rate: float) -> list[Moments]:
        sessions = 1 + rng.negative_binomial(1, 0.25, (draws, n))
        orders = rng.binomial(sessions, rng.beta(4 * rate, 4 * (1 - rate), (draws, n)))
        return [Moments.from_values(each) for each in np.stack([orders, sessions], axis=2)]

    def sample(rng: np.random.Generator, draws: int, effect: float) -> Iterator[tuple[Moments, Moments]]:
        for size in batches(draws):
            yield from zip(arm(rng, size, n1, level * (1 + effect)), arm(rng, size, n0, level), strict=True)

    def sessions_as_units(s: tuple[Moments, Moments]) -> Any:
        counts = [round(mean * m.n) for m in s for mean in m.means]
        return z_test(*counts, pooled=False)

    promise: Promise = "equal" if min(n1, n0) >= 1000 else "shown"
    methods: list[Method[tuple[Moments, Moments]]] = [
        Method("ratio, delta method", lambda s: ratio_difference(*s), level * lift, promise, promise),
        *(
            Method(
                f"lift of a ratio, {name}",
                partial(_compared, method),
                lift,
                promise,
                promise,
            )
            for name, method in (
                ("delta method", delta_method),
                ("log scale", log_scale),
                ("Fieller", fieller),
            )
        ),
        Method(
            "*warning:* sessions taken for units, z-test", sessions_as_units, level * lift, "shown", "shown"
        ),
    ]
    return judged(f"{sizes_of(n1, n0)}, orders per session", sample, lift, methods, draws, seed)


def _compared(method: Callable[..., Effect], arms: tuple[Moments, Moments]) -> Effect:
    return method(ratio_arm(arms[0]), ratio_arm(arms[1]))


def quantiles(n: int, probability: float, draws: int, seed: int) -> list[Row]:
    """Quantiles of lognormal values by order statistics; the effect multiplies them by 1.1."""
    ranks = rank_interval(n, probability)
    level = float(stats.lognorm.ppf(probability, 1.0))

    def arm(rng: np.random.Generator, draws: int, scale: float) -> list[QuantileEstimate]:
        ordered = np.sort(scale * rng.lognormal(0.0, 1.0, (draws, n)), axis=1)
        found = np.quantile(ordered, probability, axis=1)
        bounds = ordered[:, [ranks.low - 1, ranks.high - 1]]
        return [
            QuantileEstimate(n, float(at), float(low), float(high))
            for at, (low, high) in zip(found, bounds, strict=True)
        ]

    def sample(
        rng: np.random.Generator, draws: int, effect: float
    ) -> Iterator[tuple[QuantileEstimate, QuantileEstimate]]:
        for size in batches(draws):
            yield from zip(arm(rng, size, 1 + effect), arm(rng, size, 1.0), strict=True)

    method: Method[tuple[QuantileEstimate, QuantileEstimate]] = Method(
        "quantile, order statistics",
        lambda s: quantile_difference(*s, probability),
        0.1 * level,
        "at most",
        "at least",
    )
    return judged(
        f"{sizes_of(n, n)}, quantile {probability:g} of lognormal values", sample, 0.1, [method], draws, seed
    )


def ratios_table(draws: int, seed: int) -> Table:
    """Ratios and quantiles of few and of many units."""
    return table_of(
        "Ratios and quantiles",
        "Sessions of one visitor resemble one another: a test that takes sessions for units finds effects where there are none. "
        "The order statistics of a high quantile are few and skewed, and err on the quiet side.",
        [
            *ratios(100, 100, 0.2, draws, seed),
            *ratios(2000, 2000, 0.1, draws, seed),
            *quantiles(200, 0.5, draws, seed),
            *quantiles(200, 0.9, draws, seed),
            *quantiles(2000, 0.99, draws, seed),
        ],
    )
