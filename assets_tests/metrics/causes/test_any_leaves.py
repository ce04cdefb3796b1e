"""Whatever the leaves, an explanation is finite, sums up, and keeps to its own words."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.metrics.causes import additive_causes, ratio_causes
from lakehouse.metrics.causes.explanation import Explanation

AMOUNT = (
    st.integers(-3, 6)
    | st.floats(-1e6, 1e6).map(lambda value: round(value, 6))
    | st.sampled_from([1e-9, 1e12])
)
COUNT = st.integers(0, 6) | st.sampled_from([1000, 100_000])


def tables(*columns: tuple[str, st.SearchStrategy[float]]) -> st.SearchStrategy[pl.DataFrame]:
    """Up to 4 x 3 x 2 leaves, some of them absent."""
    cells = [(a, b, c) for a in "pqrs" for b in "xyz" for c in "uv"]
    leaf = st.tuples(*(values for _, values in columns))
    return st.dictionaries(st.sampled_from(cells), leaf, min_size=2).map(
        lambda rows: pl.DataFrame(
            {
                **{name: [cell[place] for cell in rows] for place, name in enumerate("abc")},
                **{
                    name: [float(row[place]) for row in rows.values()]
                    for place, (name, _) in enumerate(columns)
                },
            }
        )
    )


def check(explanation: Explanation) -> None:
    assert (explanation.verdict == "causes") == bool(explanation.causes)
    assert explanation.reason.endswith(".")
    assert math.isfinite(explanation.broad_factor)
    contributed = math.fsum(cause.contribution for cause in explanation.causes)
    size = max(abs(explanation.expected), abs(explanation.actual), abs(contributed), 1e-9)
    assert contributed + explanation.rest == pytest.approx(explanation.change, abs=1e-9 * size)
    for rank, cause in enumerate(explanation.causes, start=1):
        assert cause.rank == rank
        assert cause.share is None or math.isfinite(cause.share)
        assert math.isfinite(cause.contribution + cause.expected + cause.actual + cause.factor)
        assert 0.95 - 1e-9 <= cause.confidence <= 1
        assert "nan" not in cause.sentence


@settings(deadline=None)
@given(tables(("real", AMOUNT), ("predict", AMOUNT)))
def test_additive(frame: pl.DataFrame) -> None:
    check(additive_causes(frame, list("abc")))


@settings(deadline=None)
@given(
    tables(
        ("numerator0", COUNT), ("denominator0", COUNT), ("numerator1", COUNT), ("denominator1", COUNT)
    ).filter(lambda frame: frame["denominator0"].sum() > 0 and frame["denominator1"].sum() > 0)
)
def test_ratio(frame: pl.DataFrame) -> None:
    check(ratio_causes(frame, list("abc")))
