"""Leaves of a KPI in two periods, searched with the noise that the weeks before tell.

Belongs here: amounts of leaves in, an explanation out, or why there is none. Not here: which periods (of_kpi.py), the noise
(weekly_noise.py), the search (attribution.py).
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.metrics.causes.attribution import (
    DEPTH,
    RatioColumns,
    RatioNoise,
    additive_causes,
    ratio_causes,
)
from lakehouse.metrics.causes.baseline import LEAST_WEEKS, Weeks
from lakehouse.metrics.causes.evidence import least_phi_of_ratios, whole
from lakehouse.metrics.causes.explanation import Explanation
from lakehouse.metrics.causes.leaf_sql import KpiLeaves
from lakehouse.metrics.causes.weekly_noise import noise_of_amounts, noise_of_ratios
from lakehouse.stats.guards import FloatArray

# No dimension is called so: names of dimensions begin with a letter.
_COLUMNS = RatioColumns("_top_before", "_bottom_before", "_top_after", "_bottom_after")


def sums_explained(
    leaves: KpiLeaves,
    before: FloatArray,
    after: FloatArray,
    weeks: FloatArray,
    expected: float | None,
    periods: float,
    *,
    unit: str,
    widened: float = 1.0,
) -> Explanation | str:
    """The explanation of an additive KPI, or why there is none."""
    # A leaf that was never there is none.
    there = (before != 0) | (after != 0) | (weeks != 0).any(axis=1)
    if why := _too_few(leaves, there):
        return why
    before, after, weeks = before[there], after[there], weeks[there]
    # Whole numbers are counts.
    least_phi = float(whole(weeks) and bool((weeks >= 0).all()))
    total = math.fsum(before)
    # An expectation of another sign, or of something where nothing was, can't be spread over leaves.
    if expected is not None and total > 0 and expected > 0:
        before, weeks = before * (expected / total), weeks * (expected / total)
    frame = _frame(leaves, there).with_columns(
        pl.Series("_actual", after / periods), pl.Series("_expected", before / periods)
    )
    if weeks.shape[1] < LEAST_WEEKS:
        return additive_causes(frame, leaves.dimensions, actual="_actual", expected="_expected", unit=unit)
    codes = [one[there] for one in leaves.codes]
    noise = noise_of_amounts(weeks, codes, least_phi=least_phi, depth=DEPTH)
    frame = frame.with_columns(
        pl.Series("_noise", noise.deviation * widened / periods),
        pl.Series("_usual", weeks.mean(axis=1) / periods),
    )
    return additive_causes(
        frame,
        leaves.dimensions,
        actual="_actual",
        expected="_expected",
        noise="_noise",
        usual="_usual",
        tail=noise.tail,
        unit=unit,
    )


def ratio_explained(
    leaves: KpiLeaves,
    top0: FloatArray,
    bottom0: FloatArray,
    top1: FloatArray,
    bottom1: FloatArray,
    weeks: Weeks | None = None,
) -> Explanation | str:
    """The explanation of a ratio, or why there is none. weeks: those that 0 is the sum of, to tell noise by."""
    there = (top0 != 0) | (bottom0 != 0) | (top1 != 0) | (bottom1 != 0)
    if why := _too_few(leaves, there):
        return why
    for name, bottom in (("before", bottom0), ("in the period", bottom1)):
        if bottom.min() < 0:
            return f"a segment's denominator is negative {name} ({bottom.min():g}), so it has no share of the whole"
        if not bottom.sum() > 0:
            return f"there is no ratio {name}: nothing to divide by"
    columns = [one[there] for one in (top0, bottom0, top1, bottom1)]
    frame = _frame(leaves, there)
    if weeks is None or weeks.bottom is None:
        frame = frame.with_columns(map(pl.Series, _COLUMNS, columns))
        return ratio_causes(frame, leaves.dimensions, columns=_COLUMNS)
    # Weeks as large as the period is, so that shares are compared and not traffic.
    grown = math.fsum(bottom1) / math.fsum(bottom0)
    columns[:2] = [one * grown for one in columns[:2]]
    top, bottom = (one[there] * (grown * len(weeks)) for one in (weeks.top, weeks.bottom))
    codes = [one[there] for one in leaves.codes]
    least = least_phi_of_ratios(top0, top1, bottom0, bottom1)
    above = noise_of_ratios(top, bottom, columns[3], codes, least_phi=least, depth=DEPTH)
    below = noise_of_amounts(bottom, codes, least_phi=float(whole(bottom0) and whole(bottom1)), depth=DEPTH)
    frame = frame.with_columns(
        *map(pl.Series, _COLUMNS, columns),
        pl.Series("_above", above.deviation),
        pl.Series("_below", below.deviation),
    )
    noise = RatioNoise("_above", "_below", above.tail, below.tail)
    return ratio_causes(frame, leaves.dimensions, columns=_COLUMNS, noise=noise)


def _frame(leaves: KpiLeaves, there: NDArray[np.bool_]) -> pl.DataFrame:
    return leaves.segments.filter(pl.Series(there))


def _too_few(leaves: KpiLeaves, there: NDArray[np.bool_]) -> str | None:
    count = int(there.sum())
    if count == 0:
        return "there is nothing but 0 in either period"
    if count == 1:
        one = ", ".join(f"{name}={value}" for name, value in _frame(leaves, there).row(0, named=True).items())
        return f"all of it is one segment, {one}"
    return None
