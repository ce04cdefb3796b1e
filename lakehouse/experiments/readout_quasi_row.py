"""A quasi-experiment's effect in the columns of exp_readout.

Belongs here: lift, belief and power of an effect on treated units. Not here: how the effect is estimated
(readout_quasi.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lakehouse.experiments.metric import Prior
from lakehouse.experiments.readout_design import TREATED, MetricPlan, ReadoutDesign
from lakehouse.experiments.readout_metric import blank_row
from lakehouse.experiments.readout_rows import HealthRow, ReadoutRow
from lakehouse.stats.bayes_normal import NormalPrior, posterior
from lakehouse.stats.effects import Effect
from lakehouse.stats.planning import current_power
from lakehouse.stats.power import distance_for


@dataclass(frozen=True, slots=True)
class QuasiResult:
    """An effect on the treated, their own level after it began, and what its checks say of trust."""

    effect: Effect
    treated_level: float
    units: tuple[int, int]
    method: str
    checks: tuple[HealthRow, ...] = ()


def quasi_row(design: ReadoutDesign, metric: MetricPlan, result: QuasiResult) -> ReadoutRow:
    """The effect as the metric's row."""
    effect, level = result.effect, result.treated_level
    # What the treated would have had: the lift is relative to it, their own level being taken as it is.
    without = level - effect.estimate
    chance, loss = _belief(metric, effect, without)
    power, detectable = _strength(design, effect, without, sum(result.units))
    return replace(
        blank_row(design, metric, TREATED, ""),
        status="ok",
        reason="",
        n=result.units[0],
        n_control=result.units[1],
        mean=level,
        mean_control=without,
        effect=effect.estimate,
        effect_low=effect.low,
        effect_high=effect.high,
        standard_error=effect.standard_error,
        lift=_lift(effect.estimate, level),
        lift_low=_lift(effect.low, level),
        lift_high=_lift(effect.high, level),
        p_value=effect.p_value,
        decisive_p=effect.p_value,
        decided_by="fixed",
        chance_to_win=chance,
        expected_loss=loss,
        current_power=power,
        minimum_detectable_lift=detectable,
        method=result.method,
        lift_method="relative to the treated units' level less the effect",
    )


def _lift(effect: float, level: float) -> float | None:
    return effect / (level - effect) if level - effect > 0 else None


def _belief(metric: MetricPlan, effect: Effect, without: float) -> tuple[float | None, float | None]:
    try:
        found = posterior(effect.estimate, effect.standard_error, _absolute(metric.prior, without))
    except ValueError:
        return None, None
    if metric.direction == "up":
        return found.chance_to_win, found.loss_if_treatment
    return 1 - found.chance_to_win, found.loss_if_control


def _absolute(prior: Prior | None, without: float) -> NormalPrior | None:
    """The prior on the effect's own scale."""
    if prior is None:
        return None
    scale = abs(without) if prior.scale == "relative" else 1.0
    return NormalPrior(prior.mean * scale, prior.sd * scale)


def _strength(
    design: ReadoutDesign, effect: Effect, without: float, units: int
) -> tuple[float | None, float | None]:
    if not abs(without) > 0 or design.power <= design.alpha:
        return None, None
    detectable = distance_for(design.alpha, design.power) * effect.standard_error / abs(without)
    if not design.minimum_effect:
        return None, detectable
    now = current_power(
        effect.standard_error, design.minimum_effect * without, units, alpha=design.alpha, power=design.power
    )
    return now.power, detectable
