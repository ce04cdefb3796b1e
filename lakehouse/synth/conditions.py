"""What each day of the plan does to orders: factors by country, channel and payment method, discounts and prices.

Belongs here: promotions, closed days and troubles as figures per day, and drawing under them. Doesn't: what they are
(promotions.py, troubles.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lakehouse.synth.batch import half_up
from lakehouse.synth.plan import DAY, Bools, GeneratorPlan, Ints
from lakehouse.synth.promotions import Promotion, closed_days
from lakehouse.synth.words import COUNTRIES

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """Demand of one position of a dimension, multiplied by a factor on each day from `first` on."""

    dimension: str
    position: int
    first: int
    factors: Floats


@dataclass(frozen=True, slots=True)
class PriceError:
    """Products sold at so many percent of their price in [start, end)."""

    product: Bools
    start: int
    end: int
    percent: int

    def price(self, price: Ints, product: Ints, times: Ints) -> Ints:
        wrong = self.product[product] & (times >= self.start) & (times < self.end)
        return np.where(wrong, half_up(price * self.percent, 100), price)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Per day of the plan. orders: factor on the demand of the day; kept: the part of it that troubles leave.

    factors: per dimension, days by positions, what becomes of each one's demand.
    """

    first_second: int
    orders: Floats
    kept: Floats
    factors: dict[str, Floats]
    discounted: Bools

    def tilt(
        self,
        rng: np.random.Generator,
        dimension: str,
        drawn: Ints,
        times: Ints,
        base: Sequence[float] | Floats,
    ) -> Ints:
        """Positions drawn by the base weights, some of them drawn anew so that each day's factors hold."""
        factors = self.factors[dimension]
        day = (times - self.first_second) // DAY
        rows = np.flatnonzero(np.any(factors != 1.0, axis=1)[day])
        if not len(rows):
            return drawn
        share = np.asarray(base, dtype=np.float64) / np.sum(base)
        wanted = share * factors[day[rows]]
        wanted /= wanted.sum(axis=1, keepdims=True)
        was = drawn[rows]
        stays = rng.random(len(rows)) < wanted[np.arange(len(rows)), was] / share[was]
        gains = np.cumsum(np.maximum(wanted - share, 0.0), axis=1)
        new = np.sum(gains <= rng.random(len(rows))[:, None] * gains[:, -1:], axis=1)
        tilted = drawn.copy()
        tilted[rows] = np.where(stays, was, np.minimum(new, len(share) - 1))
        return tilted

    def is_sale(self, times: Ints, country: Ints) -> Bools:
        """Where a promotion is on."""
        on: Bools = self.discounted[(times - self.first_second) // DAY, country]
        return on


def conditions_of(
    plan: GeneratorPlan,
    shares: Mapping[str, Sequence[float] | Floats],
    promotions: tuple[Promotion, ...],
    troubles: Iterable[Change],
) -> Conditions:
    """shares: of each position of each dimension on an ordinary day."""
    factors = {name: np.ones((plan.days, len(share))) for name, share in shares.items()}
    everywhere = np.ones(plan.days)
    everywhere[[(day - plan.start).days for day in closed_days(plan)]] = 0.0
    discounted = np.zeros((plan.days, len(COUNTRIES)), dtype=np.bool_)
    for one in promotions:
        days = slice((one.starts_on - plan.start).days, (one.ends_on - plan.start).days + 1)
        if one.country is None:
            everywhere[days] *= 1 + one.uplift
            discounted[days] = True
        else:
            factors["country"][days, COUNTRIES.index(one.country)] *= 1 + one.uplift
            discounted[days, COUNTRIES.index(one.country)] = True
    wanted = everywhere * _all_dimensions(factors, shares)
    for change in troubles:
        days = slice(change.first, change.first + len(change.factors))
        factors[change.dimension][days, change.position] *= change.factors
    placed = everywhere * _all_dimensions(factors, shares)
    kept = np.divide(placed, wanted, out=np.ones(plan.days), where=wanted > 0)
    return Conditions(plan.first_second, placed, kept, factors, discounted)


def _all_dimensions(factors: dict[str, Floats], shares: Mapping[str, Sequence[float] | Floats]) -> Floats:
    """What the factors come to for all orders of a day: dimensions are drawn independently of each other."""
    whole = np.ones(len(next(iter(factors.values()))))
    for name, share in shares.items():
        whole *= factors[name] @ (np.asarray(share, dtype=np.float64) / np.sum(share))
    return whole
