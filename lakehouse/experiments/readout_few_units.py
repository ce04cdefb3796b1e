"""Few treated or few untreated units: how many are too few, and how an effect is judged then.

Belongs here: the rule for differences in differences. Not here: designs that are made for one treated unit, whose
errors come from placebos (stats/placebo.py).

Errors that are clustered by unit are learned from the units, and the smaller side is the one they know least of: with 4
treated units of 40, the usual test takes chance for an effect in 14% of cases, and the joint test of the leads in 24%.
With as many degrees of freedom as the smaller side has units, less one, both keep their 5% (docs/calibration.md).
"""

from __future__ import annotations

from lakehouse.stats.effects import Effect, wald_effect

FEW_UNITS = 10


def are_few(sides: tuple[int, int]) -> bool:
    """sides: treated and untreated units."""
    return min(sides) < FEW_UNITS


def degrees_of_freedom(sides: tuple[int, int]) -> float:
    """Those that the smaller side leaves; at least 1."""
    return float(max(1, min(sides) - 1))


def cautious(effect: Effect, sides: tuple[int, int], alpha: float) -> Effect:
    """The same effect and standard error, judged by Student's t with those degrees of freedom.

    >>> usual = wald_effect(2.5, 1.0, degrees_of_freedom=39)
    >>> round(usual.p_value, 3), round(cautious(usual, (4, 36), 0.05).p_value, 3)
    (0.017, 0.088)
    """
    return wald_effect(
        effect.estimate, effect.standard_error, degrees_of_freedom=degrees_of_freedom(sides), alpha=alpha
    )
