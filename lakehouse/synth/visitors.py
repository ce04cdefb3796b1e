"""The visitors: browsers and apps, what they are and where they come from, and which customer each is.

Belongs here: visitors and their links to customers. Doesn't: what they do on a visit (sessions.py).
Kinds of device, browser and source are drawn alike for buyers and others, so that a segment has no effect of
its own; only an experiment gives it one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakehouse.synth.batch import draw, stack
from lakehouse.synth.geography import regions_in
from lakehouse.synth.people import GUEST
from lakehouse.synth.plan import Bools, Ints

NOBODY = -1
DEVICES = ("mobile", "desktop", "tablet")
DEVICE_WEIGHTS = (0.55, 0.38, 0.07)
MOBILE = DEVICES.index("mobile")
BROWSERS = ("Chrome", "Safari", "Firefox", "Edge", "Samsung Internet", "Googlebot", "HeadlessChrome")
BROWSER_WEIGHTS = (0.52, 0.27, 0.07, 0.08, 0.06)
SOURCES = ("organic", "direct", "paid_search", "social", "email", "referral", "internal")
SOURCE_WEIGHTS = (0.33, 0.22, 0.19, 0.13, 0.08, 0.05)
BOT_SHARE, INTERNAL_SHARE = 0.015, 0.003
BOTS = tuple(BROWSERS.index(name) for name in ("Googlebot", "HeadlessChrome"))
INTERNAL = SOURCES.index("internal")


@dataclass(frozen=True, slots=True)
class Visitors:
    """Visitors as positions in the pools above; `first_seen` is the start of their first session."""

    device: Ints
    browser: Ints
    source: Ints
    country: Ints
    region: Ints
    first_seen: Ints

    def are_people(self) -> Bools:
        """Neither crawlers nor the shop's own staff."""
        people: Bools = ~np.isin(self.browser, BOTS) & (self.source != INTERNAL)
        return people


@dataclass(frozen=True, slots=True)
class Links:
    """Visitors found to be customers."""

    visitor: Ints
    customer: Ints
    at: Ints


class Audience:
    """All visitors so far (numbered from 0), the customer that each is, and the visitor that each customer is now."""

    def __init__(self) -> None:
        none = np.zeros(0, dtype=np.int64)
        self.visitors = Visitors(none, none, none, none, none, none)
        self.customer_of = none
        self.linked_at = none
        self._now = none

    @property
    def count(self) -> int:
        return len(self.customer_of)

    def current(self, customers: Ints) -> Ints:
        """The visitor that each customer now is, NOBODY where none is known; a guest is nobody."""
        known = (customers != GUEST) & (customers < len(self._now))
        found: Ints = np.full(len(customers), NOBODY, dtype=np.int64)
        found[known] = self._now[customers[known]]
        return found

    def arrive(
        self, rng: np.random.Generator, first_seen: Ints, country: Ints, *, may_be_machines: bool
    ) -> Ints:
        """New visitors; gives their numbers."""
        size = len(first_seen)
        browser, source = draw(rng, BROWSER_WEIGHTS, size), draw(rng, SOURCE_WEIGHTS, size)
        if may_be_machines:
            chance = rng.random(size)
            is_bot = chance < BOT_SHARE
            browser = np.where(is_bot, np.array(BOTS)[rng.integers(0, len(BOTS), size)], browser)
            source = np.where(~is_bot & (chance < BOT_SHARE + INTERNAL_SHARE), INTERNAL, source)
        new = Visitors(
            device=draw(rng, DEVICE_WEIGHTS, size),
            browser=browser,
            source=source,
            country=country,
            region=regions_in(rng, country),
            first_seen=first_seen,
        )
        numbers = np.arange(self.count, self.count + size, dtype=np.int64)
        self.visitors = stack([self.visitors, new])
        unknown = np.full(size, NOBODY, dtype=np.int64)
        self.customer_of = np.concatenate([self.customer_of, unknown])
        self.linked_at = np.concatenate([self.linked_at, unknown])
        return numbers

    def link(self, links: Links) -> None:
        """Visitors become known as customers; later links of a customer stand for the customer now."""
        self.customer_of[links.visitor] = links.customer
        self.linked_at[links.visitor] = links.at
        size = max(len(self._now), int(links.customer.max(initial=-1)) + 1)
        grown = np.full(size, NOBODY, dtype=np.int64)
        grown[: len(self._now)] = self._now
        in_time = np.argsort(links.at, kind="stable")
        grown[links.customer[in_time]] = links.visitor[in_time]
        self._now = grown
