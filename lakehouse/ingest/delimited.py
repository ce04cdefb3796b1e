"""Delimited text (csv and its kin) as text cells.

Two readers share one promise. The fast one (pyarrow) serves files in which one line is one row; as soon as the
counts of lines and rows disagree (a value with a line break, a quotation mark that is never closed, a blank line)
the file is read again by the careful one, row by row, which loses only the row that is broken.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from lakehouse.contracts import Format
from lakehouse.ingest.guard import BlockStream, GuardedLines, Limits, Unreadable
from lakehouse.ingest.table import (
    RejectedRow,
    TextTable,
    checked_header,
    good_batch,
    rejected_batch,
    schema_of,
)

CAREFUL_BATCH = 50_000
MAX_LINES_IN_A_ROW = 1_000
UNCLOSED = "a quotation mark is opened and not closed in the row"
CUT_OFF = "the row is cut off: the file ends in the middle of it"


class LinesAreNotRows(Exception):
    """The fast reader met a file in which some row is not one line."""


def open_delimited(path: Path, form: Format, limits: Limits, *, careful: bool) -> TextTable:
    """Opens a file and reads its header. Iterating may raise Unreadable, or LinesAreNotRows unless `careful`."""
    placeholder = b"too long" + form.delimiter.encode() * 2 * MAX_LINES_IN_A_ROW
    guard = GuardedLines(path, form.encoding, limits, placeholder)
    blocks = guard.blocks()
    first = next(blocks, b"")
    header, rest = _split_header(first, form)
    schema = schema_of(header)
    csv.field_size_limit(max(csv.field_size_limit(), limits.max_row_bytes))
    stream = _Rest(rest, blocks)
    reader = _careful if careful else _fast
    return TextTable(schema, reader(stream, schema, form, guard))


@dataclass
class _Rest:
    first: bytes
    others: Iterator[bytes]

    def __iter__(self) -> Iterator[bytes]:
        if self.first:
            yield self.first
        yield from self.others


def _split_header(block: bytes, form: Format) -> tuple[list[str], bytes]:
    line, _, rest = block.partition(b"\n")
    text = line.decode("utf-8", "replace").rstrip("\r")
    if "\0" in text:
        raise Unreadable(f"this is not text: the first line holds NUL bytes; expected {form.kind}")
    if not text.strip():
        raise Unreadable("the first line is blank: expected the column names")
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE
    names = next(csv.reader([text], delimiter=form.delimiter, quotechar=form.quote, quoting=quoting))
    return checked_header(names), rest


def _reason(found: int, expected: int) -> str:
    return f"the row has {found} column{'s' if found != 1 else ''}, the header {expected}"


def _fast(blocks: _Rest, schema: pa.Schema, form: Format, guard: GuardedLines) -> Iterator[pa.RecordBatch]:
    names = schema.names[:-3]
    rejected: list[RejectedRow] = []

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        rejected.append(RejectedRow(row.number, row.text, _reason(row.actual_columns, row.expected_columns)))
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
    if lines != rows + len(rejected):
        raise LinesAreNotRows(f"{lines} lines, {rows + len(rejected)} rows")
    if rejected:
        yield rejected_batch(schema, _explained(rejected, lines, guard))
    if form.final_newline == "required" and not guard.ends_in_newline:
        # The careful reader can hold the last row back; this one has passed it on already.
        raise LinesAreNotRows("the last line has no end")


def _chain(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from others


def _numbers(start: int, count: int, rejected: list[int]) -> npt.NDArray[np.int64]:
    """The next `count` row numbers from `start` on that were not rejected."""
    numbers = np.arange(start, start + count + len(rejected), dtype=np.int64)
    return numbers[~np.isin(numbers, rejected)][:count] if rejected else numbers


def _explained(rejected: list[RejectedRow], last: int, guard: GuardedLines) -> Iterator[RejectedRow]:
    too_long = iter(guard.too_long)
    for row in rejected:
        if _is_placeholder(row.text, guard):
            yield _over_long(row.number, next(too_long), guard)
        elif row.number == last and not guard.ends_in_newline:
            yield RejectedRow(row.number, row.text, f"{row.reason}; {CUT_OFF}")
        else:
            yield row


def _is_placeholder(text: str, guard: GuardedLines) -> bool:
    return text.rstrip("\r") == guard.placeholder.decode()


def _over_long(number: int, text: str, guard: GuardedLines) -> RejectedRow:
    return RejectedRow(
        number, text, f"the row is longer than {guard.limits.max_row_bytes:,} bytes (its beginning is kept)"
    )


@dataclass(frozen=True, slots=True)
class _RowSplitter:
    """Splits lines into rows. A quotation mark that isn't closed costs its own line, not those that follow."""

    form: Format
    width: int

    def rows(self, lines: list[str], *, at_end: bool) -> Iterator[tuple[list[str] | None, str, str, int]]:
        """(cells or None, text, reason, lines used) of each row; stops before a row that may go on beyond `lines`."""
        position = 0
        while position < len(lines):
            cells, reason, used = self._row(lines, position, at_end=at_end)
            if used == 0:
                return
            yield cells, "\n".join(lines[position : position + used]), reason, used
            position += used

    def _row(self, lines: list[str], position: int, *, at_end: bool) -> tuple[list[str] | None, str, int]:
        limit = min(len(lines), position + MAX_LINES_IN_A_ROW)
        for end in range(position + 1, limit + 1):
            if end > position + 1 and str(self.form.quote) not in lines[end - 1]:
                continue  # an open quotation stays open
            try:
                cells = self._split(lines[position:end])
            except csv.Error as error:
                if "unexpected end of data" in str(error):
                    continue
                return None, f"the row can't be split into columns: {error}", 1
            if len(cells) == self.width:
                return cells, "", end - position
            one_line = end == position + 1
            return None, _reason(len(cells), self.width) if one_line else UNCLOSED, 1
        if limit == len(lines) and not at_end and limit - position < MAX_LINES_IN_A_ROW:
            return None, "", 0
        return None, UNCLOSED, 1

    def _split(self, lines: list[str]) -> list[str]:
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.form.quote else csv.QUOTE_NONE
        text = [line + "\n" for line in lines[:-1]] + [lines[-1]]
        rows = csv.reader(
            text, delimiter=self.form.delimiter, quotechar=self.form.quote, quoting=quoting, strict=True
        )
        return next(rows, [])


