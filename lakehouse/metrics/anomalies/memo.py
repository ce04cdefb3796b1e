"""Expectations and evidence of many series, gone on with from where the last run left them.

Belongs here: which series may be gone on with from which period, and putting old and new together. Not here: the statistics
(stats/expected.py, stats/surprise.py), keys (memo_keys.py), and the file (memo_file.py).

The rule: a series goes on from a period when everything that its expectation hung on up to there is what it was, to the last
bit: its values, the events behind them, the calendar, and the code. Then the outcome is that of beginning anew, to the last
bit, too. What doesn't match, or can't be read, is begun anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lakehouse.metrics.anomalies.memo_file import NUMBERS, Memo, numbers_of, read_memo, write_memo
from lakehouse.metrics.anomalies.memo_keys import UNSETTLED, Keys, group_name, keys_of
from lakehouse.stats.calendar_effects import Cadence, DayFeatures
from lakehouse.stats.expected import Course, Expected, expect_on
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.learning import State, Traces
from lakehouse.stats.surprise import REFIT, Evidence, evidence

# Besides the last period, states after so many whole rounds of REFIT are kept: corrections of the last weeks begin there.
ROUNDS_KEPT = 2
Rows = NDArray[np.intp]
_EXPECTED = tuple(field.name for field in fields(Expected))
_EVIDENCE = tuple(field.name for field in fields(Evidence))


@dataclass(frozen=True, slots=True)
class _Given:
    """What is asked, with its keys by number of periods."""

    values: FloatArray
    features: DayFeatures
    denominators: FloatArray | None
    is_share: tuple[bool, ...]
    grain: tuple[float | None, ...]
    cadence: Cadence
    wanted: tuple[int, ...]

    def of_rows(self, rows: Rows) -> _Given:
        volumes = None if self.denominators is None else self.denominators[rows]
        shares, grains = (tuple(part[i] for i in rows) for part in (self.is_share, self.grain))
        return _Given(
            self.values[rows], self.features, volumes, shares, grains, self.cadence, self.wanted
        )  # fmt: skip

    def expected(self, resume: Course | None, keep: Sequence[int]) -> tuple[Expected, Course]:
        return expect_on(
            self.values, self.features, denominators=self.denominators, is_share=self.is_share,
            grain=self.grain, resume=resume, keep=keep,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Part:
    """The outcome of some of the series; keys: by periods of a state, UNSETTLED for series that can't be gone on with."""

    rows: Rows
    expected: Expected
    evidence: Evidence
    course: Course
    states: dict[int, State]
    keys: Keys


