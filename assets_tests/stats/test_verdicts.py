"""What simple methods say of each period of a series."""

from __future__ import annotations

import numpy as np
import pytest

from lakehouse.stats.verdicts import seasonal_residuals, trailing_fences, verdicts


def sales(n: int = 210) -> np.ndarray:
    week = np.resize([100.0, 90.0, 95.0, 100.0, 130.0, 160.0, 60.0], n)
    return np.asarray(week + np.random.default_rng(1).normal(0, 3, n))


def test_a_drop_that_is_large_for_its_weekday_is_seen_by_the_seasonal_method_only() -> None:
    y = sales()
    departing = 173
    y[departing] = 100
    told = verdicts(y)
    assert departing % 7 == 5
    assert {name: int(verdict[departing]) for name, verdict in told.items()} == {
        "z-score": 0,
        "IQR fences": 0,
        "seasonal MAD": -1,
    }


def test_a_verdict_hangs_on_no_later_value() -> None:
    y = sales()
    before = verdicts(y)
    y[200:] = 1e6
    after = verdicts(y)
    assert all((before[name][:200] == after[name][:200]).all() for name in before)


def test_a_change_of_the_level_has_its_direction_for_a_round() -> None:
    y = sales()
    y[105:] -= 40
    told = verdicts(y, with_changes=True)["changepoint"]
    assert np.flatnonzero(told).tolist() == list(range(105, 112))
    assert set(told[105:112].tolist()) == {-1}


@pytest.mark.parametrize(
    "y",
    [
        np.zeros(0),
        np.array([3.0]),
        np.full(150, np.nan),
        np.zeros(150),
        np.r_[np.zeros(140), 5.0, np.zeros(9)],
        np.where(np.arange(150) % 3 == 0, np.nan, 5.0),
        np.r_[np.full(140, 2.0), np.inf, np.full(9, -2.0)],
    ],
)
@pytest.mark.parametrize("period", [1, 7])
def test_hostile_series_have_verdicts_without_warnings(y: np.ndarray, period: int) -> None:
    told = verdicts(y, period, with_changes=True)
    assert set(told) == {"z-score", "IQR fences", "seasonal MAD", "changepoint"}
    assert all(len(verdict) == len(y) and set(verdict.tolist()) <= {-1, 0, 1} for verdict in told.values())
    assert all((verdict[~np.isfinite(y)] == 0).all() for verdict in told.values())


def test_short_series_have_no_past_to_be_judged_by() -> None:
    assert not seasonal_residuals(sales(112), 7).any()
    assert trailing_fences([1.0, 2.0, 3.0], 4).tolist() == [0, 0, 0]
