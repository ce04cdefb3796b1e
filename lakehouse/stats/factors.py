"""The change of a product of factors (visits x conversion x order value), given to the factors.

Belongs here: exact additive shares of one change, by the Shapley value and by LMDI-I, summed over segments. Not here:
ratios over segments (decomposition.py), where a factor is a share of the whole.

Shapley takes any numbers and treats every order in which factors could have changed alike. LMDI-I needs numbers above 0,
costs nothing with many factors, and is what energy statistics publish. Both sum to the change without a rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from lakehouse.stats.guards import FloatArray, finite_array

# Shapley visits 2^k subsets of the other factors; nobody reads a waterfall of more than this many.
MOST_FACTORS = 5


@dataclass(frozen=True, slots=True)
class FactorEffects:
    """Sums of products before and after, and what each factor added: effects[f], and by_segment[s][f]; they sum up."""

    before: float
    after: float
    effects: tuple[float, ...]
    by_segment: tuple[tuple[float, ...], ...]

    @property
    def change(self) -> float:
        return self.after - self.before


def shapley_factors(before: ArrayLike, after: ArrayLike) -> FactorEffects:
    """What each factor added to the sum over segments of the product of factors: its Shapley value.

    before, after: shape (k,) for one product, or (segments, k); k at most 5. Any finite numbers.
    Raises ValueError for shapes that differ or other than these.
    Source: Shapley (1953), A value for n-person games; Shorrocks (2013), Journal of Economic Inequality 11:99-126.

    >>> effects = shapley_factors([1000, 0.05, 40], [1200, 0.05, 30])
    >>> effects.change, [round(effect, 6) for effect in effects.effects]
    (-200.0, [350.0, 0.0, -550.0])
    """
    x0, x1 = _factors(before, after)
    count = x0.shape[1]
    if count > MOST_FACTORS:
        raise ValueError(f"factors: expected at most {MOST_FACTORS}, found {count}: use lmdi_factors")
    values = np.zeros_like(x0)
    for factor in range(count):
        others = [other for other in range(count) if other != factor]
        for size in range(count):
            weight = 1 / (count * math.comb(count - 1, size))
            for changed in combinations(others, size):
                rest = [other for other in others if other not in changed]
                around = x1[:, list(changed)].prod(axis=1) * x0[:, rest].prod(axis=1)
                values[:, factor] += weight * around * (x1[:, factor] - x0[:, factor])
    return _result(x0, x1, values)


def lmdi_factors(before: ArrayLike, after: ArrayLike) -> FactorEffects:
    """What each factor added to the sum over segments of the product of factors, by LMDI-I (additive).

    before, after: shape (k,) for one product, or (segments, k), all above 0. A factor's effect in a segment is
    L(V1, V0) log(x1 / x0), with L the logarithmic mean of the segment's product after and before.
    Raises ValueError for shapes that differ or numbers not above 0.
    Source: Ang (2004), Energy Policy 32:1131-1139; Ang (2015), Energy Policy 86:233-238.

    >>> effects = lmdi_factors([[1000, 0.05, 40], [500, 0.08, 60]], [[1200, 0.045, 42], [450, 0.1, 55]])
    >>> round(effects.change, 6), [round(effect, 3) for effect in effects.effects]
    (343.0, [131.766, 319.326, -108.092])
    """
    x0, x1 = _factors(before, after)
    if min(x0.min(), x1.min()) <= 0:
        raise ValueError(
            f"factors: expected numbers above 0, found {min(x0.min(), x1.min()):g}: use shapley_factors"
        )
    logs = np.log(x1 / x0)
    v0 = x0.prod(axis=1)
    log_change = logs.sum(axis=1)
    # Where the product hardly changes, (v1 - v0) / log(v1 / v0) is 0 / 0; expm1 keeps its digits.
    still = log_change == 0
    mean = np.where(still, v0, v0 * np.expm1(log_change) / np.where(still, 1.0, log_change))
    return _result(x0, x1, mean[:, None] * logs)


def _factors(before: ArrayLike, after: ArrayLike) -> tuple[FloatArray, FloatArray]:
    x0, x1 = (
        finite_array(name, np.atleast_2d(np.asarray(values, dtype=np.float64)), dimensions=2)
        for name, values in (("before", before), ("after", after))
    )
    if x0.shape != x1.shape:
        raise ValueError(f"after: expected the shape of before {x0.shape}, found {x1.shape}")
    return x0, x1


def _result(x0: FloatArray, x1: FloatArray, values: FloatArray) -> FactorEffects:
    return FactorEffects(
        before=math.fsum(x0.prod(axis=1)),
        after=math.fsum(x1.prod(axis=1)),
        effects=tuple(math.fsum(column) + 0.0 for column in values.T),
        by_segment=tuple(tuple(float(value) + 0.0 for value in row) for row in values),
    )
