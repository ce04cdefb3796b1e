"""The recall of a product: nobody can buy it any more, and units sold before come back.

Belongs here: what a recall does to lines and returns, and the count of both for the truth. Doesn't: its time (troubles.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lakehouse.synth.batch import draw
from lakehouse.synth.plan import DAY, NEVER, Bools, Ints

#: Of the units delivered in the days before, this share comes back.
BACK_SHARE, BACK_FROM_DAYS = 0.2, 45
MEAN_DAYS = 6.0


class Recall:
    """One product's recall in [start, end); in_category: per product, whether it is of the recalled one's category."""

    def __init__(self, product: int, start: int, end: int, in_category: Bools) -> None:
        self.product = product
        self.start = start
        self.end = end
        self._in_category = in_category
        #: Units wanted, sold, come back, and come back by the recall in its time: of the category, and of everything.
        self._counts = np.zeros((2, 4), dtype=np.int64)

    def sell(
        self,
        rng: np.random.Generator,
        order: Ints,
        product: Ints,
        quantity: Ints,
        times: Ints,
        popularity: NDArray[np.float64],
    ) -> tuple[Bools, Ints]:
        """Which lines of a month are still bought, and their products: who wanted nothing else takes something else."""
        during = (times >= self.start) & (times < self.end)
        gone = during & (product == self.product)
        orders = int(order[-1]) + 1 if len(order) else 0
        left = np.bincount(order[~gone], minlength=orders)
        instead = np.flatnonzero(gone & (left[order] == 0))
        # One line of an order that held nothing else is kept.
        instead = instead[np.unique(order[instead], return_index=True)[1]]
        others = popularity.copy()
        others[self.product] = 0.0
        bought = product.copy()
        bought[instead] = draw(rng, others, len(instead))
        kept = ~gone
        kept[instead] = True
        self._count(0, product[during], quantity[during])
        self._count(1, bought[during & kept], quantity[during & kept])
        return kept, bought

    def come_back(
        self, rng: np.random.Generator, product: Ints, created: Ints, delivered: Ints, may: Bools
    ) -> tuple[Ints, Ints]:
        """Lines that come back because of the recall, and when. may: lines of which nothing comes back otherwise."""
        sold = may & (product == self.product) & (created < self.start) & (delivered < NEVER)
        sold &= delivered >= self.start - BACK_FROM_DAYS * DAY
        lines = np.flatnonzero(sold & (rng.random(len(product)) < BACK_SHARE))
        lag = DAY + np.floor(rng.exponential(MEAN_DAYS * DAY, len(lines))).astype(np.int64)
        at = np.maximum(delivered[lines], self.start) + lag
        return lines[at < self.end], at[at < self.end]

    def see(self, product: Ints, quantity: Ints, at: Ints, is_recalled: Bools) -> None:
        """Count a month's planned returns."""
        during = (at >= self.start) & (at < self.end)
        self._count(2, product[during], quantity[during])
        self._count(3, product[during & is_recalled], quantity[during & is_recalled])

    def _count(self, column: int, product: Ints, quantity: Ints) -> None:
        self._counts[0, column] += quantity[self._in_category[product]].sum()
        self._counts[1, column] += quantity.sum()

    def effects(self) -> dict[str, tuple[float, float]]:
        """What became of units sold and of the return rate, relative to no recall: in the category, and of everything."""
        wanted, sold, back, recalled = (column.astype(np.float64) for column in self._counts.T)
        with np.errstate(divide="ignore", invalid="ignore"):
            units = sold / wanted - 1
            rate = (back / sold) / ((back - recalled) / wanted) - 1
        return {
            name: (round(float(effect[0]), 4), round(float(effect[1]), 4))
            for name, effect in (("units_sold", units), ("return_rate", rate))
        }
