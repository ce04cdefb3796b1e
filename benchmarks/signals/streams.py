"""Detectors on the streams of the Numenta benchmark: a score per point from the points before it, threshold left open.

Belongs here: scores. Not here: the benchmark's rule (nab.py), which asks for the best threshold over all series.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.signals.nab import Profile, Stream, normalised
from lakehouse.stats.calendar_effects import DayFeatures
from lakehouse.stats.expected import expect
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.outliers import trailing_z
from lakehouse.stats.surprise import evidence

Scorer = Callable[[Stream], FloatArray]
THRESHOLDS = 60


def rolling_z(stream: Stream) -> FloatArray:
    """Distance from the mean of as many points as the probation has, at least a day."""
    window = max(min(stream.probation, len(stream.values) - 2), 2)
    return np.minimum(np.abs(trailing_z(stream.values, window).scores), 1e6)


def rolling_iqr(stream: Stream) -> FloatArray:
    """Interquartile ranges beyond the quartiles of the same window, taken anew every 50 points."""
    values, window = stream.values, max(stream.probation, 8)
    scores = np.zeros(len(values))
    for start in range(window, len(values), 50):
        low, high = np.quantile(values[start - window : start], [0.25, 0.75])
        part = values[start : start + 50]
        beyond = np.maximum(np.maximum(low - part, part - high), 0.0)
        scores[start : start + 50] = np.minimum(beyond / max(high - low, 1e-6 * (abs(high) + 1e-6)), 1e6)
    return scores


def seasonal_mad(stream: Stream) -> FloatArray:
    """Distance from the median of the same time on up to seven days before, by the MAD of such distances."""
    per_day = _points_per_day(stream)
    values = stream.values
    rest = np.zeros(len(values))
    for t in range(per_day, len(values)):
        rest[t] = values[t] - np.median(values[max(t % per_day, t - 7 * per_day) : t : per_day])
    scores = np.zeros(len(values))
    window = max(stream.probation, 8)
    for start in range(window, len(values), 50):
        past = np.abs(rest[start - window : start])
        spread = max(float(np.median(past)) / 0.6745, float(past.mean()) / 2, 1e-9)
        scores[start : start + 50] = np.abs(rest[start : start + 50]) / spread
    return np.minimum(scores, 1e6)


def ours(stream: Stream) -> FloatArray:
    """The evidence of a point, as -log10 of its p-value; time of day and of week stand in for the calendar."""
    # Values below 0 aside, a level of 0 isn't special in a stream: no logarithms.
    shifted = np.append(stream.values, -1.0)[:-1] if stream.values.min() < 0 else stream.values
    expected = expect(shifted, _features(stream))
    return np.asarray(-np.log10(np.maximum(evidence(expected).p_value, 1e-12)))


SCORERS: dict[str, Scorer] = {
    "rolling z": rolling_z,
    "IQR": rolling_iqr,
    "seasonal MAD": seasonal_mad,
    "ours": ours,
}


def best_score(streams: list[Stream], scores: list[FloatArray], profile: Profile, *, quiet: bool) -> float:
    """The score at the threshold that is best over all series, as the benchmark does for every detector.

    quiet: one alert per episode, the first of alarming points that are less than a fifth of the probation apart.
    """
    levels = np.unique(np.quantile(np.concatenate(scores), 1 - np.geomspace(1e-5, 0.3, THRESHOLDS)))
    best = 0.0
    for threshold in levels[levels > 0]:
        alarms = []
        for stream, score in zip(streams, scores, strict=True):
            at = np.flatnonzero(score >= threshold)
            if quiet and len(at):
                at = at[np.concatenate([[True], np.diff(at) > stream.probation / 5])]
            alarms.append(at)
        best = max(best, normalised(streams, alarms, profile))
    return best


def _points_per_day(stream: Stream) -> int:
    steps = np.diff(np.array(stream.times, dtype="datetime64[s]").astype(np.int64))
    return int(np.clip(round(86400 / float(np.median(steps))), 1, max(len(stream.values) // 3, 1)))


def _features(stream: Stream) -> DayFeatures:
    n = len(stream.values)
    seconds = np.array(stream.times, dtype="datetime64[s]").astype(np.int64)
    waves = [(86400, order) for order in (1, 2, 3, 4)] + [(7 * 86400, order) for order in (1, 2, 3)]
    columns = [
        wave(2 * np.pi * order * seconds / period) for period, order in waves for wave in (np.sin, np.cos)
    ]
    p = len(columns)
    none = np.zeros(n, dtype=bool)
    return DayFeatures(
        np.arange(n), tuple(f"wave {i}" for i in range(p)), np.column_stack(columns), np.full(p, 0.2), np.zeros(p),
        (), none, none, "daily", 1, np.zeros(n, dtype=np.int64),
    )  # fmt: skip
