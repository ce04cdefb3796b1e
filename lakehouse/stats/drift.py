"""Slow declines: has a weekly series kept moving one way for a quarter or half a year, beyond its season and growth?

Belongs here: the verdict of every week on the weeks up to it, for many series at once. Not here: single weeks out of the
ordinary (expected.py, surprise.py), which none of a drift's need be, the trend of one series as a whole (trend.py), and
alerts (drift_spells.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from lakehouse.stats.drift_onset import onsets
from lakehouse.stats.drift_past import PRIOR_WORTH, REFIT, Past, carried, past_of
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.rolling_kendall import rolling_s, there, z_of
from lakehouse.stats.scales import Scale, scale_of

IntArray = NDArray[np.int64]
# A quarter shows a fast decline, half a year a slow one; and how many weeks in a row the same one stands out, by which
# p-values may be smaller for alerts to keep their budget. Measured on noise (benchmarks/anomalies.py drift).
WINDOWS = (13, 26)
IN_A_ROW = 3.5
YEAR = 52
# Before two years are there, a slope on a logarithmic scale that a season alone may have: one of a fifth up and down.
SEASON_SLOPE = 0.02
# Of a window's weeks so many have to be there; and before it, half a year, or a quarter where there is no season to be told from.
THERE, LEAST_BEFORE, LEAST_WITHOUT_SEASON = 0.75, 26, 13
# A window whose own weeks a year before rose or fell like this is held against more than a level year.
ECHO = 1.64
# Where no alarm at five a year would be, neither start nor slope is looked for.
SCREEN = 0.1


@dataclass(frozen=True, slots=True)
class Drift:
    """Of every week, shapes (n,) or (series, n), without any NaN. status: per series, "ok" or why nothing is judged.

    p_value: on weeks of noise, alarming from x downwards opens at most about x alerts per week (confidence.level_of_budget
    with 52.18). direction: 1 up, -1 down; slope: change per week as a share of level_before; start: first week of the drift;
    these three are 0, 0 and -1 where p_value is above SCREEN. level_before: the value expected had there been no drift in the
    window. window: weeks the evidence rests on, 0 where not judged. by_year: whether weeks were held against the year before.
    """

    status: tuple[str, ...]
    p_value: FloatArray
    direction: IntArray
    slope: FloatArray
    start: IntArray
    level_before: FloatArray
    window: IntArray
    by_year: NDArray[np.bool_]

    def one(self, i: int) -> Drift:
        """The i-th of several series."""
        return Drift(
            self.status[i : i + 1], self.p_value[i], self.direction[i], self.slope[i], self.start[i],
            self.level_before[i], self.window[i], self.by_year[i],
        )  # fmt: skip


def drift(
    values: ArrayLike,
    *,
    is_share: bool | Sequence[bool] = False,
    grain: float | None = None,
    has_season: bool = True,
) -> Drift:
    """Whether the last 13 or 26 weeks hold a monotone trend, said of every week from the weeks up to it alone.

    values: (n,) or (series, n), one per week, NaN or infinite for none. is_share: values are parts of a whole, 0..1 (the
    share of a segment, whose drift the whole's doesn't explain); may be given per series. grain: what one event adds. has_season: False
    for shares of a whole that has the season already: these are held against the weeks before at any time, which is sharper.
    From 52 weeks and a window on, weeks are held against the same weeks a year before, so that neither season nor steady
    growth is a drift; a drift of that year is allowed for when its echo comes. Before that, against the trend of the weeks
    before the window and the slope that a season may have, which only fast declines exceed.
    The autocorrelation is that of up to two years before the window. Never raises for what a series holds.
    Source: Mann (1945) and Kendall (1975), with the variance of Hamed & Rao (1998) as in trend.py; the slope is Sen's (1968).

    >>> sales = 900 * np.exp(0.05 * np.random.default_rng(1).normal(size=150))
    >>> sales[130:] *= np.exp(-0.04 * np.arange(1, 21))
    >>> found = drift(sales)
    >>> int(found.direction[142]), bool(found.p_value[142] < 0.01), bool(abs(found.start[142] - 130) <= 2)
    (-1, True, True)
    """
    given = np.asarray(values, dtype=np.float64)
    y = np.atleast_2d(given)
    y = np.where(np.isfinite(y) & (np.abs(np.nan_to_num(y)) < 1e100), y, np.nan)
    shares = [is_share] * len(y) if isinstance(is_share, bool) else list(is_share)
    if y.ndim != 2 or len(shares) != len(y):
        raise ValueError(
            f"values: expected (n,) or (series, n) and as many of is_share, found {given.shape} and {len(shares)}"
        )
    least = LEAST_BEFORE if has_season else LEAST_WITHOUT_SEASON
    status, scales, g = _on_scales(y, shares, grain, least)
    ratio = np.full(g.shape, np.nan)
    if has_season:
        ratio[:, YEAR:] = g[:, YEAR:] - g[:, :-YEAR]
    reach = np.array([[one.reach if has_season else 0.0] for one in scales])
    bases = _Basis(ratio, past_of(ratio)), _Basis(g, past_of(g))
    best = _Best.none(g.shape)
    for size in WINDOWS:
        if size <= g.shape[1]:
            _judge(best, size, bases, reach, least)
    return _told(best, bases, g, scales, given.shape, status)


@dataclass(frozen=True, slots=True)
class _Basis:
    """What a drift moves, (series, n), on the series' scales: ratios to the year before, or the values themselves."""

    x: FloatArray
    past: Past


