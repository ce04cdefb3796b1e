"""Inference that may be looked at every day: confidence sequences and always-valid p-values.

Belongs here: the normal-mixture boundary and the asymptotic confidence sequence that it gives. Not here: plans with a
fixed number of looks (group_sequential.py) and the sequential test of the split (srm.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.special import erfcx, log_ndtr

from lakehouse.stats.guards import ALTERNATIVES, Alternative, at_least, finite, level, one_of, positive


@dataclass(frozen=True, slots=True)
class ConfidenceSequence:
    """One look of a confidence sequence; `rho` is the mixture's precision, in units."""

    estimate: float
    low: float
    high: float
    p_value: float
    standard_error: float
    n: int
    rho: float


def mixture_rho(v: float, alpha: float = 0.05) -> float:
    """Precision of the two-sided normal mixture whose boundary is tightest at intrinsic time v.

    v: variance accumulated (for unit variance, the number of units) at the look that matters most. alpha: two-sided
    level. Raises ValueError when v is not above 0 or alpha lies outside (0, 1).
    Source: Howard, Ramdas, McAuliffe & Sekhon (2021), Annals of Statistics 49:1055-1080, section 3.5; the choice
    is the closed-form approximation of Waudby-Smith et al. (2024), Annals of Statistics 52:2613-2640, appendix B.

    >>> round(mixture_rho(100), 5)
    12.60056
    """
    positive("v", v)
    level("alpha", alpha)
    log_evidence = -2 * math.log(alpha)
    return v / (log_evidence + math.log1p(log_evidence))


def mixture_log_evidence(s: float, v: float, rho: float, alternative: Alternative = "two-sided") -> float:
    """Log of the mixture supermartingale at sum s and intrinsic time v: the evidence against a mean of 0.

    s: sum of deviations from the null, v: its variance. Ville: under the null it ever exceeds log(1 / alpha) with
    a chance of at most alpha. "greater" mixes over positive means only, "less" over negative ones.
    Raises ValueError when s is not finite, v or rho is not above 0, or the alternative is unknown.
    Source: Howard et al. (2021), propositions 5 (two-sided) and 6 (one-sided).

    >>> round(mixture_log_evidence(10, 100, mixture_rho(100)), 6)
    -0.651005
    """
    finite("s", s)
    positive("v", v)
    positive("rho", rho)
    one_of("alternative", alternative, ALTERNATIVES)
    # Scaled by the total precision, so that neither a tiny nor a huge rho overflows.
    w = s / math.sqrt(v + rho)
    evidence = -0.5 * math.log1p(v / rho) + 0.5 * w * w
    if alternative == "two-sided":
        return evidence
    w = w if alternative == "greater" else -w
    if w > 0:
        return evidence + math.log(2) + float(log_ndtr(w))
    # The squares of w cancel against the tail: the scaled tail says it without them.
    return -0.5 * math.log1p(v / rho) + math.log(erfcx(-w / math.sqrt(2)))


def mixture_boundary(
    v: float, rho: float, alpha: float = 0.05, alternative: Alternative = "two-sided"
) -> float:
    """The |sum| (two-sided) or sum (one-sided) at which the evidence reaches 1 / alpha at intrinsic time v.

    Raises ValueError for a v or rho not above 0, an alpha outside (0, 1) or an unknown alternative.
    Source: Howard et al. (2021), propositions 5 and 6; the one-sided boundary is solved, not approximated.

    >>> round(mixture_boundary(100, mixture_rho(100)), 5)
    30.35209
    """
    positive("v", v)
    positive("rho", rho)
    level("alpha", alpha)
    one_of("alternative", alternative, ALTERNATIVES)
    threshold = math.log1p(v / rho) - 2 * math.log(alpha)
    two_sided = math.sqrt((v + rho) * threshold)
    if alternative == "two-sided":
        return two_sided

    def short_of(s: float) -> float:
        return mixture_log_evidence(s, v, rho, "greater") + math.log(alpha)

    # One-sided evidence is at most log 2 above the two-sided, and increases in the sum; with an alpha near 1 the
    # boundary is below 0.
    low = -math.sqrt(v + rho)
    while short_of(low) > 0:
        low *= 2
    return float(brentq(short_of, low, two_sided * (1 + 1e-12) + 1e-300, xtol=1e-12 * math.sqrt(v + rho)))


