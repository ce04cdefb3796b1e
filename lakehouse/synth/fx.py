"""Daily rates of the one foreign currency, and money in the reporting currency.

Belongs here: rates and conversion, in whole numbers. Doesn't: which orders are foreign (orders.py).
Amounts are cents of the order's currency going in and ten-thousandths of the reporting currency coming out,
each rounded on its own with halves up, as the business rules ask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakehouse.synth.batch import half_up
from lakehouse.synth.plan import DAY, Bools, GeneratorPlan, Ints

#: Rates carry six decimals.
RATE_SCALE = 1_000_000
LONG_RUN_RATE = 1.17
#: Rates are published on weekdays only; a week before the start covers the first days of the plan.
LEAD_DAYS = 7


@dataclass(frozen=True, slots=True)
class Rates:
    """One rate per weekday: ascending days since the epoch, and rates scaled by RATE_SCALE."""

    days: Ints
    rates: Ints

    def on(self, times: Ints) -> Ints:
        """The latest rate on or before each time's day."""
        rates: Ints = self.rates[np.searchsorted(self.days, times // DAY, side="right") - 1]
        return rates


def make_rates(plan: GeneratorPlan) -> Rates:
    rng = plan.stream("rates")
    first = plan.first_second // DAY - LEAD_DAYS
    days = np.arange(first, plan.end_second // DAY, dtype=np.int64)
    days = days[(days + 3) % 7 < 5]  # 1970-01-01 was a Thursday
    distance = 0.0
    walk = np.empty(len(days))
    for i, step in enumerate(rng.normal(0.0, 0.004, len(days))):
        distance = 0.98 * distance + step
        walk[i] = distance
    return Rates(days, np.round(LONG_RUN_RATE * np.exp(walk) * RATE_SCALE).astype(np.int64))


def to_reporting(cents: Ints, is_foreign: Bools, rates: Ints) -> Ints:
    """Cents of the order's currency as ten-thousandths of the reporting currency."""
    return np.where(is_foreign, half_up(cents * rates, RATE_SCALE // 100), cents * 100)


def to_foreign(cents: Ints, is_foreign: Bools, rates: Ints) -> Ints:
    """Cents of the reporting currency as cents of the order's: the price shown to a foreign buyer."""
    return np.where(is_foreign, half_up(cents * RATE_SCALE, rates), cents)
