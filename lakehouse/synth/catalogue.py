"""The products: what they are called, what they cost when, and how popular they are.

Belongs here: products and every version of their records. Doesn't: the stock of them (stock.py).
The whole catalogue is small, so it is made before the first order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lakehouse.synth.batch import draw, pick, stack
from lakehouse.synth.plan import NEVER, Bools, GeneratorPlan, Ints, Month
from lakehouse.synth.words import CATEGORIES, Words

#: Popularity falls with rank ** -ZIPF: a few products sell most, the tail is long.
ZIPF = 0.9
LAUNCHED_LATER = 0.20
MONTHLY_PRICE_CHANGES, MONTHLY_COST_CHANGES, MONTHLY_REORDER_CHANGES = 0.07, 0.05, 0.03
UNITS_PER_ORDER = 3.3
#: Days of expected demand that the reorder point covers.
REORDER_DAYS = 9.0


@dataclass(frozen=True, slots=True)
class Versions:
    """Records of products as they became true at `at`; money in cents of the reporting currency."""

    product: Ints
    at: Ints
    price: Ints
    cost: Ints
    reorder_point: Ints


@dataclass(frozen=True, slots=True)
class Shelf:
    """One month of the catalogue: the versions before and after each product's change at `changed_at`."""

    before: Versions
    after: Versions
    changed_at: Ints
    on_sale: Bools
    popularity: NDArray[np.float64]

    def at(self, product: Ints, times: Ints) -> tuple[Ints, Ints]:
        """List price and unit cost of the products at the given times."""
        changed = self.changed_at[product] <= times
        price = np.where(changed, self.after.price[product], self.before.price[product])
        cost = np.where(changed, self.after.cost[product], self.before.cost[product])
        return price, cost


@dataclass(frozen=True, slots=True)
class Catalogue:
    names: tuple[str, ...]
    categories: tuple[str, ...]
    brands: tuple[str, ...]
    #: Expected units a day over the whole plan, while on sale.
    daily_units: NDArray[np.float64]
    shelves: tuple[Shelf, ...]
    versions: Versions

    @property
    def count(self) -> int:
        return len(self.names)


def make_catalogue(plan: GeneratorPlan, words: Words) -> Catalogue:
    rng = plan.stream("catalogue")
    months = tuple(plan.months())
    count = int(np.clip(round(4 * plan.orders**0.45), 24, 20_000))
    category = draw(rng, (5, 4, 3, 3, 3, 3, 3, 2), count)
    goods = [CATEGORIES[c][2] for c in category]
    brand = [words.brands[i] for i in rng.integers(0, len(words.brands), count)]
    colour = [words.colours[i] for i in rng.integers(0, len(words.colours), count)]
    good = [pool[i % len(pool)] for pool, i in zip(goods, rng.integers(0, 1 << 20, count), strict=True)]
    popularity = (rng.permutation(count) + 2.0) ** -ZIPF
    daily_units = popularity / popularity.sum() * plan.orders * UNITS_PER_ORDER / plan.days
    launch_month = np.where(rng.random(count) < LAUNCHED_LATER, rng.integers(0, len(months), count), 0)
    launch_month[popularity.argmax()] = 0

    state = _first_versions(rng, plan, category, daily_units)
    shelves: list[Shelf] = []
    versions: list[Versions] = []
    for month in months:
        appears = launch_month == month.index
        launched_at = rng.integers(month.start, month.end, count)
        state.at[appears] = plan.first_second if month.index == 0 else launched_at[appears]
        versions.append(pick(state, appears))
        changed_at, after = _changes(rng, month, state, daily_units)
        # A launch is on sale from the next month on, so that every order finds the product's first version.
        on_sale = (launch_month < month.index) | (launch_month == 0)
        changed_at[~on_sale | (month.index == 0) & (changed_at == month.start)] = NEVER
        after = _keep(changed_at < NEVER, after, state)
        versions.append(pick(after, changed_at < NEVER))
        shelves.append(Shelf(state, after, changed_at, on_sale, np.where(on_sale, popularity, 0.0)))
        state = pick(after, np.arange(count))
    every = stack(versions)
    every = pick(every, np.lexsort((every.product, every.at)))
    names = tuple(f"{b} {c} {g}" for b, c, g in zip(brand, colour, good, strict=True))
    return Catalogue(
        names, tuple(CATEGORIES[c][0] for c in category), tuple(brand), daily_units, tuple(shelves), every
    )


def _first_versions(
    rng: np.random.Generator, plan: GeneratorPlan, category: Ints, daily_units: NDArray[np.float64]
) -> Versions:
    count = len(category)
    typical = np.array([price for _, price, _ in CATEGORIES], dtype=np.float64)[category]
    price = _shop_price(typical * rng.lognormal(0.0, 0.5, count))
    return Versions(
        product=np.arange(count, dtype=np.int64),
        at=np.full(count, plan.first_second, dtype=np.int64),
        price=price,
        cost=np.round(price * rng.uniform(0.32, 0.58, count)).astype(np.int64),
        reorder_point=np.ceil(daily_units * REORDER_DAYS * rng.uniform(0.8, 1.4, count) + 1).astype(np.int64),
    )


def _changes(
    rng: np.random.Generator, month: Month, state: Versions, daily_units: NDArray[np.float64]
) -> tuple[Ints, Versions]:
    """At most one change a product and month; what doesn't differ from before is no change."""
    count = len(state.product)
    price, cost, reorder_point = state.price, state.cost, state.reorder_point
    up = rng.normal(1.02, 0.08, count)
    price = np.where(rng.random(count) < MONTHLY_PRICE_CHANGES, _shop_price(price * up), price)
    dearer = np.round(cost * rng.normal(1.01, 0.05, count)).astype(np.int64)
    cost = np.where(rng.random(count) < MONTHLY_COST_CHANGES, np.maximum(dearer, 1), cost)
    replanned = np.ceil(daily_units * REORDER_DAYS * rng.uniform(0.8, 1.5, count) + 1).astype(np.int64)
    reorder_point = np.where(rng.random(count) < MONTHLY_REORDER_CHANGES, replanned, reorder_point)
    differs = (price != state.price) | (cost != state.cost) | (reorder_point != state.reorder_point)
    changed_at = np.where(differs, rng.integers(month.start, month.end, count), NEVER)
    return changed_at, Versions(state.product, changed_at, price, cost, reorder_point)


def _keep(changed: Bools, after: Versions, before: Versions) -> Versions:
    return Versions(
        product=before.product,
        at=np.where(changed, after.at, before.at),
        price=np.where(changed, after.price, before.price),
        cost=np.where(changed, after.cost, before.cost),
        reorder_point=np.where(changed, after.reorder_point, before.reorder_point),
    )


def _shop_price(cents: NDArray[np.float64]) -> Ints:
    """Rounded to a price as shops write it: 4.49, 12.95, 79.00."""
    euros = np.maximum(np.floor(cents / 100), 1).astype(np.int64)
    ending = np.where(euros < 10, 49, np.where(euros < 60, 95, 0))
    return euros * 100 + np.where((euros < 10) & (cents % 100 > 60), 99, ending)
