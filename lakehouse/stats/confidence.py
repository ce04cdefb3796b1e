"""How sure may one be that a surprise is no noise: tails of a series' own surprises, budgets of false alerts, many at once.

Belongs here: probabilities and thresholds. Not here: surprises themselves (expected.py, surprise.py), or what becomes of an
alarm (episodes.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from lakehouse.stats.guards import FloatArray, finite_array, level, positive
from lakehouse.stats.multiplicity import adjust

# Where the tail is read off: beyond the last, true anomalies may lie without spoiling it, 1 in 40 on either side.
BODY, SHOULDER, EDGE = 0.75, 0.9, 0.975
# A trouble is in as many sums as they span periods, so that 1 in 20 of those may be of troubles.
EDGE_OF_SUMS = 0.95
# A series that says little yet is taken for one of Student's with 7 degrees of freedom and spread 0.9 (the model's
# forecasts allow for more than noise alone). Its own values count as so many of such: few for the spread, many for the tail,
# which a year of days tells no better than one series differs from the next.
PRIOR_INVERSE_DF, PRIOR_TAIL = 1 / 7, 240.0
PRIOR_SCALE, PRIOR_SPREAD = 0.9, 40.0
# Heavier tails than 2.5 degrees of freedom can't be told from anomalies by quantiles.
HEAVIEST = 1 / 2.5
# Odds against a trouble where there is one a year, given how evidence.p_value is made; and how far the strongest evidence can
# be believed, as 1 in 5 of it is of days unlike the others for a reason that is no trouble (a promotion or a holiday unlike
# the earlier ones). Both measured on made series (benchmarks/anomalies.py, confidence).
ODDS_AGAINST_ONE_A_YEAR, CEILING = 32.0, 0.8
# Sums of capped values have tails close to the normal distribution's, and spread more than each: a level that is still being
# learned is wrong on the same side for days.
PRIOR_INVERSE_DF_OF_SUMS, PRIOR_SCALE_OF_SUMS = 1 / 50, 1.3

_INVERSE_DF = np.linspace(1e-3, HEAVIEST, 200)


def _ratio(edge: float) -> FloatArray:
    """How far Student's quantile at `edge` stands beyond the one at BODY, by degrees of freedom."""
    return np.asarray(special.stdtrit(1 / _INVERSE_DF, edge) / special.stdtrit(1 / _INVERSE_DF, BODY))


@dataclass(frozen=True, slots=True)
class Tail:
    """Student's distribution as a tail, one entry per series: what an ordinary period's value on one side is like."""

    scale: FloatArray
    inverse_df: FloatArray

    def p_values(self, values: FloatArray, wanted: NDArray[np.bool_] | bool = True) -> FloatArray:  # noqa: FBT001,FBT002  as numpy's `where`
        """The chance of a value at least as high in an ordinary period; values: shaped like the tail, or (series, n). 1 where
        it isn't wanted, which costs nothing.
        """
        scale, inverse = self.scale, self.inverse_df
        if values.ndim > scale.ndim:
            scale, inverse = scale[:, None], inverse[:, None]
        return np.asarray(
            special.stdtr(1 / inverse, -values / scale, out=np.ones(values.shape), where=wanted)
        )


