"""What group-time effects add up to: one number per experiment, by group, by time since adoption, by calendar period.

Belongs here: Callaway and Sant'Anna's aggregations with their standard errors. Not here: the effects themselves
(staggered.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lakehouse.stats.effects import Effect, wald_effect
from lakehouse.stats.guards import FloatArray, one_of
from lakehouse.stats.staggered import GroupTimeEffects, influence_covariance

Aggregation = Literal["simple", "group", "dynamic", "calendar"]
AGGREGATIONS: tuple[Aggregation, ...] = ("simple", "group", "dynamic", "calendar")


@dataclass(frozen=True, slots=True)
class AggregatedPart:
    """One term of an aggregation: `at` is a group, an event time or a calendar period."""

    at: float
    effect: Effect


@dataclass(frozen=True, slots=True)
class AggregatedEffect:
    """Group-time effects in one number, and its parts (none for "simple")."""

    aggregation: Aggregation
    effect: Effect
    parts: tuple[AggregatedPart, ...]


def aggregate(effects: GroupTimeEffects, aggregation: Aggregation) -> AggregatedEffect:
    """Group-time effects after adoption in one number, with the standard error that allows for estimated weights.

    aggregation: "simple" weighs every treated group and period by the group's size; "group" averages over a group's
    periods, then groups by size; "dynamic" averages groups by size at each time since adoption (parts before adoption
    are the event study's leads), then those from 0 on evenly; "calendar" does the same by calendar period.
    Raises ValueError for an unknown aggregation or without any effect after adoption.
    Source: Callaway & Sant'Anna (2021), section 3, table 1, and theorem 2 with corollary 2.

    >>> from lakehouse.stats.staggered import group_time_effects
    >>> effects = group_time_effects([[1, 2], [1, 3], [2, 5], [1, 5.5]], [2000, 2001], [np.inf, np.inf, 2001, 2001])
    >>> aggregate(effects, "dynamic").effect.estimate
    2.25
    """
    one_of("aggregation", aggregation, AGGREGATIONS)
    groups = np.array([entry.group for entry in effects.effects])
    periods = np.array([entry.period for entry in effects.effects])
    after = periods >= groups
    if not after.any():
        raise ValueError("effects: expected an effect after adoption, found none")
    weighed = _Weighed(effects, groups)
    if aggregation == "simple":
        return AggregatedEffect("simple", weighed.effect(*weighed.by_size(after)), ())
    keys = {"group": groups, "dynamic": periods - groups, "calendar": periods}[aggregation]
    included = np.ones(len(groups), dtype=bool) if aggregation == "dynamic" else after
    at = np.unique(keys[included])
    terms = [
        weighed.evenly(included & (keys == key))
        if aggregation == "group"
        else weighed.by_size(included & (keys == key))
        for key in at
    ]
    parts = tuple(
        AggregatedPart(float(key), weighed.effect(*term)) for key, term in zip(at, terms, strict=True)
    )
    if aggregation == "group":
        overall = weighed.over_groups(at, terms)
    else:
        overall = _mean(
            [term for key, term in zip(at, terms, strict=True) if aggregation == "calendar" or key >= 0]
        )
    return AggregatedEffect(aggregation, weighed.effect(*overall), parts)


Term = tuple[float, FloatArray]
BoolArray = NDArray[np.bool_]


def _mean(terms: Sequence[Term]) -> Term:
    return float(np.mean([term[0] for term in terms])), np.mean([term[1] for term in terms], axis=0)


@dataclass(frozen=True, slots=True)
class _Weighed:
    source: GroupTimeEffects
    groups: FloatArray

    def evenly(self, kept: BoolArray) -> Term:
        estimates = np.array([entry.effect.estimate for entry in self.source.effects])
        return float(estimates[kept].mean()), self.source.influence[:, kept].mean(axis=1)

    def by_size(self, kept: BoolArray) -> Term:
        estimates = np.array([entry.effect.estimate for entry in self.source.effects])[kept]
        return self._sized(self.groups[kept], estimates, self.source.influence[:, kept])

    def over_groups(self, groups: FloatArray, terms: Sequence[Term]) -> Term:
        return self._sized(
            groups, np.array([term[0] for term in terms]), np.column_stack([term[1] for term in terms])
        )

    def _sized(self, groups: FloatArray, estimates: FloatArray, influence: FloatArray) -> Term:
        """Mean weighted by group size; the sizes are estimated shares, which adds to the influence."""
        members = (self.source.adopted[:, None] == groups).astype(np.float64)
        shares = members.mean(axis=0)
        weights = shares / shares.sum()
        of_weights = (members - shares) / shares.sum() - np.outer(
            (members - shares).sum(axis=1), shares / shares.sum() ** 2
        )
        return float(weights @ estimates), np.asarray(influence @ weights + of_weights @ estimates)

    def effect(self, estimate: float, influence: FloatArray) -> Effect:
        covariance = influence_covariance(influence[:, None], self.source.clusters)
        return wald_effect(estimate, math.sqrt(covariance[0, 0]), alpha=self.source.alpha)
