"""What goes wrong in the company: five troubles, each with a known cause, time, place and size.

Belongs here: which troubles a plan gets, when and where. Doesn't: how they act (conditions.py, recall.py), and the KPIs
that show them (signs.py).
A plan that is too short or too small to show a trouble gets none of it. None overlaps another, and all but the checkout,
which breaks at the very end, keep away from the plan's first and last days and from the sales of November and December.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from lakehouse.synth.catalogue import Catalogue
from lakehouse.synth.conditions import Change, Floats
from lakehouse.synth.demand import daily_shape
from lakehouse.synth.orders import CHANNEL_WEIGHTS, CHANNELS, EXTRA_LINES, METHOD_WEIGHTS, METHODS
from lakehouse.synth.people import country_shares
from lakehouse.synth.plan import Bools, GeneratorPlan
from lakehouse.synth.promotions import closed_days
from lakehouse.synth.words import COUNTRIES

CHECKOUT, RECALL, PRICE_ERROR, CHANNEL_OUTAGE, SLOW_DECLINE = (
    *("checkout_broken", "product_recalled", "price_error", "channel_outage", "slow_decline"),
)
QUIET_START, QUIET_END, QUIET_MONTHS, GAP_DAYS = 120, 10, (11, 12), 14
#: Orders (for the recall: units a week; for the decline: orders a week) that a trouble needs in its segment to show.
LEAST_ORDERS, LEAST_UNITS_A_WEEK, LEAST_ORDERS_A_WEEK = 25, 30, 60
LEAST_COUNTRY_SHARE = 0.08
WRONG_PRICE_PERCENT, DECLINE = 10, 0.35
LEAST_CATEGORY_SHARE, MOST_CATEGORY_SHARE = 0.08, 0.35
RECALLED_FROM_FIRST = 3
MAY_DECLINE = (("payment_method", "paypal"), ("payment_method", "wallet"), ("channel", "marketplace"))


@dataclass(frozen=True, slots=True)
class Trouble:
    """A trouble from day `first` through day `last` of the plan. size: the share that is lost in the segment.

    product: the recalled one. A slow decline reaches its size on the last day and stays there.
    """

    kind: str
    first: int
    last: int
    dimension: str
    segment: str
    size: float
    product: int | None = None

    @property
    def days(self) -> int:
        return self.last - self.first + 1

    def starts_on(self, plan: GeneratorPlan) -> date:
        return plan.start + timedelta(days=self.first)

    def ends_on(self, plan: GeneratorPlan) -> date:
        return plan.start + timedelta(days=self.last)

    def change(self, plan: GeneratorPlan) -> Change | None:
        """What it does to demand; None where it is products or prices that it changes."""
        if self.kind == SLOW_DECLINE:
            ramp = np.linspace(0.0, self.size, self.days + 1)[1:]
            factors = 1 - np.concatenate([ramp, np.full(plan.days - self.last - 1, self.size)])
        elif self.kind in (CHECKOUT, CHANNEL_OUTAGE):
            factors = np.full(self.days, 1 - self.size)
        else:
            return None
        pool = {"country": COUNTRIES, "channel": CHANNELS, "payment_method": METHODS}[self.dimension]
        return Change(self.dimension, pool.index(self.segment), self.first, factors)


def shares_of(plan: GeneratorPlan) -> dict[str, Floats]:
    """The share of each position of each dimension in the orders of an ordinary day."""
    return {
        "country": country_shares(plan),
        "channel": np.array(CHANNEL_WEIGHTS),
        "payment_method": np.array(METHOD_WEIGHTS),
    }


def plan_troubles(plan: GeneratorPlan, catalogue: Catalogue) -> tuple[Trouble, ...]:
    """The plan's troubles in the order of time: the same plan, the same troubles."""
    return tuple(sorted(_Planner(plan, catalogue).all(), key=lambda one: one.first)) if plan.troubles else ()


def free_days(plan: GeneratorPlan, troubles: tuple[Trouble, ...]) -> Bools:
    """Days on which a promotion may be on: it must not hide a trouble. A slow decline goes on under it."""
    free = np.ones(plan.days, dtype=np.bool_)
    for day in closed_days(plan):
        free[(day - plan.start).days] = False
    for one in troubles:
        if one.kind != SLOW_DECLINE:
            free[max(one.first - 5, 0) : one.last + 6] = False
    return free


