"""Which anomalies are one trouble: a country's is a part of the whole's, a week's of its days', and orders' of revenue's.

Belongs here: what makes two anomalies one trouble, and which of them stands for it. Not here: how they are found (found.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from lakehouse.metrics.anomalies.found import TREND, Found

# Two episodes are one when they share half of the shorter's days and neither is far longer than the other.
SHARED, LONGER, SPARE = 0.5, 3, 14


def parts(
    found: Sequence[Found], money: Mapping[str, float], named: AbstractSet[str] = frozenset()
) -> dict[str, str]:
    """Anomaly -> the anomaly that it is a part of, for those that don't stand for themselves.

    money: what is at stake in each, where that is known. named: those that people said something of, which comes before all. What stands for a trouble is
    the whole before a segment, days before weeks, what is far surer before what is less sure, more money before less. First, within a KPI,
    what moves the same way at once is one, whichever way it is cut; then, over KPIs, what moves at once in the same segment, or in
    the whole. Before all that, what stands out by itself comes before what doesn't.
    """
    ranked = sorted(
        found, key=lambda one: (one.anomaly not in named, *_rank(one, money.get(one.anomaly, 0.0)))
    )
    within = _led(ranked, _is_of_kpi)
    across = _led([one for one in ranked if one.anomaly not in within], _is_of_place)
    return {name: across.get(leader, leader) for name, leader in within.items()} | across


def worth_telling(found: Sequence[Found], belongs: Mapping[str, str]) -> list[Found]:
    """Those that stand out by themselves, and those that are a part of one that does.

    The control of false discoveries admits weaker evidence while others stand out; what of it belongs to none of these is left out.
    """
    alone = {one.anomaly for one in found if one.stands_alone}
    return [one for one in found if one.stands_alone or belongs.get(one.anomaly) in alone]


def _led(ranked: Sequence[Found], is_related: Callable[[Found, Found], bool]) -> dict[str, str]:
    """Each goes to the first before it that is related and of the same time, unless that is itself a part."""
    leading: list[Found] = []
    belongs: dict[str, str] = {}
    for one in ranked:
        leader = next((it for it in leading if is_related(one, it) and _is_same_time(one, it)), None)
        if leader is None:
            leading.append(one)
        else:
            belongs[one.anomaly] = leader.anomaly
    return belongs


def _sureness(one: Found) -> int:
    """In steps of a fifth: of two that are about as sure, the money decides."""
    return int(one.confidence * 5 - 1e-9)


def _is_of_kpi(one: Found, leader: Found) -> bool:
    return one.series.kpi.name == leader.series.kpi.name and one.direction == leader.direction


def _is_of_place(one: Found, leader: Found) -> bool:
    a, b = one.series, leader.series
    return a.kpi.name != b.kpi.name and (a.dimension, a.segment) == (b.dimension, b.segment)


def _rank(one: Found, money: float) -> tuple[object, ...]:
    is_week, is_trend = one.series.cadence != "daily", one.methods[0] == TREND
    return (
        not one.stands_alone,
        not one.series.is_whole,
        is_week,
        is_trend,
        -money,
        one.p_value,
        *one.series.key,
        one.started_on,
    )


def _is_same_time(one: Found, other: Found) -> bool:
    shared = (min(one.ended_on, other.ended_on) - max(one.started_on, other.started_on)).days + 1
    shorter, longer = sorted((one.days, other.days))
    return shared >= SHARED * shorter and longer <= LONGER * shorter + SPARE
