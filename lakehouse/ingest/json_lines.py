"""JSON lines as text cells: one object a line, its keys the columns, its values as they were written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lakehouse.contracts import Format
from lakehouse.ingest.guard import GuardedLines, Limits, Unreadable
from lakehouse.ingest.row_by_row import CUT_OFF, over_long
from lakehouse.ingest.table import (
    RejectedRow,
    TextTable,
    checked_header,
    good_batch,
    rejected_batch,
    schema_of,
)

ROWS_IN_A_BATCH = 50_000


def open_json_lines(path: Path, form: Format, limits: Limits) -> TextTable:
    """The columns are all keys of all objects, so the file is read twice: once for the keys, once for the rows."""
    names: dict[str, None] = {}
    for _, row in _rows(GuardedLines(path, form.encoding, limits)):
        if isinstance(row, dict):
            names.update(dict.fromkeys(row))
    if not names:
        raise Unreadable("no line of the file is a JSON object: expected one object a line")
    schema = schema_of(checked_header(list(names)))
    return TextTable(schema, _batches(GuardedLines(path, form.encoding, limits), schema, list(names)))


class _Number(str):
    """A number's digits as they were written."""

    __slots__ = ()


def _rows(guard: GuardedLines) -> Iterator[tuple[int, dict[str, Any] | RejectedRow]]:
    number = 0
    too_long = 0
    placeholder = guard.placeholder.decode()
    for block in guard.blocks():
        for line in block.decode("utf-8", "replace").split("\n"):
            if not line.strip():
                continue
            number += 1
            if line == placeholder:
                yield number, over_long(number, guard.too_long[too_long], guard.limits)
                too_long += 1
            else:
                yield number, _row(number, line)


def _row(number: int, line: str) -> dict[str, Any] | RejectedRow:
    try:
        row = json.loads(
            line, parse_float=_Number, parse_int=_Number, parse_constant=_Number, object_pairs_hook=_object
        )
        if "\\u" in line:
            json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return RejectedRow(number, line, "the line holds half a character (a lone surrogate)")
    except (ValueError, RecursionError) as error:
        return RejectedRow(number, line, f"the line is not JSON: {error}")
    return row if isinstance(row, dict) else RejectedRow(number, line, "the line is not a JSON object")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("a key stands twice")
    return keys


def _batches(guard: GuardedLines, schema: pa.Schema, names: list[str]) -> Iterator[pa.RecordBatch]:
    rows: list[list[str | None]] = []
    numbers: list[int] = []
    rejected: list[RejectedRow] = []

    def batch() -> pa.RecordBatch:
        columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
        return good_batch(schema, columns, np.array(numbers, dtype=np.int64))

    last = 0
    for number, row in _rows(guard):
        last = number
        if isinstance(row, RejectedRow):
            rejected.append(row)
            continue
        rows.append([_text(row.get(name)) for name in names])
        numbers.append(number)
        if len(rows) >= ROWS_IN_A_BATCH:
            yield batch()
            rows, numbers = [], []
    if rejected and not guard.ends_in_newline and rejected[-1].number == last:
        cut = rejected.pop()
        rejected.append(RejectedRow(cut.number, cut.text, f"{cut.reason}; {CUT_OFF}"))
    if rows:
        yield batch()
    if rejected:
        yield rejected_batch(schema, rejected)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return _nested(value)


def _nested(value: object) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        inner = ", ".join(
            f"{json.dumps(key, ensure_ascii=False)}: {_nested(one)}" for key, one in value.items()
        )
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(_nested(one) for one in value)}]"
    return json.dumps(value, ensure_ascii=False)
