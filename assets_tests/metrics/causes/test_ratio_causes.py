"""Of a ratio it is told whether a segment's ratio moved, or its share of the whole, or both."""

from __future__ import annotations

import math
from collections.abc import Callable

import polars as pl
import pytest

from lakehouse.metrics.causes import RatioColumns, ratio_causes
from lakehouse.metrics.causes.explanation import Explanation

Rates = Callable[..., pl.DataFrame]
GERMANY = (("country", "DE"),)
VIP_STORE = (("channel", "store"), ("tier", "vip"))


def found(explanation: Explanation) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    return {(cause.effect, cause.segment) for cause in explanation.causes}


def test_a_ratio_that_fell_in_one_segment_is_a_rate(rates: Rates, dimensions: list[str]) -> None:
    explanation = ratio_causes(rates(rate={GERMANY: 0.6}, mix={}), dimensions)
    assert found(explanation) == {("rate", GERMANY)}
    cause = explanation.causes[0]
    assert cause.factor == pytest.approx(0.6, abs=0.1)
    assert cause.actual < cause.expected
    # The rest is the noise of all other leaves.
    assert cause.contribution == pytest.approx(explanation.change, abs=0.35 * abs(explanation.change))
    assert "its ratio went from" in cause.sentence


def test_a_segment_that_grew_is_mix(rates: Rates, dimensions: list[str]) -> None:
    explanation = ratio_causes(rates(rate={}, mix={VIP_STORE: 2.5}), dimensions)
    assert found(explanation) == {("mix", VIP_STORE)}
    cause = explanation.causes[0]
    assert 0 < cause.expected < cause.actual < 1
    assert "grew from" in cause.sentence
    assert "of the whole" in cause.sentence


def test_different_segments_may_move_the_ratio_in_different_ways(rates: Rates, dimensions: list[str]) -> None:
    explanation = ratio_causes(rates(rate={GERMANY: 1.6}, mix={VIP_STORE: 2.5}), dimensions)
    assert found(explanation) == {("rate", GERMANY), ("mix", VIP_STORE)}
    contributions = math.fsum(cause.contribution for cause in explanation.causes)
    assert contributions + explanation.rest == pytest.approx(explanation.change)


def test_one_segment_that_does_both_is_joint(rates: Rates, dimensions: list[str]) -> None:
    explanation = ratio_causes(rates(rate={GERMANY: 0.6}, mix={GERMANY: 2.0}), dimensions)
    assert found(explanation) == {("joint", GERMANY)}
    assert "its share of the whole changed as well" in explanation.causes[0].sentence


def test_quiet_periods_are_within_noise_however_much_volume_moved(
    rates: Rates, dimensions: list[str]
) -> None:
    everywhere = {
        ((name, value),): 1.5 for name, value in [("tier", "new"), ("tier", "repeat"), ("tier", "vip")]
    }
    for mix in ({}, everywhere):
        explanation = ratio_causes(rates(rate={}, mix=mix), dimensions)
        assert (explanation.causes, explanation.verdict) == ((), "within noise")


def test_a_ratio_that_fell_everywhere_is_broad(rates: Rates, dimensions: list[str]) -> None:
    explanation = ratio_causes(rates(rate={}, mix={}, broad=0.8), dimensions)
    assert (explanation.causes, explanation.verdict) == ((), "broad change")
    assert explanation.broad_factor == pytest.approx(0.8, abs=0.03)


def test_false_causes_in_quiet_periods_are_as_rare_as_promised(rates: Rates, dimensions: list[str]) -> None:
    false = sum(
        bool(ratio_causes(rates(rate={}, mix={}, seed=seed), dimensions).causes) for seed in range(50)
    )
    assert false <= 7  # 50 draws at 5%: more than 7 would happen once in 200 times


def test_segments_that_come_and_go_are_mix(rates: Rates, dimensions: list[str]) -> None:
    quiet = rates(rate={}, mix={})

    def without(suffix: str) -> pl.DataFrame:
        names = [f"denominator{suffix}", f"numerator{suffix}"]
        return quiet.with_columns(
            pl.when(pl.col("country") == "DE").then(0).otherwise(pl.col(name)).alias(name) for name in names
        )

    entered = ratio_causes(without("0"), dimensions)
    assert found(entered) == {("mix", GERMANY)}
    assert "country=DE: new, now" in entered.causes[0].sentence
    left = ratio_causes(without("1"), dimensions)
    assert found(left) == {("mix", GERMANY)}
    assert "country=DE: gone, was" in left.causes[0].sentence


def test_simpsons_paradox_is_named_by_its_dimension() -> None:
    # Every tier converts better; the one that converts badly grew.
    frame = pl.DataFrame(
        {
            "tier": ["new", "new", "vip", "vip"],
            "country": ["DE", "FR", "DE", "FR"],
            "numerator0": [20, 20, 400, 400],
            "denominator0": [1000, 1000, 4000, 4000],
            "numerator1": [120, 120, 110, 110],
            "denominator1": [4000, 4000, 1000, 1000],
        }
    )
    explanation = ratio_causes(frame, ["tier", "country"])
    assert explanation.change < 0
    assert explanation.simpson == ("tier",)


def test_amounts_per_order_are_ratios_too(rates: Rates, dimensions: list[str]) -> None:
    frame = rates(rate={}, mix={}, seed=4)
    fallen = pl.when(pl.col("channel") == "web").then(60.0).otherwise(100.0)
    frame = frame.with_columns(
        numerator0=pl.col("denominator0") * 100.0 + pl.col("numerator0"),
        numerator1=pl.col("denominator1") * fallen + pl.col("numerator1"),
    )
    assert ("rate", (("channel", "web"),)) in found(ratio_causes(frame, dimensions))


def test_columns_may_have_other_names(rates: Rates, dimensions: list[str]) -> None:
    frame = rates(rate={GERMANY: 0.6}, mix={}).rename(
        {
            "numerator0": "orders",
            "denominator0": "visits",
            "numerator1": "orders_now",
            "denominator1": "visits_now",
        }
    )
    columns = RatioColumns("orders", "visits", "orders_now", "visits_now")
    assert found(ratio_causes(frame, dimensions, columns=columns)) == {("rate", GERMANY)}


def test_bad_numbers_are_named(rates: Rates, dimensions: list[str]) -> None:
    frame = rates(rate={}, mix={})
    with pytest.raises(ValueError, match="denominator1: expected numbers of at least 0, found -"):
        ratio_causes(frame.with_columns(denominator1=-pl.col("denominator1")), dimensions)
    with pytest.raises(ValueError, match="denominator_before: expected a sum above 0, found 0"):
        ratio_causes(frame.with_columns(denominator0=0), dimensions)
