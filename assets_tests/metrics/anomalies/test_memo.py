"""What is kept of expectations saves time and changes nothing, whatever happens to the series or to the files."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lakehouse.metrics.anomalies import memo
from lakehouse.metrics.anomalies.memo import judged
from lakehouse.stats.calendar_effects import day_features

START = 19000
Numbers = np.ndarray[Any, np.dtype[np.float64]]


def series(n: int, count: int = 6, seed: int = 1) -> Numbers:
    rng = np.random.default_rng(seed)
    noise = np.exp(rng.uniform(-4, -1, (count, 1)))
    y = 1000 * np.exp(noise * rng.normal(size=(count, n)))
    y[rng.random(y.shape) < 0.02] = np.nan
    return np.asarray(y)


class Judge:
    """Judges with a memo, counts the periods that were gone through, and compares with judging without one."""

    def __init__(self, cache: Path, patched: pytest.MonkeyPatch) -> None:
        self.cache = cache
        self.steps: list[tuple[int, int]] = []

        def watched(values: Any, features: Any, **named: Any) -> Any:
            done = named["resume"].states[-1].periods if named.get("resume") else 0
            self.steps.append((len(values), len(features.days) - done))
            return memo_expect_on(values, features, **named)

        memo_expect_on = memo.expect_on
        patched.setattr(memo, "expect_on", watched)

    def __call__(
        self, y: Numbers, *, events: Numbers | None = None, **calendar: Any
    ) -> list[tuple[int, int]]:
        """(series, periods) of each pass."""
        features = day_features(START + np.arange(y.shape[1]), **calendar)
        self.steps.clear()
        kept, plain = (
            judged(
                y, features, denominators=events, is_share=[False] * len(y), grain=[None] * len(y),
                cadence="daily", cache=cache,
            )
            for cache in (self.cache, None)
        )  # fmt: skip
        for one, other in zip(kept, plain, strict=True):
            for field in fields(one):
                mine, theirs = getattr(one, field.name), getattr(other, field.name)
                assert mine == theirs if isinstance(mine, tuple) else np.array_equal(mine, theirs), field.name
                assert isinstance(mine, tuple) or mine.dtype == theirs.dtype
        return self.steps[:-1]


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judge:
    return Judge(tmp_path / "expectations", monkeypatch)


def test_an_added_day_is_one_step_and_none_is_none(judge: Judge) -> None:
    y = series(143)
    assert judge(y[:, :140]) == [(6, 140)]
    assert judge(y[:, :141]) == [(6, 1)]
    assert judge(y[:, :141]) == [(6, 0)]
    assert judge(y) == [(6, 2)]


def test_what_was_corrected_goes_on_from_before_it_and_the_rest_from_the_end(judge: Judge) -> None:
    y = series(151)
    judge(y[:, :150])
    y[2, 145] *= 2
    assert judge(y) == [(1, 151 - 140), (5, 1)]
    y[3, 20] *= 2
    assert judge(y) == [(1, 151), (5, 0)]


def test_new_and_vanished_series_and_their_order_cost_the_new_ones_only(judge: Judge) -> None:
    y = series(151, 7)
    judge(y[:6, :150])
    assert judge(y[[0, 6, 4, 2]]) == [(1, 151), (3, 1)]


def test_days_that_are_taken_back_are_forgotten(judge: Judge) -> None:
    y = series(150)
    judge(y)
    assert judge(y[:, :146]) == [(6, 6)]


def test_young_series_begin_anew_until_their_first_weeks_are_known(judge: Judge) -> None:
    y = series(120)
    y[0, :80] = np.nan
    judge(y[:, :118])
    assert judge(y[:, :119]) == [(1, 119), (5, 1)]


@pytest.mark.parametrize(
    "other", [{"closed": [START + 60]}, {"holidays": {"Fair": [START + 50]}}, {"promotions": np.eye(150)[40]}]
)
def test_another_calendar_begins_anew(judge: Judge, other: dict[str, Any]) -> None:
    y = series(150)
    judge(y)
    assert judge(y, **other) == [(6, 150)]


def test_other_events_behind_the_values_begin_anew(judge: Judge) -> None:
    y, events = series(150), series(150, seed=2)
    judge(y, events=events)
    events[1, 100] += 1
    assert judge(y, events=events) == [(1, 150), (5, 0)]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a file", b"nonsense"])
def test_a_file_that_cannot_be_read_is_as_none(judge: Judge, content: bytes) -> None:
    y = series(100)
    judge(y)
    (path,) = judge.cache.glob("*.npz")
    whole = path.read_bytes()
    path.write_bytes(content)
    assert judge(y) == [(6, 100)]
    path.write_bytes(whole[: len(whole) // 2])
    assert judge(y) == [(6, 100)]
    path.write_bytes(whole[:3000] + b"\x01" + whole[3001:])
    assert judge(y) == [(6, 100)]


def test_other_code_begins_anew(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    y = series(100)
    judge(y)
    monkeypatch.setattr("lakehouse.metrics.anomalies.memo_keys._code", lambda: b"changed")
    assert judge(y) == [(6, 100)]


def test_no_series_leave_no_file(judge: Judge) -> None:
    assert judge(np.zeros((0, 40))) == [(0, 40)]
    assert not judge.cache.exists()
