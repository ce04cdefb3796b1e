"""How much leaves vary from week to week, and so how far one more week may be off by chance.

Belongs here: the noise of leaves from some weeks of each, for amounts and for ratios. Not here: which weeks (baseline.py),
and noise from the leaves of one comparison (evidence.py).

What moves all leaves of a week is told as a broad change, so it is no noise: each week is put to a common total, or a common
ratio, first. A few weeks know a variance badly, so it is shrunk towards a law that all leaves share, phi size + tau^2 size^2,
as strongly as the leaves agree with it. Counts are no quieter than chance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.special import polygamma

from lakehouse.metrics.causes.cuboids import Cuboid, cuboids, sums
from lakehouse.metrics.causes.evidence import QUIETEST, tail_of
from lakehouse.stats.guards import FloatArray

# Degrees of freedom that the common law is worth: where few leaves could tell, and at most.
LAW_OF_FEW, LAW_AT_MOST = 2.0, 50.0
FEW = 10
FITS = 4
Codes = Sequence[NDArray[np.intp]]


@dataclass(frozen=True, slots=True)
class WeeklyNoise:
    """Standard deviation of each leaf around what the weeks say, above 0; and the degrees of freedom of its tail."""

    deviation: FloatArray
    tail: float


def noise_of_amounts(weeks: FloatArray, codes: Codes, *, least_phi: float, depth: int) -> WeeklyNoise:
    """Noise of a week around the mean of these, of shape (leaves, weeks); at least 3 weeks.

    codes: the place of each leaf's value in each dimension. least_phi: what the variance of 1 is at least: 1 for counts, 0
    where nothing is known. Where the leaves of some segment vary together, all noise is as wide as makes the segments of
    that kind ordinary; depth: of how many dimensions these are.
    """
    totals = weeks.sum(axis=0)
    even = weeks * (totals.mean() / totals) if (totals > 0).all() else weeks
    mean = even.mean(axis=1)
    found = _noise(np.abs(even).mean(axis=1), even - mean[:, None], codes, least_phi, depth)
    return replace(found, deviation=found.deviation * math.sqrt(1 + 1 / weeks.shape[1]))


def noise_of_ratios(
    top: FloatArray, bottom: FloatArray, after: FloatArray, codes: Codes, *, least_phi: float, depth: int
) -> WeeklyNoise:
    """Noise of a week's numerators around each leaf's ratio times its denominators `after`; otherwise the same."""
    count = top.shape[1]
    sums_of_bottom = bottom.sum(axis=1)
    ratio = np.divide(top.sum(axis=1), sums_of_bottom, out=np.zeros(len(top)), where=sums_of_bottom > 0)
    fitted = ratio[:, None] * bottom
    totals, wanted = top.sum(axis=0), fitted.sum(axis=0)
    if (totals > 0).all() and (wanted > 0).all():
        fitted = fitted * (totals / wanted)
    found = _noise(np.abs(fitted).mean(axis=1), top - fitted, codes, least_phi, depth)
    mean = sums_of_bottom / count
    # A larger week is noisier by its root, and the more of it rests on a ratio known from smaller ones.
    grown = np.divide(after, mean, out=np.ones(len(top)), where=mean > 0)
    grown = np.where(grown > 0, grown, 1.0)
    return replace(found, deviation=found.deviation * np.sqrt(grown + grown**2 / count))


def _noise(
    size: FloatArray, deviations: FloatArray, codes: Codes, least_phi: float, depth: int
) -> WeeklyNoise:
    """The noise of single weeks from how far each was off."""
    own = deviations.shape[1] - 1.0
    variance = (deviations**2).sum(axis=1) / own
    phi, tau_squared = _law(size, variance, least_phi)
    # A leaf that was hardly ever there may bring one event without surprise.
    law = phi * np.maximum(size, phi) + tau_squared * size**2
    largest = float(size.max())
    floor = np.maximum(least_phi * np.maximum(size, least_phi), (QUIETEST * size) ** 2)
    floor = np.maximum(floor, (QUIETEST**2 * largest) ** 2 if largest > 0 else 1.0)
    law = np.maximum(law, floor)
    worth = _worth_of_law(variance[size > 0] / law[size > 0], own)
    spread = np.sqrt(np.maximum((worth * law + own * variance) / (worth + own), floor))
    together = max(
        (
            _together(summed, variances)
            for summed, variances in _by_cuboid(deviations, spread**2, cuboids(codes, depth))
        ),
        default=1.0,
    )
    tail = min(worth + own, tail_of(_left_out(deviations, law, floor, worth) ** 2))
    return WeeklyNoise(np.asarray(spread * together), tail)


def _law(size: FloatArray, variance: FloatArray, least_phi: float) -> tuple[float, float]:
    """phi and tau squared of variance = phi size + tau squared size^2; leaves count alike, whatever their size."""
    seen = size > 0
    if not seen.any():
        return least_phi, 0.0
    size, variance = size[seen], variance[seen]
    phi = max(least_phi, float(variance.sum() / size.sum()))
    tau_squared = 0.0
    for _ in range(FITS):
        fitted = np.maximum(phi * size + tau_squared * size**2, 1e-12 * size**2)
        design = np.column_stack([size / fitted, size**2 / fitted])
        scales = design.max(axis=0)
        (above, squared), _ = nnls(design / scales, np.maximum(variance - least_phi * size, 0.0) / fitted)
        phi, tau_squared = least_phi + float(above / scales[0]), float(squared / scales[1])
    return phi, tau_squared


def _worth_of_law(ratios: FloatArray, own: float) -> float:
    """How many degrees of freedom the law is worth, from how far leaves' own variances are off it.

    Source: Smyth (2004), Statistical Applications in Genetics and Molecular Biology 3:3.
    """
    ratios = ratios[ratios > 0]
    if len(ratios) < FEW:
        return LAW_OF_FEW
    excess = float(np.log(ratios).var(ddof=1) - polygamma(1, own / 2))
    if excess <= 0:
        return LAW_AT_MOST
    return min(LAW_AT_MOST, (1 + math.sqrt(1 + 2 * excess)) / excess)


def _by_cuboid(
    deviations: FloatArray, variances: FloatArray, lattice: Sequence[Cuboid]
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """For each cuboid but the whole, its segments' deviations in each week, and their variances."""
    columns = [np.ascontiguousarray(column) for column in deviations.T]
    for one in sums(lattice, variances, *columns)[1:]:
        yield np.column_stack(one[1:]), one[0]


def _together(deviations: FloatArray, variances: FloatArray) -> float:
    """By how much segments of one cuboid vary more than their leaves do apart; 1 where they don't."""
    segments, weeks = deviations.shape
    squares = float(((deviations**2).sum(axis=1) / variances).sum())
    return math.sqrt(max(1.0, squares / (segments * (weeks - 1))))


def _left_out(deviations: FloatArray, law: FloatArray, floor: FloatArray, worth: float) -> FloatArray:
    """How far each week is off what the others make usual, in the standard deviations that these know; flat."""
    weeks = deviations.shape[1]
    off = deviations * (weeks / (weeks - 1))
    others = (deviations**2).sum(axis=1, keepdims=True) - deviations * off
    shrunk = (worth * law[:, None] + np.maximum(others, 0.0)) / (worth + weeks - 2)
    return np.asarray(off / np.sqrt(np.maximum(shrunk, floor[:, None]) * (weeks / (weeks - 1)))).ravel()
