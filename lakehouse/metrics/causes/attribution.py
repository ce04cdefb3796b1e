"""Which few segments moved a metric, by how much, how sure that is; or that none did.

    additive_causes(frame, ["country", "channel"])          # columns real, predict
    ratio_causes(frame, ["country", "channel"])             # numerator and denominator, 0 (before) and 1 (after)

Belongs here: the two public functions, and what found segments contributed. Not here: the search itself
(segment_search.py), its evidence (evidence.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.metrics.causes.cuboids import Cuboid, cuboids
from lakehouse.metrics.causes.evidence import Comparison
from lakehouse.metrics.causes.explanation import Cause, Effect, Explanation, Verdict
from lakehouse.metrics.causes.leaves import Leaves, read_leaves, words
from lakehouse.metrics.causes.remainder import Segment
from lakehouse.metrics.causes.segment_search import Found, search
from lakehouse.metrics.causes.words import cause_sentence, verdict_sentence
from lakehouse.stats.decomposition import mix_rate
from lakehouse.stats.guards import FloatArray, count, level

DEPTH = 3
ALPHA = 0.05
MOST = 10


class RatioColumns(NamedTuple):
    """Names of the columns of a ratio metric's leaves."""

    numerator_before: str = "numerator0"
    denominator_before: str = "denominator0"
    numerator_after: str = "numerator1"
    denominator_after: str = "denominator1"


RATIO_COLUMNS = RatioColumns()


class RatioNoise(NamedTuple):
    """Names of the columns with the standard deviation of numerators around the ratio before, and of denominators around
    those before; and the degrees of freedom of both noises' tails."""

    numerator: str
    denominator: str
    numerator_tail: float = math.inf
    denominator_tail: float = math.inf


def additive_causes(
    frame: pl.DataFrame,
    dimensions: Sequence[str],
    *,
    actual: str = "real",
    expected: str = "predict",
    noise: str | None = None,
    tail: float = math.inf,
    usual: str | None = None,
    unit: str = "",
    depth: int = DEPTH,
    alpha: float = ALPHA,
    most: int = MOST,
) -> Explanation:
    """Explains sum(actual) - sum(expected) of an additive metric by segments of its leaves.

    frame: one row per leaf. noise: a column with the standard deviation of actual around expected, where the forecast
    knows it; else it is estimated from the leaves, which takes a dozen or more of them. tail: degrees of freedom of that
    noise, where it comes from few observations or has outliers by itself. usual: a column of what leaves usually are,
    where expected is no forecast but as noisy as actual. unit: what the sentences call an amount. depth: most dimensions
    that a segment combines. alpha: chance of any segment although nothing happened. most: segments at most.
    Raises ValueError for bad input, as read_leaves does, and for a noise or a tail that isn't above 0.
    """
    _checked(depth, alpha, most)
    leaves = read_leaves(frame, dimensions, [actual, expected, *filter(None, [noise, usual])])
    forecast, found_there = leaves.columns[expected], leaves.columns[actual]
    comparison = Comparison.of_amounts(forecast, found_there)
    if noise:
        comparison = _with_noise(comparison, leaves, noise, tail)
        comparison = replace(comparison, usual=leaves.columns[usual] if usual else None)
    lattice = cuboids(leaves.codes, depth)
    found = search(comparison, lattice, alpha=alpha, most=most)
    drafts = []
    for segment in found.segments:
        inside = _inside(lattice, segment)
        before, after = math.fsum(forecast[inside]), math.fsum(found_there[inside])
        drafts.append(_Draft(segment, "volume", inside, found_there - forecast, before, after))
    return _explained(leaves, lattice, drafts, math.fsum(forecast), math.fsum(found_there), found, unit)


def ratio_causes(
    frame: pl.DataFrame,
    dimensions: Sequence[str],
    *,
    columns: RatioColumns = RATIO_COLUMNS,
    noise: RatioNoise | None = None,
    depth: int = DEPTH,
    alpha: float = ALPHA,
    most: int = MOST,
) -> Explanation:
    """Explains the change of sum(numerator) / sum(denominator) between two periods by segments of their leaves.

    A segment's ratio may have changed (rate), or its share of the denominator (mix), or both (joint). Arguments as for
    additive_causes; alpha is shared by both searches. noise: what leaves are known to vary by, else it is estimated from
    them; denominators before are then what is expected of those after. Raises ValueError for bad input, as read_leaves does, for negative
    denominators, and for a period whose denominators sum to 0.
    """
    _checked(depth, alpha, most)
    leaves = read_leaves(
        frame,
        dimensions,
        [*columns, *([noise.numerator, noise.denominator] if noise else [])],
        not_negative=[columns.denominator_before, columns.denominator_after],
    )
    top0, bottom0, top1, bottom1 = (leaves.columns[name] for name in columns)
    split = mix_rate(top0, bottom0, top1, bottom1)
    lattice = cuboids(leaves.codes, depth)
    by_rate, by_share = (
        Comparison.of_ratios(top0, top1, bottom0, bottom1),
        Comparison.of_amounts(bottom0, bottom1),
    )
    if noise:
        by_rate = _with_noise(by_rate, leaves, noise.numerator, noise.numerator_tail)
        by_share = _with_noise(by_share, leaves, noise.denominator, noise.denominator_tail)
    rates = search(by_rate, lattice, alpha=alpha / 2, most=most)
    shares = search(by_share, lattice, alpha=alpha / 2, most=most)

    drafts: dict[tuple[int, int], _Draft] = {}
    for segment in rates.segments:
        inside = _inside(lattice, segment)
        before, after = (
            _ratio(top[inside], bottom[inside]) for top, bottom in ((top0, bottom0), (top1, bottom1))
        )
        drafts[segment.key] = _Draft(segment, "rate", inside, np.array(split.rate), before, after)
    for segment in shares.segments:
        inside = _inside(lattice, segment)
        before, after = (math.fsum(bottom[inside]) / math.fsum(bottom) for bottom in (bottom0, bottom1))
        groups = [[math.fsum(x[inside]), math.fsum(x[~inside])] for x in (top0, bottom0, top1, bottom1)]
        moved = mix_rate(groups[0], groups[1], groups[2], groups[3]).mix_total
        if segment.key in drafts:
            drafts[segment.key] = replace(drafts[segment.key], effect="joint", further=moved)
        else:
            drafts[segment.key] = _Draft(segment, "mix", inside, np.zeros(len(leaves)), before, after, moved)
    explanation = _explained(leaves, lattice, list(drafts.values()), split.before, split.after, rates)
    return replace(explanation, simpson=_simpson(leaves, columns))


