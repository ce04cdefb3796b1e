"""Landing file -> raw Parquet: every row as text exactly as it came, written once and never changed.

A raw file appears under its final name only when it is whole, so a run that is killed leaves either nothing or
everything of a file; what is missing is pending at the next run.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.contracts import Contract
from lakehouse.durable import remove_unfinished, sync_and_rename
from lakehouse.ingest.columns import missing_columns, shown_columns
from lakehouse.ingest.copiers import COPIERS, Copiers
from lakehouse.ingest.delimited import LinesAreNotRows
from lakehouse.ingest.guard import Limits, Unreadable
from lakehouse.ingest.landing import Kind, LandingFile, RawName, list_raw, pending
from lakehouse.ingest.readers import kind_of, open_table
from lakehouse.ingest.table import TextTable, schema_of
from lakehouse.sql_text import identifier, literal

ROW_GROUP = 122_880


@dataclass(frozen=True, slots=True)
class Ingested:
    """One landing file that is in raw now."""

    file: str
    rows: int
    kind: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RawFile:
    """A raw file's own account of itself, from its Parquet footer."""

    path: Path
    name: RawName
    source_file: str
    batch: str
    rows: int
    landed_rows: int
    reason: str
    columns: tuple[str, ...]


def ingest_pending(
    contract: Contract,
    landed: Sequence[LandingFile],
    landing: Path,
    raw: Path,
    limits: Limits,
    now: datetime,
    progress: Callable[[Ingested], None] = lambda _: None,
) -> list[Ingested]:
    """Brings every pending file of one feed into raw, in order. A file that changes while it is read is left."""
    held = list_raw(raw, contract.name)
    known = list(held.values())
    contents = _contents(contract, held)
    folder = raw / contract.name
    remove_unfinished(folder)
    latest = max((name.ingested_at for name in known), default=datetime.min.replace(tzinfo=UTC))
    batch = now.isoformat()
    files = pending(landed, known, contract.reading_version)
    done: list[Ingested] = []
    if not files:
        return done
    folder.mkdir(parents=True, exist_ok=True)
    with Copiers(min(COPIERS, len(files))) as copiers:
        writers = []
        for file in files:
            # Strictly increasing, so that the order of files is the order of their time stamps.
            latest = max(now, latest + timedelta(microseconds=1))
            stamp = RawName.stamp_of(latest)
            writers.append(_Writer(copiers, contract, landing / file.path, file, raw, stamp, batch, limits))
        # Copied side by side, published one after the other: a killed run leaves the first so many files of the order.
        for writer, copied in zip(writers, copiers.map(lambda one: one.copy(contents), writers), strict=True):
            ingested = writer.publish(copied, contents)
            if ingested is not None:
                done.append(ingested)
                progress(ingested)
    return done


def read_raw_file(path: Path, name: RawName) -> RawFile:
    """What a raw file says of itself; opens its footer only."""
    file = pq.ParquetFile(path)
    account = json.loads(file.metadata.metadata[b"lakehouse"])
    rows = file.metadata.num_rows
    columns = tuple(shown_columns(file.schema_arrow.names))
    landed = account["resent_rows"] or rows
    return RawFile(path, name, account["file"], account["batch"], rows, landed, account["reason"], columns)


