"""Days as regressors, and series as they come made regular."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from lakehouse.stats.calendar_effects import day_features
from lakehouse.stats.regular import regular
from lakehouse.stats.scales import scale_of


def day(year: int, month: int, of_month: int) -> int:
    return (date(year, month, of_month) - date(1970, 1, 1)).days


def test_weekdays_and_ends_of_months_are_those_of_the_calendar() -> None:
    days = np.arange(day(2024, 2, 1), day(2024, 4, 1))
    features = day_features(days)
    assert features.season_of.tolist() == [date.fromordinal(719163 + int(d)).weekday() for d in days]
    by_name = dict(zip(features.names, features.matrix.T, strict=True))
    assert days[by_name["last of month"] == 1].tolist() == [day(2024, 2, 29), day(2024, 3, 31)]
    assert days[by_name["first of month"] == 1].tolist() == [day(2024, 2, 1), day(2024, 3, 1)]


def test_weekday_effects_cancel_over_a_week() -> None:
    features = day_features(range(700, 707))
    assert np.allclose(features.matrix[:, :6].sum(axis=0), 0)
    assert np.linalg.matrix_rank(features.matrix[:, :6]) == 6


def test_neighbours_of_holidays_that_are_holidays_themselves_count_once() -> None:
    features = day_features(range(100), holidays={"first": [50], "second": [51]})
    by_name = dict(zip(features.names, features.matrix.T, strict=True))
    assert np.flatnonzero(by_name["before a holiday"]).tolist() == [49]
    assert np.flatnonzero(by_name["after a holiday"]).tolist() == [52]
    assert np.flatnonzero(features.is_special).tolist() == [49, 50, 51, 52]


def test_a_week_holds_its_share_of_holidays() -> None:
    features = day_features(range(0, 70, 7), cadence="weekly", holidays={"a": [8], "b": [9]})
    by_name = dict(zip(features.names, features.matrix.T, strict=True))
    assert by_name["holiday"].tolist() == [0, 2, 0, 0, 0, 0, 0, 0, 0, 0]


def test_a_week_is_closed_when_all_of_its_days_are() -> None:
    features = day_features(range(0, 35, 7), cadence="weekly", closed=[8, *range(21, 28)])
    by_name = dict(zip(features.names, features.matrix.T, strict=True))
    assert by_name["closed days"].tolist() == [0, 1, 0, 7, 0]
    assert features.is_closed.tolist() == [False, False, False, True, False]


def test_promotions_of_another_length_are_named() -> None:
    with pytest.raises(ValueError, match="expected 10 periods as in days, found 9"):
        day_features(range(10), promotions=np.zeros(9))


def test_days_in_any_order_become_one_value_per_day() -> None:
    series = regular([5, 3, 3, 4, 9], [50.0, 30.0, 30.0, np.nan, 90.0])
    assert series.days.tolist() == [3, 4, 5, 6, 7, 8, 9]
    assert np.isnan(series.values).tolist() == [False, True, False, True, True, True, False]
    assert (series.status, series.gaps, series.duplicates) == ("ok", 4, 0)


def test_days_that_come_twice_with_different_values_have_none() -> None:
    series = regular([1, 2, 2, 3, 3, 4], [1.0, 2.0, 2.5, 3.0, 3.5, 4.0])
    assert (series.status, series.duplicates) == ("2 duplicated days", 2)
    assert np.flatnonzero(np.isnan(series.values)).tolist() == [1, 2]


def test_no_days_and_no_values_have_a_status() -> None:
    assert regular([], []).status == "no values"
    assert regular([1, 2], [np.nan, np.inf]).status == "no values"
    with pytest.raises(ValueError, match="expected 7 days apart"):
        regular([0, 3], [1.0, 2.0], step_days=7)


@pytest.mark.parametrize(
    ("values", "options", "kind"),
    [
        ([100.0, 50.0, 200.0], {}, "log"),
        ([100.0, 0.0, 200.0] * 20, {}, "log"),
        ([3.0, 0.0, 1.0, 4.0] * 20, {"grain": 1.0}, "log"),
        ([0.5, 0.6, 0.97], {"is_share": True}, "angle"),
        ([-3.0, 4.0], {}, "as is"),
    ],
)
def test_a_scale_leads_there_and_back(values: list[float], options: dict[str, float], kind: str) -> None:
    scale = scale_of(np.array(values), **options)
    assert scale.kind == kind
    assert np.allclose(scale.back(scale.there(np.array(values))), values, atol=0.11)
    g = scale.there(np.sort(values))
    assert (np.diff(g) >= 0).all()


def test_zeros_here_and_there_are_a_low_volume_and_a_week_of_them_is_a_closure() -> None:
    rng = np.random.default_rng(2)
    sparse = 50.0 * rng.poisson(1.5, 56)
    shut = rng.normal(1000, 50, 56)
    shut[20:30] = 0.0
    assert scale_of(sparse).grain == pytest.approx(50, rel=0.5)
    assert (scale_of(shut).grain, scale_of(shut).offset) == (0, 0)


def test_counting_noise_is_even_on_the_scale_of_counts() -> None:
    rng = np.random.default_rng(1)
    scale = scale_of(rng.poisson(30, 56).astype(float), grain=1.0)
    spreads = [scale.there(rng.poisson(mean, 4000).astype(float)).std() for mean in (5, 30, 100)]
    assert max(spreads) < 1.3 * min(spreads)