def judged(
    values: FloatArray,
    features: DayFeatures,
    *,
    denominators: FloatArray | None = None,
    is_share: Sequence[bool],
    grain: Sequence[float | None],
    cadence: Cadence,
    cache: Path | None,
) -> tuple[Expected, Evidence]:
    """Expectation and evidence of series on one calendar; arguments as of expect.

    values, denominators: (series, n). cache: the folder in which to keep what the next run may go on from; None: nowhere.
    The outcome doesn't hang on what is kept. Raises ValueError as expect, OSError when the folder can't be written.
    """
    step, n = REFIT[cadence], len(features.days)
    wanted = {n, *((n // step - back) * step for back in range(ROUNDS_KEPT + 1))}
    given = _Given(
        values, features, denominators, tuple(is_share), tuple(grain), cadence,
        tuple(sorted(periods for periods in wanted if periods > 0)[-ROUNDS_KEPT - 1 :]),
    )  # fmt: skip
    if cache is None or not values.size:
        expected, _ = given.expected(None, ())
        return expected, evidence(expected, cadence=cadence)
    path = cache / f"{group_name(values, features, denominators)}.npz"
    memo = read_memo(path)
    known = [] if memo is None else [periods for periods in memo.periods if periods <= n]
    keys = keys_of(
        values, features, denominators, given.is_share, given.grain, sorted({*given.wanted, *known})
    )
    parts = _parts(given, keys, memo)
    whole = _together(parts)
    is_known = memo is not None and {*whole.keys[n]} <= {*memo.keys.get(n, ()), UNSETTLED}
    if not is_known:
        write_memo(path, _memo(whole, given.wanted))
    return whole.expected, whole.evidence


def _parts(given: _Given, keys: Keys, memo: Memo | None) -> list[_Part]:
    """Each series from the last period from which it can be gone on with, those of one such period together."""
    from_periods = np.zeros(len(given.values), dtype=np.int64)
    memo_rows = np.zeros(len(given.values), dtype=np.intp)
    for periods, known in () if memo is None else sorted(memo.keys.items()):
        places = {key: row for row, key in enumerate(known) if key != UNSETTLED}
        for i, key in enumerate(keys.get(periods, ())):
            if key in places:
                from_periods[i], memo_rows[i] = periods, places[key]
    parts = []
    for periods in np.unique(from_periods):
        rows = np.flatnonzero(from_periods == periods)
        own = {count: [found[i] for i in rows] for count, found in keys.items()}
        if periods == 0 or memo is None:
            parts.append(_anew(given.of_rows(rows), rows, own))
        else:
            parts.append(_gone_on(given.of_rows(rows), rows, own, memo, memo_rows[rows], int(periods)))
    return parts


def _anew(given: _Given, rows: Rows, keys: Keys) -> _Part:
    expected, course = given.expected(None, given.wanted)
    states = {state.periods: state for state in course.states}
    found = evidence(expected, cadence=given.cadence)
    return _Part(rows, expected, found, course, states, _settled(keys, course))


def _gone_on(given: _Given, rows: Rows, keys: Keys, memo: Memo, memo_rows: Rows, periods: int) -> _Part:
    before = memo.course(memo_rows, periods)
    expected, course = given.expected(before, [count for count in given.wanted if count > periods])
    kept = {count: memo.state(memo_rows, count) for count in memo.keys if count <= periods}
    states = {**kept, **{state.periods: state for state in course.states}}
    said = {count: [memo.keys[count][row] for row in memo_rows] for count in kept}
    found = Evidence(*(getattr(memo.evidence, name)[memo_rows, :periods] for name in _EVIDENCE))
    if periods < given.values.shape[1]:
        later = evidence(expected, cadence=given.cadence, since=periods)
        pairs = [(getattr(found, name), getattr(later, name)) for name in _EVIDENCE]
        found = Evidence(*(np.hstack([one, other[:, periods:]]) for one, other in pairs))
    return _Part(
        rows, expected, found, course, states, {**said, **_settled(keys, course)}
    )  # fmt: skip


def _settled(keys: Keys, course: Course) -> Keys:
    """The keys of those series that may be gone on with."""
    return {
        periods: [key if is_one else UNSETTLED for key, is_one in zip(keys[periods], settled, strict=True)]
        for periods, settled in course.is_settled.items()
    }


def _together(parts: Sequence[_Part]) -> _Part:
    """All series in their own order."""
    if len(parts) == 1:
        return parts[0]
    places = [part.rows for part in parts]
    order = np.argsort(np.concatenate(places))
    expected = Expected(
        **{name: _joined([getattr(part.expected, name) for part in parts], order) for name in _EXPECTED}
    )
    found = Evidence(
        **{name: _joined([getattr(part.evidence, name) for part in parts], order) for name in _EVIDENCE}
    )
    starts = _joined([part.course.starts for part in parts], order)
    traces = Traces.together([part.course.traces for part in parts], places)
    common = set.intersection(*(set(part.states) for part in parts))
    states = {count: State.together([part.states[count] for part in parts], places) for count in common}
    keys = {count: list(_joined([tuple(part.keys[count]) for part in parts], order)) for count in common}
    return _Part(
        np.sort(np.concatenate(places)), expected, found, Course(starts, traces, (), {}), states, keys
    )


def _joined(parts: Sequence[Any], order: Rows) -> Any:
    """Arrays by series, or tuples, one after the other and then in order."""
    if isinstance(parts[0], tuple):
        whole = [one for part in parts for one in part]
        return tuple(whole[i] for i in order)
    return np.concatenate(parts)[order]


def _memo(whole: _Part, wanted: Sequence[int]) -> Memo:
    """Of the series that may be gone on with."""
    rows = np.array([i for i, key in enumerate(whole.keys[max(wanted)]) if key != UNSETTLED], dtype=np.intp)
    starts = [whole.course.starts[i] for i in rows]
    classes = np.unique(np.array([one.noise_class for one in starts], dtype=np.int64))
    kept = [count for count in wanted if count in whole.states]
    return Memo(
        np.array([numbers_of(one) for one in starts]).reshape(-1, NUMBERS),
        Traces(*(getattr(whole.course.traces, field.name)[rows] for field in fields(Traces))),
        Evidence(*(getattr(whole.evidence, name)[rows] for name in _EVIDENCE)),
        {count: whole.states[count].of_rows(rows, classes) for count in kept},
        {count: [whole.keys[count][i] for i in rows] for count in kept},
    )
