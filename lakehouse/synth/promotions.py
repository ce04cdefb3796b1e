"""The shop's own calendar: promotions, which a feed announces before they start, and days on which it is closed.

Belongs here: what is on when. Doesn't: what that does to orders (conditions.py), nor what goes wrong (troubles.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from lakehouse.synth.plan import Bools, GeneratorPlan, Month
from lakehouse.synth.words import HOME_COUNTRIES

#: Christmas and New Year's Day, as (month, day). Shorter plans could be closed on all their days.
CLOSED = ((12, 25), (12, 26), (1, 1))
SHORTEST_WITH_CLOSED_DAYS = 60
#: Beside the sale week, so many a year, spread over the days of the year before November's sales.
A_YEAR, FIRST_DAY, LAST_DAY = 8, 5, 305
SALE_WEEK, SALE_WEEK_UPLIFT = "sale week", 0.45
KINDS = ("percent off", "flash sale", "member days", "bundle offer")
NAMES = ("Winter", "Spring", "Summer", "Autumn")
#: Share of promotions that run in one country, which is one of the first so many.
ONE_COUNTRY, LARGE_COUNTRIES = 0.25, 4
TRIES = 8


@dataclass(frozen=True, slots=True)
class Promotion:
    """A promotion from `starts_on` through `ends_on`; country: None where it runs everywhere.

    uplift: what it adds to the orders that would have come anyway.
    """

    promotion_id: str
    name: str
    kind: str
    starts_on: date
    ends_on: date
    country: str | None
    uplift: float

    def told(self) -> dict[str, Any]:
        """As `ground_truth.json` tells it."""
        return {
            "promotion_id": self.promotion_id,
            "name": self.name,
            "kind": self.kind,
            "starts_on": self.starts_on.isoformat(),
            "ends_on": self.ends_on.isoformat(),
            "country": self.country,
            "relative_effect": self.uplift,
        }


def closed_days(plan: GeneratorPlan) -> tuple[date, ...]:
    """Days of the plan on which nobody can order."""
    if plan.days < SHORTEST_WITH_CLOSED_DAYS:
        return ()
    days = (plan.start + timedelta(days=i) for i in range(plan.days))
    return tuple(day for day in days if (day.month, day.day) in CLOSED)


def plan_promotions(plan: GeneratorPlan, is_free: Bools) -> tuple[Promotion, ...]:
    """The promotions that lie wholly in the plan. is_free: per day whether one may be on; the sale week always may."""
    found: list[Promotion] = []
    for year in range(plan.start.year, plan.end.year + 1):
        found += _of_year(plan, year, is_free)
    return tuple(found)


def announced_in(month: Month, promotions: tuple[Promotion, ...]) -> tuple[Promotion, ...]:
    """What a month's file tells: the next month's promotions; the first file also its own month's."""
    following = date.fromisoformat(f"{month.label}-01") + timedelta(days=31)
    labels = {f"{following:%Y-%m}"} | ({month.label} if month.index == 0 else set())
    return tuple(one for one in promotions if f"{one.starts_on:%Y-%m}" in labels)


def _of_year(plan: GeneratorPlan, year: int, is_free: Bools) -> list[Promotion]:
    rng = plan.stream("promotions", year)
    slot = (LAST_DAY - FIRST_DAY) // A_YEAR
    begun: list[tuple[date, int, str, str | None, float]] = []
    for number in range(A_YEAR):
        length = int(rng.integers(2, 6))
        kind = KINDS[int(rng.integers(len(KINDS)))]
        country = (
            HOME_COUNTRIES[int(rng.integers(LARGE_COUNTRIES))][0] if rng.random() < ONE_COUNTRY else None
        )
        uplift = round(float(rng.uniform(0.15, 0.45)), 2)
        # The days of a slot's end are left free, so that two promotions never meet.
        tries = rng.integers(0, slot - 10, TRIES) + FIRST_DAY + number * slot
        starts = (date(year, 1, 1) + timedelta(days=int(offset)) for offset in tries)
        start = next((day for day in starts if _fits(plan, day, length, is_free)), None)
        if start is not None:
            begun.append((start, length, kind, country, uplift))
    week = _sale_week(year)
    if _fits(plan, week, 7, np.ones_like(is_free)):
        begun.append((week, 7, SALE_WEEK, None, SALE_WEEK_UPLIFT))
    return [
        Promotion(
            promotion_id=f"PROMO-{year}-{number:02d}",
            name=_name(start, kind, country),
            kind=kind,
            starts_on=start,
            ends_on=start + timedelta(days=length - 1),
            country=country,
            uplift=uplift,
        )
        for number, (start, length, kind, country, uplift) in enumerate(begun, start=1)
    ]


def _fits(plan: GeneratorPlan, start: date, length: int, is_free: Bools) -> bool:
    first = (start - plan.start).days
    return first >= 0 and first + length <= plan.days and bool(is_free[first : first + length].all())


def _sale_week(year: int) -> date:
    """The Monday of the week of the fourth Thursday in November."""
    first = date(year, 11, 1)
    thursday = first + timedelta(days=(3 - first.weekday()) % 7 + 21)
    return thursday - timedelta(days=3)


def _name(start: date, kind: str, country: str | None) -> str:
    season = NAMES[start.month % 12 // 3]
    where = "" if country is None else f" {country}"
    return f"{season} {kind}{where} {start.year}"
