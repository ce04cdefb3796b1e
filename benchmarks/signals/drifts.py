"""Weekly series without a drift and with one: alerts a year, and how soon a decline is told.

Belongs here: the simulation behind lakehouse.stats.drift. Not here: promises (anomalies.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from lakehouse.stats.confidence import level_of_budget
from lakehouse.stats.drift import drift
from lakehouse.stats.drift_spells import spells
from lakehouse.stats.guards import FloatArray

WEEKS, FIRST, A_YEAR = 208, 38, 52.18
# What the first year says of seasons, the second of the first, and all that comes later.
STRETCHES = ((FIRST, 64), (64, 90), (90, WEEKS))
BEGINS = (45, 70, 120)


@dataclass(frozen=True, slots=True)
class Weekly:
    """A shape of weekly series; is_promised: whether the budget is promised on it."""

    name: str
    values: FloatArray
    is_promised: bool = True


def quiet(series: int, seed: int) -> Iterator[Weekly]:
    """Four years of each shape, (series, weeks), none of which drifts."""
    rng = np.random.default_rng(seed)
    t = np.arange(WEEKS)
    white = rng.normal(size=(series, WEEKS + 60))
    phase = rng.uniform(0, 2 * np.pi, (series, 1))

    def noise(phi: float) -> FloatArray:
        return np.asarray(0.07 * lfilter([np.sqrt(1 - phi * phi)], [1.0, -phi], white, axis=1)[:, 60:])

    def growth(season: float) -> FloatArray:
        return np.asarray(season * np.sin(2 * np.pi * t / A_YEAR + phase) + np.log(1.3) / A_YEAR * t)

    for phi in (0.0, 0.3, 0.6):
        yield Weekly(f"level, autocorrelation {phi:g}", np.exp(6 + noise(phi)))
        yield Weekly(f"growth and season, autocorrelation {phi:g}", np.exp(6 + growth(0.2) + noise(phi)))
    yield Weekly("growth and a season of 45 %", np.exp(6 + growth(0.45) + noise(0.0)))
    yield Weekly("heavy tails, t of 3", np.exp(6 + 0.05 * rng.standard_t(3, (series, WEEKS))))
    yield Weekly("counts of 30", rng.poisson(30, (series, WEEKS)).astype(float))
    wandering = np.cumsum(0.02 * rng.normal(size=(series, WEEKS)), axis=1) + noise(0.0)
    yield Weekly("wandering level", np.exp(6 + wandering), is_promised=False)


def alerts_by_stretch(values: FloatArray, budget: float) -> tuple[list[float], float]:
    """Alerts a series and year in each of STRETCHES, and over all of them."""
    found, alpha = drift(values), level_of_budget(budget, A_YEAR)
    opened = np.array([one.opened for i in range(len(values)) for one in spells(found.one(i), alpha)])
    per_year = [
        float(((opened >= low) & (opened < high)).sum()) / len(values) / (high - low) * A_YEAR
        for low, high in (*STRETCHES, (FIRST, WEEKS))
    ]
    return per_year[:-1], per_year[-1]


def told_after(noise: float, phi: float, begin: int, budget: float, series: int, seed: int) -> FloatArray:
    """Weeks from the first of a decline by 35 % over 11 weeks to the alert; 99 where there is none within half a year."""
    rng = np.random.default_rng([seed, begin])
    t = np.arange(WEEKS)
    waves = lfilter([np.sqrt(1 - phi * phi)], [1.0, -phi], rng.normal(size=(series, WEEKS + 60)), axis=1)[
        :, 60:
    ]
    season = 0.2 * np.sin(2 * np.pi * t / A_YEAR + rng.uniform(0, 2 * np.pi, (series, 1)))
    growth = np.log(1.3) / A_YEAR * t
    done = np.clip((t - begin + 1) / 11, 0, 1)
    found = drift(np.exp(6 + season + growth + noise * waves + np.log(0.65) * done))
    after = np.full(series, 99.0)
    for i in range(series):
        falls = [one for one in spells(found.one(i), level_of_budget(budget, A_YEAR)) if one.direction < 0]
        weeks = [max(one.opened - begin, 0) for one in falls if one.end >= begin and one.opened <= begin + 26]
        after[i] = min(weeks, default=99)
    return after
