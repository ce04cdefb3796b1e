"""Many comparisons at once, and beliefs: what adjusting, shrinking and priors promise.

Belongs here: families of metrics, segments of one experiment, posteriors under their own prior. Not here: single tests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import get_args

import numpy as np
from scipy.special import ndtr

from benchmarks.calibrating.cell import ALPHA, Cell, Table, generator
from lakehouse.stats.bayes_normal import NormalPrior, posterior
from lakehouse.stats.bayes_proportions import BetaPrior, rates_posterior
from lakehouse.stats.effects import quantile
from lakehouse.stats.multiplicity import Method, adjust
from lakehouse.stats.shrinkage import shrunk_effects

METRICS = 10
SEGMENTS = 10


def family_table(draws: int, seed: int) -> Table:
    """At least one rejection among ten metrics without an effect, which correlate by 0.5."""
    rng = generator(seed, "families")
    common, own = rng.normal(size=(draws, 1)), rng.normal(size=(draws, METRICS))
    p_values = 2 * ndtr(-np.abs(math.sqrt(0.5) * (common + own)))
    table = Table(
        "Many metrics at once",
        f"{METRICS} metrics without any effect, correlated by 0.5; a hit is at least one rejection.",
        ("adjusted by", "any false positive", ""),
    )
    plain = Cell(int((p_values <= ALPHA).any(axis=1).sum()), draws, ALPHA, "shown")
    table.add(("*warning:* not at all", plain.words, plain.verdict), plain)
    for method in get_args(Method):
        hits = sum(min(adjust(row, method).p_values) <= ALPHA for row in p_values)
        cell = Cell(hits, draws, ALPHA, "at most")
        table.add((method, cell.words, cell.verdict), cell)
    return table


def belief_table(draws: int, seed: int) -> Table:
    """Credible intervals when the truth is drawn from the prior."""
    table = Table(
        "Beliefs",
        "Credible intervals hold the truth in 95% of worlds whose truth is drawn from the prior.",
        ("belief", "world", "coverage", ""),
    )

    def add(name: str, world: str, hits: int) -> None:
        cell = Cell(hits, draws, 1 - ALPHA, "equal")
        table.add((name, world, cell.words, cell.verdict), cell)

    rng = generator(seed, "normal beliefs")
    truths = rng.normal(0.0, 0.05, draws)
    priors = {"normal, proper prior": NormalPrior(0.0, 0.05), "normal, flat prior": None}
    for name, prior in priors.items():
        found = [posterior(float(at), 0.04, prior) for at in rng.normal(truths, 0.04)]
        hits = sum(one.low <= truth <= one.high for one, truth in zip(found, truths, strict=True))
        add(name, "effects of 0 ± 5%, errors of 4%", hits)

    rng = generator(seed, "beliefs of rates")
    # Many draws share their counts.
    believe = cache(lambda x1, x0: rates_posterior(x1, 20, x0, 20, BetaPrior()))
    rates = rng.random((draws, 2))
    hits = 0
    for (treatment, control), (x1, x0) in zip(rates, rng.binomial(20, rates), strict=True):
        belief = believe(int(x1), int(x0))
        hits += belief.low <= treatment - control <= belief.high
    add("difference of two rates, uniform prior", "20 a side, rates anywhere", hits)
    return table


def segment_table(draws: int, seed: int) -> Table:
    """Segments as measured and after shrinkage; the best one is the one a reader looks at."""
    table = Table(
        "The best of many segments",
        f"{SEGMENTS} segments of one experiment, measured with errors of 0.6 to 1.4. The segment that looks best is mostly the "
        "luckiest: its own interval misses the truth too often, and its effect is overstated. Shrinkage takes the luck away; "
        "where segments hardly differ its interval is wider than it need be, as the spread of their true effects is itself "
        "uncertain. *Off by* is how far the best segment's estimate lies above its truth on average.",
        ("best segment", "true effects", "coverage", "", "off by"),
    )
    errors = np.linspace(0.6, 1.4, SEGMENTS)
    for spread in (0.0, 0.5, 1.0):
        rng = generator(seed, f"segments {spread}")
        truths = rng.normal(0.5, spread, (draws, SEGMENTS))
        estimates = rng.normal(truths, errors)
        measured, shrunk = _Best(), _Best()
        for row, truth in zip(estimates, truths, strict=True):
            at = int(row.argmax())
            reach = quantile(ALPHA / 2) * errors[at]
            measured.add(row[at], row[at] - reach, row[at] + reach, truth[at])
            found = shrunk_effects(row, errors).effects
            # After shrinkage another segment may be the best.
            at = max(range(SEGMENTS), key=lambda place: found[place].estimate)
            shrunk.add(found[at].estimate, found[at].low, found[at].high, truth[at])
        for name, best in (("*warning:* as measured", measured), ("shrunk", shrunk)):
            cell = Cell(best.hits, draws, 1 - ALPHA, "shown")
            world = f"0.5 ± {spread:g}" if spread else "all 0.5"
            table.add(
                (name, world, cell.words, cell.verdict, f"{round(best.excess / draws, 2) + 0.0:+.2f}"), cell
            )
    return table


@dataclass(slots=True)
class _Best:
    hits: int = 0
    excess: float = 0.0

    def add(self, estimate: float, low: float, high: float, truth: float) -> None:
        self.hits += bool(low <= truth <= high)
        self.excess += estimate - truth
