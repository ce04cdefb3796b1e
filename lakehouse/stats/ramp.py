"""A level that moves steadily to another: when the way began and ended, by least squares.

Belongs here: that fit. Not here: whether there is such a way (drift.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lakehouse.stats.guards import count


@dataclass(frozen=True, slots=True)
class Ramp:
    """begun: position of the first value on the way; arrived: of the last; before, after: the two levels."""

    begun: int
    arrived: int
    before: float
    after: float


def ramp(x: ArrayLike, *, least: int = 3) -> Ramp | None:
    """The best fit of a level, a straight way and another level (which may lie at the end), or None without enough values.

    x: (n,), NaN for gaps; least: values on either part of the level before and on the way. Every pair of begin and end is tried,
    so n^2 / 2 fits: meant for a few hundred values at most. Of equal fits the earliest.

    >>> found = ramp([10.0, 10, 10, 10, 9, 8, 7, 6, 6, 6])
    >>> found.begun, found.arrived, found.before, found.after
    (4, 7, 10.0, 6.0)
    """
    values = np.asarray(x, dtype=np.float64).ravel()
    least = count("least", least, least=1)
    at = np.flatnonzero(np.isfinite(values))
    if len(at) < 2 * least:
        return None
    y = values[at]
    centered = y - y.mean()
    begins, ends = np.triu_indices(len(values), least - 1)
    kept = (begins >= at[least - 1] + 1) & (ends < len(values))
    begins, ends = begins[kept], ends[kept]
    if not len(begins):
        return None
    # 0 before the way, 1 from its last value on.
    way = np.clip((at - begins[:, None] + 1) / (ends - begins + 1)[:, None], 0.0, 1.0)
    apart = way - way.mean(axis=1, keepdims=True)
    square = (apart**2).sum(axis=1)
    product = apart @ centered
    saved = np.where(square > 1e-12, product**2 / np.maximum(square, 1e-12), -1.0)
    best = int(np.argmax(saved))
    move = float(product[best] / max(square[best], 1e-12))
    before = float(y.mean() - move * way[best].mean())
    return Ramp(int(begins[best]), int(ends[best]), before, before + move)
