"""What each of the simple methods says of every period of a series, beside the evidence that alarms: who else agrees?

Belongs here: methods over a series in time order, as verdicts up, down or none. Not here: what they rest on (outliers.py,
changepoint.py), or the evidence that alarms (surprise.py): alone, each of these alarms far too often.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from lakehouse.stats.changepoint import changepoints
from lakehouse.stats.guards import FloatArray, count, finite_array, positive
from lakehouse.stats.outliers import NORMAL_QUARTILE, OF_MEAN_DEVIATION, trailing_z

Verdicts = NDArray[np.int64]
# Periods behind each method's baseline, for a season of 7: four weeks; eight of each weekday for residuals.
ROUNDS_OF_BASELINE, ROUNDS_OF_RESIDUALS = 4, 8


def seasonal_residuals(x: ArrayLike, period: int, rounds: int = ROUNDS_OF_RESIDUALS) -> FloatArray:
    """Each value's distance from the median of the same season in the rounds before, by the MAD of the last such distances.

    x: shape (n,); period: periods per round, 1 for none; rounds: at least 3. The result: (n,), like z-scores, 0 for the
    first 2 * rounds * period values, which have no whole past; at most 1e6. Where more than half of the distances are
    equal, their mean stands in for the MAD. Raises ValueError for non-finite values.
    Source: the robust z-score of Iglewicz & Hoaglin (1993), over residuals from a seasonal running median.

    >>> sold = np.resize([5.0, 6, 5, 7, 9, 20, 1], 126) + np.random.default_rng(1).normal(0, 0.5, 126)
    >>> sold[124] = 5
    >>> int(np.abs(seasonal_residuals(sold, 7)).argmax())
    124
    """
    values = finite_array("x", x)
    count("period", period, least=1)
    span = count("rounds", rounds, least=3) * period
    scores = np.zeros(len(values))
    if len(values) <= 2 * span:
        return scores
    # Of each value the same season before: every period-th of the span that ends there.
    past = np.median(sliding_window_view(values, span)[:-1, ::period], axis=1)
    rest = values[span:] - past
    before = np.abs(sliding_window_view(rest, span)[:-1])
    spread = np.median(before, axis=1) / NORMAL_QUARTILE
    spread = np.where(spread > 0, spread, before.mean(axis=1) * OF_MEAN_DEVIATION)
    judged = rest[span:]
    scores[2 * span :] = np.where(
        judged == 0, 0.0, np.clip(judged / np.where(spread > 0, spread, 1e-300), -1e6, 1e6)
    )
    return scores


def trailing_fences(x: ArrayLike, window: int, reach: float = 1.5) -> Verdicts:
    """Whether each value lies above (1) or below (-1) Tukey's fences of the `window` values before it, or between (0).

    x: shape (n,); window: at least 4. The first `window` values have no verdict. Raises ValueError for non-finite values.

    >>> trailing_fences([1.0, 2, 3, 4, 9, 3], 4).tolist()
    [0, 0, 0, 0, 1, 0]
    """
    values = finite_array("x", x)
    count("window", window, least=4)
    told = np.zeros(len(values), dtype=np.int64)
    if len(values) > window:
        lower, upper = np.quantile(sliding_window_view(values, window)[:-1], [0.25, 0.75], axis=1)
        beyond = positive("reach", reach) * (upper - lower)
        judged = values[window:]
        told[window:] = (judged > upper + beyond).astype(np.int64) - (judged < lower - beyond)
    return told


def verdicts(values: ArrayLike, period: int = 7, *, with_changes: bool = False) -> dict[str, Verdicts]:
    """What each method says of every period: 1 up, -1 down, 0 nothing; by name, each of shape (n,).

    values: (n,), NaN or infinite for none; period: periods per season, 1 for none. with_changes: changes of the level too,
    which look at the whole history and take some 20 ms a series; the periods of a round after a change have its direction.
    Never raises for what a series holds.

    >>> sales = np.full(200, 50.0) + np.resize([0, 1, 2, 1, 0, 8, -9.0], 200)
    >>> sales[150] = 5
    >>> {name: int(told[150]) for name, told in verdicts(sales).items()}
    {'z-score': -1, 'IQR fences': -1, 'seasonal MAD': -1}
    """
    given = np.asarray(values, dtype=np.float64).ravel()
    is_there = np.isfinite(given) & (np.abs(np.nan_to_num(given)) < 1e100)
    n = len(given)
    if not is_there.any():
        names = ("z-score", "IQR fences", "seasonal MAD", *(("changepoint",) if with_changes else ()))
        return {name: np.zeros(n, dtype=np.int64) for name in names}
    filled = _filled(given, is_there, period)
    window = max(ROUNDS_OF_BASELINE * period, 8)
    told = {
        "z-score": _beyond(trailing_z(filled, window).scores, 3.0),
        "IQR fences": trailing_fences(filled, window),
        "seasonal MAD": _beyond(seasonal_residuals(filled, period), 3.5),
    }
    if with_changes:
        told["changepoint"] = _changes(filled, period)
    return {name: np.where(is_there, verdict, 0) for name, verdict in told.items()}


def _beyond(scores: FloatArray, limit: float) -> Verdicts:
    return np.asarray((scores > limit).astype(np.int64) - (scores < -limit))


def _filled(values: FloatArray, is_there: NDArray[np.bool_], period: int) -> FloatArray:
    """Gaps take the value of the same season a round before, or the series' median where there is none."""
    filled = np.where(is_there, values, np.median(values[is_there]))
    for t in np.flatnonzero(~is_there):
        if t >= period:
            filled[t] = filled[t - period]
    return filled


def _changes(values: FloatArray, period: int) -> Verdicts:
    season = np.arange(len(values)) % period
    medians = np.array(
        [np.median(values[season == s]) if (season == s).any() else 0.0 for s in range(period)]
    )
    told = np.zeros(len(values), dtype=np.int64)
    found = changepoints(values - medians[season], least_segment=max(period, 2))
    for at, before, after in zip(found.at, found.levels, found.levels[1:], strict=False):
        told[at : at + max(period, 2)] = 1 if after > before else -1
    return told
