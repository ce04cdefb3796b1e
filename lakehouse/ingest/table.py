"""What a reader gives: batches of text cells with row numbers, rejected rows among them.

Belongs here: the common form of csv, jsonl, parquet and xlsx after reading. Not here: how any of them is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lakehouse.ingest.guard import Unreadable

TEXT = "_text"
PROBLEM = "_problem"
ROW_NUMBER = "_row_number"
RESERVED = frozenset({TEXT, PROBLEM, ROW_NUMBER, "_source_file", "_ingested_at", "_row_hash"})


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not be split into its columns: where it stood (from 1), its text, and why."""

    number: int
    text: str
    reason: str


def schema_of(columns: Sequence[str]) -> pa.Schema:
    """Text columns as they came, then the row's number, and text and problem of a row that could not be split."""
    text = [pa.field(name, pa.string()) for name in columns]
    return pa.schema(
        [*text, pa.field(ROW_NUMBER, pa.int64()), pa.field(TEXT, pa.string()), pa.field(PROBLEM, pa.string())]
    )


def good_batch(
    schema: pa.Schema, columns: Sequence[pa.Array], numbers: npt.NDArray[np.int64]
) -> pa.RecordBatch:
    nothing = pa.nulls(len(numbers), pa.string())
    return pa.RecordBatch.from_arrays([*columns, pa.array(numbers), nothing, nothing], schema=schema)


def rejected_batch(schema: pa.Schema, rows: Iterable[RejectedRow]) -> pa.RecordBatch:
    listed = list(rows)
    nothing = pa.nulls(len(listed), pa.string())
    arrays = [nothing] * (len(schema) - 3)
    numbers = pa.array([row.number for row in listed], pa.int64())
    texts = pa.array([row.text for row in listed], pa.string())
    reasons = pa.array([row.reason for row in listed], pa.string())
    return pa.RecordBatch.from_arrays([*arrays, numbers, texts, reasons], schema=schema)


def checked_header(names: Sequence[str]) -> list[str]:
    """Column names as they came, trimmed; a nameless one gets its position. Raises Unreadable on doubles.

    Doubles are told by position: without a header line the first row stands here, and that may be personal data.
    """
    header = [name.strip() or f"unnamed_{position}" for position, name in enumerate(names, start=1)]
    seen: dict[str, int] = {}
    for position, name in enumerate(header, start=1):
        if name.casefold() in seen:
            first = seen[name.casefold()]
            raise Unreadable(
                f"columns {first} and {position} of the header have the same name; is the header missing?"
            )
        if name.casefold() in RESERVED:
            raise Unreadable(f'the column name "{name}" is reserved for the lake: rename it in the file')
        seen[name.casefold()] = position
    return header


@dataclass(frozen=True, slots=True)
class TextTable:
    """An opened file: its columns, and its batches when iterated once."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]

    @property
    def columns(self) -> list[str]:
        return list(self.schema.names[:-3])
