"""Before an experiment: how many units and how many days it takes to find the effect that matters.

Belongs here: plans over any number of arms and any split, and their sentences. Not here: the equations
(stats/power.py, stats/planning.py), and power in the middle of an experiment (readout_judge.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lakehouse.experiments.readout_words import amount, percent, plain_percent
from lakehouse.stats.guards import at_least, count, finite, level, one_of, positive
from lakehouse.stats.planning import duration
from lakehouse.stats.power import Outcome, sample_size

PlanKind = Literal["proportion", "mean", "ratio"]
KINDS: tuple[PlanKind, ...] = ("proportion", "mean", "ratio")
Scale = Literal["relative", "absolute"]


@dataclass(frozen=True, slots=True)
class ExperimentPlan:
    """Units per arm (the control first) and days that find an effect of that size with that power.

    baseline, target: the metric's level without and with the effect. lift: the effect relative to the baseline.
    alpha_per_comparison: what is left of alpha for each variant against the control. days, whole_weeks: None without
    daily units.
    """

    kind: PlanKind
    baseline: float
    target: float
    effect: float
    lift: float
    alpha: float
    alpha_per_comparison: float
    power: float
    split: tuple[float, ...]
    units_per_arm: tuple[int, ...]
    units: int
    days: int | None
    whole_weeks: int | None


def plan(
    baseline: float,
    mde: float,
    *,
    kind: PlanKind = "proportion",
    sd: float | None = None,
    scale: Scale = "relative",
    alpha: float = 0.05,
    power: float = 0.8,
    daily_units: float | Sequence[float] | None = None,
    allocation: float = 1.0,
    arms: int = 2,
    split: Sequence[float] | None = None,
    variance_reduction: float = 0.0,
) -> ExperimentPlan:
    """The plan of an experiment that is judged once, at its end.

    baseline: the metric's level today. mde: the smallest effect worth finding, relative to the baseline (0.02 is 2%
    of it) unless scale is "absolute". sd: standard deviation of one unit's value, for a mean; of a unit's
    contribution to it, for a ratio. daily_units: units that come for the first time per day, one number or a
    repeating pattern; allocation: share of them that takes part. arms: the control included; their comparisons share
    alpha evenly (Bonferroni, which never asks for too few). split: shares of the arms, the control first.
    variance_reduction: share of the variance that values from before the experiment explain.
    Raises ValueError with what was expected and found.

    >>> found = plan(0.1, 0.02, scale="absolute", daily_units=1000)
    >>> found.units_per_arm, found.days
    ((3839, 3839), 8)
    """
    one_of("kind", kind, KINDS)
    one_of("scale", scale, ("relative", "absolute"))
    finite("baseline", baseline)
    if finite("mde", mde) == 0:
        raise ValueError("mde: expected an effect other than 0, found 0")
    if scale == "relative" and baseline == 0:
        raise ValueError("baseline: expected a level other than 0 for a relative mde, found 0")
    effect = mde * abs(baseline) if scale == "relative" else float(mde)
    shares = _shares(count("arms", arms, 2), split)
    per_comparison = level("alpha", alpha) / (len(shares) - 1)
    outcome = _outcome(baseline, kind, sd, variance_reduction)
    total = max(_whole_plan(outcome, effect, shares[0], share, per_comparison, power) for share in shares[1:])
    units = tuple(math.ceil(total * share - 1e-9) for share in shares)
    days = None if daily_units is None else duration(sum(units), daily_units, allocation)
    return ExperimentPlan(
        kind=kind,
        baseline=float(baseline),
        target=baseline + effect,
        effect=effect,
        lift=effect / abs(baseline) if baseline else math.inf,
        alpha=float(alpha),
        alpha_per_comparison=per_comparison,
        power=float(power),
        split=shares,
        units_per_arm=units,
        units=sum(units),
        days=days.days if days else None,
        whole_weeks=days.whole_weeks if days else None,
    )


def sentences(planned: ExperimentPlan) -> tuple[str, ...]:
    """The plan in plain words.

    >>> print(sentences(plan(0.1, 0.2, daily_units=1000))[0])
    To find a change of +20.0% (from 10% to 12%), 7,678 units are needed: 3,839 in the control and 3,839 in the variant.
    """
    levels = [
        plain_percent(value) if planned.kind == "proportion" else f"{value:,.4g}"
        for value in (planned.baseline, planned.target)
    ]
    change = percent(planned.lift) if math.isfinite(planned.lift) else amount(planned.effect, planned.kind)
    needed = f"{planned.units:,} units are needed: {_arms(planned.units_per_arm)}."
    told = [f"To find a change of {change} (from {levels[0]} to {levels[1]}), {needed}"]
    if planned.days is not None:
        days = "1 day" if planned.days == 1 else f"{planned.days:,} days"
        weeks = "1 whole week" if planned.whole_weeks == 1 else f"{planned.whole_weeks:,} whole weeks"
        told.append(f"At the given number of new units a day that takes {days}: run it for {weeks}.")
    several = len(planned.units_per_arm) > 2
    shared = f", shared by {len(planned.units_per_arm) - 1} comparisons" if several else ""
    told.append(
        f"If there is a change of that size, it is found with a chance of {plain_percent(planned.power)} (power); "
        f"if there is none, one is found by mistake with a chance of at most {plain_percent(planned.alpha)} "
        f"(alpha{shared})."
    )
    return tuple(told)


def _whole_plan(
    outcome: Outcome, effect: float, control: float, share: float, alpha: float, power: float
) -> float:
    """Units of all arms that give this pair what it needs."""
    pair = sample_size(outcome, effect, share=share / (control + share), alpha=alpha, power=power)
    return max(pair.n_treatment / share, pair.n_control / control)


def _outcome(baseline: float, kind: PlanKind, sd: float | None, reduction: float) -> Outcome:
    if kind == "proportion":
        if sd is not None:
            raise ValueError(f"sd: expected none for a proportion, whose level gives it, found {sd}")
        return Outcome.rate(baseline, reduction)
    if sd is None:
        raise ValueError(f"sd: expected the standard deviation of one unit's value for a {kind}, found none")
    return Outcome(baseline, positive("sd", sd) ** 2, variance_reduction=reduction)


def _shares(arms: int, split: Sequence[float] | None) -> tuple[float, ...]:
    if split is None:
        return (1 / arms,) * arms
    if len(split) != arms:
        raise ValueError(f"split: expected one share for each of {arms} arms, found {len(split)}")
    weights = [positive("split", at_least("split", share, 0)) for share in split]
    return tuple(weight / sum(weights) for weight in weights)


def _arms(units: Sequence[int]) -> str:
    if len(units) == 2:
        return f"{units[0]:,} in the control and {units[1]:,} in the variant"
    variants = ", ".join(f"{count:,}" for count in units[1:])
    return f"{units[0]:,} in the control and {variants} in the variants"
