"""Raw Parquet -> staged Parquet and quarantine: a pure function of one raw file and its contract.

The staged file's name holds the raw file's and the contract's version, so what is missing or made by another
version of the contract is seen from a listing, and a killed run is simply continued.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandera.polars as pandera
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.contracts import Contract
from lakehouse.contracts.contract import META_COLUMNS
from lakehouse.contracts.schema import broken_checks, pandera_schema
from lakehouse.durable import remove_unfinished
from lakehouse.ingest.behind import WriteBehind
from lakehouse.ingest.casting import CastColumn, cast_columns
from lakehouse.ingest.columns import resolve_columns, unknown_columns
from lakehouse.ingest.landing import RawName, list_raw
from lakehouse.ingest.parquet_file import ParquetFile
from lakehouse.ingest.positions import Positions
from lakehouse.ingest.quarantined import QUARANTINE_SCHEMA, quarantined_file, quarantined_rows
from lakehouse.ingest.raw import RawFile, read_raw_file
from lakehouse.ingest.table import PROBLEM

ROWS_AT_ONCE = 250_000


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
    folders = staging / contract.name, quarantine / contract.name
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(folder)
    wanted: dict[str, RawFile] = {}
    for path, name in _current(list_raw(raw, contract.name)).items():
        stem = f"{name.stamp}-{name.fingerprint}-{contract.staging_version}.parquet"
        wanted[stem] = read_raw_file(path, name)
    held = {path.name for path in folders[0].glob("*.parquet")}
    made = [
        _Making(file, *(folder / stem for folder in folders))
        for stem, file in wanted.items()
        if stem not in held
    ]
    if made:
        with WriteBehind() as behind:
            stager = _Stager(contract, pandera_schema(contract), behind)
            for group in _together(made):
                stager.run(group)
    parts = []
    for stem, file in wanted.items():
        parts.append(_read_part(file, folders[0] / stem, folders[1] / stem))
        progress(parts[-1])
    _remove_outdated(folders, set(wanted))
    loaded = (file for file in wanted.values() if file.name.kind == "rows")
    unknown = sorted({name for file in loaded for name in unknown_columns(contract, file.columns)})
    return Staged(contract, tuple(parts), len(made), tuple(unknown))


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


@dataclass(frozen=True, slots=True)
class _Making:
    """A raw file that is not staged yet, and where its rows go."""

    raw: RawFile
    staged: Path
    quarantined: Path


def _together(made: Iterable[_Making]) -> Iterator[list[_Making]]:
    """Small files of the same columns are judged in one go: the judge's start costs more than their rows."""
    group: list[_Making] = []
    rows = 0
    for one in made:
        alike = group and (one.raw.name.kind, one.raw.columns) == (
            group[0].raw.name.kind,
            group[0].raw.columns,
        )
        if group and (not alike or one.raw.name.kind == "rejected" or rows + one.raw.rows > ROWS_AT_ONCE):
            yield group
            group, rows = [], 0
        group.append(one)
        rows += one.raw.rows
    if group:
        yield group


