"""Difference-in-differences when units adopt at different times: group-time effects.

Belongs here: Callaway and Sant'Anna's estimator without covariates and its pre-trend test. Not here: what the effects
add up to (aggregation.py), one adoption date (did.py, event_study.py) and adoption by a single unit
(synthetic_control.py, synthetic_did.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from lakehouse.stats.effects import Effect, wald_effect
from lakehouse.stats.guards import FloatArray, at_least, finite_array, level, one_of, same_length, squarable
from lakehouse.stats.panel import IndexArray, WaldTest, group_sums, labels, pre_trend_test

ControlGroup = Literal["never_treated", "not_yet_treated"]
BasePeriod = Literal["varying", "universal"]
CONTROL_GROUPS: tuple[ControlGroup, ...] = ("never_treated", "not_yet_treated")
BASE_PERIODS: tuple[BasePeriod, ...] = ("varying", "universal")


@dataclass(frozen=True, slots=True)
class GroupTimeEffect:
    """Effect at one period on the group that adopted at `group`; before adoption it should be 0."""

    group: float
    period: float
    effect: Effect


@dataclass(frozen=True, slots=True)
class GroupTimeEffects:
    """All group-time effects; pre_trend tests jointly that those before adoption are 0 (None: none, or too few units).

    influence: what each unit adds to each effect, shape (units used, effects); adopted: their adoption times, infinite
    for never; clusters: their cluster's position. They carry the covariances into aggregations.
    """

    effects: tuple[GroupTimeEffect, ...]
    pre_trend: WaldTest | None
    units: int
    control_group: ControlGroup
    alpha: float
    anticipation: float
    influence: FloatArray = field(repr=False)
    adopted: FloatArray = field(repr=False)
    clusters: IndexArray = field(repr=False)


def group_time_effects(
    outcomes: ArrayLike,
    periods: ArrayLike,
    first_treated: ArrayLike,
    *,
    control_group: ControlGroup = "never_treated",
    base_period: BasePeriod = "varying",
    anticipation: float = 0,
    clusters: ArrayLike | None = None,
    alpha: float = 0.05,
) -> GroupTimeEffects:
    """Effect on every group at every period: its mean change less that of units not treated by then.

    outcomes: balanced panel, shape (units, periods). periods: rising times, shape (periods,). first_treated: each unit's
    first treated time, infinite for never; units treated by the first period are left out, adoption after the last
    counts as never. control_group: "never_treated", or "not_yet_treated" (never treated included; when there are none,
    the last group serves, and periods from its adoption on are left out). base_period: before
    adoption compare with the period before ("varying") or always with the last one before adoption ("universal").
    anticipation: how long before adoption units may react. clusters: labels, shape (units,), each unit for itself when
    None. Normal intervals, one effect at a time.
    Raises ValueError for a panel that is not finite or periods that do not rise, groups with fewer than 2 units,
    without controls (2 at least), without a period before adoption, or changes without any variation.
    Source: Callaway & Sant'Anna (2021), Journal of Econometrics 225:200-230, sections 2 and 4; the numbers are those of
    R's did without covariates and bootstrap.

    >>> effects = group_time_effects([[1, 2], [1, 3], [2, 5], [1, 5.5]], [2000, 2001], [np.inf, np.inf, 2001, 2001])
    >>> effects.effects[0].effect.estimate
    2.25
    """
    one_of("control_group", control_group, CONTROL_GROUPS)
    one_of("base_period", base_period, BASE_PERIODS)
    level("alpha", alpha)
    at_least("anticipation", anticipation, 0)
    y = squarable("outcomes", finite_array("outcomes", outcomes, dimensions=2, least=2))
    times = finite_array("periods", periods, least=2)
    adopted = np.asarray(first_treated, dtype=np.float64)
    if len(times) != y.shape[1] or (np.diff(times) <= 0).any():
        raise ValueError(f"periods: expected {y.shape[1]} rising times, found {times.tolist()}")
    if adopted.shape != (len(y),) or np.isnan(adopted).any():
        raise ValueError(f"first_treated: expected a time or infinity for each of {len(y)} units")
    cluster_index = np.arange(len(y)) if clusters is None else labels("clusters", clusters)[1]
    same_length(outcomes=y, clusters=cluster_index)
    used = adopted > times[0] + anticipation
    y, cluster_index = y[used], np.unique(cluster_index[used], return_inverse=True)[1]
    adopted = np.where(adopted[used] > times[-1], math.inf, adopted[used])
    if control_group == "not_yet_treated" and np.isfinite(adopted).all() and len(adopted):
        last = adopted.max()
        kept = times < last - anticipation
        y, times, adopted = y[:, kept], times[kept], np.where(adopted == last, math.inf, adopted)
    panel = _Panel(y, times, adopted, control_group, anticipation)
    found = [
        (group, times[period], *panel.effect(group, period, base))
        for group in panel.groups()
        for period, base in _comparisons(times, group - anticipation, base_period)
    ]
    if not found:
        raise ValueError("first_treated: expected a group that adopts after the first period, found none")
    influence = np.column_stack([entry[3] for entry in found])
    covariance = influence_covariance(influence, cluster_index)
    before = [index for index, entry in enumerate(found) if entry[1] < entry[0] - anticipation]
    return GroupTimeEffects(
        effects=tuple(
            GroupTimeEffect(
                float(group),
                float(period),
                wald_effect(estimate, math.sqrt(covariance[index, index]), alpha=alpha),
            )
            for index, (group, period, estimate, _) in enumerate(found)
        ),
        pre_trend=pre_trend_test(
            np.array([entry[2] for entry in found])[before], covariance[np.ix_(before, before)]
        ),
        units=len(y),
        control_group=control_group,
        alpha=alpha,
        anticipation=float(anticipation),
        influence=influence,
        adopted=adopted,
        clusters=cluster_index,
    )


@dataclass(frozen=True, slots=True)
class _Panel:
    outcomes: FloatArray
    times: FloatArray
    adopted: FloatArray
    control_group: ControlGroup
    anticipation: float

    def groups(self) -> FloatArray:
        return np.unique(self.adopted[np.isfinite(self.adopted)])

    def effect(self, group: float, period: int, base: int) -> tuple[float, FloatArray]:
        """The group's mean change from base to period less the controls', and each unit's influence on it."""
        latest = self.times[max(period, base)] + self.anticipation
        treated = self.adopted == group
        control = np.isinf(self.adopted)
        if self.control_group == "not_yet_treated":
            control = (self.adopted > latest) & ~treated
        for name, members in (("treated", treated), ("control", control)):
            if members.sum() < 2:
                raise ValueError(
                    f"expected at least 2 {name} units for the group of {group:g} at {self.times[period]:g}, "
                    f"found {int(members.sum())}"
                )
        change = self.outcomes[:, period] - self.outcomes[:, base]
        means = [float(change[members].mean()) for members in (treated, control)]
        centre = np.where(treated, means[0], means[1])
        deviation = np.where(treated | control, change - centre, 0.0)
        if np.abs(deviation).max() <= 1e-12 * max(float(np.abs(self.outcomes).max()), 1e-300):
            raise ValueError(
                f"outcomes: expected changes that vary, found none for the group of {group:g} at {self.times[period]:g}"
            )
        share = deviation * (treated / treated.sum() - control / control.sum())
        return means[0] - means[1], np.asarray(share * len(change), dtype=np.float64)


def _comparisons(times: FloatArray, treated_from: float, base_period: BasePeriod) -> list[tuple[int, int]]:
    """Each period with the one it is compared with."""
    last_before = int(np.searchsorted(times, treated_from)) - 1
    if base_period == "universal":
        return [(period, last_before) for period in range(len(times)) if period != last_before]
    return [(period, min(period - 1, last_before)) for period in range(1, len(times))]


def influence_covariance(influence: FloatArray, clusters: IndexArray) -> FloatArray:
    """Covariance of estimates from what each unit adds to them, units summed within clusters."""
    sums = group_sums(influence, clusters)
    covariance: FloatArray = sums.T @ sums / len(influence) ** 2
    return covariance
