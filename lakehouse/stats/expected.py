"""What each day should have been, from the days before it alone, with an interval: the one expectation that all share.

Belongs here: the pass over time, which learns level, weekday, month, year, holidays and promotions together and robustly.
Not here: the calendar (calendar_effects.py), the scale (scales.py), what makes a surprise an alarm (surprise.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lakehouse.stats.calendar_effects import DayFeatures
from lakehouse.stats.gains import PROFILES, gains
from lakehouse.stats.guards import FloatArray, level
from lakehouse.stats.scales import Scale, scale_of

BoolArray = NDArray[np.bool_]

# Periods before a value is judged: four of each weekday, or a quarter of weeks.
WARM_UP = {"daily": 28, "weekly": 13}
# Periods on one side of what was expected after which a shift is the new level: two whole weeks, so that an outage of one
# isn't; in weeks, two months.
ACCEPT = {"daily": 14, "weekly": 8}
# Below so many events a period, expected and found, no period is judged: an empty one comes by chance once in exp(5) = 150.
LEAST_EVENTS = 5.0
# Surprises count whole up to 2 standard deviations, as 2 up to 4, and not at all from 6 on.
WHOLE, CAPPED, IGNORED = 2.0, 4.0, 6.0
# Mean of min(Z², 4) of a normal Z: what capped squares of pure noise average to.
MEAN_CAPPED_SQUARE = 0.7737


@dataclass(frozen=True, slots=True)
class Expected:
    """Of one series or several: arrays of shape (n,) or (series, n), without any NaN.

    status: per series "ok", or why nothing is judged. center, low, high: on the scale of the values; surprise: how far the
    value was from the center, in standard deviations of a forecast, 0 where not judged; spread: that standard deviation
    on the scale of `scales`. is_judged: whether a value is there, open, after the warm-up and not of low volume.
    """

    status: tuple[str, ...]
    center: FloatArray
    low: FloatArray
    high: FloatArray
    surprise: FloatArray
    spread: FloatArray
    is_judged: BoolArray
    scales: tuple[Scale, ...]


def expect(
    values: ArrayLike,
    features: DayFeatures,
    *,
    denominators: ArrayLike | None = None,
    is_share: bool = False,
    grain: float | None = None,
    coverage: float = 0.95,
) -> Expected:
    """The expected value of every period, given the periods before it.

    values: (n,) or (series, n), NaN or infinite for none, on the calendar of `features`. denominators: same shape, for
    ratios: how many events each value averages, so that thin days are wide. is_share: values are parts of their
    denominators. grain: what one event adds (1 for counts); None: unknown. coverage: of the interval, which keeps it by
    widening after misses.
    A level that moves for good is surprising for two weeks, and then is the level. A weekday on which nothing ever happens is
    closed. Days without a value, closed days and the warm-up have an expectation, and are not judged.
    Raises ValueError for shapes that don't fit or a coverage outside (0, 1); never for what a series holds.
    Source: a dynamic linear model (West & Harrison 1997, Bayesian forecasting and dynamic models) whose surprises are capped
    (Masreliez & Martin 1977, IEEE Transactions on Automatic Control 22:361-371), averaged over speeds of the level by how
    each foretold so far; interval as in Gibbs & Candès (2021), Adaptive conformal inference.

    >>> from lakehouse.stats.calendar_effects import day_features
    >>> visits = np.resize([100.0, 102, 98, 101, 99, 140, 60], 70)
    >>> visits[60] = 30
    >>> found = expect(visits, day_features(range(70)))
    >>> int(np.abs(found.surprise).argmax()), bool(found.low[60] <= 102 <= found.high[60])
    (60, True)
    """
    level("coverage", coverage)
    given = np.asarray(values, dtype=np.float64)
    y = np.atleast_2d(given)
    if y.ndim != 2 or y.shape[1] != len(features.days):
        raise ValueError(f"values: expected {len(features.days)} periods as in features, found shape {given.shape}")
    volumes = None if denominators is None else np.atleast_2d(np.asarray(denominators, dtype=np.float64))
    if volumes is not None and volumes.shape != y.shape:
        raise ValueError(f"denominators: expected shape {y.shape} as of values, found {volumes.shape}")
    is_there = np.isfinite(y) & (np.abs(np.nan_to_num(y)) < 1e100)
    if volumes is not None:
        is_there &= np.nan_to_num(volumes) > 0
    is_open = ~(features.is_closed | _shut_weekdays(y, is_there, features.season))
    prepared = [
        _Prepared.of(y[i], is_there[i] & is_open[i], None if volumes is None else volumes[i], features, is_share, grain)
        for i in range(len(y))
    ]
    classes = np.array([one.noise_class for one in prepared])
    parts: dict[str, FloatArray] = {name: np.zeros(y.shape) for name in ("center", "spread", "surprise", "reach")}
    for noise_class in np.unique(classes):
        of_class = np.flatnonzero(classes == noise_class)
        found = _pass([prepared[i] for i in of_class], features, 2.0**noise_class, coverage)
        for name, part in found.items():
            parts[name][of_class] = part
    center, low, high = np.zeros(y.shape), np.zeros(y.shape), np.zeros(y.shape)
    for i, one in enumerate(prepared):
        middle, half = parts["center"][i], parts["reach"][i] * parts["spread"][i]
        center[i], low[i], high[i] = (one.scale.back(g) for g in (middle, middle - half, middle + half))
    warmed = np.cumsum(is_there & is_open, axis=1) > WARM_UP[features.cadence]
    status = tuple(one.status for one in prepared)
    is_judged = is_there & is_open & warmed & np.array([s == "ok" for s in status])[:, None]
    is_judged &= ~_is_thin(y, center, volumes, prepared, is_share=is_share)
    surprise = np.where(is_judged, parts["surprise"], 0.0)
    shape = given.shape
    return Expected(
        status, center.reshape(shape), low.reshape(shape), high.reshape(shape), surprise.reshape(shape),
        parts["spread"].reshape(shape), is_judged.reshape(shape), tuple(one.scale for one in prepared),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One series on its scale: g and extra (n,), extra being the variance of thin days beyond the common day's."""

    status: str
    scale: Scale
    g: FloatArray
    is_used: BoolArray
    extra: FloatArray
    start: float
    noise: float
    noise_class: int
    grain: float

    @classmethod
    def of(
        cls, y: FloatArray, is_used: BoolArray, volumes: FloatArray | None, features: DayFeatures, is_share: bool, grain: float | None
    ) -> _Prepared:
        n = len(y)
        seen = y[is_used]
        warm_up = WARM_UP[features.cadence]
        status = "ok"
        if len(seen) == 0:
            status = "no values"
        elif not seen.any():
            status = "all values are zero"
        elif len(seen) <= warm_up:
            status = f"fewer than {warm_up + 1} values"
        if len(seen) == 0:
            return cls(status, scale_of(np.ones(1)), np.zeros(n), is_used, np.zeros(n), 0.0, 0.1, -3, 0.0)
        # From the first eight weeks, so that later days don't change what was said of earlier ones.
        first = seen[: 2 * warm_up]
        scale = scale_of(first, is_share=is_share, grain=grain, season=features.season)
        g = scale.there(np.where(is_used, y, first[0]))
        extra = np.zeros(n)
        if volumes is not None:
            counted = np.where(is_used, volumes, np.inf)
            common = float(np.median(counted[is_used][: 2 * warm_up]))
            # Of an angle 1/4 per event; of a logarithm of a mean about 1, as of amounts that are exponential.
            per_event = 0.25 if scale.kind == "angle" else 1.0
            extra = per_event * (1 / counted - 1 / common)
            extra[~is_used] = 0.0
        used = g[is_used][: 2 * warm_up]
        lag = features.season if len(used) >= 2 * features.season + 7 else 1
        steps = np.diff(used) if lag == 1 else used[lag:] - used[:-lag]
        noise = float(np.median(np.abs(steps))) / 0.6745 / np.sqrt(2) if len(steps) else 0.1
        # A KPI that is steadier than 2 % isn't: it is rounded, or constant so far.
        noise = min(max(noise, 0.02 * scale.reach), 4.0 * scale.reach)
        noise_class = int(np.round(np.log2(noise / scale.reach)))
        return cls(
            status, scale, g, is_used, extra, float(np.median(used[:14])), noise, noise_class, scale_grain(scale, grain)
        )


