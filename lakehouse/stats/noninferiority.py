"""Is treatment not worse than control by more than a margin, or is it equivalent within one?

Belongs here: tests against a margin that was fixed before the data, absolute or relative to the control. Not
here: tests against no difference (means.py, relative.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from lakehouse.stats.arms import Arm, Reference, spread, welch_degrees_of_freedom
from lakehouse.stats.effects import quantile, upper_tail, wald_effect
from lakehouse.stats.guards import at_least, finite, level, one_of, positive
from lakehouse.stats.means import difference
from lakehouse.stats.relative import fieller_bounds

Better = Literal["higher", "lower"]
Sides = Literal[1, 2]


@dataclass(frozen=True, slots=True)
class MarginTest:
    """An effect against a margin, on the margin's scale; p_value: of the effect being at the margin.

    is_met: the interval lies wholly on the good side of the margin (within both margins, for equivalence).
    """

    estimate: float
    low: float
    high: float
    p_value: float
    standard_error: float
    margin: float
    is_met: bool


def non_inferiority(
    treatment: Arm,
    control: Arm,
    margin: float,
    *,
    better: Better = "higher",
    sides: Sides = 1,
    reference: Reference = "normal",
    alpha: float = 0.05,
) -> MarginTest:
    """Test that treatment is worse than control by less than an absolute margin.

    margin: at least 0, in the metric's unit; 0 tests superiority. better: which direction is good. sides: 1
    gives one bound at alpha; 2 an interval with both bounds at alpha / 2 and a two-sided p-value, whose
    decision is that of one side at alpha / 2. reference: as in means.difference.
    Raises ValueError for a negative margin, unknown better or sides, or when nothing varies.
    Source: CPMP/EWP/2158/99 (EMA 2005), guideline on the choice of the non-inferiority margin; Schuirmann
    (1987), Journal of Pharmacokinetics and Biopharmaceutics 15:657-680.

    >>> test = non_inferiority(Arm(5000, 1.9784, 0.9881), Arm(5000, 2.0042, 1.0117), 0.1, alpha=0.01)
    >>> test.is_met, round(test.low, 4), round(test.p_value, 4)
    (True, -0.0723, 0.0001)
    """
    limit, alternative = _limit(margin, better, sides)
    effect = difference(
        treatment,
        control,
        reference=reference,
        null=limit,
        alpha=alpha,
        alternative=alternative if sides == 1 else "two-sided",
    )
    return MarginTest(
        estimate=effect.estimate,
        low=effect.low,
        high=effect.high,
        p_value=effect.p_value,
        standard_error=effect.standard_error,
        margin=float(margin),
        is_met=effect.low > limit if better == "higher" else effect.high < limit,
    )


def relative_non_inferiority(
    treatment: Arm,
    control: Arm,
    margin: float,
    *,
    better: Better = "higher",
    sides: Sides = 1,
    reference: Reference = "normal",
    alpha: float = 0.05,
) -> MarginTest:
    """Test that treatment is worse than control by less than a share of the control's level.

    margin: 0.02 allows 2% of the control's (estimated) level, whose own error the test accounts for: it is
    the test of treatment - (1 - margin) * control. The estimate is the relative lift, its interval Fieller's
    with the same critical value, so that test and interval agree; standard_error is the delta method's. Other
    arguments as in non_inferiority.
    Raises ValueError like non_inferiority, when the control's level isn't above 0, isn't distinguishable from
    0 at this alpha, or the margin allows a level of 0.
    Source: Fieller (1954), Journal of the Royal Statistical Society B 16:175-185; Kieser & Hauschke (2000),
    Biometrical Journal 42:951-961.

    >>> treatment, control = Arm(5000, 1.9784, 0.9881), Arm(5000, 2.0042, 1.0117)
    >>> test = relative_non_inferiority(treatment, control, 0.02, alpha=0.01)
    >>> test.is_met, round(test.low, 4), round(test.p_value, 3)
    (False, -0.0357, 0.235)
    """
    limit, alternative = _limit(margin, better, sides)
    allowed = positive("1 + the margin on its side", 1 + limit)
    baseline = positive("control.mean", control.mean)
    both = spread(treatment, control, reference)
    degrees = both.degrees_of_freedom
    if reference == "welch":
        degrees = welch_degrees_of_freedom(
            both.treatment, treatment.n, allowed * allowed * both.control, control.n
        )
    contrast = wald_effect(
        treatment.mean - allowed * baseline,
        math.hypot(math.sqrt(both.treatment), allowed * math.sqrt(both.control)),
        degrees_of_freedom=degrees,
        alpha=alpha,
        alternative=alternative if sides == 1 else "two-sided",
    )
    ratio = finite("treatment.mean / control.mean", treatment.mean / baseline)
    low, high = fieller_bounds(ratio, baseline, both, quantile(alpha / sides, degrees))
    return MarginTest(
        estimate=ratio - 1,
        low=-math.inf if sides == 1 and better == "lower" else low - 1,
        high=math.inf if sides == 1 and better == "higher" else high - 1,
        p_value=contrast.p_value,
        standard_error=math.hypot(math.sqrt(both.treatment), ratio * math.sqrt(both.control)) / baseline,
        margin=float(margin),
        is_met=contrast.low > 0 if better == "higher" else contrast.high < 0,
    )


def equivalence(
    treatment: Arm, control: Arm, margin: float, *, reference: Reference = "normal", alpha: float = 0.05
) -> MarginTest:
    """Test that treatment and control differ by less than an absolute margin, in either direction.

    Two one-sided tests at alpha each: the p-value is the larger, the interval has the level 1 - 2 alpha.
    Raises ValueError for a margin not above 0, an alpha not below one half, or when nothing varies.
    Source: Schuirmann (1987), Journal of Pharmacokinetics and Biopharmaceutics 15:657-680.

    >>> equivalence(Arm(5000, 1.9784, 0.9881), Arm(5000, 2.0042, 1.0117), 0.1).is_met
    True
    """
    positive("margin", margin)
    level("2 * alpha", 2 * alpha)
    effect = difference(treatment, control, reference=reference, alpha=2 * alpha)
    tails = [
        upper_tail(distance / effect.standard_error, effect.degrees_of_freedom)
        for distance in (effect.estimate + margin, margin - effect.estimate)
    ]
    return MarginTest(
        estimate=effect.estimate,
        low=effect.low,
        high=effect.high,
        p_value=max(tails),
        standard_error=effect.standard_error,
        margin=float(margin),
        is_met=-margin < effect.low and effect.high < margin,
    )


def _limit(margin: float, better: Better, sides: int) -> tuple[float, Literal["greater", "less"]]:
    """The worst effect that is still allowed, and the side on which the good effects are."""
    one_of("better", better, ("higher", "lower"))
    if sides not in (1, 2):
        raise ValueError(f"sides: expected 1 or 2, found {sides}")
    allowed = at_least("margin", margin, 0)
    return (-allowed, "greater") if better == "higher" else (allowed, "less")
