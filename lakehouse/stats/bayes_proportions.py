"""Bayesian reading of two rates by their exact beta posteriors, integrated by quadrature and not by Monte Carlo.

Belongs here: chance to win, expected loss and credible intervals of two independent beta posteriors. Not here: the
quadrature (beta.py), means and any effect that is normal (bayes_normal.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from lakehouse.stats.beta import Beta, difference_quantile, quadrature, ratio_quantile
from lakehouse.stats.guards import count, level, positive


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """Beta prior of a rate: (1, 1) is uniform, (0.5, 0.5) Jeffreys'."""

    a: float = 1.0
    b: float = 1.0

    def __post_init__(self) -> None:
        positive("prior a", self.a)
        positive("prior b", self.b)


MOST_TRIALS = 1e12
JEFFREYS = BetaPrior(0.5, 0.5)


@dataclass(frozen=True, slots=True)
class RatesPosterior:
    """What is believed of two rates, treatment minus control, when more is better.

    estimate: posterior mean of the difference, with its credible interval. relative_estimate: posterior median of
    treatment / control - 1 (its mean need not exist), with its interval. chance_to_win: P(treatment > control).
    loss_if_treatment: E[max(control - treatment, 0)]; loss_if_control: E[max(treatment - control, 0)].
    """

    estimate: float
    low: float
    high: float
    relative_estimate: float
    relative_low: float
    relative_high: float
    chance_to_win: float
    loss_if_treatment: float
    loss_if_control: float


@dataclass(frozen=True, slots=True)
class RateInterval:
    """A rate: posterior mean and equal-tailed credible interval."""

    estimate: float
    low: float
    high: float


def rate_interval(x: int, n: int, prior: BetaPrior | None = None, alpha: float = 0.05) -> RateInterval:
    """Posterior mean and credible interval of one rate.

    x, n: successes and trials. prior: Jeffreys' when None. Raises ValueError when x lies outside 0..n or n is 0.
    Source: Brown, Cai & DasGupta (2001), Statistical Science 16:101-133, section 3.1.3.

    >>> interval = rate_interval(500, 1009)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.4647, 0.5264)
    """
    level("alpha", alpha)
    beta = _updated("x", x, n, prior or JEFFREYS)
    return RateInterval(beta.mean, beta.quantile(alpha / 2), beta.quantile(1 - alpha / 2))


def rates_posterior(
    x1: int, n1: int, x0: int, n0: int, prior: BetaPrior | None = None, alpha: float = 0.05
) -> RatesPosterior:
    """Posterior of two independent rates and of their difference, absolute and relative.

    x1, n1: successes and trials of the treatment; x0, n0: of the control. prior: of either rate, Jeffreys' when None.
    alpha: 1 - the probability of the credible intervals. Chance and losses are exact to about 1e-10.
    Raises ValueError when successes lie outside 0..trials or there are no trials.
    Source: Stucchio (2015), Bayesian A/B Testing at VWO; E[max(C - T, 0)] = integral of P(T <= x) P(C > x) dx.

    >>> belief = rates_posterior(500, 1009, 42, 104)
    >>> round(belief.chance_to_win, 4), round(belief.loss_if_treatment, 6), round(belief.loss_if_control, 4)
    (0.9629, 0.000762, 0.0915)
    """
    level("alpha", alpha)
    chosen = prior or JEFFREYS
    treatment, control = _updated("x1", x1, n1, chosen), _updated("x0", x0, n0, chosen)
    edges = np.union1d(treatment.edges(), control.edges())
    # Where one rate certainly lies below and the other above, the losses still collect.
    between = np.arange(math.floor(edges[0]), math.ceil(edges[-1]))
    y, weight = quadrature(np.union1d(edges, between.clip(edges[0], edges[-1])))
    dx = weight * expit(y) * expit(-y)
    wins = float(weight @ (treatment.density(y) * control.below(y)))
    losses = float(weight @ (treatment.density(y) * control.above(y)))
    return RatesPosterior(
        estimate=treatment.mean - control.mean,
        low=difference_quantile(treatment, control, alpha / 2),
        high=difference_quantile(treatment, control, 1 - alpha / 2),
        relative_estimate=ratio_quantile(treatment, control, 0.5) - 1,
        relative_low=ratio_quantile(treatment, control, alpha / 2) - 1,
        relative_high=ratio_quantile(treatment, control, 1 - alpha / 2) - 1,
        chance_to_win=wins / (wins + losses),
        loss_if_treatment=float(dx @ (treatment.below(y) * control.above(y))),
        loss_if_control=float(dx @ (treatment.above(y) * control.below(y))),
    )


def _updated(name: str, x: int, n: int, prior: BetaPrior) -> Beta:
    trials, successes = count(f"trials of {name}", n, 1), count(name, x, 0)
    if trials > MOST_TRIALS:
        raise ValueError(f"trials of {name}: expected at most {MOST_TRIALS:g}, found {n}")
    if successes > trials:
        raise ValueError(f"{name}: expected successes between 0 and {trials} trials, found {x}")
    return Beta(prior.a + successes, prior.b + trials - successes)
