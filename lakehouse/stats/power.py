"""How many units, how much power, how small an effect: three questions to one equation.

Belongs here: the plan of a fixed-size comparison of two arms, by the normal, for rates, means and ratio
metrics; and the exact t-test plan of small samples. Not here: days, and power while an experiment runs
(planning.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats
from scipy.optimize import brentq

from lakehouse.stats.arms import Arm
from lakehouse.stats.effects import quantile, upper_tail
from lakehouse.stats.guards import ALTERNATIVES, Alternative, count, finite, level, one_of, positive


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of a metric before the experiment: the control's level, and one unit's variance.

    is_rate: the variance follows from the level, in the treatment too. variance_reduction: share of the
    variance that CUPED removes (the squared correlation with the covariate).
    """

    level: float
    variance: float
    is_rate: bool = False
    variance_reduction: float = 0.0

    def __post_init__(self) -> None:
        finite("level", self.level)
        positive("variance", self.variance)
        if not 0 <= self.variance_reduction < 1:
            raise ValueError(
                f"variance_reduction: expected a number from 0 to below 1, found {self.variance_reduction}"
            )

    @classmethod
    def rate(cls, level: float, variance_reduction: float = 0.0) -> Outcome:
        """A yes/no outcome; ValueError unless the level lies between 0 and 1.

        >>> Outcome.rate(0.5).variance
        0.25
        """
        if not 0 < level < 1:
            raise ValueError(f"level: expected a rate between 0 and 1, both excluded, found {level}")
        return cls(level, level * (1 - level), is_rate=True, variance_reduction=variance_reduction)

    @classmethod
    def of(cls, arm: Arm, variance_reduction: float = 0.0) -> Outcome:
        """A mean, or a ratio metric with its linearised variance, as it was measured.

        >>> Outcome.of(Arm(100, 2.0, 9.0)).variance
        9.0
        """
        return cls(arm.mean, arm.variance, variance_reduction=variance_reduction)

    def variances(self, effect: float) -> tuple[float, float]:
        """One unit's variance in treatment and control when the effect is real.

        >>> Outcome.rate(0.5).variances(0.25)
        (0.1875, 0.25)
        """
        left = 1 - self.variance_reduction
        if not self.is_rate:
            return self.variance * left, self.variance * left
        treated = self.level + effect
        if not 0 < treated < 1:
            raise ValueError(f"effect: expected a treatment rate between 0 and 1, found {treated:g}")
        return treated * (1 - treated) * left, self.variance * left


@dataclass(frozen=True, slots=True)
class Plan:
    """A comparison of fixed size; effect is absolute, in the metric's unit."""

    effect: float
    power: float
    alpha: float
    n_treatment: int
    n_control: int


