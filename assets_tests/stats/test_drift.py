"""Slow declines of weekly series: what is found, when, and what keeps quiet."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from lakehouse.stats.confidence import level_of_budget
from lakehouse.stats.drift import Drift, drift
from lakehouse.stats.drift_spells import Spell, spells
from lakehouse.stats.rolling_kendall import rolling_s

WEEKS = 208
BUDGET = level_of_budget(2.0, 52.18)


def company(
    series: int = 60, *, phi: float = 0.0, noise: float = 0.065, season: float = 0.2, seed: int = 1
) -> np.ndarray:
    """Weekly sales that grow by 30 % a year, with a season of their own each."""
    rng = np.random.default_rng(seed)
    t = np.arange(WEEKS)
    waves = lfilter([np.sqrt(1 - phi * phi)], [1.0, -phi], rng.normal(size=(series, WEEKS + 60)), axis=1)[
        :, 60:
    ]
    year = season * np.sin(2 * np.pi * t / 52.18 + rng.uniform(0, 6.28, (series, 1)))
    return np.asarray(900 * np.exp(year + np.log(1.3) / 52.18 * t + noise * waves))


def declining(y: np.ndarray, begin: int, factor: float = 0.65, weeks: int = 11) -> np.ndarray:
    done = np.clip((np.arange(y.shape[-1]) - begin + 1) / weeks, 0, 1)
    return np.asarray(y * factor**done)


def spells_of(found: Drift, alpha: float = BUDGET) -> list[tuple[Spell, ...]]:
    return [spells(found.one(i), alpha) for i in range(len(found.status))]


@pytest.fixture(scope="module")
def quiet() -> Drift:
    return drift(company())


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.6])
def test_growth_with_a_season_keeps_the_budget(phi: float) -> None:
    found = spells_of(drift(company(120, phi=phi, seed=4)))
    years = 120 * (WEEKS - 38) / 52.18
    # Two a year are due; a simulation of 120 series is known to some hundredths.
    assert 0.3 < sum(len(one) for one in found) / years < 2.0


@pytest.mark.parametrize("begin", [80, 130])
@pytest.mark.parametrize("noise", [0.05, 0.08])
def test_a_third_lost_over_eleven_weeks_is_found_before_it_is_over(begin: int, noise: float) -> None:
    found = spells_of(drift(declining(company(noise=noise), begin)))
    falls = [
        next(
            (one for one in many if one.direction < 0 and begin <= one.end and one.opened < begin + 40), None
        )
        for many in found
    ]
    told = [one for one in falls if one is not None]
    assert len(told) == 60
    assert np.quantile([one.opened - begin for one in told], 0.95) <= 11
    assert abs(np.median([one.start - begin for one in told])) <= 1
    assert np.median([one.slope for one in told]) == pytest.approx(0.65 ** (1 / 11) - 1, abs=0.01)


def test_the_level_before_is_what_was_due_without_the_decline() -> None:
    due = company(noise=0.0)
    y = declining(company(), 130)
    found = drift(y)
    # In the third year this season's week is told by one noisy week a year before.
    assert np.median(np.abs(found.level_before[:, 141] / due[:, 141] - 1)) < 0.08
    assert np.median(y[:, 141] / found.level_before[:, 141]) == pytest.approx(0.65, abs=0.04)


def test_a_year_after_a_decline_its_echo_is_no_rise() -> None:
    found = drift(declining(company(), 100))
    rises = (found.p_value <= BUDGET) & (found.direction > 0)
    assert np.mean(rises[:, 148:175].any(axis=1)) < 0.3


def test_a_season_of_the_first_year_is_no_decline_and_a_collapse_is() -> None:
    t = np.arange(64)
    y = 900 * np.exp(0.15 * np.sin(2 * np.pi * t / 52.18) + 0.03 * np.random.default_rng(2).normal(size=64))
    assert spells(drift(y), BUDGET) == ()
    [spell] = spells(drift(declining(y, 46, 0.4)), BUDGET)
    assert (spell.direction, spell.opened < 60, spell.is_open) == (-1, True, True)


def test_shares_of_a_segment_fall_though_the_whole_grows() -> None:
    rng = np.random.default_rng(3)
    whole = rng.poisson(400 * 1.3 ** (np.arange(156) / 52.18))
    share = declining(np.full(156, 0.12), 120)
    found = drift(rng.binomial(whole, share) / whole, is_share=True)
    assert any(one.direction < 0 and 120 < one.opened <= 133 for one in spells(found, BUDGET))


def test_one_series_or_many_and_later_weeks_change_nothing() -> None:
    y = declining(company(4), 120)
    many, one, shorter = drift(y), drift(y[2]), drift(y[:, :150])
    for field in dataclasses.fields(Drift)[1:]:
        whole = getattr(many, field.name)
        assert np.allclose(whole[2], getattr(one, field.name), rtol=1e-9, atol=1e-12)
        assert np.allclose(whole[:, :150], getattr(shorter, field.name), rtol=1e-9, atol=1e-12)


def test_a_late_beginning_and_gaps_are_judged_on_what_is_there() -> None:
    y = declining(company(3, season=0.0, noise=0.04), 160)
    y[0, :100] = np.nan
    y[1, [20, 45, 90, 118, 140, 152]] = np.nan
    y[2, 60:110] = np.nan
    found = drift(y)
    for row in range(3):
        assert any(
            one.direction < 0 and 160 <= one.opened <= 174 for one in spells(found.one(row), BUDGET)
        ), row
    assert not found.by_year[0, :160].any()
    assert (found.window[0, :126] == 0).all()


def test_what_cannot_be_judged_says_why() -> None:
    y = np.stack([np.full(60, np.nan), np.zeros(60), np.full(60, 7.0)])
    y[0, :38] = 5.0
    found = drift(y)
    assert found.status == ("fewer than 39 values", "all values are zero", "ok")
    assert (found.p_value == 1).all()
    assert not found.window[:2].any()
    assert drift([]).p_value.shape == (0,)


def test_s_of_a_window_is_kendalls_with_and_without_a_slope() -> None:
    x = np.random.default_rng(6).normal(size=(2, 40))
    x[1, [3, 17, 18]] = np.nan
    slope = np.random.default_rng(7).normal(0, 0.1, (2, 28))

    def by_hand(row: int, end: int, due: float) -> float:
        part = x[row, end - 12 : end + 1]
        pairs = itertools.combinations(range(13), 2)
        return float(np.nansum([np.sign(part[j] - part[i] - due * (j - i)) for i, j in pairs]))

    plain, sloped = rolling_s(x, 13), rolling_s(x, 13, slope)
    for row, first in itertools.product(range(2), range(28)):
        assert plain[row, first] == by_hand(row, first + 12, 0.0)
        assert sloped[row, first] == by_hand(row, first + 12, slope[row, first])


def test_spells_survive_a_month_and_not_more(quiet: Drift) -> None:
    one = quiet.one(0)
    p, direction = np.ones(WEEKS), np.zeros(WEEKS, dtype=np.int64)
    for t, side in ((120, -1), (124, -1), (129, -1), (131, 1), (206, -1)):
        p[t], direction[t] = 0.01, side
    made = dataclasses.replace(one, p_value=p, direction=direction, start=np.arange(WEEKS) - 5)
    told = [(found.start, found.opened, found.end, found.direction) for found in spells(made, 0.02)]
    assert told == [(115, 120, 124, -1), (124, 129, 129, -1), (126, 131, 131, 1), (201, 206, 206, -1)]
    assert [found.is_open for found in spells(made, 0.02)] == [False, False, False, True]


def test_an_alpha_beyond_what_is_looked_for_or_several_series_are_named(quiet: Drift) -> None:
    with pytest.raises(ValueError, match=r"at most 0\.1, found 0\.2"):
        spells(quiet.one(0), 0.2)
    with pytest.raises(ValueError, match="one series"):
        spells(quiet, 0.01)
    with pytest.raises(ValueError, match="as many of is_share"):
        drift(np.ones((2, 60)), is_share=[True])


HOSTILE = [0.0, 1.0, -1.0, 0.5, 1e-300, 1e300, -1e300, 1e160, np.nan, np.inf, 5e-324, 100.0]


@given(
    st.lists(st.sampled_from(HOSTILE), max_size=8), st.integers(0, 140), st.sampled_from([[True], [False]])
)
@settings(max_examples=40, deadline=None)
def test_whatever_a_series_holds_the_answer_is_in_numbers(
    block: list[float], n: int, is_share: list[bool]
) -> None:
    found = drift(np.resize(np.array([*block, 3.0]), n), is_share=is_share)
    for name in ("p_value", "slope", "level_before"):
        assert np.isfinite(getattr(found, name)).all(), name
    assert ((found.p_value >= 0) & (found.p_value <= 1)).all()
    assert (found.level_before[found.window == 0] == 0).all()


def test_without_a_season_of_their_own_shares_are_held_against_the_weeks_before() -> None:
    share = 0.2 * np.exp(0.05 * np.random.default_rng(12).normal(size=(200, 150)))
    declining = share.copy()
    declining[:, 110:] *= np.maximum(1 - 0.35 * np.arange(1, 41) / 11, 0.65)
    sharp, dull = (drift(declining, is_share=True, has_season=has_season) for has_season in (False, True))
    told = (sharp.p_value[:, 110:] < 0.002) & (sharp.direction[:, 110:] == -1)
    assert told.any(axis=1).all()
    later = (dull.p_value[:, 110:] < 0.002) & (dull.direction[:, 110:] == -1)
    weeks_sooner = np.where(later.any(axis=1), later.argmax(axis=1), 40) - told.argmax(axis=1)
    assert np.median(weeks_sooner) >= 2
    # And on noise they keep their budget: 200 series for 111 judged weeks.
    quiet = drift(share, is_share=True, has_season=False)
    alerts = sum(len(spells(quiet.one(i), 0.01)) for i in range(200))
    assert alerts <= 0.01 * 200 * 111 * 1.2
