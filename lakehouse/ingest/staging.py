"""Raw Parquet -> staged Parquet and quarantine: a pure function of one raw file and its contract.

The staged file's name holds the raw file's and the contract's version, so what is missing or made by another
version of the contract is seen from a listing, and a killed run is simply continued.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pandera.polars as pandera
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.contracts import Contract
from lakehouse.contracts.contract import META_COLUMNS
from lakehouse.contracts.schema import broken_checks, pandera_schema
from lakehouse.ingest.casting import CastColumn, cast_columns
from lakehouse.ingest.landing import RawName, list_raw
from lakehouse.ingest.raw import RawFile, read_raw_file, resolve_columns, sync_and_rename
from lakehouse.ingest.table import PROBLEM, ROW_NUMBER, TEXT

ROWS_AT_ONCE = 250_000
_BAD = "_reasons"


@dataclass(frozen=True, slots=True)
class Part:
    """The staged and quarantined rows of one raw file."""

    raw: RawFile
    staged: Path
    quarantined: Path
    staged_rows: int
    quarantined_rows: int


@dataclass(frozen=True, slots=True)
class Staged:
    """All parts of a feed, oldest first, and those made just now."""

    contract: Contract
    parts: tuple[Part, ...]
    made: int
    unknown_columns: tuple[str, ...] = field(default=())


def stage_new_files(
    contract: Contract,
    raw: Path,
    staging: Path,
    quarantine: Path,
    progress: Callable[[Part], None] = lambda _: None,
) -> Staged:
    """Stages every raw file of a feed that this version of its contract has not staged yet."""
    schema = pandera_schema(contract)
    folders = staging / contract.name, quarantine / contract.name
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)
    parts = []
    made = 0
    for path, name in _current(list_raw(raw, contract.name)).items():
        stem = f"{name.stamp}-{name.fingerprint}-{contract.staging_version}.parquet"
        staged, quarantined = folders[0] / stem, folders[1] / stem
        raw_file = read_raw_file(path, name)
        if not staged.exists():
            _Stager(contract, schema, raw_file, staged, quarantined).run()
            made += 1
        part = _read_part(raw_file, staged, quarantined)
        parts.append(part)
        progress(part)
    _remove_outdated(folders, {part.staged.name for part in parts})
    unknown = sorted(
        {name for part in parts if part.raw.name.kind == "rows" for name in _unknown(contract, part.raw)}
    )
    return Staged(contract, tuple(parts), made, tuple(unknown))


def _current(held: dict[Path, RawName]) -> dict[Path, RawName]:
    """Without readings of a rejected file that a later reading replaced."""
    last = {name.fingerprint: path for path, name in held.items()}
    return {
        path: name for path, name in held.items() if name.kind != "rejected" or last[name.fingerprint] == path
    }


def _read_part(raw: RawFile, staged: Path, quarantined: Path) -> Part:
    bad = pq.ParquetFile(quarantined).metadata.num_rows if quarantined.exists() else 0
    whole = raw.name.kind == "rejected" and raw.rows == 0
    return Part(raw, staged, quarantined, pq.ParquetFile(staged).metadata.num_rows, 0 if whole else bad)


def _remove_outdated(folders: tuple[Path, Path], current: set[str]) -> None:
    for folder in folders:
        for path in folder.glob("*.parquet"):
            if path.name not in current:
                path.unlink()


def _unknown(contract: Contract, raw: RawFile) -> set[str]:
    return set(raw.columns) - set(resolve_columns(contract, raw.columns).values())


@dataclass(frozen=True, slots=True)
class _Stager:
    contract: Contract
    schema: pandera.DataFrameSchema
    raw: RawFile
    staged: Path
    quarantined: Path

    def run(self) -> None:
        """Writes the quarantine file first: the staged file is the sign that both are there."""
        headers = resolve_columns(self.contract, self.raw.columns)
        casts = cast_columns(self.contract, headers)
        good = _ParquetFile(self.staged, _staged_schema(self.contract))
        bad = _ParquetFile(self.quarantined, _QUARANTINE)
        if self.raw.name.kind == "rejected" and self.raw.rows == 0:
            bad.write(_quarantine_row(self.contract.name, self.raw))
        for frame in self._frames():
            if self.raw.name.kind == "rejected":
                bad.write(self._quarantined(frame.with_columns(pl.lit([self.raw.reason]).alias(_BAD))))
                continue
            judged = self._judge(frame, casts)
            rejected = judged[_BAD].list.len() > 0
            if rejected.any():
                bad.write(self._quarantined(judged.filter(rejected)))
                judged = judged.filter(~rejected)
            good.write(judged.select(*self.contract.columns, *META_COLUMNS))
        bad.close(keep_empty=False)
        good.close(keep_empty=True)

    def _frames(self) -> Iterator[pl.DataFrame]:
        derived = {name: column for name, column in self.contract.columns.items() if column.is_derived}
        if not derived:
            for batch in pq.ParquetFile(self.raw.path).iter_batches(batch_size=ROWS_AT_ONCE):
                yield _frame(batch)
            return
        headers = resolve_columns(self.contract, self.raw.columns)
        positions = ", ".join(
            f"row_number() over (partition by {_quoted_all(headers, column.position_within)} order by {ROW_NUMBER}) as {name}"
            for name, column in derived.items()
        )
        with duckdb.connect(":memory:") as connection:
            query = f"select *, {positions} from read_parquet($1, hive_partitioning = false) order by {ROW_NUMBER}"
            for batch in connection.sql(query, params=[str(self.raw.path)]).to_arrow_reader(ROWS_AT_ONCE):
                yield _frame(batch)

    def _judge(self, frame: pl.DataFrame, casts: list[CastColumn]) -> pl.DataFrame:
        """Typed columns beside the raw ones, and `_reasons`: all that is wrong with each row."""
        split = pl.col(PROBLEM).is_null()
        typed = frame.select(
            *[cast.value for cast in casts],
            *[pl.col(name).cast(c.polars_type) for name, c in self.contract.columns.items() if c.is_derived],
            *[cast.failed.fill_null(value=False).alias(f"!{cast.name}") for cast in casts],
            *META_COLUMNS,
        )
        raw_columns = (
            frame.select(pl.col(*self.raw.columns).name.prefix("@"), TEXT, PROBLEM)
            if self.raw.columns
            else frame.select(TEXT, PROBLEM)
        )
        reasons: list[pl.Expr] = [pl.col(PROBLEM)]
        judged = typed.hstack(raw_columns.get_columns())
        for cast in casts:
            column = self.contract.columns[cast.name]
            if judged[f"!{cast.name}"].any():
                reasons.append(
                    _when(split & pl.col(f"!{cast.name}"), f"{cast.name}: expected {cast.expected}")
                )
            if (column.required or cast.name in self.contract.key) and judged[cast.name].null_count():
                empty = split & pl.col(cast.name).is_null() & ~pl.col(f"!{cast.name}")
                reasons.append(_when(empty, f"{cast.name}: required, but empty"))
        for number, (reason, bad) in enumerate(
            broken_checks(typed.select(*self.contract.columns), self.schema)
        ):
            judged = judged.with_columns(bad.alias(f"?{number}"))
            reasons.append(_when(split & pl.col(f"?{number}"), reason))
        return judged.with_columns(pl.concat_list(reasons).list.drop_nulls().alias(_BAD))

    def _quarantined(self, frame: pl.DataFrame) -> pl.DataFrame:
        prefix = "@" if any(name.startswith("@") for name in frame.columns) else ""
        cells = [pl.col(f"{prefix}{name}").alias(name) for name in self.raw.columns]
        whole = pl.struct(*cells).struct.json_encode() if cells else pl.lit("{}")
        text = pl.struct(pl.col(TEXT).alias("_text")).struct.json_encode()
        return frame.select(
            pl.lit(self.contract.name).alias("feed"),
            pl.col("_source_file").alias("file"),
            pl.col("_row_number").alias("row_number"),
            pl.col(_BAD).alias("reasons"),
            pl.when(pl.col(TEXT).is_not_null()).then(text).otherwise(whole).alias("row"),
            pl.col("_ingested_at").alias("ingested_at"),
        )


_QUARANTINE = pa.schema(
    [
        ("feed", pa.large_string()),
        ("file", pa.large_string()),
        ("row_number", pa.int64()),
        ("reasons", pa.large_list(pa.large_string())),
        ("row", pa.large_string()),
        ("ingested_at", pa.timestamp("us")),
    ]
)


def _quarantine_row(feed: str, raw: RawFile) -> pl.DataFrame:
    """A file that could not be read at all: one entry, row 0."""
    row = {
        "feed": feed,
        "file": raw.source_file,
        "row_number": 0,
        "reasons": [raw.reason],
        "row": json.dumps({"_file": raw.source_file}),
        "ingested_at": raw.name.ingested_at.replace(tzinfo=None),
    }
    return pl.DataFrame([row], schema_overrides={"row_number": pl.Int64, "ingested_at": pl.Datetime("us")})


def _when(condition: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(condition).then(pl.lit(reason)).otherwise(None)


def _frame(batch: pa.RecordBatch) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101  from_arrow's type is a union
    return frame


def _quoted_all(headers: dict[str, str], columns: tuple[str, ...]) -> str:
    escaped = [headers[name].replace('"', '""') for name in columns]
    return ", ".join(f'"{name}"' for name in escaped)


def _staged_schema(contract: Contract) -> pa.Schema:
    meta = {
        "_source_file": pl.String(),
        "_row_number": pl.Int64(),
        "_ingested_at": pl.Datetime("us"),
        "_row_hash": pl.UInt64(),
    }
    types = {name: column.polars_type for name, column in contract.columns.items()} | meta
    return pl.DataFrame(schema=types).to_arrow().schema


@dataclass
class _ParquetFile:
    """A Parquet file that appears under its final name once it is whole."""

    final: Path
    schema: pa.Schema
    _temporary: Path | None = None
    _writer: pq.ParquetWriter | None = None

    def write(self, frame: pl.DataFrame) -> None:
        if frame.height:
            self._opened().write_table(frame.to_arrow().cast(self.schema))

    def close(self, *, keep_empty: bool) -> None:
        if self._writer is None and not keep_empty:
            return
        self._opened().close()
        assert self._temporary is not None  # noqa: S101  set by _opened
        sync_and_rename(self._temporary, self.final)

    def _opened(self) -> pq.ParquetWriter:
        if self._writer is None:
            self._temporary = self.final.with_name(f".{uuid.uuid4().hex}.tmp")
            self._writer = pq.ParquetWriter(
                self._temporary, self.schema, compression="zstd", compression_level=1
            )
        return self._writer