def scale_grain(scale: Scale, grain: float | None) -> float:
    """What one event adds, as far as known: given, or what makes the scale's offset; 0 if unknown."""
    return grain or 2 * scale.offset * 0.05**2


def _pass(prepared: list[_Prepared], features: DayFeatures, relative: float, coverage: float) -> dict[str, FloatArray]:
    """All series of one size of noise through time, every profile at once: arrays (series, profiles)."""
    series, n = len(prepared), len(features.days)
    speeds = [gains(features, profile, relative, features.is_closed) for profile in PROFILES]
    level_gain = np.stack([s.level for s in speeds])
    effect_gain = np.stack([s.effects for s in speeds])
    widths = np.stack([s.spread for s in speeds])
    waits = np.array([profile.knows_year for profile in PROFILES])
    two_years = features.days >= features.days[0] + 730
    g = np.stack([one.g for one in prepared])
    is_used = np.stack([one.is_used for one in prepared])
    extra = np.stack([one.extra for one in prepared])
    levels = np.repeat(np.array([[one.start] for one in prepared]), len(PROFILES), axis=1)
    effects = np.zeros((series, len(PROFILES), features.matrix.shape[1]))
    noise = np.repeat(np.array([[one.noise] for one in prepared]), len(PROFILES), axis=1)
    least = 0.25 * noise
    score = np.zeros((series, len(PROFILES)))
    reach = np.full(series, 1.96)
    accept = ACCEPT[features.cadence]
    recent = np.zeros((series, accept))
    away = np.zeros((series, len(PROFILES), accept))
    seen = np.zeros(series, dtype=int)
    out = {name: np.zeros((series, n)) for name in ("center", "spread", "surprise", "reach")}
    for t in range(n):
        weights = np.exp(score - score.max(axis=1, keepdims=True)) * (two_years[t] | ~waits)
        weights /= weights.sum(axis=1, keepdims=True)
        forecast = levels + effects @ features.matrix[t]
        variance = noise**2 * widths[:, t] ** 2 + np.maximum(extra[:, t, None], -0.75 * noise**2)
        deviation = np.sqrt(variance)
        center = (weights * forecast).sum(axis=1)
        total = np.sqrt((weights * (variance + (forecast - center[:, None]) ** 2)).sum(axis=1))
        surprise = np.clip((g[:, t] - center) / total, -50.0, 50.0)
        out["center"][:, t], out["spread"][:, t], out["reach"][:, t] = center, total, reach
        out["surprise"][:, t] = surprise
        use = is_used[:, t]
        error = g[:, t, None] - forecast
        u = np.clip(error / deviation, -50.0, 50.0)
        size = np.abs(u)
        taken = np.sign(u) * np.minimum(size, WHOLE) * np.clip((IGNORED - size) / (IGNORED - CAPPED), 0.0, 1.0)
        # A thin day teaches less than the gain of a common day says.
        taken *= np.minimum(1.0, noise**2 * widths[:, t] ** 2 / variance) * use[:, None]
        step = taken * deviation
        levels += level_gain[:, t] * step
        effects += step[:, :, None] * effect_gain[:, t]
        if not features.is_special[t]:
            rate = np.where(use, np.maximum(1 / 60, 1 / (seen + 15.0)), 0.0)[:, None]
            noise *= np.sqrt(1 + rate * (np.minimum(u * u, 4.0) / MEAN_CAPPED_SQUARE - 1))
            noise = np.maximum(noise, least)
        score = np.where(use[:, None], 0.99 * score - np.log(deviation) - 0.5 * np.minimum(u * u, 9.0), score)
        reach *= np.exp(np.where(use, 0.03 * ((np.abs(surprise) > reach) - (1 - coverage)), 0.0))
        reach = np.clip(reach, 1.0, 6.0)
        recent[use] = np.concatenate([recent[use, 1:], surprise[use, None]], axis=1)
        away[use] = np.concatenate([away[use, :, 1:], error[use, :, None]], axis=2)
        seen += use
        # All but two of the last periods on one side, by more than noise is: the level has moved.
        side = np.sign(np.median(recent, axis=1))
        moved = use & (np.sum(recent * side[:, None] > 1.0, axis=1) >= accept - 2)
        if moved.any():
            levels[moved] += np.median(away[moved], axis=2)
            recent[moved], away[moved] = 0.0, 0.0
    return out