@dataclass(frozen=True, slots=True)
class _Stager:
    contract: Contract
    schema: pandera.DataFrameSchema
    behind: WriteBehind

    def run(self, group: Sequence[_Making]) -> None:
        """Stages files of the same kind and columns."""
        good = [ParquetFile(one.staged, _staged_schema(self.contract)) for one in group]
        bad = [ParquetFile(one.quarantined, QUARANTINE_SCHEMA) for one in group]
        if group[0].raw.name.kind == "rejected":
            self._reject(group[0], bad[0])
        else:
            self._stage(group, good, bad)
        # The quarantine files come first: a staged file is the sign that both are there.
        for file in bad:
            self.behind.submit(partial(file.close, keep_empty=False))
        for file in good:
            self.behind.submit(partial(file.close, keep_empty=True))

    def _reject(self, one: _Making, bad: ParquetFile) -> None:
        raw = one.raw
        if raw.rows == 0:
            self.behind.submit(partial(bad.write, quarantined_file(self.contract.name, raw)))
        for frame, _ in _frames([one]):
            reasons = pl.repeat([raw.reason], frame.height, dtype=pl.List(pl.String), eager=True)
            self.behind.submit(
                partial(bad.write, quarantined_rows(self.contract.name, frame, reasons, raw.columns))
            )

    def _stage(
        self, group: Sequence[_Making], good: Sequence[ParquetFile], bad: Sequence[ParquetFile]
    ) -> None:
        columns = group[0].raw.columns
        headers = resolve_columns(self.contract, columns)
        casts = cast_columns(self.contract, headers)
        positions = Positions(self.contract, headers)
        for frame, lengths in _frames(group):
            typed, reasons = self._judge(frame, casts, positions)
            broken = None if reasons is None else reasons.list.len() > 0
            start = 0
            for number, length in enumerate(lengths):
                rows = slice(start, start + length)
                start += length
                if broken is None or reasons is None or not broken[rows].any():
                    self.behind.submit(partial(good[number].write, typed[rows]))
                    continue
                why = reasons[rows].filter(broken[rows])
                wrong = frame[rows].filter(broken[rows])
                kept = typed[rows].filter(~broken[rows])
                quarantined = quarantined_rows(self.contract.name, wrong, why, columns)
                self.behind.submit(partial(bad[number].write, quarantined))
                self.behind.submit(partial(good[number].write, kept))

    def _judge(
        self, frame: pl.DataFrame, casts: list[CastColumn], positions: Positions
    ) -> tuple[pl.DataFrame, pl.Series | None]:
        """Typed columns, and all that is wrong with each row; None when nothing is wrong with any."""
        judged = frame.select(
            *[cast.value for cast in casts],
            *[cast.failed.fill_null(value=False).alias(f"!{cast.name}") for cast in casts],
            *META_COLUMNS,
            PROBLEM,
        ).hstack(positions.of(frame))
        typed = judged.select(*self.contract.columns, *META_COLUMNS)
        split = pl.col(PROBLEM).is_null()
        reasons: list[pl.Expr] = []
        if judged[PROBLEM].null_count() < judged.height:
            reasons.append(pl.col(PROBLEM))
        for cast in casts:
            failed = pl.col(f"!{cast.name}")
            if judged[f"!{cast.name}"].any():
                reasons.append(_when(split & failed, f"{cast.name}: expected {cast.expected}"))
            needed = self.contract.columns[cast.name].required or cast.name in self.contract.key
            if needed and judged[cast.name].null_count():
                empty = split & pl.col(cast.name).is_null() & ~failed
                reasons.append(_when(empty, f"{cast.name}: required, but empty"))
        broken = broken_checks(typed.select(*self.contract.columns), self.schema)
        for number, (reason, bad) in enumerate(broken):
            judged = judged.with_columns(bad.alias(f"?{number}"))
            reasons.append(_when(split & pl.col(f"?{number}"), reason))
        if not reasons:
            return typed, None
        return typed, judged.select(pl.concat_list(reasons).list.drop_nulls()).to_series()


def _frames(group: Sequence[_Making]) -> Iterator[tuple[pl.DataFrame, list[int]]]:
    """Raw rows in file order, and how many of them belong to each file of the group."""
    if len(group) == 1:
        for batch in pq.ParquetFile(group[0].raw.path).iter_batches(batch_size=ROWS_AT_ONCE):
            yield _frame(batch), [batch.num_rows]
    elif any(one.raw.rows for one in group):
        frames = [_frame(pq.read_table(one.raw.path, partitioning=None)) for one in group]
        yield pl.concat(frames), [frame.height for frame in frames]


def _when(condition: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(condition).then(pl.lit(reason)).otherwise(None)


def _frame(batch: pa.RecordBatch | pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101  from_arrow's type is a union
    return frame


def _staged_schema(contract: Contract) -> pa.Schema:
    meta = {
        "_source_file": pl.String(),
        "_row_number": pl.Int64(),
        "_ingested_at": pl.Datetime("us"),
        "_row_hash": pl.UInt64(),
    }
    types = {name: column.polars_type for name, column in contract.columns.items()} | meta
    return pl.DataFrame(schema=types).to_arrow().schema
