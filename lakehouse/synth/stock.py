"""The stock: what orders take, what comes back, and what is ordered anew.

Belongs here: movements and the levels they lead to. Doesn't: the reorder points (catalogue.py).
A product is reordered when its position falls below a trigger of its own; some triggers are late and some
suppliers slow, so products run below their reorder point, some down to nothing, and recover. Parcels leave as
promised: what is missing on the shelf comes by express the same morning, so stock on hand is never negative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakehouse.synth.batch import pick, stack
from lakehouse.synth.catalogue import Catalogue
from lakehouse.synth.orders import Lines, Orders
from lakehouse.synth.plan import DAY, NEVER, Bools, GeneratorPlan, Ints, Month
from lakehouse.synth.returns import Returns

KINDS = ("receipt", "allocation", "release", "shipment", "return", "adjustment")
RECEIPT, ALLOCATION, RELEASE, SHIPMENT, RETURN, ADJUSTMENT = range(6)
#: Suppliers deliver at 5 h and express at 6 h; parcels leave from 7 h on; stock is counted at 23 h.
DELIVERY_HOUR, EXPRESS_HOUR, COUNT_HOUR = 5, 6, 23
LOT_DAYS, FIRST_LOT_DAYS = 28.0, 38.0
SLOW_DELIVERIES, HORIZON_DAYS = 0.12, 40
COUNTED_PER_DAY = 0.002


@dataclass(frozen=True, slots=True)
class Movements:
    product: Ints
    at: Ints
    kind: Ints
    quantity: Ints


def movements_of(orders: Orders, lines: Lines, returns: Returns) -> Movements:
    """What a month's orders do to the stock over their whole life."""
    parts = [_movements(lines.product, orders.created[lines.order], ALLOCATION, lines.quantity)]
    for events, kind in ((orders.cancelled, RELEASE), (orders.fulfilled, SHIPMENT)):
        at = events[lines.order]
        happens = at < NEVER
        parts.append(_movements(lines.product[happens], at[happens], kind, lines.quantity[happens]))
    parts.append(_movements(returns.product, returns.at, RETURN, returns.quantity))
    return stack(parts)


def _movements(product: Ints, at: Ints, kind: int, quantity: Ints) -> Movements:
    return Movements(product, at, np.full(len(product), kind, dtype=np.int64), quantity)


class Warehouse:
    """Stock levels, deliveries on the way, and the movements that later months will see."""

    def __init__(self, plan: GeneratorPlan, catalogue: Catalogue) -> None:
        rng = plan.stream("warehouse")
        count = catalogue.count
        self._plan = plan
        self._daily_units = catalogue.daily_units
        self._eagerness = rng.uniform(3.0, 11.0, count)
        self._due = np.zeros((HORIZON_DAYS, count), dtype=np.int64)
        self.listed = np.zeros(count, dtype=np.bool_)
        self._later: list[Movements] = []
        self.on_hand = np.zeros(count, dtype=np.int64)
        self.allocated = np.zeros(count, dtype=np.int64)

    def run(self, month: Month, planned: Movements, reorder_point: Ints, on_sale: Bools) -> Movements:
        """All movements of the month in the order of time, the warehouse's own among them."""
        rng = self._plan.stream("stock", month.index)
        pending = stack([*self._later, planned])
        self._later = [pick(pending, (pending.at >= month.end) & (pending.at < self._plan.end_second))]
        seen = pick(pending, pending.at < month.end)
        day = (seen.at - month.start) // DAY
        count = len(self.on_hand)

        def per_day(kind: int) -> Ints:
            rows = seen.kind == kind
            cells = day[rows] * count + seen.product[rows]
            units = np.bincount(cells, weights=seen.quantity[rows], minlength=month.days * count)
            return units.astype(np.int64).reshape(month.days, count)

        taken = per_day(ALLOCATION) - per_day(RELEASE) - per_day(SHIPMENT)
        shipped, back = per_day(SHIPMENT), per_day(RETURN)
        first_lots = np.ceil(self._daily_units * FIRST_LOT_DAYS).astype(np.int64) + 2 * reorder_point
        self._due[0] += np.where(on_sale & ~self.listed, first_lots, 0)
        self.listed |= on_sale
        own = [seen]
        for i in range(month.days):
            own += self._live_through(
                rng, month.start + i * DAY, taken[i], shipped[i], back[i], reorder_point
            )
        every = stack(own)
        return pick(every, np.lexsort((every.product, every.kind, every.at)))

    def _live_through(
        self,
        rng: np.random.Generator,
        midnight: int,
        taken: Ints,
        shipped: Ints,
        back: Ints,
        reorder_point: Ints,
    ) -> list[Movements]:
        delivered = self._due[0].copy()
        self._due = np.roll(self._due, -1, axis=0)
        self._due[-1] = 0
        express = np.maximum(shipped - self.on_hand - delivered, 0)
        self.on_hand += delivered + express - shipped
        is_counted = self.listed & (rng.random(len(shipped)) < COUNTED_PER_DAY)
        counted = np.where(is_counted, rng.integers(-3, 3, len(shipped)), 0)
        # A count finds no more missing than there was before the day's returns.
        counted = np.maximum(counted, -self.on_hand)
        self.on_hand += counted + back
        self.allocated += taken

        position = self.on_hand - self.allocated + self._due.sum(axis=0)
        low = self.listed & (position < reorder_point + self._daily_units * self._eagerness)
        lot = np.ceil(self._daily_units * LOT_DAYS).astype(np.int64) + reorder_point
        slow = rng.random(len(low)) < SLOW_DELIVERIES
        days = rng.integers(2, 8, len(low)) + np.where(slow, rng.integers(6, 24, len(low)), 0)
        self._due[days[low], low.nonzero()[0]] += lot[low]
        return [
            _own(rng, midnight, DELIVERY_HOUR, RECEIPT, delivered),
            _own(rng, midnight, EXPRESS_HOUR, RECEIPT, express),
            _own(rng, midnight, COUNT_HOUR, ADJUSTMENT, counted),
        ]


def _own(rng: np.random.Generator, midnight: int, hour: int, kind: int, units: Ints) -> Movements:
    product = np.flatnonzero(units)
    at = midnight + hour * 3600 + rng.integers(0, 3600, len(product))
    return _movements(product, at, kind, units[product])
