"""What the leaves of a period usually are: the same weekdays of the weeks before, and how much these vary.

Belongs here: choosing the weeks, expectations and noise per leaf. Not here: reading leaves (leaf_sql.py), and searching
them (attribution.py).

Each of the weeks before is put into the period's form: a Monday counts as often as the period has Mondays. A leaf's
expectation is the mean of its weeks. Its noise is their standard deviation, after each week was put to a common total, for
what moves all leaves is told as a broad change. A few weeks know a variance badly, so it is shrunk towards a law that all
leaves share, phi mean + tau^2 mean^2, as strongly as the leaves agree with it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.special import polygamma

from lakehouse.metrics.causes.cuboids import Cuboid, cuboids, sums
from lakehouse.metrics.causes.evidence import tail_of
from lakehouse.metrics.causes.leaf_sql import KpiLeaves
from lakehouse.stats.guards import FloatArray

WEEKS = 8
# Fewer say too little of what is usual.
LEAST_WEEKS = 3
# Degrees of freedom that the common law is worth: where few leaves could tell, and at most.
LAW_OF_FEW, LAW_AT_MOST = 4.0, 50.0
FEW = 10
FITS = 4


@dataclass(frozen=True, slots=True)
class Weeks:
    """Amounts of each leaf in each of the weeks used, the latest first, in the form of a period.

    top, bottom: shape (leaves, weeks); bottom is None for a KPI that is no ratio. starts: the first day of each week.
    left_out: weeks that hold days known to be out of the ordinary.
    """

    top: FloatArray
    bottom: FloatArray | None
    starts: tuple[date, ...]
    left_out: int

    def __len__(self) -> int:
        return len(self.starts)


def weeks_before(
    leaves: KpiLeaves,
    first: date,
    last: date,
    *,
    before: date | None = None,
    besides: Collection[date] = (),
    is_weekly: bool = False,
) -> Weeks:
    """The weeks that end before `before` (the period's first day unless given), each put into the period's form.

    besides: days that are no measure of what is usual. is_weekly: amounts are of weeks, by their Mondays.
    """
    start = before or first
    often = _often(first, last, 7 if is_weekly else 1)
    ordinary, left_out = _ordinary(start, np.ones(7) if is_weekly else often, leaves.begun, besides)
    kept = [number for number, _ in ordinary]
    place = np.full(WEEKS + 1, -1)
    place[kept] = range(len(kept))
    back = (start.toordinal() - leaves.period + 6) // 7
    known = (back >= 1) & (back <= WEEKS)
    known[known] = place[back[known]] >= 0
    # Day 1 was a Monday.
    times = often[(leaves.period[known] - 1) % 7]
    cells = leaves.leaf[known] * len(kept) + place[back[known]]
    shape = (len(leaves.segments), len(kept))

    def summed(amounts: FloatArray) -> FloatArray:
        counted = np.bincount(cells, amounts[known] * times, shape[0] * shape[1])
        return np.asarray(counted, dtype=np.float64).reshape(shape)

    return Weeks(
        top=summed(leaves.top),
        bottom=None if leaves.bottom is None else summed(leaves.bottom),
        starts=tuple(opened for _, opened in ordinary),
        left_out=left_out,
    )


def days_of_weeks(
    first: date, last: date, *, begun: date | None = None, besides: Collection[date] = ()
) -> dict[date, float]:
    """The days of these weeks, each with how often it counts in their mean."""
    often = _often(first, last)
    ordinary, _ = _ordinary(first, often, begun or date.min, besides)
    days = [opened + timedelta(days=number) for _, opened in ordinary for number in range(7)]
    return {one: often[one.weekday()] / len(ordinary) for one in days if often[one.weekday()] > 0}


@dataclass(frozen=True, slots=True)
class WeeklyNoise:
    """Standard deviation of each leaf's next week around the mean of those before, and the tail of what is left."""

    deviation: FloatArray
    tail: float


def noise_of_weeks(weeks: FloatArray, codes: Sequence[NDArray[np.intp]], *, depth: int) -> WeeklyNoise:
    """The noise of leaves from some weeks of them, of shape (leaves, weeks), at least 3 weeks.

    codes: the place of each leaf's value in each dimension. Where the leaves of some segment vary together, all noise is
    as wide as makes the segments of that kind ordinary; depth: of how many dimensions these are.
    """
    count = weeks.shape[1]
    even = _evened(weeks)
    mean, variance = even.mean(axis=1), even.var(axis=1, ddof=1)
    size = np.abs(even).mean(axis=1)
    # Whole numbers are counts, which are no quieter than chance.
    is_count = bool((weeks == np.floor(weeks)).all() and (weeks >= 0).all())
    phi, tau_squared = _law(size, variance, 1.0 if is_count else 0.0)
    # A leaf that was hardly ever there may bring one event without surprise.
    law = phi * np.maximum(size, phi) + tau_squared * size**2
    if not law.max() > 0:
        law = np.full_like(law, _tiny(even))
    law = np.maximum(law, law[law > 0].min())
    own = count - 1.0
    worth = _worth_of_law(variance[size > 0] / law[size > 0], own)
    shrunk = (worth * law + own * variance) / (worth + own)
    floor = np.maximum(size, 1.0) if is_count else 0.0
    spread = np.sqrt(np.maximum(shrunk, floor))
    deviations = even - mean[:, None]
    together = max(
        (
            _together(summed, variances)
            for summed, variances in _by_cuboid(deviations, spread**2, cuboids(codes, depth))
        ),
        default=1.0,
    )
    left_out = _left_out(deviations, law, floor, worth)
    known = min(worth + own, tail_of(left_out**2))
    return WeeklyNoise(np.asarray(spread * math.sqrt(1 + 1 / count) * together), known)


def _often(first: date, last: date, every: int = 1) -> FloatArray:
    """How often each weekday, or each one that a week begins with, is in a period."""
    often = np.zeros(7)
    for number in range(0, 1 + (last - first).days, every):
        often[(first + timedelta(days=number)).weekday()] += 1
    return often


def _ordinary(
    start: date, often: FloatArray, begun: date | None, besides: Collection[date]
) -> tuple[list[tuple[int, date]], int]:
    """The weeks before a day without a day out of the ordinary: how far back, and their first day; how many have one."""
    kept, left_out = [], 0
    for number in range(1, WEEKS + 1):
        opened = start - timedelta(days=7 * number)
        if begun is None or opened < begun:
            break
        week = [opened + timedelta(days=one) for one in range(7)]
        if any(one in besides and often[one.weekday()] > 0 for one in week):
            left_out += 1
        else:
            kept.append((number, opened))
    return kept, left_out


def _evened(weeks: FloatArray) -> FloatArray:
    """The weeks put to a common total, where they have one."""
    totals = weeks.sum(axis=0)
    if not (totals > 0).all():
        return weeks
    return np.asarray(weeks * (totals.mean() / totals))


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


def _left_out(deviations: FloatArray, law: FloatArray, floor: FloatArray | float, worth: float) -> FloatArray:
    """How far each week is off what the others make usual, in the standard deviations that these know; flat."""
    weeks = deviations.shape[1]
    off = deviations * (weeks / (weeks - 1))
    others = (deviations**2).sum(axis=1, keepdims=True) - deviations * off
    shrunk = (worth * law[:, None] + np.maximum(others, 0.0)) / (worth + weeks - 2)
    least = np.asarray(floor)[:, None] if np.ndim(floor) else floor
    return np.asarray(off / np.sqrt(np.maximum(shrunk, least) * (weeks / (weeks - 1)))).ravel()


def _tiny(values: FloatArray) -> float:
    largest = float(np.abs(values).max(initial=0.0))
    return (1e-3 * largest) ** 2 if largest > 0 else 1.0
