"""Mann and Kendall's test over the last weeks of many series at once, at every week.

Belongs here: S of every window, and what it is worth among neighbours that are alike. Not here: the test of one series
(trend.py), which has to tell the likeness from the same values, and which windows mean what (drift.py).
"""

from __future__ import annotations

import math

import numpy as np

from lakehouse.stats.guards import FloatArray
from lakehouse.stats.mann_kendall import rank_inflation

_PHI = np.linspace(0.0, 0.95, 96)


def rolling_s(x: FloatArray, size: int, slope: FloatArray | None = None) -> FloatArray:
    """Pairs that rise minus pairs that fall in every window of `size`; pairs with a gap don't count.

    x: (series, n), NaN for gaps; slope: (series, n - size + 1), by how much a step has to rise in each window to count
    as rising; None: 0, which is much faster. Result: (series, n - size + 1).

    >>> rolling_s(np.array([[1.0, 2.0, 3.0, 2.0]]), 3).tolist()
    [[3.0, 0.0]]
    """
    windows = x.shape[1] - size + 1
    s = np.zeros((len(x), max(windows, 0)))
    if windows <= 0:
        return s
    for lag in range(1, size):
        steps = x[:, lag:] - x[:, :-lag]
        if slope is None:
            sums = np.cumsum(np.pad(np.nan_to_num(np.sign(steps)), ((0, 0), (1, 0))), axis=1)
            s += sums[:, size - lag :] - sums[:, : -(size - lag)]
            continue
        for first in range(size - lag):
            s += np.nan_to_num(np.sign(steps[:, first : first + windows] - lag * slope))
    return s


def there(x: FloatArray, size: int) -> FloatArray:
    """How many values every window of `size` holds; x: (series, n), NaN for gaps."""
    sums = np.cumsum(np.pad(np.isfinite(x), ((0, 0), (1, 0))), axis=1)
    return np.asarray(sums[:, size:] - sums[:, :-size], dtype=np.float64)


def z_of(s: FloatArray, seen: FloatArray, phi: FloatArray, size: int) -> FloatArray:
    """S over its standard deviation among `seen` values whose neighbours are correlated by phi; shapes alike.

    Ties are not allowed for, which makes z smaller than it might be.
    Source: Hamed & Rao (1998), Journal of Hydrology 204:182-196, with the autocorrelation of ranks as in trend.py.

    >>> float(z_of(np.array([3.0]), np.array([3.0]), np.array([0.0]), 3)[0].round(3))
    1.044
    """
    inflations = [
        rank_inflation(6 / math.pi * np.arcsin(one ** np.arange(1, size) / 2), size) for one in _PHI
    ]
    variance = seen * (seen - 1) * (2 * seen + 5) / 18 * np.interp(phi, _PHI, inflations)
    return np.asarray(np.sign(s) * np.maximum(np.abs(s) - 1, 0.0) / np.sqrt(np.maximum(variance, 1.0)))
