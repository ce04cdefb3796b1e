"""This project's answers.

Belongs here: calls of lakehouse.stats with the peers' conventions, each figure by the name that the peers' have.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers.inputs import FEW, ArmSums, Inputs
from lakehouse.stats.bayes_normal import NormalPrior, effect_posterior
from lakehouse.stats.bayes_proportions import rates_posterior
from lakehouse.stats.cuped import cuped, slope
from lakehouse.stats.effects import Effect
from lakehouse.stats.exact import boschloo
from lakehouse.stats.group_sequential import spending_design
from lakehouse.stats.means import difference, welch
from lakehouse.stats.moments import Moments, combined
from lakehouse.stats.power import Outcome, sample_size
from lakehouse.stats.proportions import z_test
from lakehouse.stats.ratios import ratio_difference, ratio_lift
from lakehouse.stats.relative import delta_method, log_scale
from lakehouse.stats.sequential import confidence_sequence
from lakehouse.stats.srm import chi_square, exact_binomial

Figures = dict[str, float]


def moments(arm: ArmSums, names: Sequence[str]) -> Moments:
    products = [[arm.product(first, second) for second in names] for first in names]
    return Moments.from_sums(arm.n, [arm.sum(name) for name in names], products)


def _both(data: Inputs, *names: str) -> tuple[Moments, Moments]:
    return moments(data.treatment, names), moments(data.control, names)


def _counts(data: Inputs) -> tuple[int, int, int, int]:
    treatment, control = data.treatment, data.control
    return round(treatment.sum("bought")), treatment.n, round(control.sum("bought")), control.n


def _figures(effect: Effect) -> Figures:
    return {"effect": effect.estimate, "low": effect.low, "high": effect.high, "p": effect.p_value}


def welch_absolute(data: Inputs) -> Figures:
    treatment, control = _both(data, "revenue")
    return _figures(welch(treatment.arm(), control.arm()))


def welch_relative(data: Inputs) -> Figures:
    treatment, control = _both(data, "revenue")
    return _figures(delta_method(treatment.arm(), control.arm()))


def lift_log_scale(data: Inputs) -> Figures:
    treatment, control = _both(data, "revenue")
    lift = log_scale(treatment.arm(), control.arm())
    return {"effect": lift.estimate, "low": lift.low, "high": lift.high}


def rate_pooled(data: Inputs) -> Figures:
    return _figures(z_test(*_counts(data)))


def rate_unpooled(data: Inputs) -> Figures:
    return _figures(z_test(*_counts(data), pooled=False))


def boschloo_small(_: Inputs) -> Figures:
    return {"p": boschloo(*FEW).p_value}


def ratio(data: Inputs) -> Figures:
    return _figures(ratio_difference(*_both(data, "orders", "sessions")))


def ratio_lift_log(data: Inputs) -> Figures:
    lift = ratio_lift(*_both(data, "orders", "sessions"), method="log")
    return {"effect": lift.estimate, "low": lift.low, "high": lift.high}


def cuped_known_theta(data: Inputs) -> Figures:
    """Theta as the peers take it: from both arms as one sample, and as if it were known."""
    treatment, control = _both(data, "revenue", "revenue_before")
    found = cuped(treatment, control, slope(combined(treatment, control)))
    return _figures(welch(found.treatment, found.control))


def cuped_own_theta(data: Inputs) -> Figures:
    """Theta as readouts take it: the best one for the difference, and paid for."""
    treatment, control = _both(data, "revenue", "revenue_before")
    found = cuped(treatment, control)
    return _figures(welch(found.treatment, found.control))


def sequence(data: Inputs) -> Figures:
    treatment, control = (each.arm() for each in _both(data, "revenue"))
    effect = difference(treatment, control, reference="normal")
    found = confidence_sequence(
        effect.estimate, effect.standard_error, treatment.n + control.n, expected_n=5000
    )
    return {"effect": found.estimate, "low": found.low, "high": found.high, "p": found.p_value}


def spending(_: Inputs) -> Figures:
    design = spending_design("power", [0.2, 0.4, 0.6, 0.8, 1.0], parameter=2.0)
    return {f"bound {look}": bound for look, bound in enumerate(design.upper, start=1)}


def _belief(data: Inputs, prior: NormalPrior | None) -> Figures:
    treatment, control = _both(data, "revenue")
    found = effect_posterior(treatment.arm(), control.arm(), "relative", prior)
    return {
        "effect": found.estimate,
        "low": found.low,
        "high": found.high,
        "chance to win": found.chance_to_win,
        "loss": found.loss_if_treatment,
    }


def belief_flat(data: Inputs) -> Figures:
    return _belief(data, None)


def belief_proper(data: Inputs) -> Figures:
    return _belief(data, NormalPrior(0.0, 0.05))


def belief_rates(_: Inputs) -> Figures:
    found = rates_posterior(*FEW)
    return {"effect": found.estimate, "chance to win": found.chance_to_win, "loss": found.loss_if_treatment}


def split_chi_square(data: Inputs) -> Figures:
    return {"p": chi_square([data.treatment.n, data.control.n], [0.5, 0.5]).p_value}


def split_exact(data: Inputs) -> Figures:
    return {"p": exact_binomial([data.treatment.n, data.control.n], [0.5, 0.5]).p_value}


def plan_mean(data: Inputs) -> Figures:
    """Units, both arms together, that find a lift of 5% in revenue with the control's variance."""
    control = moments(data.control, ["revenue"]).arm()
    plan = sample_size(Outcome.of(control), 0.05 * control.mean)
    return {"units": plan.n_treatment + plan.n_control}
