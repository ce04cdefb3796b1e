"""Which test of two rates, by the sizes of the arms: the one rule, for whoever doesn't choose a test by name.

Belongs here: the choice. Not here: the tests (proportions.py, exact.py) and the interval, which is Newcombe's at any
size.
"""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.stats.exact import boschloo, fisher
from lakehouse.stats.proportions import z_test

# Up to so many trials in the smaller arm, or fewer successes or failures than this in either, the z-test is not trusted.
SMALL_ARM = 50
SMALL_COUNT = 5
# Boschloo's test weighs every table with the arms' sizes: up to so many it takes a blink, beyond it Fisher's serves.
TABLES_FOR_BOSCHLOO = 10_000


@dataclass(frozen=True, slots=True)
class RateTest:
    """Two-sided p-value of the difference of two rates, and the test that gave it."""

    p_value: float
    name: str


def rate_test(x1: int, n1: int, x0: int, n0: int, *, is_quick: bool = False) -> RateTest:
    """Tests p1 - p0 exactly where arms or counts are small, by the pooled z-test elsewhere.

    x1, n1: successes and trials of the treatment; x0, n0: of the control. is_quick: Fisher's test wherever an exact one
    is due; it is at worst cautious.
    Why: exact tests keep at most 5% false positives at any size, and below 50 a side no z-test does at every rate (20 a
    side: unpooled up to 7%). Beyond, the pooled variance is that of no effect, which is what a test is about: enumerated
    over all rates, its false positives stay at or below the unpooled test's, which rejects too often wherever arms are
    unequal, however large they are (6% at 300 against 3,000 and a rate of 5%).
    Raises ValueError without trials, for successes outside 0..n, or when nothing varies in large arms.
    Source: D'Agostino, Chase & Belanger (1988), The American Statistician 42:198-202; Lydersen, Fagerland & Laake
    (2009), Statistics in Medicine 28:1159-1175.

    >>> rate_test(8, 10, 1, 6).name, rate_test(30, 100, 40, 100).name
    ("Boschloo's exact test", 'z-test (pooled)')
    """
    if min(n1, n0) > SMALL_ARM and min(x1, n1 - x1, x0, n0 - x0) >= SMALL_COUNT:
        return RateTest(z_test(x1, n1, x0, n0).p_value, "z-test (pooled)")
    if not is_quick and (n1 + 1) * (n0 + 1) <= TABLES_FOR_BOSCHLOO:
        return RateTest(boschloo(x1, n1, x0, n0).p_value, "Boschloo's exact test")
    return RateTest(fisher(x1, n1, x0, n0).p_value, "Fisher's exact test")
