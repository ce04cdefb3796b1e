"""Single values that stand far from the rest: z-scores, fences and the generalized ESD test.

Belongs here: methods that know nothing but a set of values, without calendar or order. Not here: what a value of that
day should be (expected.py), and how sure one may be (confidence.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from lakehouse.stats.guards import FloatArray, at_least, count, finite_array, level, positive

# Three quarters of the normal distribution lie below this: MAD / it is the standard deviation of normal values.
NORMAL_QUARTILE = 0.6745
# The same for the mean absolute deviation, sqrt(pi / 2), which stands in where more than half of the values are equal.
OF_MEAN_DEVIATION = 1.253314


@dataclass(frozen=True, slots=True)
class Scores:
    """How far each value stands off: center and spread of all (for baselines of their own: of the last), scores (n,)."""

    center: float
    spread: float
    scores: FloatArray


@dataclass(frozen=True, slots=True)
class Fences:
    """Tukey's fences; is_outside: shape (n,)."""

    low: float
    high: float
    is_outside: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ExtremeDeviates:
    """Rosner's test: statistics and critical values of the 1st, 2nd, ... most extreme value, and who is an outlier.

    outliers: positions in the order in which they were taken out.
    """

    statistics: tuple[float, ...]
    critical: tuple[float, ...]
    outliers: tuple[int, ...]


def classical_z(x: ArrayLike, *, ddof: int = 1) -> Scores:
    """Each value's distance from the mean of all, in standard deviations; x: shape (n,), n at least 2.

    A value is part of the mean and the deviation that it is judged by, so no score passes largest_classical_z(n), and a
    large value hides behind the spread that it makes. Equal values score 0.
    Raises ValueError for fewer than 2 or non-finite values.

    >>> classical_z([1.0, 2.0, 3.0]).scores.tolist()
    [-1.0, 0.0, 1.0]
    """
    values = finite_array("x", x, least=2)
    center, spread = float(values.mean()), float(values.std(ddof=ddof))
    return Scores(center, spread, _scaled(values - center, np.full(len(values), spread), values))


def largest_classical_z(n: int) -> float:
    """The largest score that any of n values can have by classical_z: (n - 1) / sqrt(n).

    Source: Shiffler (1988), The American Statistician 42:79-80.

    >>> round(largest_classical_z(10), 3)
    2.846
    """
    count("n", n, least=2)
    return (n - 1) / math.sqrt(n)


def z_scores(x: ArrayLike) -> Scores:
    """Each value's distance from the mean of the others, in their standard deviations; x: shape (n,), n at least 3.

    The value is never in its own baseline, so that its score has no ceiling. A value that differs from others that are
    all equal scores infinity; one that equals them scores 0.
    Raises ValueError for fewer than 3 or non-finite values.

    >>> z_scores([10.0, 11.0, 9.0, 10.0, 30.0]).scores.round(1).tolist()
    [-0.5, -0.4, -0.6, -0.5, 24.5]
    """
    values = finite_array("x", x, least=3)
    n = len(values)
    centred = values - values.mean()
    mean_of_others = -centred / (n - 1)
    # Never below 0 but by rounding.
    squares = np.maximum((centred**2).sum() - centred**2 - (n - 1) * mean_of_others**2, 0.0)
    spread = np.sqrt(squares / (n - 2))
    return Scores(
        float(values.mean() + mean_of_others[-1]),
        float(spread[-1]),
        _scaled(centred - mean_of_others, spread, values),
    )


def trailing_z(x: ArrayLike, window: int) -> Scores:
    """Each value's distance from the mean of the `window` values before it, in their standard deviations.

    x: shape (n,); window: at least 2. The first `window` values, which have no whole baseline, score 0.
    Raises ValueError for non-finite values or a window below 2.

    >>> trailing_z([1.0, 2.0, 3.0, 8.0], 3).scores.tolist()
    [0.0, 0.0, 0.0, 6.0]
    """
    values = finite_array("x", x)
    count("window", window, least=2)
    scores = np.zeros(len(values))
    center = spread = 0.0
    if len(values) > window:
        baselines = np.lib.stride_tricks.sliding_window_view(values, window)[:-1]
        centers, spreads = baselines.mean(axis=1), baselines.std(axis=1, ddof=1)
        scores[window:] = _scaled(values[window:] - centers, spreads, values)
        center, spread = float(centers[-1]), float(spreads[-1])
    return Scores(center, spread, scores)


