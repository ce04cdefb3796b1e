"""Which anomalies are one trouble: a country's is a part of the whole's, a week's of its days', and orders' of revenue's.

Belongs here: what makes two anomalies one trouble, and which of them stands for it. Not here: how they are found (found.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lakehouse.metrics.anomalies.found import TREND, Found

# Two episodes are one when they share half of the shorter's days and neither is far longer than the other.
SHARED, LONGER, SPARE = 0.5, 3, 14


def parts(found: Sequence[Found], money: Mapping[str, float]) -> dict[str, str]:
    """Anomaly -> the anomaly that it is a part of, for those that don't stand for themselves.

    found: those that people want to hear of. money: what is at stake in each, where that is known. What stands for a trouble is
    the whole before a segment, days before weeks, more money before less, stronger evidence before weaker. A part belongs to
    the same KPI, or to another one as a whole or in the same segment.
    """
    ranked = sorted(found, key=lambda one: _rank(one, money.get(one.anomaly, 0.0)))
    leading: list[Found] = []
    belongs: dict[str, str] = {}
    for one in ranked:
        leader = next((other for other in leading if _is_part(one, other)), None)
        if leader is None:
            leading.append(one)
        else:
            belongs[one.anomaly] = leader.anomaly
    return belongs


def _rank(one: Found, money: float) -> tuple[object, ...]:
    is_week, is_trend = one.series.cadence != "daily", one.methods[0] == TREND
    return (not one.series.is_whole, is_week, is_trend, -money, one.p_value, *one.series.key, one.started_on)


def _is_part(one: Found, leader: Found) -> bool:
    a, b = one.series, leader.series
    is_same_place = (a.dimension, a.segment) == (b.dimension, b.segment)
    if a.kpi.name == b.kpi.name:
        # Of one KPI all that moves the same way at once is one trouble, whichever way it is cut.
        is_related = one.direction == leader.direction
    else:
        is_related = is_same_place or b.is_whole
    return is_related and _is_same_time(one, leader)


def _is_same_time(one: Found, other: Found) -> bool:
    shared = (min(one.ended_on, other.ended_on) - max(one.started_on, other.started_on)).days + 1
    shorter, longer = sorted((one.days, other.days))
    return shared >= SHARED * shorter and longer <= LONGER * shorter + SPARE