@dataclass(frozen=True, slots=True)
class _Draft:
    """A segment on its way to a cause: what its leaves contributed, and what it did as a whole."""

    segment: Segment
    effect: Effect
    inside: NDArray[np.bool_]
    by_leaf: FloatArray
    expected: float
    actual: float
    further: float = 0.0

    def contribution(self, held: NDArray[np.bool_]) -> float:
        return math.fsum(self.by_leaf[self.inside & ~held]) + self.further


def _explained(
    leaves: Leaves,
    lattice: Sequence[Cuboid],
    drafts: list[_Draft],
    expected: float,
    actual: float,
    found: Found,
    unit: str = "",
) -> Explanation:
    change = actual - expected
    held = np.zeros(len(leaves), dtype=np.bool_)
    causes = []
    largest_first = sorted(
        drafts, key=lambda draft: (-abs(draft.contribution(np.zeros_like(held))), draft.segment.key)
    )
    for rank, draft in enumerate(largest_first, start=1):
        contribution = draft.contribution(held) + 0.0
        if draft.effect != "mix":
            held |= draft.inside
        named = _named(leaves, lattice[draft.segment.cuboid], draft.inside)
        share = contribution / change if change else None
        share = share if share is not None and math.isfinite(share) else None
        causes.append(
            Cause(
                rank=rank,
                segment=named,
                effect=draft.effect,
                contribution=contribution,
                share=share,
                expected=draft.expected,
                actual=draft.actual,
                factor=math.exp(draft.segment.shift),
                confidence=1 - draft.segment.p_value,
                sentence=cause_sentence(
                    words(dict(named)), draft.effect, draft.expected, draft.actual, share, unit
                ),
            )
        )
    broad = math.exp(found.broad.shift) if found.broad else 1.0
    verdict: Verdict = "causes" if causes else "broad change" if found.broad else "within noise"
    return Explanation(
        expected=expected,
        actual=actual,
        causes=tuple(causes),
        verdict=verdict,
        reason=verdict_sentence(verdict, expected, actual, broad, len(causes)),
        broad_factor=broad,
    )


def _with_noise(comparison: Comparison, leaves: Leaves, noise: str, tail: float) -> Comparison:
    if not leaves.columns[noise].min() > 0:
        raise ValueError(f"{noise}: expected numbers above 0, found {leaves.columns[noise].min():g}")
    if not tail > 0:
        raise ValueError(f"tail: expected degrees of freedom above 0, found {tail:g}")
    return replace(comparison, deviation=leaves.columns[noise], tail=tail)


def _checked(depth: int, alpha: float, most: int) -> None:
    count("depth", depth, 1)
    level("alpha", alpha)
    count("most", most, 1)


def _inside(lattice: Sequence[Cuboid], segment: Segment) -> NDArray[np.bool_]:
    return np.asarray(lattice[segment.cuboid].segment == segment.segment)


def _named(leaves: Leaves, cuboid: Cuboid, inside: NDArray[np.bool_]) -> tuple[tuple[str, str], ...]:
    first = int(np.argmax(inside))
    return tuple((leaves.dimensions[d], leaves.values[d][leaves.codes[d][first]]) for d in cuboid.dimensions)


def _ratio(top: FloatArray, bottom: FloatArray) -> float:
    """The ratio of sums; 0 where there is no denominator, as a segment that isn't there yields nothing."""
    total = math.fsum(bottom)
    return math.fsum(top) / total if total > 0 else 0.0


def _simpson(leaves: Leaves, columns: RatioColumns) -> tuple[str, ...]:
    """Dimensions along which every segment's ratio moved against the whole, or not at all."""
    reversed_along = []
    for dimension, values, codes in zip(leaves.dimensions, leaves.values, leaves.codes, strict=True):
        sums = [np.bincount(codes, leaves.columns[name], len(values)) for name in columns]
        if mix_rate(sums[0], sums[1], sums[2], sums[3]).is_simpson:
            reversed_along.append(dimension)
    return tuple(reversed_along)
