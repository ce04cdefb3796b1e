"""What each day should have been, from the days before it alone, with an interval: the one expectation that all share.

Belongs here: the expectation as others read it. Not here: how it is learned (prepared.py, learning.py, gains.py), the
calendar (calendar_effects.py), the scale (scales.py), what makes a surprise an alarm (surprise.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lakehouse.stats.calendar_effects import DayFeatures
from lakehouse.stats.guards import FloatArray, level, same_length
from lakehouse.stats.learning import Traces, learn
from lakehouse.stats.prepared import WARM_UP, BoolArray, Prepared, is_thin, shut_weekdays
from lakehouse.stats.scales import Scale


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
    is_open = ~(features.is_closed | shut_weekdays(y, is_there, features.season))
    shares = [is_share] * len(y) if isinstance(is_share, bool) else list(is_share)
    grains = list(grain) if isinstance(grain, Sequence) else [grain] * len(y)
    same_length(values=y, is_share=np.array(shares, dtype=float), grain=np.zeros(len(grains)))
    prepared = [
        Prepared.of(
            y[i],
            is_there[i] & is_open[i],
            None if volumes is None else volumes[i],
            features,
            is_share=shares[i],
            grain=grains[i],
        )
        for i in range(len(y))
    ]
    traces = _through_time(prepared, features, coverage)
    half = traces.reach * traces.spread
    center, low, high = (
        np.array([one.scale.back(g) for one, g in zip(prepared, part, strict=True)]).reshape(y.shape)
        for part in (traces.center, traces.center - half, traces.center + half)
    )
    warmed = np.cumsum(is_there & is_open, axis=1) > WARM_UP[features.cadence]
    is_judged = (
        is_there & is_open & warmed & np.array([one.status == "ok" for one in prepared], dtype=bool)[:, None]
    )
    is_judged &= ~is_thin(y, center, volumes, prepared, is_share=np.array(shares, dtype=bool))
    surprise = np.where(is_judged, traces.surprise, 0.0)
    shape = given.shape
    return Expected(
        status=tuple(one.status for one in prepared),
        center=center.reshape(shape),
        low=low.reshape(shape),
        high=high.reshape(shape),
        surprise=surprise.reshape(shape),
        spread=traces.spread.reshape(shape),
        learned=traces.learned.reshape(shape),
        has_lifts=(traces.has_lifts > 0).reshape(shape),
        is_judged=is_judged.reshape(shape),
        scales=tuple(one.scale for one in prepared),
    )


def _through_time(prepared: list[Prepared], features: DayFeatures, coverage: float) -> Traces:
    """Series of one size of noise share their gains, and go through time together."""
    classes = np.array([one.noise_class for one in prepared], dtype=int)
    parts = [np.zeros((len(prepared), len(features.days))) for _ in dataclasses.fields(Traces)]
    for noise_class in np.unique(classes):
        of_class = np.flatnonzero(classes == noise_class)
        found = learn([prepared[i] for i in of_class], features, float(2.0**noise_class), coverage)
        for part, field in zip(parts, dataclasses.fields(Traces), strict=True):
            part[of_class] = getattr(found, field.name)
    return Traces(*parts)
