"""Worlds of yes and no: rates of two arms, and the split of units itself.

Belongs here: how such data come about, and the tests that read them. Not here: the split looked at every day
(looking.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np

from benchmarks.calibrating.cell import (
    Method,
    Promise,
    Row,
    Table,
    judged,
    sizes_of,
    table_of,
)
from lakehouse.stats.arms import Arm
from lakehouse.stats.exact import ExactTest, barnard, boschloo, fisher
from lakehouse.stats.proportions import newcombe, proportion_arm, z_lift, z_test
from lakehouse.stats.rate_choice import RateTest, rate_test
from lakehouse.stats.relative import delta_method, fieller
from lakehouse.stats.srm import SampleRatio, chi_square, exact_binomial

Counts = tuple[int, int, int, int]


def rates(n1: int, n0: int, rate: float, effect: float, draws: int, seed: int) -> list[Row]:
    """Yes's of two arms; exact tests where the arms are small."""

    def sample(rng: np.random.Generator, draws: int, effect: float) -> Iterator[Counts]:
        x1, x0 = rng.binomial(n1, rate + effect, draws), rng.binomial(n0, rate, draws)
        yield from ((int(a), n1, int(b), n0) for a, b in zip(x1, x0, strict=True))

    is_small = min(n1, n0) < 100
    approximate: Promise = "shown" if is_small else "equal"
    lift = effect / rate
    chosen = partial(_tested, cache(rate_test))
    methods: list[Method[Counts]] = [
        Method(
            "rate, z-test (unpooled)", lambda s: z_test(*s, pooled=False), effect, approximate, approximate
        ),
        Method("rate, z-test (pooled)", lambda s: z_test(*s), effect, approximate, "shown"),
        Method("rate, Newcombe", lambda s: newcombe(*s), effect, approximate, approximate),
        Method("rate, the test that readouts choose", chosen, None, "at most"),
    ]
    if is_small:
        # Many draws share a table.
        tests = {"Fisher": cache(fisher), "Boschloo": cache(boschloo), "Barnard": cache(barnard)}
        methods += [
            Method(f"rate, {name}", partial(_tested, test), None, "at most") for name, test in tests.items()
        ]
    else:
        methods += [
            Method(
                "lift of a rate, delta method", lambda s: delta_method(*_arms(s), reference="normal"), lift
            ),
            Method("lift of a rate, log scale", lambda s: z_lift(*s, pooled=False), lift),
            Method("lift of a rate, Fieller", lambda s: fieller(*_arms(s), reference="normal"), lift),
        ]
    world = f"{sizes_of(n1, n0)}, {rate:.0%} (and {rate + effect:.1%})"
    return judged(world, sample, effect, methods, draws, seed)


def _tested(test: Callable[..., ExactTest | RateTest], counts: Counts) -> ExactTest | RateTest:
    return test(*counts)


def _arms(counts: Counts) -> tuple[Arm, Arm]:
    return proportion_arm(*counts[:2]), proportion_arm(*counts[2:])


def splits(shares: tuple[float, ...], units: int, draws: int, seed: int) -> list[Row]:
    """Units that fell into the arms as they were to."""
    test = exact_binomial if len(shares) == 2 else chi_square

    @cache
    def judge(counts: tuple[int, ...]) -> SampleRatio:
        return test(counts, shares)

    def sample(rng: np.random.Generator, draws: int, _: float) -> Iterator[tuple[int, ...]]:
        yield from (tuple(int(one) for one in row) for row in rng.multinomial(units, shares, draws))

    is_exact = len(shares) == 2
    name = "exact binomial" if is_exact else "chi-square"
    method: Method[tuple[int, ...]] = Method(
        f"sample ratio, {name}", judge, None, "at most" if is_exact else "equal"
    )
    planned = " : ".join(f"{share:.0%}" for share in shares)
    return judged(f"{units:,} units, planned {planned}", sample, 0.0, [method], draws, seed)


def rates_table(draws: int, seed: int) -> Table:
    """Large and small arms, and units that fell into the arms as they were to."""
    return table_of(
        "Rates, and the split",
        "The second rate is the one that treatment has where coverage is measured. In small arms the z-tests and Newcombe's "
        "interval are approximations that promise nothing, and the unpooled z-test, whose variance is that of the arms as "
        "they happen to be, rejects too often; the exact tests promise *at most* 5%. Readouts test exactly up to 50 units in the "
        "smaller arm, or with fewer than 5 yes's or no's in either, and by the pooled z-test beyond. The pooled variance is that of no effect: "
        "good for the test, not for the interval of a real effect between unequal arms.",
        [
            *rates(20_000, 20_000, 0.10, 0.005, draws, seed),
            *rates(1_000, 9_000, 0.05, 0.01, draws, seed),
            *rates(25, 25, 0.20, 0.30, draws, seed),
            *rates(10, 15, 0.30, 0.30, draws, seed),
            *splits((0.5, 0.5), 500, draws, seed),
            *splits((0.9, 0.1), 10_000, draws, seed),
            *splits((0.5, 0.25, 0.25), 2_000, draws, seed),
        ],
    )
