"""Delimited text (csv and its kin) as text cells.

Two readers share one promise. The fast one here (pyarrow) serves files in which one line is one row; as soon as the
counts of lines and rows disagree (a value with a line break, a quotation mark that is never closed, a blank line)
the file is read again by the careful one (row_by_row), which loses only the row that is broken.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from lakehouse.contracts import Format
from lakehouse.ingest.guard import BlockStream, GuardedLines, Limits, Unreadable
from lakehouse.ingest.row_by_row import (
    CUT_OFF,
    MAX_LINES_IN_A_ROW,
    careful_batches,
    over_long,
    quoting_of,
    stays_open,
    width_reason,
)
from lakehouse.ingest.table import (
    RejectedRow,
    TextTable,
    checked_header,
    good_batch,
    rejected_batch,
    schema_of,
)


class LinesAreNotRows(Exception):
    """The fast reader met a file in which some row is not one line."""


def open_delimited(path: Path, form: Format, limits: Limits, *, careful: bool) -> TextTable:
    """Opens a file and reads its header. Iterating may raise Unreadable, or LinesAreNotRows unless `careful`."""
    # Wider than any header, so that both readers take a line that was too long for a row of its own.
    filler = form.delimiter.encode() * 2 * MAX_LINES_IN_A_ROW
    guard = GuardedLines(path, form.encoding, limits, filler)
    blocks = guard.blocks()
    first = next(blocks, b"")
    header, rest = _split_header(first, form, guard)
    schema = schema_of(header)
    csv.field_size_limit(max(csv.field_size_limit(), limits.max_row_bytes))
    stream = _Rest(rest, blocks)
    if careful:
        return TextTable(schema, careful_batches(iter(stream), schema, form, guard))
    return TextTable(schema, _fast(stream, schema, form, guard))


@dataclass
class _Rest:
    first: bytes
    others: Iterator[bytes]

    def __iter__(self) -> Iterator[bytes]:
        if self.first:
            yield self.first
        yield from self.others


def _split_header(block: bytes, form: Format, guard: GuardedLines) -> tuple[list[str], bytes]:
    line, end, rest = block.partition(b"\n")
    text = line.decode("utf-8", "replace").removesuffix("\r")
    if "\0" in text:
        raise Unreadable(f"this is not text: the first line holds NUL bytes; expected {form.kind}")
    if not text.strip():
        raise Unreadable("the first line is blank: expected the column names")
    if line.startswith(guard.placeholder):
        raise Unreadable(
            f"the first line is longer than {guard.limits.max_row_bytes:,} bytes: expected the column names"
        )
    if "\r" in text:
        raise Unreadable("the lines end in CR alone: expected LF or CRLF")
    if form.final_newline == "required" and not end:
        raise Unreadable(f"the header is all there is, and {CUT_OFF}")
    try:
        rows = csv.reader(
            [text], delimiter=form.delimiter, quotechar=form.quote, quoting=quoting_of(form), strict=True
        )
        return checked_header(next(rows)), rest
    except csv.Error as error:
        raise Unreadable(f"the column names in the first line can't be read: {error}") from error


def _fast(blocks: _Rest, schema: pa.Schema, form: Format, guard: GuardedLines) -> Iterator[pa.RecordBatch]:
    names = schema.names[:-3]
    rejected: list[RejectedRow] = []

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        reason = width_reason(row.actual_columns, row.expected_columns)
        rejected.append(RejectedRow(row.number, row.text, reason))
        return "skip"

    lines_before = guard.newlines - blocks.first.count(b"\n")
    rows = 0
    try:
        # Not asked for a byte ahead: pyarrow refuses to open an empty stream.
        first = next(iter(blocks), None)
        if first is None:
            return
        stream = BlockStream(_chain(first, blocks.others))
        reader = pyarrow.csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            # The row numbers of bad rows are only given without threads.
            read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=8 << 20, column_names=names),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=form.delimiter,
                quote_char=form.quote or False,
                ignore_empty_lines=True,
                invalid_row_handler=skip,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                strings_can_be_null=False,
                check_utf8=False,
                column_types={name: pa.string() for name in names},
            ),
        )
        position = 1
        done = 0
        for batch in reader:
            numbers = _numbers(position, batch.num_rows, [row.number for row in rejected[done:]])
            if len(numbers):
                position = int(numbers[-1]) + 1
                yield good_batch(schema, batch.columns, numbers)
            rows += batch.num_rows
            while done < len(rejected) and rejected[done].number < position:
                done += 1
    except pa.ArrowInvalid as error:
        raise LinesAreNotRows(str(error)) from error
    lines = guard.newlines - lines_before + (0 if guard.ends_in_newline else 1)
    if lines != rows + len(rejected) or guard.lone_returns:
        raise LinesAreNotRows(f"{lines} lines, {rows + len(rejected)} rows")
    if rejected:
        yield rejected_batch(schema, _explained(rejected, lines, guard))
    if stays_open(guard.last_line, form) or (form.final_newline == "required" and not guard.ends_in_newline):
        # Whether the last row is whole is the careful reader's to say; this one has passed it on already.
        raise LinesAreNotRows("the last row may be cut off")


def _chain(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from others


def _numbers(start: int, count: int, rejected: list[int]) -> npt.NDArray[np.int64]:
    """The next `count` row numbers from `start` on that were not rejected."""
    numbers = np.arange(start, start + count + len(rejected), dtype=np.int64)
    return numbers[~np.isin(numbers, rejected)][:count] if rejected else numbers


def _explained(rejected: list[RejectedRow], last: int, guard: GuardedLines) -> Iterator[RejectedRow]:
    too_long = iter(guard.too_long)
    placeholder = guard.placeholder.decode()
    for row in rejected:
        if row.text == placeholder:
            yield over_long(row.number, next(too_long), guard.limits)
        elif row.number == last and not guard.ends_in_newline:
            yield RejectedRow(row.number, row.text, f"{row.reason}; {CUT_OFF}")
        else:
            yield row
