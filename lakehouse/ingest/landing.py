"""What lies in landing, what raw already holds, and which files are therefore pending.

The raw folder's file names are the ledger, so listing two folders tells everything: no database is opened, and the
ledger cannot disagree with the data.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart")
Kind = Literal["rows", "rejected", "resend"]
_LINK = "a symbolic link: files are taken from landing itself only"
_STAMP = "%Y%m%dT%H%M%S%f"


# Named tuples, as a tick may make a hundred thousand of each.
class LandingFile(NamedTuple):
    """One file as it lies in landing. Sorted by path, which is the order of ingestion within a run.

    Not by mtime: a copy or a restore scrambles mtimes, and the same files must give the same tables again.
    """

    path: str
    size: int
    mtime_ns: int

    @property
    def feed(self) -> str:
        return self.path.partition("/")[0]

    @property
    def fingerprint(self) -> str:
        """Which file in which state: path, size and mtime."""
        state = f"{self.path}\0{self.size}\0{self.mtime_ns}".encode()
        return hashlib.blake2b(state, digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Refused:
    """Something in landing that is not taken, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    files: tuple[LandingFile, ...]
    refused: tuple[Refused, ...] = ()


class RawName(NamedTuple):
    """What a raw file's name says: `<ingested>-<fingerprint>-<content>-<reading>[.rejected|.resend].parquet`."""

    stamp: str
    fingerprint: str
    content: str
    reading: str
    kind: Kind = "rows"

    def __str__(self) -> str:
        suffix = "" if self.kind == "rows" else f".{self.kind}"
        return f"{self.stamp}-{self.fingerprint}-{self.content}-{self.reading}{suffix}.parquet"

    @property
    def ingested_at(self) -> datetime:
        return datetime.strptime(self.stamp, _STAMP).replace(tzinfo=UTC)

    @staticmethod
    def stamp_of(moment: datetime) -> str:
        return moment.astimezone(UTC).strftime(_STAMP)

    @classmethod
    def parse(cls, name: str) -> RawName | None:
        if not name.endswith(".parquet"):
            return None
        stem, _, kind = name[: -len(".parquet")].partition(".")
        parts = stem.split("-")
        if len(parts) != 4 or kind not in ("", "rejected", "resend"):
            return None
        return cls(parts[0], parts[1], parts[2], parts[3], kind or "rows")  # type: ignore[arg-type]  # one of three


def list_landing(landing: Path, feeds: Iterable[str], settle_seconds: float, now: float) -> Listing:
    """Whole files of the given feeds below `landing`, in no order, and what is refused."""
    found = [one for feed in feeds for one in walk_landing(landing, feed, settle_seconds, now)]
    files = tuple(one for one in found if isinstance(one, LandingFile))
    return Listing(files, tuple(one for one in found if isinstance(one, Refused)))


def walk_landing(
    landing: Path, feed: str, settle_seconds: float, now: float
) -> Iterator[LandingFile | Refused]:
    """One feed's files, one by one. `now`: seconds since the epoch.

    Hidden and unfinished names and files changed within `settle_seconds` are left for a later walk; symbolic
    links are refused, as what they point to may lie outside landing.
    """
    folder = landing / feed
    if folder.is_symlink():
        yield Refused(feed, _LINK)
        return
    settled_before = int((now - settle_seconds) * 1e9)
    ahead = int((now + max(settle_seconds, 1.0)) * 1e9)
    for path, entry in _walk(os.fspath(folder), feed):
        if entry is None:
            yield Refused(path, "a folder that can't be read: permission denied")
            continue
        if not _is_text(path):
            shown = path.encode("utf-8", "backslashreplace").decode()
            yield Refused(shown, "its name is not in UTF-8: rename it")
            continue
        if entry.is_symlink():
            yield Refused(path, _LINK)
            continue
        try:
            state = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if not settled_before < state.st_mtime_ns <= ahead or settle_seconds == 0:
            yield LandingFile(path, state.st_size, state.st_mtime_ns)


def unknown_feeds(landing: Path, feeds: Iterable[str]) -> list[str]:
    """Folders in landing that no contract knows: their files would wait for ever, so they are named."""
    if not landing.is_dir():
        return []
    known = set(feeds)
    return sorted(
        entry.name
        for entry in os.scandir(landing)
        if not entry.name.startswith(".") and entry.name not in known
    )


def _walk(folder: str, shown: str) -> Iterator[tuple[str, os.DirEntry[str] | None]]:
    """Every path below a folder with its entry; None for a folder that may not be listed."""
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return  # nothing has landed, or it vanished since its parent was listed
    except PermissionError:
        yield shown, None
        return
    with entries:
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            path = f"{shown}/{name}"
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, path)
            elif not name.lower().endswith(UNFINISHED) and (
                entry.is_file(follow_symlinks=False) or entry.is_symlink()
            ):
                yield path, entry


def _is_text(path: str) -> bool:
    if path.isascii():
        return True
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def list_raw(raw: Path, feed: str) -> dict[Path, RawName]:
    """A feed's raw files, oldest first."""
    found = ((path, RawName.parse(path.name)) for path in (raw / feed).glob("ingest_date=*/*.parquet"))
    named = {path: name for path, name in found if name is not None}
    return dict(sorted(named.items(), key=lambda item: item[0].name))


def raw_names(raw: Path, feed: str) -> Iterator[RawName]:
    """The same listing as names only, one by one: what a sensor can afford over 100,000 files."""
    folder = raw / feed
    if not folder.is_dir():
        return
    with os.scandir(folder) as partitions:
        for partition in partitions:
            if partition.is_dir() and partition.name.startswith("ingest_date="):
                for name in os.listdir(partition.path):  # noqa: PTH208  names are all that is wanted
                    parsed = RawName.parse(name)
                    if parsed is not None:
                        yield parsed


def pending(landed: Iterable[LandingFile], raw: Iterable[RawName], reading_version: str) -> list[LandingFile]:
    """Landed files of one feed that raw doesn't hold yet, in the order of ingestion.

    A file that was rejected whole is pending again once the contract would read it another way.
    """
    held = {name.fingerprint for name in raw if name.kind != "rejected" or name.reading == reading_version}
    return sorted(file for file in landed if file.fingerprint not in held)
