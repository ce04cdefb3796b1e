"""The one experiment that all sides read, as the sums of its two arms.

Belongs here: the data. Not here: any statistic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakehouse.stats.guards import FloatArray

# Treatment's successes and trials, then control's: for methods of few units.
FEW = (57, 120, 45, 115)
NAMES = ("revenue", "orders", "sessions", "revenue_before", "bought")


@dataclass(frozen=True, slots=True)
class ArmSums:
    """Units of one arm, sums of its variables (in the order of NAMES) and of their products."""

    n: int
    sums: FloatArray
    products: FloatArray

    def sum(self, name: str) -> float:
        return float(self.sums[NAMES.index(name)])

    def product(self, first: str, second: str) -> float:
        return float(self.products[NAMES.index(first), NAMES.index(second)])

    def mean(self, name: str) -> float:
        return self.sum(name) / self.n

    def covariance(self, first: str, second: str) -> float:
        return (self.product(first, second) - self.sum(first) * self.mean(second)) / (self.n - 1)


@dataclass(frozen=True, slots=True)
class Inputs:
    treatment: ArmSums
    control: ArmSums


def inputs(seed: int = 7) -> Inputs:
    """5,000 and 5,200 visitors with sessions, orders, skewed revenue and the revenue before."""
    rng = np.random.default_rng(seed)

    def arm(n: int, lift: float) -> ArmSums:
        wealth = rng.lognormal(0.0, 0.7, n)
        sessions = 1 + rng.poisson(2.0, n)
        orders = rng.binomial(sessions, np.minimum(0.9, 0.15 * (1 + lift) * wealth))
        revenue = orders * wealth * rng.gamma(4.0, 5.0, n)
        before = rng.binomial(3, np.minimum(0.9, 0.15 * wealth)) * wealth * rng.gamma(4.0, 5.0, n)
        values = np.column_stack([revenue, orders, sessions, before, orders > 0]).astype(np.float64)
        return ArmSums(n, values.sum(axis=0), values.T @ values)

    return Inputs(arm(5000, 0.3), arm(5200, 0.0))