def modified_z(x: ArrayLike) -> Scores:
    """Each value's distance from the median by the median absolute deviation; beyond 3.5 is an outlier by its authors.

    x: shape (n,). Where more than half of the values are equal, the mean absolute deviation stands in.
    Raises ValueError for no or non-finite values.
    Source: Iglewicz & Hoaglin (1993), How to detect and handle outliers.

    >>> modified_z([12.0, 13.0, 14.0, 13.0, 40.0, 12.0]).scores.round(2).tolist()
    [-0.67, 0.0, 0.67, 0.0, 18.21, -0.67]
    """
    values = finite_array("x", x)
    center = float(np.median(values))
    away = np.abs(values - center)
    spread = float(np.median(away)) / NORMAL_QUARTILE or float(away.mean()) * OF_MEAN_DEVIATION
    return Scores(center, spread, _scaled(values - center, np.full(len(values), spread), values))


def iqr_fences(x: ArrayLike, reach: float = 1.5) -> Fences:
    """Tukey's fences: `reach` interquartile ranges beyond the quartiles; x: shape (n,), n at least 4.

    Raises ValueError for fewer than 4 or non-finite values, or a reach not above 0.
    Source: Tukey (1977), Exploratory data analysis; quartiles by linear interpolation.

    >>> fences = iqr_fences([1, 2, 3, 4, 5, 20])
    >>> fences.low, fences.high, fences.is_outside.tolist()
    (-1.5, 8.5, [False, False, False, False, False, True])
    """
    values = finite_array("x", x, least=4)
    lower, upper = (float(q) for q in np.quantile(values, [0.25, 0.75]))
    beyond = positive("reach", reach) * (upper - lower)
    low, high = lower - beyond, upper + beyond
    return Fences(low, high, (values < low) | (values > high))


def normal_fence(reach: float = 1.5) -> tuple[float, float]:
    """Where Tukey's fences stand among normal values: in standard deviations, and the share that lies outside.

    >>> z, p = normal_fence()
    >>> round(z, 4), round(p, 5)
    (2.698, 0.00698)
    """
    z = float(special.ndtri(0.75)) * (1 + 2 * at_least("reach", reach, 0.0))
    return z, float(special.erfc(z / math.sqrt(2)))


def generalized_esd(x: ArrayLike, most: int, alpha: float = 0.05) -> ExtremeDeviates:
    """Rosner's test for up to `most` outliers among otherwise normal values; x: shape (n,), n at least most + 3.

    It takes out the most extreme value, again and again, and so isn't fooled by outliers that hide one another.
    Raises ValueError for fewer or non-finite values, or an alpha outside (0, 1).
    Source: Rosner (1983), Technometrics 25:165-172; good from about 25 values.

    >>> generalized_esd([10, 11, 9, 10, 12, 8, 10, 11, 9, 10, 30, 31], 3).outliers
    (11, 10)
    """
    count("most", most, least=1)
    level("alpha", alpha)
    values = finite_array("x", x, least=most + 3)
    n = len(values)
    left = np.arange(n)
    statistics, critical, taken = [], [], []
    for i in range(1, most + 1):
        rest = values[left]
        away = np.abs(rest - rest.mean())
        extreme = int(away.argmax())
        spread = float(rest.std(ddof=1))
        statistics.append(float(away[extreme]) / spread if spread > 0 else 0.0)
        t = float(special.stdtrit(n - i - 1, 1 - alpha / (2 * (n - i + 1))))
        critical.append((n - i) * t / math.sqrt((n - i - 1 + t * t) * (n - i + 1)))
        taken.append(int(left[extreme]))
        left = np.delete(left, extreme)
    beyond = [i for i in range(most) if statistics[i] > critical[i]]
    return ExtremeDeviates(tuple(statistics), tuple(critical), tuple(taken[: max(beyond, default=-1) + 1]))


def _scaled(away: FloatArray, spread: FloatArray, values: FloatArray) -> FloatArray:
    """Distances in spreads; without any spread a distance is infinite, and no distance is 0.

    What is below 1e-12 of the largest value is rounding, neither distance nor spread.
    """
    least = 1e-12 * float(np.abs(values).max())
    is_spread, is_away = spread > least, np.abs(away) > least
    finite = away / np.where(is_spread, spread, 1.0)
    return np.where(is_away, np.where(is_spread, finite, np.copysign(np.inf, away)), 0.0)
