"""The pass over time: each day is foretold from the days before it, and then learned from, robustly.

Belongs here: the filter's state and its step from day to day, for many series at once. Not here: gains, which don't hang on
values (gains.py), and what is read from the outcome (expected.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lakehouse.stats.calendar_effects import DayFeatures
from lakehouse.stats.gains import PROFILES, Gains, Speeds
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.prepared import Prepared, Start

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

    @classmethod
    def together(cls, traces: Sequence[Traces], rows: Sequence[NDArray[np.intp]]) -> Traces:
        """Of several groups of series, put into their places; rows: the places of each group's."""
        order = np.argsort(np.concatenate(rows))
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(*(np.concatenate([getattr(one, name) for one in traces])[order] for name in names))

    def followed_by(self, later: Traces, periods: int) -> Traces:
        """The first periods of these, and then the others."""
        names = [field.name for field in dataclasses.fields(self)]
        return Traces(
            *(np.hstack([getattr(self, name)[:, :periods], getattr(later, name)]) for name in names)
        )


@dataclass(frozen=True, slots=True)
class State:
    """What the pass knows after a number of periods, and all that it needs to go on. The series' axis is the last one.

    noise_classes, covariance: see gains.Speeds. levels, noise, score, shift: (profiles, series); effects: (p, profiles,
    series); recent: (periods, series) and errors: (periods, profiles, series), of the last ones; others (series,).
    """

    periods: int
    noise_classes: NDArray[np.int64]
    covariance: FloatArray
    levels: FloatArray
    effects: FloatArray
    noise: FloatArray
    score: FloatArray
    reach: FloatArray
    learned: FloatArray
    newest: FloatArray
    lifts: FloatArray
    sinks: FloatArray
    seen: NDArray[np.int64]
    recent: FloatArray
    errors: FloatArray
    shift: FloatArray

    @classmethod
    def begin(cls, starts: Sequence[Start], features: DayFeatures) -> State:
        """Before the first period."""
        classes = np.unique(np.array([one.noise_class for one in starts], dtype=np.int64))
        series, profiles, kept = len(starts), len(PROFILES), ACCEPT[features.cadence]
        return cls(
            0,
            classes,
            Speeds(features, 2.0**classes).covariance,
            levels=np.tile(np.array([one.level for one in starts]), (profiles, 1)),
            effects=np.zeros((features.matrix.shape[1], profiles, series)),
            noise=np.tile(np.array([one.noise for one in starts]), (profiles, 1)),
            score=np.zeros((profiles, series)),
            reach=np.full(series, 1.96),
            learned=np.zeros(series),
            newest=np.zeros(series),
            lifts=np.zeros(series),
            sinks=np.zeros(series),
            seen=np.zeros(series, dtype=np.int64),
            recent=np.zeros((kept, series)),
            errors=np.zeros((kept, profiles, series)),
            shift=np.zeros((profiles, series)),
        )

    def of_rows(self, rows: NDArray[np.intp], noise_classes: NDArray[np.int64]) -> State:
        """Some of the series, whose noises are of these sizes only."""
        parts = {name: getattr(self, name)[..., rows] for name in PER_SERIES}
        covariance = self.covariance[np.searchsorted(self.noise_classes, noise_classes)]
        return dataclasses.replace(self, noise_classes=noise_classes, covariance=covariance, **parts)

    @classmethod
    def together(cls, states: Sequence[State], rows: Sequence[NDArray[np.intp]]) -> State:
        """Of several groups of series after as many periods, put into their places; rows: the places of each group's."""
        order = np.argsort(np.concatenate(rows))
        parts = {
            name: np.concatenate([getattr(one, name) for one in states], axis=-1)[..., order]
            for name in PER_SERIES
        }
        classes, first = np.unique(np.concatenate([one.noise_classes for one in states]), return_index=True)
        covariance = np.concatenate([one.covariance for one in states])[first]
        return cls(states[0].periods, classes, covariance, **parts)


