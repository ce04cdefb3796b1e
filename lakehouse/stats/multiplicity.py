"""P-values of many tests, adjusted so that the whole family keeps its promise.

Belongs here: adjustments of one family of p-values. Not here: which tests (metrics x arms x segments) make a
family.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from lakehouse.stats.guards import FloatArray, finite_array, level, one_of

Method = Literal["bonferroni", "holm", "holm-sidak", "hochberg", "bh", "by"]


@dataclass(frozen=True, slots=True)
class AdjustedFamily:
    """Adjusted p-values in the order given; rejected[i]: adjusted p-value i is at most alpha."""

    p_values: tuple[float, ...]
    rejected: tuple[bool, ...]
    method: str
    alpha: float


def adjust(p_values: ArrayLike, method: Method = "holm", alpha: float = 0.05) -> AdjustedFamily:
    """Adjusts a family of p-values, shape (m,), for m tests having been made.

    "bonferroni", "holm": chance of any false rejection at most alpha, under any dependence; Holm rejects at
    least as much. "holm-sidak", "hochberg": the same, for independent (or suitably positively dependent)
    tests. "bh": share of false among the rejected at most alpha in expectation, independent or positively
    dependent tests; "by": the same under any dependence.
    Raises ValueError for an empty family, p-values outside [0, 1] or NaN, an unknown method, or an alpha
    outside (0, 1).
    Source: Holm (1979), Scandinavian Journal of Statistics 6:65-70; Hochberg (1988), Biometrika 75:800-802;
    Benjamini & Hochberg (1995), Journal of the Royal Statistical Society B 57:289-300; Benjamini & Yekutieli
    (2001), Annals of Statistics 29:1165-1188.

    >>> family = adjust([0.005, 0.06, 0.007, 0.04], "holm")
    >>> [round(p, 3) for p in family.p_values], family.rejected
    ([0.02, 0.08, 0.021, 0.08], (True, False, True, False))
    """
    family = finite_array("p_values", p_values)
    if family.min() < 0 or family.max() > 1:
        raise ValueError(f"p_values: expected numbers from 0 to 1, found {family.min():g}..{family.max():g}")
    one_of("method", method, tuple(METHODS))
    level("alpha", alpha)
    adjusted = METHODS[method](family)
    return AdjustedFamily(
        p_values=tuple(float(p) for p in adjusted),
        rejected=tuple(bool(p <= alpha) for p in adjusted),
        method=method,
        alpha=float(alpha),
    )


def _bonferroni(p: FloatArray) -> FloatArray:
    return np.minimum(1.0, p * len(p))


def _holm(p: FloatArray) -> FloatArray:
    order = np.argsort(p, kind="stable")
    steps = np.arange(len(p), 0, -1)
    return _in_place(order, np.minimum(1.0, np.maximum.accumulate(p[order] * steps)))


def _holm_sidak(p: FloatArray) -> FloatArray:
    order = np.argsort(p, kind="stable")
    steps = np.arange(len(p), 0, -1)
    with np.errstate(divide="ignore"):  # the logarithm of 0 where p is 1
        adjusted = -np.expm1(steps * np.log1p(-p[order]))
    return _in_place(order, np.maximum.accumulate(adjusted))


def _hochberg(p: FloatArray) -> FloatArray:
    order = np.argsort(p, kind="stable")[::-1]
    steps = np.arange(1, len(p) + 1)
    return _in_place(order, np.minimum(1.0, np.minimum.accumulate(p[order] * steps)))


def _benjamini_hochberg(p: FloatArray) -> FloatArray:
    return np.asarray(stats.false_discovery_control(p, method="bh"))


def _benjamini_yekutieli(p: FloatArray) -> FloatArray:
    return np.asarray(stats.false_discovery_control(p, method="by"))


def _in_place(order: np.typing.NDArray[np.intp], adjusted: FloatArray) -> FloatArray:
    placed = np.empty_like(adjusted)
    placed[order] = adjusted
    return placed


METHODS = {
    "bonferroni": _bonferroni,
    "holm": _holm,
    "holm-sidak": _holm_sidak,
    "hochberg": _hochberg,
    "bh": _benjamini_hochberg,
    "by": _benjamini_yekutieli,
}
