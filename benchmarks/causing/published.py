"""The published cases of root causes, read from the shared data.

Belongs here: reading files into cases. Not here: cases of one's own (worlds.py).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from benchmarks.causing.worlds import Case, Segment


def additive_file(cases: Path, truth: Path) -> Iterator[Case]:
    """One case per row of the truth; its column `set` holds a=a1&b=b2;c=c3."""
    frames = pl.read_parquet(cases).partition_by("timestamp", as_dict=True)
    with truth.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            causes = tuple(("volume", _segment(text)) for text in row["set"].split(";"))
            yield Case(frames[(int(row["timestamp"]),)], f"noise {row['noise_level']}", causes)


def ratio_file(cases: Path, truth: Path) -> Iterator[Case]:
    frames = pl.read_parquet(cases).partition_by("case", as_dict=True)
    for entry in json.loads(truth.read_text(encoding="utf-8")):
        causes = tuple((cause["effect"], frozenset(cause["segment"].items())) for cause in entry["causes"])
        yield Case(frames[(entry["case"],)], entry["kind"], causes)


def _segment(text: str) -> Segment:
    return frozenset((part.split("=")[0], part.split("=")[1]) for part in text.split("&"))
