"""From surprises to alerts: evidence, budgets, confidence, and episodes."""

from __future__ import annotations

import numpy as np
import pytest

from lakehouse.stats.calendar_effects import day_features
from lakehouse.stats.confidence import both_tails, confidence, discoveries, level_of_budget
from lakehouse.stats.episodes import Episode, episodes, episodes_of_all, is_recent
from lakehouse.stats.expected import expect
from lakehouse.stats.surprise import evidence

START = 19000
WEEK = np.array([1.0, 0.9, 0.95, 1.0, 1.2, 1.6, 0.7])


def orders(n: int = 300, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.poisson(800 * WEEK[(np.arange(n) + START + 3) % 7] * np.exp(0.05 * rng.normal(size=n))).astype(
        float
    )


def found_in(y: np.ndarray, budget: float = 1.0, **methods: np.ndarray) -> tuple[Episode, ...]:
    model = expect(y, day_features(START + np.arange(len(y))), grain=1)
    return episodes(y, model, evidence(model), level_of_budget(budget), methods=methods)


def test_a_quiet_series_makes_no_alert() -> None:
    assert found_in(orders(), budget=0.5) == ()


def test_a_drop_of_five_days_is_one_alert_with_its_dates_size_and_impact() -> None:
    y = orders()
    usual = y.copy()
    y[200:205] = np.round(y[200:205] * 0.5)
    [episode] = found_in(y)
    assert (episode.start, episode.opened, episode.end, episode.direction) == (200, 200, 204, -1)
    assert episode.size == pytest.approx(-0.5, abs=0.07)
    assert episode.impact == pytest.approx((y - usual)[200:205].sum(), rel=0.15)
    assert episode.impact == pytest.approx(episode.actual - episode.expected)
    assert not episode.is_open


def test_a_day_back_in_the_ordinary_does_not_end_an_episode_and_a_week_does() -> None:
    y = orders()
    y[[200, 201, 203, 220]] *= 0.5
    assert [(one.start, one.end) for one in found_in(y)] == [(200, 203), (220, 220)]


def test_a_shift_that_no_single_day_shows_is_told_once_and_dated() -> None:
    y = orders(400)
    y[250:] *= 0.86
    told = found_in(y)
    assert len(told) == 1
    assert abs(told[0].start - 250) <= 3
    assert told[0].opened <= 260
    assert told[0].direction == -1


def test_coming_back_after_a_week_is_no_alert_of_its_own() -> None:
    y = orders()
    y[200:210] *= 0.5
    assert [one.direction for one in found_in(y)] == [-1]


def test_what_goes_on_at_the_end_is_open() -> None:
    y = orders()
    y[297:] *= 0.5
    [episode] = found_in(y)
    assert episode.is_open
    assert is_recent(episode, len(y))
    assert not is_recent(episode, len(y) + 30)


def test_methods_that_agree_are_named() -> None:
    y = orders()
    y[200] *= 0.4
    agreeing, opposed = np.zeros(300, dtype=int), np.zeros(300, dtype=int)
    agreeing[200], opposed[200] = -1, 1
    [episode] = found_in(y, seasonal=agreeing, fences=opposed, silent=np.zeros(300, dtype=int))
    assert episode.methods == ("seasonal",)


def test_gaps_and_closed_days_within_an_episode_cost_nothing() -> None:
    y = orders()
    y[200:204] *= 0.5
    y[202] = np.nan
    [episode] = found_in(y)
    assert (episode.start, episode.end) == (200, 203)
    assert np.isfinite(episode.impact)


def test_a_series_that_cannot_be_judged_has_no_episodes() -> None:
    for y in (np.zeros(100), np.full(100, np.nan), np.array([5.0])):
        assert found_in(y) == ()


def test_alerts_on_noise_stay_within_the_budget() -> None:
    rng = np.random.default_rng(11)
    n, series = 760, 40
    even = np.exp(6 + 0.1 * rng.normal(size=(series, n)))
    heavy = np.exp(6 + 0.1 * rng.standard_t(5, (series, n)))
    counts = rng.poisson(20, (series, n)).astype(float)
    years = series * (n - 28) / 365.25
    for y, grain in ((even, None), (heavy, None), (counts, 1.0)):
        model = expect(y, day_features(START + np.arange(n)), grain=grain)
        alerts = episodes_of_all(y, model, evidence(model), level_of_budget(2.0))
        assert sum(len(one) for one in alerts) / years < 2 * 1.2


def test_weeks_have_their_own_budget() -> None:
    rng = np.random.default_rng(12)
    n, series = 208, 60
    y = np.exp(6 + 0.06 * rng.normal(size=(series, n)))
    y[0, 150] *= 0.6
    model = expect(y, day_features(START + 7 * np.arange(n), cadence="weekly"))
    found = evidence(model, cadence="weekly")
    told = episodes_of_all(y, model, found, level_of_budget(1.0, periods_per_year=52.18))
    assert 150 in [episode.opened for episode in told[0]]
    assert sum(len(one) for one in told[1:]) / ((series - 1) * (n - 13) / 52.18) < 1.2


def test_unannounced_promotions_make_a_series_deaf_upwards_and_not_downwards() -> None:
    y = orders(700)
    for start in range(40, 690, 25):
        y[start : start + 3] *= 1.5
    model = expect(y, day_features(START + np.arange(700)), grain=1)
    judged = model.surprise[500:]
    upper, lower = both_tails(model.surprise[:500])
    assert upper.p_values(np.array([4.0]))[0] > 3 * lower.p_values(np.array([4.0]))[0]
    assert judged.max() > 3


def test_between_unannounced_promotions_a_drop_is_told_and_they_are_not() -> None:
    y = orders(900)
    starts = 30 + np.cumsum(np.random.default_rng(8).integers(15, 45, 60))
    starts = starts[starts < 880]
    for start in starts:
        y[start : start + 6] *= 1.5
    free = int(starts[starts > 600][3]) - 5
    y[free : free + 3] *= 0.7
    told = [one for one in found_in(y, budget=2.0) if one.start > 400]
    assert any(abs(one.start - free) <= 1 and one.end == free + 2 for one in told if one.direction < 0)
    # Fifteen promotions began since; hardly any is told.
    assert sum(one.direction > 0 for one in told) <= 2
    assert len(told) <= 6


def test_tails_are_drawn_to_the_common_one_by_few_values() -> None:
    few, _ = both_tails(np.array([0.1, -0.2, 0.05]))
    none, _ = both_tails(np.array([]))
    assert few.p_values(np.array([4.0]))[0] == pytest.approx(none.p_values(np.array([4.0]))[0], rel=0.5)
    constant, _ = both_tails(np.zeros(200))
    assert np.isfinite(constant.p_values(np.array([0.0, 5.0]))).all()


def test_heavier_tails_need_larger_surprises() -> None:
    rng = np.random.default_rng(3)
    heavy, _ = both_tails(rng.standard_t(3, 700))
    light, _ = both_tails(rng.normal(size=700))
    assert heavy.p_values(np.array([5.0]))[0] > 5 * light.p_values(np.array([5.0]))[0]


def test_a_side_that_the_middle_has_left_is_no_heavier_for_that() -> None:
    """Counts lie a little above what is expected on a logarithmic scale; a channel that takes no orders has to stand out below."""
    surprises = np.random.default_rng(5).standard_t(7, 700)
    surprises -= np.median(surprises)
    _, lower = both_tails(surprises)
    _, left = both_tails(surprises + 0.3)
    assert left.inverse_df[0] == pytest.approx(lower.inverse_df[0])
    assert left.p_values(np.array([10.0]))[0] == pytest.approx(lower.p_values(np.array([10.0]))[0])


def test_confidence_falls_with_the_p_value_and_stays_between_0_and_1() -> None:
    told = confidence([0.0, 1e-12, 1e-4, 0.01, 0.5, 1.0])
    assert (np.diff(told) <= 0).all()
    assert 0 < told[-1] < 0.1
    assert told[0] <= 1.0
    assert (confidence([1e-3, 0.01], troubles_per_year=20) > confidence([1e-3, 0.01])).all()
    with pytest.raises(ValueError, match="from 0 to 1"):
        confidence([1.5])


def test_many_segments_at_once_make_few_false_discoveries() -> None:
    rng = np.random.default_rng(5)
    false = 0.0
    for _ in range(200):
        p = np.concatenate([rng.random(50), np.full(5, 1e-6)])
        told = discoveries(p) <= 0.1
        assert told[50:].all()
        false += int(told[:50].sum()) / max(int(told.sum()), 1)
    assert false / 200 < 0.12


def test_the_evidence_of_the_last_days_is_the_same_without_that_of_the_others() -> None:
    model = expect(np.stack([orders(), orders(seed=4)]), day_features(START + np.arange(300)), grain=1)
    whole, last = evidence(model), evidence(model, since=297)
    assert (last.p_value[:, 297:] == whole.p_value[:, 297:]).all()
    assert (last.p_value[:, :297] == 1).all()


def test_a_budget_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="alerts_per_year: expected a number above 0"):
        level_of_budget(0)
