"""Cuboids: for each combination of dimensions, the segments that the leaves fall into.

Belongs here: which combinations are worth a look, the segment of every leaf in each, sums over segments. Not here: what
is summed (evidence.py), and which segment is chosen (segment_search.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lakehouse.stats.guards import FloatArray

# Up to so many cells per leaf a table of all combinations is cheaper than sorting the leaves' own.
CELLS_PER_LEAF = 4
# Sums of sums are taken where there are so many fewer of these than of leaves.
LEAVES_PER_SEGMENT = 2


@dataclass(frozen=True, slots=True)
class Cuboid:
    """Places of its dimensions, the segment of each leaf, and how many segments there are.

    finer: place of a cuboid whose segments these are sums of, when that has far fewer segments than there are leaves;
    merges[i]: the segment that its segment i belongs to.
    """

    dimensions: tuple[int, ...]
    segment: NDArray[np.intp]
    count: int
    finer: int | None = None
    merges: NDArray[np.intp] | None = None


def cuboids(codes: Sequence[NDArray[np.intp]], depth: int) -> tuple[Cuboid, ...]:
    """All cuboids of at most `depth` dimensions, the shallow first; the first is everything as one segment.

    Pruned: a cuboid that has as many segments as one with a dimension less has the very same ones (the dimension follows
    from the others), and says in more words what the shallower one says.
    """
    found: dict[tuple[int, ...], Cuboid] = {(): Cuboid((), np.zeros(len(codes[0]), dtype=np.intp), 1)}
    for size in range(1, min(depth, len(codes)) + 1):
        for places in combinations(range(len(codes)), size):
            parents = [places[:left] + places[left + 1 :] for left in range(size)]
            # A pruned parent's children are the children of the cuboid that it repeats.
            if any(parent not in found for parent in parents):
                continue
            finer = _finer(found[places[:-1]], codes[places[-1]], places)
            if all(found[parent].count < finer.count for parent in parents):
                found[places] = finer
    return _linked(list(found.values()))


def sums(lattice: Sequence[Cuboid], *values: FloatArray) -> list[list[FloatArray]]:
    """For each cuboid, the sums of the values over its segments; values: one number per leaf."""
    summed: list[list[FloatArray]] = [[] for _ in lattice]
    # Finer cuboids stand behind coarser ones.
    for place, cuboid in reversed(list(enumerate(lattice))):
        if cuboid.finer is None or cuboid.merges is None:
            summed[place] = [group_sums(cuboid.segment, value, cuboid.count) for value in values]
        else:
            summed[place] = [group_sums(cuboid.merges, fine, cuboid.count) for fine in summed[cuboid.finer]]
    return summed


def group_sums(group: NDArray[np.intp], values: FloatArray, count: int) -> FloatArray:
    """Sum of the values of each of so many groups."""
    return np.asarray(np.bincount(group, values, count), dtype=np.float64)


def _linked(lattice: list[Cuboid]) -> tuple[Cuboid, ...]:
    """Each cuboid with the smallest one that it is a sum of."""
    linked = []
    for cuboid in lattice:
        own = set(cuboid.dimensions)
        finer = [
            (other.count, place)
            for place, other in enumerate(lattice)
            if len(other.dimensions) == len(own) + 1 and own < set(other.dimensions)
        ]
        if not finer or min(finer)[0] > len(cuboid.segment) / LEAVES_PER_SEGMENT:
            linked.append(cuboid)
            continue
        count, place = min(finer)
        merges = np.zeros(count, dtype=np.intp)
        merges[lattice[place].segment] = cuboid.segment
        linked.append(replace(cuboid, finer=place, merges=merges))
    return tuple(linked)


def _finer(parent: Cuboid, codes: NDArray[np.intp], places: tuple[int, ...]) -> Cuboid:
    width = int(codes.max()) + 1
    cells = parent.segment * width + codes
    if parent.count * width <= CELLS_PER_LEAF * len(cells):
        present = np.zeros(parent.count * width, dtype=np.bool_)
        present[cells] = True
        number = np.cumsum(present) - 1
        return Cuboid(places, number[cells].astype(np.intp), int(present.sum()))
    distinct, segment = np.unique(cells, return_inverse=True)
    return Cuboid(places, segment.astype(np.intp), len(distinct))