def confidence_sequence(
    estimate: float,
    standard_error: float,
    n: int,
    *,
    expected_n: float,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
    null: float = 0.0,
) -> ConfidenceSequence:
    """Asymptotic confidence sequence of an effect: interval and p-value hold at every look at once.

    estimate, standard_error: of the effect from the n units (all arms together) seen so far, on any scale with an
    asymptotically linear estimator (absolute, relative, ratio, CUPED). expected_n: total units at which the sequence
    is tuned to be tightest, chosen before the data. alternative, null: as in scipy; a one-sided interval has an
    infinite end. p_value is always valid: 1 over the evidence, at most 1.
    Raises ValueError for a standard error or expected_n not above 0, n below 2, or anything not finite.
    Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), Annals of Statistics 52:2613-2640, theorem 2.2
    (two-sided); Howard et al. (2021), proposition 6 (one-sided mixture).

    >>> look = confidence_sequence(0.5034, 0.3334, 6461, expected_n=1000)
    >>> round(look.low, 2), round(look.high, 2), look.p_value
    (-0.56, 1.57, 1.0)
    """
    finite("estimate", estimate)
    finite("null", null)
    positive("standard_error", standard_error)
    at_least("n", n, 2)
    positive("expected_n", expected_n)
    level("alpha", alpha)
    one_of("alternative", alternative, ALTERNATIVES)
    # A one-sided sequence at alpha is tuned like a two-sided one at twice alpha.
    tuned_at = alpha if alternative == "two-sided" else min(2 * alpha, (1 + alpha) / 2)
    rho = mixture_rho(expected_n, tuned_at)
    # In units of one observation's standard deviation the sum is z * sqrt(n) at intrinsic time n.
    # Beyond 1e100 standard errors only overflow would be left to see.
    z = max(-1e100, min(1e100, (estimate - null) / standard_error))
    evidence = mixture_log_evidence(z * math.sqrt(n), n, rho, alternative)
    half_width = mixture_boundary(n, rho, alpha, alternative) / math.sqrt(n) * standard_error
    return ConfidenceSequence(
        estimate=float(estimate),
        low=-math.inf if alternative == "less" else estimate - half_width,
        high=math.inf if alternative == "greater" else estimate + half_width,
        p_value=math.exp(min(0.0, -evidence)),
        standard_error=float(standard_error),
        n=int(n),
        rho=rho,
    )


def running_intersection(looks: Sequence[ConfidenceSequence]) -> ConfidenceSequence:
    """What all looks so far say together: the intersection of their intervals and their smallest p-value.

    looks: in the order of time, of one metric and one tuning. Estimate and standard error are the last look's.
    Raises ValueError without a look, or when the intervals are disjoint: then the effect has changed over time (or
    the looks aren't of one metric) and no single effect is compatible with them.
    Source: Howard et al. (2021), section 2.

    >>> early = confidence_sequence(1.0, 0.5, 100, expected_n=1000)
    >>> late = confidence_sequence(0.8, 0.2, 625, expected_n=1000)
    >>> running_intersection([early, late]).high == min(early.high, late.high)
    True
    """
    if not looks:
        raise ValueError("looks: expected at least one look, found none")
    low = max(look.low for look in looks)
    high = min(look.high for look in looks)
    if low > high:
        raise ValueError(f"looks: expected intervals that share a value, found low {low} above high {high}")
    last = looks[-1]
    return ConfidenceSequence(
        estimate=last.estimate,
        low=low,
        high=high,
        p_value=min(look.p_value for look in looks),
        standard_error=last.standard_error,
        n=last.n,
        rho=last.rho,
    )