def _shut_weekdays(y: FloatArray, is_there: BoolArray, season: int) -> BoolArray:
    """Weekdays on which, of the eight before, all but one were without any business, while others weren't."""
    shut = np.zeros(y.shape, dtype=bool)
    rounds = 8
    if season == 1 or y.shape[1] <= season * rounds:
        return shut
    empty = ~is_there | (np.nan_to_num(y) == 0)
    counts = np.cumsum(np.pad(empty, ((0, 0), (1, 0))), axis=1)
    span = season * rounds
    all_empty = (counts[:, span:-1] - counts[:, : -span - 1]) / span
    of_weekday = sum(empty[:, span - season * k : -season * k].astype(int) for k in range(1, rounds + 1))
    shut[:, span:] = (of_weekday >= rounds - 1) & (all_empty < 0.5)
    # The first weeks have no past of their own to tell by.
    first = np.zeros((len(y), season), dtype=bool)
    for weekday in range(season):
        first[:, weekday] = empty[:, weekday : span : season].sum(axis=1) >= rounds - 1
    first &= (empty[:, :span].mean(axis=1) < 0.5)[:, None]
    shut[:, :span] = np.tile(first, rounds)
    return shut


def _is_thin(
    y: FloatArray, center: FloatArray, volumes: FloatArray | None, prepared: list[_Prepared], *, is_share: bool
) -> BoolArray:
    """Periods with too few events to be judged, expected or found."""
    if volumes is not None:
        events = np.nan_to_num(volumes)
        if is_share:
            # A share is as thin as the rarer of its two outcomes.
            rarer = np.minimum(np.maximum(center, np.nan_to_num(y)), 1 - np.minimum(center, np.nan_to_num(y)))
            events = events * np.maximum(rarer, 0.0)
        return np.asarray(events < LEAST_EVENTS)
    grains = np.array([one.grain for one in prepared])[:, None]
    return np.asarray((grains > 0) & (np.maximum(np.abs(np.nan_to_num(y)), np.abs(center)) < LEAST_EVENTS * grains))
