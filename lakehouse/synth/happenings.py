"""All that happens to the company from outside its ordinary days, planned before its first order.

Belongs here: promotions, closed days and troubles put together for those who make orders. Doesn't: each one's behaviour
(promotions.py, troubles.py, conditions.py, recall.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakehouse.synth.catalogue import Catalogue
from lakehouse.synth.conditions import Conditions, PriceError, conditions_of
from lakehouse.synth.plan import DAY, GeneratorPlan
from lakehouse.synth.promotions import Promotion, plan_promotions
from lakehouse.synth.recall import Recall
from lakehouse.synth.troubles import (
    PRICE_ERROR,
    RECALL,
    WRONG_PRICE_PERCENT,
    Trouble,
    free_days,
    plan_troubles,
    shares_of,
)


@dataclass(frozen=True, slots=True)
class Happenings:
    """What happens, as told (promotions, troubles) and as it acts (the rest)."""

    promotions: tuple[Promotion, ...]
    troubles: tuple[Trouble, ...]
    conditions: Conditions
    mistakes: tuple[PriceError, ...]
    recall: Recall | None


def happen(plan: GeneratorPlan, catalogue: Catalogue) -> Happenings:
    troubles = plan_troubles(plan, catalogue)
    promotions = plan_promotions(plan, free_days(plan, troubles))
    changes = [change for one in troubles if (change := one.change(plan)) is not None]
    categories = np.array(catalogue.categories)

    def span(one: Trouble) -> tuple[int, int]:
        return plan.first_second + one.first * DAY, plan.first_second + (one.last + 1) * DAY

    mistakes = tuple(
        PriceError(categories == one.segment, *span(one), WRONG_PRICE_PERCENT)
        for one in troubles
        if one.kind == PRICE_ERROR
    )
    recalls = [
        Recall(one.product, *span(one), categories == one.segment)
        for one in troubles
        if one.kind == RECALL and one.product is not None
    ]
    return Happenings(
        promotions,
        troubles,
        conditions_of(plan, shares_of(plan), promotions, changes),
        mistakes,
        recalls[0] if recalls else None,
    )
