"""The change day by day: each day's row is what the readout would have said on that day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from lakehouse.experiments.readout_daily import read_days
from lakehouse.experiments.readout_design import ReadoutDesign, SequentialPlan
from lakehouse.experiments.readout_looks import look_days
from lakehouse.experiments.readout_metric import Evidence
from lakehouse.experiments.readout_rows import EffectRow

if TYPE_CHECKING:
    from conftest import Hand

DAYS, SIZE = 12, 80
ALWAYS = SequentialPlan("confidence_sequence", planned_units=2000)
PLANNED = SequentialPlan("group_sequential", looks=4)


def spent(lift: float = 0.3, level: float = 10.0) -> dict[str, list[np.ndarray]]:
    """What each day's new units spent, by variant."""
    chance = np.random.default_rng(3)
    return {
        name: [chance.normal(level + more, 2, SIZE) for _ in range(DAYS)]
        for name, more in (("a", 0.0), ("b", lift))
    }


def told(hand: Hand, values: dict[str, list[np.ndarray]], **more: Any) -> tuple[ReadoutDesign, Evidence]:
    """A design on spending, and the sums of its units by day and altogether."""
    design = hand.design(hand.metric("spending", "mean"), **more)
    daily = hand.daily({name: [hand.values(day) for day in days] for name, days in values.items()})
    whole = {"spending": {name: hand.values(np.concatenate(days)) for name, days in values.items()}}
    return design, hand.evidence(whole, daily={("spending", name): sums for name, sums in daily.items()})


def rows(hand: Hand, values: dict[str, list[np.ndarray]], **more: Any) -> list[EffectRow]:
    return read_days(*told(hand, values, **more), hand.AFTER)


def test_each_day_is_the_difference_of_all_units_known_by_then(hand: Hand) -> None:
    values = spent()
    found = rows(hand, values)

    assert [row.date for row in found] == [hand.START + timedelta(days=day) for day in range(DAYS)]
    for count, row in enumerate(found, start=1):
        new, old = (np.concatenate(values[name][:count]) for name in "ba")
        assert (row.n, row.n_control) == (SIZE * count, SIZE * count)
        assert row.lift == pytest.approx(new.mean() / old.mean() - 1)
        # Fieller's interval, from the textbook: g is the squared ratio of the critical value to the control's own.
        critical = stats.t.ppf(0.975, 2 * SIZE * count - 2)
        g = (critical * stats.sem(old) / old.mean()) ** 2
        errors = stats.sem(new) * np.sqrt(1 - g), stats.sem(old) * new.mean() / old.mean()
        half = critical / old.mean() / (1 - g) * np.hypot(*errors)
        assert row.low is not None
        assert row.high is not None
        assert (row.high - row.low) / 2 == pytest.approx(half, rel=1e-3)
        assert row.sequential_low is row.sequential_high is None


@pytest.mark.parametrize("plan", [ALWAYS, PLANNED], ids=["any time", "planned looks"])
def test_the_last_day_holds_the_readouts_own_interval_for_every_look(
    hand: Hand, plan: SequentialPlan
) -> None:
    values = spent()
    design, evidence = told(hand, values, sequential=plan)
    last = read_days(design, evidence, hand.AFTER)[-1]
    sizes = dict.fromkeys("ab", SIZE * DAYS)
    arms = {"spending": {name: hand.values(np.concatenate(days)) for name, days in values.items()}}
    readout = hand.read(design, arms, daily=evidence.daily, counts=hand.counts(sizes)).rows[0]

    assert readout.sequential_low is not None
    assert readout.sequential_high is not None
    assert readout.mean_control is not None
    assert last.lift == pytest.approx(readout.lift)
    assert last.sequential_low == pytest.approx(readout.sequential_low / readout.mean_control)
    assert last.sequential_high == pytest.approx(readout.sequential_high / readout.mean_control)


def test_the_interval_for_every_look_only_narrows_and_begins_with_enough_units(hand: Hand) -> None:
    found = rows(hand, spent(), sequential=ALWAYS)
    ends = [(row.sequential_low, row.sequential_high) for row in found]
    level = [row.lift for row in found]

    assert ends[0] == (None, None), "80 units are too few to look at"
    assert all(low is not None and high is not None and low < high for low, high in ends[1:])
    lows = [low for low, _ in ends[1:] if low is not None]
    assert lows == pytest.approx(sorted(lows), abs=0.01), (
        "but for the control's level, which is each day's own"
    )
    assert all(lift is not None for lift in level)


def test_between_two_planned_looks_a_day_has_what_the_latest_said(hand: Hand) -> None:
    found = rows(hand, spent(), sequential=PLANNED)
    looks = [day for day in look_days(hand.START, hand.END - timedelta(days=1), 4) if day <= found[-1].date]
    widths = {row.date: row.sequential_high - row.sequential_low for row in found if row.sequential_low is not None and row.sequential_high is not None}  # fmt: skip

    assert [day for day in (row.date for row in found) if day not in widths] == [
        row.date for row in found if row.date < looks[0]
    ]
    assert widths[looks[0]] == pytest.approx(widths[looks[0] + timedelta(days=1)], rel=0.05)
    assert len(looks) == 1


def test_units_that_come_in_clusters_have_wider_intervals_and_no_looks(hand: Hand) -> None:
    values = spent()
    together = np.repeat(np.arange(24), SIZE * DAYS // 24)
    arms = {}
    for place, name in enumerate("ab"):
        shared = np.random.default_rng(place).normal(0, 3, 24)[together]
        values[name] = np.split(np.concatenate(values[name]) + shared, DAYS)
        arms[name] = hand.values(np.concatenate(values[name]), cluster=together)
    design, evidence = told(hand, values, sequential=ALWAYS, is_clustered=True)
    plain = read_days(*told(hand, values), hand.AFTER)[-1]
    clustered = read_days(design, Evidence(hand.evidence({"spending": arms}).aggregates, daily=evidence.daily), hand.AFTER)[-1]  # fmt: skip

    assert clustered.lift == plain.lift
    assert clustered.low is not None
    assert plain.low is not None
    assert clustered.low < plain.low
    assert clustered.sequential_low is None


def test_a_day_that_says_nothing_keeps_its_units(hand: Hand) -> None:
    nothing = {name: [np.zeros(5), np.zeros(5)] for name in "ab"}

    assert [(row.n, row.lift, row.low) for row in rows(hand, nothing)] == [(5, None, None), (10, None, None)]
    below = rows(hand, spent(level=-10.0))
    assert {row.lift for row in below} == {None}, "a lift needs a control above 0"


def test_there_are_no_days_of_a_quantile_or_of_no_metric(hand: Hand) -> None:
    _, evidence = told(hand, spent())

    assert read_days(hand.design(hand.metric("p90", "quantile", quantile=0.9)), evidence, hand.AFTER) == []
    assert read_days(hand.design(), evidence, hand.AFTER) == []
    assert read_days(hand.design(hand.metric("spending", "mean")), Evidence(), hand.AFTER) == []
