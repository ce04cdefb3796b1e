"""The experiments that the company runs in 2025, and what is planted in each.

Belongs here: designs as data. Doesn't: how they come true (trials.py, campaign.py). The shipped files of
`experiments/registry` describe the same experiments as their owners see them; a test keeps the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

CAMPAIGN = "regional_radio_campaign"


@dataclass(frozen=True, slots=True)
class Design:
    """One randomized experiment.

    shares: how visitors are split; the first variant is the control. outcome: what the variants change (activation,
    purchase or joining, the subscriptions that customers begin), pull: how much likelier it is in each variant.
    smaller_orders: how strongly each variant draws small orders to itself, 0 to 1. lost: share of each variant's
    units that are never recorded. contaminated: share of units that are shown a second variant as well.
    """

    id: str
    planted: str
    verdict: str
    start: date
    end: date
    shares: dict[str, float]
    primary: str
    metrics: tuple[str, ...]
    outcome: str
    pull: tuple[float, ...]
    unit: str = "visitor"
    smaller_orders: tuple[float, ...] = ()
    lost: tuple[float, ...] = ()
    contaminated: float = 0.003
    only_mobile: bool = False
    without_country: str | None = None

    @property
    def variants(self) -> tuple[str, ...]:
        return tuple(self.shares)


_SHOP = ("conversion", "revenue_per_visitor", "average_order_value", "sessions_per_visitor")

DESIGNS: tuple[Design, ...] = (
    Design(
        id="onboarding_checklist",
        planted="a winner: the checklist makes more of those who sign up active",
        verdict="ship",
        start=date(2025, 1, 20),
        end=date(2025, 3, 3),
        shares={"control": 0.5, "checklist": 0.5},
        primary="activation",
        metrics=("activation", "signup", "sessions_per_visitor", "conversion"),
        outcome="activation",
        pull=(1.0, 1.45),
    ),
    Design(
        id="checkout_one_page",
        planted="a winner among the countries it is meant for: more visitors buy, orders stay as large as before",
        verdict="ship",
        start=date(2025, 3, 10),
        end=date(2025, 4, 21),
        shares={"control": 0.5, "one_page": 0.5},
        primary="conversion",
        metrics=(*_SHOP, "p90_revenue", "bounce_rate"),
        outcome="purchase",
        pull=(1.0, 1.7),
        without_country="United Kingdom",
    ),
    Design(
        id="homepage_video",
        planted="nothing: neither the video nor the carousel changes anything",
        verdict="do not ship",
        start=date(2025, 4, 28),
        end=date(2025, 6, 9),
        shares={"control": 0.34, "video": 0.33, "carousel": 0.33},
        primary="conversion",
        metrics=(*_SHOP, "signup", "bounce_rate"),
        outcome="purchase",
        pull=(1.0, 1.0, 1.0),
    ),
    Design(
        id="free_shipping_threshold",
        planted="a guardrail hurt: more visitors buy, but orders get smaller",
        verdict="guardrail hurt",
        start=date(2025, 6, 16),
        end=date(2025, 7, 28),
        shares={"control": 0.5, "no_threshold": 0.5},
        primary="conversion",
        metrics=_SHOP,
        outcome="purchase",
        pull=(1.0, 1.6),
        smaller_orders=(0.0, 0.95),
    ),
    Design(
        id="search_autocomplete",
        planted="a broken split: a quarter of the treatment is never recorded",
        verdict="invalid",
        start=date(2025, 8, 4),
        end=date(2025, 9, 8),
        shares={"control": 0.5, "autocomplete": 0.5},
        primary="conversion",
        metrics=_SHOP,
        outcome="purchase",
        pull=(1.0, 1.3),
        lost=(0.0, 0.25),
    ),
    Design(
        id="personal_recommendations",
        planted="contamination: one unit in eight is shown both variants",
        verdict="invalid",
        start=date(2025, 9, 15),
        end=date(2025, 10, 20),
        shares={"control": 0.5, "personal": 0.5},
        primary="conversion",
        metrics=_SHOP,
        outcome="purchase",
        pull=(1.0, 1.3),
        contaminated=0.125,
    ),
    Design(
        id="mobile_sticky_cart",
        planted="an effect in one segment only: on mobile devices more visitors buy, elsewhere nothing changes",
        verdict="ship",
        start=date(2025, 10, 27),
        end=date(2025, 12, 8),
        shares={"control": 0.5, "sticky": 0.5},
        primary="conversion",
        metrics=_SHOP,
        outcome="purchase",
        pull=(1.0, 1.8),
        only_mobile=True,
    ),
    Design(
        id="club_welcome_offer",
        planted="a winner by customer: more customers join the club",
        verdict="ship",
        start=date(2025, 6, 2),
        end=date(2025, 11, 3),
        shares={"control": 0.5, "offer": 0.5},
        primary="new_mrr",
        metrics=("new_mrr", "bookings_amount"),
        outcome="joining",
        pull=(1.0, 2.6),
        unit="customer",
    ),
)
