"""Worlds of units that hang together: clusters in one arm, and clusters that hold both.

Belongs here: how such data come about, and the tests that read them. Not here: panels, which are clustered by unit
(panels.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.calibrating.cell import (
    Method,
    Promise,
    Row,
    Table,
    batches,
    judged,
    table_of,
)
from lakehouse.stats.clusters import cluster_arm, clustered_difference, clustered_lift
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.means import welch
from lakehouse.stats.moments import Moments
from lakehouse.stats.relative import delta_method


@dataclass(frozen=True, slots=True)
class Clustered:
    """Sums and sizes by cluster of either arm, and all units of either arm."""

    by_cluster: tuple[Moments, Moments]
    by_unit: tuple[Moments, Moments]


def whole_clusters(clusters: int, effect: float, draws: int, seed: int) -> list[Row]:
    """Every cluster is in one arm; 5 to 40 units each, a quarter of the variance is the clusters'."""

    def arm(rng: np.random.Generator, shift: float) -> tuple[Moments, Moments]:
        sizes = rng.integers(5, 41, clusters)
        of_cluster = np.repeat(np.arange(clusters), sizes)
        values = 3.0 + shift + rng.normal(0, 0.5, clusters)[of_cluster]
        values += rng.normal(0, math.sqrt(0.75), len(of_cluster))
        sums = np.column_stack([np.bincount(of_cluster, weights=values, minlength=clusters), sizes])
        return Moments.from_values(sums), Moments.from_values(values)

    def sample(rng: np.random.Generator, draws: int, effect: float) -> Iterator[Clustered]:
        for _ in range(draws):
            treatment, control = arm(rng, effect), arm(rng, 0.0)
            yield Clustered((treatment[0], control[0]), (treatment[1], control[1]))

    promise: Promise = "equal" if clusters >= 50 else "shown"
    lift = effect / 3.0
    methods: list[Method[Clustered]] = [
        Method(
            "clusters, Welch",
            lambda s: welch(*(cluster_arm(arm) for arm in s.by_cluster)),
            effect,
            promise,
            promise,
        ),
        Method(
            "clusters, lift by delta method",
            lambda s: delta_method(*(cluster_arm(arm) for arm in s.by_cluster)),
            lift,
            promise,
            promise,
        ),
        Method(
            "*warning:* the same, clusters ignored",
            lambda s: welch(*(arm.arm() for arm in s.by_unit)),
            effect,
            "shown",
            "shown",
        ),
    ]
    return judged(f"{clusters} clusters a side", sample, effect, methods, draws, seed)


def mixed_clusters(clusters: int, effect: float, draws: int, seed: int) -> list[Row]:
    """Clusters hold units of both arms: 2 to 20 of each, with a cluster's level in common and an own inclination."""

    def sums(rng: np.random.Generator, draws: int, common: FloatArray, shift: float) -> list[FloatArray]:
        sizes = rng.integers(2, 21, (draws, clusters))
        own = rng.normal(0, 0.3, (draws, clusters))
        total = (3.0 + shift + common + own) * sizes + rng.normal(0, 1, (draws, clusters)) * np.sqrt(sizes)
        return [total, sizes.astype(np.float64)]

    def sample(rng: np.random.Generator, draws: int, effect: float) -> Iterator[Moments]:
        for size in batches(draws):
            common = rng.normal(0, 1, (size, clusters))
            both = np.stack([*sums(rng, size, common, effect), *sums(rng, size, common, 0.0)], axis=2)
            yield from (Moments.from_values(each) for each in both)

    promise: Promise = "equal" if clusters >= 50 else "shown"
    methods: list[Method[Moments]] = [
        Method("clusters with both arms, difference", clustered_difference, effect, promise, promise),
        Method("clusters with both arms, lift", clustered_lift, effect / 3.0, promise, promise),
    ]
    return judged(f"{clusters} clusters", sample, effect, methods, draws, seed)


def clusters_table(draws: int, seed: int) -> Table:
    """Few clusters and many."""
    return table_of(
        "Clusters",
        "A quarter of the variance is the clusters'. Ten clusters a side are enough, though they are of unlike sizes; ignoring them is not forgiven.",
        [
            *whole_clusters(10, 0.3, draws, seed),
            *whole_clusters(50, 0.3, draws, seed),
            *mixed_clusters(12, 0.2, draws, seed),
            *mixed_clusters(100, 0.2, draws, seed),
        ],
    )
