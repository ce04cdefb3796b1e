"""The landing files: one CSV per feed and month, written whole or not at all.

Belongs here: names, bytes and the record of every file. Doesn't: rows (feeds.py), what is planted (dirt.py).
Files sort by name in the order of their delivery: `orders_2025-03.csv`, then `orders_2025-03_late.csv` (rows
of February) and `orders_2025-03_resent.csv` (the same bytes once more).
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from lakehouse.synth.dirt import Dirt
from lakehouse.synth.plan import Bools, Month
from lakehouse.synth.truth import BadRow, LandedFile

Progress = Callable[[str, int], None]


class Landing:
    """Writes the feeds' files and remembers what it wrote and what is still to come late."""

    def __init__(self, into: Path, dirt: Dirt, progress: Progress | None) -> None:
        self._into = into
        self._dirt = dirt
        self._progress = progress
        self._late: dict[str, tuple[str, pl.DataFrame]] = {}
        self.files: list[LandedFile] = []

    def deliver(self, feed: str, month: Month, rows: pl.DataFrame, may_be_late: Bools | None = None) -> None:
        """Write a month of a feed, then what was late from the month before, then the re-sent copy."""
        may = np.ones(rows.height, dtype=np.bool_) if may_be_late is None else may_be_late
        late = self._dirt.comes_late(feed, month, may)
        waiting = self._late.pop(feed, None)
        if late.any():
            self._late[feed] = (month.label, rows.filter(pl.Series(late)))
            rows = rows.filter(pl.Series(~late))
        landed = self._write(feed, f"{feed}_{month.label}", rows)
        if waiting is not None:
            late_from, late_rows = waiting
            self._write(feed, f"{feed}_{month.label}_late", late_rows, late_from)
        if self._dirt.is_resent(feed, month):
            self._send_again(landed, f"{feed}_{month.label}_resent")
        if self._progress is not None:
            self._progress(feed, rows.height)

    def _write(self, feed: str, name: str, rows: pl.DataFrame, late_from: str | None = None) -> LandedFile:
        path = self._into / feed / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".csv.part")
        bad: tuple[BadRow, ...] = ()
        count = self._dirt.bad_rows(feed, name, rows.height)
        with part.open("wb") as file:
            if count:
                spoilt = self._dirt.plant(feed, name, _csv(rows), count)
                bad = spoilt.bad
                file.write(spoilt.text)
            else:
                rows.write_csv(file, datetime_format="%Y-%m-%d %H:%M:%S", float_precision=2)
        part.replace(path)
        landed = LandedFile(
            feed, f"{feed}/{path.name}", rows.height + len(bad), rows.height, bad, late_from=late_from
        )
        self.files.append(landed)
        return landed

    def _send_again(self, landed: LandedFile, name: str) -> None:
        copy = self._into / landed.feed / f"{name}.csv"
        part = copy.with_suffix(".csv.part")
        shutil.copyfile(self._into / landed.file, part)
        part.replace(copy)
        self.files.append(replace(landed, file=f"{landed.feed}/{copy.name}", copy_of=landed.file))


def _csv(rows: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    rows.write_csv(buffer, datetime_format="%Y-%m-%d %H:%M:%S", float_precision=2)
    return buffer.getvalue()
