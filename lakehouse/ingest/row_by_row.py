"""The careful reader of delimited text: row by row, so that a broken row costs only itself.

Belongs here: what a row is when its text is broken. Not here: opening a file and its header (delimited).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa

from lakehouse.contracts import Format
from lakehouse.ingest.guard import GuardedLines, Limits
from lakehouse.ingest.table import RejectedRow, good_batch, rejected_batch

ROWS_IN_A_BATCH = 50_000
MAX_LINES_IN_A_ROW = 1_000
UNCLOSED = "a quotation mark is opened and not closed in the row"
CUT_OFF = "the row is cut off: the file ends in the middle of it"


def quoting_of(form: Format) -> Literal[0, 3]:
    return csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE


def width_reason(found: int, expected: int) -> str:
    return f"the row has {found} column{'s' if found != 1 else ''}, the header {expected}"


def over_long(number: int, text: str, limits: Limits) -> RejectedRow:
    reason = f"the row is longer than {limits.max_row_bytes:,} bytes (its beginning is kept)"
    return RejectedRow(number, text, reason)


@dataclass(frozen=True, slots=True)
class _Row:
    """Cells, or None with the reason why there are none; the text, and how many lines it took."""

    cells: list[str] | None
    text: str
    reason: str
    lines: int


@dataclass(frozen=True, slots=True)
class _RowSplitter:
    """Splits lines into rows. A quotation mark that isn't closed costs its own line, not those that follow."""

    form: Format
    width: int

    def rows(self, lines: list[str], *, at_end: bool) -> Iterator[_Row]:
        """Stops before a row that may go on beyond `lines`."""
        position = 0
        while position < len(lines):
            row = self._row(lines, position, at_end=at_end)
            if row is None:
                return
            yield row
            position += row.lines

    def _row(self, lines: list[str], position: int, *, at_end: bool) -> _Row | None:
        text = lines[position].removesuffix("\r")
        limit = min(len(lines), position + MAX_LINES_IN_A_ROW)
        for end in range(position + 1, limit + 1):
            if end > position + 1 and str(self.form.quote) not in lines[end - 1]:
                continue  # an open quotation stays open
            is_one_line = end == position + 1
            # Line breaks within a value stay as they came; the one that ends the row is not part of it.
            joined = text if is_one_line else "\n".join(lines[position:end]).removesuffix("\r")
            try:
                cells = _split(joined, self.form, strict=True)
            except csv.Error as error:
                if _is_open(error):
                    continue
                return self._loosely(text) if is_one_line else _Row(None, text, UNCLOSED, 1)
            if len(cells) == self.width:
                return _Row(cells, joined, "", end - position)
            reason = width_reason(len(cells), self.width) if is_one_line else UNCLOSED
            return _Row(None, text, reason, 1)
        may_go_on = limit == len(lines) and not at_end and limit - position < MAX_LINES_IN_A_ROW
        return None if may_go_on else _Row(None, text, UNCLOSED, 1)

    def _loosely(self, line: str) -> _Row:
        """A line with text after a closing quotation mark, read as the fast reader reads it."""
        try:
            cells = _split(line, self.form, strict=False)
        except csv.Error:
            return _Row(None, line, "the row can't be split into columns: a CR stands in the middle of it", 1)
        if len(cells) == self.width:
            return _Row(cells, line, "", 1)
        return _Row(None, line, width_reason(len(cells), self.width), 1)


def _split(text: str, form: Format, *, strict: bool) -> list[str]:
    *first, last = text.split("\n")
    rows = csv.reader(
        [line + "\n" for line in first] + [last],
        delimiter=form.delimiter,
        quotechar=form.quote,
        quoting=quoting_of(form),
        strict=strict,
    )
    return next(rows, [])


def _is_open(error: csv.Error) -> bool:
    return "unexpected end of data" in str(error)


def stays_open(line: bytes, form: Format) -> bool:
    """Whether a quotation mark is opened and not closed in a line of its own."""
    try:
        _split(line.decode("utf-8", "replace").rstrip("\r\n"), form, strict=True)
    except csv.Error as error:
        return _is_open(error)
    return False


@dataclass
class _Collected:
    """Rows on their way into batches."""

    schema: pa.Schema
    cells: list[list[str]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)

    def batches(self, *, at_least: int = 0) -> Iterator[pa.RecordBatch]:
        if len(self.cells) + len(self.rejected) < at_least:
            return
        if self.cells:
            columns = [pa.array(values, pa.string()) for values in zip(*self.cells, strict=True)]
            yield good_batch(self.schema, columns, np.array(self.numbers, dtype=np.int64))
        if self.rejected:
            yield rejected_batch(self.schema, self.rejected)
        self.cells, self.numbers, self.rejected = [], [], []


def careful_batches(
    blocks: Iterator[bytes], schema: pa.Schema, form: Format, guard: GuardedLines
) -> Iterator[pa.RecordBatch]:
    """Batches of the rows in `blocks`, which begin after the header. A blank line is no row."""
    splitter = _RowSplitter(form, len(schema) - 3)
    collected = _Collected(schema)
    placeholder = guard.placeholder.decode()
    too_long = 0
    number = 0
    waiting: list[str] = []
    for block, at_end in _with_end(blocks):
        lines = block.decode("utf-8", "replace").split("\n")
        if not lines[-1]:
            lines.pop()
        waiting.extend(lines)
        taken = 0
        for row in splitter.rows(waiting, at_end=at_end):
            taken += row.lines
            is_last = at_end and taken == len(waiting) and not guard.ends_in_newline
            if not row.text:
                continue
            number += 1
            if row.text == placeholder:
                collected.rejected.append(over_long(number, guard.too_long[too_long], guard.limits))
                too_long += 1
            elif row.cells is None or (is_last and form.final_newline == "required"):
                reason = "; ".join(part for part in (row.reason, CUT_OFF if is_last else "") if part)
                collected.rejected.append(RejectedRow(number, row.text, reason))
            else:
                collected.cells.append(row.cells)
                collected.numbers.append(number)
            yield from collected.batches(at_least=ROWS_IN_A_BATCH)
        del waiting[:taken]
    yield from collected.batches()


def _with_end(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    previous: bytes | None = None
    for block in blocks:
        if previous is not None:
            yield previous, False
        previous = block
    if previous is not None:
        yield previous, True
