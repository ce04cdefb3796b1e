"""What people said of anomalies: the last word on each, and to which anomalies it applies.

Belongs here: reading the landed feedback, and judging by it. Not here: landing it (cli_anomalies.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import duckdb

from lakehouse.sql_text import literal
from lakehouse.warehouse.build import absent_tables

FEED = "anomaly_feedback"
TABLE = f"stg_{FEED}"
Verdict = Literal["mute", "confirm", "expected", "reopen"]
STATUSES: dict[Verdict, str | None] = {
    "mute": "muted",
    "confirm": "confirmed",
    "expected": "expected",
    "reopen": None,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """An anomaly that a word may be said of. dimension, segment: empty for the whole."""

    anomaly: str
    kpi: str
    dimension: str
    segment: str
    direction: str
    started_on: date
    ended_on: date

    @property
    def series(self) -> tuple[str, str, str, str]:
        return self.kpi, self.dimension, self.segment, self.direction


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody said of an anomaly as it then stood."""

    about: Shown
    verdict: Verdict
    muted_until: date | None
    note: str | None
    decided_by: str | None
    decided_at: datetime
    feedback_id: str

    @property
    def order(self) -> tuple[datetime, str]:
        return self.decided_at, self.feedback_id


@dataclass(frozen=True, slots=True)
class Said:
    """status: muted, confirmed, expected, or None where nobody judged it or it was opened again. note: why."""

    status: str | None = None
    note: str | None = None


def last_words(connection: duckdb.DuckDBPyConnection) -> tuple[Word, ...]:
    """The last word on each anomaly, by when it was said; none where no feedback has landed."""
    return () if absent_tables(connection, [TABLE]) else _last_words(connection, TABLE)


def staged_words(staging: Path) -> tuple[Word, ...]:
    """The same from the staged files, for whoever can't open the warehouse: a reader there would block the writer."""
    files = sorted((staging / FEED).glob("*.parquet"))
    if not files:
        return ()
    with duckdb.connect(":memory:") as connection:
        listed = ", ".join(literal(path) for path in files)
        return _last_words(connection, f"read_parquet([{listed}], union_by_name = true)")


def _last_words(connection: duckdb.DuckDBPyConnection, source: str) -> tuple[Word, ...]:
    rows = connection.execute(
        f"""
        select anomaly, kpi, coalesce(dimension, ''), coalesce(segment, ''), direction, started_on, ended_on,
            verdict, muted_until, note, decided_by, decided_at, feedback_id
        from {source}
        qualify row_number() over (partition by anomaly order by decided_at desc, feedback_id desc) = 1
        order by decided_at, feedback_id
        """
    ).fetchall()
    return tuple(Word(Shown(*row[:7]), *row[7:]) for row in rows)


def said(anomalies: Iterable[Shown], words: Iterable[Word]) -> list[Said]:
    """What holds for each anomaly, in their order. words: the last on each anomaly.

    The word on an anomaly itself comes first. Then the latest on one of the same KPI, segment and direction whose days
    overlap: late data may have moved its first day and with it its name. Then a mute that reaches the day it started on.
    """
    own: dict[str, Word] = {}
    by_series: defaultdict[tuple[str, str, str, str], list[Word]] = defaultdict(list)
    for word in sorted(words, key=lambda one: one.order):
        own[word.about.anomaly] = word
        by_series[word.about.series].append(word)
    return [_judged(one, own.get(one.anomaly), by_series.get(one.series, ())) for one in anomalies]


def _judged(anomaly: Shown, own: Word | None, alike: Sequence[Word]) -> Said:
    """alike: words on the same series and direction, the latest last."""
    overlapping = [
        word
        for word in alike
        if word.about.started_on <= anomaly.ended_on and anomaly.started_on <= word.about.ended_on
    ]
    muting = [
        word
        for word in alike
        if word.muted_until is not None
        and word.verdict == "mute"
        and word.about.started_on < anomaly.started_on <= word.muted_until
    ]
    for word in [own, *overlapping[::-1], *muting[::-1]]:
        if word is not None:
            return Said(STATUSES[word.verdict], word.note)
    return Said()