@dataclass(frozen=True, slots=True)
class _Copied:
    """A landing file under a temporary name in raw. Without one, the file vanished or its content is held already."""

    content: str = ""
    temporary: Path | None = None
    rows: int = 0
    reason: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class _Writer:
    copiers: Copiers
    contract: Contract
    path: Path
    file: LandingFile
    raw: Path
    stamp: str
    batch: str
    limits: Limits

    def copy(self, contents: Mapping[str, Path]) -> _Copied:
        """Copies the file beside its final place. `contents`: see `_contents`."""
        try:
            content = _content_hash(self.path)
            if self._held(content, contents) is not None:
                return _Copied(content)
            try:
                temporary, rows, reason = self._rows(content)
            except Unreadable as error:
                return _Copied(content, self._nothing(str(error), 0, content), 0, str(error))
        except FileNotFoundError:
            return _Copied()
        except PermissionError:
            return _Copied(refused="it can't be read: permission denied")
        return _Copied(content, temporary, rows, reason)

    def publish(self, copied: _Copied, contents: dict[str, Path]) -> Ingested | None:
        """Makes the copy a raw file; None when the file changed or vanished meanwhile. Adds to `contents`."""
        content = copied.content
        if copied.refused:
            # Not a raw file: once it can be read, it is pending still.
            return Ingested(self.file.path, 0, "refused", copied.refused)
        held = self._held(content, contents)
        if held is not None:
            # Perhaps published since by a file before this one, which held the same bytes.
            if copied.temporary is not None:
                copied.temporary.unlink()
            rows = int(pq.read_metadata(held).num_rows)
            return self._publish(self._nothing("", rows, content), content, "resend", "", rows)
        if copied.temporary is None:
            return None
        kind: Kind = "rejected" if copied.reason else "rows"
        ingested = self._publish(copied.temporary, content, kind, copied.reason, copied.rows)
        if ingested is not None:
            contents[_content_key(content, kind, self.file.path, self.contract)] = self._final(content, kind)
        return ingested

    def _held(self, content: str, contents: Mapping[str, Path]) -> Path | None:
        """The raw file that these bytes are in already."""
        rejected = _content_key(content, "rejected", self.file.path, self.contract)
        return contents.get(content) or contents.get(rejected)

    def _rows(self, content: str) -> tuple[Path, int, str]:
        """The copied file, its rows, and why it is rejected all the same: rows of no use are kept to be shown."""
        try:
            return self._read(content, careful=False)
        except LinesAreNotRows:
            return self._read(content, careful=True)

    def _read(self, content: str, *, careful: bool) -> tuple[Path, int, str]:
        table = open_table(self.path, self.contract.format, self.limits, careful=careful)
        reason = missing_columns(self.contract, table.columns)
        return *self._copy(table, reason, 0, content), reason

    def _nothing(self, reason: str, resent_rows: int, content: str) -> Path:
        empty = TextTable(schema_of([]), iter(()))
        return self._copy(empty, reason, resent_rows, content)[0]

    def _copy(self, table: TextTable, reason: str, resent_rows: int, content: str) -> tuple[Path, int]:
        temporary = self.raw / self.contract.name / f".{uuid.uuid4().hex}.tmp"
        failure: list[BaseException] = []

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                yield from table.batches
            except (Unreadable, LinesAreNotRows, FileNotFoundError) as error:
                failure.append(error)  # DuckDB would wrap it in an error of its own

        account = json.dumps(
            {
                "file": self.file.path,
                "batch": self.batch,
                "reason": reason,
                "resent_rows": resent_rows,
                "content": content,
            }
        )
        with self.copiers.connection() as connection:
            connection.register("landed", pa.RecordBatchReader.from_batches(table.schema, batches()))
            try:
                connection.execute(
                    _copy_statement(table.columns, temporary, account), [self.file.path, self.stamp]
                )
                copied = connection.fetchone()
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            finally:
                connection.unregister("landed")
        if failure:
            temporary.unlink(missing_ok=True)
            raise failure[0]
        return temporary, int(copied[0]) if copied else 0

    def _publish(self, temporary: Path, content: str, kind: Kind, reason: str, rows: int) -> Ingested | None:
        """Gives the raw file its final name, unless the landing file changed while it was read."""
        try:
            state = self.path.stat(follow_symlinks=False)
        except FileNotFoundError:
            state = None
        if state is None or (state.st_size, state.st_mtime_ns) != (self.file.size, self.file.mtime_ns):
            temporary.unlink()
            return None
        final = self._final(content, kind)
        final.parent.mkdir(exist_ok=True)
        sync_and_rename(temporary, final)
        return Ingested(self.file.path, rows, kind, reason)

    def _final(self, content: str, kind: Kind) -> Path:
        name = RawName(self.stamp, self.file.fingerprint, content, self.contract.reading_version, kind)
        return self.raw / self.contract.name / f"ingest_date={name.ingested_at:%Y-%m-%d}" / str(name)


def _contents(contract: Contract, held: Mapping[Path, RawName]) -> dict[str, Path]:
    """Content -> raw file. A rejected file is known again only where it would be read, and rejected, the same way."""
    contents = {}
    for path, name in held.items():
        if name.kind == "rows":
            contents[name.content] = path
        elif name.kind == "rejected" and name.reading == contract.reading_version:
            source = read_raw_file(path, name).source_file
            contents[_content_key(name.content, "rejected", source, contract)] = path
    return contents


def _content_key(content: str, kind: Kind, file: str, contract: Contract) -> str:
    return f"{content} {kind_of(Path(file), contract.format)}" if kind == "rejected" else content


def _copy_statement(columns: Sequence[str], target: Path, account: str) -> str:
    quoted = [identifier(column) for column in columns]
    # Names belong to the hash, as a mended header changes what a row says; their order in the file doesn't. Lengths
    # keep cells apart whatever they hold, and a null, which concat_ws passes over, from an empty text.
    named = sorted(columns, key=str.casefold)
    parts = ", ".join(
        f"{literal(name.casefold())}, strlen({identifier(name)}), {identifier(name)}"
        for name in [*named, "_text"]
    )
    selected = ", ".join([*quoted, "_text", "_problem"])
    return (
        f"copy (select {selected}, $1::varchar as _source_file, _row_number, "
        f"strptime($2, '%Y%m%dT%H%M%S%f') as _ingested_at, "
        f"md5_number_lower(concat_ws(chr(31), {parts})) as _row_hash from landed) "
        f"to {literal(str(target))} (format parquet, compression zstd, compression_level 1, row_group_size {ROW_GROUP}, "
        f"kv_metadata {{lakehouse: {literal(account)}}})"
    )


def _content_hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