@dataclass(frozen=True, slots=True)
class _Best:
    """The strongest evidence of every week so far, filled window by window."""

    p_value: FloatArray
    z: FloatArray
    window: IntArray
    by_year: NDArray[np.bool_]

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> _Best:
        return cls(np.ones(shape), np.zeros(shape), np.zeros(shape, np.int64), np.zeros(shape, np.bool_))


def _on_scales(
    y: FloatArray, shares: Sequence[bool], grain: float | None, before: int
) -> tuple[tuple[str, ...], list[Scale], FloatArray]:
    status, scales, g = [], [], np.full(y.shape, np.nan)
    for i, row in enumerate(y):
        seen = row[np.isfinite(row)]
        least = before + WINDOWS[0]
        said = (
            f"fewer than {least} values"
            if len(seen) < least
            else "ok"
            if seen.any()
            else "all values are zero"
        )
        # From the first year, so that later weeks don't change what was said of earlier ones.
        first = seen[:YEAR] if len(seen) else np.ones(1)
        scales.append(scale_of(first, is_share=shares[i], grain=grain, season=1))
        status.append(said)
        if said == "ok":
            g[i] = scales[i].there(row)
    return tuple(status), scales, g


def _judge(best: _Best, size: int, bases: tuple[_Basis, _Basis], reach: FloatArray, least: int) -> None:
    """Takes the evidence of one window into the best."""
    year, weeks = bases
    ends = np.arange(size - 1, best.z.shape[1])
    at = (ends - size + 1) // REFIT
    of_year, of_weeks = there(year.x, size), there(weeks.x, size)
    by_year = of_year >= THERE * size
    is_new = ~by_year & (of_weeks >= THERE * size) & (weeks.past.seen[:, at] >= least)
    z = np.where(by_year, z_of(rolling_s(year.x, size), of_year, year.past.phi[:, at], size), 0.0)
    # Only series that begin late, have long gaps or no season need the slower way beyond their first weeks.
    early = min(YEAR + 1, len(ends))
    is_late: NDArray[np.bool_] = np.any(is_new[:, early:], axis=1)
    for rows, last in ((np.logical_not(is_late), early), (is_late, len(ends))):
        if rows.any():
            past = weeks.past.some(rows, at[:last])
            found = _beyond_season(
                weeks.x[rows, : last + size - 1], past, of_weeks[rows, :last], size, reach[rows]
            )
            z[rows, :last] = np.where(is_new[rows, :last], found, z[rows, :last])
    z = _without_echo(z, by_year)
    seen = np.where(by_year, year.past.seen[:, at], weeks.past.seen[:, at])
    phi = np.where(by_year, year.past.phi[:, at], weeks.past.phi[:, at])
    # As many independent values as the autocorrelation rests on; its prior counts as some.
    df = np.maximum((seen + PRIOR_WORTH) * (1 - phi) / (1 + phi), 3.0)
    p = np.minimum(2 * special.stdtr(df, -np.abs(z)) * len(WINDOWS) / IN_A_ROW, 1.0)
    p[z == 0] = 1.0
    better = (by_year | is_new) & ((p < best.p_value[:, ends]) | (best.window[:, ends] == 0))
    best.p_value[:, ends] = np.where(better, p, best.p_value[:, ends])
    best.z[:, ends] = np.where(better, z, best.z[:, ends])
    best.window[:, ends] = np.where(better, size, best.window[:, ends])
    best.by_year[:, ends] = np.where(better, by_year, best.by_year[:, ends])


