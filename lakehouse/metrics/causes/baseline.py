"""What the leaves of a period usually are: the same weekdays of the weeks before.

Belongs here: choosing the weeks, and the amounts of leaves in them. Not here: reading leaves (leaf_sql.py), and how much
weeks vary (weekly_noise.py).

Each of the weeks before is put into the period's form: a Monday counts as often as the period has Mondays.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from lakehouse.metrics.causes.leaf_sql import KpiLeaves
from lakehouse.stats.guards import FloatArray

WEEKS = 8
# Fewer say too little of what is usual.
LEAST_WEEKS = 3


@dataclass(frozen=True, slots=True)
class Weeks:
    """Amounts of each leaf in each of the weeks used, the latest first, in the form of a period.

    top, bottom: shape (leaves, weeks); bottom is None for a KPI that is no ratio. starts: the first day of each week.
    left_out: weeks that hold days known to be out of the ordinary. are_all: these are among them, as there is nothing else.
    """

    top: FloatArray
    bottom: FloatArray | None
    starts: tuple[date, ...]
    left_out: int
    are_all: bool

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
    ordinary, left_out, are_all = _ordinary(start, np.ones(7) if is_weekly else often, leaves.begun, besides)
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
        are_all=are_all,
    )


def days_of_weeks(
    first: date, last: date, *, begun: date | None = None, besides: Collection[date] = ()
) -> dict[date, float]:
    """The days of these weeks, each with how often it counts in their mean."""
    often = _often(first, last)
    ordinary, _, _ = _ordinary(first, often, begun or date.min, besides)
    days = [opened + timedelta(days=number) for _, opened in ordinary for number in range(7)]
    return {one: often[one.weekday()] / len(ordinary) for one in days if often[one.weekday()] > 0}


def _often(first: date, last: date, every: int = 1) -> FloatArray:
    """How often each weekday, or each one that a week begins with, is in a period."""
    often = np.zeros(7)
    for number in range(0, 1 + (last - first).days, every):
        often[(first + timedelta(days=number)).weekday()] += 1
    return often


def _ordinary(
    start: date, often: FloatArray, begun: date | None, besides: Collection[date]
) -> tuple[list[tuple[int, date]], int, bool]:
    """The weeks before a day: how far back, and their first day; how many were left out; whether none could be.

    Left out is a week with a day out of the ordinary, unless hardly a week were left.
    """
    known = []
    for number in range(1, WEEKS + 1):
        opened = start - timedelta(days=7 * number)
        if begun is None or opened < begun:
            break
        known.append((number, opened))
    kept = [
        (number, opened)
        for number, opened in known
        if not any(
            one in besides and often[one.weekday()] > 0
            for one in (opened + timedelta(days=day) for day in range(7))
        )
    ]
    if len(kept) < min(LEAST_WEEKS, len(known)):
        return known, 0, True
    return kept, len(known) - len(kept), False
