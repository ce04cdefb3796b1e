"""An answer to an anomaly as a file that lands: one row of the feed of feedback.

Belongs here: the row and its file. Not here: who asks for it (cli_anomalies.py), and what becomes of it (feedback.py).
"""

from __future__ import annotations

import csv
import io
import re
from datetime import date, datetime
from pathlib import Path
from uuid import uuid4

from lakehouse.durable import write_whole
from lakehouse.metrics.anomalies.feedback import FEED, Shown, Verdict, Word

LONGEST_NOTE = 1000


def word_on(
    about: Shown,
    verdict: Verdict,
    *,
    note: str | None,
    by: str | None,
    at: datetime,
    muted_until: date | None = None,
) -> Word:
    """What is said now, under an id that no other has and that sorts by time. at: in UTC."""
    feedback_id = f"{at:%Y%m%dT%H%M%S%f}Z-{uuid4().hex[:8]}"
    return Word(about, verdict, muted_until, note, by, at, feedback_id)


def one_line(note: str) -> str:
    """A note without line breaks and what doesn't print. Raises ValueError for one that is too long."""
    told = " ".join("".join(one if one.isprintable() else " " for one in note).split())
    if len(told) > LONGEST_NOTE:
        raise ValueError(f"expected at most {LONGEST_NOTE:,} characters, found {len(told):,}")
    return told


def land(word: Word, landing: Path) -> Path:
    """Writes the word where the next run takes it. Raises OSError when that can't be done."""
    about = word.about
    row: dict[str, object] = {
        "feedback_id": word.feedback_id,
        "anomaly": about.anomaly,
        "kpi": about.kpi,
        "dimension": about.dimension,
        "segment": about.segment,
        "direction": about.direction,
        "started_on": about.started_on,
        "ended_on": about.ended_on,
        "verdict": word.verdict,
        "muted_until": word.muted_until or "",
        "note": word.note or "",
        "decided_by": word.decided_by or "",
        "decided_at": f"{word.decided_at:%Y-%m-%d %H:%M:%S}",
    }
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(row), lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    name = re.sub(r"[^A-Za-z0-9_.=-]+", "-", about.anomaly)[:80]
    path = landing / FEED / f"{word.feedback_id.partition('-')[0]}-{name}.csv"
    return write_whole(text.getvalue().encode("utf-8"), path)
