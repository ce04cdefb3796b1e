"""Budgets are shared out whole, and alarms are those of the weighted step-up rule, worked out the slow way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lakehouse.metrics.anomalies.budget import (
    FALSE_DISCOVERIES,
    WEAKEST,
    alarms,
    alerts_per_year,
    drift_alerts_per_year,
)
from lakehouse.metrics.anomalies.series import Series
from lakehouse.metrics.definition import Kpi
from lakehouse.stats.confidence import level_of_budget


def series_of(kpi: Kpi, segments: int, cadence: str = "daily") -> list[Series]:
    named = [("", ""), *(("country", f"C{number}") for number in range(segments))]
    return [Series(kpi, cadence, dimension, segment, 400, "ok") for dimension, segment in named]  # type: ignore[arg-type]  a plain text


@pytest.mark.parametrize("segments", [0, 1, 7])
def test_a_kpi_spends_its_sensitivity_whole(kpi_of: Callable[..., Kpi], segments: int) -> None:
    daily_only = kpi_of(cadence="daily", sensitivity=6, dimensions=["country"])
    assert alerts_per_year(series_of(daily_only, segments)).sum() == pytest.approx(6)
    both = kpi_of(sensitivity=6, dimensions=["country"])
    days, weeks = (alerts_per_year(series_of(both, segments, cadence)) for cadence in ("daily", "weekly"))
    drifts = drift_alerts_per_year(series_of(both, segments, "weekly"))
    assert days.sum() + weeks.sum() + drifts.sum() == pytest.approx(6)
    if segments:
        assert days[0] > days[1:].sum()


def test_one_series_alone_alarms_at_the_level_of_its_budget(kpi_of: Callable[..., Kpi]) -> None:
    budget = alerts_per_year(series_of(kpi_of(cadence="daily", sensitivity=4), 0))
    p_values = np.array([[0.5, level_of_budget(4) * 0.999, level_of_budget(4) * 1.001]])
    level, held = alarms(p_values, budget, 365.25)
    assert (held <= level[:, None]).tolist() == [[False, True, False]]


@given(
    arrays(
        np.float64, (6, 3), elements=st.sampled_from([1.0, 0.5, 0.03, 0.01, 3e-3, 1e-3, 1e-4, 1e-6, 1e-12])
    ),
    arrays(np.float64, 6, elements=st.sampled_from([0.05, 0.4, 2.0, 30.0])),
)
@settings(max_examples=200, deadline=None)
def test_alarms_are_those_of_the_step_up_rule(p_values: np.ndarray, alerts: np.ndarray) -> None:
    level, held = alarms(p_values, alerts, 365.25)
    for t in range(p_values.shape[1]):
        judged = [i for i in range(6) if p_values[i, t] < 1]
        cut = min(1.0, FALSE_DISCOVERIES / max(sum(level[i] for i in judged), 1e-12))
        scaled = {i: p_values[i, t] / (level[i] * cut) for i in judged}
        most = max(
            (k for k in range(1, len(judged) + 1) if sum(x <= k for x in scaled.values()) >= k), default=0
        )
        expected = {i for i in judged if scaled[i] <= most and p_values[i, t] <= WEAKEST}
        assert {i for i in range(6) if held[i, t] <= level[i]} == expected


def test_of_many_ordinary_series_few_alarm_on_any_day() -> None:
    p_values = np.random.default_rng(3).random((400, 2000))
    level, held = alarms(p_values, np.full(400, 1.0), 365.25)
    days_with_alarms = (held <= level[:, None]).any(axis=0).mean()
    assert 0.1 < days_with_alarms <= FALSE_DISCOVERIES + 0.03
