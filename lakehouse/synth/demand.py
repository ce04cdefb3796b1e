"""How many orders come on which day, and at which second: trend, week, year and chance.

Belongs here: the times of orders. Doesn't: who orders (people.py) or what (orders.py).
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from lakehouse.synth.batch import draw
from lakehouse.synth.plan import DAY, GeneratorPlan, Ints, Month

YEARLY_GROWTH = 0.30
#: Monday to Sunday.
WEEK = np.array([1.06, 1.00, 0.97, 0.98, 0.93, 0.92, 1.14])
#: Midnight to 23 h, UTC.
HOURS = (
    *(0.5, 0.3, 0.2, 0.1, 0.1, 0.3, 0.8, 1.6, 2.4, 3.0, 3.4, 3.6),
    *(3.8, 3.5, 3.2, 3.1, 3.2, 3.6, 4.4, 5.4, 5.8, 4.9, 3.2, 1.4),
)


def daily_orders(plan: GeneratorPlan, factors: NDArray[np.float64] | None = None) -> Ints:
    """Orders per day of the plan; they sum to exactly `plan.orders`. factors: on each day's demand."""
    rng = plan.stream("demand")
    weights = daily_shape(plan) * rng.lognormal(0.0, 0.07, plan.days)
    if factors is not None:
        weights = weights * factors
    return rng.multinomial(plan.orders, weights / weights.sum())


def daily_shape(plan: GeneratorPlan) -> NDArray[np.float64]:
    """The expected demand of each day, up to a factor and apart from promotions (promotions.py)."""
    days = [plan.start + timedelta(days=i) for i in range(plan.days)]
    weekday = np.array([day.weekday() for day in days])
    of_year = np.array([day.timetuple().tm_yday for day in days], dtype=np.float64)
    trend = np.exp(np.log1p(YEARLY_GROWTH) * np.arange(plan.days) / 365)
    year = (
        1.0
        + 0.06 * np.cos(2 * np.pi * (of_year - 15) / 365)
        - 0.14 * np.exp(-(((of_year - 212) / 28) ** 2))  # the summer holidays
        + 0.60 * np.exp(-(((of_year - 345) / 13) ** 2))  # Christmas gifts
    )
    shape: NDArray[np.float64] = trend * WEEK[weekday] * year
    return shape


def order_times(plan: GeneratorPlan, month: Month, per_day: Ints) -> Ints:
    """The seconds at which a month's orders are placed, sorted; `per_day` is the whole plan's."""
    rng = plan.stream("order times", month.index)
    first_day = (month.start - plan.first_second) // DAY
    counts = per_day[first_day : first_day + month.days]
    days = np.repeat(np.arange(month.days, dtype=np.int64), counts)
    hours = draw(rng, HOURS, len(days))
    times: Ints = month.start + days * DAY + hours * 3600 + rng.integers(0, 3600, len(days))
    times.sort()
    return times
