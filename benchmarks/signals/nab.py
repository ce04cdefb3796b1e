"""The Numenta Anomaly Benchmark's own score: early detections count more, and every false one costs.

Belongs here: the scoring rule, written from its paper, and the files. Not here: detectors (streams.py).
Source: Lavin & Ahmad (2015), Evaluating real-time anomaly detection algorithms, ICMLA 38-44.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from lakehouse.stats.guards import FloatArray

# The first 15 % of a series, up to 750 points, are for learning; nothing there is scored.
PROBATION, LONGEST_PROBATION = 0.15, 750


@dataclass(frozen=True, slots=True)
class Profile:
    """What a detection in a window brings, and a false one and a missed window cost."""

    name: str
    found: float
    false: float
    missed: float


PROFILES = (
    Profile("standard", 1.0, 0.11, 1.0),
    Profile("reward low FP", 1.0, 0.22, 1.0),
    Profile("reward low FN", 1.0, 0.11, 2.0),
)


@dataclass(frozen=True, slots=True)
class Stream:
    """One series: values (n,), and its windows as positions, both ends included."""

    name: str
    times: tuple[datetime, ...]
    values: FloatArray
    windows: tuple[tuple[int, int], ...]

    @property
    def probation(self) -> int:
        return probation(len(self.values))


def probation(n: int) -> int:
    return int(min(PROBATION * n, LONGEST_PROBATION))


def read_streams(folder: Path) -> list[Stream]:
    """All series with their windows from nab.parquet and nab_windows.json."""
    labels = json.loads((folder / "nab_windows.json").read_text(encoding="utf-8"))
    frame = pl.read_parquet(folder / "nab.parquet")
    streams = []
    for (name,), rows in frame.partition_by("series", as_dict=True, maintain_order=True).items():
        times = rows["timestamp"].to_list()
        at = rows["timestamp"].to_numpy()
        windows = []
        for first, last in labels[str(name)]:
            ends = [np.datetime64(datetime.fromisoformat(end)) for end in (first, last)]
            windows.append(
                (int(np.searchsorted(at, ends[0])), int(np.searchsorted(at, ends[1], side="right")) - 1)
            )
        streams.append(
            Stream(str(name), tuple(times), rows["value"].to_numpy().astype(float), tuple(windows))
        )
    return streams


def position_weight(place: float) -> float:
    """Of a detection at `place` window lengths after a window's end (negative inside it): near 1 at its start, 0 at the end,

    near -1 far behind.
    """
    return 2 / (1 + float(np.exp(min(5 * place, 50.0)))) - 1 if place <= 3 else -1.0


def raw_score(stream: Stream, alarms: FloatArray, profile: Profile) -> float:
    """The score of one series; alarms: positions.

    Within a window its earliest alarm counts, by its place; one outside costs by its distance from the window before it;
    a window without any costs the miss.
    """
    score = 0.0
    scored = np.asarray(alarms)[np.asarray(alarms) >= stream.probation]
    for first, last in stream.windows:
        inside = scored[(scored >= first) & (scored <= last)]
        # At a window's very start the weight is that of the whole window before its end.
        length = last - first + 1
        score += (
            profile.found * position_weight((int(inside.min()) - last - 1) / length) / position_weight(-1.0)
            if len(inside)
            else -profile.missed
        )
    for alarm in scored:
        if any(first <= alarm <= last for first, last in stream.windows):
            continue
        before = [window for window in stream.windows if window[1] < alarm]
        if not before:
            score -= profile.false
            continue
        first, last = before[-1]
        span = max(last - first, 1)
        score += profile.false * position_weight((int(alarm) - last) / span)
    return score


def normalised(streams: list[Stream], alarms: list[FloatArray], profile: Profile) -> float:
    """The score of all series together: 0 for a detector that never alarms, 100 for one that always does at once."""
    raw = sum(raw_score(stream, found, profile) for stream, found in zip(streams, alarms, strict=True))
    windows = sum(len(stream.windows) for stream in streams)
    null, perfect = -profile.missed * windows, profile.found * windows
    return 100 * (raw - null) / (perfect - null)
