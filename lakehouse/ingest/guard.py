"""A stream of bytes that can be trusted: unpacked with a cap, in UTF-8, without a BOM, and no line too long.

Belongs here: what protects the readers from hostile or broken bytes. Not here: what the bytes mean.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

BLOCK = 4 << 20
SMALL = 64 << 20  # below this a high expansion ratio does no harm
SHOWN = 4096  # bytes kept of a line that is too long


class Unreadable(ValueError):
    """A file that can't be read as a whole; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Limits:
    max_expansion_ratio: float
    max_row_bytes: int


@dataclass
class GuardedLines:
    """Blocks of whole UTF-8 lines of a (gzipped) text file, and what was met on the way.

    A line longer than the limit is cut out; `placeholder` bytes stand in its place, so that line counts hold, and
    its beginning is kept in `too_long`.
    """

    path: Path
    encoding: str
    limits: Limits
    placeholder: bytes
    newlines: int = 0
    ends_in_newline: bool = True
    too_long: list[str] = field(default_factory=list)

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
            yield self._checked(rest + block[:cut])
            rest = block[cut:]
        self.ends_in_newline = not rest
        if rest:
            yield self._checked(rest)

    def _shorten(self, line: bytes) -> bytes:
        # Growing over many blocks: keep just enough to be found too long when the line ends.
        return line[: self.limits.max_row_bytes + 1]

    def _checked(self, block: bytes) -> bytes:
        self.newlines += block.count(b"\n")
        if not _has_longer_line(block, self.limits.max_row_bytes):
            return block
        lines = block.split(b"\n")
        for position, line in enumerate(lines):
            if len(line) > self.limits.max_row_bytes:
                self.too_long.append(line[:SHOWN].decode("utf-8", "replace"))
                lines[position] = self.placeholder
        return b"\n".join(lines)

    def _decoded(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(
            self.encoding
        )()  # utf-8: decoded to be validated, passed on as it is
        is_first = True
        utf8 = self.encoding in ("utf-8", "utf-8-sig")
        for block in self._unpacked():
            if is_first:
                is_first = False
                if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and "16" not in self.encoding:
                    raise Unreadable(
                        f"the file is in UTF-16, the contract says {self.encoding}: set format.encoding"
                    )
                if block.startswith(codecs.BOM_UTF8) and utf8:
                    block = block[len(codecs.BOM_UTF8) :]  # noqa: PLW2901  the block without its mark
            try:
                text = decoder.decode(block)
            except UnicodeDecodeError as error:
                raise Unreadable(_encoding_reason(self.encoding, error)) from error
            yield block if utf8 else text.encode()
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise Unreadable(_encoding_reason(self.encoding, error)) from error

    def _unpacked(self) -> Iterator[bytes]:
        packed = self.path.stat().st_size
        if packed == 0:
            raise Unreadable("the file is empty (0 bytes)")
        unpacked = 0
        try:
            with _open(self.path) as stream:
                while block := stream.read(BLOCK):
                    unpacked += len(block)
                    if unpacked > SMALL and unpacked > packed * self.limits.max_expansion_ratio:
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
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _encoding_reason(encoding: str, error: UnicodeDecodeError) -> str:
    byte = error.object[error.start]
    return (
        f"the file is not in {encoding}: byte 0x{byte:02x} can't be read; set format.encoding in the contract"
    )


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
