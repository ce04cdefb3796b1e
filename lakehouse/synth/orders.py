"""Orders and their lines: what is bought, how it is paid, and how it travels.

Belongs here: an order's whole life, planned when it is placed. Doesn't: what comes back (returns.py), and how
much of that life is known when a file is written (feeds.py is told the instant).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lakehouse.synth.batch import draw, half_up
from lakehouse.synth.catalogue import Shelf
from lakehouse.synth.conditions import Conditions, PriceError
from lakehouse.synth.fx import Rates, to_foreign
from lakehouse.synth.people import GUEST, Served, is_foreign
from lakehouse.synth.plan import DAY, NEVER, Bools, GeneratorPlan, Ints, Month
from lakehouse.synth.recall import Recall
from lakehouse.synth.words import VAT_PERCENT

STATUSES = ("created", "paid", "fulfilled", "delivered", "returned", "cancelled")
REVENUE_STATUSES = ("paid", "fulfilled", "delivered", "returned")
CHANNELS = ("web", "app", "phone", "marketplace")
CHANNEL_WEIGHTS = (0.58, 0.29, 0.04, 0.09)
METHODS = ("card", "paypal", "wallet", "invoice", "bank_transfer")
METHOD_WEIGHTS = (0.42, 0.28, 0.12, 0.10, 0.08)
#: Median seconds until the payment is there, per method.
PAYMENT_LAG = np.array([45.0, 60.0, 30.0, 8 * 3600.0, 26 * 3600.0])
NEVER_PAID, CANCELLED_AFTER_PAYMENT = 0.018, 0.024
UNPAID_DAYS = 7
EXTRA_LINES = 1.5
QUANTITY_WEIGHTS = (0.80, 0.13, 0.04, 0.02, 0.005, 0.005)
DISCOUNTED_LINES, SALE_DISCOUNTED_LINES = 0.16, 0.38
DISCOUNT_PERCENT = (5, 10, 15, 20, 30)
DISCOUNT_WEIGHTS = (0.25, 0.35, 0.2, 0.15, 0.05)


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders with the instants of their whole life (NEVER for what doesn't occur); `number` counts from 0."""

    number: Ints
    customer: Ints
    created: Ints
    paid: Ints
    fulfilled: Ints
    delivered: Ints
    cancelled: Ints
    returned: Ints
    channel: Ints
    country: Ints
    method: Ints

    def events(self) -> tuple[Ints, ...]:
        return (self.created, self.paid, self.fulfilled, self.delivered, self.cancelled, self.returned)

    def happens(self, start: int, end: int) -> Bools:
        """Which orders have an event in [start, end)."""
        happens: Bools = np.any([(start <= event) & (event < end) for event in self.events()], axis=0)
        return happens

    def status_at(self, instant: int) -> Ints:
        """Positions in STATUSES of what is known just before the instant."""
        status = np.zeros(len(self.number), dtype=np.int64)
        later = (self.paid, self.fulfilled, self.delivered, self.returned, self.cancelled)
        for position, event in enumerate(later, start=1):
            status[event < instant] = position
        return status


@dataclass(frozen=True, slots=True)
class Lines:
    """Order lines; `order` is the position in the month's Orders, money is cents of the order's currency."""

    order: Ints
    line: Ints
    product: Ints
    quantity: Ints
    price: Ints
    discount: Ints
    tax: Ints
    cost: Ints


