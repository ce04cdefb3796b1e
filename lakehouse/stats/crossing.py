"""Chances that a Brownian score crosses its bounds at the looks of a sequential plan.

Belongs here: the recursive numerical integration over the looks. Not here: which bounds to take (group_sequential.py).
The score S(i) has independent increments, S(i) ~ Normal(drift * i, i) at information i, and z = S(i) / sqrt(i).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from lakehouse.stats.guards import FloatArray, finite, finite_array, same_length

# Beyond 12 standard deviations lies a chance of 1e-33.
REACH = 12.0
LEAST_STEP = 1e-3
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


@dataclass(frozen=True, slots=True)
class CrossingProbabilities:
    """Chance of leaving for the first time at each look, through the upper and through the lower bound."""

    upper: tuple[float, ...]
    lower: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Continuing:
    """Score of those paths that have not crossed yet: chance mass at nodes, at one information level."""

    information: float
    nodes: FloatArray
    mass: FloatArray

    def above(self, information: float, z: float, drift: float) -> float:
        """Chance to have come this far and be above z at the next look."""
        return float(self.mass @ ndtr(-self._standardized(information, z, drift)))

    def below(self, information: float, z: float, drift: float) -> float:
        """Chance to have come this far and be below z at the next look."""
        return float(self.mass @ ndtr(self._standardized(information, z, drift)))

    def _standardized(self, information: float, z: float, drift: float) -> FloatArray:
        step = information - self.information
        return (z * math.sqrt(information) - self.nodes - drift * step) / math.sqrt(step)

    def after(self, information: float, low: float, high: float, drift: float, finest: float) -> Continuing:
        """Those who stay between z-values low and high at this look.

        finest: the smallest of the standard deviations of this look's and the next look's increment; Gauss-Legendre
        panels are at most twice as wide, where 12 nodes leave an error below rounding.
        """
        root = math.sqrt(information)
        left = max(low * root, drift * information - REACH * root)
        right = min(high * root, drift * information + REACH * root)
        if left >= right:
            return Continuing(information, np.empty(0), np.empty(0))
        panels = max(4, math.ceil((right - left) / (2 * finest)))
        edges = np.linspace(left, right, panels + 1)
        half = (right - left) / panels / 2
        nodes = (edges[:-1, None] + half * (1 + _NODES)).ravel()
        step = information - self.information
        distance = (nodes[:, None] - self.nodes - drift * step) / math.sqrt(step)
        density = np.exp(-0.5 * np.minimum(distance**2, 1400.0)) @ self.mass / math.sqrt(2 * math.pi * step)
        return Continuing(information, nodes, density * np.tile(half * _WEIGHTS, panels))


def start() -> Continuing:
    """Before the first look every path stands at 0."""
    return Continuing(0.0, np.zeros(1), np.ones(1))


def checked_information(information: Sequence[float]) -> FloatArray:
    """Information levels of the looks; ValueError unless they rise, each by at least 0.1 % of the last."""
    levels = finite_array("information", information)
    steps = np.diff(levels, prepend=0.0)
    if bool((steps < LEAST_STEP * levels[-1] * (1 - 1e-9)).any()) or levels[-1] <= 0:
        raise ValueError(
            "information: expected levels above 0 that rise by at least 0.1 % of the last at each look, "
            f"found {levels.tolist()}"
        )
    return levels


def finest_steps(levels: FloatArray) -> FloatArray:
    """For each look the smaller of the standard deviations of its own and of the next increment."""
    steps: FloatArray = np.sqrt(np.diff(levels, prepend=0.0))
    smaller: FloatArray = np.minimum(steps, np.append(steps[1:], np.inf))
    return smaller


def crossing_probabilities(
    information: Sequence[float], lower: Sequence[float], upper: Sequence[float], drift: float = 0.0
) -> CrossingProbabilities:
    """Chances to cross the upper and the lower bound for the first time at each look.

    information: rising levels, shape (looks,), in any unit. lower, upper: z-values, same shape, infinite where a look
    has no such bound. drift: effect per unit of information, so that E[z] = drift * sqrt(information).
    Raises ValueError when lengths differ, information does not rise, a bound is NaN, or a lower bound lies above
    the upper.
    Source: Armitage, McPherson & Rowe (1969), JRSS A 132:235-244; Jennison & Turnbull (2000), Group Sequential
    Methods, chapter 19.

    >>> chances = crossing_probabilities([1, 2], [-2.178, -2.178], [2.178, 2.178])
    >>> round(sum(chances.upper) + sum(chances.lower), 4)
    0.05
    """
    levels = checked_information(information)
    finite("drift", drift)
    lows, highs = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    same_length(information=levels, lower=lows, upper=highs)
    if np.isnan(lows).any() or np.isnan(highs).any() or (lows > highs).any():
        raise ValueError(f"expected lower bounds below the upper, found {lows.tolist()} and {highs.tolist()}")
    paths = start()
    above, below = [], []
    for info, low, high, finest in zip(levels, lows, highs, finest_steps(levels), strict=True):
        above.append(paths.above(info, high, drift))
        below.append(paths.below(info, low, drift))
        paths = paths.after(info, low, high, drift, finest)
    return CrossingProbabilities(upper=tuple(above), lower=tuple(below))
