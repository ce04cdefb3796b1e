"""The customers: who registers, who comes back, who moves.

Belongs here: customers and which of them placed which order. Doesn't: what they bought (orders.py).
A returning order takes its customer from the order that was placed a random lag before it. Whoever buys often
is found often, so a few customers buy a lot, and the time between two purchases follows the lag.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from lakehouse.synth.batch import draw, pick, stack
from lakehouse.synth.conditions import Conditions, Floats
from lakehouse.synth.plan import DAY, NEVER, Bools, GeneratorPlan, Ints, Month
from lakehouse.synth.words import COUNTRIES, HOME_COUNTRIES, Words

GUEST_SHARE = 0.10
RETURNING_SHARE = 0.52
#: Median days between two purchases, and the spread of their logarithm.
MEDIAN_LAG_DAYS, LAG_SPREAD = 34.0, 1.15
#: Orders older than this bring nobody back; it bounds the memory of the process.
MEMORY_DAYS = 500
LOOKER_SHARE = 0.06
#: Who orders in the place of somebody else is one of the last so many orders' customers of a country.
NEIGHBOURS = 300
MONTHLY_MOVES, MONTHLY_NEW_EMAILS = 0.006, 0.003

AGE_GROUPS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
AGE_WEIGHTS = (0.12, 0.28, 0.24, 0.17, 0.12, 0.07)
#: Channel, share, typical acquisition cost in cents.
ACQUISITION = (
    ("organic", 0.34, 0),
    ("paid_search", 0.24, 1450),
    ("social", 0.19, 980),
    ("email", 0.10, 210),
    ("affiliate", 0.08, 1120),
    ("referral", 0.05, 500),
)
GUEST = -1


@dataclass(frozen=True, slots=True)
class People:
    """Records of customers as they stand; `number` counts from 0, `at` is when the record became true."""

    number: Ints
    first_name: Ints
    last_name: Ints
    email_version: Ints
    country: Ints
    age_group: Ints
    channel: Ints
    cost: Ints
    registered_at: Ints
    at: Ints


@dataclass(frozen=True, slots=True)
class Served:
    """A month's orders by customer (GUEST for none) and country, and the month's records of customers."""

    customer: Ints
    country: Ints
    records: People


class Population:
    """The customers so far and the memory of who ordered when."""

    def __init__(self, plan: GeneratorPlan, words: Words) -> None:
        self._plan = plan
        self._words = words
        self._countries = country_shares(plan)
        none = np.zeros(0, dtype=np.int64)
        self._people = People(**{field.name: none for field in fields(People)})
        self._times, self._owners = none, none

    @property
    def count(self) -> int:
        return len(self._people.number)

    def serve(self, month: Month, created_at: Ints, conditions: Conditions) -> Served:
        """Say who placed the month's orders; the newcomers among them register, some others move.

        Where conditions ask for other countries than come by themselves, other people order: newcomers and guests from
        there, or customers from there who ordered before.
        """
        rng = self._plan.stream("people", month.index)
        customer = np.full(len(created_at), GUEST, dtype=np.int64)
        has_account = rng.random(len(created_at)) >= GUEST_SHARE
        known = self.count
        owners, is_new = self._owners_of(rng, created_at[has_account])
        customer[has_account] = owners
        newcomers = self._register(rng, month, created_at[has_account][is_new], known)
        changes = self._changes(rng, month, known)
        tilting = self._plan.stream("people tilted", month.index)
        firsts = slice(0, int(is_new.sum()))
        newcomers.country[firsts] = conditions.tilt(
            tilting, "country", newcomers.country[firsts], created_at[has_account][is_new], self._countries
        )
        self._people = stack([self._people, newcomers])

        country = draw(rng, self._countries, len(created_at))
        country[~has_account] = conditions.tilt(
            tilting, "country", country[~has_account], created_at[~has_account], self._countries
        )
        own = self._country_at(owners, created_at[has_account], changes)
        wanted = conditions.tilt(tilting, "country", own, created_at[has_account], self._countries)
        others = np.flatnonzero(~is_new & (wanted != own))
        owners = self._other_owners(tilting, owners, others, wanted[others])
        customer[has_account] = owners
        country[has_account] = self._country_at(owners, created_at[has_account], changes)
        for name in ("country", "email_version"):
            getattr(self._people, name)[changes.number] = getattr(changes, name)
        records = stack([newcomers, changes])
        return Served(customer, country, pick(records, np.argsort(records.at, kind="stable")))

    def _owners_of(self, rng: np.random.Generator, times: Ints) -> tuple[Ints, Bools]:
        """The customer of each order with an account, and whether the customer is new with it."""
        old = len(self._times)
        lags = np.exp(rng.normal(np.log(MEDIAN_LAG_DAYS * DAY), LAG_SPREAD, len(times))).astype(np.int64) + 1
        timeline = np.concatenate([self._times, times])
        earlier = np.searchsorted(timeline, times - lags, side="right") - 1
        is_new = (rng.random(len(times)) >= RETURNING_SHARE) | (earlier < 0)
        own = np.arange(old, old + len(times), dtype=np.int64)
        found = np.concatenate([np.arange(old, dtype=np.int64), np.where(is_new, own, earlier)])
        while not np.array_equal(further := found[found], found):
            found = further
        owners = np.concatenate([self._owners, np.full(len(times), GUEST, dtype=np.int64)])
        owners[own[is_new]] = self.count + np.arange(is_new.sum())
        owners = owners[found]
        remembered = timeline >= (times[-1] if len(times) else NEVER) - MEMORY_DAYS * DAY
        if len(times):
            self._times, self._owners = timeline[remembered], owners[remembered]
        return owners[old:], is_new

    def _other_owners(self, rng: np.random.Generator, owners: Ints, rows: Ints, country: Ints) -> Ints:
        """The month's owners, those of the rows being customers of the countries who ordered not long before."""
        if not len(rows):
            return owners
        before, first = self._owners, len(self._owners) - len(owners)
        after = before.copy()
        of = self._people.country[before]
        for one in np.unique(country):
            there, here = np.flatnonzero(of == one), rows[country == one]
            until = np.searchsorted(there, here + first)
            since = np.maximum(until - NEIGHBOURS, 0)
            here, since, until = here[until > 0], since[until > 0], until[until > 0]
            after[here + first] = before[there[rng.integers(since, until)]]
        self._owners = after
        return after[first:]

    def _register(self, rng: np.random.Generator, month: Month, first_orders: Ints, known: int) -> People:
        lookers = rng.binomial(len(first_orders), LOOKER_SHARE)
        size = len(first_orders) + lookers
        registered = np.concatenate([first_orders - rng.integers(20, 1800, len(first_orders)),
                                     rng.integers(month.start, month.end, lookers)])  # fmt: skip
        registered = np.maximum(registered, month.start)
        channel = draw(rng, [share for _, share, _ in ACQUISITION], size)
        typical = np.array([cost for _, _, cost in ACQUISITION], dtype=np.float64)[channel]
        return People(
            number=np.arange(known, known + size, dtype=np.int64),
            first_name=rng.integers(0, len(self._words.first_names), size),
            last_name=rng.integers(0, len(self._words.last_names), size),
            email_version=np.zeros(size, dtype=np.int64),
            country=draw(rng, self._countries, size),
            age_group=draw(rng, AGE_WEIGHTS, size),
            channel=channel,
            cost=np.round(typical * rng.lognormal(0.0, 0.35, size)).astype(np.int64),
            registered_at=registered,
            at=registered,
        )

    def _changes(self, rng: np.random.Generator, month: Month, known: int) -> People:
        """Customers of earlier months who move or take another address; at most one change each a month."""
        size = rng.binomial(known, MONTHLY_MOVES + MONTHLY_NEW_EMAILS)
        before = pick(self._people, np.sort(rng.choice(known, size, replace=False, shuffle=False)))
        moves = rng.random(size) < MONTHLY_MOVES / (MONTHLY_MOVES + MONTHLY_NEW_EMAILS)
        after = replace(
            before,
            country=np.where(moves, draw(rng, self._countries, size), before.country),
            email_version=before.email_version + ~moves,
            at=rng.integers(month.start, month.end, size),
        )
        return pick(after, (after.country != before.country) | ~moves)

    def _country_at(self, owners: Ints, times: Ints, changes: People) -> Ints:
        country = self._people.country[owners]
        if len(changes.number):
            place = np.minimum(np.searchsorted(changes.number, owners), len(changes.number) - 1)
            moved = (changes.number[place] == owners) & (changes.at[place] <= times)
            country = np.where(moved, changes.country[place], country)
        return country


def country_shares(plan: GeneratorPlan) -> Floats:
    """The share of each of COUNTRIES among customers, guests and visitors."""
    home = np.array([share for _, _, share in HOME_COUNTRIES])
    return np.append(home / home.sum() * (1 - plan.foreign_share), plan.foreign_share)


def is_foreign(country: Ints) -> Bools:
    """Whether an order delivered there is paid in the foreign currency: the last of the countries."""
    foreign: Bools = country == len(COUNTRIES) - 1
    return foreign
