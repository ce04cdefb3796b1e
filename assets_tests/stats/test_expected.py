"""What a day should have been, from the days before it."""

from __future__ import annotations

import numpy as np
import pytest

from lakehouse.stats.calendar_effects import day_features
from lakehouse.stats.expected import Expected, expect

START = 19000  # a Friday
WEEK = np.array([1.0, 0.9, 0.95, 1.0, 1.2, 1.6, 0.7])


def sales(n: int, seed: int = 1, noise: float = 0.08) -> np.ndarray:
    """Revenue with a weekly season; weekday 0 of WEEK is a Monday."""
    rng = np.random.default_rng(seed)
    return np.asarray(1000 * WEEK[(np.arange(n) + START + 3) % 7] * np.exp(noise * rng.normal(size=n)))


def holds_no_nan(found: Expected) -> bool:
    parts = (found.center, found.low, found.high, found.surprise, found.spread, found.learned)
    return all(np.isfinite(part).all() for part in parts)


def test_a_drop_is_surprising_on_its_day_and_not_after() -> None:
    y = sales(200)
    y[150] *= 0.5
    found = expect(y, day_features(START + np.arange(200)))
    assert found.surprise[150] < -5
    assert np.abs(found.surprise[151:165]).max() < 4
    assert found.center[150] == pytest.approx(1000 * WEEK[(150 + START + 3) % 7], rel=0.1)


def test_what_is_expected_of_a_day_hangs_on_no_later_day() -> None:
    y = sales(300)
    features = day_features(START + np.arange(300))
    before = expect(y, features)
    y[200:] *= np.linspace(0.1, 10, 100)
    after = expect(y, features)
    for part in ("center", "low", "high"):
        assert (getattr(before, part)[:201] == getattr(after, part)[:201]).all()
    assert (before.surprise[:200] == after.surprise[:200]).all()


def test_adding_a_day_changes_nothing_that_was_said() -> None:
    y = sales(200)
    whole = expect(y, day_features(START + np.arange(200)))
    shorter = expect(y[:-1], day_features(START + np.arange(199)))
    assert np.allclose(whole.surprise[:-1], shorter.surprise, rtol=1e-9, atol=1e-12)


def test_a_shift_is_surprising_for_two_weeks_at_most_and_then_is_the_level() -> None:
    y = sales(260)
    y[150:] *= 0.4
    found = expect(y, day_features(START + np.arange(260)))
    assert (found.surprise[150:153] < -4).all()
    assert np.abs(found.surprise[168:]).mean() < 1.5
    assert found.center[200:] == pytest.approx(
        0.4 * 1000 * WEEK[(np.arange(200, 260) + START + 3) % 7], rel=0.2
    )


def test_the_interval_keeps_its_coverage() -> None:
    rng = np.random.default_rng(5)
    y = np.stack([sales(700, seed) for seed in range(20)] + [300 * np.exp(0.1 * rng.standard_t(3, 700))])
    found = expect(y, day_features(START + np.arange(700)), coverage=0.9)
    inside = (y >= found.low) & (y <= found.high)
    assert inside[:, 100:].mean() == pytest.approx(0.9, abs=0.02)


def test_a_holiday_of_last_year_is_expected_this_year_and_an_unknown_one_has_a_wide_interval() -> None:
    y = sales(800)
    for day in (300, 665):
        y[day] *= 0.3
    holidays = {"Founders' Day": [START + 300, START + 665]}
    known = expect(y, day_features(START + np.arange(800), holidays=holidays))
    untold = expect(y, day_features(START + np.arange(800)))
    assert untold.surprise[665] < -5
    assert known.surprise[665] > -3
    assert known.center[665] < 0.6 * untold.center[665]
    assert known.spread[300] > 3 * untold.spread[300]


def test_a_known_promotion_is_learned_from_earlier_ones() -> None:
    y = sales(400)
    promotion = np.zeros(400)
    for start in (60, 130, 200, 270, 340):
        promotion[start : start + 5] = 1
    y *= 1 + 0.8 * promotion
    found = expect(y, day_features(START + np.arange(400), promotions=promotion))
    assert np.abs(found.surprise[340:345]).max() < 3
    assert found.center[342] > 1.5 * 1000 * WEEK[(342 + START + 3) % 7]


