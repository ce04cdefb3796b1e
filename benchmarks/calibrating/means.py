"""Worlds of independent values: means and lifts of normal, skewed and mostly empty data.

Belongs here: how such data come about, and the tests that read them. Not here: ratios and quantiles (ratios.py), values
with a past (adjusted.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

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
from lakehouse.stats.arms import Arm
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.means import pooled_t, welch
from lakehouse.stats.relative import delta_method, fieller, log_scale

Arms = tuple[Arm, Arm]
Pair = tuple[FloatArray, FloatArray]
Drawn = Callable[[np.random.Generator, tuple[int, int]], FloatArray]


def means(
    world: str,
    sizes: tuple[int, int],
    draw: tuple[Drawn, Drawn],
    effect: float,
    draws: int,
    seed: int,
    *,
    promise: Promise = "equal",
    has_lift: bool = False,
    winsorize: float | None = None,
) -> list[Row]:
    """Values of two arms of equal expectation 1; the effect adds to treatment's, or multiplies them (has_lift)."""

    def sample(rng: np.random.Generator, draws: int, effect: float) -> Iterator[Arms]:
        for size in batches(draws):
            treated = draw[0](rng, (size, sizes[0]))
            values = (
                treated * (1 + effect) if has_lift else treated + effect,
                draw[1](rng, (size, sizes[1])),
            )
            capped = values if winsorize is None else _winsorized(*values, winsorize)
            yield from zip(*(_of_rows(side) for side in capped), strict=True)

    truth = None if winsorize is not None else effect
    suffix = "" if winsorize is None else f", values capped at quantile {winsorize:g}"
    methods: list[Method[Arms]] = [
        Method(f"mean, Welch{suffix}", lambda s: welch(*s), truth, promise, promise)
    ]
    if not has_lift:
        methods.append(Method("mean, pooled t", lambda s: pooled_t(*s), effect, *_if_alike(draw)))
    elif truth is not None:
        methods += [
            Method("lift of a mean, delta method", lambda s: delta_method(*s), truth, "shown", "shown"),
            Method("lift of a mean, log scale", lambda s: log_scale(*s), truth, "shown", "shown"),
            Method("lift of a mean, Fieller", lambda s: fieller(*s), truth, promise, promise),
        ]
    return judged(f"{sizes_of(*sizes)}, {world}", sample, effect, methods, draws, seed)


def _if_alike(draw: tuple[Drawn, Drawn]) -> tuple[Promise, Promise]:
    return ("equal", "equal") if draw[0] is draw[1] else ("shown", "shown")


def _winsorized(treatment: FloatArray, control: FloatArray, probability: float) -> Pair:
    """Values above a quantile of both arms together, set to it."""
    caps = np.quantile(np.concatenate([treatment, control], axis=1), probability, axis=1)[:, None]
    return np.minimum(treatment, caps), np.minimum(control, caps)


def _of_rows(values: FloatArray) -> list[Arm]:
    """One arm per row of values."""
    n = values.shape[1]
    return [
        Arm(n, float(mean), float(variance))
        for mean, variance in zip(values.mean(axis=1), values.var(axis=1, ddof=1), strict=True)
    ]


def normal(deviation: float) -> Drawn:
    """Normal values of expectation 1."""
    return lambda rng, shape: rng.normal(1.0, deviation, shape)


def lognormal(sigma: float) -> Drawn:
    """Skewed values of expectation 1."""
    return lambda rng, shape: rng.lognormal(-sigma * sigma / 2, sigma, shape)


def revenue_per_visitor(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """1 in 20 visitors buys, for a lognormal amount; expectation 1."""
    return np.asarray(rng.lognormal(-0.5, 1.0, shape) * (rng.random(shape) < 0.05) * 20)


def _means(draws: int, seed: int) -> list[Row]:
    same, mild, heavy = normal(1.0), lognormal(1.0), lognormal(1.5)
    revenue = (revenue_per_visitor, revenue_per_visitor)
    small, even, uneven = (30, 30), (1000, 1000), (500, 4500)

    def skewed(
        sizes: tuple[int, int], name: str, draw: Drawn, promise: Promise, cap: float | None = None
    ) -> list[Row]:
        arms = (draw, draw)
        return means(name, sizes, arms, 0.2, draws, seed, promise=promise, has_lift=True, winsorize=cap)

    return [
        *means("normal", (10, 10), (same, same), 1.0, draws, seed),
        *means("normal, standard deviations 3 and 1", (10, 40), (normal(3.0), same), 1.0, draws, seed),
        *skewed(small, "lognormal, sigma 1", mild, "shown"),
        *skewed(even, "lognormal, sigma 1.5", heavy, "shown"),
        *skewed(uneven, "lognormal, sigma 1.5", heavy, "shown"),
        *skewed(uneven, "lognormal, sigma 1.5", heavy, "equal", 0.99),
        *means("revenue, 5% buy", (2000, 2000), revenue, 0.1, draws, seed, has_lift=True),
    ]


def means_table(draws: int, seed: int) -> Table:
    """Small and skewed arms."""
    return table_of(
        "Means, small and skewed",
        "Ten normal values an arm are enough for Welch's test, also where the arms vary unlike each other and the pooled test "
        "fails. Heavy skewness promises nothing: between equal arms it cancels, between a small and a large one it doesn't, and "
        "capping the values (`winsorize` in a metric) is the remedy. Capping changes the mean, so that its coverage of the "
        "uncapped effect isn't a question. Of the three lifts, only Fieller's is as good as the difference itself: the others "
        "take the control's skewed mean for nearly normal.",
        _means(draws, seed),
    )
