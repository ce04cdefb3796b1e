"""Experiments of the planned size with the planned effect: do they find it as often as the plan says?

Belongs here: plans by power.py, carried out. Not here: experiments without an effect (means.py, panels.py, ...).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from benchmarks.calibrating.cell import ALPHA, Cell, Promise, Table, batches, generator
from lakehouse.stats.arms import Arm
from lakehouse.stats.cuped import cuped
from lakehouse.stats.means import difference, welch
from lakehouse.stats.moments import Moments
from lakehouse.stats.power import (
    Outcome,
    Plan,
    minimum_detectable_effect,
    sample_size,
    t_test_sample_size,
)
from lakehouse.stats.proportions import z_test
from lakehouse.stats.ratios import ratio_arm, ratio_difference

Results = Iterable[Any]


def _rates(rng: np.random.Generator, plan: Plan, level: float, draws: int) -> Results:
    treated = rng.binomial(plan.n_treatment, level + plan.effect, draws)
    control = rng.binomial(plan.n_control, level, draws)
    for x1, x0 in zip(treated, control, strict=True):
        yield z_test(int(x1), plan.n_treatment, int(x0), plan.n_control, pooled=False)


def _means(
    draw: Callable[[np.random.Generator, tuple[int, int]], Any],
    rng: np.random.Generator,
    plan: Plan,
    draws: int,
    compare: Callable[..., Any] = welch,
) -> Results:
    for size in batches(draws):
        arms = draw(rng, (size, plan.n_treatment)) + plan.effect, draw(rng, (size, plan.n_control))
        found = [zip(arm.mean(axis=1), arm.var(axis=1, ddof=1), strict=True) for arm in arms]
        for (m1, v1), (m0, v0) in zip(*found, strict=True):
            yield compare(
                Arm(plan.n_treatment, float(m1), float(v1)), Arm(plan.n_control, float(m0), float(v0))
            )


def _orders(rng: np.random.Generator, draws: int, n: int, rate: float) -> Any:
    """Orders and sessions of visitors who have an own inclination to order."""
    sessions = 1 + rng.negative_binomial(1, 0.25, (draws, n))
    return np.stack(
        [rng.binomial(sessions, rng.beta(4 * rate, 4 * (1 - rate), (draws, n))), sessions], axis=2
    )


def _ratios(rng: np.random.Generator, plan: Plan, draws: int) -> Results:
    for size in batches(draws):
        treated = _orders(rng, size, plan.n_treatment, 0.2 + plan.effect)
        for one, other in zip(treated, _orders(rng, size, plan.n_control, 0.2), strict=True):
            yield ratio_difference(Moments.from_values(one), Moments.from_values(other))


def _adjusted(rng: np.random.Generator, plan: Plan, rho: float, draws: int) -> Results:
    for _ in range(draws):
        arms = []
        for n, effect in ((plan.n_treatment, plan.effect), (plan.n_control, 0.0)):
            before = rng.normal(size=n)
            after = effect + rho * before + math.sqrt(1 - rho * rho) * rng.normal(size=n)
            arms.append(Moments.from_values(np.column_stack([after, before])))
        found = cuped(arms[0], arms[1])
        yield welch(found.treatment, found.control)


def _normal(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    return rng.normal(size=shape)


def _lognormal(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    return rng.lognormal(-0.5, 1.0, shape)


def _greater(treatment: Arm, control: Arm) -> Any:
    return difference(treatment, control, alternative="greater")


def power_table(draws: int, seed: int) -> Table:
    """Every plan carried out."""
    table = Table(
        "Power, against the plan",
        "Experiments of the size that `stats/power.py` plans, with the effect they are planned for. *Promised* is the plan's power. "
        "The t-test's plan is for units that are rounded up, so that it promises at least its power. A ratio's plan takes the "
        "control's variance for both arms, and pays a point of power where the effect raises it.",
        ("plan", "units", "promised", "found", ""),
    )

    def add(
        name: str, plan: Plan, run: Callable[[np.random.Generator], Results], promise: Promise = "equal"
    ) -> None:
        hits = sum(effect.p_value <= plan.alpha for effect in run(generator(seed, name)))
        cell = Cell(hits, draws, plan.power, promise)
        units = f"{plan.n_treatment:,} and {plan.n_control:,}"
        table.add((name, units, f"{plan.power:.1%}", cell.words, cell.verdict), cell)

    rate = sample_size(Outcome.rate(0.1), 0.02)
    add("rate 10%, +2 points", rate, lambda rng: _rates(rng, rate, 0.1, draws))
    uneven = sample_size(Outcome.rate(0.1), 0.02, share=0.2, power=0.9)
    add("rate 10%, +2 points, a fifth treated", uneven, lambda rng: _rates(rng, uneven, 0.1, draws))
    least = minimum_detectable_effect(Outcome.rate(0.05), 5000, 5000)
    add("rate 5%, least effect that 5,000 a side find", least, lambda rng: _rates(rng, least, 0.05, draws))
    mean = sample_size(Outcome(1.0, 1.0), 0.2)
    add("mean, normal, 0.2 standard deviations", mean, lambda rng: _means(_normal, rng, mean, draws))
    one_sided = sample_size(Outcome(1.0, 1.0), 0.2, alternative="greater")
    add(
        "the same, one-sided",
        one_sided,
        lambda rng: _means(_normal, rng, one_sided, draws, _greater),
    )
    skewed = sample_size(Outcome(1.0, math.e - 1), 0.1)
    add("mean, lognormal (sigma 1), +10%", skewed, lambda rng: _means(_lognormal, rng, skewed, draws))
    pilot = ratio_arm(Moments.from_values(_orders(generator(seed, "pilot"), 1, 400_000, 0.2)[0]))
    ratio = sample_size(Outcome.of(pilot), 0.02)
    add("ratio, orders per session 0.2, +0.02", ratio, lambda rng: _ratios(rng, ratio, draws), "shown")
    cheaper = sample_size(Outcome(1.0, 1.0, variance_reduction=0.49), 0.2)
    add("mean, CUPED with correlation 0.7", cheaper, lambda rng: _adjusted(rng, cheaper, 0.7, draws))
    n = math.ceil(t_test_sample_size(0.8))
    small = Plan(0.8, 0.8, ALPHA, n, n)
    add("t-test, 0.8 standard deviations", small, lambda rng: _means(_normal, rng, small, draws), "at least")
    return table
