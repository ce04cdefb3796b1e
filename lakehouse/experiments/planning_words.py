"""A plan in plain words: what the units are for, how many they are, how long it takes, and what chance remains.

Not here: the plan itself (planning.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from lakehouse.experiments.planning import ExperimentPlan
from lakehouse.experiments.readout_words import amount, percent, plain_percent
from lakehouse.stats.spending import SPENDING_NAMES


def sentences(planned: ExperimentPlan) -> tuple[str, ...]:
    """The plan in plain words.

    >>> from lakehouse.experiments.planning import plan
    >>> print(sentences(plan(0.1, 0.2, daily_units=1000))[0])
    To find a change of +20.0% (from 10% to 12%), 7,678 units are needed: 3,839 in the control and 3,839 in the variant.
    """
    told = [f"{_aim(planned)}, {planned.units:,} units are needed: {_arms(planned.units_per_arm)}."]
    if planned.days is not None:
        days = "1 day" if planned.days == 1 else f"{planned.days:,} days"
        weeks = "1 whole week" if planned.whole_weeks == 1 else f"{planned.whole_weeks:,} whole weeks"
        told.append(f"At the given number of new units a day that takes {days}: run it for {weeks}.")
    if planned.looks > 1:
        more = plain_percent(planned.inflation - 1)
        told.append(
            f"The results may be looked at {planned.looks} times, evenly spread ({SPENDING_NAMES[planned.spending]} "
            f"spending of alpha): that asks for {more} more units than one look, and may end it sooner."
        )
    told.append(_chances(planned))
    return tuple(told)


def _aim(planned: ExperimentPlan) -> str:
    """What the units are for."""
    parts = []
    if planned.effect:
        levels = [
            plain_percent(value) if planned.kind == "proportion" else f"{value:,.4g}"
            for value in (planned.baseline, planned.target)
        ]
        parts.append(f"find a change of {_change(planned, planned.effect)} (from {levels[0]} to {levels[1]})")
    if planned.margin is not None:
        size = _change(planned, planned.margin).removeprefix("+")
        parts.append(f"show that a variant which changes nothing isn't worse by {size} or more")
    return f"To {' and to '.join(parts)}"


def _change(planned: ExperimentPlan, effect: float) -> str:
    return percent(effect / abs(planned.baseline)) if planned.baseline else amount(effect, planned.kind)


def _chances(planned: ExperimentPlan) -> str:
    comparisons = len(planned.units_per_arm) - 1
    shared = f", shared by {comparisons} comparisons" if comparisons > 1 and planned.effect else ""
    power, alpha = plain_percent(planned.power), plain_percent(planned.alpha)
    if not planned.effect:
        return (
            f"A variant that changes nothing is shown so with a chance of {power} (power); one that is worse by just "
            f"the margin passes by mistake with a chance of at most {alpha} (alpha)."
        )
    return (
        f"If there is a change of that size, it is found with a chance of {power} (power); "
        f"if there is none, one is found by mistake with a chance of at most {alpha} (alpha{shared})."
    )


def _arms(units: Sequence[int]) -> str:
    if len(units) == 2:
        return f"{units[0]:,} in the control and {units[1]:,} in the variant"
    variants = ", ".join(f"{count:,}" for count in units[1:])
    return f"{units[0]:,} in the control and {variants} in the variants"
