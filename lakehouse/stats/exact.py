"""Exact tests of two rates: 2x2 tables whose p-value doesn't rest on large samples.

Belongs here: Fisher's, Barnard's and Boschloo's tests through scipy. Not here: intervals (proportions.py),
the exact test of the split (srm.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

from lakehouse.stats.guards import ALTERNATIVES, Alternative, count, one_of

# Barnard's and Boschloo's tests weigh every table with these margins: (n1 + 1) * (n0 + 1) of them.
MOST_TABLES = 250_000


@dataclass(frozen=True, slots=True)
class ExactTest:
    """Difference of two rates, p1 - p0, with an exact p-value; no interval belongs to these tests."""

    estimate: float
    p_value: float


def fisher(x1: int, n1: int, x0: int, n0: int, alternative: Alternative = "two-sided") -> ExactTest:
    """Fisher's test, conditional on the total of successes: valid at any size, conservative when it is small.

    x1, n1: successes and trials of the treatment; x0, n0: of the control. When all or no trials succeed, p is
    1.
    Raises ValueError without trials or for successes outside 0..n.
    Source: Fisher (1935), Journal of the Royal Statistical Society 98:39-82; scipy.stats.fisher_exact.

    >>> round(fisher(8, 10, 1, 6).p_value, 4)
    0.035
    """
    table, estimate = _table(x1, n1, x0, n0, alternative)
    return ExactTest(estimate, _bounded(stats.fisher_exact(table, alternative=alternative).pvalue))


def barnard(x1: int, n1: int, x0: int, n0: int, alternative: Alternative = "two-sided") -> ExactTest:
    """Barnard's unconditional test with the pooled z statistic: more powerful than Fisher's in small samples.

    Arguments as in fisher. Raises ValueError also for more than 250,000 possible tables (about 500 trials an
    arm): it would take seconds to minutes, for what the z-test says as well.
    Source: Barnard (1947), Biometrika 34:123-138; scipy.stats.barnard_exact.

    >>> round(barnard(8, 10, 1, 6).p_value, 4)
    0.0132
    """
    table, estimate = _table(x1, n1, x0, n0, alternative)
    _few_enough(n1, n0)
    if x1 + x0 in (0, n1 + n0):
        return ExactTest(estimate, 1.0)
    return ExactTest(
        estimate, _bounded(stats.barnard_exact(table, alternative=alternative, pooled=True).pvalue)
    )


def boschloo(x1: int, n1: int, x0: int, n0: int, alternative: Alternative = "two-sided") -> ExactTest:
    """Boschloo's unconditional test with Fisher's p as statistic: one-sided never less powerful than
    Fisher's. Two-sided doubles the smaller one-sided p.

    Arguments and errors as in barnard.
    Source: Boschloo (1970), Statistica Neerlandica 24:1-9; scipy.stats.boschloo_exact.

    >>> round(boschloo(8, 10, 1, 6).p_value, 4)
    0.0176
    """
    table, estimate = _table(x1, n1, x0, n0, alternative)
    _few_enough(n1, n0)
    if x1 + x0 in (0, n1 + n0):
        return ExactTest(estimate, 1.0)
    return ExactTest(estimate, _bounded(stats.boschloo_exact(table, alternative=alternative).pvalue))


def _table(x1: int, n1: int, x0: int, n0: int, alternative: Alternative) -> tuple[list[list[int]], float]:
    """The table with an arm per column, and p1 - p0."""
    one_of("alternative", alternative, ALTERNATIVES)
    successes = [count("successes", x) for x in (x1, x0)]
    trials = [count("trials", n, 1) for n in (n1, n0)]
    for x, n in zip(successes, trials, strict=True):
        if x > n:
            raise ValueError(f"successes: expected at most the {n} trials, found {x}")
    failures = [n - x for x, n in zip(successes, trials, strict=True)]
    return [successes, failures], successes[0] / trials[0] - successes[1] / trials[1]


def _few_enough(n1: int, n0: int) -> None:
    tables = (n1 + 1) * (n0 + 1)
    if tables > MOST_TABLES:
        raise ValueError(f"trials: expected at most {MOST_TABLES:,} possible tables, found {tables:,}")


def _bounded(p: float) -> float:
    """Sums of many probabilities stray beyond [0, 1] by rounding."""
    return min(1.0, max(0.0, float(p))) if math.isfinite(p) else 1.0
