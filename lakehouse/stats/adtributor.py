"""Adtributor: the one dimension whose few elements explain a forecast's miss and surprise most.

Belongs here: the published method, as a reference that others are measured against. Not here: the search that the
product uses (metrics/causes/), which sees combinations of dimensions and noise, neither of which this does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

from lakehouse.stats.guards import FloatArray, finite, finite_array, level, same_length


@dataclass(frozen=True, slots=True)
class DimensionAnswer:
    """The elements of one dimension (their positions) that explain the miss, the most surprising first."""

    dimension: str
    elements: tuple[int, ...]
    explanatory_power: float
    surprise: float


def explanatory_power(forecast: ArrayLike, actual: ArrayLike) -> tuple[float, ...]:
    """Each element's share of the miss of all: (actual - forecast) / (sum of actual - sum of forecast).

    Both: shape (k,). The shares sum to 1. Raises ValueError when the sums are equal: there is no miss to explain.

    >>> [round(power, 2) for power in explanatory_power([50, 25, 25], [49, 1, 0])]
    [0.02, 0.48, 0.5]
    """
    f, a = _pair(forecast, actual)
    miss = math.fsum(a) - math.fsum(f)
    if miss == 0:
        raise ValueError(
            "actual: expected a sum other than the forecast's, found the same: nothing to explain"
        )
    return tuple(float(share) for share in (a - f) / finite("miss", miss))


def surprise(forecast: ArrayLike, actual: ArrayLike) -> tuple[float, ...]:
    """Each element's part of the Jensen-Shannon divergence (natural logarithm) of shares forecast from shares found.

    Both: shape (k,), at least 0, with sums above 0.

    >>> [round(part, 4) for part in surprise([50, 25, 25], [49, 1, 0])]
    [0.0396, 0.0579, 0.0866]
    """
    f, a = _pair(forecast, actual)
    if min(f.min(), a.min()) < 0 or not (f.sum() > 0 and a.sum() > 0):
        raise ValueError("shares: expected numbers of at least 0 with a sum above 0, found others")
    p, q = f / f.sum(), a / a.sum()
    middle = (p + q) / 2
    return tuple(float(part) for part in (rel_entr(p, middle) + rel_entr(q, middle)) / 2)


def adtributor(
    dimensions: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    explains: float = 0.67,
    each: float = 0.1,
    most: int = 3,
) -> tuple[DimensionAnswer, ...]:
    """The dimensions that explain a miss, the most surprising first, at most `most` of them.

    dimensions: name -> (forecast, actual) per element, each shape (k,). explains: share of the miss an answer must
    explain (the paper's T_EP). each: share that an element must explain to belong to it (T_EEP).
    Source: Bhagwan et al. (2014), Adtributor: Revenue Debugging in Advertising Systems, NSDI.

    >>> answers = adtributor({"device": ([50, 25, 25], [49, 1, 0]), "centre": ([94, 6], [47, 3])})
    >>> answers[0].dimension, answers[0].elements, round(answers[0].explanatory_power, 2)
    ('device', (2, 1), 0.98)
    """
    level("explains", explains)
    level("each", each)
    answers = []
    for name, (forecast, actual) in dimensions.items():
        powers, parts = explanatory_power(forecast, actual), surprise(forecast, actual)
        chosen: list[int] = []
        for element in np.argsort(-np.asarray(parts), kind="stable"):
            if powers[element] <= each:
                continue
            chosen.append(int(element))
            explained = math.fsum(powers[one] for one in chosen)
            if explained > explains:
                surprised = math.fsum(parts[one] for one in chosen)
                answers.append(DimensionAnswer(name, tuple(chosen), explained, surprised))
                break
    return tuple(sorted(answers, key=lambda answer: -answer.surprise)[:most])


def _pair(forecast: ArrayLike, actual: ArrayLike) -> tuple[FloatArray, FloatArray]:
    f, a = finite_array("forecast", forecast), finite_array("actual", actual)
    same_length(forecast=f, actual=a)
    return f, a
