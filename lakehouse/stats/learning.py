"""The pass over time: each day is foretold from the days before it, and then learned from, robustly.

Belongs here: the filter's state and its step from day to day, for many series at once. Not here: gains, which don't hang on
values (gains.py), and what is read from the outcome (expected.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lakehouse.stats.calendar_effects import DayFeatures
from lakehouse.stats.gains import PROFILES, gains
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.prepared import Prepared

# Periods on one side of what was expected after which a shift is the new level: two whole weeks, so that an outage of one
# isn't; in weeks, two months.
ACCEPT = {"daily": 14, "weekly": 8}
# Surprises count whole up to 2 standard deviations, as 2 up to 4, and not at all from 6 on.
WHOLE, CAPPED, IGNORED = 2.0, 4.0, 6.0
# The noise's size follows the median of surprises, which troubles hardly move: half of all normal ones are larger than
# this, and a step settles a misjudged size about as fast as the mean of squares would, over the last 60 periods.
MEDIAN_SIZE, SETTLES, NOISE_PERIODS = 0.6745, 1.6, 60.0
# Which speed of the level foretells best is judged over about the last 100 periods.
REMEMBERED = 0.99
# The interval's reach grows by this share for a miss, and shrinks so between that it keeps its coverage.
REACH_STEP = 0.03
# Lifts: days in a row beyond this. A daily series that within about a year had a fifth more of them than of days in a row that
# low, and three more, has promotions that nobody told of; noise, wandering levels and troubles make both alike. No time in a row
# counts for more than five, and what stands for twelve of the last fourteen days is no promotion. Chosen on made series: to wait
# for four or more costs .03 to .06 of F1 without known promotions, to wait for two takes noise for lifts twice as often.
LIFTED, LIFT_DAYS, LIFT_RATIO, LIFT_LEAST = 1.5, 365.0, 1.2, 3.0
LIFT_COUNTED, LONGEST_LIFT = 5, 12
# No surprise is larger than this, in standard deviations.
LARGEST = 50.0


@dataclass(frozen=True, slots=True)
class Traces:
    """What the pass leaves of every period, each (series, n), on the series' scales: the forecast, its standard deviation,
    the surprise in such, how many of them the interval reaches to either side, what the level has taken in so far, and 1 where
    the series has lifts, else 0.
    """

    center: FloatArray
    spread: FloatArray
    surprise: FloatArray
    reach: FloatArray
    learned: FloatArray
    has_lifts: FloatArray


def learn(prepared: Sequence[Prepared], features: DayFeatures, relative: float, coverage: float) -> Traces:
    """Takes series of one size of noise, `relative` on a logarithmic scale, through time, at all speeds of the level at once."""
    learner = _Learner(prepared, features, relative, coverage)
    periods = [learner.step(t) for t in range(len(features.days))]
    return Traces(*(np.stack(part, axis=1) for part in zip(*periods, strict=True)))


class _Learner:
    """State per series and profile: arrays (series, profiles), or (series,) where profiles share it."""

    def __init__(
        self, prepared: Sequence[Prepared], features: DayFeatures, relative: float, coverage: float
    ) -> None:
        speeds = [gains(features, profile, relative, features.is_closed) for profile in PROFILES]
        self.features, self.coverage = features, coverage
        self.level_gain = np.stack([speed.level for speed in speeds])
        self.effect_gain = np.stack([speed.effects for speed in speeds])
        self.widths = np.stack([speed.spread for speed in speeds])
        self.waits = np.array([profile.knows_year for profile in PROFILES])
        self.g = np.stack([one.g for one in prepared])
        self.is_used = np.stack([one.is_used for one in prepared])
        self.extra = np.stack([one.extra for one in prepared])
        series, profiles = len(prepared), len(PROFILES)
        self.levels = np.repeat([[one.start] for one in prepared], profiles, axis=1)
        self.noise = np.repeat([[one.noise] for one in prepared], profiles, axis=1)
        # A KPI may turn out steadier than its first weeks, but not by more than this.
        self.least_noise = 0.25 * self.noise
        self.effects = np.zeros((series, profiles, features.matrix.shape[1]))
        self.score = np.zeros((series, profiles))
        self.reach = np.full(series, 1.96)
        self.seen, self.learned = np.zeros(series, dtype=int), np.zeros(series)
        self.newest = np.zeros(series)
        self.lifts, self.sinks = np.zeros(series), np.zeros(series)
        # Promotions that are told explain themselves.
        self.may_lift = features.season > 1 and not any(
            name.startswith("promotion") for name in features.names
        )
        self.recent = np.zeros((series, ACCEPT[features.cadence]))
        self.errors = np.zeros((series, profiles, ACCEPT[features.cadence]))
        self.shift = np.zeros((series, profiles))

    def step(self, t: int) -> tuple[FloatArray, ...]:
        """Foretells period t, then learns from it; gives the parts of Traces, each (series,)."""
        weights = self._weights(t)
        forecast = self.levels + self.effects @ self.features.matrix[t]
        model = (self.noise * self.widths[:, t]) ** 2
        variance = model + np.maximum(self.extra[:, t, None], -0.75 * self.noise**2)
        center = (weights * forecast).sum(axis=1)
        spread = np.sqrt((weights * (variance + (forecast - center[:, None]) ** 2)).sum(axis=1))
        surprise = np.clip((self.g[:, t] - center) / spread, -LARGEST, LARGEST)
        has_lifts = self._has_lifts()
        told = (center, spread, surprise, self.reach, self.learned, has_lifts.astype(np.float64))
        use = self.is_used[:, t]
        teaches = use & ~(self._count_lifts(use, surprise) & has_lifts) if self.may_lift else use
        error = self.g[:, t, None] - forecast
        u = np.clip(error / np.sqrt(variance), -LARGEST, LARGEST)
        # A lift teaches neither level nor weekdays; a thin day teaches less than the gain of a common day says.
        step = _influence(u) * np.sqrt(variance) * np.minimum(1.0, model / variance) * teaches[:, None]
        moved = self.level_gain[:, t] * step
        self.levels = self.levels + moved
        self.learned = self.learned + (weights * moved).sum(axis=1)
        self.effects = self.effects + step[:, :, None] * self.effect_gain[:, t]
        if not self.features.is_special[t]:
            rate = np.where(use, np.maximum(1 / NOISE_PERIODS, 1 / (self.seen + 15)), 0.0)[:, None]
            grown = self.noise * np.exp(rate * SETTLES * ((np.abs(u) > MEDIAN_SIZE) - 0.5))
            self.noise = np.maximum(grown, self.least_noise)
        likelihood = -0.5 * (np.log(variance) + np.minimum(u * u, 9.0))
        self.score = np.where(use[:, None], REMEMBERED * self.score + likelihood, self.score)
        missed = np.where(use, (np.abs(surprise) > self.reach) - (1 - self.coverage), 0.0)
        self.reach = np.clip(self.reach * np.exp(REACH_STEP * missed), 0.1, 6.0)
        self._accept_shifts(use, surprise, error)
        return told

    def _weights(self, t: int) -> FloatArray:
        """How far each speed is believed; those with a yearly season only once there are two years."""
        is_ready = ~self.waits | (self.features.days[t] - self.features.days[0] >= 730)
        apart = self.score - self.score[:, is_ready].max(axis=1, keepdims=True)
        weights = np.exp(np.clip(apart, -500.0, 0.0)) * is_ready
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def _has_lifts(self) -> NDArray[np.bool_]:
        return np.asarray(self.may_lift & (self.lifts > LIFT_RATIO * self.sinks + LIFT_LEAST))

    def _count_lifts(self, use: NDArray[np.bool_], surprise: FloatArray) -> NDArray[np.bool_]:
        """Counts days in a row that stand high or low; which of the series may be in a lift today."""
        is_high = np.zeros(len(use), dtype=bool)
        in_a_row = use & (np.abs(surprise) > LIFTED) & (surprise * self.newest > LIFTED * np.abs(surprise))
        rows = np.flatnonzero(in_a_row)
        fading = np.where(use, 1 - 1 / LIFT_DAYS, 1.0)
        self.lifts *= fading
        self.sinks *= fading
        if len(rows):
            up = surprise[rows] > 0
            before = (self.recent[rows] * np.where(up, 1.0, -1.0)[:, None] > LIFTED).sum(axis=1)
            counted = before <= LIFT_COUNTED
            self.lifts[rows] += counted & up
            self.sinks[rows] += counted & ~up
            is_high[rows] = up & (before < LONGEST_LIFT)
        return is_high

    def _accept_shifts(self, use: NDArray[np.bool_], surprise: FloatArray, error: FloatArray) -> None:
        """All but two of the last periods on one side, the two newest among them, by more than noise is: the level has moved.

        When two stand where the level was before it moved, it moves back at once: a long trouble is over.
        """
        rows = np.flatnonzero(use)
        place = self.seen[rows] % self.recent.shape[1]
        self.recent[rows, place], self.errors[rows, :, place] = surprise[rows], error[rows]
        self.seen[rows] += 1
        was_away = np.abs(self.newest) > 1.0
        is_same_side = np.sign(self.newest) == np.sign(surprise)
        self.newest[rows] = surprise[rows]
        twice = use & was_away & is_same_side & (np.abs(surprise) > 1.0)
        if not twice.any():
            return
        is_away = self.recent * np.sign(surprise)[:, None] > 1.0
        moved = twice & (is_away.sum(axis=1) >= self.recent.shape[1] - 2)
        is_back = (np.abs(error + self.shift) < 0.5 * np.abs(self.shift)).all(axis=1)
        back = twice & ~moved & is_back
        self.levels[back] -= self.shift[back]
        self.shift[back] = 0.0
        self.shift[moved] = np.median(self.errors[moved], axis=2)
        self.levels[moved] += self.shift[moved]
        # What stays is no lift, and wasn't one on its first days.
        for counted in (self.lifts, self.sinks):
            counted[moved] = np.maximum(counted[moved] - LIFT_COUNTED, 0.0)
        self.recent[moved | back], self.newest[moved | back] = 0.0, 0.0


def _influence(u: FloatArray) -> FloatArray:
    size = np.abs(u)
    fading = np.clip((IGNORED - size) / (IGNORED - CAPPED), 0.0, 1.0)
    return np.asarray(np.sign(u) * np.minimum(size, WHOLE) * fading)
