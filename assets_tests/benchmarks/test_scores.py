"""The rules by which detectors are scored: the Numenta benchmark's, and episodes on daily KPIs."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks.signals.detectors import joined, ours, rolling_z
from benchmarks.signals.kpis import UNTOUCHED, Injected, injected, made
from benchmarks.signals.nab import PROFILES, Stream, normalised, position_weight, raw_score, read_streams
from benchmarks.signals.scoring import Score

STANDARD, LOW_FP, LOW_FN = PROFILES


def stream(n: int = 1000, *windows: tuple[int, int]) -> Stream:
    times = tuple(datetime(2026, 1, 1) + timedelta(minutes=5 * i) for i in range(n))
    return Stream("one", times, np.zeros(n), windows)


def test_a_null_detector_scores_0_and_a_perfect_one_100() -> None:
    streams = [stream(1000, (300, 399), (600, 699)), stream(1000)]
    never = [np.array([], dtype=int)] * 2
    at_once = [np.array([300, 600]), np.array([], dtype=int)]
    for profile in PROFILES:
        assert normalised(streams, never, profile) == pytest.approx(0)
        assert normalised(streams, at_once, profile) == pytest.approx(100)


def test_late_counts_less_and_twice_counts_once() -> None:
    one = stream(1000, (300, 399))
    early, late, last = (raw_score(one, np.array([at]), STANDARD) for at in (300, 380, 399))
    assert early > late > last > 0
    assert raw_score(one, np.array([300, 301, 350]), STANDARD) == early


def test_a_false_alarm_costs_less_just_behind_a_window_than_far_from_any() -> None:
    one = stream(1000, (300, 399))
    missed = raw_score(one, np.array([], dtype=int), STANDARD)
    behind, far, before = (raw_score(one, np.array([at]), STANDARD) - missed for at in (405, 900, 200))
    assert 0 > behind > far
    assert (far, before) == pytest.approx((-0.11, -0.11))
    assert raw_score(one, np.array([900]), LOW_FP) - missed == pytest.approx(-0.22)


def test_a_missed_window_costs_twice_where_that_is_asked_for() -> None:
    one = stream(1000, (300, 399))
    assert raw_score(one, np.array([], dtype=int), LOW_FN) == 2 * raw_score(
        one, np.array([], dtype=int), STANDARD
    )


def test_alarms_of_the_probation_are_not_scored() -> None:
    one = stream(1000, (300, 399))
    assert raw_score(one, np.array([10, 149]), STANDARD) == raw_score(one, np.array([], dtype=int), STANDARD)
    assert stream(22000).probation == 750


def test_the_weight_is_that_of_the_paper() -> None:
    # Its figure: .98661 at the start of a window, 0 at its end, -1 far behind.
    assert position_weight(-1) == pytest.approx(0.98661, abs=1e-5)
    assert position_weight(0) == 0
    assert position_weight(3.1) == -1


def test_the_published_series_have_58_names_and_116_windows(shared_data: Path) -> None:
    streams = read_streams(shared_data / "data" / "metrics")
    assert len(streams) == 58
    assert sum(len(one.windows) for one in streams) == 116
    assert all(0 <= first <= last < len(one.values) for one in streams for first, last in one.windows)


def test_days_in_a_row_are_one_alert() -> None:
    flags = np.zeros(30, dtype=bool)
    flags[[3, 4, 6, 12, 29]] = True
    assert joined(flags) == [(3, 7), (12, 13), (29, 30)]


def test_alerts_are_right_false_or_missing() -> None:
    score = Score()
    troubles = (Injected("drop", 200, 203), Injected("spike", 300, 301), Injected("shift", 400, 414))
    score.add([(10, 12), (199, 201), (202, 204), (350, 351), (405, 460)], troubles, years=2.0)
    assert (score.found, score.missed, score.right, score.false) == (2, 1, 3, 1)
    assert score.false_per_year == 0.5
    assert score.recall == pytest.approx(2 / 3)
    assert score.by_kind == {"drop": [1, 1], "spike": [0, 1], "shift": [1, 1]}


def test_made_series_hold_the_troubles_that_are_said_and_no_others() -> None:
    plain = next(made(1))
    troubled = injected(plain, 1)
    changed = np.flatnonzero(plain.values != troubled.values)
    assert changed.min() >= UNTOUCHED
    drops = [one for one in troubled.troubles if one.kind == "drop 50 %"]
    assert len(drops) == 3
    assert {one.kind for one in troubled.troubles} == {"drop 30 %", "drop 50 %", "spike 40 %", "shift 20 %"}
    assert (injected(plain, 1).values == troubled.values).all()


def test_on_a_made_series_ours_finds_more_with_fewer_false_alerts_than_a_rolling_z() -> None:
    kpis = [injected(kpi, 2) for kpi in made(2, count=4)]
    scores = {}
    for name, detector in (("ours", ours), ("z", rolling_z)):
        scores[name] = Score()
        for kpi in kpis:
            scores[name].add(detector(kpi), kpi.troubles, kpi.years)
    assert scores["ours"].f1 > 0.4 > scores["z"].f1
    assert scores["ours"].false_per_year < 4
