"""Going on from a kept state is going through all periods, to the last bit."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.stats.calendar_effects import DayFeatures, day_features
from lakehouse.stats.expected import Course, Expected, expect, expect_on
from lakehouse.stats.surprise import evidence

START = 19000


def features_of(n: int) -> DayFeatures:
    days = START + np.arange(n)
    holidays = {"Founders' Day": [START + 40, START + 405, START + 770]}
    return day_features(days, holidays=holidays, closed=[START + 33, START + 201])


def series(seed: int, n: int, count: int = 9) -> np.ndarray:
    """Of all sizes and noises, with holes, outages, shifts, lifts, and one closed on Sundays."""
    rng = np.random.default_rng(seed)
    day = START + 3 + np.arange(n)
    noise, size = np.exp(rng.uniform(-4, -0.5, (count, 1))), np.exp(rng.uniform(2, 12, (count, 1)))
    y = size * np.exp(noise * rng.normal(size=(count, n))) * (1 + 0.3 * np.sin(2 * np.pi * day / 7))
    y[rng.random(y.shape) < 0.02] = np.nan
    for i, at in enumerate(rng.integers(60, n, count)):
        y[i, at : at + 3] = 0.0
        y[i, at:] *= rng.uniform(0.5, 2)
    for start in range(30, n - 5, 17):
        y[2:5, start : start + 5] *= 1.8
    y[0, day % 7 == 6] = 0.0
    y[1] -= size[1]
    return y


def assert_same(found: Expected, other: Expected) -> None:
    for field in fields(Expected):
        one, two = getattr(found, field.name), getattr(other, field.name)
        assert one == two if isinstance(one, tuple) else (one == two).all(), field.name


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(70, 219), min_size=1, max_size=3, unique=True).map(sorted),
    denominators=st.sampled_from([None, 50]),
)
def test_days_added_in_any_portions_give_what_all_at_once_give(
    seed: int, cuts: list[int], denominators: int | None
) -> None:
    n = 220
    y = series(seed, n)
    events = (
        np.random.default_rng(seed).poisson(denominators or 1, y.shape).astype(float)
        if denominators
        else None
    )
    grain = [None, None, 1.0] * 3
    whole = expect(y, features_of(n), denominators=events, grain=grain)
    course: Course | None = None
    for cut in [*cuts, n]:
        part = None if events is None else events[:, :cut]
        found, course = expect_on(
            y[:, :cut], features_of(cut), denominators=part, grain=grain, resume=course, keep=[cut]
        )
        settled = course.is_settled[cut]
        # From here on with the settled ones only.
        rows = np.flatnonzero(settled)
        y, whole, grain = y[rows], of_rows(whole, rows), [grain[i] for i in rows]
        events = None if events is None else events[rows]
        state = course.states[-1]
        course = Course(
            tuple(course.starts[i] for i in rows),
            type(course.traces)(*(getattr(course.traces, one.name)[rows] for one in fields(course.traces))),
            (state.of_rows(rows, np.unique([course.starts[i].noise_class for i in rows])),),
            {},
        )
        found = of_rows(found, rows)
    assert len(y) >= 4
    assert_same(found, whole)


def of_rows(found: Expected, rows: np.ndarray) -> Expected:
    parts = {
        field.name: tuple(one[i] for i in rows) if isinstance(one, tuple) else one[rows]
        for field in fields(Expected)
        if (one := getattr(found, field.name)) is not None
    }
    return Expected(**parts)


def test_a_series_hangs_on_no_other_to_the_last_bit() -> None:
    y = series(3, 200, 13)
    whole = expect(y, features_of(200))
    for rows in ([5], [2, 9, 11], list(range(12, -1, -1))):
        assert_same(expect(y[rows], features_of(200)), of_rows(whole, np.array(rows)))


def test_evidence_of_the_last_days_alone_is_that_of_all_days() -> None:
    found = expect(series(4, 200), features_of(200))
    whole = evidence(found)
    for since in (100, 140, 199):
        late = evidence(found, since=since)
        for name in ("p_value", "direction", "window"):
            assert (getattr(late, name)[:, since:] == getattr(whole, name)[:, since:]).all()


@pytest.mark.parametrize("n", [30, 56, 57, 90])
def test_what_first_weeks_may_still_change_is_not_settled(n: int) -> None:
    y = np.stack([series(5, n + 60, 2)[1], np.zeros(n + 60)])
    y[1, n + 1 :] = 5.0
    _, course = expect_on(y[:, :n], features_of(n), keep=[n])
    assert course.is_settled[n].tolist() == [n > 62, False]
