"""How troubles show in the KPIs: which of them move, where, which way and by how much.

Belongs here: the truth about anomalies as `ground_truth.json` tells it. Doesn't: when and where they are (troubles.py).
A relative effect is that on the expected value of a day within the trouble (of a slow decline: after it); the effects of
a recall are counted, as so few days bring units back that their mean tells little. A sign is clear where its effect is
several times what chance does to the KPI over the trouble's days: in a small company an effect on the whole may not be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lakehouse.synth.catalogue import Catalogue
from lakehouse.synth.cells import FIRST_NUMBER
from lakehouse.synth.demand import daily_shape
from lakehouse.synth.orders import CHANNEL_WEIGHTS, EXTRA_LINES
from lakehouse.synth.plan import DAY, GeneratorPlan
from lakehouse.synth.recall import Recall
from lakehouse.synth.sessions import ONLINE
from lakehouse.synth.troubles import (
    CHANNEL_OUTAGE,
    CHECKOUT,
    PRICE_ERROR,
    RECALL,
    SLOW_DECLINE,
    Trouble,
    category_sales,
    category_units,
    share_of_orders,
)
from lakehouse.synth.web import visits_per_order

WHOLE = ("", "")
Sign = dict[str, Any]
#: Squared relative deviation of what one order (of a category: one line) adds to a KPI, a part of what chance does.
SPREAD = {
    "order_count": 1.0,
    "active_customers": 1.0,
    "conversion_rate": 1.2,
    "units_sold": 1.7,
    "total_revenue": 2.5,
    "revenue_by_country": 2.5,
    "revenue_per_order": 1.5,
    "average_price": 1.0,
    "return_rate": 20.0,
}
#: A day's demand varies beside its count, which these don't feel; a slow decline is looked at for so many days after it.
DAY_SPREAD, DAYS_AFTER = 0.08, 28
RATIOS = ("conversion_rate", "revenue_per_order", "average_price", "return_rate")
CLEAR = 4.0


@dataclass(frozen=True, slots=True)
class _Case:
    """A trouble, its company, and the recall that it is, if it is one, after the last month."""

    plan: GeneratorPlan
    trouble: Trouble
    catalogue: Catalogue
    recall: Recall | None

    @property
    def here(self) -> tuple[str, str]:
        return self.trouble.dimension, self.trouble.segment

    @property
    def share(self) -> float:
        return share_of_orders(self.plan, *self.here)

    def noise(self, kpi: str, place: tuple[str, str]) -> float:
        """The relative standard error of a KPI over the days on which it is to show the trouble."""
        one = self.trouble
        stays = one.kind == SLOW_DECLINE
        first, days = (one.last + 1, DAYS_AFTER) if stays else (one.first, one.days)
        shape = daily_shape(self.plan)
        count = float(self.plan.orders * shape[first : first + days].sum() / shape.sum())
        if place != WHOLE and one.dimension == "category":
            count *= (1 + EXTRA_LINES) * category_units(self.catalogue, one.segment)
        elif place != WHOLE:
            count *= self.share
        of_days = 0.0 if kpi in RATIOS else DAY_SPREAD**2 / days
        return math.sqrt(SPREAD[kpi] / max(count, 1.0) + of_days)

    def sign(self, kpi: str, place: tuple[str, str], effect: float) -> Sign:
        return {
            "kpi": kpi,
            "dimension": place[0],
            "segment": place[1],
            "direction": "up" if effect > 0 else "down",
            "relative_effect": round(effect, 4),
            "is_clear": abs(effect) >= CLEAR * self.noise(kpi, place),
        }


def tell_trouble(
    plan: GeneratorPlan, trouble: Trouble, catalogue: Catalogue, recall: Recall | None
) -> dict[str, Any]:
    """One entry of `anomalies`; recall: the one that the trouble is, after the last month."""
    signs = list(_SIGNS[trouble.kind](_Case(plan, trouble, catalogue, recall)))
    sentence = _SENTENCES[trouble.kind].format(
        segment=trouble.segment,
        percent=f"{100 * trouble.size:.0f} %",
        product="" if trouble.product is None else catalogue.names[trouble.product],
        weeks=trouble.days // 7,
    )
    return {
        "kind": trouble.kind,
        "starts_on": trouble.starts_on(plan).isoformat(),
        "ends_on": trouble.ends_on(plan).isoformat(),
        "segment": {trouble.dimension: trouble.segment},
        "product_id": None if trouble.product is None else f"P{FIRST_NUMBER + trouble.product}",
        "relative_effect": signs[0]["relative_effect"],
        "stays": trouble.kind == SLOW_DECLINE,
        "kpis": signs,
        "sentence": sentence,
    }


def _checkout(case: _Case) -> Iterator[Sign]:
    lost = case.trouble.size
    for kpi in ("order_count", "total_revenue", "revenue_by_country", "units_sold", "active_customers"):
        yield case.sign(kpi, case.here, -lost)
    if case.plan.visitors_per_order > 0:
        yield case.sign("conversion_rate", case.here, _conversion(case.plan, lost))
    for kpi in ("order_count", "total_revenue"):
        yield case.sign(kpi, WHOLE, -lost * case.share)


def _outage(case: _Case) -> Iterator[Sign]:
    lost = case.trouble.size
    for kpi in ("order_count", "total_revenue", "units_sold", "active_customers"):
        yield case.sign(kpi, case.here, -lost)
    for kpi in ("order_count", "total_revenue"):
        yield case.sign(kpi, WHOLE, -lost * case.share)
    if case.plan.visitors_per_order > 0:
        online = sum(CHANNEL_WEIGHTS[position] for position in ONLINE)
        yield case.sign("conversion_rate", WHOLE, _conversion(case.plan, lost * case.share / online))


def _prices(case: _Case) -> Iterator[Sign]:
    lost, category = case.trouble.size, case.trouble.segment
    yield case.sign("average_price", case.here, -lost)
    day = case.plan.first_second + case.trouble.first * DAY
    month = next(month.index for month in case.plan.months() if month.start <= day < month.end)
    share = category_sales(case.catalogue, month)[category]
    for kpi in ("average_price", "revenue_per_order", "total_revenue"):
        yield case.sign(kpi, WHOLE, -lost * share)


def _recall(case: _Case) -> Iterator[Sign]:
    if case.recall is None:
        raise ValueError("expected the recall that the trouble is, found none.")
    effects = case.recall.effects()
    for kpi in ("units_sold", "return_rate"):
        yield case.sign(kpi, case.here, effects[kpi][0])
    yield case.sign("return_rate", WHOLE, effects["return_rate"][1])


def _decline(case: _Case) -> Iterator[Sign]:
    for kpi in ("order_count", "total_revenue"):
        yield case.sign(kpi, case.here, -case.trouble.size)


def _conversion(plan: GeneratorPlan, lost: float) -> float:
    """What becomes of purchases by visits when so many of the purchases don't happen, and the other visits do."""
    buying, others = visits_per_order(plan)
    return (1 - lost) * (buying + others) / (buying * (1 - lost) + others) - 1


_SIGNS = {
    CHECKOUT: _checkout,
    CHANNEL_OUTAGE: _outage,
    PRICE_ERROR: _prices,
    RECALL: _recall,
    SLOW_DECLINE: _decline,
}
_SENTENCES = {
    CHECKOUT: "The checkout of {segment} is broken: {percent} of its orders are lost.",
    CHANNEL_OUTAGE: "The channel {segment} is down and takes no orders.",
    PRICE_ERROR: "A price error: everything in {segment} is sold at a tenth of its price.",
    RECALL: "{product} ({segment}) is recalled: it is not sold any more, and units sold before come back.",
    SLOW_DECLINE: "{segment} loses {percent} of its orders over {weeks} weeks and stays there.",
}
