"""One arm as a single level with its sampling variance: what every comparison of two arms starts from.

Belongs here: the level of an arm, and how two levels' variances are combined. Not here: how a level is
reached from sums (moments.py, ratios.py, cuped.py, clusters.py, quantiles.py, proportions.py) or compared
(means.py, relative.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from lakehouse.stats.guards import at_least, count, finite, one_of

Reference = Literal["welch", "pooled", "normal"]
REFERENCES: tuple[Reference, ...] = ("welch", "pooled", "normal")


@dataclass(frozen=True, slots=True)
class Arm:
    """A level estimated from n independent units: variance / n is the level's sampling variance.

    mean: a mean, a proportion, a ratio of means, a quantile, ... variance: of one unit's contribution to it,
    so that one rule compares them all. Raises ValueError for fewer than 2 units, a negative variance,
    anything not finite.
    """

    n: int
    mean: float
    variance: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", count("n", self.n, 2))
        object.__setattr__(self, "mean", finite("mean", self.mean))
        object.__setattr__(self, "variance", at_least("variance", self.variance, 0))

    @property
    def standard_error(self) -> float:
        return math.sqrt(self.variance / self.n)


@dataclass(frozen=True, slots=True)
class Spread:
    """Sampling variances of two independent levels, and the degrees of freedom of their sum."""

    treatment: float
    control: float
    degrees_of_freedom: float

    @property
    def standard_error(self) -> float:
        return math.sqrt(self.treatment + self.control)


def welch_degrees_of_freedom(treatment: float, n1: int, control: float, n0: int) -> float:
    """Degrees of freedom of the sum of two sampling variances from n1 and n0 units; infinite when both are 0.

    Source: Welch (1947), Biometrika 34:28-35.

    >>> welch_degrees_of_freedom(0.5, 11, 0.5, 11)
    20.0
    """
    total = treatment + control
    if total <= 0:
        return math.inf
    share = treatment / total
    return 1 / (share * share / (n1 - 1) + (1 - share) * (1 - share) / (n0 - 1))


def spread(treatment: Arm, control: Arm, reference: Reference = "welch") -> Spread:
    """Sampling variances of two arms under one of three assumptions.

    "welch": each arm has its own variance, Student's t with Welch's degrees of freedom. "pooled": both have
    one variance, Student's t with n1 + n0 - 2. "normal": each has its own, the normal (large samples).
    Raises ValueError for an unknown reference.

    >>> spread(Arm(11, 1.0, 4.0), Arm(11, 0.5, 4.0), "pooled").degrees_of_freedom
    20.0
    """
    one_of("reference", reference, REFERENCES)
    n1, n0 = treatment.n, control.n
    if reference == "pooled":
        degrees = float(n1 + n0 - 2)
        variance = ((n1 - 1) / degrees) * treatment.variance + ((n0 - 1) / degrees) * control.variance
        return Spread(variance / n1, variance / n0, degrees)
    v1, v0 = treatment.variance / n1, control.variance / n0
    degrees = welch_degrees_of_freedom(v1, n1, v0, n0) if reference == "welch" else math.inf
    return Spread(v1, v0, degrees)