class _Planner:
    """Places one trouble after the other, the longest first, each on days that the others left."""

    def __init__(self, plan: GeneratorPlan, catalogue: Catalogue) -> None:
        self._plan = plan
        self._catalogue = catalogue
        self._rng = plan.stream("troubles")
        shape = daily_shape(plan)
        #: Orders expected through each day, from 0 before the first on.
        self._through = np.concatenate([[0.0], np.cumsum(plan.orders * shape / shape.sum())])
        self._open = np.array([self._may_start_on(day) for day in range(plan.days)], dtype=np.bool_)

    def _may_start_on(self, day: int) -> bool:
        on = self._plan.start + timedelta(days=day)
        return (
            QUIET_START <= day < self._plan.days - QUIET_END
            and on.month not in QUIET_MONTHS
            and on not in closed_days(self._plan)
        )

    def all(self) -> Iterator[Trouble]:
        for place in (self._decline, self._recall, self._price_error, self._channel_outage, self._checkout):
            trouble = place()
            if trouble is not None:
                yield trouble

    def _start(self, days: int, least: float) -> int | None:
        """A first day from which on `days` days are free and bring at least so many orders; they are taken."""
        if days > self._plan.days:
            return None
        taken = np.concatenate([[0], np.cumsum(~self._open)])
        fits = (taken[days:] == taken[:-days]) & (self._through[days:] - self._through[:-days] >= least)
        if not fits.any():
            return None
        start = int(self._rng.choice(np.flatnonzero(fits)))
        self._open[max(start - GAP_DAYS, 0) : start + days + GAP_DAYS] = False
        return start

    def _decline(self) -> Trouble | None:
        dimension, segment = MAY_DECLINE[int(self._rng.integers(len(MAY_DECLINE)))]
        share = share_of_orders(self._plan, dimension, segment)
        days = 7 * int(self._rng.integers(10, 13))
        first = self._start(days, LEAST_ORDERS_A_WEEK / share * days / 7)
        if first is None:
            return None
        return Trouble(SLOW_DECLINE, first, first + days - 1, dimension, segment, DECLINE)

    def _recall(self) -> Trouble | None:
        """Of the best sellers, the one that weighs most in its category."""
        units = self._catalogue.daily_units / self._catalogue.daily_units.sum()
        on_sale = np.flatnonzero(self._catalogue.shelves[0].on_sale)
        best = on_sale[np.argsort(-units[on_sale])][:RECALLED_FROM_FIRST]
        categories = np.array(self._catalogue.categories)
        weights = [units[one] / units[categories == categories[one]].sum() for one in best]
        product = int(best[int(np.argmax(weights))])
        days = 7 * int(self._rng.integers(3, 5))
        needed = LEAST_UNITS_A_WEEK / (units[product] * (1 + EXTRA_LINES)) * days / 7
        first = self._start(days, needed)
        if first is None:
            return None
        category = self._catalogue.categories[product]
        return Trouble(
            RECALL, first, first + days - 1, "category", category, float(np.max(weights)), product=product
        )

    def _price_error(self) -> Trouble | None:
        shares = category_sales(self._catalogue, 0)
        fitting = [
            name for name, share in shares.items() if LEAST_CATEGORY_SHARE <= share <= MOST_CATEGORY_SHARE
        ]
        if not fitting:
            return None
        category = fitting[int(self._rng.integers(len(fitting)))]
        share = category_units(self._catalogue, category)
        first = self._start(2, LEAST_ORDERS / (share * (1 + EXTRA_LINES)))
        if first is None:
            return None
        return Trouble(PRICE_ERROR, first, first + 1, "category", category, 1 - WRONG_PRICE_PERCENT / 100)

    def _channel_outage(self) -> Trouble | None:
        first = self._start(2, LEAST_ORDERS / share_of_orders(self._plan, "channel", "app"))
        return None if first is None else Trouble(CHANNEL_OUTAGE, first, first + 1, "channel", "app", 1.0)

    def _checkout(self) -> Trouble | None:
        """On the plan's last days, so that something is still wrong when somebody looks."""
        days = int(self._rng.integers(3, 5))
        size = round(float(self._rng.uniform(0.8, 0.9)), 2)
        first = self._plan.days - days
        if first < QUIET_START + QUIET_END:
            return None
        # A country that is too small on the way there leaves the choice to the larger ones.
        coming = float(self._through[-1] - self._through[first])
        shares = country_shares(self._plan)
        large = [
            name
            for name, share in zip(COUNTRIES, shares, strict=True)
            if share >= LEAST_COUNTRY_SHARE and share * coming >= LEAST_ORDERS
        ]
        if not large:
            return None
        country = large[int(self._rng.integers(len(large)))]
        return Trouble(CHECKOUT, first, self._plan.days - 1, "country", country, size)


def category_sales(catalogue: Catalogue, month: int) -> dict[str, float]:
    """The expected share of each category in the sales of a month at list prices."""
    shelf = catalogue.shelves[month]
    sales = shelf.popularity * shelf.before.price
    categories = np.array(catalogue.categories)
    return {
        name: float(sales[categories == name].sum() / sales.sum())
        for name in dict.fromkeys(catalogue.categories)
    }


def category_units(catalogue: Catalogue, category: str) -> float:
    """The expected share of a category in all units sold."""
    units = catalogue.daily_units
    return float(units[np.array(catalogue.categories) == category].sum() / units.sum())


def share_of_orders(plan: GeneratorPlan, dimension: str, segment: str) -> float:
    """The share of a segment in the orders of an ordinary day."""
    pool = {"country": COUNTRIES, "channel": CHANNELS, "payment_method": METHODS}[dimension]
    weights = shares_of(plan)[dimension]
    return float(weights[pool.index(segment)] / weights.sum())
