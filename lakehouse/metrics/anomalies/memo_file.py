"""What is kept of a group of series between runs, as a file of arrays.

Belongs here: its form, reading and writing. Not here: what may be gone on with (memo.py).
"""

from __future__ import annotations

import dataclasses
import time
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from lakehouse.metrics.anomalies.memo_keys import SIZE, UNSETTLED, Keys
from lakehouse.stats.expected import Course
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.learning import State, Traces
from lakehouse.stats.prepared import Start
from lakehouse.stats.scales import KINDS, Scale
from lakehouse.stats.surprise import Evidence

# Files of series that nobody asked for so long are removed.
FORGOTTEN_AFTER_S = 30 * 86_400.0
# Of a start; see numbers_of.
NUMBERS = 10


@dataclass(frozen=True, slots=True)
class Memo:
    """Settled series: starts (series, NUMBERS); traces and evidence (series, n); states and keys by periods."""

    starts: FloatArray
    traces: Traces
    evidence: Evidence
    states: Mapping[int, State]
    keys: Keys

    @property
    def periods(self) -> tuple[int, ...]:
        return tuple(sorted(self.states))

    def state(self, rows: NDArray[np.intp], periods: int) -> State:
        """Of some of the series after so many periods."""
        classes = np.unique(self.starts[rows, -1].astype(np.int64))
        return self.states[periods].of_rows(rows, classes)

    def course(self, rows: NDArray[np.intp], periods: int) -> Course:
        """What some of the series go on from."""
        starts = tuple(start_of(self.starts[row]) for row in rows)
        traces = Traces(
            *(getattr(self.traces, field.name)[rows, :periods] for field in dataclasses.fields(Traces))
        )
        return Course(starts, traces, (self.state(rows, periods),), {})


def numbers_of(start: Start) -> list[float]:
    """A settled series' start as numbers; its status is ok."""
    one = start.scale
    scale = [KINDS.index(one.kind), one.offset, one.unit, one.least, one.reach, one.grain]
    return [*scale, start.common, start.level, start.noise, start.noise_class]


def start_of(numbers: FloatArray) -> Start:
    """The inverse of numbers_of."""
    kind, offset, unit, least, reach, grain, common, level, noise, noise_class = numbers.tolist()
    scale = Scale(KINDS[int(kind)], offset, unit, least, reach, grain)
    return Start("ok", scale, common, level, noise, int(noise_class))


def write_memo(path: Path, memo: Memo) -> None:
    """Replaces the file, and removes those that nobody asks for any more."""
    arrays: dict[str, Any] = {
        "periods": np.array(memo.periods, dtype=np.int64),
        "starts": memo.starts,
        "p_value": memo.evidence.p_value,
        "direction": memo.evidence.direction.astype(np.int8),
        "window": memo.evidence.window.astype(np.int8),
    }
    for field in dataclasses.fields(Traces):
        arrays[f"traces.{field.name}"] = getattr(memo.traces, field.name)
    for periods, state in memo.states.items():
        # Fixed length; keys may end with zeros, which numpy's strings would lose.
        told = b"".join(key or bytes(SIZE) for key in memo.keys[periods])
        arrays[f"{periods}.keys"] = np.frombuffer(told, dtype=np.uint8).reshape(-1, SIZE)
        for field in dataclasses.fields(State):
            if field.name != "periods":
                arrays[f"{periods}.{field.name}"] = getattr(state, field.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        with unfinished.open("wb") as stream:
            np.savez(stream, **arrays)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    oldest = time.time() - FORGOTTEN_AFTER_S
    for other in [*path.parent.glob("*.npz"), *path.parent.glob(".*.npz.*.tmp")]:
        with suppress(FileNotFoundError):
            if other.stat().st_mtime < oldest:
                other.unlink()


def read_memo(path: Path) -> Memo | None:
    """What was kept; None where nothing was, or where it can't be read: a file half written fails its checksums."""
    try:
        with path.open("rb") as stream:
            return _memo(np.load(stream, allow_pickle=False))
    except (OSError, EOFError, ValueError, LookupError, zipfile.BadZipFile, zlib.error):
        return None


def _memo(found: Mapping[str, NDArray[Any]]) -> Memo:
    states, keys = {}, {}
    for periods in found["periods"].tolist():
        parts = {
            field.name: found[f"{periods}.{field.name}"]
            for field in dataclasses.fields(State)
            if field.name != "periods"
        }
        states[periods] = State(periods, **parts)
        told = found[f"{periods}.keys"]
        keys[periods] = [bytes(key) if key.any() else UNSETTLED for key in told]
    traces = Traces(*(found[f"traces.{field.name}"] for field in dataclasses.fields(Traces)))
    evidence = Evidence(
        found["p_value"], found["direction"].astype(np.int64), found["window"].astype(np.int64)
    )
    return Memo(found["starts"], traces, evidence, states, keys)
