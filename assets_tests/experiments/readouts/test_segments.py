"""For whom: shrinkage and families of segments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lakehouse.experiments.readout import Readout


def by_segment(
    hand: Any, lifts: dict[str, float], seed: int = 1, size: int = 400, kind: str = "mean"
) -> Readout:
    rng = np.random.default_rng(seed)
    parts = {
        ("m", name, "region", region): hand.values(rng.normal(10 * (1 + lift * (name == "b")), 2, size))
        for region, lift in lifts.items()
        for name in "ab"
    }
    whole = {
        "m": {
            name: hand.values(np.concatenate([part.y for key, part in parts.items() if key[1] == name]))
            for name in "ab"
        }
    }
    segments = {key: part.sums() for key, part in parts.items()}
    found: Readout = hand.read(hand.design(hand.metric("m", kind, quantile=0.5)), whole, segments=segments)
    return found


def test_segments_that_differ_by_chance_are_pulled_together(hand: Any) -> None:
    rows = by_segment(hand, dict.fromkeys("abcdefgh", 0.02)).segments
    raw, shrunk = (np.array([getattr(row, name) for row in rows]) for name in ("lift", "shrunk_lift"))
    assert np.ptp(shrunk) < np.ptp(raw) / 2
    assert shrunk.mean() == pytest.approx(raw.mean(), abs=0.002)


def test_a_segment_that_truly_differs_stays_apart(hand: Any) -> None:
    rows = {
        row.segment_value: row for row in by_segment(hand, {**dict.fromkeys("abcde", 0.0), "f": 0.3}).segments
    }
    assert rows["f"].shrunk_low is not None
    assert rows["f"].shrunk_low > 0.2
    assert rows["f"].p_adjusted is not None
    assert rows["f"].p_adjusted < 0.001
    assert all(rows[name].shrunk_low < 0.02 for name in "abcde")


def test_the_family_is_all_segments_of_a_role(hand: Any) -> None:
    rows = by_segment(hand, dict.fromkeys("abcd", 0.0)).segments
    assert {row.family for row in rows} == {"primary by segment: 1 metric x 1 variant x 4 segments, holm"}
    smallest = min(rows, key=lambda row: row.p_value)
    assert smallest.p_adjusted == pytest.approx(min(1.0, 4 * smallest.p_value))


def test_one_value_has_nothing_to_be_pulled_towards(hand: Any) -> None:
    (row,) = by_segment(hand, {"only": 0.1}).segments
    assert (row.shrunk_lift, row.shrunk_low, row.shrunk_high) == (row.lift, row.lift_low, row.lift_high)


def test_a_segment_without_units_of_one_variant_is_told(hand: Any) -> None:
    values = hand.values(np.arange(50.0))
    segments = {("m", "a", "region", "N"): values.sums(), ("m", "b", "region", "S"): values.sums()}
    arms = {"m": {name: hand.values(np.arange(50.0)) for name in "ab"}}
    rows = hand.read(hand.design(hand.metric("m", "mean")), arms, segments=segments).segments
    assert [(row.segment_value, row.status, row.lift) for row in rows] == [
        ("N", "no readout", None),
        ("S", "no readout", None),
    ]
    assert rows[0].reason == "no readout, because b has no units, and at least 2 are needed"


def test_quantiles_have_no_segments(hand: Any) -> None:
    assert by_segment(hand, {"N": 0.1, "S": 0.1}, kind="quantile").segments == ()


def test_units_that_come_in_clusters_widen_the_errors_of_segments(hand: Any) -> None:
    rng = np.random.default_rng(6)
    arms, segments = {}, {}
    for name in "ab":
        cluster = np.repeat(np.arange(40), 20)
        y = rng.normal(10, 1, 40)[cluster] + rng.normal(0, 1, 800)
        arms[name] = hand.values(y, cluster=cluster)
        for region in range(2):
            segments["m", name, "region", str(region)] = hand.values(y[region::2]).sums()
    design = hand.design(hand.metric("m", "mean"), is_clustered=True)
    wide = hand.read(design, {"m": arms}, segments=segments).segments
    narrow = hand.read(hand.design(hand.metric("m", "mean")), {"m": arms}, segments=segments).segments
    widths = [
        (one.lift_high - one.lift_low) / (other.lift_high - other.lift_low)
        for one, other in zip(wide, narrow, strict=True)
    ]
    # 20 units a cluster that share half of their variance: a design effect of 1 + 19 / 2.
    assert widths == pytest.approx([np.sqrt(10.5)] * 2, rel=0.25)
