"""Before an experiment: units and days, by power computed once more."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lakehouse.experiments.planning import around, plan
from lakehouse.experiments.planning_words import sentences


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
        ({"mde": None}, "mde: expected the smallest effect worth finding, or a margin, found neither"),
        ({"margin": 0.0}, "margin: expected a number above 0"),
        ({"margin": 1.0}, "margin: expected less than 1"),
        ({"direction": "left"}, "direction: expected one of"),
        ({"looks": 0}, "looks: expected at least 1"),
        ({"looks": 2, "spending": "even"}, "family: expected one of"),
    ],
)  # fmt: skip
def test_a_plan_that_makes_no_sense_says_why(given: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        plan(**{"baseline": 0.1, "mde": 0.2, **given})


def test_a_margin_asks_for_what_a_one_sided_test_does() -> None:
    """With a margin of 2% of 10%, the control's part in the test is 98% of its level."""
    found = plan(0.1, margin=0.02)
    critical = stats.norm.isf(0.05) + stats.norm.isf(0.2)
    each = (critical / 0.002) ** 2 * 0.09 * (1 + 0.98**2)
    assert found.units_per_arm == pytest.approx((each, each), abs=1)
    assert found.effect == 0
    assert found.margin == pytest.approx(0.002)
    other_way = plan(0.1, margin=0.02, direction="down").units
    assert other_way / found.units == pytest.approx((1 + 1.02**2) / (1 + 0.98**2), rel=1e-4)


def test_a_plan_for_an_effect_and_a_margin_serves_both() -> None:
    effect, margin = plan(0.1, 0.05), plan(0.1, margin=0.02)
    both = plan(0.1, 0.05, margin=0.02)
    assert both.units == max(effect.units, margin.units) == margin.units
    assert plan(0.1, 0.01, margin=0.02).units == plan(0.1, 0.01).units


def test_looks_cost_units_and_their_sentence_says_how_many() -> None:
    once, five = plan(0.1, 0.2), plan(0.1, 0.2, looks=5)
    assert five.units / once.units == pytest.approx(five.inflation, rel=1e-3)
    assert 1.01 < five.inflation < plan(0.1, 0.2, looks=5, spending="pocock").inflation < 1.25
    assert sentences(five)[1].startswith(
        "The results may be looked at 5 times, evenly spread (Lan-DeMets O'Brien-Fleming"
    )
    assert plan(0.1, margin=0.02, looks=5).looks == 1


def test_the_aim_is_told_for_effect_and_margin() -> None:
    told = sentences(plan(0.1, margin=0.02))
    assert told[0].startswith("To show that a variant which changes nothing isn't worse by 2.0% or more, ")
    assert told[-1].startswith("A variant that changes nothing is shown so with a chance of 80% (power)")
    both = sentences(plan(0.1, 0.2, margin=0.1))[0]
    assert both.startswith("To find a change of +20.0% (from 10% to 12%) and to show that a variant which")
    assert "a change of +2.00" in sentences(plan(0.0, 2.0, kind="mean", sd=4, scale="absolute"))[0]


def test_half_and_double_the_effect_stand_beside_the_plan() -> None:
    half, asked, double = around(0.6, 0.5, daily_units=100)
    assert half.plan is not None
    assert asked.plan is not None
    assert half.plan.units > asked.plan.units
    assert (half.size, double.size) == (0.25, 1.0)
    assert double.plan is None
    assert "expected a treatment rate between 0 and 1, found 1.2" in double.reason
    assert [found.size for found in around(0.6, margin=0.1)] == [0.05, 0.1, 0.2]
    with pytest.raises(ValueError, match="found neither"):
        around(0.6)
