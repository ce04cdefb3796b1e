"""The three handlings of units that saw several variants, side by side."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from lakehouse.experiments.readout_design import SequentialPlan
from lakehouse.experiments.readout_rows import SensitivityRow
from lakehouse.experiments.sensitivity import flips


def test_handlings_that_agree_are_not_fragile(hand: Any) -> None:
    readout = hand.read(hand.design(hand.metric()), {"conversion": hand.rates(650, 5000, 500, 5000)})
    assert [row.handling for row in readout.sensitivity] == [
        "exclude",
        "first_exposure",
        "intention_to_treat",
    ]
    assert {row.decision for row in readout.sensitivity} == {"ship"}
    assert not readout.rows[0].is_fragile


def test_what_nobody_in_two_variants_can_change_is_not_fragile(hand: Any) -> None:
    """Under the experiment's own handling errors are by cluster, and here there is one per variant."""
    ones = np.repeat([1.0, 0.0], [200, 800])
    arms = {name: hand.values(ones, cluster=np.zeros(1000)) for name in "ab"}
    design = hand.design(hand.metric(), is_clustered=True)
    row = hand.row(design, {"conversion": arms})
    assert (row.status, row.is_fragile) == ("no readout", False)
    assert row.reason.endswith("at least 2 are needed")
    row = hand.row(design, {"conversion": arms}, contaminated=5)
    assert "at least 2 are needed. The verdict is fragile" in row.reason


def test_flips_are_told_by_variant() -> None:
    rows = [
        SensitivityRow("e", "b", "exclude", 1, 1, decision="ship"),
        SensitivityRow("e", "b", "first_exposure", 1, 1, decision="ship"),
        SensitivityRow("e", "c", "exclude", 1, 1, decision="ship"),
        SensitivityRow("e", "c", "first_exposure", 1, 1, decision="keep running"),
    ]
    assert flips(rows) == {"b": False, "c": True}


def test_a_quantile_has_no_sums_to_compare(hand: Any) -> None:
    design = hand.design(hand.metric("m", "quantile", quantile=0.5))
    assert hand.read(design, {"m": {name: hand.values(np.arange(50.0)) for name in "ab"}}).sensitivity == ()


def test_a_sequential_bound_is_the_same_for_all_handlings(hand: Any) -> None:
    rng = np.random.default_rng(5)
    parts = {
        name: [hand.values(rng.normal(mean, 2, 300)) for _ in range(14)]
        for name, mean in (("a", 10), ("b", 10.4))
    }
    whole = {name: hand.values(np.concatenate([part.y for part in some])) for name, some in parts.items()}
    lower = {**whole, "b": hand.values(whole["b"].y - 0.25)}
    readout = hand.read(
        hand.design(hand.metric("revenue", "mean"), sequential=SequentialPlan("confidence_sequence")),
        {"revenue": whole},
        handlings={"intention_to_treat": {"revenue": lower}},
        as_of=hand.START + timedelta(days=13),
        contaminated=40,
        daily={("revenue", name): days for name, days in hand.daily(parts).items()},
    )
    told = {row.handling: row for row in readout.sensitivity}
    assert (told["exclude"].decision, told["intention_to_treat"].decision) == ("ship", "keep running")
    # One look at the planned end would have called it.
    assert told["intention_to_treat"].p_value < 0.05
    assert readout.rows[0].is_fragile


def test_handlings_without_sums_by_cluster_get_the_errors_of_clusters(hand: Any) -> None:
    rng = np.random.default_rng(6)
    arms = {}
    for name, mean in (("a", 10.0), ("b", 10.3)):
        cluster = np.repeat(np.arange(40), 20)
        arms[name] = hand.values(
            mean + rng.normal(0, 1, 40)[cluster] + rng.normal(0, 1, 800), cluster=cluster
        )
    by_unit = {"revenue": {name: hand.values(values.y) for name, values in arms.items()}}
    readout = hand.read(
        hand.design(hand.metric("revenue", "mean"), is_clustered=True),
        {"revenue": arms},
        handlings={"first_exposure": by_unit, "intention_to_treat": by_unit},
    )
    widths = [row.lift_high - row.lift_low for row in readout.sensitivity]
    assert max(widths) < 1.1 * min(widths)
    assert len({row.decision for row in readout.sensitivity}) == 1
