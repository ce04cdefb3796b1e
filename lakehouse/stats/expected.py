"""What each day should have been, from the days before it alone, with an interval: the one expectation that all share.

Belongs here: the expectation as others read it. Not here: how it is learned (prepared.py, learning.py, gains.py), the
calendar (calendar_effects.py), the scale (scales.py), what makes a surprise an alarm (surprise.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from lakehouse.stats.calendar_effects import DayFeatures
from lakehouse.stats.guards import FloatArray, level, same_length
from lakehouse.stats.learning import State, Traces, learn
from lakehouse.stats.prepared import WARM_UP, BoolArray, Prepared, Start, is_settled, is_thin, shut_weekdays
from lakehouse.stats.scales import Scale, back

# Series at once; their effects of some twenty columns and five speeds then take 0.4 MB.
BLOCK = 512


@dataclass(frozen=True, slots=True)
class Expected:
    """Of one series or several: arrays of shape (n,) or (series, n), without any NaN.

    status: per series "ok", or why nothing is judged. center, low, high: on the scale of the values; surprise: how far the
    value was from the center, in standard deviations of a forecast, 0 where not judged; spread: that standard deviation
    on the scale of `scales`; learned: what the level has taken in of surprises so far, in the same unit. has_lifts: where
    the series so far stood high for days in a row far more often than low, as promotions make it that nobody told of. is_judged: whether
    a value is there, open, after the warm-up and not of low volume.
    """

    status: tuple[str, ...]
    center: FloatArray
    low: FloatArray
    high: FloatArray
    surprise: FloatArray
    spread: FloatArray
    learned: FloatArray
    has_lifts: BoolArray
    is_judged: BoolArray
    scales: tuple[Scale, ...]

    def one(self, i: int) -> Expected:
        """The i-th of several series."""
        parts = (self.center, self.low, self.high, self.surprise, self.spread, self.learned)
        center, low, high, surprise, spread, learned = (part[i] for part in parts)
        return Expected(
            self.status[i : i + 1], center, low, high, surprise, spread, learned,
            self.has_lifts[i], self.is_judged[i], self.scales[i : i + 1]
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Course:
    """How several series went: what they began with, what was left of every period, and states to go on from. is_settled: by
    the periods of a state, of which series, (series,), nothing said so far can change when periods are added.
    """

    starts: tuple[Start, ...]
    traces: Traces
    states: tuple[State, ...]
    is_settled: Mapping[int, BoolArray]


def expect(
    values: ArrayLike,
    features: DayFeatures,
    *,
    denominators: ArrayLike | None = None,
    is_share: bool | Sequence[bool] = False,
    grain: float | Sequence[float | None] | None = None,
    coverage: float = 0.95,
) -> Expected:
    """The expected value of every period, given the periods before it.

    values: (n,) or (series, n), NaN or infinite for none, on the calendar of `features`. denominators: same shape, for
    ratios: how many events each value averages, so that thin days are wide. is_share: values are parts of their
    denominators. grain: what one event adds (1 for counts); None: unknown. Both may be given per series. coverage: of the interval, which keeps it by
    widening after misses.
    A level that moves for good is surprising for two weeks, and then is the level. A weekday on which nothing ever happens is
    closed. Days without a value, closed days and the warm-up have an expectation, and are not judged. Scale, first noise and
    first closed weekdays come from the first eight weeks (half a year of weeks) as a whole; from then on nothing that is
    said of a period changes when later ones come.
    Raises ValueError for shapes that don't fit or a coverage outside (0, 1); never for what a series holds.
    Source: a dynamic linear model (West & Harrison 1997, Bayesian forecasting and dynamic models) whose surprises are capped
    (Masreliez & Martin 1977, IEEE Transactions on Automatic Control 22:361-371), averaged over speeds of the level by how
    each foretold so far; interval as in Gibbs & Candès (2021), Adaptive conformal inference.

    >>> from lakehouse.stats.calendar_effects import day_features
    >>> visits = np.resize([100.0, 102, 98, 101, 99, 140, 60], 70) * np.random.default_rng(1).normal(1, 0.05, 70)
    >>> visits[60] = 30
    >>> found = expect(visits, day_features(range(70)))
    >>> int(np.abs(found.surprise).argmax()), bool(found.low[60] <= 102 <= found.high[60])
    (60, True)
    """
    return expect_on(
        values, features, denominators=denominators, is_share=is_share, grain=grain, coverage=coverage
    )[0]


def expect_on(
    values: ArrayLike,
    features: DayFeatures,
    *,
    denominators: ArrayLike | None = None,
    is_share: bool | Sequence[bool] = False,
    grain: float | Sequence[float | None] | None = None,
    coverage: float = 0.95,
    resume: Course | None = None,
    keep: Sequence[int] = (),
) -> tuple[Expected, Course]:
    """As `expect`, and what it takes to go on from there when periods are added.

    resume: the course of the same series, of settled ones only, whose last state is gone on from; all else must be as
    it was when that was kept, up to that state's periods, and values are given from the first period on. keep: after how many
    periods states are wanted. The outcome is that of going through all periods, to the last bit.
    Raises ValueError as `expect`.
    """
    level("coverage", coverage)
    given = np.asarray(values, dtype=np.float64)
    y = np.atleast_2d(given)
    if y.ndim != 2 or y.shape[1] != len(features.days):
        raise ValueError(
            f"values: expected {len(features.days)} periods as in features, found shape {given.shape}"
        )
    volumes = None if denominators is None else np.atleast_2d(np.asarray(denominators, dtype=np.float64))
    if volumes is not None and volumes.shape != y.shape:
        raise ValueError(f"denominators: expected shape {y.shape} as of values, found {volumes.shape}")
    is_there = np.isfinite(y) & (np.abs(np.nan_to_num(y)) < 1e100)
    if volumes is not None:
        is_there &= np.nan_to_num(volumes) > 0
    is_used = is_there & ~(features.is_closed | shut_weekdays(y, is_there, features.season))
    shares = [is_share] * len(y) if isinstance(is_share, bool) else list(is_share)
    grains = list(grain) if isinstance(grain, Sequence) else [grain] * len(y)
    same_length(values=y, is_share=np.array(shares, dtype=float), grain=np.zeros(len(grains)))
    if resume is None:
        starts = tuple(
            Start.of(
                y[i, is_used[i]],
                None if volumes is None else volumes[i, is_used[i]],
                features,
                is_share=shares[i],
                grain=grains[i],
            )
            for i in range(len(y))
        )
        before = Traces(*(np.zeros((len(y), 0)) for _ in fields(Traces)))
        begun = State.begin(starts, features)
    else:
        starts, begun = resume.starts, resume.states[-1]
        before = resume.traces
    later = slice(begun.periods, None)
    prepared = Prepared.of(
        starts, y[:, later], is_used[:, later], None if volumes is None else volumes[:, later]
    )
    after, states = _through_time(prepared, features, coverage, begun, keep)
    traces = before.followed_by(after, begun.periods)
    half = traces.reach * traces.spread
    scales = tuple(one.scale for one in starts)
    center, low, high = (
        back(scales, part) for part in (traces.center, traces.center - half, traces.center + half)
    )
    warmed = np.cumsum(is_used, axis=1) > WARM_UP[features.cadence]
    is_judged = is_used & warmed & np.array([one.status == "ok" for one in starts], dtype=bool)[:, None]
    is_judged &= ~is_thin(y, center, volumes, starts, is_share=np.array(shares, dtype=bool))
    surprise = np.where(is_judged, traces.surprise, 0.0)
    shape = given.shape
    found = Expected(
        status=tuple(one.status for one in starts),
        center=center.reshape(shape),
        low=low.reshape(shape),
        high=high.reshape(shape),
        surprise=surprise.reshape(shape),
        spread=traces.spread.reshape(shape),
        learned=traces.learned.reshape(shape),
        has_lifts=(traces.has_lifts > 0).reshape(shape),
        is_judged=is_judged.reshape(shape),
        scales=scales,
    )
    settled = {state.periods: is_settled(is_used[:, : state.periods], starts, features) for state in states}
    return found, Course(starts, traces, states, settled)


def _through_time(
    prepared: Prepared, features: DayFeatures, coverage: float, begun: State, keep: Sequence[int]
) -> tuple[Traces, tuple[State, ...]]:
    """Series go through time together, as many at once as a processor's cache holds, sorted by the size of their noise."""
    classes = np.array([one.noise_class for one in prepared.starts], dtype=np.int64)
    order = np.argsort(classes, kind="stable")
    blocks = [order[start : start + BLOCK] for start in range(0, max(len(order), 1), BLOCK)]
    learned = [
        learn(
            prepared.of_rows(rows),
            features,
            coverage,
            begun.of_rows(rows, np.unique(classes[rows])),
            keep,
        )
        for rows in blocks
    ]
    traces = Traces.together([one for one, _ in learned], blocks)
    states = zip(*(kept for _, kept in learned), strict=True)
    return traces, tuple(State.together(parts, blocks) for parts in states)