PER_SERIES = (
    "levels", "effects", "noise", "score", "reach", "learned", "newest", "lifts", "sinks", "seen", "recent", "errors", "shift",
)  # fmt: skip


def learn(
    prepared: Prepared, features: DayFeatures, coverage: float, state: State, keep: Sequence[int] = ()
) -> tuple[Traces, list[State]]:
    """Takes series through time, at all speeds of the level at once, from where `state` stands.

    prepared: of the periods from there on, series sorted by noise class. keep: after how many periods of the calendar states are wanted.
    What becomes of a series hangs on no other: sums are taken in an order that hangs on their own terms alone.
    """
    n, first = len(features.days), state.periods
    learner = _Learner(prepared, features, coverage, state)
    traces = np.zeros((len(dataclasses.fields(Traces)), n - first, len(prepared.starts)))
    kept = []
    for t in range(first, n):
        traces[:, t - first] = learner.step(t)
        if t + 1 in keep:
            kept.append(learner.state(t + 1))
    return Traces(*(np.ascontiguousarray(part.T) for part in traces)), kept


class _Learner:
    """State per series and profile: arrays (profiles, series), or (series,) where profiles share it."""

    def __init__(self, prepared: Prepared, features: DayFeatures, coverage: float, state: State) -> None:
        self.features, self.coverage, self.first = features, coverage, state.periods
        self.waits = np.array([profile.knows_year for profile in PROFILES])
        self.g, self.is_used, self.extra = (
            np.ascontiguousarray(part.T) for part in (prepared.g, prepared.is_used, prepared.extra)
        )
        starts = prepared.starts
        self.classes = state.noise_classes
        self.speeds = Speeds(features, 2.0**self.classes, state.covariance)
        self.class_of = np.searchsorted(
            self.classes, np.array([one.noise_class for one in starts], dtype=np.int64)
        )
        # A KPI may turn out steadier than its first weeks, but not by more than this.
        self.least_noise = 0.25 * np.array([one.noise for one in starts])
        self.levels, self.noise, self.score = state.levels.copy(), state.noise.copy(), state.score.copy()
        self.effects = state.effects.copy()
        self.reach, self.learned = state.reach.copy(), state.learned.copy()
        self.newest, self.seen = state.newest.copy(), state.seen.copy()
        self.lifts, self.sinks = state.lifts.copy(), state.sinks.copy()
        # Promotions that are told explain themselves.
        self.may_lift = features.season > 1 and not any(
            name.startswith("promotion") for name in features.names
        )
        self.recent, self.errors, self.shift = state.recent.copy(), state.errors.copy(), state.shift.copy()

    def state(self, periods: int) -> State:
        """As it stands."""
        parts = {name: getattr(self, name).copy() for name in PER_SERIES}
        return State(periods, self.classes, self.speeds.covariance.copy(), **parts)

    def step(self, t: int) -> tuple[FloatArray, ...]:
        """Foretells period t, then learns from it; gives the parts of Traces, each (series,)."""
        gains = self.speeds.gains(t)
        weights = self._weights(t)
        forecast = self._forecast(t)
        model = (self.noise * gains.spread.T[:, self.class_of]) ** 2
        variance = model + np.maximum(self.extra[t - self.first], -0.75 * self.noise**2)
        deviation = np.sqrt(variance)
        center = (weights * forecast).sum(axis=0)
        spread = np.sqrt((weights * (variance + (forecast - center) ** 2)).sum(axis=0))
        g = self.g[t - self.first]
        surprise = np.clip((g - center) / spread, -LARGEST, LARGEST)
        has_lifts = self._has_lifts()
        told = (center, spread, surprise, self.reach, self.learned, has_lifts.astype(np.float64))
        use = self.is_used[t - self.first]
        teaches = use & ~(self._count_lifts(use, surprise) & has_lifts) if self.may_lift else use
        error = g - forecast
        u = np.clip(error / deviation, -LARGEST, LARGEST)
        # A lift teaches neither level nor weekdays; a thin day teaches less than the gain of a common day says.
        step = _influence(u) * deviation * np.minimum(1.0, model / variance) * teaches
        moved = gains.level.T[:, self.class_of] * step
        self.levels = self.levels + moved
        self.learned = self.learned + (weights * moved).sum(axis=0)
        self._learn_effects(gains, step)
        if not self.features.is_special[t]:
            rate = np.where(use, np.maximum(1 / NOISE_PERIODS, 1 / (self.seen + 15)), 0.0)
            grown = self.noise * np.exp(rate * SETTLES * ((np.abs(u) > MEDIAN_SIZE) - 0.5))
            self.noise = np.maximum(grown, self.least_noise)
        likelihood = -0.5 * (np.log(variance) + np.minimum(u * u, 9.0))
        self.score = np.where(use, REMEMBERED * self.score + likelihood, self.score)
        missed = np.where(use, (np.abs(surprise) > self.reach) - (1 - self.coverage), 0.0)
        self.reach = np.clip(self.reach * np.exp(REACH_STEP * missed), 0.1, 6.0)
        self._accept_shifts(use, surprise, error)
        return told

    def _forecast(self, t: int) -> FloatArray:
        forecast = self.levels.copy()
        # Most holidays and promotions are not today.
        for column in np.flatnonzero(self.features.matrix[t]):
            forecast += self.effects[column] * self.features.matrix[t, column]
        return forecast

    def _learn_effects(self, gains: Gains, step: FloatArray) -> None:
        """Series are sorted by the size of their noise, which is what gains hang on."""
        ends = np.searchsorted(self.class_of, np.arange(len(self.classes) + 1))
        for size, (start, end) in enumerate(pairwise(ends)):
            if end > start:
                part = step[:, start:end] * gains.effects[size].T[:, :, None]
                self.effects[:, :, start:end] += part

    def _weights(self, t: int) -> FloatArray:
        """How far each speed is believed; those with a yearly season only once there are two years."""
        is_ready = ~self.waits | (self.features.days[t] - self.features.days[0] >= 730)
        apart = self.score - self.score[is_ready].max(axis=0)
        weights = np.exp(np.clip(apart, -500.0, 0.0)) * is_ready[:, None]
        return np.asarray(weights / weights.sum(axis=0))

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
            before = (self.recent[:, rows] * np.where(up, 1.0, -1.0) > LIFTED).sum(axis=0)
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
        place = self.seen[rows] % len(self.recent)
        self.recent[place, rows], self.errors[place, :, rows] = surprise[rows], error[:, rows].T
        self.seen[rows] += 1
        was_away = np.abs(self.newest) > 1.0
        is_same_side = np.sign(self.newest) == np.sign(surprise)
        self.newest[rows] = surprise[rows]
        twice = np.flatnonzero(use & was_away & is_same_side & (np.abs(surprise) > 1.0))
        if not len(twice):
            return
        is_away = self.recent[:, twice] * np.sign(surprise[twice]) > 1.0
        has_moved = is_away.sum(axis=0) >= len(self.recent) - 2
        shift = self.shift[:, twice]
        is_back = (np.abs(error[:, twice] + shift) < 0.5 * np.abs(shift)).all(axis=0)
        moved, back = twice[has_moved], twice[~has_moved & is_back]
        self.levels[:, back] -= self.shift[:, back]
        self.shift[:, back] = 0.0
        self.shift[:, moved] = np.median(self.errors[:, :, moved], axis=0)
        self.levels[:, moved] += self.shift[:, moved]
        # What stays is no lift, and wasn't one on its first days.
        for counted in (self.lifts, self.sinks):
            counted[moved] = np.maximum(counted[moved] - LIFT_COUNTED, 0.0)
        for over in (moved, back):
            self.recent[:, over], self.newest[over] = 0.0, 0.0


def _influence(u: FloatArray) -> FloatArray:
    size = np.abs(u)
    fading = np.clip((IGNORED - size) / (IGNORED - CAPPED), 0.0, 1.0)
    return np.asarray(np.sign(u) * np.minimum(size, WHOLE) * fading)
