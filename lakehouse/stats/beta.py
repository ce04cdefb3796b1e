"""The beta distribution on the logit scale, and chances of differences and ratios of two betas by quadrature.

Belongs here: density, tails and quadrature of beta distributions. Not here: posteriors of rates from counts
(bayes_proportions.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import (
    betainc,
    betaincinv,
    betaln,
    expit,
    log_expit,
    logit,
    ndtri,
    polygamma,
)

from lakehouse.stats.guards import FloatArray

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
# A chance so small that what lies beyond is not seen in a double.
BEYOND = 1e-18


@dataclass(frozen=True, slots=True)
class Beta:
    """A beta distribution on the logit scale, where its density is smooth whatever its parameters."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    def quantile(self, probability: float) -> float:
        return float(betaincinv(self.a, self.b, probability))

    def density(self, y: FloatArray) -> FloatArray:
        """Density of the logit at y."""
        exponent = self.a * log_expit(y) + self.b * log_expit(-y) - betaln(self.a, self.b)
        return np.asarray(np.exp(exponent), dtype=np.float64)

    def below(self, y: FloatArray) -> FloatArray:
        """P(logit <= y)."""
        left, right = self._tails(y)
        return np.where(left <= 0.5, left, 1 - right)

    def above(self, y: FloatArray) -> FloatArray:
        """P(logit > y)."""
        left, right = self._tails(y)
        return np.where(left <= 0.5, 1 - left, right)

    def _tails(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Both tails by their own: a complement has lost the digits of a small one."""
        return betainc(self.a, self.b, expit(y)), betainc(self.b, self.a, expit(-y))

    def reach(self) -> tuple[float, float]:
        """Logits between which all but a chance of 1e-18 on either side lies."""
        left = _logit_quantile(self.a, self.b)
        return left, -_logit_quantile(self.b, self.a)

    @property
    def standard_deviation(self) -> float:
        total = self.a + self.b
        return math.sqrt(self.a * self.b / (total + 1)) / total

    def edges(self) -> FloatArray:
        """Panels over the reach, so narrow that Gauss-Legendre errs by less than rounding."""
        left, right = self.reach()
        deviation = math.sqrt(float(polygamma(1, self.a) + polygamma(1, self.b)))
        panels = math.ceil((right - left) / (1.5 * min(1.0, deviation)))
        return np.linspace(left, right, max(panels, 4) + 1)


def quadrature(edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gauss-Legendre nodes and weights on the panels between rising edges."""
    half = np.diff(edges) / 2
    nodes = (edges[:-1, None] + half[:, None] * (1 + _NODES)).ravel()
    return nodes, (half[:, None] * _WEIGHTS).ravel()


def _logit_quantile(a: float, b: float) -> float:
    """Logit of the lower 1e-18 quantile; in logs where the quantile itself underflows."""
    # Near 0 the distribution function is x**a / (a B(a, b)).
    log_x = (math.log(BEYOND) + math.log(a) + float(betaln(a, b))) / a
    if log_x < -30:
        return max(log_x, -700.0)
    return float(logit(betaincinv(a, b, BEYOND)))


def difference_quantile(first: Beta, second: Beta, probability: float) -> float:
    """Quantile of first - second, independent betas.

    >>> round(difference_quantile(Beta(3, 3), Beta(3, 3), 0.5), 9) + 0.0
    0.0
    """
    # Integrated over the narrower one, on whose scale the other's tail is smooth.
    over_second = second.standard_deviation <= first.standard_deviation
    mean_of = _expectation(second if over_second else first)

    def excess(d: float) -> float:
        if over_second:
            kink = -d if d < 0 else 1 - d
            return mean_of(kink, lambda x: betainc(first.a, first.b, np.clip(x + d, 0, 1))) - probability
        kink = d if d > 0 else 1 + d
        return mean_of(kink, lambda x: 1 - betainc(second.a, second.b, np.clip(x - d, 0, 1))) - probability

    spread = math.hypot(first.standard_deviation, second.standard_deviation)
    centre = first.mean - second.mean + spread * float(ndtri(probability))
    return _root(excess, centre, spread, (-1.0, 1.0))


def ratio_quantile(first: Beta, second: Beta, probability: float) -> float:
    """Quantile of first / second, independent betas.

    >>> round(ratio_quantile(Beta(3, 3), Beta(3, 3), 0.5), 9)
    1.0
    """
    relative = [beta.standard_deviation / beta.mean for beta in (first, second)]
    over_second = relative[1] <= relative[0]
    mean_of = _expectation(second if over_second else first)

    def excess(log_ratio: float) -> float:
        ratio = math.exp(log_ratio)
        if over_second:
            tail = mean_of(1 / ratio, lambda x: betainc(first.a, first.b, np.minimum(x * ratio, 1)))
        else:
            tail = mean_of(ratio, lambda x: 1 - betainc(second.a, second.b, np.minimum(x / ratio, 1)))
        return tail - probability

    spread = math.hypot(*relative)
    centre = math.log(first.mean / second.mean) + spread * float(ndtri(probability))
    return math.exp(_root(excess, centre, spread, (-690.0, 690.0)))


def _expectation(beta: Beta) -> Callable[[float, Callable[[FloatArray], FloatArray]], float]:
    """Expectation of a function of a beta variable that is smooth but for one kink."""
    plain = beta.edges()
    nodes, masses = _masses(beta, plain)

    def mean_of(kink: float, function: Callable[[FloatArray], FloatArray]) -> float:
        if not (0 < kink < 1 and plain[0] < logit(kink) < plain[-1]):
            return float(masses @ function(nodes))
        # Panels that shrink towards the kink, where the function may start like a root.
        steps = 0.25 ** np.arange(1, 16)
        at = float(logit(kink))
        graded = np.concatenate([plain, [at], at + steps, at - steps]).clip(plain[0], plain[-1])
        finer_nodes, finer_masses = _masses(beta, np.unique(graded))
        return float(finer_masses @ function(finer_nodes))

    return mean_of


def _masses(beta: Beta, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    y, weight = quadrature(edges)
    mass = weight * beta.density(y)
    # Rounding of a large exponent cancels in the sum.
    return expit(y), mass / mass.sum()


def _root(excess: Callable[[float], float], centre: float, step: float, limits: tuple[float, float]) -> float:
    """Root of an increasing function about one step from a centre, inside limits at which its sign is known."""
    tolerance, step = 1e-11 * step, 0.1 * step
    centre = min(max(centre, limits[0]), limits[1])
    low, high = max(centre - step, limits[0]), min(centre + step, limits[1])
    while low > limits[0] and excess(low) > 0:
        step *= 3
        low = max(low - step, limits[0])
    while high < limits[1] and excess(high) < 0:
        step *= 3
        high = min(high + step, limits[1])
    return float(brentq(excess, low, high, xtol=tolerance, rtol=1e-14))