def _careful(blocks: _Rest, schema: pa.Schema, form: Format, guard: GuardedLines) -> Iterator[pa.RecordBatch]:
    width = len(schema) - 3
    splitter = _RowSplitter(form, width)
    number = 0
    waiting: list[str] = []
    cells: list[list[str]] = []
    numbers: list[int] = []
    rejected: list[RejectedRow] = []

    def flush() -> Iterator[pa.RecordBatch]:
        if cells:
            columns = [pa.array(values, pa.string()) for values in zip(*cells, strict=True)]
            yield good_batch(schema, columns, np.array(numbers, dtype=np.int64))
        if rejected:
            yield rejected_batch(schema, rejected)
        cells.clear()
        numbers.clear()
        rejected.clear()

    too_long_taken = 0
    for block, at_end in _with_end(iter(blocks)):
        lines = block.decode("utf-8", "replace").split("\n")
        if lines and not lines[-1]:
            lines.pop()
        waiting.extend(line.removesuffix("\r") for line in lines)
        taken = 0
        for row, text, reason, used in splitter.rows(waiting, at_end=at_end):
            taken += used
            is_last = at_end and taken == len(waiting) and not guard.ends_in_newline
            if row is None and not text.strip():
                continue  # a blank line is no row
            number += 1
            if row is not None and not (is_last and form.final_newline == "required"):
                cells.append(row)
                numbers.append(number)
            elif _is_placeholder(text, guard):
                rejected.append(_over_long(number, guard.too_long[too_long_taken], guard))
                too_long_taken += 1
            else:
                why = f"{reason}; {CUT_OFF}" if is_last and reason else reason or CUT_OFF
                rejected.append(RejectedRow(number, text, why))
            if len(numbers) >= CAREFUL_BATCH:
                yield from flush()
        del waiting[:taken]
    yield from flush()


def _with_end(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    previous: bytes | None = None
    for block in blocks:
        if previous is not None:
            yield previous, False
        previous = block
    if previous is not None:
        yield previous, True
