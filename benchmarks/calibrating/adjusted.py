"""Worlds of units with a past: CUPED of means and ratios, and the variance that it leaves.

Belongs here: how such data come about, and the tests that read them. Not here: panels (panels.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from benchmarks.calibrating.cell import (
    TOLERANCE,
    Method,
    Promise,
    Row,
    Table,
    batches,
    generator,
    judged,
    sizes_of,
    table_of,
)
from lakehouse.stats.arms import Arm
from lakehouse.stats.cuped import cuped, cuped_lift
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.means import welch
from lakehouse.stats.moments import Moments
from lakehouse.stats.ratios import linearised

Two = tuple[Moments, Moments]


def _correlated(rng: np.random.Generator, shape: tuple[int, int], rho: float) -> FloatArray:
    """Outcome and covariate, both standard normal, with that correlation: shape (draws, units, 2)."""
    before, noise = rng.normal(size=shape), rng.normal(size=shape)
    return np.stack([rho * before + math.sqrt(1 - rho * rho) * noise, before], axis=2)


def adjusted_means(n1: int, n0: int, effect: float, draws: int, seed: int, *, skewed: bool) -> list[Row]:
    """Means with a covariate that correlates by 0.7 (skewed: exponentials of such normals)."""

    def sample(rng: np.random.Generator, draws: int, effect: float) -> Iterator[Two]:
        for size in batches(draws):
            arms = [_correlated(rng, (size, n), 0.7) for n in (n1, n0)]
            arms = [np.exp(arm - 0.5) if skewed else 3.0 + arm for arm in arms]
            arms[0][:, :, 0] += effect
            yield from ((Moments.from_values(a), Moments.from_values(b)) for a, b in zip(*arms, strict=True))

    level = 1.0 if skewed else 3.0
    kind = "lognormal, log-correlation 0.7" if skewed else "normal, correlation 0.7"
    methods: list[Method[Two]] = [
        Method("CUPED mean", lambda s: welch(*_adjusted(*s)), effect),
        Method("CUPED mean, lift", lambda s: cuped_lift(*s), effect / level, _of_size(n1), _of_size(n1)),
    ]
    return judged(f"{sizes_of(n1, n0)}, {kind}", sample, effect, methods, draws, seed)


def _of_size(n: int) -> Promise:
    return "equal" if n >= 200 else "shown"


def _adjusted(treatment: Moments, control: Moments) -> tuple[Arm, Arm]:
    found = cuped(treatment, control)
    return found.treatment, found.control


def adjusted_ratios(n: int, lift: float, draws: int, seed: int) -> list[Row]:
    """Orders per session, with each visitor's orders and sessions before as covariates."""

    def arm(rng: np.random.Generator, draws: int, factor: float) -> list[Moments]:
        busy = rng.gamma(2.0, 1.0, (draws, n))
        inclined = rng.beta(2.0, 8.0, (draws, n))
        parts = []
        for times in (factor, 1.0):
            sessions = 1 + rng.poisson(2 * busy)
            parts += [rng.binomial(sessions, np.minimum(1.0, inclined * times)), sessions]
        return [linearised(Moments.from_values(each)) for each in np.stack(parts, axis=2)]

    def sample(rng: np.random.Generator, draws: int, effect: float) -> Iterator[Two]:
        for size in batches(draws):
            yield from zip(arm(rng, size, 1 + effect), arm(rng, size, 1.0), strict=True)

    methods: list[Method[Two]] = [
        Method("CUPED ratio", lambda s: welch(*_adjusted(*s)), 0.2 * lift),
        Method("CUPED ratio, lift", lambda s: cuped_lift(*s), lift),
    ]
    return judged(f"{n:,} a side, orders per session", sample, lift, methods, draws, seed)


def adjusted_table(draws: int, seed: int) -> Table:
    """Means and ratios with covariates."""
    return table_of(
        "CUPED",
        "Theta is estimated from the same units, and the variance pays for it: 15 units an arm are enough.",
        [
            *adjusted_means(15, 15, 0.5, draws, seed, skewed=False),
            *adjusted_means(200, 800, 0.2, draws, seed, skewed=False),
            *adjusted_means(500, 500, 0.2, draws, seed, skewed=True),
            *adjusted_ratios(1000, 0.1, draws, seed),
        ],
    )


def variance_table(draws: int, seed: int) -> Table:
    """Variance of CUPED's effect over that of the plain effect, against 1 - rho^2."""
    n = 200
    table = Table(
        "CUPED: what is left of the variance",
        "The variance of the adjusted effect over all draws, as a share of the plain effect's, against 1 - rho², rho being "
        f"the correlation of outcome and covariate ({n} units a side, normal). The last column is what the readouts "
        "say on average: 1 - the variance reduction that they report.",
        ("rho", "1 - rho²", "variance ratio", "", "as reported"),
    )
    for rho in (0.0, 0.3, 0.5, 0.7, 0.9):
        rng = generator(seed, f"variance at {rho}")
        plain, adjusted, reported = [], [], []
        for size in batches(draws):
            for arms in zip(*(_correlated(rng, (size, n), rho) for _ in range(2)), strict=True):
                treatment, control = (Moments.from_values(arm) for arm in arms)
                found = cuped(treatment, control)
                plain.append(treatment.means[0] - control.means[0])
                adjusted.append(found.treatment.mean - found.control.mean)
                reported.append(1 - found.variance_reduction)
        # Theta is estimated, which costs one part in all units.
        expected = (1 - rho * rho) * (1 + 1 / (2 * n - 3))
        ratio = float(np.var(adjusted, ddof=1) / np.var(plain, ddof=1))
        shared = float(np.corrcoef(plain, adjusted)[0, 1])
        # Of the ratio of two variances of correlated normal values.
        error = 2 * ratio * math.sqrt((1 - shared * shared) / draws)
        is_kept = abs(ratio - expected) <= TOLERANCE * error
        said = f"{ratio:.4f} ± {error:.4f}"
        verdict = "nominal" if is_kept else "**promise broken**"
        table.rows.append((f"{rho:g}", f"{1 - rho * rho:.4f}", said, verdict, f"{np.mean(reported):.4f}"))
        if not is_kept:
            table.broken.append(f"CUPED's variance at rho {rho:g}: {said}, expected {expected:.4f}")
    return table
