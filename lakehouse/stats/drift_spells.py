"""Weeks that drift as spells: one decline, one alert, however long it lasts.

Belongs here: when a spell opens, goes on and ends. Not here: what drifts (drift.py), or what anybody thinks of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakehouse.stats.drift import SCREEN, Drift
from lakehouse.stats.guards import level

# Weeks without an alarm that a spell survives. And after so many a decline may be over, and its bend be lost in what follows.
BREATHER, FRESH = 4, 6


@dataclass(frozen=True, slots=True)
class Spell:
    """start, opened, end: positions; the drift began at start, alarmed first at opened and last at end.

    direction: 1 up, -1 down. slope: change per week as a share of the level before, by the strongest of the first FRESH
    alarming weeks; start is the median of what these say. p_value: of the strongest of all. is_open: whether it may still go on at the end of the series.
    """

    start: int
    opened: int
    end: int
    direction: int
    slope: float
    p_value: float
    is_open: bool


def spells(found: Drift, alpha: float) -> tuple[Spell, ...]:
    """The spells of one series, in order.

    found: of one series, shapes (n,); alpha: the p-value from which on a week alarms, as of
    confidence.level_of_budget(alerts, 52.18); at most drift.SCREEN, which is five alerts a year.
    Raises ValueError for an alpha outside (0, SCREEN] or several series.

    >>> from lakehouse.stats.drift import drift
    >>> sales = 900 * np.exp(0.05 * np.random.default_rng(1).normal(size=150))
    >>> sales[130:] *= np.exp(-0.04 * np.arange(1, 21))
    >>> [spell] = spells(drift(sales), 0.02)
    >>> abs(spell.start - 130) <= 1, spell.opened <= 140, spell.direction, spell.is_open
    (True, True, -1, True)
    """
    if level("alpha", alpha) > SCREEN:
        raise ValueError(f"alpha: expected at most {SCREEN}, found {alpha}; alarm at fewer than five a year")
    if found.p_value.ndim != 1:
        raise ValueError(
            f"found: expected one series, found shape {found.p_value.shape}; take Drift.one of each"
        )
    alarming = np.flatnonzero((found.p_value <= alpha) & (found.direction != 0))
    groups: list[list[int]] = []
    for t in alarming:
        is_same = bool(groups) and found.direction[t] == found.direction[groups[-1][-1]]
        if is_same and t - groups[-1][-1] <= BREATHER:
            groups[-1].append(int(t))
        else:
            groups.append([int(t)])
    return tuple(_spell(found, weeks) for weeks in groups)


def _spell(found: Drift, weeks: list[int]) -> Spell:
    first = weeks[:FRESH]
    clearest = first[int(np.argmin(found.p_value[first]))]
    # A single week's notion of the bend may be ten weeks off; of six the middle one seldom is.
    begun = int(np.sort(found.start[first])[(len(first) - 1) // 2])
    return Spell(
        start=min(begun, weeks[0]),
        opened=weeks[0],
        end=weeks[-1],
        direction=int(found.direction[clearest]),
        slope=float(found.slope[clearest]),
        p_value=float(found.p_value[weeks].min()),
        is_open=weeks[-1] + BREATHER >= len(found.p_value),
    )
