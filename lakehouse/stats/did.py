"""Difference-in-differences for one adoption date: two groups and two periods, or a panel.

Belongs here: 2 x 2 tables of rows, changes of units seen twice, panels with unit and time effects. Not here: several
adoption dates (staggered.py), effects by event time and the pre-trend test (event_study.py), a single treated unit
(synthetic_control.py, synthetic_did.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lakehouse.stats.effects import Effect, wald_effect
from lakehouse.stats.guards import FloatArray, finite_array, same_length, squarable
from lakehouse.stats.means import difference
from lakehouse.stats.moments import Moments
from lakehouse.stats.panel import IndexArray, fixed_effects_fit, flags, labels, per_unit


@dataclass(frozen=True, slots=True)
class TwoByTwo:
    """The four means behind a difference-in-differences, and their effect."""

    treated_before: float
    treated_after: float
    control_before: float
    control_after: float
    effect: Effect


def two_by_two(
    outcome: ArrayLike, treated: ArrayLike, after: ArrayLike, unit: ArrayLike, alpha: float = 0.05
) -> TwoByTwo:
    """Change of the treated less change of the controls, from rows of any number per unit.

    outcome: shape (rows,). treated, after: 0 or 1 a row; treated is one value a unit. unit: labels; standard errors are
    clustered by it (CR1), Student's t with units - 1 degrees of freedom.
    Raises ValueError for an empty cell, a unit in both groups, fewer than 2 units in a group, or rows without variation.
    Source: Card & Krueger (1994), AER 84:772-793, table 3; Angrist & Pischke (2009), section 5.2.

    >>> table = two_by_two([1, 2, 1, 4, 2, 3, 0, 4], [0, 0, 1, 1, 0, 0, 1, 1], [0, 1] * 4, [1, 1, 2, 2, 3, 3, 4, 4])
    >>> table.treated_after, table.effect.estimate
    (4.0, 2.5)
    """
    y, in_treated, is_after = (
        squarable("outcome", finite_array("outcome", outcome)),
        flags("treated", treated),
        flags("after", after),
    )
    _, units = labels("unit", unit)
    same_length(outcome=y, treated=in_treated, after=is_after, unit=units)
    _enough_units(per_unit("treated", in_treated, units))
    means = [[_cell(y, in_treated, is_after, group, period) for period in (0, 1)] for group in (0, 1)]
    estimate = (means[1][1] - means[1][0]) - (means[0][1] - means[0][0])
    return TwoByTwo(
        treated_before=means[1][0],
        treated_after=means[1][1],
        control_before=means[0][0],
        control_after=means[0][1],
        effect=wald_effect(
            estimate,
            _clustered_error(y, in_treated, is_after, units),
            degrees_of_freedom=float(units.max()),
            alpha=alpha,
        ),
    )


def _clustered_error(y: FloatArray, treated: FloatArray, after: FloatArray, units: IndexArray) -> float:
    """Standard error of the interaction in the saturated regression: each row weighs 1 / rows of its cell."""
    cell = (2 * treated + after).astype(np.intp)
    sizes = np.bincount(cell, minlength=4)
    residuals = y - (np.bincount(cell, weights=y, minlength=4) / sizes)[cell]
    if np.abs(residuals).max() <= 1e-12 * max(float(np.abs(y).max()), 1e-300):
        raise ValueError("outcome: expected variation within the four cells, found none")
    rows, groups = len(y), int(units.max()) + 1
    if rows <= 4:
        raise ValueError(f"outcome: expected more than 4 rows, found {rows}")
    scores = np.bincount(units, weights=np.where(treated == after, 1.0, -1.0) * residuals / sizes[cell])
    return math.sqrt(groups / (groups - 1) * (rows - 1) / (rows - 4) * float(scores @ scores))


def _cell(y: FloatArray, treated: FloatArray, after: FloatArray, group: int, period: int) -> float:
    rows = y[(treated == group) & (after == period)]
    if not len(rows):
        raise ValueError(f"expected rows with treated = {group} and after = {period}, found none")
    return float(rows.mean())


def _enough_units(treated: FloatArray) -> None:
    for group, count in (("treated", int(treated.sum())), ("control", int((1 - treated).sum()))):
        if count < 2:
            raise ValueError(
                f"unit: expected at least 2 {group} units for clustered standard errors, found {count}; "
                "with a single treated unit use synthetic control or synthetic difference-in-differences"
            )


def difference_of_changes(
    before: ArrayLike, after: ArrayLike, treated: ArrayLike, alpha: float = 0.05
) -> Effect:
    """Difference-in-differences of units that are seen exactly twice: Welch's test of their changes.

    before, after: shape (units,). treated: 0 or 1 a unit.
    Raises ValueError for fewer than 2 units in a group or changes without variation.
    Source: Card & Krueger (1994), table 3, row 4 (balanced sample); Welch (1947), Biometrika 34:28-35.

    >>> round(difference_of_changes([1, 2, 1, 0], [2, 3.5, 4, 4], [0, 0, 1, 1]).estimate, 2)
    2.25
    """
    first = squarable("before", finite_array("before", before))
    second = squarable("after", finite_array("after", after))
    group = flags("treated", treated)
    same_length(before=first, after=second, treated=group)
    _enough_units(group)
    changes = second - first
    arms = [Moments.from_values(changes[group == side]).arm() for side in (1, 0)]
    return difference(arms[0], arms[1], alpha=alpha)


def panel_did(
    outcome: ArrayLike, treated_now: ArrayLike, unit: ArrayLike, time: ArrayLike, alpha: float = 0.05
) -> Effect:
    """Two-way fixed effects: the coefficient of being treated now, with unit and time effects.

    outcome: shape (rows,). treated_now: 0 or 1 a row. unit, time: labels, one row a unit and time at most. Standard
    errors are clustered by unit. Exact for one adoption date; with several, and effects that differ, it is a weighted
    average with weights that may be negative: use staggered.group_time_effects.
    Raises ValueError for a unit with two rows at one time, fewer than 2 units ever or never treated (or treated in all
    its rows), or no variation.
    Source: Angrist & Pischke (2009), Mostly Harmless Econometrics, section 5.2; warning: Goodman-Bacon (2021), Journal
    of Econometrics 225:254-277.

    >>> effect = panel_did([1, 2, 1, 4, 2, 3, 0, 4], [0, 0, 0, 1, 0, 0, 0, 1], [1, 1, 2, 2, 3, 3, 4, 4], [0, 1] * 4)
    >>> round(effect.estimate, 3)
    2.5
    """
    y, now = squarable("outcome", finite_array("outcome", outcome)), flags("treated_now", treated_now)
    (_, units), (_, times) = labels("unit", unit), labels("time", time)
    same_length(outcome=y, treated_now=now, unit=units, time=times)
    if len(np.unique(np.column_stack([units, times]), axis=0)) < len(y):
        raise ValueError("unit, time: expected one row a unit and time, found several")
    treated_rows = np.bincount(units, weights=now)
    _enough_units((treated_rows > 0).astype(np.float64))
    fit = fixed_effects_fit(y, now[:, None], units, times)
    return wald_effect(
        float(fit.estimates[0]),
        math.sqrt(fit.covariance[0, 0]),
        degrees_of_freedom=fit.degrees_of_freedom,
        alpha=alpha,
    )
