"""What is asked of the generator, and the calendar and random streams that follow from it.

Belongs here: the plan, its months and one random stream per purpose. Doesn't: any business behaviour.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DAY = 86_400
#: The instant of what never happens: after every plan's end, and far enough from overflow to add lags to it.
NEVER = 1 << 60
REPORTING_CURRENCY = "EUR"
FOREIGN_CURRENCY = "GBP"


@dataclass(frozen=True, slots=True)
class Month:
    """One calendar month cut to the plan's days; `start` and `end` are half-open epoch seconds."""

    index: int
    label: str
    start: int
    end: int

    @property
    def days(self) -> int:
        return (self.end - self.start) // DAY


@dataclass(frozen=True, slots=True)
class GeneratorPlan:
    """A company to make: exactly `orders` orders placed in [start, end).

    dirt: share of bad rows to plant beside the good ones, and of files to re-send or deliver late.
    foreign_share: share of customers who live where the foreign currency is paid; 0 leaves out fx_rates.
    visitors_per_order: new visitors of the web for each order, fewer in large plans; 0 leaves out the web, the
    experiments on it and the subscriptions.
    troubles: whether things go wrong in the company that its KPIs show (see troubles.py).
    """

    orders: int
    start: date
    end: date
    seed: int = 0
    dirt: float = 0.0
    foreign_share: float = 0.03
    visitors_per_order: float = 4.0
    troubles: bool = True

    def __post_init__(self) -> None:
        if self.orders < 1:
            raise ValueError(f"orders: expected at least 1, found {self.orders}.")
        if self.end <= self.start:
            raise ValueError(
                f"end: expected a day after start ({self.start}), found {self.end}. "
                "The end is the first day that is not generated."
            )
        if self.seed < 0:
            raise ValueError(f"seed: expected 0 or more, found {self.seed}.")
        for name, share in (("dirt", self.dirt), ("foreign_share", self.foreign_share)):
            if not 0 <= share <= 0.5:
                raise ValueError(f"{name}: expected a share between 0 and 0.5, found {share}.")
        if not 0 <= self.visitors_per_order <= 100:
            raise ValueError(
                f"visitors_per_order: expected a number between 0 and 100, found {self.visitors_per_order}."
            )

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def first_second(self) -> int:
        return _epoch(self.start)

    @property
    def end_second(self) -> int:
        return _epoch(self.end)

    def months(self) -> Iterator[Month]:
        first, index = self.start, 0
        while first < self.end:
            following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
            yield Month(index, f"{first:%Y-%m}", _epoch(first), _epoch(min(following, self.end)))
            first, index = following, index + 1

    def stream(self, purpose: str, index: int = 0) -> np.random.Generator:
        """A random stream for one purpose and month, so that no part disturbs another's numbers."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode()), index])


def _epoch(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
