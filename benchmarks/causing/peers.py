"""What root causes are compared with in the same run: Adtributor, and what a person would first rank segments by.

Belongs here: methods that answer with segments and never look at noise. Not here: scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

import polars as pl

from benchmarks.causing.worlds import Segment
from lakehouse.stats.adtributor import adtributor
from lakehouse.stats.decomposition import MixRate, mix_rate

RATIO = ("orders0", "visits0", "orders1", "visits1")


def by_adtributor(frame: pl.DataFrame, dimensions: Sequence[str]) -> frozenset[Segment]:
    """The elements of the most surprising dimension."""
    tables = {
        name: frame.group_by(name).agg(pl.col("predict").sum(), pl.col("real").sum().clip(0)).sort(name)
        for name in dimensions
    }
    answers = adtributor({name: (table["predict"], table["real"]) for name, table in tables.items()})
    if not answers:
        return frozenset()
    best = answers[0]
    values = tables[best.dimension][best.dimension].to_list()
    return frozenset(frozenset({(best.dimension, str(values[place]))}) for place in best.elements)


def _pairs(frame: pl.DataFrame, dimensions: Sequence[str]) -> Iterator[tuple[Segment, MixRate]]:
    """Every segment of one or two dimensions against the rest."""
    totals = {name: float(frame[name].sum()) for name in RATIO}
    for size in (1, 2):
        for chosen in combinations(dimensions, size):
            for row in frame.group_by(chosen).agg(pl.col(RATIO).sum()).sort(chosen).iter_rows(named=True):
                split = [[float(row[name]), totals[name] - float(row[name])] for name in RATIO]
                if split[1][0] > 0 and split[1][1] > 0 and split[3][0] > 0 and split[3][1] > 0:
                    segment = frozenset((name, str(row[name])) for name in chosen)
                    yield segment, mix_rate(split[0], split[1], split[2], split[3])


RANKINGS: dict[str, Callable[[MixRate], float]] = {
    "largest rate effect": lambda effects: abs(effects.rate[0]),
    "largest mix effect": lambda effects: abs(effects.mix_total),
    "largest contribution": lambda effects: abs(effects.rate[0] + effects.mix_total),
}


def by_rankings(frame: pl.DataFrame, dimensions: Sequence[str]) -> dict[str, Segment]:
    """The first segment by each ranking."""
    pairs = list(_pairs(frame, dimensions))
    return {name: max(pairs, key=lambda pair: ranking(pair[1]))[0] for name, ranking in RANKINGS.items()}
