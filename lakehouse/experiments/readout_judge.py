"""What a comparison is worth: belief that the variant is better, distance from a margin, power so far.

Belongs here: expected loss and chance to win, non-inferiority of guardrails, required units and the lift that could
have been found, each None where it can't be said. Not here: the comparison (readout_compare.py) and the verdict
(decision.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lakehouse.experiments.metric import Prior
from lakehouse.experiments.readout_compare import Comparison
from lakehouse.experiments.readout_design import Direction
from lakehouse.stats.bayes_normal import NormalPrior, posterior
from lakehouse.stats.bayes_proportions import rates_posterior
from lakehouse.stats.noninferiority import relative_non_inferiority
from lakehouse.stats.planning import current_power
from lakehouse.stats.power import Outcome, distance_for, sample_size

# A unit's variance is never taken to be wholly explained by the time before.
MOST_REDUCTION = 0.999


@dataclass(frozen=True, slots=True)
class Belief:
    """chance_to_win: that the variant is better than the control; expected_loss: what choosing it forgoes on average.

    The loss is in the metric's unit, counted over the cases in which the control would have been better.
    """

    chance_to_win: float
    expected_loss: float


@dataclass(frozen=True, slots=True)
class Margin:
    """The one-sided test that the variant is worse by less than the margin, relative to the control."""

    margin: float
    p_value: float
    is_met: bool


@dataclass(frozen=True, slots=True)
class Strength:
    """required_n: units of both arms for the minimum effect; current_power: of finding it with the units so far."""

    required_n: int | None
    current_power: float | None
    minimum_detectable_lift: float | None


def belief(comparison: Comparison, direction: Direction, prior: Prior | None = None) -> Belief | None:
    """Exact beta posteriors (Jeffreys' prior) for rates; otherwise, and with a prior of the lift, the normal.

    prior: of the effect, relative or absolute, with its sign as measured (not as better or worse).
    """
    try:
        if prior is not None and prior.scale == "relative":
            return _of_lift(comparison, direction, NormalPrior(prior.mean, prior.sd))
        if prior is None and comparison.counts is not None:
            found = rates_posterior(*comparison.counts)
        else:
            absolute = None if prior is None else NormalPrior(prior.mean, prior.sd)
            normal = posterior(comparison.effect.estimate, comparison.effect.standard_error, absolute)
            return _directed(
                normal.chance_to_win, normal.loss_if_treatment, normal.loss_if_control, direction
            )
    except ValueError:
        return None
    return _directed(found.chance_to_win, found.loss_if_treatment, found.loss_if_control, direction)


def _of_lift(comparison: Comparison, direction: Direction, prior: NormalPrior) -> Belief | None:
    lift, baseline = comparison.lift, comparison.control.mean
    if lift is None or not lift.standard_error:
        return None
    found = posterior(lift.estimate, lift.standard_error, prior)
    return _directed(
        found.chance_to_win, found.loss_if_treatment * baseline, found.loss_if_control * baseline, direction
    )


def _directed(chance: float, if_treatment: float, if_control: float, direction: Direction) -> Belief:
    """Where less is better, the variant wins when its effect is below 0."""
    if direction == "up":
        return Belief(chance, if_treatment)
    return Belief(max(0.0, 1 - chance), if_control)


def margin_test(
    comparison: Comparison, margin: float | None, direction: Direction, alpha: float
) -> Margin | None:
    """Is the variant shown to be worse by less than `margin` of the control's level? None where it can't be tested."""
    if margin is None:
        return None
    reference = "normal" if comparison.counts is not None else "welch"
    try:
        found = relative_non_inferiority(
            comparison.treatment,
            comparison.control,
            margin,
            better="higher" if direction == "up" else "lower",
            reference=reference,  # type: ignore[arg-type]  # one of the Reference names
            alpha=alpha,
        )
    except ValueError:
        return None
    return Margin(margin, found.p_value, found.is_met)


def strength(
    comparison: Comparison,
    units: tuple[int, int],
    *,
    minimum_effect: float | None,
    alpha: float,
    power: float,
    share: float = 0.5,
) -> Strength:
    """Required units, power so far and detectable lift, by the twin's smaller noise where there is one.

    units: of variant and control so far. minimum_effect: relative, the sign doesn't matter. share: of the two arms'
    units that the variant is to receive.
    """
    effect = comparison.twin.effect if comparison.twin else comparison.effect
    baseline = abs(comparison.control.mean)
    if not baseline > 0 or not power > alpha:
        return Strength(None, None, None)
    detectable = distance_for(alpha, power) * effect.standard_error / baseline
    lift = detectable if math.isfinite(detectable) else None
    if not minimum_effect:
        return Strength(None, None, lift)
    try:
        now = current_power(
            effect.standard_error, minimum_effect * baseline, sum(units), alpha=alpha, power=power
        )
        return Strength(_required(comparison, units, minimum_effect, alpha, power, share), now.power, lift)
    except ValueError:
        return Strength(None, None, lift)


def _required(
    comparison: Comparison,
    units: tuple[int, int],
    minimum_effect: float,
    alpha: float,
    power: float,
    share: float,
) -> int:
    """Units of both arms; where clusters are compared, so many clusters of the size seen so far."""
    control = comparison.control
    reduction = comparison.twin.variance_reduction if comparison.twin else 0.0
    reduction = min(max(reduction, 0.0), MOST_REDUCTION)
    is_rate = comparison.counts is not None and 0 < control.mean < 1
    outcome = (
        Outcome.rate(control.mean, reduction)
        if is_rate
        else Outcome(control.mean, control.variance, variance_reduction=reduction)
    )
    effect = minimum_effect * abs(control.mean)
    if is_rate and control.mean + effect >= 1:
        effect = -effect
    plan = sample_size(outcome, effect, share=share, alpha=alpha, power=power)
    size = sum(units) / (comparison.treatment.n + control.n)
    return math.ceil((plan.n_treatment + plan.n_control) * size)
