"""Sample ratio mismatch: did the arms receive the shares of units that they were to receive?

Belongs here: tests of counts per arm against planned shares, once or after every batch. Not here: what
follows from a mismatch (no readout of that experiment is to be believed).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from lakehouse.stats.effects import p_value
from lakehouse.stats.guards import FloatArray, finite_array, positive, same_length

# Beyond this a float doesn't count units any more.
MOST_UNITS = 2.0**53


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Test of a split; expected: units per arm that the shares promise. method: the test's name."""

    p_value: float
    method: str
    observed: tuple[int, ...]
    expected: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SequentialSampleRatio:
    """Test of a split after every batch; p_values[i] holds after batch i however often one looks.

    p_value: after the last batch. log_evidence: log Bayes factor against the planned shares after each batch.
    """

    p_value: float
    p_values: tuple[float, ...]
    log_evidence: tuple[float, ...]


def sample_ratio(counts: ArrayLike, shares: ArrayLike) -> SampleRatio:
    """The exact binomial test for two arms, the chi-square test for more.

    counts: units per arm, an arm without any included; shares: planned weights per arm, above 0, of any sum.
    Raises ValueError for one arm, no units at all, counts that aren't whole, or shares that aren't above 0.

    >>> round(sample_ratio([53, 47], [0.5, 0.5]).p_value, 4)
    0.6173
    >>> sample_ratio([500, 500, 0], [1, 1, 1]).method
    'chi-square'
    """
    return exact_binomial(counts, shares) if np.size(counts) == 2 else chi_square(counts, shares)


def exact_binomial(counts: ArrayLike, shares: ArrayLike) -> SampleRatio:
    """Two-sided exact binomial test of two arms' counts; arguments and errors as in sample_ratio.

    Source: Clopper & Pearson (1934), Biometrika 26:404-413; scipy.stats.binomtest.

    >>> round(exact_binomial([1000, 0], [0.999, 0.001]).p_value, 3)
    0.632
    """
    observed, planned = _checked(counts, shares)
    if len(observed) != 2:
        raise ValueError(f"counts: expected 2 arms, found {len(observed)}")
    total = int(observed.sum())
    test = stats.binomtest(int(observed[0]), total, float(planned[0]))
    return _result(float(test.pvalue), "exact binomial", observed, planned)


def normal_approximation(counts: ArrayLike, shares: ArrayLike, *, continuity: bool = True) -> SampleRatio:
    """Two-sided normal approximation of the binomial test of two arms, with or without continuity correction.

    Arguments and errors as in sample_ratio. Without the correction it is the chi-square test of two arms.

    >>> round(normal_approximation([53, 47], [0.5, 0.5]).p_value, 4)
    0.6171
    """
    observed, planned = _checked(counts, shares)
    if len(observed) != 2:
        raise ValueError(f"counts: expected 2 arms, found {len(observed)}")
    total = float(observed.sum())
    distance = max(0.0, abs(float(observed[0] - total * planned[0])) - (0.5 if continuity else 0.0))
    statistic = distance / math.sqrt(total * float(planned[0]) * float(planned[1]))
    return _result(p_value(statistic, math.inf, "two-sided"), "normal", observed, planned)


def chi_square(counts: ArrayLike, shares: ArrayLike) -> SampleRatio:
    """Pearson's chi-square test of any arms and shares; arguments and errors as in sample_ratio.

    Trustworthy from about 5 expected units per arm.
    Source: Pearson (1900), Philosophical Magazine 50:157-175; Fabijan et al. (2019), KDD, for experiments.

    >>> round(chi_square([821588, 815482], [0.5, 0.5]).p_value * 1e6, 2)
    1.82
    """
    observed, planned = _checked(counts, shares)
    expected = observed.sum() * planned
    statistic = float(((observed - expected) * ((observed - expected) / expected)).sum())
    return _result(float(special.chdtrc(len(observed) - 1, statistic)), "chi-square", observed, planned)


def sequential_sample_ratio(
    batches: ArrayLike, shares: ArrayLike, *, concentration: float = 10_000.0
) -> SequentialSampleRatio:
    """Test of the split that may be looked at after every batch: the smallest 1 / Bayes factor so far.

    batches: shape (batches, arms), units that each batch added per arm. shares: as in sample_ratio.
    concentration: of the Dirichlet prior around the planned shares under the alternative; high finds small,
    late mismatches.
    Raises ValueError for one arm, no batch, counts that aren't whole and at least 0, or a concentration not
    above 0.
    Source: Lindon & Malek (2020), Anytime-valid inference for multinomial count data, arXiv:2011.03567.

    >>> test = sequential_sample_ratio([[100, 80], [110, 85], [105, 75]], [0.5, 0.5])
    >>> [round(p, 3) for p in test.p_values]
    [0.989, 0.924, 0.787]
    """
    units = finite_array("batches", batches, dimensions=2)
    planned = _shares(shares)
    same_length(arms=units.T, shares=planned)
    _whole(units)
    prior = positive("concentration", concentration) * planned
    totals = np.cumsum(units, axis=0)
    # Dirichlet-multinomial over multinomial; the number of orders of the units cancels.
    evidence = (
        special.gammaln(prior.sum())
        - special.gammaln(prior.sum() + totals.sum(axis=1))
        + (special.gammaln(prior + totals) - special.gammaln(prior)).sum(axis=1)
        - (totals * np.log(planned)).sum(axis=1)
    )
    p_values = np.exp(-np.maximum.accumulate(np.maximum(evidence, 0.0)))
    return SequentialSampleRatio(
        p_value=float(p_values[-1]),
        p_values=tuple(float(p) for p in p_values),
        log_evidence=tuple(float(value) for value in evidence),
    )


def _checked(counts: ArrayLike, shares: ArrayLike) -> tuple[FloatArray, FloatArray]:
    observed = finite_array("counts", counts)
    planned = _shares(shares)
    same_length(counts=observed, shares=planned)
    _whole(observed)
    if not observed.sum() > 0:
        raise ValueError("counts: expected at least 1 unit, found none")
    return observed, planned


def _whole(units: FloatArray) -> None:
    with np.errstate(over="ignore"):
        total = units.sum()
    if total > MOST_UNITS:
        raise ValueError(f"counts: expected at most {MOST_UNITS:.0f} units, found {total:g}")
    if (units < 0).any() or (units != np.floor(units)).any():
        raise ValueError(f"counts: expected whole numbers from 0, found {units.min():g}..{units.max():g}")


def _shares(shares: ArrayLike) -> FloatArray:
    planned = finite_array("shares", shares)
    if len(planned) < 2:
        raise ValueError(f"shares: expected at least 2 arms, found {len(planned)}")
    if not (planned > 0).all():
        raise ValueError(f"shares: expected numbers above 0, found {planned.min():g}")
    # Largest first, so that no sum overflows.
    shares_of_all = planned / planned.max() / (planned / planned.max()).sum()
    if not (shares_of_all > 0).all():
        raise ValueError(
            f"shares: expected weights of one magnitude, found {planned.min():g}..{planned.max():g}"
        )
    return np.asarray(shares_of_all)


def _result(p: float, method: str, observed: FloatArray, planned: FloatArray) -> SampleRatio:
    return SampleRatio(
        p_value=p,
        method=method,
        observed=tuple(int(units) for units in observed),
        expected=tuple(float(share) for share in observed.sum() * planned),
    )
