"""Leads are 0 where trends are parallel, and the joint test tells when they are not."""

from __future__ import annotations

import numpy as np
import pytest

from lakehouse.stats.did import panel_did
from lakehouse.stats.event_study import EventStudy, event_study

PERIODS, UNITS, ADOPTED = 6, 60, 4


def study(*, trend: float = 0.0, effect: float = 0.0, seed: int = 1, reference: int = -1) -> EventStudy:
    y, treated, unit, time = rows(trend=trend, effect=effect, seed=seed)
    return event_study(y, treated, unit, time, first_treated=ADOPTED, reference=reference)


def rows(
    *, trend: float = 0.0, effect: float = 0.0, seed: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sixty units over periods 1 to 6, half of them treated from 4 on."""
    generator = np.random.default_rng(seed)
    unit, time = np.repeat(np.arange(UNITS), PERIODS), np.tile(np.arange(1, PERIODS + 1), UNITS)
    treated = (unit % 2).astype(float)
    y = generator.standard_normal(UNITS)[unit] + 0.3 * time + generator.standard_normal(len(unit)) * 0.5
    return y + treated * (trend * time + effect * (time >= ADOPTED)), treated, unit, time


def test_event_times_count_from_adoption_without_the_reference() -> None:
    found = study()
    assert [point.event_time for point in found.effects] == [-3, -2, 0, 1, 2]
    assert found.reference == -1


def test_each_point_is_the_difference_in_differences_with_the_reference() -> None:
    y, treated, _, time = rows(effect=1.0)
    for point in study(effect=1.0).effects:
        at, base = time == ADOPTED + point.event_time, time == ADOPTED - 1
        gaps = [y[when & (treated == 1)].mean() - y[when & (treated == 0)].mean() for when in (at, base)]
        assert point.effect.estimate == pytest.approx(gaps[0] - gaps[1])


def test_parallel_trends_pass_and_diverging_ones_do_not() -> None:
    passed, failed = study(effect=1.0).pre_trend, study(effect=1.0, trend=0.4).pre_trend
    assert passed is not None
    assert failed is not None
    assert passed.p_value > 0.05
    assert failed.p_value < 0.001
    assert (passed.degrees_of_freedom, passed.denominator_degrees_of_freedom) == (2, UNITS - 1)


def test_another_reference_moves_all_points_by_its_own() -> None:
    usual, other = study(effect=1.0), study(effect=1.0, reference=-3)
    at = {point.event_time: point.effect.estimate for point in usual.effects} | {-1: 0.0}
    for point in other.effects:
        assert point.effect.estimate == pytest.approx(at[point.event_time] - at[-3])


def test_two_periods_are_a_plain_difference_in_differences() -> None:
    y, treated, unit, time = rows(effect=1.0)
    kept = (time == 3) | (time == 4)
    found = event_study(y[kept], treated[kept], unit[kept], time[kept], first_treated=4)
    plain = panel_did(y[kept], (treated * (time >= 4))[kept], unit[kept], time[kept])
    assert found.pre_trend is None
    assert found.effects[0].effect.estimate == pytest.approx(plain.estimate)
    assert found.effects[0].effect.standard_error == pytest.approx(plain.standard_error)


def test_bad_input_is_named() -> None:
    y, treated, unit, time = rows()
    with pytest.raises(ValueError, match="first_treated: expected one of the times, found 9"):
        event_study(y, treated, unit, time, first_treated=9)
    for reference in (0, -7):
        with pytest.raises(ValueError, match="reference: expected an event time before 0, from -3"):
            event_study(y, treated, unit, time, first_treated=4, reference=reference)
    with pytest.raises(ValueError, match="expected at least 2 treated and 2 control units, found 60 and 0"):
        event_study(y, np.ones(len(y)), unit, time, first_treated=4)


def test_four_units_cannot_test_five_leads_jointly() -> None:
    y, treated, unit, time = rows()
    few = unit < 4
    longer = np.concatenate([y[few], y[few] + 0.1 * np.sin(np.arange(few.sum()))])
    found = event_study(
        longer,
        np.tile(treated[few], 2),
        np.tile(unit[few], 2),
        np.concatenate([time[few], time[few] + 6]),
        first_treated=7,
    )
    assert len(found.effects) == 11
    assert found.pre_trend is None
