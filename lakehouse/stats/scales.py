"""The scale on which a KPI's effects add up and its noise is even: logarithms that bear zeros, angles for shares, or as it is.

Belongs here: the choice of the scale, there and back. Not here: what is expected on it (expected.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lakehouse.stats.guards import FloatArray

Kind = Literal["log", "angle", "as is"]
KINDS: tuple[Kind, ...] = ("log", "angle", "as is")
# Series whose numbers, and what is made of them on the way, stay within a processor's cache.
AT_ONCE = 32
# Zeros on more open days than these are a low volume; fewer are outages, which are to be found.
ZEROS_OF_LOW_VOLUME = 0.05


@dataclass(frozen=True, slots=True)
class Scale:
    """kind: "log": generalized logarithm with `offset` c, whose noise is even where variance is proportional to y² + 2cy
    (counts of events besides noise in proportion); c is 0 for plain logarithms. "angle": asin(sqrt(y)), for shares. "as is": y
    in units of `unit`. least: what smaller values count as, where logarithms have no zero. reach: what an effect of 1
    on a logarithmic scale is on this one. grain: what one event adds, 0 where that isn't known.
    """

    kind: Kind
    offset: float
    unit: float
    least: float
    reach: float
    grain: float = 0.0

    def there(self, y: FloatArray) -> FloatArray:
        """Values on the scale; NaN stays NaN."""
        return np.asarray(there([self], y[None, :])[0])

    def back(self, g: FloatArray) -> FloatArray:
        """Values from the scale."""
        return np.asarray(back([self], g[None, :])[0])


def there(scales: Sequence[Scale], y: FloatArray) -> FloatArray:
    """Values on their scales, a row of (series, n) for each; NaN stays NaN."""
    g = np.empty(y.shape)
    for kind, rows, offset, unit, least in _by_kind(scales):
        part = y[rows]
        if kind == "as is":
            g[rows] = part / unit
        elif kind == "angle":
            g[rows] = np.arcsin(np.sqrt(np.clip(part, 0.0, 1.0)))
        else:
            raised = np.maximum(part, least)
            g[rows] = np.log(raised + offset + np.sqrt(raised * (raised + 2 * offset))) - np.log(unit)
    return g


def back(scales: Sequence[Scale], g: FloatArray) -> FloatArray:
    """Values from their scales; never below 0 for logarithms, never outside 0..1 for angles."""
    y = np.empty(g.shape)
    for kind, rows, offset, unit, _ in _by_kind(scales):
        part = g[rows]
        if kind == "as is":
            y[rows] = part * unit
        elif kind == "angle":
            y[rows] = np.sin(np.clip(part, 0.0, np.pi / 2)) ** 2
        else:
            # exp(30) is beyond any KPI that is `unit` on a common day.
            low = np.maximum(unit * np.exp(np.clip(part, -30.0, 30.0)), offset)
            y[rows] = (low - offset) ** 2 / (2 * low)
    return y


def _by_kind(
    scales: Sequence[Scale],
) -> Iterator[tuple[Kind, NDArray[np.intp], FloatArray, FloatArray, FloatArray]]:
    """Series of one kind, some at a time: which, and their offsets, units and least values as columns."""
    for kind in KINDS:
        of_kind = [(i, one) for i, one in enumerate(scales) if one.kind == kind]
        for start in range(0, len(of_kind), AT_ONCE):
            some = of_kind[start : start + AT_ONCE]
            rows = np.array([i for i, _ in some], dtype=np.intp)
            offset, unit, least = np.array([(one.offset, one.unit, one.least) for _, one in some]).T
            yield kind, rows, offset[:, None], unit[:, None], least[:, None]


def scale_of(y: FloatArray, *, is_share: bool = False, grain: float | None = None, season: int = 7) -> Scale:
    """The scale of a series, from its first part; y: (n,), finite, at least 1.

    is_share: the values are parts of a whole, 0..1. grain: what one event adds (1 for counts, about a mean order for
    revenue); None: told from zeros, if there are many. season: periods between values that are alike.

    >>> scale_of(np.array([100.0, 120.0, 90.0])).kind, scale_of(np.array([-5.0, 3.0, 8.0])).kind
    ('log', 'as is')
    """
    # A unit in which the largest value is beyond all bounds is none.
    typical = max(float(np.median(np.abs(y))), 1e-9 * float(np.abs(y).max())) or 1.0
    if is_share and y.min() >= 0 and y.max() <= 1:
        share = min(max(float(np.median(y)), 0.01), 0.99)
        rarer = min(share, 1 - share)
        return Scale("angle", 0.0, 1.0, 0.0, 0.5 * float(np.sqrt(rarer / (1 - rarer))))
    if y.min() < 0:
        return Scale("as is", 0.0, typical, 0.0, 1.0)
    # After a day with business: a week without any is a closure, not a low volume.
    after = y[1:][y[:-1] > 0]
    zeros = float((after == 0).mean()) if len(after) else 0.0
    one = grain
    if one is None and zeros > ZEROS_OF_LOW_VOLUME:
        # Events that come by chance leave exp(-events) of the days empty.
        one = float(y.mean()) / max(-float(np.log(zeros)), 0.1)
    positive = y[y > 0]
    usual = float(np.median(positive)) if len(positive) else 1.0
    offset = 0.0
    if one is not None and one > 0:
        pairs = (
            np.log(np.maximum(y[season:], one / 2) / np.maximum(y[:-season], one / 2))
            if len(y) > season + 7
            else np.zeros(0)
        )
        relative = (float(np.median(np.abs(pairs))) / 0.6745) ** 2 / 2 if len(pairs) else 0.04
        # What is left to noise in proportion once counting has its part, at least 5 %.
        offset = one / (2 * max(relative - one / max(float(y.mean()), one), 0.05**2))
    least = usual / 1000 if offset == 0 else 0.0
    reach = float(np.sqrt(usual / (usual + 2 * offset)))
    return Scale("log", offset, 2 * usual, least, reach, max(one or 0.0, 0.0))
