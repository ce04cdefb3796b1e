"""Of several ways to tell the same change, the search takes the one that a person would."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from lakehouse.metrics.causes import additive_causes
from lakehouse.metrics.causes.explanation import Explanation

Amounts = Callable[..., pl.DataFrame]
GERMANY = (("country", "DE"),)
GERMAN_WEB = (("country", "DE"), ("channel", "web"))
VIP = (("tier", "vip"),)
IN_GERMANY = pl.col("country") == "DE"


def segments(explanation: Explanation) -> set[tuple[tuple[str, str], ...]]:
    return {cause.segment for cause in explanation.causes}


@pytest.mark.parametrize("seed", range(3))
def test_a_parent_of_which_three_fifths_moved_gives_way_to_them(
    amounts: Amounts, dimensions: list[str], seed: int
) -> None:
    moved = {(("country", "DE"), ("product", name)): 0.3 for name in ("A", "B", "C")}
    assert segments(additive_causes(amounts(moved, seed=seed), dimensions)) == set(moved)


@pytest.mark.parametrize("seed", range(3))
def test_one_segment_against_all_others_is_told_as_that(
    amounts: Amounts, dimensions: list[str], seed: int
) -> None:
    explanation = additive_causes(amounts({VIP: 3.0}, broad=0.8, seed=seed), dimensions)
    assert segments(explanation) == {VIP}
    assert explanation.broad_factor == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_how_two_segments_add_up_where_they_cross_is_no_cause_of_its_own(
    amounts: Amounts, dimensions: list[str], seed: int
) -> None:
    # The second change overrides the first where both apply.
    quiet = amounts({}, seed=seed)
    factor = pl.when(pl.col("tier") == "vip").then(0.3).when(IN_GERMANY).then(1.8).otherwise(1.0)
    explanation = additive_causes(quiet.with_columns(real=pl.col("real") * factor), dimensions)
    assert segments(explanation) == {GERMANY, VIP}


@pytest.mark.parametrize("seed", range(3))
def test_what_changed_unevenly_is_still_one_cause(amounts: Amounts, dimensions: list[str], seed: int) -> None:
    quiet = amounts({}, seed=seed).with_columns(pl.col("predict") * 100, pl.col("real") * 100)
    scatter = np.random.default_rng(seed).lognormal(-0.9, 0.3, len(quiet))
    factor = pl.when(IN_GERMANY).then(pl.Series(scatter)).otherwise(1.0)
    explanation = additive_causes(quiet.with_columns(real=pl.col("predict") * factor), dimensions)
    assert segments(explanation) == {GERMANY}


def test_a_segment_is_sized_without_the_part_that_fell_further(
    amounts: Amounts, dimensions: list[str]
) -> None:
    explanation = additive_causes(amounts({GERMANY: 0.8, GERMAN_WEB: 0.2}), dimensions)
    factors = {cause.segment: cause.factor for cause in explanation.causes}
    assert factors[GERMANY] == pytest.approx(0.8, abs=0.05)
    assert factors[GERMAN_WEB] == pytest.approx(0.2, abs=0.05)  # beside what happened to all of Germany