def _beyond_season(x: FloatArray, past: Past, seen: FloatArray, size: int, reach: FloatArray) -> FloatArray:
    """z of rises beyond the slope before and the most that a season has, or of such falls."""
    z = np.zeros(seen.shape)
    for side in (1, -1):
        s = rolling_s(x, size, past.slope + side * SEASON_SLOPE * reach)
        z += np.where(side * s > 0, z_of(s, seen, past.phi, size), 0.0)
    return z


def _without_echo(z: FloatArray, by_year: NDArray[np.bool_]) -> FloatArray:
    """Where the year before moved the other way, only what goes beyond that is a drift of this year."""
    net = z.copy()
    if z.shape[1] > YEAR:
        sign = np.sign(z[:, YEAR:])
        # A week earlier or later will do, as its estimates are of other weeks.
        padded = np.pad(z, ((0, 0), (1, 1)), mode="edge")[:, : z.shape[1] - YEAR + 2]
        before = (np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1) * -sign[:, :, None]).max(axis=2)
        before = np.where((before >= ECHO) & by_year[:, YEAR:], before, 0.0)
        net[:, YEAR:] = sign * np.maximum(np.abs(z[:, YEAR:]) - before, 0.0)
    return net


def _told(
    best: _Best,
    bases: tuple[_Basis, _Basis],
    g: FloatArray,
    scales: list[Scale],
    shape: tuple[int, ...],
    status: tuple[str, ...],
) -> Drift:
    """The outcome on the scale of the values, with start, slope and level where something stands out."""
    year, weeks = bases
    t = np.arange(g.shape[1])
    at = np.maximum(t - best.window + 1, 0) // REFIT
    row = np.arange(len(g))[:, None]
    trend = np.where(best.by_year, 0.0, weeks.past.slope[row, at])
    level = np.where(best.by_year, year.past.level[row, at], weeks.past.level[row, at])
    start, slope = np.full(g.shape, -1), np.zeros(g.shape)
    for size in WINDOWS:
        for basis, is_year in zip(bases, (True, False), strict=True):
            chosen = (
                (best.window == size) & (best.by_year == is_year) & (best.p_value <= SCREEN) & (best.z != 0)
            )
            of, end = np.nonzero(chosen)
            if len(of):
                begun = onsets(basis.x, of, end, size, trend[chosen])
                start[chosen], slope[chosen], level[chosen] = begun.start, begun.slope, begun.level
    last_year = np.zeros(g.shape)
    last_year[:, YEAR:] = carried(g)[:, :-YEAR] if g.shape[1] > YEAR else 0.0
    due = np.where(best.window > 0, np.where(best.by_year, last_year, trend * t) + level, 0.0)
    before, moved = (
        np.stack([one.back(part[i]) for i, one in enumerate(scales)]) for part in (due, due + slope)
    )
    before = np.where(best.window > 0, before, 0.0)
    relative = np.where(before != 0, (moved - before) / np.where(before != 0, np.abs(before), 1.0), 0.0)
    is_told = start >= 0
    return Drift(
        status=status,
        p_value=best.p_value.reshape(shape),
        direction=np.where(is_told, np.sign(best.z), 0).astype(np.int64).reshape(shape),
        slope=np.where(is_told, relative, 0.0).reshape(shape),
        start=start.reshape(shape),
        level_before=before.reshape(shape),
        window=best.window.reshape(shape),
        by_year=best.by_year.reshape(shape),
    )
