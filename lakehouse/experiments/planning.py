"""Before an experiment: how many units and how many days it takes to find the effect that matters.

Belongs here: plans over any number of arms and any split. Not here: their sentences (planning_words.py), the equations
(stats/power.py, stats/sizes.py, stats/planning.py), and power in the middle of an experiment (readout_judge.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lakehouse.stats.group_sequential import spending_design
from lakehouse.stats.guards import at_least, count, finite, level, one_of, positive
from lakehouse.stats.planning import duration
from lakehouse.stats.power import Outcome, sample_size
from lakehouse.stats.sizes import inflation, margin_sample_size
from lakehouse.stats.spending import SpendingFamily

PlanKind = Literal["proportion", "mean", "ratio"]
KINDS: tuple[PlanKind, ...] = ("proportion", "mean", "ratio")
Scale = Literal["relative", "absolute"]
# Sizes beside the one that was asked for, to show what it is worth to look for less.
FACTORS = (0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class ExperimentPlan:
    """Units per arm (the control first) and days that find an effect of that size with that power.

    baseline, target: the metric's level without and with the effect. lift: the effect relative to the baseline.
    margin: in the metric's unit, how much worse a variant must be shown not to be; None without one. The effect is 0
    where there is a margin only. alpha_per_comparison: what is left of alpha for each variant against the control.
    looks, spending, inflation: planned looks at the results, how alpha is spent on them, and units relative to one
    look. days, whole_weeks: None without daily units.
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
    margin: float | None = None
    looks: int = 1
    spending: SpendingFamily = "obrien_fleming"
    inflation: float = 1.0


@dataclass(frozen=True, slots=True)
class Alternative:
    """The same plan for another size of effect, or why there is none. size: on the scale that was asked on."""

    size: float
    plan: ExperimentPlan | None
    reason: str = ""


def plan(
    baseline: float,
    mde: float | None = None,
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
    margin: float | None = None,
    direction: Literal["up", "down"] = "up",
    looks: int = 1,
    spending: SpendingFamily = "obrien_fleming",
    parameter: float | None = None,
) -> ExperimentPlan:
    """The plan of an experiment that is judged at its end, and at planned looks before where there are several.

    baseline: the metric's level today. mde: the smallest effect worth finding, relative to the baseline (0.02 is 2%
    of it) unless scale is "absolute". sd: standard deviation of one unit's value, for a mean; of a unit's
    contribution to it, for a ratio. daily_units: units that come for the first time per day, one number or a
    repeating pattern; allocation: share of them that takes part. arms: the control included; their comparisons share
    alpha evenly (Bonferroni, which never asks for too few). split: shares of the arms, the control first.
    variance_reduction: share of the variance that values from before the experiment explain. margin: show, should
    there be no effect, that the metric isn't worse by so much (on the scale of mde; direction: which way is better);
    with both, the plan serves both. looks: at the difference, evenly over the units, by a group-sequential plan that
    spends alpha as told (spending, parameter); a margin is judged at the end.
    Raises ValueError with what was expected and found.

    >>> found = plan(0.1, 0.02, scale="absolute", daily_units=1000)
    >>> found.units_per_arm, found.days
    ((3839, 3839), 8)
    """
    one_of("kind", kind, KINDS)
    one_of("scale", scale, ("relative", "absolute"))
    one_of("direction", direction, ("up", "down"))
    finite("baseline", baseline)
    if mde is None and margin is None:
        raise ValueError("mde: expected the smallest effect worth finding, or a margin, found neither")
    if mde is not None and finite("mde", mde) == 0:
        raise ValueError("mde: expected an effect other than 0, found 0")
    if scale == "relative" and baseline == 0:
        raise ValueError("baseline: expected a level other than 0 for a relative mde, found 0")
    if margin is not None and scale == "relative" and direction == "up" and margin >= 1:
        raise ValueError(f"margin: expected less than 1, which is all of the level, found {margin}")
    unit = abs(baseline) if scale == "relative" else 1.0
    effect, accepted = (mde or 0.0) * unit, None if margin is None else positive("margin", margin) * unit
    shares = _shares(count("arms", arms, 2), split)
    per_comparison = level("alpha", alpha) / (len(shares) - 1)
    outcome = _outcome(baseline, kind, sd, variance_reduction)
    many = _inflation(count("looks", looks, 1), spending, parameter, per_comparison, power) if mde else 1.0
    needed = [0.0]
    for share in shares[1:]:
        pair = share / (shares[0] + share)
        if mde is not None:
            found = sample_size(outcome, effect, share=pair, alpha=per_comparison, power=power)
            needed.append(many * max(found.n_treatment / share, found.n_control / shares[0]))
        if accepted is not None:
            worse = -1 if direction == "up" else 1
            allowed = 1 + worse * accepted / unit if scale == "relative" else 1.0
            # As a readout judges it: each guardrail by itself.
            found = margin_sample_size(
                outcome, accepted, allowed=allowed, share=pair, alpha=alpha, power=power
            )
            needed.append(max(found.n_treatment / share, found.n_control / shares[0]))
    units = tuple(math.ceil(max(needed) * share - 1e-9) for share in shares)
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
        margin=accepted,
        looks=looks if mde is not None else 1,
        spending=spending,
        inflation=many,
    )


def around(
    baseline: float, mde: float | None = None, *, margin: float | None = None, **given: Any
) -> tuple[Alternative, ...]:
    """The plan for half, once and twice the effect (of the margin, where there is no effect to find).

    Arguments as in plan. A size that no plan finds has the reason instead.

    >>> [found.plan.units for found in around(0.1, 0.02, scale="absolute") if found.plan]
    [29498, 7678, 2066]
    """
    asked = mde if mde is not None else margin
    if asked is None:
        raise ValueError("mde: expected the smallest effect worth finding, or a margin, found neither")
    found = []
    for factor in FACTORS:
        size = factor * asked
        changed = {"mde": size, "margin": margin} if mde is not None else {"margin": size}
        try:
            found.append(Alternative(size, plan(baseline, **changed, **given)))
        except ValueError as error:
            found.append(Alternative(size, None, str(error)))
    return tuple(found)


def _inflation(
    looks: int, spending: SpendingFamily, parameter: float | None, alpha: float, power: float
) -> float:
    if looks == 1:
        return 1.0
    fractions = [at / looks for at in range(1, looks + 1)]
    return inflation(spending_design(spending, fractions, alpha, parameter=parameter), power)


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
