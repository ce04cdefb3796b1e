"""Bayesian reading of an effect whose estimate is normal: chance to win, expected loss, credible interval.

Belongs here: the normal posterior under a flat or a proper prior, of an absolute or a relative effect. Not here: rates
with their exact beta posteriors (bayes_proportions.py) and many segments at once (shrinkage.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy.special import erfcx, ndtr

from lakehouse.stats.arms import Arm
from lakehouse.stats.effects import quantile
from lakehouse.stats.guards import finite, level, one_of, positive
from lakehouse.stats.means import difference
from lakehouse.stats.relative import delta_method

Scale = Literal["absolute", "relative"]
SCALES: tuple[Scale, ...] = ("absolute", "relative")


@dataclass(frozen=True, slots=True)
class NormalPrior:
    """What was believed of the effect before the data, on the effect's own scale."""

    mean: float
    standard_deviation: float

    def __post_init__(self) -> None:
        finite("prior mean", self.mean)
        positive("prior standard_deviation", self.standard_deviation)


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of the effect, treatment minus control, when more is better.

    estimate: posterior mean. low, high: equal-tailed credible interval. chance_to_win: P(effect > 0).
    loss_if_treatment: what choosing the treatment is expected to forgo, E[max(-effect, 0)]; loss_if_control: what
    keeping the control is, E[max(effect, 0)]. Both in the effect's unit.
    """

    estimate: float
    low: float
    high: float
    chance_to_win: float
    loss_if_treatment: float
    loss_if_control: float
    standard_deviation: float


def posterior(
    estimate: float, standard_error: float, prior: NormalPrior | None = None, alpha: float = 0.05
) -> Posterior:
    """Posterior of an effect from its estimate and standard error, on any scale.

    prior: None is the improper flat prior. alpha: 1 - the probability of the credible interval.
    Raises ValueError for a standard error that is not above 0, an alpha outside (0, 1), or anything not finite.
    Source: Gelman et al. (2013), Bayesian Data Analysis, section 2.5; expected loss: Stucchio (2015), Bayesian A/B
    Testing at VWO.

    >>> belief = posterior(0.1, 0.05)
    >>> round(belief.chance_to_win, 4), round(belief.loss_if_treatment, 7)
    (0.9772, 0.0004245)
    >>> round(posterior(0.1, 0.05, NormalPrior(0.0, 0.05)).estimate, 3)
    0.05
    """
    finite("estimate", estimate)
    positive("standard_error", standard_error)
    level("alpha", alpha)
    mean, deviation = float(estimate), float(standard_error)
    if prior is not None:
        # As a weighted mean: precisions of tiny errors would overflow.
        scale = max(standard_error, prior.standard_deviation)
        data, belief = (standard_error / scale) ** 2, (prior.standard_deviation / scale) ** 2
        mean = (belief * estimate + data * prior.mean) / (data + belief)
        deviation = min(standard_error, prior.standard_deviation) / math.sqrt(data + belief)
    reach = quantile(alpha / 2) * deviation
    z = mean / deviation
    return Posterior(
        estimate=mean,
        low=mean - reach,
        high=mean + reach,
        chance_to_win=float(ndtr(z)),
        loss_if_treatment=deviation * _positive_part(-z),
        loss_if_control=deviation * _positive_part(z),
        standard_deviation=deviation,
    )


def _positive_part(z: float) -> float:
    """E[max(X, 0)] of X ~ Normal(z, 1); below 0 by the scaled tail, where the two terms cancel."""
    if z > 0:
        return z + _positive_part(-z)
    density = math.exp(-0.5 * min(z * z, 1e6)) / math.sqrt(2 * math.pi)
    return density * max(0.0, 1 + z * math.sqrt(math.pi / 2) * float(erfcx(-z / math.sqrt(2))))


def effect_posterior(
    treatment: Arm,
    control: Arm,
    scale: Scale = "relative",
    prior: NormalPrior | None = None,
    alpha: float = 0.05,
) -> Posterior:
    """Posterior of the difference of two levels, or of the difference relative to the control's level.

    treatment, control: levels with the variance of one unit. scale: "relative" divides by the control's level, its
    variance by the delta method; prior and result are on that scale.
    Raises ValueError when neither arm varies, or the control's level isn't above 0 for a relative effect.
    Source: as `posterior`, means.difference and relative.delta_method.

    >>> belief = effect_posterior(Arm(10, 10.5, 1.0), Arm(10, 10.0, 0.25))
    >>> round(belief.estimate, 4), round(belief.chance_to_win, 4)
    (0.05, 0.9192)
    """
    one_of("scale", scale, SCALES)
    compare = difference if scale == "absolute" else delta_method
    effect = compare(treatment, control, reference="normal")
    return posterior(effect.estimate, effect.standard_error, prior, alpha)
