"""The visits of a month: of those who buy, of those who look, and of those who come back.

Belongs here: sessions and what happens in them. Doesn't: their events one by one (events.py), and variants of
experiments: visits don't know them (trials.py shares visitors out so that the planted effects come true).
Every order placed on the web or in the app is the end of a session of its customer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakehouse.synth.batch import draw, pick, stack
from lakehouse.synth.orders import CHANNELS, Orders
from lakehouse.synth.people import GUEST
from lakehouse.synth.plan import Bools, Ints, Month
from lakehouse.synth.visitors import NOBODY, Audience, Links

ONLINE = (CHANNELS.index("web"), CHANNELS.index("app"))
NEW_DEVICE_SHARE, EARLIER_VISIT_SHARE = 0.08, 0.30
EARLIER_VISIT_DAYS = 6
BOUNCE_SHARE, RETURN_BOUNCE_SHARE = 0.38, 0.28
SIGNUP_SHARE, ACTIVATION_SHARE = 0.34, 0.50
CART_SHARE, CHECKOUT_SHARE = 0.15, 0.30
MORE_VIEWS = 0.3


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions; `end` is the time of the last event. The counts are 0 or 1 but for views."""

    visitor: Ints
    start: Ints
    end: Ints
    views: Ints
    signup: Ints
    activation: Ints
    cart: Ints
    checkout: Ints
    purchase: Ints

    def actions(self) -> tuple[Ints, ...]:
        """What may follow the views, in the order in which it happens."""
        return (self.signup, self.activation, self.cart, self.checkout, self.purchase)


@dataclass(frozen=True, slots=True)
class Buyers:
    """The visitor of each of a month's orders (NOBODY where none is known), their sessions and new links."""

    visitor: Ints
    sessions: Sessions
    links: Links


def buying(rng: np.random.Generator, month: Month, orders: Orders, audience: Audience) -> Buyers:
    """The sessions that end in the month's online orders, and the earlier visits of some new buyers."""
    at = np.flatnonzero(np.isin(orders.channel, ONLINE))
    in_turn = at[np.lexsort((orders.created[at], orders.customer[at]))]
    customer, created = orders.customer[in_turn], orders.created[in_turn]
    start = np.maximum(created - rng.integers(90, 900, len(in_turn)), month.start)
    known = audience.current(customer)
    follows = np.zeros(len(in_turn), dtype=np.bool_)
    follows[1:] = (customer[1:] == customer[:-1]) & (customer[1:] != GUEST)
    is_new = (customer == GUEST) | ((known == NOBODY) & ~follows)
    registers = is_new & (customer != GUEST)
    is_new |= rng.random(len(in_turn)) < NEW_DEVICE_SHARE

    earlier, early_start = _earlier_visits(rng, month, is_new, start)
    first_seen = start.copy()
    first_seen[earlier] = early_start
    visitor = known
    visitor[is_new] = audience.arrive(
        rng, first_seen[is_new], orders.country[in_turn][is_new], may_be_machines=False
    )
    # Within a customer's orders of the month the last new visitor goes on.
    place = np.where(is_new | ~follows, np.arange(len(in_turn)), 0)
    visitor = visitor[np.maximum.accumulate(place)] if len(place) else visitor

    linked = is_new & (customer != GUEST)
    links = Links(visitor[linked], customer[linked], created[linked])
    audience.link(links)
    signup = registers.astype(np.int64)
    ones = np.ones(len(in_turn), dtype=np.int64)
    bought = Sessions(
        visitor=visitor,
        start=start,
        end=created,
        views=2 + rng.poisson(MORE_VIEWS, len(in_turn)),
        signup=signup,
        activation=signup * (rng.random(len(in_turn)) < ACTIVATION_SHARE),
        cart=ones,
        checkout=ones,
        purchase=ones,
    )
    looked = looking(rng, month, visitor[earlier], early_start, bounces=RETURN_BOUNCE_SHARE, signs_up=False)
    of_order = audience.current(orders.customer)
    of_order[in_turn] = visitor
    return Buyers(of_order, stack([bought, looked]), links)


