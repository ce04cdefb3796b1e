"""How much one day's surprise teaches about each effect: the gains of a Kalman filter, which don't hang on the values.

Belongs here: the recursion over a calendar, and the profiles of how fast a level may move. Not here: values and
surprises (expected.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lakehouse.stats.calendar_effects import DayFeatures
from lakehouse.stats.guards import FloatArray

# How much effects of holidays and promotions differ from one time to the next, on a logarithmic scale.
UNLIKE = 0.15


@dataclass(frozen=True, slots=True)
class Profile:
    """A way in which a level may move. drift: variance of its daily step in units of the noise's; knows_year: with a
    yearly season, which waits until there are two years of it.
    """

    drift: float
    knows_year: bool = False


# Levels that in the steady state follow 1.7 %, 6 % or 20 % of a surprise: still, common and lively KPIs. Which one a series
# is shows in how well each foretold it so far.
PROFILES = (
    Profile(3e-4),
    Profile(4e-3),
    Profile(5e-2),
    Profile(3e-4, knows_year=True),
    Profile(4e-3, knows_year=True),
)


@dataclass(frozen=True, slots=True)
class Gains:
    """Of one profile and size of noise. level: (n,), effects: (n, p), spread: (n,), by how much the standard deviation of a
    forecast exceeds the noise's.
    """

    level: FloatArray
    effects: FloatArray
    spread: FloatArray


def gains(features: DayFeatures, profile: Profile, noise: float, skipped: NDArray[np.bool_]) -> Gains:
    """The filter's gains over a calendar.

    noise: standard deviation of a day, on the scale on which the effects' sizes are given, above 0. skipped: (n,), days
    that teach nothing.
    Source: West & Harrison (1997), Bayesian forecasting and dynamic models, chapter 4.
    """
    n, p = features.matrix.shape
    sizes = features.prior_sd / noise
    if not profile.knows_year:
        sizes = sizes.copy()
        sizes[list(features.yearly)] = 0.0
    # The level starts from a median of two weeks.
    covariance = np.diag(np.concatenate([[1.0], sizes**2]))
    drifts = np.concatenate([[profile.drift * features.step], features.drift / noise**2])
    diagonal = np.arange(p + 1)
    regressors = np.column_stack([np.ones(n), features.matrix])
    noises = np.where(features.is_special, 1 + (UNLIKE / noise) ** 2, 1.0)
    kept, spread = np.zeros((n, p + 1)), np.ones(n)
    for t in range(n):
        covariance[diagonal, diagonal] += drifts
        toward = covariance @ regressors[t]
        variance = float(regressors[t] @ toward) + float(noises[t])
        spread[t] = variance
        if skipped[t]:
            continue
        kept[t] = toward / variance
        covariance -= np.outer(toward, kept[t])
    return Gains(kept[:, 0], kept[:, 1:], np.sqrt(spread))
