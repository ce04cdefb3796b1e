"""Empirical Bayes shrinkage of many effects of one experiment, so that the best segment is not merely the luckiest.

Belongs here: the variance between segments, and each segment's effect pulled towards the mean as far as its own noise
says. Not here: one effect with a prior that is given (bayes_normal.py), and p-values of many segments
(multiplicity.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import chdtrc, ndtr

from lakehouse.stats.effects import quantile
from lakehouse.stats.guards import FloatArray, finite_array, level, one_of, same_length

Method = Literal["paule_mandel", "dersimonian_laird"]
METHODS: tuple[Method, ...] = ("paule_mandel", "dersimonian_laird")


@dataclass(frozen=True, slots=True)
class ShrunkEffect:
    """One segment: its effect after shrinkage, and how far it was pulled (1: all the way to the mean).

    p_positive: chance that the segment's effect is above 0, by the normal with this standard error.
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    shrinkage: float
    p_positive: float


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """All segments: their mean, how much they truly differ, and each one's shrunk effect in the order given.

    between_variance: of the true effects among segments. p_value: of Cochran's Q, that all effects are equal.
    """

    method: str
    mean: float
    mean_standard_error: float
    between_variance: float
    statistic: float
    degrees_of_freedom: int
    p_value: float
    effects: tuple[ShrunkEffect, ...]


def shrunk_effects(
    estimates: ArrayLike, standard_errors: ArrayLike, alpha: float = 0.05, method: Method = "paule_mandel"
) -> Shrinkage:
    """Effects of segments, each shrunk to their weighted mean by the share of its variance that is noise.

    estimates, standard_errors: shape (segments,), at least 2, independent, on one scale. alpha: 1 - the coverage of
    each segment's interval. method: how the between-segment variance is estimated.
    The standard error is the root of the mean squared error that allows for the estimated mean and the estimated
    between-variance, at most the segment's own: shrinking must not claim more doubt than not shrinking.
    Raises ValueError for fewer than 2 segments, a standard error that is not above 0, or anything not finite.
    Source: Paule & Mandel (1982), J. Res. Natl. Bureau of Standards 87:377-385; DerSimonian & Laird (1986),
    Controlled Clinical Trials 7:177-188; mean squared error: Prasad & Rao (1990), JASA 85:163-171, and Datta, Rao &
    Smith (2005), Biometrika 92:183-196.

    >>> result = shrunk_effects([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18])
    >>> round(result.mean, 2), result.between_variance, round(result.effects[0].estimate, 2)
    (7.69, 0.0, 7.69)
    """
    y = finite_array("estimates", estimates, least=2)
    errors = finite_array("standard_errors", standard_errors, least=2)
    count = same_length(estimates=y, standard_errors=errors)
    level("alpha", alpha)
    one_of("method", method, METHODS)
    if (errors <= 0).any():
        raise ValueError(f"standard_errors: expected numbers above 0, found {errors.min()}")
    # In units of the least error squares neither overflow nor vanish.
    unit = float(errors.min())
    if not 1e-100 < unit <= float(errors.max()) < min(1e100, 1e100 * unit):
        raise ValueError(
            f"standard_errors: expected errors of comparable size, found {unit:g} and {float(errors.max()):g}"
        )
    largest = float(np.abs(y).max())
    if largest > 1e100 * min(unit, 1.0):
        raise ValueError(f"estimates: expected numbers up to 1e100 standard errors, found {largest:g}")
    y, variances = y / unit, (errors / unit) ** 2
    weights = 1 / variances
    statistic = _q(y, variances, 0.0)
    between = (
        _paule_mandel(y, variances) if method == "paule_mandel" else _dersimonian_laird(y, weights, statistic)
    )
    total = 1 / (variances + between)
    mean = float(total @ y / total.sum())
    noise = variances * total
    squared_errors = _squared_errors(variances, between, method)
    reach = quantile(alpha / 2)
    effects = []
    for estimate, share, squared in zip(y, noise, squared_errors, strict=True):
        shrunk = float(mean + (1 - share) * (estimate - mean)) * unit
        error = math.sqrt(squared) * unit
        effects.append(
            ShrunkEffect(
                estimate=shrunk,
                low=shrunk - reach * error,
                high=shrunk + reach * error,
                standard_error=error,
                shrinkage=float(share),
                p_positive=float(ndtr(shrunk / error)),
            )
        )
    return Shrinkage(
        method=method,
        mean=mean * unit,
        mean_standard_error=math.sqrt(1 / total.sum()) * unit,
        between_variance=between * unit**2,
        statistic=statistic,
        degrees_of_freedom=count - 1,
        p_value=float(chdtrc(count - 1, statistic)),
        effects=tuple(effects),
    )


def _q(y: FloatArray, variances: FloatArray, between: float) -> float:
    weights = 1 / (variances + between)
    mean = weights @ y / weights.sum()
    return float(weights @ (y - mean) ** 2)


def _dersimonian_laird(y: FloatArray, weights: FloatArray, statistic: float) -> float:
    return max(0.0, float((statistic - (len(y) - 1)) / _moment_scale(weights)))


def _moment_scale(weights: FloatArray) -> float:
    """Sum of weights less sum of squares over sum, kept above 0 where one weight outweighs the rest."""
    return float(weights @ (1 - weights / weights.sum()))


def _paule_mandel(y: FloatArray, variances: FloatArray) -> float:
    """The between-variance at which Q equals its degrees of freedom."""
    expected = len(y) - 1
    if _q(y, variances, 0.0) <= expected:
        return 0.0
    # Q falls in the between-variance, and has fallen below its degrees of freedom at the effects' squared range.
    high = float(np.ptp(y)) ** 2 * len(y) / expected
    return float(
        brentq(lambda between: _q(y, variances, between) - expected, 0.0, high, xtol=1e-12 * (1 + high))
    )


def _squared_errors(variances: FloatArray, between: float, method: Method) -> FloatArray:
    """Mean squared error of each shrunk effect: known parameters + estimated mean + estimated between-variance."""
    count = len(variances)
    weights = 1 / (variances + between)
    noise = variances * weights
    known = between * noise
    of_mean = noise**2 / weights.sum()
    if method == "paule_mandel":
        of_between = 2 * count / weights.sum() ** 2
        bias = 2 * (count * (weights @ weights) - weights.sum() ** 2) / weights.sum() ** 3
    else:
        fixed = 1 / variances
        of_between = 2 * np.sum((fixed / weights) ** 2) / _moment_scale(fixed) ** 2
        bias = 0.0
    squared = known + of_mean + 2 * variances**2 * weights**3 * of_between - noise**2 * bias
    result: FloatArray = np.minimum(np.maximum(squared, known + of_mean), variances)
    return result