def power_of(
    outcome: Outcome,
    effect: float,
    n_treatment: int,
    n_control: int,
    *,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> Plan:
    """Chance to find an absolute effect of that size with so many units.

    A relative effect is lift * outcome.level. Raises ValueError for fewer than 2 units an arm, or a rate's
    effect that leaves (0, 1).
    Source: Chow, Shao & Wang (2008), Sample Size Calculations in Clinical Research, 2nd ed.

    >>> round(power_of(Outcome.rate(0.1), 0.02, 3841, 3841).power, 3)
    0.8
    """
    n1, n0 = count("n_treatment", n_treatment, 2), count("n_control", n_control, 2)
    v1, v0 = outcome.variances(finite("effect", effect))
    distance = effect / math.sqrt(v1 / n1 + v0 / n0)
    return Plan(float(effect), power_at(distance, alpha, alternative), float(alpha), n1, n0)


def sample_size(
    outcome: Outcome,
    effect: float,
    *,
    share: float = 0.5,
    alpha: float = 0.05,
    power: float = 0.8,
    alternative: Alternative = "two-sided",
) -> Plan:
    """Units per arm that find an absolute effect of that size with that power.

    share: of the units that the treatment receives. The plan's power is that of the rounded-up sizes. For
    several comparisons give their adjusted alpha. Raises ValueError for an effect of 0 or against the
    alternative, a power not above alpha, or a rate's effect that leaves (0, 1).
    Source: as in power_of; solved with both tails.

    >>> plan = sample_size(Outcome.rate(0.1), 0.02)
    >>> plan.n_treatment, plan.n_control
    (3839, 3839)
    """
    level("share", share)
    v1, v0 = outcome.variances(finite("effect", effect))
    if effect == 0 or (alternative == "greater" and effect < 0) or (alternative == "less" and effect > 0):
        raise ValueError(
            f"effect: expected one that the alternative {alternative!r} looks for, found {effect}"
        )
    needed = distance_for(alpha, power, alternative) / effect
    total = finite("units", needed * needed * (v1 / share + v0 / (1 - share)))
    n1, n0 = (max(2, math.ceil(total * part - 1e-9)) for part in (share, 1 - share))
    return power_of(outcome, effect, n1, n0, alpha=alpha, alternative=alternative)


def minimum_detectable_effect(
    outcome: Outcome,
    n_treatment: int,
    n_control: int,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    alternative: Alternative = "two-sided",
) -> Plan:
    """Smallest absolute effect that so many units find with that power; negative for the alternative "less".

    Raises ValueError for fewer than 2 units an arm, a power not above alpha, or when no rate within (0, 1) is
    far enough.
    Source: as in power_of.

    >>> round(minimum_detectable_effect(Outcome.rate(0.1), 3839, 3839).effect, 4)
    0.02
    """
    n1, n0 = count("n_treatment", n_treatment, 2), count("n_control", n_control, 2)
    needed = distance_for(alpha, power, alternative)
    sign = -1 if alternative == "less" else 1
    if not outcome.is_rate:
        v1, v0 = outcome.variances(0.0)
        effect = needed * math.sqrt(v1 / n1 + v0 / n0)
        return Plan(sign * effect, float(power), float(alpha), n1, n0)

    def short_of(size: float) -> float:
        v1, v0 = outcome.variances(sign * size)
        return needed - size / math.sqrt(v1 / n1 + v0 / n0)

    most = (outcome.level if sign < 0 else 1 - outcome.level) * (1 - 1e-9)
    if short_of(most) > 0:
        raise ValueError(f"units: expected enough to find any rate within (0, 1), found {n1} and {n0}")
    return Plan(sign * float(brentq(short_of, 0.0, most, xtol=1e-14)), float(power), float(alpha), n1, n0)


def t_test_sample_size(standardised_effect: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Units per arm, not rounded, of a two-sided t-test of two equal arms; exact also when they are few.

    standardised_effect: in standard deviations (Cohen's d). Raises ValueError for an effect of 0, a power not
    above alpha, or an effect so large that 2 units an arm are more than enough.
    Source: Cohen (1988), Statistical Power Analysis, 2nd ed.; noncentral t.

    >>> round(t_test_sample_size(0.5), 2)
    63.77
    """
    effect = positive("|standardised_effect|", abs(standardised_effect))
    start = (distance_for(alpha, power, "two-sided") / effect) ** 2 * 2

    def short_of(n: float) -> float:
        degrees = 2 * n - 2
        critical = quantile(alpha / 2, degrees)
        shift = effect * math.sqrt(n / 2)
        return power - float(
            stats.nct.sf(critical, degrees, shift) + stats.nct.cdf(-critical, degrees, shift)
        )

    if short_of(2.0) < 0:
        raise ValueError(
            f"standardised_effect: expected one that 2 units an arm don't find yet, found {effect}"
        )
    enough = start + 2.0
    while short_of(enough) > 0:
        enough *= 2
    return float(brentq(short_of, 2.0, enough, xtol=1e-9))


def power_at(distance: float, alpha: float = 0.05, alternative: Alternative = "two-sided") -> float:
    """Power of a z-test when the true effect lies `distance` standard errors from the null.

    >>> round(power_at(2.8), 2)
    0.8
    """
    one_of("alternative", alternative, ALTERNATIVES)
    level("alpha", alpha)
    if alternative == "greater":
        return upper_tail(quantile(alpha) - distance)
    if alternative == "less":
        return upper_tail(quantile(alpha) + distance)
    critical = quantile(alpha / 2)
    return upper_tail(critical - distance) + upper_tail(critical + distance)


def distance_for(alpha: float, power: float, alternative: Alternative = "two-sided") -> float:
    """How many standard errors from the null give that power: the inverse of power_at.

    Always positive. Raises ValueError for a power not above alpha.

    >>> round(distance_for(0.05, 0.8), 3)
    2.802
    """
    level("power", power)
    one_of("alternative", alternative, ALTERNATIVES)
    level("alpha", alpha)
    if not power > alpha:
        raise ValueError(f"power: expected more than alpha, {alpha}, found {power}")
    if alternative != "two-sided":
        return quantile(alpha) + quantile(1 - power)
    one_tail = quantile(alpha / 2) + quantile(1 - power)
    return float(
        brentq(lambda distance: power_at(distance, alpha) - power, 0.0, max(one_tail, 0.0) + 1.0, xtol=1e-13)
    )
