"""A leaf table is read as it is, and every mistake in it is named."""

from __future__ import annotations

import math

import polars as pl
import pytest

from lakehouse.metrics.causes.leaves import read_leaves

FRAME = pl.DataFrame({"country": ["FR", "DE", None], "year": [2025, 2026, 2026], "real": [1, 2, 3]})


def test_values_and_leaves_are_sorted() -> None:
    leaves = read_leaves(FRAME, ["country", "year"], ["real"])
    assert leaves.values == (("(none)", "DE", "FR"), ("2025", "2026"))
    assert [codes.tolist() for codes in leaves.codes] == [[0, 1, 2], [1, 1, 0]]
    assert leaves.columns["real"].tolist() == [3.0, 2.0, 1.0]
    assert len(leaves) == 3


@pytest.mark.parametrize(
    ("frame", "dimensions", "message"),
    [
        (FRAME, [], "dimensions: expected at least one, found none"),
        (FRAME, ["year", "year"], "dimensions: expected each once, found year twice"),
        (FRAME, ["region"], "leaves: expected columns region, found country, year, real"),
        (FRAME.drop("real"), ["country"], "leaves: expected columns real, found country, year"),
        (FRAME.head(1), ["country"], "leaves: expected at least 2 rows to compare, found 1"),
        (FRAME.head(0), ["country"], "leaves: expected at least 2 rows to compare, found 0"),
        (FRAME, ["year"], "found 2 rows that share theirs, such as year=2026: sum them first"),
        (
            FRAME.with_columns(real=pl.lit(None, pl.Float64)),
            ["country"],
            "found 3 that are null, NaN or infinite",
        ),
        (FRAME.with_columns(real=math.nan), ["country"], "found 3 that are null, NaN or infinite"),
        (FRAME.with_columns(real=math.inf), ["country"], "found 3 that are null, NaN or infinite"),
        (FRAME.with_columns(real=1e200), ["country"], "real: expected sizes between 1e-100 and 1e100"),
        (FRAME.with_columns(real=pl.lit("x")), ["country"], "real: expected numbers, found String"),
        (FRAME.with_columns(real=-1), ["country"], "real: expected numbers of at least 0, found -1"),
    ],
)
def test_mistakes_are_named(frame: pl.DataFrame, dimensions: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_leaves(frame, dimensions, ["real"], not_negative=["real"])
