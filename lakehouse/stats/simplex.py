"""Least squares with weights that are at least 0 and sum to 1.

Belongs here: the solver that synthetic control and synthetic difference-in-differences share. Not here: what is fitted
to what (synthetic_control.py, synthetic_did.py).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import nnls

from lakehouse.stats.guards import FloatArray, at_least, finite_array


def simplex_least_squares(
    columns: FloatArray, target: FloatArray, ridge: float = 0.0, *, intercept: bool = False
) -> FloatArray:
    """Weights w on the simplex that minimise |columns w - target|^2 + ridge |w|^2, exactly up to rounding.

    columns: shape (n, k). target: shape (n,). ridge: at least 0, in squared units of the target. intercept: a free
    constant, by centring columns and target. Raises ValueError for anything not finite or shapes that don't fit.
    As the weights sum to 1, columns w - target = (columns - target) w is homogeneous: the minimum over non-negative v
    of |(columns - target) v|^2 + ridge |v|^2 + (1'v - 1)^2 has the simplex's direction, and non-negative least squares
    finds it. Source: Lawson & Hanson (1974), Solving Least Squares Problems, chapter 23.

    >>> simplex_least_squares(np.array([[1.0, 0.0, 4.0], [0.0, 1.0, 4.0]]), np.array([0.25, 0.75])).round(6).tolist()
    [0.25, 0.75, 0.0]
    """
    x = finite_array("columns", columns, dimensions=2)
    y = finite_array("target", target)
    at_least("ridge", ridge, 0)
    if len(x) != len(y):
        raise ValueError(f"target: expected {len(x)} values, found {len(y)}")
    if intercept:
        x, y = x - x.mean(axis=0), y - y.mean()
    count = x.shape[1]
    distances = np.vstack([x - y[:, None], math.sqrt(ridge) * np.eye(count)])
    # Scaled to a fit of about 1, so that neither part of the sum is lost in the other.
    scale = float(np.linalg.norm(distances.mean(axis=1))) or float(np.abs(distances).max()) or 1.0
    system = np.vstack([distances / scale, np.ones(count)])
    weights, _ = nnls(system, np.append(np.zeros(len(distances)), 1.0), maxiter=100 * count)
    return np.asarray(weights / weights.sum(), dtype=np.float64)
