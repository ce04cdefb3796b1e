"""The first two moments of one arm's variables, from sums that a database kept or from the values themselves.

Belongs here: sufficient statistics, guarded against rounding and against sums that no values can have. Not
here: what is estimated from them (means.py, ratios.py, cuped.py, clusters.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lakehouse.stats.arms import Arm
from lakehouse.stats.guards import FloatArray, count, finite_array, same_length

# A sum is off by at most about this share of itself: a term's rounding, for each of n terms added one by one.
LEAST_ROUNDING = 1e-12
ROUNDING_PER_UNIT = 2.0**-54


@dataclass(frozen=True, slots=True)
class Moments:
    """Means (k) and sample covariances (k x k, divisor n - 1) of k variables over the n units of one arm."""

    n: int
    means: tuple[float, ...]
    covariances: tuple[tuple[float, ...], ...]

    def arm(self, variable: int = 0) -> Arm:
        """One variable's mean, ready for comparison."""
        return Arm(self.n, self.means[variable], self.covariances[variable][variable])

    def linear(self, coefficients: ArrayLike) -> Moments:
        """Moments of linear combinations of the variables: coefficients has shape (combinations, k).

        >>> Moments.from_values([[1.0, 1.0], [2.0, 4.0]]).linear([[1.0, -1.0]]).means
        (-1.0,)
        """
        matrix = finite_array("coefficients", coefficients, dimensions=2)
        if matrix.shape[1] != len(self.means):
            raise ValueError(
                f"coefficients: expected {len(self.means)} a combination, found {matrix.shape[1]}"
            )
        covariances = np.array(self.covariances)
        # What a combination's variance is made of, as if nothing cancelled: the scale of its rounding.
        scale = np.abs(matrix) @ np.sqrt(np.diag(covariances))
        with np.errstate(over="ignore", invalid="ignore"):
            means = matrix @ np.array(self.means)
            return _moments(self.n, means, matrix @ covariances @ matrix.T, scale * scale)

    def centred_at(self, means: ArrayLike) -> Moments:
        """The same covariances around other means.

        >>> Moments.from_values([1.0, 3.0]).centred_at([10.0]).arm()
        Arm(n=2, mean=10.0, variance=2.0)
        """
        centres = finite_array("means", means)
        same_length(means=centres, variables=np.array(self.means))
        return Moments(self.n, tuple(float(mean) for mean in centres), self.covariances)

    @classmethod
    def from_sums(cls, n: float, sums: ArrayLike, products: ArrayLike) -> Moments:
        """From a count, k sums, and the k x k sums of products (squares on the diagonal).

        A variance that is 0 but for the sums' rounding is 0; exact sums (of decimals, say) are better. Raises
        ValueError for fewer than 2 units, sums that aren't finite, products that aren't symmetric, or sums
        that no values can have (a sum of squares below the least possible).

        >>> Moments.from_sums(3, [6.0], [[14.0]])
        Moments(n=3, means=(2.0,), covariances=((1.0,),))
        """
        n = count("n", n, 2)
        totals = finite_array("sums", sums)
        squares = finite_array("products", products, dimensions=2)
        _square("products", squares, len(totals))
        means = totals / n
        with np.errstate(over="ignore", invalid="ignore"):
            centred = squares - n * np.outer(means, means)
        return _moments(n, means, centred / (n - 1), np.diag(squares) / (n - 1))

    @classmethod
    def from_summary(cls, n: float, means: ArrayLike, covariances: ArrayLike) -> Moments:
        """From a count, k means and their k x k sample covariances (divisor n - 1).

        Raises ValueError for fewer than 2 units, numbers that aren't finite, or covariances that no values
        can have.

        >>> Moments.from_summary(53, [0.57, 1.98], [[0.79, 0.4], [0.4, 0.98]]).arm(1).variance
        0.98
        """
        n = count("n", n, 2)
        centres = finite_array("means", means)
        matrix = finite_array("covariances", covariances, dimensions=2)
        _square("covariances", matrix, len(centres))
        return _moments(n, centres, matrix, np.diag(matrix))

    @classmethod
    def from_values(cls, values: ArrayLike) -> Moments:
        """From the values themselves, of shape (n,) for one variable or (n, k), all finite.

        Raises ValueError for fewer than 2 units or values that aren't finite.

        >>> Moments.from_values([1.0, 2.0, 3.0]).arm()
        Arm(n=3, mean=2.0, variance=1.0)
        """
        array = finite_array("values", values, dimensions=2 if np.ndim(values) == 2 else 1, least=0)
        array = array.reshape(len(array), -1 if array.size else 1)
        n = count("n", len(array), 2)
        with np.errstate(over="ignore", invalid="ignore"):
            means = array.mean(axis=0)
            deviations = array - means
            # Equal values leave deviations of the mean's own rounding.
            deviations[:, np.ptp(array, axis=0) == 0] = 0.0
            covariances = deviations.T @ deviations / (n - 1)
        return _moments(n, means, covariances, np.diag(covariances))