def _earlier_visits(rng: np.random.Generator, month: Month, is_new: Bools, start: Ints) -> tuple[Ints, Ints]:
    """Which new buyers had looked around before, and when; nobody visited before the month."""
    days = rng.random(len(start)) * EARLIER_VISIT_DAYS
    at = start - 3600 - np.floor(days * 86_400).astype(np.int64)
    chosen = np.flatnonzero(is_new & (rng.random(len(start)) < EARLIER_VISIT_SHARE) & (at >= month.start))
    return chosen, at[chosen]


def looking(
    rng: np.random.Generator, month: Month, visitor: Ints, start: Ints, *, bounces: float, signs_up: bool
) -> Sessions:
    """Visits that end in no order; only first ones may sign up."""
    size = len(visitor)
    stays = rng.random(size) >= bounces
    signup = stays & (rng.random(size) < (SIGNUP_SHARE if signs_up else 0.0))
    cart = stays & (rng.random(size) < CART_SHARE)
    seconds = np.where(stays, rng.integers(20, 1200, size), 0)
    return Sessions(
        visitor=visitor,
        start=start,
        end=np.minimum(start + seconds, month.end - 1),
        views=np.where(stays, 2 + rng.poisson(MORE_VIEWS, size), 1),
        signup=signup.astype(np.int64),
        activation=(signup & (rng.random(size) < ACTIVATION_SHARE)).astype(np.int64),
        cart=cart.astype(np.int64),
        checkout=(cart & (rng.random(size) < CHECKOUT_SHARE)).astype(np.int64),
        purchase=np.zeros(size, dtype=np.int64),
    )


class Memory:
    """Who visited lately: a visit comes back a random lag later, so whoever visits often is found often."""

    DAYS, MEAN_LAG_DAYS = 60, 11.0

    def __init__(self) -> None:
        self._starts = np.zeros(0, dtype=np.int64)
        self._visitors = np.zeros(0, dtype=np.int64)

    def returning(self, rng: np.random.Generator, month: Month, sessions: Sessions, times: Ints) -> Sessions:
        """Visits at the given times by visitors of earlier sessions; at most one for each time."""
        self._remember(month, sessions)
        lags = 7200 + np.floor(rng.exponential(self.MEAN_LAG_DAYS * 86_400, len(times))).astype(np.int64)
        earlier = np.searchsorted(self._starts, times - lags, side="right") - 1
        found = earlier >= 0
        visits = looking(
            rng,
            month,
            self._visitors[earlier[found]],
            times[found],
            bounces=RETURN_BOUNCE_SHARE,
            signs_up=False,
        )
        self._remember(month, visits)
        return visits

    def _remember(self, month: Month, sessions: Sessions) -> None:
        starts = np.concatenate([self._starts, sessions.start])
        visitors = np.concatenate([self._visitors, sessions.visitor])
        kept = np.flatnonzero(starts >= month.start - self.DAYS * 86_400)
        kept = kept[np.argsort(starts[kept], kind="stable")]
        self._starts, self._visitors = starts[kept], visitors[kept]


def in_order(sessions: Sessions) -> Sessions:
    """The sessions by start."""
    return pick(sessions, np.lexsort((sessions.visitor, sessions.start)))


def visit_times(rng: np.random.Generator, month: Month, per_day: Ints, hours: tuple[float, ...]) -> Ints:
    """So many times on each of the month's days, over the day's hours; sorted."""
    days = np.repeat(np.arange(month.days, dtype=np.int64), per_day)
    seconds = draw(rng, hours, len(days)) * 3600 + rng.integers(0, 3600, len(days))
    times: Ints = np.sort(month.start + days * 86_400 + seconds)
    return times
