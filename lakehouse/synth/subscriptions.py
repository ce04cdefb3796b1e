"""Subscriptions of the shop's club: who joins, what is booked every thirty days, who grows, shrinks and leaves.

Belongs here: the bookings feed's life. Doesn't: orders; a member buys like everybody else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakehouse.synth.batch import draw, pick, stack
from lakehouse.synth.plan import DAY, GeneratorPlan, Ints, Month

BOOKING_KINDS = ("new", "expansion", "renewal", "contraction", "churn")
NEW, EXPANSION, RENEWAL, CONTRACTION, CHURN = range(5)
#: Package, monthly price in cents, share.
PACKAGES = (("Basic", 1900, 0.55), ("Plus", 3900, 0.32), ("Premium", 7900, 0.13))
JOINING_SHARE, MEAN_JOINING_DAYS = 0.35, 25.0
TERM = 30 * DAY
#: What happens at the end of a term, for the kinds expansion, renewal, contraction and churn.
TERM_WEIGHTS = (0.06, 0.85, 0.03, 0.06)


@dataclass(frozen=True, slots=True)
class Bookings:
    """Bookings; money is cents of the reporting currency, `package` a position in PACKAGES."""

    customer: Ints
    at: Ints
    package: Ints
    kind: Ints
    mrr: Ints
    amount: Ints


@dataclass(frozen=True, slots=True)
class _Members:
    """Subscriptions that run or are about to begin (mrr 0), with the time of their next booking."""

    customer: Ints
    package: Ints
    mrr: Ints
    next_at: Ints


class Club:
    """The members so far."""

    def __init__(self, plan: GeneratorPlan) -> None:
        self._plan = plan
        none = np.zeros(0, dtype=np.int64)
        self._members = _Members(none, none, none, none)

    def run(self, month: Month, registered: Ints, registered_at: Ints) -> Bookings:
        """The month's bookings in the order of time; those who registered in the month may join from now on."""
        rng = self._plan.stream("club", month.index)
        self._members = stack([self._members, _joining(rng, registered, registered_at)])
        booked: list[Bookings] = []
        while True:
            due = np.flatnonzero(self._members.next_at < month.end)
            if not len(due):
                break
            booked.append(self._book(rng, due))
        if not booked:
            none = np.zeros(0, dtype=np.int64)
            return Bookings(none, none, none, none, none, none)
        every = stack(booked)
        return pick(every, np.lexsort((every.customer, every.at)))

    def _book(self, rng: np.random.Generator, due: Ints) -> Bookings:
        """The next booking of each of the members; those who leave are forgotten."""
        members = pick(self._members, due)
        begins = members.mrr == 0
        kind = np.where(begins, NEW, 1 + draw(rng, TERM_WEIGHTS, len(due)))
        price = np.array([price for _, price, _ in PACKAGES], dtype=np.int64)[members.package]
        step = np.round(members.mrr * rng.uniform(0.2, 0.5, len(due)) / 100).astype(np.int64) * 100
        cases = [kind == one for one in range(5)]
        mrr = np.select(cases, [price, step, members.mrr, -step, -members.mrr])
        amount = np.select(cases, [price, step, members.mrr, np.zeros_like(step), np.zeros_like(step)])
        self._members.mrr[due] += np.where(kind == RENEWAL, 0, mrr)
        self._members.next_at[due] += TERM
        booked = Bookings(members.customer, members.next_at, members.package, kind, mrr, amount)
        self._members = pick(self._members, (self._members.mrr > 0) | ~_touched(due, len(self._members.mrr)))
        return booked


def _joining(rng: np.random.Generator, registered: Ints, registered_at: Ints) -> _Members:
    joins = rng.random(len(registered)) < JOINING_SHARE
    lag = 3600 + np.floor(rng.exponential(MEAN_JOINING_DAYS * DAY, len(registered))).astype(np.int64)
    size = int(joins.sum())
    package = draw(rng, [share for _, _, share in PACKAGES], size)
    return _Members(
        registered[joins], package, np.zeros(size, dtype=np.int64), registered_at[joins] + lag[joins]
    )


def _touched(due: Ints, size: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    touched = np.zeros(size, dtype=np.bool_)
    touched[due] = True
    return touched