def place_orders(
    plan: GeneratorPlan,
    month: Month,
    first_number: int,
    created: Ints,
    served: Served,
    conditions: Conditions,
) -> Orders:
    """Orders placed in the month; nothing has come back yet."""
    rng = plan.stream("orders", month.index)
    size = len(created)
    method = draw(rng, METHOD_WEIGHTS, size)
    guests = served.customer == GUEST
    tilting = plan.stream("orders tilted", month.index)
    method = conditions.tilt(tilting, "payment_method", method, created, METHOD_WEIGHTS)
    method[guests & (method == METHODS.index("invoice"))] = METHODS.index("card")
    fate = rng.random(size)
    paid = created + np.round(PAYMENT_LAG[method] * rng.lognormal(0.0, 0.6, size)).astype(np.int64)
    unpaid = fate < NEVER_PAID
    paid[unpaid] = NEVER
    cancelled = np.full(size, NEVER, dtype=np.int64)
    cancelled[unpaid] = created[unpaid] + UNPAID_DAYS * DAY
    regret = ~unpaid & (fate < NEVER_PAID + CANCELLED_AFTER_PAYMENT)
    # Before the parcel can leave: that is on the next day at the earliest.
    cancelled[regret] = paid[regret] + rng.integers(60, 3 * 3600, size)[regret]
    fulfilled, delivered = _travel(rng, paid, served.country)
    gone = unpaid | regret
    fulfilled[gone] = delivered[gone] = NEVER
    return Orders(
        number=np.arange(first_number, first_number + size, dtype=np.int64),
        customer=served.customer,
        created=created,
        paid=paid,
        fulfilled=fulfilled,
        delivered=delivered,
        cancelled=cancelled,
        returned=np.full(size, NEVER, dtype=np.int64),
        channel=conditions.tilt(
            tilting, "channel", draw(rng, CHANNEL_WEIGHTS, size), created, CHANNEL_WEIGHTS
        ),
        country=served.country,
        method=method,
    )


def _travel(rng: np.random.Generator, paid: Ints, country: Ints) -> tuple[Ints, Ints]:
    """When parcels leave (from the day after payment, never on a Sunday, 7-20 h) and arrive (8-20 h)."""
    size = len(paid)
    day = paid // DAY + 1 + rng.geometric(0.65, size) - 1
    day += (day + 3) % 7 == 6
    fulfilled = day * DAY + rng.integers(7 * 3600, 20 * 3600, size)
    transit = 1 + rng.poisson(np.where(is_foreign(country), 3.2, 1.4))
    transit += np.where(rng.random(size) < 0.03, rng.integers(3, 12, size), 0)
    arrival = day + transit
    arrival += (arrival + 3) % 7 == 6
    return fulfilled, arrival * DAY + rng.integers(8 * 3600, 20 * 3600, size)


def fill_lines(
    plan: GeneratorPlan,
    month: Month,
    orders: Orders,
    shelf: Shelf,
    rates: Rates,
    conditions: Conditions,
    recall: Recall | None = None,
    mistakes: Sequence[PriceError] = (),
) -> Lines:
    """The lines of a month's orders, at the prices that held when each order was placed."""
    rng = plan.stream("lines", month.index)
    counts = 1 + np.minimum(rng.poisson(EXTRA_LINES, len(orders.number)), 11)
    order = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    product = draw(rng, shelf.popularity, len(order))
    quantity = 1 + draw(rng, QUANTITY_WEIGHTS, len(order))
    if recall is not None:
        missing = plan.stream("lines recalled", month.index)
        kept, product = recall.sell(
            missing, order, product, quantity, orders.created[order], shelf.popularity
        )
        order, product, quantity = order[kept], product[kept], quantity[kept]
        counts = np.bincount(order, minlength=len(counts))
    line = np.arange(len(order), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    created, country = orders.created[order], orders.country[order]
    price, cost = shelf.at(product, created)
    for mistake in mistakes:
        price = mistake.price(price, product, created)
    price = to_foreign(price, is_foreign(country), rates.on(created))
    gross = price * quantity
    sale = np.where(conditions.is_sale(created, country), SALE_DISCOUNTED_LINES, DISCOUNTED_LINES)
    percent = np.array(DISCOUNT_PERCENT)[draw(rng, DISCOUNT_WEIGHTS, len(order))]
    discount = np.where(rng.random(len(order)) < sale, half_up(gross * percent, 100), 0)
    vat = np.array(VAT_PERCENT)[country]
    tax = half_up((gross - discount) * vat, 100 + vat)
    return Lines(order, line, product, quantity, price, discount, tax, cost)
