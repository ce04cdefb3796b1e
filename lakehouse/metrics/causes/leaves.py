"""A table of leaves: one row per combination of dimension values, with the numbers that are compared.

Belongs here: reading such a table from a frame, with every mistake named, and its values as numbers. Not here: groups of
leaves (cuboids.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.stats.guards import FloatArray, squarable

# What a leaf without a value in a dimension is called: it is a segment like any other.
NONE = "(none)"


@dataclass(frozen=True, slots=True)
class Leaves:
    """Dimensions with their values, each leaf's place among them, and the columns of numbers.

    values[d][codes[d][i]] is the value of leaf i in dimension d; columns[name][i] its number.
    """

    dimensions: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    codes: tuple[NDArray[np.intp], ...]
    columns: dict[str, FloatArray]

    def __len__(self) -> int:
        return len(self.codes[0])


def read_leaves(
    frame: pl.DataFrame,
    dimensions: Sequence[str],
    numbers: Sequence[str],
    *,
    not_negative: Sequence[str] = (),
) -> Leaves:
    """The frame as leaves, in the order of their values, so that sums don't depend on the order of rows; every other
    column is ignored.

    Raises ValueError when a column is missing, no dimension is named, there are fewer than two leaves, a number is null,
    NaN, infinite or beyond 1e100, one that must not be is negative, or two rows have the same dimension values.
    """
    if not dimensions:
        raise ValueError("dimensions: expected at least one, found none")
    twice = sorted({name for name in dimensions if list(dimensions).count(name) > 1})
    if twice:
        raise ValueError(f"dimensions: expected each once, found {', '.join(twice)} twice")
    missing = [name for name in (*dimensions, *numbers) if name not in frame.columns]
    if missing:
        raise ValueError(
            f"leaves: expected columns {', '.join(missing)}, found {', '.join(frame.columns) or 'none'}"
        )
    if len(frame) < 2:
        raise ValueError(f"leaves: expected at least 2 rows to compare, found {len(frame)}")
    columns = {name: _numbers(frame, name) for name in numbers}
    for name in not_negative:
        if columns[name].min() < 0:
            raise ValueError(f"{name}: expected numbers of at least 0, found {columns[name].min():g}")
    keys = frame.select(pl.col(name).cast(pl.String).fill_null(NONE) for name in dimensions)
    repeated = int(keys.is_duplicated().sum())
    if repeated:
        first = keys.filter(keys.is_duplicated()).row(0, named=True)
        raise ValueError(
            f"leaves: expected one row per combination of {', '.join(dimensions)}, found {repeated} rows that share "
            f"theirs, such as {words(first)}: sum them first"
        )
    coded = [_coded(keys[name]) for name in dimensions]
    order = np.lexsort([codes for _, codes in reversed(coded)])
    return Leaves(
        dimensions=tuple(dimensions),
        values=tuple(values for values, _ in coded),
        codes=tuple(codes[order] for _, codes in coded),
        columns={name: column[order] for name, column in columns.items()},
    )


def words(segment: dict[str, str]) -> str:
    """A segment as a person reads it: country=DE, channel=web."""
    return ", ".join(f"{dimension}={value}" for dimension, value in segment.items())


def _numbers(frame: pl.DataFrame, name: str) -> FloatArray:
    if not frame.schema[name].is_numeric():
        raise ValueError(f"{name}: expected numbers, found {frame.schema[name]}")
    column = frame[name].cast(pl.Float64)
    bad = int((column.is_null() | ~column.is_finite().fill_null(value=False)).sum())
    if bad:
        raise ValueError(
            f"{name}: expected finite numbers, found {bad} that are null, NaN or infinite: fill them first"
        )
    return squarable(name, column.to_numpy().astype(np.float64))


def _coded(column: pl.Series) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """The column's values in order, and each row's place among them: the order of rows changes nothing."""
    values = column.unique().sort()
    places = pl.DataFrame({"value": values}).with_row_index("place")
    joined = pl.DataFrame({"value": column}).join(places, on="value", how="left", maintain_order="left")
    return tuple(values.to_list()), joined["place"].to_numpy().astype(np.intp)
