"""Experiments whose truth is known: what their readout says, and in which order its questions are asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from lakehouse.experiments.readout_design import SequentialPlan


def mean_arms(hand: Any, seed: int, **means: float) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: hand.values(rng.normal(mean, 2, 4000)) for name, mean in means.items()}


def test_a_winner_ships(hand: Any) -> None:
    row = hand.row(hand.design(hand.metric()), {"conversion": hand.rates(650, 5000, 500, 5000)})
    assert (row.status, row.decision, row.is_fragile) == ("ok", "ship", False)
    assert row.reason.startswith("Conversion of b against a: +30.0% (95% interval ")
    assert row.reason.endswith("better than the control, and no guardrail metric is hurt.")


def test_less_is_better_where_the_metric_says_so(hand: Any) -> None:
    arms = {"conversion": hand.rates(400, 5000, 500, 5000)}
    assert hand.row(hand.design(hand.metric(direction="down")), arms).decision == "ship"
    row = hand.row(hand.design(hand.metric()), arms)
    assert row.decision == "do not ship"
    assert "worse than the control" in row.reason


def test_no_difference_does_not_ship_once_the_plan_is_complete(hand: Any) -> None:
    arms = {"conversion": hand.rates(505, 5000, 500, 5000)}
    row = hand.row(hand.design(hand.metric(), minimum_effect=0.5), arms)
    assert row.decision == "do not ship"
    assert "ruled out" in row.reason


def test_too_few_units_for_the_planned_effect_keep_it_running(hand: Any) -> None:
    arms = {"conversion": hand.rates(52, 500, 50, 500)}
    row = hand.row(hand.design(hand.metric(), minimum_effect=0.1), arms)
    assert row.decision == "keep running"
    assert row.required_n is not None
    assert f"{row.required_n - 1000:,} are missing" in row.reason


def test_before_its_end_a_plan_with_one_look_keeps_running(hand: Any) -> None:
    arms = {"conversion": hand.rates(650, 5000, 500, 5000)}
    last = hand.END - timedelta(days=1)
    assert hand.row(hand.design(hand.metric()), arms, as_of=last).decision == "ship"
    row = hand.row(hand.design(hand.metric()), arms, as_of=last - timedelta(days=1))
    assert (row.decision, row.decided_by) == ("keep running", "any time")
    assert f"until {last}" in row.reason


def test_open_windows_keep_it_running(hand: Any) -> None:
    arms = {name: replace(values, immature=7) for name, values in hand.rates(650, 5000, 500, 5000).items()}
    row = hand.row(hand.design(hand.metric(window_days=14)), {"conversion": arms})
    assert (row.decision, row.immature) == ("keep running", 14)
    assert "For 14 units" in row.reason


def test_a_hurt_guardrail_outweighs_the_win(hand: Any) -> None:
    design = hand.design(hand.metric(), hand.metric("order_value", "mean", "guardrail"))
    arms = {"conversion": hand.rates(500, 4000, 400, 4000), "order_value": mean_arms(hand, 1, b=9.5, a=10)}
    row = hand.row(design, arms)
    assert row.decision == "guardrail hurt"
    assert row.reason.startswith("Order value must not get worse, and did: -")


def test_a_fall_within_the_accepted_margin_is_no_harm(hand: Any) -> None:
    guardrail = hand.metric("order_value", "mean", "guardrail", margin=0.1)
    arms = {"conversion": hand.rates(500, 4000, 400, 4000), "order_value": mean_arms(hand, 1, b=9.5, a=10)}
    readout = hand.read(hand.design(hand.metric(), guardrail), arms)
    assert readout.rows[0].decision == "ship"
    assert readout.rows[1].non_inferiority_p < 0.001
    assert "shown to be worse by less than 10%" in readout.rows[1].reason


def test_a_margin_that_is_not_shown_yet_holds_the_win_back(hand: Any) -> None:
    guardrail = hand.metric("order_value", "mean", "guardrail", margin=0.001)
    arms = {"conversion": hand.rates(500, 4000, 400, 4000), "order_value": mean_arms(hand, 8, b=10, a=10)}
    row = hand.row(hand.design(hand.metric(), guardrail), arms)
    assert row.decision == "keep running"
    assert "Order value isn't shown yet to be worse by less than 0.10%" in row.reason


def test_a_broken_split_makes_the_win_invalid(hand: Any) -> None:
    readout = hand.read(hand.design(hand.metric()), {"conversion": hand.rates(650, 4600, 500, 5400)})
    assert readout.rows[0].decision == "invalid"
    assert "The split does not have the planned shares: units a 5,400, b 4,600" in readout.rows[0].reason
    assert {row.check for row in readout.health if row.status == "fail"} >= {"sample_ratio"}


def test_many_units_that_saw_both_variants_make_it_invalid(hand: Any) -> None:
    arms = {"conversion": hand.rates(650, 5000, 500, 5000)}
    assert hand.row(hand.design(hand.metric()), arms, contaminated=400).decision == "ship"
    row = hand.row(hand.design(hand.metric()), arms, contaminated=600)
    assert row.decision == "invalid"
    assert "600 of 10,600 units saw more than one variant" in row.reason


def test_arms_that_differed_before_make_it_invalid(hand: Any) -> None:
    rng = np.random.default_rng(3)
    design = hand.design(hand.metric("revenue", "mean", has_covariate=True), cuped=True)
    arms = {
        name: hand.values(rng.normal(10, 2, 3000), x=rng.normal(mean, 2, 3000))
        for name, mean in (("a", 8), ("b", 9))
    }
    readout = hand.read(design, {"revenue": arms})
    assert readout.rows[0].decision == "invalid"
    assert "b and a already differed in Revenue before the experiment" in readout.rows[0].reason


def test_a_verdict_that_depends_on_contaminated_units_is_fragile(hand: Any) -> None:
    own = {"conversion": hand.rates(650, 5000, 500, 5000)}
    other = {"intention_to_treat": {"conversion": hand.rates(520, 5000, 500, 5000)}}
    readout = hand.read(hand.design(hand.metric()), own, handlings=other, contaminated=40)
    assert [(row.handling, row.decision) for row in readout.sensitivity] == [
        ("exclude", "ship"),
        ("first_exposure", "ship"),
        ("intention_to_treat", "do not ship"),
    ]
    assert readout.rows[0].is_fragile
    assert "fragile" in readout.rows[0].reason


def test_several_variants_share_the_error_of_their_family(hand: Any) -> None:
    arms = {"conversion": {**hand.rates(560, 5000, 500, 5000), "c": hand.rates(565, 5000, 1, 2)["b"]}}
    design = hand.design(hand.metric(), shares={"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    rows = hand.read(design, arms).rows
    assert [row.family for row in rows] == ["primary: 1 metric x 2 variants, holm"] * 2
    smaller, larger = sorted(row.p_value for row in rows)
    assert sorted(row.p_adjusted for row in rows) == pytest.approx([2 * smaller, max(larger, 2 * smaller)])
    assert [row.decision for row in rows] == ["do not ship", "do not ship"]


def test_one_of_several_comparisons_says_what_it_is_alone_and_adjusted(hand: Any) -> None:
    arms = {**hand.rates(568, 5000, 500, 5000), "c": hand.rates(505, 5000, 500, 5000)["b"]}
    rows = hand.read(
        hand.design(hand.metric(), shares={"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}), {"conversion": arms}
    ).rows
    row = next(row for row in rows if row.variant == "b")
    alone, adjusted = f"p = {row.p_value:.3f}", f"p = {row.decisive_p:.3f}"
    assert alone != adjusted
    assert f"; {alone}, the chance of a difference at least this large if there were none; " in row.reason
    assert f"; adjusted for several comparisons {adjusted}; " in row.reason


def test_the_twin_decides_where_it_was_planned(hand: Any) -> None:
    rng = np.random.default_rng(4)
    before = {name: rng.gamma(2, 20, 3000) for name in "ab"}
    arms = {
        name: hand.values(before[name] + rng.normal(0.5 if name == "b" else 0, 2, 3000), x=before[name])
        for name in "ab"
    }
    metric = hand.metric("revenue", "mean", has_covariate=True)
    row = hand.row(hand.design(metric, cuped=True), {"revenue": arms})
    assert (row.decided_by, row.decision) == ("cuped", "ship")
    assert row.p_value > 0.05 > row.cuped_p_value
    assert row.variance_reduction > 0.9
    plain = hand.row(hand.design(metric), {"revenue": arms})
    assert (plain.decided_by, plain.decision, plain.cuped_effect) == ("fixed", "do not ship", None)


class TestLooks:
    """Experiments that may be judged before their end."""

    def readout(
        self, hand: Any, lift: float, plan: SequentialPlan, as_of: date, days: int = 14, least: float = 0.05
    ) -> Any:
        rng = np.random.default_rng(5)
        parts = {
            name: [hand.values(rng.normal(mean, 2, 300)) for _ in range(days)]
            for name, mean in (("a", 10.0), ("b", 10.0 + lift))
        }
        whole = {name: hand.values(np.concatenate([part.y for part in some])) for name, some in parts.items()}
        daily = {("revenue", name): by_day for name, by_day in hand.daily(parts).items()}
        design = hand.design(hand.metric("revenue", "mean"), sequential=plan, minimum_effect=least)
        return hand.row(design, {"revenue": whole}, as_of=as_of, daily=daily)

    def test_a_confidence_sequence_may_ship_early(self, hand: Any) -> None:
        row = self.readout(hand, 0.4, SequentialPlan("confidence_sequence"), hand.START + timedelta(days=13))
        assert (row.decision, row.decided_by, row.looks) == ("ship", "sequential", 14)
        assert row.sequential_method == "confidence sequence"
        assert row.sequential_low > 0
        assert row.sequential_high - row.sequential_low > row.effect_high - row.effect_low
        assert "allowing for 14 looks at the results" in row.reason

    def test_a_confidence_sequence_may_give_up_early(self, hand: Any) -> None:
        row = self.readout(hand, 0.0, SequentialPlan("confidence_sequence"), hand.START + timedelta(days=13))
        assert row.decision == "do not ship"
        assert "ruled out" in row.reason

    def test_group_sequential_looks_are_counted_and_bounded(self, hand: Any) -> None:
        plan = SequentialPlan("group_sequential", looks=4)
        row = self.readout(hand, 0.4, plan, hand.START + timedelta(days=13))
        assert (row.decision, row.looks) == ("ship", 2)
        assert row.sequential_method == "Lan-DeMets O'Brien-Fleming spending, 2 of 4 looks"

    def test_a_weak_effect_keeps_running_at_an_early_look(self, hand: Any) -> None:
        plan = SequentialPlan("group_sequential", looks=4)
        row = self.readout(hand, 0.12, plan, hand.START + timedelta(days=6), days=7, least=0.01)
        assert (row.decision, row.looks) == ("keep running", 1)

    def test_before_the_first_look_nothing_is_judged(self, hand: Any) -> None:
        plan = SequentialPlan("group_sequential", looks=2)
        row = self.readout(hand, 0.9, plan, hand.START + timedelta(days=3), days=4)
        assert (row.decision, row.decided_by, row.looks) == ("keep running", "no look yet", None)


def test_numbers_of_a_row_are_finite_or_absent(hand: Any) -> None:
    row = hand.row(hand.design(hand.metric(), minimum_effect=0.1), {"conversion": hand.rates(4, 40, 0, 38)})
    numbers = [value for value in (getattr(row, name) for name in row.__slots__) if isinstance(value, float)]
    assert numbers
    assert np.isfinite(numbers).all()
    assert row.lift is None
