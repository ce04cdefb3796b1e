"""The company on the web, month by month: visitors, their sessions, experiments and subscriptions.

Belongs here: the order in which these parts act, and what passes from month to month. Doesn't: their behaviour.
Everything is made beside the shop's orders and changes none of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from lakehouse.synth.batch import pick, stack
from lakehouse.synth.campaign import Campaign
from lakehouse.synth.demand import HOURS
from lakehouse.synth.designs import DESIGNS, Design
from lakehouse.synth.experiments import Running
from lakehouse.synth.fx import Rates, to_reporting
from lakehouse.synth.orders import CHANNEL_WEIGHTS, REVENUE_STATUSES, STATUSES, Lines, Orders
from lakehouse.synth.people import People, country_shares, is_foreign
from lakehouse.synth.plan import DAY, GeneratorPlan, Month
from lakehouse.synth.sessions import (
    BOUNCE_SHARE,
    ONLINE,
    Memory,
    Sessions,
    buying,
    in_order,
    looking,
    visit_times,
)
from lakehouse.synth.subscriptions import Bookings, Club
from lakehouse.synth.trials import Exposures, Floats
from lakehouse.synth.visitors import BOT_SHARE, INTERNAL_SHARE, Audience, Links
from lakehouse.synth.words import COUNTRIES

#: New visitors of the web who buy, per order: what is left of the plan's visitors only looks.
BUYERS_PER_ORDER = 0.55
RETURNS_PER_ORDER = 0.6
#: From here on a plan's visitors grow with the square root of its orders.
FULL_UP_TO_ORDERS = 60_000


@dataclass(frozen=True, slots=True)
class WebMonth:
    """What happened in a month; exposures by the id of their experiment."""

    sessions: Sessions
    links: Links
    exposures: dict[str, Exposures]
    bookings: Bookings


class Web:
    """The visitors so far and all that goes on with them."""

    def __init__(self, plan: GeneratorPlan, wanted: Floats, designs: tuple[Design, ...] = DESIGNS) -> None:
        """wanted: the orders that people come for on each day; some may not get what they came for."""
        self._plan = plan
        self._per_day = wanted
        self._countries = country_shares(plan)
        self.audience = Audience()
        self._memory = Memory()
        self._campaign = Campaign(plan)
        self._club = Club(plan)
        self._running = [Running(plan, design) for design in designs]
        self._lookers, self._returns = _others_per_order(plan)

    def run(self, month: Month, orders: Orders, value: Floats, people: People) -> WebMonth:
        """The month beside its orders. value: of each order, 0 where it is no revenue. people: its records."""
        rng = self._plan.stream("web", month.index)
        buyers = buying(rng, month, orders, self.audience)
        first_day = (month.start - self._plan.first_second) // DAY
        placed = self._per_day[first_day : first_day + month.days]
        lookers_per_day = rng.poisson(placed * self._lookers)
        times = visit_times(rng, month, lookers_per_day, HOURS)
        country = rng.choice(len(COUNTRIES), len(times), p=self._countries)
        lookers = self.audience.arrive(rng, times, country, may_be_machines=True)
        visits = [
            buyers.sessions,
            looking(rng, month, lookers, times, bounces=BOUNCE_SHARE, signs_up=True),
        ]
        back = visit_times(rng, month, rng.poisson(placed * self._returns), HOURS)
        visits.append(self._memory.returning(rng, month, stack(visits), back))
        visits.append(self._campaign.bring(month, lookers_per_day, self.audience))
        sessions = in_order(stack(visits))
        registered = pick(people, people.at == people.registered_at)
        bookings = self._club.run(month, registered.number, registered.registered_at)
        exposures = {
            one.id: one.run(month, sessions, self.audience, orders.created, buyers.visitor, value, bookings)
            for one in self._running
            if one.is_open(month)
        }
        return WebMonth(sessions, buyers.links, exposures, bookings)

    def truth(self) -> tuple[dict[str, Any], ...]:
        """The experiments that were on within the plan's days, and their true effects."""
        told = [one.truth(self.audience) for one in self._running]
        return tuple(one for one in (*told, self._campaign.truth()) if one is not None)


def visits_per_order(plan: GeneratorPlan) -> tuple[float, float]:
    """Visits with a purchase and other visits of people for each order, on average."""
    online = sum(CHANNEL_WEIGHTS[position] for position in ONLINE)
    lookers, returns = _others_per_order(plan)
    return online, lookers * (1 - BOT_SHARE - INTERNAL_SHARE) + returns


def _others_per_order(plan: GeneratorPlan) -> tuple[float, float]:
    """New visitors who only look, and visits of those who come back."""
    size = min(1.0, (FULL_UP_TO_ORDERS / plan.orders) ** 0.5)
    return max(plan.visitors_per_order - BUYERS_PER_ORDER, 0.0) * size, RETURNS_PER_ORDER * size


def order_values(plan: GeneratorPlan, orders: Orders, lines: Lines, rates: Rates) -> Floats:
    """What each order came to in the reporting currency, before refunds; 0 where it is no revenue at the plan's end."""
    abroad, rate = is_foreign(orders.country)[lines.order], rates.on(orders.created[lines.order])
    price, discount = to_reporting(lines.price, abroad, rate), to_reporting(lines.discount, abroad, rate)
    value = np.bincount(lines.order, (price * lines.quantity - discount) / 10_000, len(orders.number))
    counts = np.isin(orders.status_at(plan.end_second), [STATUSES.index(name) for name in REVENUE_STATUSES])
    return np.where(counts, value, 0.0)


def counts_of(sessions: Sessions) -> dict[str, int]:
    """How many sessions there are and what happens in them."""
    names = [field.name for field in fields(sessions) if field.name not in ("visitor", "start", "end")]
    return {"sessions": len(sessions.start)} | {name: int(getattr(sessions, name).sum()) for name in names}
