"""The synthetic company's troubles through the public path: totals stay exact, and the KPIs show what was planted.

Whether a detector finds them is not asked here: only that they are in the published values.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

BEFORE = timedelta(days=28)


def test_totals_are_those_of_the_truth_though_things_went_wrong(tried: Any) -> None:
    totals = tried.truth.totals
    assert len(tried.truth.anomalies) == 5
    money = ("gross_revenue", "discount", "tax", "refund", "net_revenue", "cost")
    names = ("gross", "discount", "tax", "refund", "net", "cost")
    found = tried.published(f"select {', '.join(f'sum({name})' for name in money)} from fct_orders")[0]
    assert found == tuple(Decimal(totals["revenue"][name]) for name in names)
    assert tried.published("select count(*), sum(quantity), sum(refund_amount) from fct_returns") == [
        (totals["returns"]["rows"], totals["returns"]["units"], Decimal(totals["returns"]["refund"]))
    ]
    assert tried.published(
        "select sum(on_hand), sum(allocated) from fct_inventory_daily where date = (select max(date) from fct_inventory_daily)"
    ) == [(totals["stock"]["on_hand"], totals["stock"]["allocated"])]
    assert tried.published("select count(*) from fct_orders") == [(totals["orders"]["total"],)]


def test_promotions_are_staged_as_they_were_planned(tried: Any) -> None:
    told = {
        (one["promotion_id"], one["starts_on"], one["ends_on"], one["country"])
        for one in tried.truth.promotions
    }
    found = tried.rows(
        "select promotion_id, starts_on::varchar, ends_on::varchar, country from stg_promotions"
    )
    assert set(found) == told
    assert len(found) == len(told) >= 7


def test_every_sign_is_in_the_published_values(tried: Any) -> None:
    """Per KPI that is told clearly: its value in the trouble beside the four weeks before it."""
    compared = 0
    for one in tried.truth.anomalies:
        first, last = (date.fromisoformat(one[name]) for name in ("starts_on", "ends_on"))
        now = (last, last + timedelta(days=27)) if one["stays"] else (first, last)
        for sign in one["kpis"]:
            if not sign["is_clear"]:
                continue  # told, but too small beside what chance does to so few orders
            then = (first - BEFORE, first - timedelta(days=1))
            usual, wrong = (value_of(tried, sign, *span) for span in (then, now))
            if one["kind"] in ("checkout_broken", "channel_outage", "slow_decline") and sign["dimension"]:
                # Beside what became of the whole for other reasons, such as the days after Christmas.
                whole = sign | {"dimension": "", "segment": ""}
                usual, wrong = usual / value_of(tried, whole, *then), wrong / value_of(tried, whole, *now)
            effect = wrong / usual - 1
            assert (effect > 0) is (sign["direction"] == "up"), (one["kind"], sign, effect)
            assert abs(effect) > abs(sign["relative_effect"]) * 0.4, (one["kind"], sign, effect)
            compared += 1
    assert compared >= 14


def value_of(lake: Any, sign: dict[str, Any], first: date, last: date) -> float:
    """A KPI over a span of days: a ratio of sums, or the mean of the days."""
    above, below, days = lake.published(
        "select sum(numerator), sum(denominator), count(*) from kpi_values "
        f"where kpi = '{sign['kpi']}' and cadence = 'daily' and dimension = '{sign['dimension']}' "
        f"and segment = '{sign['segment']}' and period_start between '{first}' and '{last}'"
    )[0]
    assert days == pytest.approx((last - first).days + 1)
    return float(above) / float(below if below is not None else days)
