"""Looking early must not find effects that are not there, and the calendar of looks is the plan's."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from lakehouse.experiments.readout_looks import (
    DayOfSums,
    Estimate,
    any_time,
    any_time_p,
    look_days,
    planned_looks,
)


def days_of(hand: Any, effect: float, seed: int, days: int = 20, units: int = 150) -> list[DayOfSums]:
    rng = np.random.default_rng(seed)
    parts = {
        name: [hand.values(rng.normal(mean, 1, units)) for _ in range(days)]
        for name, mean in (("b", effect), ("a", 0.0))
    }
    daily = hand.daily(parts)
    return [DayOfSums(day, daily["b"][day], daily["a"][day]) for day in sorted(daily["b"])]


def test_daily_peeking_at_nothing_finds_nothing_more_often_than_alpha(hand: Any) -> None:
    found = 0
    for seed in range(100):
        look = any_time(days_of(hand, 0, seed, days=10), None, is_ratio=False)
        assert look is not None
        found += look.p_value <= 0.05
    assert found <= 7


def test_a_clear_effect_is_found_and_kept(hand: Any) -> None:
    days = days_of(hand, 0.2, 1)
    early, late = (any_time(days[:count], None, is_ratio=False) for count in (10, 20))
    assert early is not None
    assert late is not None
    assert late.p_value <= early.p_value
    assert late.looks == 20
    assert late.low is not None
    assert early.low is not None
    assert late.low >= early.low > 0


def test_small_arms_are_not_looked_at(hand: Any) -> None:
    assert any_time(days_of(hand, 5, 1, days=3, units=30), None, is_ratio=False) is None
    assert any_time([], None, is_ratio=False) is None
    now = any_time([], Estimate(0.4, 0.1, 60), is_ratio=False)
    assert now is not None
    assert now.p_value == any_time_p(Estimate(0.4, 0.1, 60), 0.05)


def test_an_effect_that_turns_leaves_the_latest_look(hand: Any) -> None:
    rng = np.random.default_rng(3)
    parts = {
        "b": [hand.values(rng.normal(mean, 0.1, 200)) for mean in (1.0, 1.0, -5.0, -5.0)],
        "a": [hand.values(rng.normal(0, 0.1, 200)) for _ in range(4)],
    }
    daily = hand.daily(parts)
    days = [DayOfSums(day, daily["b"][day], daily["a"][day]) for day in sorted(daily["b"])]
    look = any_time(days, None, is_ratio=False)
    assert look is not None
    assert look.high is not None
    assert look.high < 0


def test_looks_are_spread_over_the_days_and_the_last_is_the_last_day() -> None:
    first, last = date(2026, 3, 2), date(2026, 3, 29)
    assert [(day - first).days + 1 for day in look_days(first, last, 4)] == [7, 14, 21, 28]
    assert look_days(first, first, 4) == [first]


@pytest.mark.parametrize(("passed", "looks"), [(4, None), (5, 1), (9, 1), (10, 2), (20, 4), (90, 4)])
def test_only_looks_that_were_due_are_taken(hand: Any, passed: int, looks: int | None) -> None:
    days = {day.day: day for day in days_of(hand, 0.1, 2)}
    first = min(days)
    calendar = look_days(first, first + timedelta(days=19), 4)
    look = planned_looks(days, calendar, first + timedelta(days=passed - 1), is_ratio=False)
    assert (None if look is None else look.looks) == looks


def test_planned_units_set_the_information_and_end_the_plan_when_they_are_there(hand: Any) -> None:
    days = {day.day: day for day in days_of(hand, 0.1, 2)}
    first = min(days)
    calendar = look_days(first, first + timedelta(days=19), 4)
    last = first + timedelta(days=30)
    look = planned_looks(days, calendar, last, is_ratio=False, planned_units=3000)
    assert look is not None
    # 150 units a day and arm: 3,000 of both are there at the second look.
    assert look.looks == 2
    spread = planned_looks(days, calendar, last, is_ratio=False, planned_units=60_000)
    assert spread is not None
    assert spread.looks == 4


def test_group_sequential_looks_at_nothing_hold_alpha(hand: Any) -> None:
    found = 0
    for seed in range(40):
        days = {day.day: day for day in days_of(hand, 0, seed, days=8)}
        first = min(days)
        look = planned_looks(
            days,
            look_days(first, first + timedelta(days=7), 4),
            first + timedelta(days=7),
            is_ratio=False,
            family="pocock",
        )
        assert look is not None
        found += look.p_value <= 0.05
    assert found <= 6
