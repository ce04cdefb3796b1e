"""Least squares with errors that are correlated within clusters, along one or two dimensions.

Belongs here: ordinary least squares with sandwich standard errors. Not here: difference-in-differences
designs (did.py, event_study.py), and comparisons that sums suffice for (clusters.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lakehouse.stats.guards import FloatArray, finite_array, same_length

# Fourth powers of this are finite.
LARGEST = 1e75


@dataclass(frozen=True, slots=True)
class ClusteredFit:
    """Coefficients in the regressors' order; degrees_of_freedom: the smallest number of clusters, minus 1."""

    estimates: tuple[float, ...]
    standard_errors: tuple[float, ...]
    degrees_of_freedom: float


def least_squares(
    regressors: ArrayLike, outcome: ArrayLike, clusters: ArrayLike, second_clusters: ArrayLike | None = None
) -> ClusteredFit:
    """Ordinary least squares with cluster-robust standard errors (CR1), one-way or two-way.

    regressors: shape (n, k), the constant included by the caller. outcome: shape (n,). clusters,
    second_clusters: labels of any kind, shape (n,); a cluster per row gives White's heteroscedasticity-robust
    errors (HC1). One-way variances have the factor G / (G - 1) * (n - 1) / (n - k). Two-way: the sum of both
    one-way variances less that of the intersections, made positive semi-definite by setting negative
    eigenvalues to 0.
    Raises ValueError for regressors that are collinear, n <= k, fewer than 2 clusters, or a residual that is
    0 throughout.
    Source: Cameron, Gelbach & Miller (2011), Journal of Business & Economic Statistics 29:238-249; Petersen
    (2009), Review of Financial Studies 22:435-480.

    >>> x = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]
    >>> fit = least_squares(x, [0.0, 1.5, 1.5, 3.0], ["a", "a", "b", "c"])
    >>> [round(estimate, 3) for estimate in fit.estimates], [round(error, 3) for error in fit.standard_errors]
    ([0.15, 0.9], [0.139, 0.095])
    """
    x = finite_array("regressors", regressors, dimensions=2)
    y = finite_array("outcome", outcome)
    n, k = x.shape
    labels = [_labels("clusters", clusters)]
    if second_clusters is not None:
        labels.append(_labels("second_clusters", second_clusters))
    for label in labels:
        same_length(regressors=x, outcome=y, clusters=label)
    if n <= k or np.linalg.matrix_rank(x) < k:
        raise ValueError(
            f"regressors: expected {k} columns that aren't collinear over more than {k} rows, found {n} rows"
        )
    if max(float(np.abs(x).max()), float(np.abs(y).max())) > LARGEST:
        raise ValueError(f"regressors, outcome: expected numbers of at most {LARGEST:g}, found larger ones")
    coefficients, *_ = np.linalg.lstsq(x, y, rcond=None)
    residuals = y - x @ coefficients
    if np.abs(residuals).max() <= 1e-12 * max(float(np.abs(y).max()), 1e-300):
        raise ValueError("outcome: expected values that the regressors don't fit exactly, found no residual")
    scores = x * residuals[:, np.newaxis]
    bread = np.asarray(np.linalg.inv(x.T @ x), dtype=np.float64)
    counts = [int(label.max()) + 1 for label in labels]
    if min(counts) < 2:
        raise ValueError(f"clusters: expected at least 2, found {min(counts)}")
    variance = _sandwich(bread, scores, labels[0])
    if len(labels) == 2:
        both = _sandwich(bread, scores, _intersection(labels[0], labels[1]))
        variance = _positive(variance + _sandwich(bread, scores, labels[1]) - both)
    # A saturated design leaves variances of 0 that rounding makes slightly negative.
    variances = np.clip(np.diag(variance), 0.0, None)
    return ClusteredFit(
        estimates=tuple(float(coefficient) for coefficient in coefficients),
        standard_errors=tuple(float(error) for error in np.sqrt(variances)),
        degrees_of_freedom=float(min(counts) - 1),
    )


def _labels(name: str, values: ArrayLike) -> NDArray[np.intp]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name}: expected 1 dimension, found {array.ndim}")
    return np.unique(array, return_inverse=True)[1]


def _intersection(first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.intp]:
    return _labels("clusters", first * (second.max() + 1) + second)


def _sandwich(bread: FloatArray, scores: FloatArray, labels: NDArray[np.intp]) -> FloatArray:
    n, k = scores.shape
    groups = int(labels.max()) + 1
    sums = np.column_stack([np.bincount(labels, weights=scores[:, column]) for column in range(k)])
    factor = groups / (groups - 1) * (n - 1) / (n - k)
    return np.asarray(bread @ (sums.T @ sums) @ bread * factor)


def _positive(variance: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh((variance + variance.T) / 2)
    return np.asarray((vectors * np.clip(values, 0.0, None)) @ vectors.T)
