"""Opens a landing file of any kind as text cells: csv, csv.gz, jsonl, parquet, xlsx.

Belongs here: the choice of a reader, and those of typed files. Delimited text and JSON lines have files of their own.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import fastexcel
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.contracts import Format
from lakehouse.ingest.delimited import open_delimited
from lakehouse.ingest.guard import Limits, Unreadable
from lakehouse.ingest.json_lines import open_json_lines
from lakehouse.ingest.table import TextTable, checked_header, good_batch, schema_of

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
        return open_json_lines(path, form, limits)
    if kind == "parquet":
        return _open_parquet(path, limits)
    if kind == "xlsx":
        return _open_xlsx(path, form, limits)
    return open_delimited(path, form, limits, careful=careful)


def _open_parquet(path: Path, limits: Limits) -> TextTable:
    try:
        texts = [field.name for field in pq.read_schema(path) if pa.types.is_string(field.type)]
        # As dictionaries: a repeated text stays one until its size is known.
        file = pq.ParquetFile(path, read_dictionary=texts)
        schema = schema_of(checked_header(file.schema_arrow.names))
    except (pa.ArrowException, OSError) as error:
        raise Unreadable(f"the parquet file is cut off or damaged ({_first_line(error)})") from error
    groups = (file.metadata.row_group(number) for number in range(file.metadata.num_row_groups))
    _refuse_bomb("parquet", sum(group.total_byte_size for group in groups), path, limits)
    return TextTable(schema, _parquet_batches(file, schema, path, limits))


def _parquet_batches(
    file: pq.ParquetFile, schema: pa.Schema, path: Path, limits: Limits
) -> Iterator[pa.RecordBatch]:
    position = 1
    unpacked = 0
    try:
        for batch in file.iter_batches(batch_size=ROWS_IN_A_BATCH):
            unpacked += sum(_text_bytes(column) for column in batch.columns)
            _refuse_bomb("parquet", unpacked, path, limits)
            columns = [_as_text(column) for column in batch.columns]
            yield good_batch(schema, columns, np.arange(position, position + batch.num_rows, dtype=np.int64))
            position += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise Unreadable(
            f"the parquet file is damaged after row {position - 1} ({_first_line(error)})"
        ) from error


def _text_bytes(column: pa.Array) -> int:
    """Bytes of a column once each row has its own value; the file's footer tells the encoded size only."""
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary)
    return int(pc.sum(lengths.take(column.indices)).as_py() or 0)


def _as_text(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column.dictionary.validate(full=True)  # a cast takes bytes that are not UTF-8 as they are
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type):
        return pa.array(
            [None if value is None else json.dumps(value, default=str) for value in column.to_pylist()],
            pa.string(),
        )
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        # Written with a Z behind it, so that the contract's time zone is not applied to it again.
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column.validate(full=True)
    return column.cast(pa.string())


def _open_xlsx(path: Path, form: Format, limits: Limits) -> TextTable:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise Unreadable("the xlsx file is cut off or damaged") from error
    _refuse_bomb("xlsx", unpacked, path, limits)
    try:
        book = fastexcel.read_excel(path)
        if form.sheet is not None and form.sheet not in book.sheet_names:
            raise Unreadable(f'no sheet "{form.sheet}"; the file has {", ".join(book.sheet_names)}')
        # The header is read as a row: fastexcel would rename a column that stands twice.
        frame = book.load_sheet(form.sheet if form.sheet is not None else 0, header_row=None, dtypes="string")
    except fastexcel.FastExcelError as error:
        raise Unreadable(f"the xlsx file can't be read ({_first_line(error)})") from error
    table = pa.table(frame.to_arrow())
    if not table.num_rows:
        raise Unreadable("the sheet is empty: expected the column names in its first row")
    columns = [column.combine_chunks().cast(pa.string()) for column in table.columns]
    schema = schema_of(checked_header([column[0].as_py() or "" for column in columns]))
    # A row without any cell is a blank line, not a row.
    blank = np.logical_and.reduce(
        [column.slice(1).is_null().to_numpy(zero_copy_only=False) for column in columns]
    )
    cells = [column.slice(1).filter(pa.array(~blank)) for column in columns]
    numbers = np.arange(1, len(cells[0]) + 1, dtype=np.int64)
    return TextTable(schema, iter([good_batch(schema, cells, numbers)] if len(numbers) else []))


def _refuse_bomb(kind: str, unpacked: int, path: Path, limits: Limits) -> None:
    packed = path.stat().st_size
    if not limits.allows(unpacked, packed):
        raise Unreadable(
            f"the {kind} file unpacks to {unpacked:,} bytes, more than {limits.max_expansion_ratio:g} times its size "
            f"({packed:,} bytes)"
        )


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
