"""How sure may one be that a surprise is no noise: tails of a series' own surprises, budgets of false alerts, many at once.

Belongs here: probabilities and thresholds. Not here: surprises themselves (expected.py, surprise.py), or what becomes of an
alarm (episodes.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from lakehouse.stats.guards import FloatArray, at_least, finite_array, level, positive
from lakehouse.stats.multiplicity import adjust

# Where the tail is read off: beyond the last, true anomalies may lie without spoiling it, 1 in 40 on either side.
BODY, SHOULDER, EDGE = 0.75, 0.9, 0.975
# A series that says little yet is taken for one of Student's with 8 degrees of freedom and spread 1; its own values count
# like this many of such.
PRIOR_INVERSE_DF, PRIOR_VALUES = 1 / 8, 60.0
# Heavier tails than 2.5 degrees of freedom can't be told from anomalies by quantiles.
HEAVIEST = 1 / 2.5
# Before looking, 1 period in 50 is taken to be out of the ordinary: a week of them a year.
ORDINARY_ODDS = 49.0

_INVERSE_DF = np.linspace(1e-3, HEAVIEST, 200)
_RATIO = special.stdtrit(1 / _INVERSE_DF, EDGE) / special.stdtrit(1 / _INVERSE_DF, BODY)


@dataclass(frozen=True, slots=True)
class Tail:
    """Student's distribution as a tail, one entry per series: what an ordinary period's value on one side is like."""

    scale: FloatArray
    inverse_df: FloatArray

    def p_values(self, values: FloatArray) -> FloatArray:
        """The chance of a value at least as high in an ordinary period; values: shaped like the tail, or (series, n)."""
        scale, inverse = self.scale, self.inverse_df
        if values.ndim > scale.ndim:
            scale, inverse = scale[:, None], inverse[:, None]
        return np.asarray(special.stdtr(1 / inverse, -values / scale))


def upper_tail(values: ArrayLike) -> Tail:
    """The upper tail of each series' values: Student's, by quantiles of the ordinary part.

    values: (n,) or (series, n), NaN for periods that don't count. Beyond what was seen, probabilities are the model's: its
    degrees of freedom come from how far the 97.5th percentile stands beyond the 75th, its scale from the 90th, both drawn
    towards a common tail as long as there are few values.

    >>> tail = upper_tail(np.random.default_rng(1).normal(size=1000))
    >>> bool(0.0005 < tail.p_values(np.array([3.0]))[0] < 0.006)
    True
    """
    given = np.atleast_2d(np.asarray(values, dtype=np.float64))
    ordered = np.sort(given, axis=1)
    n = np.isfinite(given).sum(axis=1)
    body, shoulder, edge = (_quantile(ordered, n, q) for q in (BODY, SHOULDER, EDGE))
    own = n / (n + PRIOR_VALUES)
    ratio = np.where(body > 0, edge / np.where(body > 0, body, 1.0), _RATIO[-1])
    inverse = own * np.interp(ratio, _RATIO, _INVERSE_DF) + (1 - own) * PRIOR_INVERSE_DF
    found = np.maximum(shoulder, edge / 4) / special.stdtrit(1 / inverse, SHOULDER)
    # A series as steady as its model says isn't trusted to be ten times steadier than that.
    scale = np.maximum(own * found + (1 - own), 0.1)
    return Tail(scale, inverse) if np.ndim(values) > 1 else Tail(scale[:1], inverse[:1])


def _quantile(ordered: FloatArray, n: FloatArray, q: float) -> FloatArray:
    if ordered.shape[1] == 0:
        return np.zeros(len(ordered))
    at = q * np.maximum(n - 1, 0)
    rows, low = np.arange(len(ordered)), np.floor(at).astype(int)
    high = np.minimum(low + 1, np.maximum(n - 1, 0))
    below, above = ordered[rows, low], ordered[rows, high]
    return np.nan_to_num(below + (at - low) * (above - below))


def level_of_budget(alerts_per_year: float, periods_per_year: float = 365.25) -> float:
    """The p-value of surprise.py's evidence from which on a period alarms, so that ordinary ones make so many alerts a year.

    Raises ValueError for a budget not above 0 or one of more alerts than periods.

    >>> round(level_of_budget(2.0), 5)
    0.00548
    """
    share = positive("alerts_per_year", alerts_per_year) / positive("periods_per_year", periods_per_year)
    return level("alerts_per_year / periods_per_year", share)


def confidence(p_values: ArrayLike, ordinary_odds: float = ORDINARY_ODDS) -> FloatArray:
    """The probability that a period is no noise, given the p-value of its evidence; same shape as p_values.

    The odds against are the prior odds times the least Bayes factor that any reasonable alternative allows, so that the
    result is an upper bound where the alternative is far from that, and close where it is like it.
    Raises ValueError for p-values outside [0, 1] or odds below 0.
    Source: Sellke, Bayarri & Berger (2001), The American Statistician 55:62-71.

    >>> confidence([1.0, 0.01, 1e-5]).round(3).tolist()
    [0.02, 0.14, 0.985]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p_values: expected numbers from 0 to 1, found others")
    capped = np.clip(p, 1e-300, np.exp(-1))
    against = at_least("ordinary_odds", ordinary_odds, 0.0) * -np.e * capped * np.log(capped)
    return np.asarray(1 / (1 + against))


def discoveries(p_values: ArrayLike, rate: float = 0.1) -> FloatArray:
    """Which of the series of one period stand out, with at most `rate` of those that do by chance, on average.

    p_values: (m,), one per KPI and segment; result: (m,), p-values adjusted by Benjamini and Hochberg, to be held against
    `rate`. Segments of a KPI move together, under which the method keeps its rate.
    Raises ValueError as multiplicity.adjust does.

    >>> discoveries([0.001, 0.5, 0.03]).round(3).tolist()
    [0.003, 0.5, 0.045]
    """
    return finite_array("p_values", adjust(p_values, "bh", rate).p_values)
