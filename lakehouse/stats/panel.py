"""Regressions with unit and time effects: the fit under difference-in-differences and event studies.

Belongs here: taking out two-way fixed effects, unit-clustered covariances, joint Wald tests. Not here: which regressors
make a design (did.py, event_study.py), and regressions without fixed effects (cluster_regression.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import chdtrc, fdtrc

from lakehouse.stats.guards import FloatArray, finite_array, same_length, squarable

IndexArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class WaldTest:
    """Joint test that several effects are all 0: F with a denominator of clusters - 1, chi-square without one."""

    statistic: float
    degrees_of_freedom: int
    denominator_degrees_of_freedom: int | None
    p_value: float


@dataclass(frozen=True, slots=True)
class FixedEffectsFit:
    """Coefficients in the order of the regressors, their covariance (k x k) clustered by unit, units - 1."""

    estimates: FloatArray
    covariance: FloatArray
    degrees_of_freedom: int


def labels(name: str, values: ArrayLike) -> tuple[NDArray[np.generic], IndexArray]:
    """Distinct labels in rising order, and each row's position among them."""
    array = np.asarray(values)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{name}: expected one label a row, found shape {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name}: expected a label on every row, found missing ones")
    distinct, index = np.unique(array, return_inverse=True)
    return distinct, index.astype(np.intp)


def flags(name: str, values: ArrayLike) -> FloatArray:
    """Zeros and ones; ValueError for any other value."""
    array = finite_array(name, values)
    if not np.isin(array, (0.0, 1.0)).all():
        raise ValueError(f"{name}: expected only 0 and 1, found other values")
    return array


def per_unit(name: str, values: FloatArray, unit: IndexArray) -> FloatArray:
    """The one value of each unit; ValueError when it changes within a unit."""
    of_unit = np.zeros(int(unit.max()) + 1)
    of_unit[unit] = values
    if (of_unit[unit] != values).any():
        raise ValueError(f"{name}: expected one value a unit, found units in which it changes")
    return of_unit


def fixed_effects_fit(
    outcome: ArrayLike, regressors: ArrayLike, unit: ArrayLike, time: ArrayLike
) -> FixedEffectsFit:
    """Least squares with unit and time effects; standard errors clustered by unit (CR1).

    outcome: shape (rows,). regressors: shape (rows, k). unit, time: labels, shape (rows,); the panel may be unbalanced.
    The covariance has the factor G / (G - 1) * (n - 1) / (n - k - periods): unit effects, nested in the clusters, are
    not counted.
    Raises ValueError when unit and time effects leave nothing of a regressor, for too few rows, fewer than 2 units,
    or residuals that are 0 throughout.
    Source: Bertrand, Duflo & Mullainathan (2004), QJE 119:249-275; Cameron & Miller (2015), Journal of Human Resources
    50:317-372, section II.

    >>> fit = fixed_effects_fit([1, 2, 1, 4, 2, 3, 0, 4], [[0], [0], [0], [1], [0], [0], [0], [1]],
    ...     ["a", "a", "b", "b", "c", "c", "d", "d"], [0, 1] * 4)
    >>> round(float(fit.estimates[0]), 3)
    2.5
    """
    y = squarable("outcome", finite_array("outcome", outcome))
    x = squarable("regressors", finite_array("regressors", regressors, dimensions=2))
    (_, units), (_, times) = labels("unit", unit), labels("time", time)
    rows = same_length(outcome=y, regressors=x, unit=units, time=times)
    groups, periods, k = int(units.max()) + 1, int(times.max()) + 1, x.shape[1]
    spare = rows - k - periods
    if groups < 2 or spare < 1:
        raise ValueError(f"expected at least 2 units and {k + periods + 1} rows, found {groups} and {rows}")
    both = without_effects(np.column_stack([y, x]), units, times)
    y_left, x_left = both[:, 0], both[:, 1:]
    scale = np.sqrt(np.mean(x**2, axis=0))
    if np.linalg.matrix_rank(x_left, tol=1e-9 * max(float(scale.max()), 1e-300) * np.sqrt(rows)) < k:
        raise ValueError(
            "regressors: expected variation beyond unit and time effects, found none or collinear columns"
        )
    estimates, *_ = np.linalg.lstsq(x_left, y_left, rcond=None)
    residuals = y_left - x_left @ estimates
    if np.abs(residuals).max() <= 1e-12 * max(float(np.abs(y).max()), 1e-300):
        raise ValueError("outcome: expected variation beyond the model, found a perfect fit")
    bread = np.linalg.inv(x_left.T @ x_left)
    scores = group_sums(x_left * residuals[:, None], units)
    factor = groups / (groups - 1) * (rows - 1) / spare
    covariance: FloatArray = bread @ (scores.T @ scores) @ bread * factor
    return FixedEffectsFit(np.asarray(estimates, dtype=np.float64), covariance, groups - 1)


def group_sums(values: FloatArray, index: IndexArray) -> FloatArray:
    """Sums of the rows (n, k) within each of the groups."""
    indicator = sparse.csr_array((np.ones(len(index)), (index, np.arange(len(index)))))
    return np.asarray(indicator @ values, dtype=np.float64)


def without_effects(values: FloatArray, units: IndexArray, times: IndexArray) -> FloatArray:
    """Columns less their unit and time effects, exactly, for any pattern of rows.

    Units are averaged out, which leaves a system as small as the number of periods.
    """
    ones = np.ones(len(units))
    counts = sparse.csr_array((ones, (units, times))).toarray()
    unit_sizes = counts.sum(axis=1)

    def centred(columns: FloatArray) -> FloatArray:
        means = group_sums(columns, units) / unit_sizes[:, None]
        return np.asarray(columns - means[units], dtype=np.float64)

    within = centred(values)
    system = np.diag(counts.sum(axis=0)) - counts.T @ (counts / unit_sizes[:, None])
    effects, *_ = np.linalg.lstsq(system, group_sums(within, times), rcond=None)
    return within - centred(effects[times])


def wald_test(estimates: FloatArray, covariance: FloatArray, denominator: int | None = None) -> WaldTest:
    """Test that all estimates are 0, given their covariance; F when a denominator is given, chi-square otherwise.

    Raises ValueError when the covariance is singular: fewer clusters than effects cannot test them jointly.
    Source: Wooldridge (2010), Econometric Analysis of Cross Section and Panel Data, section 4.2.3.

    >>> test = wald_test(np.array([1.0, 2.0]), np.eye(2))
    >>> test.statistic, round(test.p_value, 4)
    (5.0, 0.0821)
    """
    count = len(estimates)
    scale = np.sqrt(np.diag(covariance))
    if (scale <= 0).any() or np.linalg.matrix_rank(covariance / np.outer(scale, scale), tol=1e-10) < count:
        raise ValueError(f"covariance: expected full rank to test {count} effects jointly, found less")
    statistic = float(estimates @ np.linalg.solve(covariance, estimates))
    if denominator is None:
        return WaldTest(statistic, count, None, float(chdtrc(count, statistic)))
    return WaldTest(
        statistic / count, count, denominator, float(fdtrc(count, denominator, statistic / count))
    )


def pre_trend_test(
    estimates: FloatArray, covariance: FloatArray, denominator: int | None = None
) -> WaldTest | None:
    """Joint test of the effects before adoption; None without any, or with too few clusters to test them jointly."""
    if not len(estimates):
        return None
    try:
        return wald_test(estimates, covariance, denominator)
    except ValueError:
        return None
