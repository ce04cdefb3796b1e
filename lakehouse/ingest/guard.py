"""A stream of bytes that can be trusted: unpacked with a cap, in UTF-8, without a BOM, and no line too long.

Belongs here: what protects the readers from hostile or broken bytes. Not here: what the bytes mean.
"""

from __future__ import annotations

import codecs
import gzip
import io
import secrets
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

BLOCK = 4 << 20
SHOWN = 4096  # bytes kept of a line that is too long


_MARKS = (
    (codecs.BOM_UTF16_LE, "UTF-16", "16"),
    (codecs.BOM_UTF16_BE, "UTF-16", "16"),
    (codecs.BOM_UTF8, "UTF-8", "utf-8"),
)


class Unreadable(ValueError):
    """A file that can't be read as a whole; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may grow to when unpacked, and how long a row may be."""

    max_expansion_ratio: float
    max_row_bytes: int
    harmless_bytes: int = 64 << 20  # up to this size a high expansion ratio does no harm

    def allows(self, unpacked: int, packed: int) -> bool:
        return unpacked <= self.harmless_bytes or unpacked <= packed * self.max_expansion_ratio


def _new_mark() -> bytes:
    return f"too long {secrets.token_hex(8)}".encode()


@dataclass
class GuardedLines:
    """Blocks of whole UTF-8 lines of a (gzipped) text file, and what was met on the way.

    A line longer than the limit is cut out; the placeholder (`filler` after a mark that no file can foresee) stands
    in its place, so that line counts hold, and its beginning is kept in `too_long`.
    """

    path: Path
    encoding: str
    limits: Limits
    filler: bytes = b""
    newlines: int = 0
    lone_returns: int = 0
    last_line: bytes = b""  # known, as the counts are, once all blocks are read
    too_long: list[str] = field(default_factory=list)
    _mark: bytes = field(default_factory=_new_mark)

    @property
    def ends_in_newline(self) -> bool:
        return self.last_line.endswith(b"\n") or not self.last_line

    @property
    def placeholder(self) -> bytes:
        return self._mark + self.filler

    def blocks(self) -> Iterator[bytes]:
        """Blocks that end at a line's end (the last one aside). Raises Unreadable."""
        rest = b""
        for block in self._decoded():
            cut = block.rfind(b"\n") + 1
            if not cut:
                rest += block
                if len(rest) > self.limits.max_row_bytes:
                    rest = self._shorten(rest)
                continue
            whole = rest + block[:cut]
            self.last_line = whole[whole.rfind(b"\n", 0, -1) + 1 :]
            yield self._checked(whole)
            rest = block[cut:]
        self.last_line = rest or self.last_line
        if rest:
            yield self._checked(rest)

    def _shorten(self, line: bytes) -> bytes:
        # Growing over many blocks: keep just enough to be found too long when the line ends.
        return line[: self.limits.max_row_bytes + 1]

    def _checked(self, block: bytes) -> bytes:
        self.newlines += block.count(b"\n")
        self.lone_returns += block.count(b"\r") - block.count(b"\r\n")
        if not _has_longer_line(block, self.limits.max_row_bytes):
            return block
        lines = block.split(b"\n")
        for position, line in enumerate(lines):
            if len(line) > self.limits.max_row_bytes:
                self.too_long.append(line[:SHOWN].decode("utf-8", "replace"))
                lines[position] = self.placeholder
        return b"\n".join(lines)

    def _decoded(self) -> Iterator[bytes]:
        # UTF-8 is decoded to be validated, and passed on as it is.
        decoder = codecs.getincrementaldecoder(self.encoding)()
        utf8 = self.encoding in ("utf-8", "utf-8-sig")
        is_first = True
        for block in self._unpacked():
            if is_first:
                self._refuse_other_marks(block)
            try:
                text = decoder.decode(block)
            except UnicodeError as error:
                raise Unreadable(_encoding_reason(self.encoding, error)) from error
            decoded = block if utf8 else text.encode()
            yield decoded.removeprefix(codecs.BOM_UTF8) if is_first else decoded
            is_first = False
        try:
            decoder.decode(b"", final=True)
        except UnicodeError as error:
            raise Unreadable(_encoding_reason(self.encoding, error)) from error

    def _refuse_other_marks(self, block: bytes) -> None:
        """A byte order mark tells the encoding: the contract's must not contradict it."""
        for mark, name, fits in _MARKS:
            if block.startswith(mark) and fits not in self.encoding:
                raise Unreadable(
                    f"the file is in {name}, the contract says {self.encoding}: set format.encoding"
                )

    def _unpacked(self) -> Iterator[bytes]:
        packed = self.path.stat().st_size
        if packed == 0:
            raise Unreadable("the file is empty (0 bytes)")
        unpacked = 0
        try:
            with _open(self.path) as stream:
                while block := stream.read(BLOCK):
                    unpacked += len(block)
                    if not self.limits.allows(unpacked, packed):
                        raise Unreadable(
                            f"the file unpacks to more than {self.limits.max_expansion_ratio:g} times its size "
                            f"({packed:,} bytes): stopped after {unpacked:,} bytes"
                        )
                    yield block
        except EOFError as error:
            raise Unreadable("the gzip file is cut off: its end is missing") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise Unreadable(f"the gzip file is damaged ({error})") from error
        if unpacked == 0:
            raise Unreadable("the file is empty once unpacked")


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def _encoding_reason(encoding: str, error: UnicodeError) -> str:
    told = str(error)
    if isinstance(error, UnicodeDecodeError):
        told = f"byte 0x{error.object[error.start]:02x} can't be read"
    return f"the file is not in {encoding}: {told}; set format.encoding in the contract"


def _has_longer_line(block: bytes, limit: int) -> bool:
    start = 0
    while len(block) - start > limit:
        end = block.rfind(b"\n", start, start + limit + 1)
        if end < 0:
            return True
        start = end + 1
    return False


class BlockStream(io.RawIOBase):
    """An iterator of blocks as a readable file, for parsers that want one."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # any writable buffer
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
