"""Derived columns: a row's position within its group (the whole file, where no column names one), in file order.

Made where a file numbers nothing itself.
"""

from __future__ import annotations

import polars as pl

from lakehouse.contracts import Contract
from lakehouse.contracts.contract import INGESTED_AT


class Positions:
    """Counts on from frame to frame; every file (known by its time of ingestion) begins anew."""

    def __init__(self, contract: Contract, headers: dict[str, str]) -> None:
        self._within = {
            name: [
                INGESTED_AT,
                *(headers[other] for other in column.position_within or () if other in headers),
            ]
            for name, column in contract.columns.items()
            if column.is_derived
        }
        self._types = {name: contract.columns[name].polars_type for name in self._within}
        self._seen: dict[str, pl.DataFrame] = {}

    def of(self, frame: pl.DataFrame) -> list[pl.Series]:
        """The derived columns of the next frame, whose rows are in file order."""
        return [self._position(frame, name, keys) for name, keys in self._within.items()]

    def _position(self, frame: pl.DataFrame, name: str, keys: list[str]) -> pl.Series:
        place = frame.select(pl.int_range(1, pl.len() + 1).over(keys)).to_series()
        counts = frame.group_by(keys).agg(pl.len().cast(pl.Int64).alias(_COUNT))
        seen = self._seen.get(name)
        if seen is not None:
            before = frame.select(keys).join(
                seen, on=keys, how="left", nulls_equal=True, maintain_order="left"
            )
            place = place + before[_COUNT].fill_null(0)
            counts = pl.concat([seen, counts]).group_by(keys).agg(pl.col(_COUNT).sum())
        self._seen[name] = counts
        return place.cast(self._types[name]).alias(name)


_COUNT = "_row_count"
