"""Of an additive metric the segments that moved are named, and nothing else; where nothing stands out, that is said."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from lakehouse.metrics.causes import additive_causes
from lakehouse.metrics.causes.explanation import ROW_TYPES, Explanation

Amounts = Callable[..., pl.DataFrame]
GERMANY = (("country", "DE"),)
GERMAN_WEB = (("country", "DE"), ("channel", "web"))
VIP_A_STORE = (("product", "A"), ("channel", "store"), ("tier", "vip"))


def segments(explanation: Explanation) -> set[tuple[tuple[str, str], ...]]:
    return {cause.segment for cause in explanation.causes}


@pytest.mark.parametrize("factor", [0.5, 0.0, 1.6])
@pytest.mark.parametrize("segment", [GERMANY, GERMAN_WEB, VIP_A_STORE])
def test_the_planted_segment_is_found_and_no_other(
    amounts: Amounts, dimensions: list[str], segment: tuple[tuple[str, str], ...], factor: float
) -> None:
    explanation = additive_causes(amounts({segment: factor}), dimensions)
    assert segments(explanation) == {segment}
    cause = explanation.causes[0]
    assert (cause.rank, cause.effect) == (1, "volume")
    assert cause.actual / cause.expected == pytest.approx(factor, abs=0.2)
    assert cause.confidence > 0.95
    assert cause.share == pytest.approx(cause.contribution / explanation.change)


def test_several_causes_are_found_and_what_they_share_is_counted_once(
    amounts: Amounts, dimensions: list[str]
) -> None:
    tier = (("tier", "vip"),)
    explanation = additive_causes(amounts({GERMANY: 0.4, tier: 0.5}), dimensions)
    assert segments(explanation) == {GERMANY, tier}
    assert [cause.rank for cause in explanation.causes] == [1, 2]
    first, second = explanation.causes
    assert first.contribution == pytest.approx(first.actual - first.expected)
    assert abs(second.contribution) < abs(second.actual - second.expected)
    contributions = math.fsum(cause.contribution for cause in explanation.causes)
    assert contributions + explanation.rest == pytest.approx(explanation.change)
    assert abs(explanation.rest) < 0.1 * abs(explanation.change)


def test_a_parent_is_named_once_and_not_by_its_children(amounts: Amounts, dimensions: list[str]) -> None:
    parts = {(("country", "DE"), ("tier", tier)): 0.5 for tier in ("new", "repeat", "vip")}
    assert segments(additive_causes(amounts(parts), dimensions)) == {GERMANY}


def test_most_children_of_a_parent_are_named_when_the_others_stood_still(
    amounts: Amounts, dimensions: list[str]
) -> None:
    moved = {(("country", "DE"), ("product", name)): 0.3 for name in ("A", "B")}
    assert segments(additive_causes(amounts(moved), dimensions)) == set(moved)


def test_a_part_that_fell_further_than_its_segment_is_told_as_well(
    amounts: Amounts, dimensions: list[str]
) -> None:
    explanation = additive_causes(amounts({GERMANY: 0.8, GERMAN_WEB: 0.2}), dimensions)
    assert segments(explanation) == {GERMANY, GERMAN_WEB}


def test_a_quiet_table_is_within_noise(amounts: Amounts, dimensions: list[str]) -> None:
    explanation = additive_causes(amounts({}), dimensions)
    assert (explanation.causes, explanation.verdict) == ((), "within noise")
    assert explanation.reason.startswith("Within noise: ")
    assert explanation.frame().is_empty()


def test_a_change_that_all_segments_share_is_broad(amounts: Amounts, dimensions: list[str]) -> None:
    explanation = additive_causes(amounts({}, broad=0.7), dimensions)
    assert (explanation.causes, explanation.verdict) == ((), "broad change")
    assert explanation.reason.startswith("No segment stands out: broad change")
    assert explanation.broad_factor == pytest.approx(0.7, abs=0.02)


def test_a_cause_is_judged_beside_what_changed_everywhere(amounts: Amounts, dimensions: list[str]) -> None:
    explanation = additive_causes(amounts({GERMAN_WEB: 0.4}, broad=1.3), dimensions)
    assert segments(explanation) == {GERMAN_WEB}
    assert explanation.broad_factor == pytest.approx(1.3, abs=0.03)
    assert explanation.causes[0].factor == pytest.approx(0.4, abs=0.08)
    assert "everything else grew by" in explanation.reason


def test_false_causes_in_quiet_worlds_are_as_rare_as_promised(
    amounts: Amounts, dimensions: list[str]
) -> None:
    false = sum(
        bool(additive_causes(amounts({}, seed=seed, broad=broad), dimensions).causes)
        for seed in range(30)
        for broad in (1.0, 0.8)
    )
    # 60 draws at 5%: more than 8 would happen once in 200 times.
    assert false <= 8


def test_noise_like_the_leaves_size_and_long_tails_make_no_causes(
    amounts: Amounts, dimensions: list[str]
) -> None:
    false = 0
    for seed in range(20):
        chance = np.random.default_rng(seed)
        quiet = amounts({}, seed=seed)
        shaken = pl.col("predict") * (1 + 0.1 * chance.standard_t(3, len(quiet)))
        false += bool(additive_causes(quiet.with_columns(real=shaken), dimensions).causes)
    assert false <= 4


def test_rows_in_another_order_say_the_same_to_the_last_bit(amounts: Amounts, dimensions: list[str]) -> None:
    frame = amounts({GERMAN_WEB: 0.5, VIP_A_STORE: 2.0})
    shuffled = frame.sample(fraction=1, shuffle=True, seed=3)
    assert additive_causes(shuffled, dimensions) == additive_causes(frame, dimensions)


def test_segments_combine_no_more_dimensions_than_asked(amounts: Amounts, dimensions: list[str]) -> None:
    explanation = additive_causes(amounts({VIP_A_STORE: 3.0}), dimensions, depth=1)
    assert all(len(cause.segment) == 1 for cause in explanation.causes)


def test_no_more_causes_than_asked(amounts: Amounts, dimensions: list[str]) -> None:
    frame = amounts({GERMANY: 0.5, (("product", "B"),): 2.0, (("tier", "vip"),): 0.3})
    assert len(additive_causes(frame, dimensions, most=2).causes) <= 2


def test_sentences_say_what_happened(amounts: Amounts, dimensions: list[str]) -> None:
    gone = additive_causes(amounts({GERMAN_WEB: 0.0}), dimensions).causes[0]
    assert gone.sentence.startswith("country=DE, channel=web: 0 instead of ")
    assert gone.sentence.endswith("% of the change.")
    frame = amounts({}).with_columns(
        pl.when((pl.col("country") == "DE") & (pl.col("channel") == "web"))
        .then(0.0)
        .otherwise(pl.col("predict"))
        .alias("predict")
    )
    entered = additive_causes(frame, dimensions).causes[0]
    assert entered.segment == GERMAN_WEB
    assert "where nothing was expected" in entered.sentence


def test_causes_are_rows_of_a_table(amounts: Amounts, dimensions: list[str]) -> None:
    frame = additive_causes(amounts({GERMAN_WEB: 0.5}), dimensions).frame()
    assert dict(frame.schema) == ROW_TYPES
    assert frame["segment"].to_list() == ["country=DE, channel=web"]
    assert frame.null_count().sum_horizontal().item() == 0


def test_a_known_noise_lets_few_leaves_speak() -> None:
    four = pl.DataFrame(
        {
            "country": ["DE", "ES", "FR", "IT"],
            "real": [40, 99, 103, 98],
            "predict": [100.0] * 4,
            "sd": [5.0] * 4,
        }
    )
    assert additive_causes(four, ["country"]).causes == ()  # four leaves don't know their own noise
    known = additive_causes(four, ["country"], noise="sd")
    assert segments(known) == {GERMANY}


@pytest.mark.parametrize(
    ("real", "predict"),
    [
        ([0.0] * 6, [0.0] * 6),
        ([5.0] * 6, [5.0] * 6),
        ([-3.0, 2.0, -1.0, 4.0, 0.0, 1.0], [3.0, -2.0, 1.0, -4.0, 0.0, -1.0]),
        ([1.0, -1.0, 2.0, -2.0, 3.0, -3.0], [0.0] * 6),
        ([1e12, 1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1e12]),
    ],
)
def test_odd_tables_have_finite_answers(real: list[float], predict: list[float]) -> None:
    frame = pl.DataFrame(
        {"a": ["x", "x", "x", "y", "y", "y"], "b": list("123123"), "real": real, "predict": predict}
    )
    explanation = additive_causes(frame, ["a", "b"])
    assert explanation.reason
    for cause in explanation.causes:
        assert math.isfinite(cause.contribution + cause.expected + cause.actual + cause.factor)
        assert 0 <= cause.confidence <= 1


def test_a_null_is_a_segment_of_its_own(amounts: Amounts, dimensions: list[str]) -> None:
    frame = amounts({GERMANY: 0.3}).with_columns(pl.col("country").replace({"DE": None}))
    assert segments(additive_causes(frame, dimensions)) == {(("country", "(none)"),)}


def test_bad_arguments_are_named(amounts: Amounts, dimensions: list[str]) -> None:
    frame = amounts({})
    with pytest.raises(ValueError, match="depth: expected at least 1, found 0"):
        additive_causes(frame, dimensions, depth=0)
    with pytest.raises(ValueError, match="alpha: expected a number between 0 and 1"):
        additive_causes(frame, dimensions, alpha=1.0)
    with pytest.raises(ValueError, match="most: expected at least 1"):
        additive_causes(frame, dimensions, most=0)
    with pytest.raises(ValueError, match="sd: expected numbers above 0, found 0"):
        additive_causes(frame.with_columns(sd=0.0), dimensions, noise="sd")
