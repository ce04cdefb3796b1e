"""Days and values as they come, made into one value per period without holes in the calendar.

Belongs here: order, gaps and duplicates. Not here: what a value should have been (expected.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lakehouse.stats.guards import FloatArray, count


@dataclass(frozen=True, slots=True)
class RegularSeries:
    """Every period from the first to the last. days: (n,); values: (n,), NaN where there is none (the only such result).

    status: ok, or what was found; gaps: periods without a value; duplicates: periods that came with several values that
    differ, which are left without one.
    """

    status: str
    days: NDArray[np.int64]
    values: FloatArray
    gaps: int
    duplicates: int


def regular(days: ArrayLike, values: ArrayLike, *, step_days: int = 1) -> RegularSeries:
    """One value per period, in order.

    days: whole days since 1970-01-01, any order; values: as many, NaN or infinite for none; step_days: 1 for daily
    series, 7 for weekly ones, whose days then are the weeks' first. A day that comes twice with one value counts once.
    Raises ValueError when lengths differ, or days are not `step_days` apart.

    >>> series = regular([3, 1, 2, 2, 6], [30.0, 10.0, 20.0, 21.0, 60.0])
    >>> series.status, series.days.tolist(), series.gaps
    ('1 duplicated day', [1, 2, 3, 4, 5, 6], 3)
    """
    step = count("step_days", step_days, least=1)
    at, given = np.asarray(days, dtype=np.int64).ravel(), np.asarray(values, dtype=np.float64).ravel()
    if len(at) != len(given):
        raise ValueError(f"values: expected {len(at)} as in days, found {len(given)}")
    is_value = np.isfinite(given)
    if not len(at) or not is_value.any():
        return RegularSeries("no values", np.unique(at), np.full(len(np.unique(at)), np.nan), len(at), 0)
    if ((at - at[0]) % step).any():
        raise ValueError(f"days: expected {step} days apart, found other distances")
    every = np.arange(at.min(), at.max() + 1, step)
    place = ((at - at.min()) // step)[is_value]
    low, high = np.full(len(every), np.inf), np.full(len(every), -np.inf)
    np.minimum.at(low, place, given[is_value])
    np.maximum.at(high, place, given[is_value])
    differs = high > low
    filled = np.where(high == low, low, np.nan)
    duplicates, gaps = int(differs.sum()), int(np.isnan(filled).sum())
    status = f"{duplicates} duplicated day{'s' if duplicates > 1 else ''}" if duplicates else "ok"
    return RegularSeries(status, every, filled, gaps, duplicates)
