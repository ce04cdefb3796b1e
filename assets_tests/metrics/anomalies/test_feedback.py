"""To which anomalies a word applies: the one it was said of, the same one under another name, and the like of a muted one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import duckdb
import pytest

from lakehouse.metrics.anomalies.feedback import Said, Shown, Verdict, Word, last_words, said


def shown(name: str, started_on: str, ended_on: str, **others: str) -> Shown:
    common = {"kpi": "total_revenue", "dimension": "country", "segment": "DE", "direction": "down"}
    return Shown(
        anomaly=name,
        started_on=date.fromisoformat(started_on),
        ended_on=date.fromisoformat(ended_on),
        **{**common, **others},
    )


FIRST = shown("a1", "2026-03-01", "2026-03-03")


def word(
    verdict: Verdict, about: Shown = FIRST, *, at: int = 1, until: str | None = None, note: str | None = "why"
) -> Word:
    muted = None if until is None else date.fromisoformat(until)
    return Word(about, verdict, muted, note, "ada", datetime(2026, 3, 4, at), f"f{at}")


@pytest.mark.parametrize(
    ("verdict", "status"),
    [("mute", "muted"), ("confirm", "confirmed"), ("expected", "expected"), ("reopen", None)],
)
def test_a_word_applies_to_the_anomaly_it_was_said_of(verdict: Verdict, status: str | None) -> None:
    assert said([FIRST], [word(verdict)]) == [Said(status, "why")]


def test_what_nobody_spoke_of_has_neither_status_nor_note() -> None:
    assert said([FIRST], []) == [Said(None, None)]
    assert said([], [word("confirm")]) == []


def test_late_data_that_move_an_anomaly_do_not_lose_what_was_said() -> None:
    moved = shown("a0", "2026-02-28", "2026-03-01")
    assert said([moved], [word("expected")]) == [Said("expected", "why")]


@pytest.mark.parametrize(
    "other",
    [
        shown("a2", "2026-03-04", "2026-03-05"),
        shown("a2", "2026-02-20", "2026-02-28"),
        shown("a2", "2026-03-02", "2026-03-02", direction="up"),
        shown("a2", "2026-03-02", "2026-03-02", segment="FR"),
        shown("a2", "2026-03-02", "2026-03-02", dimension="", segment=""),
        shown("a2", "2026-03-02", "2026-03-02", kpi="order_count"),
    ],
)
def test_other_days_segments_directions_and_kpis_are_other_anomalies(other: Shown) -> None:
    assert said([other], [word("confirm"), word("expected")]) == [Said()]


def test_a_mute_reaches_the_like_of_it_that_starts_through_its_last_day() -> None:
    later = [
        shown("a2", "2026-03-10", "2026-04-20"),
        shown("a3", "2026-03-31", "2026-03-31"),
        shown("a4", "2026-04-01", "2026-04-01"),
        shown("a5", "2026-02-01", "2026-02-02"),
        shown("a6", "2026-03-10", "2026-03-10", direction="up"),
    ]
    found = said(later, [word("mute", until="2026-03-31")])
    assert [one.status for one in found] == ["muted", "muted", None, None, None]


def test_a_mute_without_a_last_day_is_of_that_anomaly_alone() -> None:
    later = shown("a2", "2026-03-10", "2026-03-11")
    assert [one.status for one in said([FIRST, later], [word("mute")])] == ["muted", None]


def test_a_last_day_of_another_verdict_mutes_nothing() -> None:
    later = shown("a2", "2026-03-10", "2026-03-11")
    assert said([later], [word("confirm", until="2026-03-31")]) == [Said()]


def test_its_own_word_comes_before_the_mute_of_another() -> None:
    later = shown("a2", "2026-03-10", "2026-03-11")
    words = [word("mute", until="2026-03-31", at=9), word("reopen", later, at=5, note="look")]
    assert said([later], words) == [Said(None, "look")]


def test_of_words_on_anomalies_that_overlap_the_latest_counts() -> None:
    moved = shown("a0", "2026-02-28", "2026-03-05")
    words = [word("confirm", at=7), word("expected", shown("a9", "2026-03-05", "2026-03-06"), at=3)]
    assert said([moved], words) == said([moved], words[::-1]) == [Said("confirmed", "why")]


def test_overlap_comes_before_a_mute_from_afar() -> None:
    before = shown("a9", "2026-01-01", "2026-01-02")
    words = [word("mute", before, until="2026-04-01", at=9), word("confirm", at=2)]
    assert said([replace(FIRST, anomaly="a0")], words) == [Said("confirmed", "why")]


COLUMNS = (
    "feedback_id varchar, anomaly varchar, kpi varchar, dimension varchar, segment varchar, direction varchar, "
    "started_on date, ended_on date, verdict varchar, muted_until date, note varchar, decided_by varchar, "
    "decided_at timestamp"
)


@pytest.fixture
def landed() -> Callable[..., tuple[Word, ...]]:
    """The last words of rows: (feedback_id, anomaly, verdict, decided_at)."""

    def read(*rows: tuple[str, str, str, str]) -> tuple[Word, ...]:
        with duckdb.connect(":memory:") as connection:
            connection.execute(f"create table stg_anomaly_feedback ({COLUMNS})")
            for feedback_id, anomaly, verdict, at in rows:
                connection.execute(
                    "insert into stg_anomaly_feedback values "
                    "(?, ?, 'mrr', null, null, 'up', '2026-01-01', '2026-01-02', ?, null, null, 'ada', ?)",
                    [feedback_id, anomaly, verdict, at],
                )
            return last_words(connection)

    return read


def test_the_last_word_counts_by_time_and_then_by_id(landed: Any) -> None:
    found = landed(
        ("f3", "a1", "confirm", "2026-01-05 09:00:00"),
        ("f9", "a1", "mute", "2026-01-05 08:00:00"),
        ("f1", "a2", "confirm", "2026-01-05 09:00:00"),
        ("f2", "a2", "reopen", "2026-01-05 09:00:00"),
    )
    assert [(one.about.anomaly, one.verdict, one.feedback_id) for one in found] == [
        ("a2", "reopen", "f2"),
        ("a1", "confirm", "f3"),
    ]
    assert (found[0].about.dimension, found[0].about.segment) == ("", "")


def test_feedback_that_never_landed_is_no_word() -> None:
    with duckdb.connect(":memory:") as connection:
        assert last_words(connection) == ()