def combined(first: Moments, second: Moments) -> Moments:
    """Moments of two arms' units taken together, between-arm variation included.

    Raises ValueError when they don't hold the same number of variables.
    Source: Chan, Golub & LeVeque (1983), The American Statistician 37:242-247.

    >>> combined(Moments.from_values([1.0, 2.0]), Moments.from_values([3.0, 4.0])).means
    (2.5,)
    """
    if len(first.means) != len(second.means):
        raise ValueError(
            f"second: expected {len(first.means)} variables like the first, found {len(second.means)}"
        )
    n = first.n + second.n
    gap = np.array(second.means) - np.array(first.means)
    means = np.array(first.means) + gap * (second.n / n)
    with np.errstate(over="ignore", invalid="ignore"):
        within = (first.n - 1) * np.array(first.covariances) + (second.n - 1) * np.array(second.covariances)
        covariances = (within + np.outer(gap, gap) * (first.n * second.n / n)) / (n - 1)
    return _moments(n, means, covariances, np.diag(covariances))


def _square(name: str, matrix: FloatArray, size: int) -> None:
    if matrix.shape != (size, size):
        raise ValueError(f"{name}: expected shape ({size}, {size}), found {matrix.shape}")
    if not np.allclose(matrix, matrix.T, rtol=1e-9, atol=0):
        raise ValueError(f"{name}: expected a symmetric matrix, found one that isn't")


def _moments(n: int, means: FloatArray, covariances: FloatArray, scale: FloatArray) -> Moments:
    """Moments with rounding removed; scale: per variable, the size of what was subtracted."""
    if not (np.isfinite(means).all() and np.isfinite(covariances).all()):
        raise ValueError("values: expected numbers whose squares are finite, found larger ones")
    variances = np.diag(covariances).copy()
    tolerance = max(LEAST_ROUNDING, n * ROUNDING_PER_UNIT) * np.abs(scale)
    if (variances < -tolerance).any():
        worst = int(np.argmin(variances + tolerance))
        raise ValueError(
            f"variable {worst}: expected a sum of squares that values can have, "
            f"found a variance of {variances[worst]:g}"
        )
    variances[variances <= tolerance] = 0.0
    deviations = np.sqrt(variances)
    bounds = np.outer(deviations, deviations)
    reach = np.sqrt(variances + 2 * tolerance)
    slack = (np.outer(reach, reach) + np.outer(np.sqrt(tolerance), np.sqrt(tolerance))) * (1 + 1e-9)
    if (np.abs(covariances) > slack).any():
        raise ValueError("products: expected no covariance beyond what the variances allow, found one")
    matrix = np.clip((covariances + covariances.T) / 2, -bounds, bounds)
    np.fill_diagonal(matrix, variances)
    return Moments(
        n=n,
        means=tuple(float(mean) for mean in means),
        covariances=tuple(tuple(float(entry) for entry in row) for row in matrix),
    )
