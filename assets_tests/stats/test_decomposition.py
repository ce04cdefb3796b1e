"""Effects of mix and rate sum to the change, whatever the segments, and say what the rules say of odd ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.stats.decomposition import WEIGHTS, Weights, mix_rate

Segment = tuple[float, float, float, float]
COUNT = st.integers(0, 10_000).map(float)
SEGMENTS = st.lists(st.tuples(COUNT, COUNT, COUNT, COUNT), min_size=1, max_size=12).filter(
    lambda rows: sum(row[1] for row in rows) > 0 and sum(row[3] for row in rows) > 0
)


def columns(rows: list[Segment]) -> tuple[tuple[float, ...], ...]:
    return tuple(zip(*rows, strict=True))


@given(SEGMENTS, st.sampled_from(WEIGHTS))
def test_effects_sum_to_the_change(rows: list[Segment], weights: Weights) -> None:
    effects = mix_rate(*columns(rows), weights=weights)
    parts = (*effects.rate, *effects.mix, *effects.joint)
    scale = max(1.0, *map(abs, parts), abs(effects.before), abs(effects.after))
    assert abs(math.fsum(parts) - effects.change) <= 1e-12 * scale
    assert all(math.isfinite(part) for part in parts)


@given(SEGMENTS, st.sampled_from(WEIGHTS), st.randoms(use_true_random=False))
def test_the_order_of_segments_does_not_matter(rows: list[Segment], weights: Weights, chance) -> None:
    order = list(range(len(rows)))
    chance.shuffle(order)
    straight = mix_rate(*columns(rows), weights=weights)
    shuffled = mix_rate(*columns([rows[place] for place in order]), weights=weights)
    assert shuffled.rate == tuple(straight.rate[place] for place in order)
    assert shuffled.mix == tuple(straight.mix[place] for place in order)
    assert shuffled.is_simpson == straight.is_simpson


@given(SEGMENTS, st.floats(-5, 5))
def test_a_constant_added_to_every_ratio_moves_no_effect(rows: list[Segment], constant: float) -> None:
    before, after = (np.array(columns(rows)[place]) for place in (1, 3))
    shifted = mix_rate(
        np.array(columns(rows)[0]) + constant * before,
        before,
        np.array(columns(rows)[2]) + constant * after,
        after,
    )
    plain = mix_rate(*columns(rows))
    scale = 1e-9 * max(1.0, *map(abs, plain.rate), *map(abs, plain.mix))
    assert shifted.rate == pytest.approx(plain.rate, abs=scale)
    assert shifted.mix == pytest.approx(plain.mix, abs=scale)


@given(SEGMENTS)
def test_time_turned_round_turns_the_midpoint_effects_round(rows: list[Segment]) -> None:
    there = mix_rate(*columns(rows))
    back = mix_rate(*columns([(row[2], row[3], row[0], row[1]) for row in rows]))
    scale = 1e-9 * max(1.0, *map(abs, there.mix))
    assert back.rate == pytest.approx([-effect for effect in there.rate], abs=scale)
    assert back.mix == pytest.approx([-effect for effect in there.mix], abs=scale)


def test_unmoved_shares_leave_rate_alone_and_unmoved_ratios_leave_mix_alone() -> None:
    only_rate = mix_rate([10, 20], [100, 100], [30, 20], [100, 100])
    assert only_rate.mix == (0.0, 0.0)
    assert only_rate.rate == pytest.approx((0.1, 0.0))
    only_mix = mix_rate([10, 20], [100, 100], [30, 20], [300, 100])
    assert only_mix.rate == pytest.approx((0.0, 0.0))
    assert only_mix.mix_total == pytest.approx(-0.025)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_segments_that_come_go_or_never_were_are_mix(weights: Weights) -> None:
    effects = mix_rate([10, 0, 6, 0, 3], [100, 0, 40, 0, 0], [12, 5, 0, 0, 1], [110, 20, 0, 0, 0], weights)
    assert effects.presence == ("both", "entry", "exit", "absent", "absent")
    assert effects.rate[1:] == effects.joint[1:] == (0.0,) * 4
    assert effects.mix[3] == 0.0
    # A numerator without a denominator still moves the ratio of all.
    assert effects.mix[4] == pytest.approx(1 / 130 - 3 / 140)


def test_simpsons_paradox_is_told_from_a_change_that_segments_share() -> None:
    kidney_stones = mix_rate([81, 192], [87, 263], [234, 55], [270, 80])
    assert kidney_stones.is_simpson
    assert kidney_stones.change > 0 > kidney_stones.rate_total
    assert not mix_rate([10, 20], [100, 100], [20, 30], [100, 100]).is_simpson
    assert not mix_rate([10, 20], [100, 100], [10, 20], [100, 100]).is_simpson


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (([1], [2], [1], [-1]), "denominator_after: expected numbers of at least 0, found -1"),
        (([1], [0], [1], [1]), "denominator_before: expected a sum above 0, found 0: there is no ratio"),
        (([1, 2], [1], [1], [1]), "expected arrays of one length"),
        (([math.nan], [1], [1], [1]), "numerator_before: expected finite numbers"),
        (([], [], [], []), "at least 1"),
    ],
)
def test_bad_input_is_named(arrays: tuple[list[float], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mix_rate(*arrays)


def test_unknown_weights_are_named() -> None:
    with pytest.raises(ValueError, match="weights: expected one of midpoint, base"):
        mix_rate([1], [1], [1], [1], weights="last")  # type: ignore[arg-type]  # the mistake under test
