"""How much one day's surprise teaches about each effect: the gains of a Kalman filter, which don't hang on the values.

Belongs here: the recursion over a calendar, and the profiles of how fast a level may move. Not here: values and
surprises (expected.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

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


class Speeds:
    """The gains of all profiles for several sizes of noise, day after day: what the days so far have told of each effect.

    covariance: (sizes, profiles, p + 1, p + 1), the level first.
    """

    def __init__(
        self, features: DayFeatures, noises: ArrayLike, covariance: FloatArray | None = None
    ) -> None:
        """noises: standard deviations of a day, on the scale on which the effects' sizes are given, above 0. covariance: as it
        was left after the days before the next one.
        """
        noise = np.asarray(noises, dtype=np.float64)
        knows_year = np.array([profile.knows_year for profile in PROFILES])
        count, p = features.matrix.shape[1] + 1, len(PROFILES)
        self.features = features
        # The level starts from a median of two weeks.
        sizes = np.ones((len(noise), p, count))
        sizes[:, :, 1:] = (features.prior_sd / noise[:, None])[:, None, :]
        for column in features.yearly:
            sizes[:, ~knows_year, 1 + column] = 0.0
        self.diagonal = np.arange(count)
        if covariance is None:
            covariance = np.zeros((len(noise), p, count, count))
            covariance[:, :, self.diagonal, self.diagonal] = sizes**2
        self.covariance = covariance.copy()
        self.drifts = np.empty((len(noise), p, count))
        self.drifts[:, :, 0] = np.array([profile.drift for profile in PROFILES]) * features.step
        self.drifts[:, :, 1:] = (features.drift / noise[:, None] ** 2)[:, None, :]
        self.regressors = np.column_stack([np.ones(len(features.days)), features.matrix])
        unlike = 1 + (UNLIKE / noise) ** 2
        self.noises = np.where(features.is_special[:, None], unlike, 1.0)

    def gains(self, t: int) -> Gains:
        """Of the next day, which is at position t; days must come in turn. Closed days teach nothing.

        Sums run over products one by one: a matrix product may round otherwise when there are more sizes.
        Source: West & Harrison (1997), Bayesian forecasting and dynamic models, chapter 4.
        """
        x = self.regressors[t]
        self.covariance[:, :, self.diagonal, self.diagonal] += self.drifts
        toward = (self.covariance * x).sum(axis=3)
        variance = (toward * x).sum(axis=2) + self.noises[t][:, None]
        if self.features.is_closed[t]:
            kept = np.zeros(toward.shape)
        else:
            kept = toward / variance[:, :, None]
            self.covariance -= toward[:, :, :, None] * kept[:, :, None, :]
        return Gains(kept[:, :, 0], kept[:, :, 1:], np.sqrt(variance))


@dataclass(frozen=True, slots=True)
class Gains:
    """Of one day. level: (sizes, profiles), effects: (sizes, profiles, p), spread: (sizes, profiles), by how much the standard
    deviation of a forecast exceeds the noise's.
    """

    level: FloatArray
    effects: FloatArray
    spread: FloatArray
