"""A slow decline of one segment is told once, as that segment's; growth that all share is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np

from lakehouse.metrics.definition import Kpi

WEEKS = 80


def test_a_slow_decline_is_told_as_its_segments(
    watched: Any, traffic: Callable[..., np.ndarray], kpi_of: Callable[..., Kpi], first_day: date
) -> None:
    days = 7 * WEEKS
    spain = traffic(days, 150, 4).astype(float)
    begun, lasts = 7 * 52, 7 * 11
    spain[begun : begun + lasts] *= 1 - 0.35 * np.arange(1, lasts + 1) / lasts
    spain[begun + lasts :] *= 0.65
    watched.sell(
        {"Germany": traffic(days, 400, 3), "Spain": spain.astype(int), "Italy": traffic(days, 200, 5)}
    )
    watched.build(kpi_of(value="count(*)", unit="orders", dimensions=["country"]), days=days)
    drifts = [one for one in watched.found() if one["methods"][0] == "trend"]
    [down] = [one for one in drifts if one["direction"] == "down"]
    assert (down["dimension"], down["segment"], down["cadence"]) == ("country", "Spain", "weekly")
    assert abs((down["started_on"] - (first_day + timedelta(days=begun))).days) <= 28
    assert (down["detected_on"] - (first_day + timedelta(days=begun))).days <= 14 * 7
    assert down["relative_impact"] < -0.1
    assert "went down steadily" in down["sentence"]


def test_growth_that_all_share_is_no_drift(
    watched: Any, traffic: Callable[..., np.ndarray], kpi_of: Callable[..., Kpi]
) -> None:
    days = 7 * WEEKS
    growth = np.exp(np.log(1.3) * np.arange(days) / 365)
    watched.sell(
        {
            name: (traffic(days, level, seed) * growth).astype(int)
            for name, level, seed in (("DE", 300, 1), ("ES", 90, 2))
        }
    )
    watched.build(kpi_of(value="count(*)", unit="orders", dimensions=["country"], sensitivity=2), days=days)
    assert [one["sentence"] for one in watched.found() if one["methods"][0] == "trend"] == []


def test_what_only_grows_more_slowly_has_not_gone_down(watched: Any, kpi_of: Callable[..., Kpi]) -> None:
    """Beside the year before, when it began from nothing, ever less of it seems to be there; yet it rises all the time."""
    days = 7 * 120
    at = np.arange(days)
    level = 20 + 400 * (1 - np.exp(-at / 250)) + 0.2 * at
    watched.sell({"DE": np.random.default_rng(5).poisson(level)})
    watched.build(kpi_of(value="count(*)", unit="orders"), days=days)
    assert [
        one["sentence"]
        for one in watched.found()
        if one["methods"][0] == "trend" and one["direction"] == "down"
    ] == []