def test_promotions_that_nobody_told_of_are_known_by_their_runs_and_teach_no_level() -> None:
    y = sales(700)
    on = np.zeros(700)
    starts = 30 + np.cumsum(np.random.default_rng(8).integers(12, 45, 60))
    for start in starts[starts < 690]:
        on[start : start + 6] = 1.0
    y *= np.where(on > 0, 1.5, 1.0)
    features = day_features(START + np.arange(700))
    untold = expect(y, features)
    told = expect(y, day_features(START + np.arange(700), promotions=on))
    assert untold.has_lifts[300:].all()
    assert not told.has_lifts.any()
    # The days without a promotion are expected as if none had been.
    plain = expect(sales(700), features)
    usual = (on == 0) & (np.arange(700) > 300)
    assert np.median(untold.center[usual] / plain.center[usual]) == pytest.approx(1.0, abs=0.05)


def test_noise_and_a_level_that_moves_for_good_are_seldom_lifts() -> None:
    y = np.stack([sales(700, seed) for seed in range(20)])
    y[:, 400:] *= 1.25
    found = expect(y, day_features(START + np.arange(700)))
    assert found.has_lifts[:, :400].mean() < 0.05
    assert found.has_lifts[:, 430:].mean() < 0.35


def test_points_of_a_stream_without_weekdays_have_no_lifts() -> None:
    y = np.full(700, 100.0) * np.exp(0.05 * np.random.default_rng(1).normal(size=700))
    for start in range(60, 690, 30):
        y[start : start + 5] *= 1.6
    weeks = day_features(START + 7 * np.arange(700), cadence="weekly")
    assert not expect(y, weeks).has_lifts.any()


def test_closed_days_given_or_learned_are_not_judged_and_an_outage_on_an_open_day_is() -> None:
    y = sales(200)
    sundays = (np.arange(200) + START + 3) % 7 == 6
    y[sundays] = 0.0
    learned = expect(y, day_features(START + np.arange(200)))
    assert not learned.is_judged[sundays].any()
    y[156] = y[160] = 0.0
    given = expect(y, day_features(START + np.arange(200), closed=[START + 160]))
    assert not given.is_judged[160]
    assert given.is_judged[156]
    assert given.surprise[156] < -6


def test_the_yearly_season_counts_once_there_are_two_years() -> None:
    n = 1100
    t = np.arange(n)
    rng = np.random.default_rng(3)
    y = 500 * np.exp(0.4 * np.sin(2 * np.pi * (START + t) / 365.2425) + 0.05 * rng.normal(size=n))
    found = expect(y, day_features(START + t))
    error = np.abs(np.log(y / found.center))
    assert error[800:].mean() < error[200:700].mean()


def test_low_counts_are_wide_and_the_lowest_are_not_judged() -> None:
    rng = np.random.default_rng(4)
    features = day_features(START + np.arange(200))
    few, some = rng.poisson(1.5, 200).astype(float), rng.poisson(12, 200).astype(float)
    thin = expect(few, features, grain=1)
    assert not thin.is_judged[few < 5].any()
    assert thin.is_judged.mean() < 0.05
    found = expect(some, features, grain=1)
    assert found.is_judged[29:].all()
    assert np.abs(found.surprise).max() < 5


def test_a_spike_out_of_almost_nothing_is_judged() -> None:
    y = np.random.default_rng(4).poisson(1.5, 200).astype(float)
    y[150] = 40
    found = expect(y, day_features(START + np.arange(200)), grain=1)
    assert found.is_judged[150]
    assert found.surprise[150] > 5


def test_a_rate_of_few_trials_is_wide() -> None:
    rng = np.random.default_rng(6)
    trials = np.full(200, 2000.0)
    trials[150] = 60
    y = rng.binomial(trials.astype(int), 0.9) / trials
    y[150] = y[160] = 0.75
    found = expect(y, day_features(START + np.arange(200)), denominators=trials, is_share=True)
    assert found.surprise[160] < -6
    assert -5 < found.surprise[150] < -1
    assert (found.low >= 0).all()
    assert (found.high <= 1).all()


def test_negative_values_are_taken_as_they_are() -> None:
    rng = np.random.default_rng(7)
    y = rng.normal(-5, 20, 200)
    y[150] = -300
    found = expect(y, day_features(START + np.arange(200)))
    assert found.scales[0].kind == "as is"
    assert found.surprise[150] < -8
    assert holds_no_nan(found)


def test_weeks_have_no_weekdays_and_know_years_and_holidays() -> None:
    days = START + 7 * np.arange(120)
    features = day_features(days, cadence="weekly", holidays={"Christmas": [START + 7 * 40 + 3]})
    y = 5000 * np.exp(0.05 * np.random.default_rng(8).normal(size=120))
    y[100] *= 0.6
    found = expect(y, features)
    assert features.is_special.nonzero()[0].tolist() == [40]
    assert not found.is_judged[:13].any()
    assert found.surprise[100] < -5


