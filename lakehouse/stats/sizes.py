"""Sizes of plans that aren't one two-sided look at a difference: against a margin, and with several looks.

Belongs here: what a non-inferiority margin asks for, and what planned looks add. Not here: the plain comparison
(power.py), days (planning.py), bounds and readouts (group_sequential.py).
"""

from __future__ import annotations

import math

from scipy.optimize import brentq

from lakehouse.stats.crossing import crossing_probabilities
from lakehouse.stats.group_sequential import GroupSequentialDesign
from lakehouse.stats.guards import finite, level, positive
from lakehouse.stats.power import Outcome, Plan, distance_for, power_at


def margin_sample_size(
    outcome: Outcome,
    margin: float,
    *,
    allowed: float = 1.0,
    share: float = 0.5,
    alpha: float = 0.05,
    power: float = 0.8,
) -> Plan:
    """Units per arm that show treatment to be worse by less than a margin, should the two be alike.

    margin: above 0, in the metric's unit. allowed: the share of the control's level that the test compares with, 1 -
    margin / level for a relative margin below the control, 1 + margin / level for one above it; 1 for an absolute
    margin. share: of the units that treatment receives. The plan's effect is the margin, its power that of the
    rounded-up sizes; one-sided.
    Raises ValueError for a margin or an allowed share not above 0, or a power not above alpha.
    Source: Chow, Shao & Wang (2008), Sample Size Calculations in Clinical Research, 2nd ed., chapter 3.

    >>> plan = margin_sample_size(Outcome(10.0, 4.0), 0.5)
    >>> plan.n_treatment, plan.n_control
    (198, 198)
    """
    level("share", share)
    scale = positive("allowed", allowed) ** 2
    variance = outcome.variance * (1 - outcome.variance_reduction)
    needed = distance_for(alpha, power, "greater") / positive("margin", margin)
    total = finite("units", needed * needed * variance * (1 / share + scale / (1 - share)))
    n1, n0 = (max(2, math.ceil(total * part - 1e-9)) for part in (share, 1 - share))
    distance = margin / math.sqrt(variance * (1 / n1 + scale / n0))
    return Plan(float(margin), power_at(distance, alpha, "greater"), float(alpha), n1, n0)


def inflation(design: GroupSequentialDesign, power: float = 0.8) -> float:
    """Units at the last look of a design, relative to the plan with one look and the same power; 1 or more.

    It is the most that the looks cost: whoever crosses a bound ends sooner.
    Raises ValueError for a power not above the design's alpha.
    Source: Jennison & Turnbull (2000), Group Sequential Methods, tables 2.2 and 2.4.

    >>> from lakehouse.stats.group_sequential import boundary_design
    >>> round(inflation(boundary_design("pocock", [1, 2, 3, 4, 5])), 3)
    1.228
    """
    fixed = distance_for(design.alpha, power, "two-sided" if design.sides == 2 else "greater")
    fractions = [at / design.information[-1] for at in design.information]

    def short_of(drift: float) -> float:
        chances = crossing_probabilities(fractions, design.lower, design.upper, drift)
        return sum(chances.upper) + sum(chances.lower) - power

    if short_of(fixed) >= 0:
        return 1.0
    most = 2 * fixed
    while short_of(most) < 0:
        most *= 2
    return (float(brentq(short_of, fixed, most, xtol=1e-10)) / fixed) ** 2
