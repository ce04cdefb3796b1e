"""A Parquet file that appears under its final name once it is whole."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.durable import sync_and_rename


@dataclass
class ParquetFile:
    """Frames go into a temporary file; `close` gives it its name."""

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
