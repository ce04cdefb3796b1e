"""Opens a landing file of any kind as text cells: csv, csv.gz, jsonl, parquet, xlsx.

Belongs here: the choice of a reader, and the short ones. Delimited text has a file of its own.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastexcel
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.contracts import Format
from lakehouse.ingest.delimited import CUT_OFF, open_delimited
from lakehouse.ingest.guard import GuardedLines, Limits, Unreadable
from lakehouse.ingest.table import (
    RejectedRow,
    TextTable,
    checked_header,
    good_batch,
    rejected_batch,
    schema_of,
)

ROWS_IN_A_BATCH = 50_000
KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
}


def kind_of(path: Path, form: Format) -> str:
    """The kind of a file by its suffix; where that says nothing, by the contract."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return KINDS.get(suffixes[-1], form.kind) if suffixes else form.kind


def open_table(path: Path, form: Format, limits: Limits, *, careful: bool) -> TextTable:
    """Opens a file; `careful` reads delimited text row by row. Raises Unreadable, here or while iterating."""
    kind = kind_of(path, form)
    if path.stat().st_size == 0:
        raise Unreadable("the file is empty (0 bytes)")
    if kind == "jsonl":
        return _open_json_lines(path, form, limits)
    if kind == "parquet":
        return _open_parquet(path)
    if kind == "xlsx":
        return _open_xlsx(path, form, limits)
    return open_delimited(path, form, limits, careful=careful)


def _open_json_lines(path: Path, form: Format, limits: Limits) -> TextTable:
    """The columns are all keys of all objects, so the file is read twice: once for the keys, once for the rows."""
    names: dict[str, None] = {}
    for _, row in _json_rows(GuardedLines(path, form.encoding, limits, b"\0")):
        if isinstance(row, dict):
            names.update(dict.fromkeys(row))
    if not names:
        raise Unreadable("no line of the file is a JSON object: expected one object a line")
    schema = schema_of(checked_header(list(names)))
    guard = GuardedLines(path, form.encoding, limits, b"\0")
    return TextTable(schema, _json_batches(guard, schema, list(names)))


def _json_rows(guard: GuardedLines) -> Iterator[tuple[int, dict[str, Any] | RejectedRow]]:
    number = 0
    too_long = 0
    for block in guard.blocks():
        for line in block.decode("utf-8", "replace").split("\n"):
            if not line.strip():
                continue
            number += 1
            if line == "\0":
                yield (
                    number,
                    RejectedRow(
                        number, guard.too_long[too_long], "the row is too long (its beginning is kept)"
                    ),
                )
                too_long += 1
                continue
            try:
                row = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
            except (json.JSONDecodeError, RecursionError) as error:
                yield number, RejectedRow(number, line, f"the line is not JSON: {error}")
                continue
            wrong = RejectedRow(number, line, "the line is not a JSON object")
            yield number, row if isinstance(row, dict) else wrong


def _json_batches(guard: GuardedLines, schema: pa.Schema, names: list[str]) -> Iterator[pa.RecordBatch]:
    rows: list[list[str | None]] = []
    numbers: list[int] = []
    rejected: list[RejectedRow] = []

    def batch() -> pa.RecordBatch:
        columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
        return good_batch(schema, columns, np.array(numbers, dtype=np.int64))

    for number, row in _json_rows(guard):
        if isinstance(row, RejectedRow):
            rejected.append(row)
            continue
        rows.append([_json_text(row.get(name)) for name in names])
        numbers.append(number)
        if len(rows) >= ROWS_IN_A_BATCH:
            yield batch()
            rows, numbers = [], []
    if rejected and not guard.ends_in_newline and rejected[-1].number > max(numbers, default=0):
        last = rejected.pop()
        rejected.append(RejectedRow(last.number, last.text, f"{last.reason}; {CUT_OFF}"))
    if rows:
        yield batch()
    if rejected:
        yield rejected_batch(schema, rejected)


def _json_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _open_parquet(path: Path) -> TextTable:
    try:
        file = pq.ParquetFile(path)
        schema = schema_of(checked_header(file.schema_arrow.names))
    except (pa.ArrowInvalid, OSError) as error:
        raise Unreadable(f"the parquet file is cut off or damaged ({_first_line(error)})") from error
    return TextTable(schema, _parquet_batches(file, schema))


def _parquet_batches(file: pq.ParquetFile, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    position = 1
    try:
        for batch in file.iter_batches(batch_size=ROWS_IN_A_BATCH):
            columns = [_as_text(column) for column in batch.columns]
            yield good_batch(schema, columns, np.arange(position, position + batch.num_rows, dtype=np.int64))
            position += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise Unreadable(
            f"the parquet file is damaged after row {position - 1} ({_first_line(error)})"
        ) from error


def _as_text(column: pa.Array) -> pa.Array:
    if pa.types.is_nested(column.type):
        return pa.array(
            [None if value is None else json.dumps(value, default=str) for value in column.to_pylist()],
            pa.string(),
        )
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = column.cast(pa.timestamp(column.type.unit, "UTC")).cast(pa.timestamp(column.type.unit))
    return column.cast(pa.string())


def _open_xlsx(path: Path, form: Format, limits: Limits) -> TextTable:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise Unreadable("the xlsx file is cut off or damaged") from error
    if unpacked > path.stat().st_size * limits.max_expansion_ratio and unpacked > 64 << 20:
        raise Unreadable(
            f"the xlsx file unpacks to {unpacked:,} bytes, more than {limits.max_expansion_ratio:g} times its size"
        )
    try:
        book = fastexcel.read_excel(path)
        if form.sheet is not None and form.sheet not in book.sheet_names:
            raise Unreadable(f'no sheet "{form.sheet}"; the file has {", ".join(book.sheet_names)}')
        frame = book.load_sheet(form.sheet if form.sheet is not None else 0, dtypes="string")
    except fastexcel.FastExcelError as error:
        raise Unreadable(f"the xlsx file can't be read ({_first_line(error)})") from error
    table = pa.table(frame.to_arrow())
    schema = schema_of(checked_header(table.column_names))
    columns = [column.combine_chunks().cast(pa.string()) for column in table.columns]
    numbers = np.arange(1, table.num_rows + 1, dtype=np.int64)
    return TextTable(schema, iter([good_batch(schema, columns, numbers)] if table.num_rows else []))


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
