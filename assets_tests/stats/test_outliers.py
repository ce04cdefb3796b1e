"""Outliers by methods that know no calendar."""

from __future__ import annotations

import numpy as np
import pytest

from lakehouse.stats.outliers import (
    classical_z,
    generalized_esd,
    iqr_fences,
    largest_classical_z,
    modified_z,
    trailing_z,
    z_scores,
)


def test_a_point_in_its_own_baseline_cannot_pass_three_among_ten_and_out_of_it_can() -> None:
    values = [100.0] * 4 + [101.0] * 5 + [1e6]
    assert classical_z(values).scores.max() <= largest_classical_z(10) < 3
    assert z_scores(values).scores[-1] > 1000


def test_leaving_out_is_the_same_as_computing_without() -> None:
    values = np.random.default_rng(3).lognormal(size=30)
    by_hand = [
        (values[i] - np.delete(values, i).mean()) / np.delete(values, i).std(ddof=1) for i in range(30)
    ]
    assert np.allclose(z_scores(values).scores, by_hand, rtol=1e-9)


def test_values_that_are_all_equal_score_nothing_and_a_lone_one_scores_without_bound() -> None:
    for score in (classical_z, z_scores, modified_z):
        assert score([7.1] * 12).scores.tolist() == [0.0] * 12
    assert z_scores([7.1] * 12 + [7.2]).scores[-1] == np.inf
    assert trailing_z([7.0] * 5 + [6.0], 4).scores[-1] == -np.inf


def test_where_most_values_are_equal_the_mean_deviation_stands_in() -> None:
    scores = modified_z([0.0] * 9 + [10.0]).scores
    assert scores[-1] == pytest.approx(10 / 1.253314)


def test_a_trailing_baseline_holds_neither_the_point_nor_what_follows() -> None:
    values = np.arange(20.0)
    scores = trailing_z(values, 5).scores
    values[15:] = 1e9
    assert (trailing_z(values, 5).scores[:15] == scores[:15]).all()
    assert (scores[:5] == 0).all()


def test_outliers_that_hide_one_another_are_all_found() -> None:
    values = np.concatenate([np.random.default_rng(1).normal(size=50), [9.0, 9.1, 9.2, 9.3]])
    assert set(generalized_esd(values, 6).outliers) == {50, 51, 52, 53}
    assert generalized_esd(np.full(20, 3.0), 3).outliers == ()
    assert iqr_fences(values).is_outside[50:].all()