def both_tails(
    values: ArrayLike, *, span: int = 1, has_lifts: NDArray[np.bool_] | bool = False
) -> tuple[Tail, Tail]:
    """The upper and the lower tail of each series' values: Student's, by quantiles of the ordinary part.

    values: (n,) or (series, n), NaN for periods that don't count; span: periods that each value spans, so that n / span of
    them are independent; has_lifts: (series,), whose middle is raised by what isn't ordinary. Beyond what was seen, probabilities are the model's: its degrees of freedom come from how far the
    97.5th percentile of each side stands beyond the 75th (of single periods on a side that the middle has left: both counted from the
    middle), each side's scale from its 90th, all drawn towards a common tail as long as there are few values.

    >>> upper, lower = both_tails(np.random.default_rng(1).normal(size=1000))
    >>> bool(0.0005 < upper.p_values(np.array([3.0]))[0] < 0.006)
    True
    """
    given = np.atleast_2d(np.asarray(values, dtype=np.float64))
    n = np.isfinite(given).sum(axis=1)
    is_sum = span > 1
    edge_at = EDGE_OF_SUMS if is_sum else EDGE
    prior = PRIOR_INVERSE_DF_OF_SUMS if is_sum else PRIOR_INVERSE_DF
    prior_scale = PRIOR_SCALE_OF_SUMS if is_sum else PRIOR_SCALE
    scales, inverses = [], []
    for side in (1, -1):
        ordered = np.sort(side * given, axis=1)
        body, shoulder, edge = (_quantile(ordered, n, q) for q in (BODY, SHOULDER, edge_at))
        # Above 0 also where most values are alike.
        body, shoulder, edge = np.maximum(body, 0.01), np.maximum(shoulder, edge / 4), np.maximum(edge, 0.02)
        # While a series climbs, next to nothing lies below what is expected; when it no longer does, as much does as above. So the
        # side that the middle has left is as wide as it is around the middle.
        bare = np.where(has_lifts, 0.0, np.minimum(_quantile(ordered, n, 0.5), 0.0))
        # Nor is its tail heavier than it is beside the middle: counts on a logarithmic scale lie a little above what is expected, and
        # the 75th percentile below it so close that any tail would look heavy.
        middle = np.zeros_like(bare) if is_sum else bare
        own = np.interp((edge - middle) / (body - middle), _ratio(edge_at), _INVERSE_DF)
        inverse = _drawn(np.asarray(own), prior, n, PRIOR_TAIL)
        at, mark = (BODY, body) if is_sum else (SHOULDER, shoulder)
        scale = _drawn((mark - bare) / special.stdtrit(1 / inverse, at), prior_scale, n, PRIOR_SPREAD)
        # A series as steady as its model says isn't trusted to be ten times steadier than that.
        scales.append(np.maximum(scale, 0.1))
        inverses.append(inverse)
    upper, lower = (Tail(scale, inverse) for scale, inverse in zip(scales, inverses, strict=True))
    if np.ndim(values) > 1:
        return upper, lower
    return Tail(upper.scale[:1], upper.inverse_df[:1]), Tail(lower.scale[:1], lower.inverse_df[:1])


def _drawn(own: FloatArray, common: float, n: FloatArray, worth: float) -> FloatArray:
    return np.asarray((n * own + worth * common) / (n + worth))


def _quantile(ordered: FloatArray, n: FloatArray, q: float) -> FloatArray:
    if ordered.shape[1] == 0:
        return np.zeros(len(ordered))
    at = q * np.maximum(n - 1, 0)
    rows, low = np.arange(len(ordered)), np.floor(at).astype(int)
    high = np.minimum(low + 1, np.maximum(n - 1, 0))
    below, above = ordered[rows, low], ordered[rows, high]
    return np.asarray(np.nan_to_num(below + (at - low) * (above - below)))


def level_of_budget(alerts_per_year: float, periods_per_year: float = 365.25) -> float:
    """The p-value of surprise.py's evidence from which on a period alarms, so that ordinary ones make so many alerts a year.

    Raises ValueError for a budget not above 0 or one of more alerts than periods.

    >>> round(level_of_budget(2.0), 5)
    0.00548
    """
    share = positive("alerts_per_year", alerts_per_year) / positive("periods_per_year", periods_per_year)
    return level("alerts_per_year / periods_per_year", share)


def confidence(p_values: ArrayLike, troubles_per_year: float = 4.0) -> FloatArray:
    """The probability that what alarmed is no noise, given the p-value of its evidence; same shape as p_values.

    troubles_per_year: how many a series of the kind has; what is confirmed or muted tells it in time. The odds against are the
    prior ones times the least Bayes factor that any reasonable alternative allows, and no evidence is believed beyond
    CEILING. Where it was measured, of alarms said to be 50 % sure about half are troubles, and so on.
    Raises ValueError for p-values outside [0, 1] or a rate not above 0.
    Source: Sellke, Bayarri & Berger (2001), The American Statistician 55:62-71, for the Bayes factor.

    >>> confidence([0.1, 0.01, 0.001, 1e-6]).round(2).tolist()
    [0.13, 0.4, 0.7, 0.8]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p_values: expected numbers from 0 to 1, found others")
    odds = ODDS_AGAINST_ONE_A_YEAR / positive("troubles_per_year", troubles_per_year)
    capped = np.clip(p, 1e-300, np.exp(-1))
    return np.asarray(CEILING / (1 + odds * -np.e * capped * np.log(capped)))


def discoveries(p_values: ArrayLike, rate: float = 0.1) -> FloatArray:
    """Which of the series of one period stand out, with at most `rate` of those that do by chance, on average.

    p_values: (m,), one per KPI and segment; result: (m,), p-values adjusted by Benjamini and Hochberg, to be held against
    `rate`. Segments of a KPI move together, under which the method keeps its rate.
    Raises ValueError as multiplicity.adjust does.

    >>> discoveries([0.001, 0.5, 0.03]).round(3).tolist()
    [0.003, 0.5, 0.045]
    """
    return finite_array("p_values", adjust(p_values, "bh", rate).p_values)
