"""One trouble has one anomaly that stands for it: related ones of the same days are its parts, and none is a part of a part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.metrics.anomalies.found import Found
from lakehouse.metrics.anomalies.parts import parts, worth_telling
from lakehouse.metrics.anomalies.series import Series
from lakehouse.metrics.definition import Kpi

DAY = date(2025, 5, 5)


@pytest.fixture(scope="session")
def found_of(kpi_of: Callable[..., Kpi]) -> Callable[..., Found]:
    kpis = {name: kpi_of(name=name) for name in ("revenue", "orders", "returns")}

    def make(
        kpi: str = "revenue", place: tuple[str, str] = ("", ""), first: int = 0, days: int = 3, **said: Any
    ) -> Found:
        series = Series(kpis[kpi], said.pop("cadence", "daily"), *place, 400, "ok")
        start = DAY + timedelta(days=first)
        end = start + timedelta(days=days - 1)
        common: dict[str, Any] = {
            "direction": "down", "is_open": False, "methods": ("expectation",), "p_value": 1e-4, "confidence": 0.7,
            "expected": 100.0, "actual": 50.0, "periods": (1,),
        }  # fmt: skip
        return Found(series, start, start, end, **{**common, **said})

    return make


GERMANY, SPAIN = ("country", "Germany"), ("country", "Spain")


def test_a_segment_and_a_week_belong_to_the_whole_of_their_kpi(found_of: Callable[..., Found]) -> None:
    whole, germany = found_of(), found_of(place=GERMANY)
    week = found_of(cadence="weekly", first=-1, days=7)
    told = parts([week, germany, whole], {germany.anomaly: 1e9})
    assert told == {germany.anomaly: whole.anomaly, week.anomaly: whole.anomaly}


def test_over_kpis_only_the_same_place_is_one_trouble(found_of: Callable[..., Found]) -> None:
    revenue, orders = found_of("revenue", GERMANY), found_of("orders", GERMANY)
    spain = found_of("orders", SPAIN, direction="up")
    whole_of_returns = found_of("returns")
    told = parts([orders, spain, whole_of_returns, revenue], {revenue.anomaly: 500.0, orders.anomaly: 20.0})
    assert told == {orders.anomaly: revenue.anomaly}


def test_parts_of_parts_belong_to_what_stands_for_all(found_of: Callable[..., Found]) -> None:
    revenue, orders, germany = found_of("revenue"), found_of("orders"), found_of("orders", GERMANY)
    told = parts([germany, orders, revenue], {revenue.anomaly: 500.0})
    assert told == {orders.anomaly: revenue.anomaly, germany.anomaly: revenue.anomaly}


def test_another_time_is_another_trouble(found_of: Callable[..., Found]) -> None:
    early, late, long = found_of(), found_of(first=10), found_of(first=-60, days=90, cadence="weekly")
    assert parts([early, late, long], {}) == {}


def test_what_people_answered_stands_for_its_trouble(found_of: Callable[..., Found]) -> None:
    whole, germany = found_of(), found_of(place=GERMANY)
    assert parts([whole, germany], {}, {germany.anomaly}) == {whole.anomaly: germany.anomaly}


def test_weak_evidence_is_told_only_as_a_part(found_of: Callable[..., Found]) -> None:
    strong, weak = found_of(place=GERMANY), found_of(stands_alone=False)
    lone = found_of("orders", SPAIN, first=40, stands_alone=False)
    told = parts([strong, weak, lone], {})
    assert told == {weak.anomaly: strong.anomaly}
    assert worth_telling([strong, weak, lone], told) == [strong, weak]


@given(data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_many_there_are_each_leads_or_belongs_to_one_that_leads(
    data: st.DataObject, found_of: Callable[..., Found]
) -> None:
    one = st.builds(
        lambda kpi, place, first, days, direction, cadence, alone: found_of(
            kpi, place, first, days, direction=direction, cadence=cadence, stands_alone=alone
        ),
        st.sampled_from(["revenue", "orders", "returns"]),
        st.sampled_from([("", ""), GERMANY, SPAIN, ("channel", "app")]),
        st.integers(0, 30),
        st.integers(1, 20),
        st.sampled_from(["up", "down"]),
        st.sampled_from(["daily", "weekly"]),
        st.booleans(),
    )
    drawn = {each.anomaly: each for each in data.draw(st.lists(one, max_size=14))}
    found = list(drawn.values())
    money = {each.anomaly: float(data.draw(st.integers(0, 3))) for each in found}
    belongs = parts(found, money)
    for part, leader in belongs.items():
        assert leader not in belongs
        if not drawn[leader].stands_alone:
            assert not drawn[part].stands_alone
    assert parts(found[::-1], money) == belongs
    kept = {each.anomaly for each in worth_telling(found, belongs)}
    assert {each.anomaly for each in found if each.stands_alone} <= kept
    assert all(belongs[name] in kept for name in kept & belongs.keys())


def test_the_name_is_of_the_series_the_direction_and_the_first_day(found_of: Callable[..., Found]) -> None:
    one = found_of()
    assert (
        replace(one, ended_on=one.ended_on + timedelta(days=9), p_value=1e-9, is_open=True).anomaly
        == one.anomaly
    )
    others = [
        found_of("orders"), found_of(place=GERMANY), found_of(cadence="weekly"), found_of(direction="up"), found_of(first=1),
    ]  # fmt: skip
    assert len({one.anomaly, *(other.anomaly for other in others)}) == 6
    drift = found_of(cadence="weekly", methods=("trend",))
    assert replace(drift, started_on=drift.started_on - timedelta(days=14)).anomaly == drift.anomaly