@pytest.mark.parametrize(
    ("values", "status"),
    [
        (np.full(60, np.nan), "no values"),
        (np.zeros(60), "all values are zero"),
        (np.r_[5.0, np.full(59, np.nan)], "fewer than 29 values"),
        (np.full(60, np.inf), "no values"),
    ],
)
def test_a_series_that_cannot_be_judged_says_why(values: np.ndarray, status: str) -> None:
    found = expect(values, day_features(START + np.arange(60)))
    assert found.status == (status,)
    assert not found.is_judged.any()
    assert not found.surprise.any()
    assert holds_no_nan(found)


def hostile() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(9)
    holes = sales(120)
    holes[rng.random(120) < 0.5] = np.nan
    return {
        "constant": np.full(120, 7.1),
        "constant, then not": np.r_[np.full(100, 7.0), np.full(20, 9.0)],
        "holes": holes,
        "zeros, then business": np.r_[np.zeros(80), sales(40)],
        "business, then zeros": np.r_[sales(80), np.zeros(40)],
        "tiny": sales(120) * 1e-90,
        "huge": sales(120) * 1e90,
        "of all sizes": np.exp(20 * rng.normal(size=120)),
        "one giant": np.r_[sales(100), 1e80, sales(19)],
        "alternating": np.resize([1.0, 1e6], 120),
        "negative": -sales(120),
        "beyond numbers": np.r_[sales(110), np.full(10, 1e200)],
    }


@pytest.mark.parametrize("name", hostile())
def test_hostile_values_make_neither_nan_nor_warnings(name: str) -> None:
    assert holds_no_nan(expect(hostile()[name], day_features(START + np.arange(120))))
    together = expect(np.stack(list(hostile().values())), day_features(START + np.arange(120)), grain=1)
    assert holds_no_nan(together)


def test_one_day_and_none_at_all() -> None:
    assert expect([5.0], day_features([START])).status == ("fewer than 29 values",)
    with pytest.raises(ValueError, match="expected at least 1"):
        day_features([])


def test_several_series_are_judged_as_each_alone() -> None:
    y = np.stack([sales(150, 1), sales(150, 2, noise=0.3), -sales(150, 3)])
    features = day_features(START + np.arange(150))
    together = expect(y, features)
    for i in range(3):
        assert np.allclose(together.one(i).surprise, expect(y[i], features).surprise)


def test_counts_and_amounts_are_judged_together_each_by_its_grain() -> None:
    y = np.stack([np.random.default_rng(1).poisson(8, 150).astype(float), sales(150)])
    features = day_features(START + np.arange(150))
    together = expect(y, features, grain=[1.0, None], is_share=[False, False])
    assert np.allclose(together.one(0).surprise, expect(y[0], features, grain=1).surprise)
    assert np.allclose(together.one(1).surprise, expect(y[1], features).surprise)
    with pytest.raises(ValueError, match="expected arrays of one length"):
        expect(y, features, grain=[1.0])


def test_after_a_long_trouble_the_level_is_back_at_once() -> None:
    y = sales(260)
    y[150:175] *= 0.4
    found = expect(y, day_features(START + np.arange(260)))
    assert found.surprise[175] > 4
    assert np.abs(found.surprise[178:]).max() < 4.5


def test_no_series_at_all_are_no_trouble() -> None:
    found = expect(np.zeros((0, 30)), day_features(START + np.arange(30)))
    assert found.center.shape == found.is_judged.shape == (0, 30)
    assert found.status == ()


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="expected 30 periods as in features"):
        expect(np.ones(31), day_features(START + np.arange(30)))
    with pytest.raises(ValueError, match="denominators: expected shape"):
        expect(np.ones(30), day_features(START + np.arange(30)), denominators=np.ones(29))
    with pytest.raises(ValueError, match="expected each after the one before"):
        day_features([START, START])


def test_days_are_not_judged_for_being_high_alone() -> None:
    trials = np.full(400, 20.0)
    y = np.random.default_rng(8).binomial(20, 0.15, 400) / trials
    found = expect(y, day_features(START + np.arange(400)), denominators=trials, is_share=True)
    # Three events are expected a day. Were those with five or more judged, all of them would be too high.
    assert not found.is_judged.any()
