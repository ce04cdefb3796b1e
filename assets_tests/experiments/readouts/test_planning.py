"""Before an experiment: units and days, by power computed once more."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lakehouse.experiments.planning import plan, sentences


def power(effect: float, variances: tuple[float, float], units: tuple[int, int], alpha: float) -> float:
    error = math.sqrt(variances[0] / units[0] + variances[1] / units[1])
    critical = stats.norm.isf(alpha / 2)
    return float(stats.norm.sf(critical - effect / error) + stats.norm.sf(critical + effect / error))


@settings(deadline=None)
@given(
    baseline=st.floats(0.02, 0.6),
    lift=st.floats(0.02, 0.5),
    share=st.floats(0.1, 0.9),
    arms=st.integers(2, 4),
    aim=st.floats(0.5, 0.95),
)
def test_a_plans_units_reach_its_power_and_hardly_more(
    baseline: float, lift: float, share: float, arms: int, aim: float
) -> None:
    split = [share] + [(1 - share) / (arms - 1)] * (arms - 1)
    found = plan(baseline, lift, power=aim, arms=arms, split=split)
    rates = baseline * (1 + lift), baseline
    variances = (rates[0] * (1 - rates[0]), rates[1] * (1 - rates[1]))
    reached = power(
        found.effect, variances, (found.units_per_arm[1], found.units_per_arm[0]), 0.05 / (arms - 1)
    )
    assert aim - 1e-9 <= reached <= aim + 0.05


def test_the_textbook_rate() -> None:
    assert plan(0.1, 0.02, scale="absolute").units_per_arm == (3839, 3839)
    assert plan(0.1, 0.2).units_per_arm == (3839, 3839)


def test_a_mean_needs_its_standard_deviation() -> None:
    found = plan(20, 0.05, kind="mean", sd=40)
    assert found.units_per_arm[0] == pytest.approx(2 * (2.8016 * 40) ** 2, rel=1e-3)
    assert plan(20, 0.05, kind="mean", sd=40, variance_reduction=0.5).units == pytest.approx(
        found.units / 2, abs=2
    )


def test_days_follow_from_units_a_day() -> None:
    found = plan(0.1, 0.2, daily_units=1000)
    assert (found.days, found.whole_weeks) == (8, 2)
    assert plan(0.1, 0.2, daily_units=1000, allocation=0.5).days == 16
    assert plan(0.1, 0.2).days is None


def test_sentences_say_it_without_jargon() -> None:
    told = sentences(plan(0.1, 0.2, daily_units=1000, arms=3))
    assert told[0].startswith("To find a change of +20.0% (from 10% to 12%), ")
    assert told[1] == "At the given number of new units a day that takes 14 days: run it for 2 whole weeks."
    assert "(alpha, shared by 2 comparisons)" in told[2]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"baseline": 0.0}, "baseline: expected"),
        ({"baseline": 1.5}, "level: expected a rate"),
        ({"mde": 0.0}, "mde: expected an effect other than 0"),
        ({"mde": 20.0}, "treatment rate between 0 and 1"),
        ({"mde": math.nan}, "mde: expected a finite number"),
        ({"kind": "mean"}, "sd: expected the standard deviation"),
        ({"sd": 2.0}, "sd: expected none for a proportion"),
        ({"kind": "median"}, "kind: expected one of"),
        ({"arms": 1}, "arms: expected at least 2"),
        ({"split": [1.0]}, "split: expected one share for each of 2 arms"),
        ({"split": [0.5, 0.0]}, "split: expected a number above 0"),
        ({"daily_units": 0}, "daily_units: expected"),
        ({"alpha": 1.0}, "alpha: expected"),
        ({"power": 0.01}, "power: expected more than alpha"),
    ],
)  # fmt: skip
def test_a_plan_that_makes_no_sense_says_why(given: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        plan(**{"baseline": 0.1, "mde": 0.2, **given})
