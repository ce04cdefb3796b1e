"""Plans with a fixed number of looks: bounds that reject, repeated intervals and repeated p-values.

Belongs here: designs of group-sequential tests and their readout at a look. Not here: the numerical integration
(crossing.py), the spending functions (spending.py), giving up early (futility.py), inference at any time
(sequential.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from lakehouse.stats.crossing import (
    Continuing,
    checked_information,
    crossing_probabilities,
    finest_steps,
    start,
)
from lakehouse.stats.guards import FloatArray, at_least, finite, level, one_of, positive
from lakehouse.stats.spending import SPENDING_NAMES, SpendingFamily, error_spent

BoundaryFamily = Literal["obrien_fleming", "pocock"]
# Exponents of Wang & Tsiatis: the bound at fraction t is C * t ** (exponent - 1/2).
WANG_TSIATIS = {"obrien_fleming": 0.0, "pocock": 0.5}
WANG_TSIATIS_BOUNDS = {f"{family}_bounds": family for family in WANG_TSIATIS}
BOUNDARY_NAMES = {"obrien_fleming": "O'Brien-Fleming", "pocock": "Pocock"}
SMALLEST_P = 1e-12
# A look that may spend less than this has no bound.
NOTHING = 1e-30
Z_LIMIT = 40.0
Z_BEYOND = 1e6


@dataclass(frozen=True, slots=True)
class GroupSequentialDesign:
    """Bounds on z at each look: the test rejects at or beyond them. One-sided designs reject above `upper`."""

    method: str
    information: tuple[float, ...]
    alpha: float
    sides: int
    upper: tuple[float, ...]
    alpha_spent: tuple[float, ...]
    family: str
    parameter: float | None = None

    @property
    def looks(self) -> int:
        """Number of looks that the bounds are for."""
        return len(self.upper)

    @property
    def lower(self) -> tuple[float, ...]:
        """Rejecting bounds on the other side; minus infinity in a one-sided design."""
        return tuple(-bound if self.sides == 2 else -math.inf for bound in self.upper)

    @property
    def stage_levels(self) -> tuple[float, ...]:
        """One-sided nominal significance levels of the bounds."""
        return tuple(float(ndtr(-bound)) for bound in self.upper)


@dataclass(frozen=True, slots=True)
class SequentialReadout:
    """An effect at one look, judged by the design: repeated confidence interval and repeated p-value."""

    estimate: float
    low: float
    high: float
    p_value: float
    standard_error: float
    look: int
    looks: int
    bound: float
    rejects: bool
    method: str


def boundary_design(
    family: BoundaryFamily, information: Sequence[float], alpha: float = 0.05, sides: int = 2
) -> GroupSequentialDesign:
    """O'Brien-Fleming or Pocock bounds for looks that are all planned ahead, at equal or unequal information.

    information: rising levels, shape (looks,), in any unit; the last is the planned end. alpha: error over all looks
    and sides together. sides: 1 (rejects above) or 2.
    The bound at fraction t of the last information is C / sqrt(t) (O'Brien-Fleming) or C (Pocock).
    Raises ValueError for an unknown family, information that does not rise, alpha outside [1e-12, 1) or other sides.
    Source: Wang & Tsiatis (1987), Biometrics 43:193-199; Jennison & Turnbull (2000), tables 2.1 and 2.3.

    >>> [round(bound, 3) for bound in boundary_design("pocock", [1, 2, 3]).upper]
    [2.289, 2.289, 2.289]
    >>> [round(bound, 4) for bound in boundary_design("obrien_fleming", [1, 2, 3], alpha=0.025, sides=1).upper]
    [3.4711, 2.4544, 2.004]
    """
    one_of("family", family, tuple(WANG_TSIATIS))
    levels = checked_information(information)
    per_side = _per_side(alpha, sides)
    shape = _boundary_shape(family, levels)

    def spent(constant: float) -> float:
        return sum(_boundary_spending(constant, shape, levels, sides))

    # One look alone gives the least constant, Bonferroni over the looks the largest.
    least = -float(ndtri(per_side))
    most = -float(ndtri(per_side / len(levels)))
    constant = float(brentq(lambda c: spent(c) - sides * per_side, least - 1e-9, most + 1e-9, xtol=1e-12))
    upper = constant * shape
    return GroupSequentialDesign(
        method=f"{BOUNDARY_NAMES[family]} bounds",
        information=tuple(levels.tolist()),
        alpha=alpha,
        sides=sides,
        upper=tuple(upper.tolist()),
        alpha_spent=tuple(accumulate(_boundary_spending(constant, shape, levels, sides))),
        family=f"{family}_bounds",
    )


def _boundary_shape(family: str, levels: FloatArray) -> FloatArray:
    return np.asarray((levels / levels[-1]) ** (WANG_TSIATIS[family] - 0.5), dtype=np.float64)


def _boundary_spending(constant: float, shape: FloatArray, levels: FloatArray, sides: int) -> list[float]:
    upper = constant * shape
    lower = -upper if sides == 2 else np.full(len(upper), -math.inf)
    chances = crossing_probabilities(levels.tolist(), lower.tolist(), upper.tolist())
    return [sides * chance for chance in chances.upper]


def spending_design(
    family: SpendingFamily,
    information: Sequence[float],
    alpha: float = 0.05,
    sides: int = 2,
    parameter: float | None = None,
) -> GroupSequentialDesign:
    """Bounds at the looks taken so far, by an error-spending function; later looks need not be known.

    information: fractions of the planned information, shape (looks,), rising; a last one of 1 or more spends all of
    alpha. A two-sided design spends alpha / 2 on either side. family and parameter: as in `error_spent`.
    Raises ValueError for an unknown family, fractions that do not rise or go on after the planned end, alpha outside
    [1e-12, 1) or other sides.
    Source: Lan & DeMets (1983), Biometrika 70:659-663; Jennison & Turnbull (2000), chapter 7.

    >>> design = spending_design("pocock", [0.4, 0.7], alpha=0.025, sides=1)
    >>> [round(bound, 4) for bound in design.upper], [round(spent, 4) for spent in design.alpha_spent]
    ([2.2239, 2.3051], [0.0131, 0.0197])
    """
    levels = checked_information(information)
    if len(levels) > 1 and levels[-2] >= 1:
        raise ValueError(f"information: expected no look after fraction 1, found {levels.tolist()}")
    spent = error_spent(family, levels, _per_side(alpha, sides), parameter)
    return GroupSequentialDesign(
        method=f"{SPENDING_NAMES[family]} spending",
        information=tuple(levels.tolist()),
        alpha=alpha,
        sides=sides,
        upper=_spent_bounds(levels, spent, sides),
        alpha_spent=tuple((sides * spent).tolist()),
        family=family,
        parameter=parameter,
    )


def _spent_bounds(levels: FloatArray, spent: FloatArray, sides: int) -> tuple[float, ...]:
    paths, before, bounds = start(), 0.0, []
    for info, total, finest in zip(levels, spent, finest_steps(levels), strict=True):
        bound = z_spending(partial(_above, paths, info), total - before)
        paths = paths.after(info, -bound if sides == 2 else -math.inf, bound, 0.0, finest)
        before = total
        bounds.append(bound)
    return tuple(bounds)


def _above(paths: Continuing, information: float, z: float) -> float:
    return paths.above(information, z, drift=0.0)


def z_spending(chance: Callable[[float], float], target: float) -> float:
    """The z above which the chance, falling in z, is the target; infinite where there is next to nothing to spend."""
    if target < NOTHING:
        return math.inf
    if chance(-Z_LIMIT) <= target:
        return -math.inf
    goal = math.log(target)
    return float(
        brentq(lambda z: math.log(max(chance(z), 1e-300)) - goal, -Z_LIMIT, Z_LIMIT, xtol=1e-12, rtol=1e-14)
    )


def _per_side(alpha: float, sides: int) -> float:
    if sides not in (1, 2):
        raise ValueError(f"sides: expected 1 or 2, found {sides}")
    return at_least("alpha", level("alpha", alpha), SMALLEST_P) / sides


def readout(
    design: GroupSequentialDesign, look: int, estimate: float, standard_error: float
) -> SequentialReadout:
    """The effect at a look: repeated confidence interval, repeated p-value, and whether its bound is reached.

    look: 1 for the first. estimate, standard_error: of the effect at that look, on any scale, null 0. The intervals
    of all looks cover the effect together with 1 - alpha; the p-value is the smallest alpha at which the same kind of
    design would have rejected at this look (its floor is 1e-12), and stays valid as the smallest over looks.
    Raises ValueError for a look that the design has not, or a standard error that is not above 0.
    Source: Jennison & Turnbull (1989), JRSS B 51:305-361; (2000), chapter 9.

    >>> at = readout(spending_design("obrien_fleming", [0.5, 1.0]), 1, estimate=0.3, standard_error=0.1)
    >>> round(at.bound, 3), round(at.low, 4), at.rejects, round(at.p_value, 3)
    (2.963, 0.0037, True, 0.047)
    """
    finite("estimate", estimate)
    positive("standard_error", standard_error)
    if look != int(look) or not 1 <= look <= design.looks:
        raise ValueError(f"look: expected a whole number from 1 to {design.looks}, found {look}")
    bound = design.upper[look - 1]
    z = max(-Z_BEYOND, min(Z_BEYOND, estimate / standard_error))
    half_width = bound * standard_error
    return SequentialReadout(
        estimate=float(estimate),
        low=estimate - half_width,
        high=estimate + half_width if design.sides == 2 else math.inf,
        p_value=_repeated_p(design, look, abs(z) if design.sides == 2 else z),
        standard_error=float(standard_error),
        look=int(look),
        looks=design.looks,
        bound=bound,
        rejects=bool((abs(z) if design.sides == 2 else z) >= bound),
        method=design.method,
    )


def _repeated_p(design: GroupSequentialDesign, look: int, z: float) -> float:
    if design.family in WANG_TSIATIS_BOUNDS:
        levels = np.asarray(design.information)
        shape = _boundary_shape(WANG_TSIATIS_BOUNDS[design.family], levels)
        constant = z / shape[look - 1]
        return min(1.0, max(SMALLEST_P, sum(_boundary_spending(constant, shape, levels, design.sides))))
    family: SpendingFamily = design.family  # type: ignore[assignment]  # a design has one of the two kinds

    def short_of(log_alpha: float) -> float:
        alpha = math.exp(log_alpha)
        other = spending_design(family, design.information[:look], alpha, design.sides, design.parameter)
        return min(other.upper[-1], Z_LIMIT) - z

    low, high = math.log(SMALLEST_P), math.log(0.999)
    if short_of(low) <= 0:
        return SMALLEST_P
    if short_of(high) >= 0:
        return 1.0
    return math.exp(float(brentq(short_of, low, high, xtol=1e-10)))
