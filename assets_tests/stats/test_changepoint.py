"""Changes of a level in a whole history."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.signal import lfilter

from lakehouse.stats.changepoint import changepoints, long_run_deviation, pelt, penalty


def test_changes_are_found_where_they_are() -> None:
    x = np.random.default_rng(1).normal(size=300)
    x[100:] += 4
    x[200:] -= 6
    found = changepoints(x)
    assert len(found.at) == 2
    assert abs(found.at[0] - 100) <= 1
    assert abs(found.at[1] - 200) <= 1
    assert found.levels == pytest.approx((0, 4, -2), abs=0.4)


@pytest.mark.parametrize("phi", [0.0, 0.5])
def test_noise_seldom_shows_a_change_white_or_not(phi: float) -> None:
    noise = np.random.default_rng(2).normal(size=(150, 365))
    series = lfilter([1.0], [1.0, -phi], noise, axis=1)
    assert np.mean([len(changepoints(x).at) > 0 for x in series]) < 0.1


def test_a_lone_spike_is_no_change() -> None:
    x = np.random.default_rng(3).normal(size=200)
    x[100] += 50
    assert changepoints(x).at == ()


def test_pruning_finds_the_best_of_all_segmentations() -> None:
    x = np.random.default_rng(4).normal(size=40)
    x[15:] += 1.5
    x[25:] -= 2

    def cost(at: tuple[int, ...]) -> float:
        edges = [0, *at, len(x)]
        parts = [x[a:b] for a, b in itertools.pairwise(edges)]
        return sum(float(((part - part.mean()) ** 2).sum()) for part in parts) + 4.0 * len(at)

    best = np.inf
    for first in range(1, 40):
        best = min(best, cost((first,)), *(cost((first, second)) for second in range(first + 1, 40)))
    assert cost(pelt(x, 4.0)) <= min(best, cost(())) + 1e-9


def test_longer_histories_and_lower_levels_ask_for_more() -> None:
    assert penalty(100, 7, 0.05) < penalty(1000, 7, 0.05) < penalty(1000, 7, 0.01)


def test_a_change_of_level_is_no_noise() -> None:
    x = np.random.default_rng(5).normal(size=1000)
    plain = long_run_deviation(x)
    x[500:] += 100
    assert long_run_deviation(x) == pytest.approx(plain, rel=0.05)


@pytest.mark.parametrize(
    ("x", "status", "changes"),
    [
        ([], "fewer than 14 values", 0),
        ([3.0], "fewer than 14 values", 0),
        ([2.0] * 50, "ok", 0),
        ([0.0] * 25 + [1.0] * 25, "ok", 1),
    ],
)
def test_short_and_constant_series_have_an_answer(x: list[float], status: str, changes: int) -> None:
    found = changepoints(x)
    assert (found.status, len(found.at)) == (status, changes)
