"""A ratio's change, split into what moved within segments (rate) and what moved between them (mix).

Belongs here: the decomposition of one change of sum(numerator) / sum(denominator) over one set of segments, and whether
it is Simpson's paradox. Not here: products of factors (factors.py), which segments to look at (metrics/causes/).

With s a segment's share of the denominator, r its ratio and R the ratio of all:

    midpoint (Shapley over share and ratio): rate = mean(s) (r1 - r0), mix = (s1 - s0) (mean(r) - mean(R))
    base-weighted:                           rate = s0 (r1 - r0), mix = (s1 - s0) (r0 - R0), joint = (s1 - s0) (r1 - r0)

Shares sum to 1 in both periods, so taking R off each mix effect changes no sum: it says of a segment that grew whether it
is better or worse than the rest, makes the effects of a segment the sum of those of its parts of equal ratio, and leaves
them as they are when every ratio shifts by one constant.

A segment without a denominator in either period has no ratio there, so nothing is known of a rate: all that it
contributes is mix. It is an entry (none before), an exit (none after) or absent (neither).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from lakehouse.stats.guards import FloatArray, finite_array, one_of, same_length

Weights = Literal["midpoint", "base"]
Presence = Literal["both", "entry", "exit", "absent"]
WEIGHTS: tuple[Weights, ...] = ("midpoint", "base")


@dataclass(frozen=True, slots=True)
class MixRate:
    """Effects per segment, in the order given and in the ratio's unit; all of them sum to change.

    before, after: the ratio of all segments in each period. joint is 0 throughout for the midpoint.
    """

    before: float
    after: float
    rate: tuple[float, ...]
    mix: tuple[float, ...]
    joint: tuple[float, ...]
    presence: tuple[Presence, ...]
    is_simpson: bool

    @property
    def change(self) -> float:
        return self.after - self.before

    @property
    def rate_total(self) -> float:
        return math.fsum(self.rate)

    @property
    def mix_total(self) -> float:
        return math.fsum(self.mix)

    @property
    def joint_total(self) -> float:
        return math.fsum(self.joint)

    @property
    def contribution(self) -> tuple[float, ...]:
        """All of each segment's effects together."""
        return tuple(map(math.fsum, zip(self.rate, self.mix, self.joint, strict=True)))


def mix_rate(
    numerator_before: ArrayLike,
    denominator_before: ArrayLike,
    numerator_after: ArrayLike,
    denominator_after: ArrayLike,
    weights: Weights = "midpoint",
) -> MixRate:
    """Splits a ratio's change into rate, mix and joint effects of segments.

    All four: shape (k,), one number per segment, the segments being disjoint and complete. Denominators are at least 0;
    numerators may be negative, or stand without a denominator (then they are mix).
    Raises ValueError for lengths that differ, numbers that aren't finite, a negative denominator, or a period whose
    denominators sum to 0 (it has no ratio).
    Source: Marshall-Edgeworth weights; as the Shapley value of two factors, Albrecht, Francois & Schors (2002), Energy
    Policy 30:727-736. Base weights with interaction: Oaxaca (1973), International Economic Review 14:693-709.

    Both segments convert better, and the whole converts worse, as the bad one grew:

    >>> effects = mix_rate([160, 4], [800, 200], [66, 21], [300, 700])
    >>> round(effects.change, 4), round(effects.rate_total, 4), round(effects.mix_total, 4), effects.is_simpson
    (-0.077, 0.0155, -0.0925, True)
    """
    one_of("weights", weights, WEIGHTS)
    top = [
        finite_array("numerator_before", numerator_before),
        finite_array("numerator_after", numerator_after),
    ]
    bottom = [
        finite_array("denominator_before", denominator_before),
        finite_array("denominator_after", denominator_after),
    ]
    same_length(
        numerator_before=top[0],
        denominator_before=bottom[0],
        numerator_after=top[1],
        denominator_after=bottom[1],
    )
    sums = [_sum_of_denominators(name, x) for name, x in zip(("before", "after"), bottom, strict=True)]
    ratios = [math.fsum(x) / total for x, total in zip(top, sums, strict=True)]
    share = [x / total for x, total in zip(bottom, sums, strict=True)]
    known = (bottom[0] > 0) & (bottom[1] > 0)
    rate = [np.divide(t, b, out=np.zeros_like(t), where=known) for t, b in zip(top, bottom, strict=True)]

    moved, grown = rate[1] - rate[0], share[1] - share[0]
    centre = (ratios[0] + ratios[1]) / 2 if weights == "midpoint" else ratios[0]
    within = (share[0] + share[1]) / 2 if weights == "midpoint" else share[0]
    level = (rate[0] + rate[1]) / 2 if weights == "midpoint" else rate[0]
    come_or_gone = top[1] / sums[1] - top[0] / sums[0] - grown * centre
    mix = np.where(known, grown * (level - centre), come_or_gone)
    joint = grown * moved if weights == "base" else np.zeros_like(moved)
    return MixRate(
        before=ratios[0],
        after=ratios[1],
        rate=_numbers(within * moved),
        mix=_numbers(mix),
        joint=_numbers(joint),
        presence=tuple(_presence(b, a) for b, a in zip(*bottom, strict=True)),
        is_simpson=_reversed(moved[known], ratios[1] - ratios[0]),
    )


def _sum_of_denominators(period: str, values: FloatArray) -> float:
    if values.min() < 0:
        raise ValueError(f"denominator_{period}: expected numbers of at least 0, found {values.min():g}")
    total = math.fsum(values)
    if not total > 0:
        raise ValueError(f"denominator_{period}: expected a sum above 0, found {total:g}: there is no ratio")
    return total


def _numbers(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(value) + 0.0 for value in values)  # + 0.0: no negative zeros


def _presence(before: float, after: float) -> Presence:
    if before > 0:
        return "both" if after > 0 else "exit"
    return "entry" if after > 0 else "absent"


def _reversed(moved: FloatArray, change: float) -> bool:
    """Simpson's paradox: no segment's ratio moved the way of the whole, and at least one moved against it."""
    against = moved * -math.copysign(1.0, change)
    return change != 0 and len(moved) > 0 and bool((against >= 0).all() and (against > 0).any())
