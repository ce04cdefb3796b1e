"""When to give up early: non-binding futility bounds beside the bounds of a one-sided group-sequential design.

Belongs here: beta-spending bounds, the drift they are built for and what they cost. Not here: the bounds that reject
(group_sequential.py), which stay as they are, so that ignoring a futility bound never costs alpha.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from lakehouse.stats.crossing import Continuing, checked_information, finest_steps, start
from lakehouse.stats.group_sequential import GroupSequentialDesign, z_spending
from lakehouse.stats.guards import FloatArray, finite, level
from lakehouse.stats.spending import SpendingFamily, error_spent


@dataclass(frozen=True, slots=True)
class FutilityBounds:
    """z-values below which to give up; non-binding.

    beta_spent: chance, cumulative, to give up although the effect is the one designed for. drift: that effect as the
    expected z at the end, E[z] at fraction 1. power: chance to reject under it, giving up where told. inflation: the
    information at the end relative to a test with one look and the same power; None when the drift was given.
    """

    lower: tuple[float, ...]
    beta_spent: tuple[float, ...]
    drift: float
    power: float
    inflation: float | None


def futility_bounds(
    design: GroupSequentialDesign,
    beta: float = 0.2,
    family: SpendingFamily = "hwang_shih_decani",
    parameter: float | None = -2.0,
    drift: float | None = None,
) -> FutilityBounds:
    """Non-binding futility bounds that spend beta over the looks of a one-sided design.

    design: its information is read as fractions of the last look. beta: 1 - power. family, parameter: how beta is
    spent, as in `error_spent`. drift: expected z at the last look; when not given, the drift at which the futility
    bound meets the rejecting bound at the last look, so that the power is exactly 1 - beta.
    Raises ValueError for a two-sided design, beta outside (0, 1 - alpha), a drift that is not finite, or no drift at
    which the bounds meet.
    Source: Pampallona, Tsiatis & Kim (2001), Drug Information Journal 35:1113-1121; the numbers are those of
    gsDesign's test.type 4.

    >>> from lakehouse.stats.group_sequential import spending_design
    >>> design = spending_design("hwang_shih_decani", [1 / 3, 2 / 3, 1], alpha=0.025, sides=1, parameter=-4)
    >>> bounds = futility_bounds(design, beta=0.1)
    >>> [round(bound, 2) for bound in bounds.lower], round(bounds.inflation, 2)
    ([-0.24, 0.94, 2.0], 1.07)
    """
    if design.sides != 1:
        raise ValueError(f"design: expected a one-sided design, found {design.sides} sides")
    level("beta", beta)
    if beta >= 1 - design.alpha:
        raise ValueError(f"beta: expected less than 1 - alpha = {1 - design.alpha:g}, found {beta}")
    levels = checked_information(design.information)
    levels = levels / levels[-1]
    upper = np.asarray(design.upper)
    spent = error_spent(family, levels, beta, parameter)
    one_look = -float(ndtri(design.alpha)) - float(ndtri(beta))
    if drift is not None:
        lower, missed = _bounds(levels, upper, spent, finite("drift", drift))
        return FutilityBounds(lower, tuple(missed), float(drift), 1 - missed[-1], None)

    def excess(at: float) -> float:
        return _bounds(levels, upper, spent, at)[1][-1] - beta

    highest = one_look
    while excess(highest) > 0:
        highest += 0.5
        if highest > one_look + 20:
            raise ValueError(
                "beta: expected a spending at which the bounds meet at the last look, found none"
            )
    least = min(one_look, highest - 0.5)
    solved = highest if excess(least) <= 0 else float(brentq(excess, least, highest, xtol=1e-10))
    lower, missed = _bounds(levels, upper, spent, solved)
    return FutilityBounds(lower, tuple(missed), solved, 1 - missed[-1], (solved / one_look) ** 2)


def _bounds(
    levels: FloatArray, upper: FloatArray, spent: FloatArray, drift: float
) -> tuple[tuple[float, ...], list[float]]:
    """Lower bounds under the drift, the last equal to the upper; chance to have given up by each look."""
    paths, gone, lower, missed = start(), 0.0, [], []
    for look, (info, high, finest) in enumerate(zip(levels, upper, finest_steps(levels), strict=True)):
        if look == len(levels) - 1:
            bound = high
        else:
            # Reflected: the chance below falls as minus z rises.
            bound = min(-z_spending(partial(_below_minus, paths, info, drift), spent[look] - gone), high)
        gone += paths.below(info, bound, drift)
        paths = paths.after(info, bound, high, drift, finest)
        lower.append(float(bound))
        missed.append(gone)
    return tuple(lower), missed


def _below_minus(paths: Continuing, information: float, drift: float, z: float) -> float:
    return paths.below(information, -z, drift)
