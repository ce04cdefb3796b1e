"""Series of nothing but noise: how many alerts they make, against the budget, and how far a stated confidence can be trusted.

Belongs here: shapes without troubles. Not here: series with troubles (kpis.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from lakehouse.stats.calendar_effects import day_features
from lakehouse.stats.confidence import level_of_budget
from lakehouse.stats.episodes import episodes_of_all
from lakehouse.stats.expected import expect
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.prepared import WARM_UP
from lakehouse.stats.surprise import evidence

DAYS = 1095


@dataclass(frozen=True, slots=True)
class Noise:
    """A shape; is_count: whether its values are counts."""

    name: str
    values: FloatArray
    is_count: bool = False


def shapes(series: int, seed: int) -> Iterator[Noise]:
    """Three years of each shape, (series, days), none with anything to be found."""
    rng = np.random.default_rng(seed)
    t = np.arange(DAYS)
    week = rng.normal(0, 0.3, (series, 7))[:, t % 7]
    white = rng.normal(size=(series, DAYS + 100))

    def autoregression(phi: float) -> FloatArray:
        return np.asarray(lfilter([np.sqrt(1 - phi * phi)], [1.0, -phi], white, axis=1)[:, 100:])

    year = 0.2 * np.sin(2 * np.pi * t / 365.25)
    yield Noise("weekly season", np.exp(6 + week + 0.12 * white[:, 100:]))
    yield Noise("trend and yearly season", np.exp(6 + week + year + 0.0006 * t + 0.12 * white[:, 100:]))
    yield Noise("autocorrelated, 0.5", np.exp(6 + week + 0.13 * autoregression(0.5)))
    yield Noise("autocorrelated, 0.8", np.exp(6 + week + 0.13 * autoregression(0.8)))
    yield Noise(
        "wandering level",
        np.exp(6 + week + 0.1 * rng.normal(size=(series, DAYS)) + np.cumsum(0.02 * white[:, 100:], axis=1)),
    )
    yield Noise("heavy tails, t of 5", np.exp(6 + week + 0.1 * rng.standard_t(5, (series, DAYS))))
    yield Noise("heaviest tails, t of 3", np.exp(6 + week + 0.08 * rng.standard_t(3, (series, DAYS))))
    yield Noise("counts of 8", rng.poisson(8 * np.exp(week)).astype(float), is_count=True)
    yield Noise("counts of 60", rng.poisson(60 * np.exp(week)).astype(float), is_count=True)


def alerts_per_year(noise: Noise, budgets: tuple[float, ...]) -> list[float]:
    """Alerts per series and year, for each budget."""
    expected = expect(
        noise.values, day_features(np.arange(DAYS) + 19000), grain=1.0 if noise.is_count else None
    )
    found = evidence(expected)
    years = noise.values.shape[0] * (DAYS - WARM_UP["daily"]) / 365.25
    return [
        sum(len(one) for one in episodes_of_all(noise.values, expected, found, level_of_budget(budget)))
        / years
        for budget in budgets
    ]
