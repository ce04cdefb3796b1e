"""The search: which few segments explain how leaves changed, and is any of it more than noise?

Belongs here: choosing segments one by one, by likelihood, and doubting the choice afterwards. Not here: where evidence
comes from (evidence.py), what a segment is called and what it contributed (causes.py).

A segment is one factor for all its leaves. Its gain is half its squared z-score (the log likelihood ratio) less the
logarithm of how many segments its cuboid has and how many cuboids there are: what it costs to name it. That alone
prefers a parent to its children where all of it changed, and a child where only that did. A parent that is a mixture
(three of its eight children changed) may still gain more than any one of them; so the winner is split along every other
dimension, and gives way when its children together explain clearly more. Everything as one segment is a candidate as well:
a broad change is then told once, and segments are judged against it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from lakehouse.metrics.causes.cuboids import Cuboid
from lakehouse.metrics.causes.evidence import Comparison, Noise, degrees_of_freedom
from lakehouse.metrics.causes.remainder import Ground, Left, Segment

# A parent stays unless its children explain a quarter more: up to a fifth of it may have stood still.
CLEARLY_MORE = 1.25
# Segments whose purity and tails are looked into, and families of segments that are tried as one, per turn.
CANDIDATES = 20
MERGERS = 6


@dataclass(frozen=True, slots=True)
class Found:
    """Segments that stand out, the strongest first; the broad change, when there is one; the noise they stand out of."""

    segments: tuple[Segment, ...]
    broad: Segment | None
    noise: Noise


def search(
    comparison: Comparison, lattice: Sequence[Cuboid], *, alpha: float = 0.05, most: int = 10
) -> Found:
    """Segments whose change is more than noise, at most `most`, with a chance of any false one of about alpha."""
    ground = Ground(comparison, lattice)
    hunt = _Hunt(ground, alpha, most)
    found = hunt.significant(hunt.merged(hunt.greedy([])))
    judged = sorted(hunt.judged(found), key=lambda segment: -abs(segment.z))
    return Found(
        segments=tuple(segment for segment in judged if segment.cuboid != 0),
        broad=next((segment for segment in judged if segment.cuboid == 0), None),
        noise=ground.left(found).noise,
    )


@dataclass(frozen=True, slots=True)
class _Hunt:
    ground: Ground
    alpha: float
    most: int

    def greedy(self, found: list[Segment]) -> list[Segment]:
        """More segments, the one that explains most first, until nothing stands out of the noise."""
        while len(found) < self.most:
            best = self._best(found)
            if best is None or best.key in {segment.key for segment in found}:
                break
            found = self.ground.fitted([*found, best])
        return found

    def merged(self, found: list[Segment]) -> list[Segment]:
        """With children replaced by their parents, where that describes the leaves in fewer words.

        The child that moved most may stay, as what its parent is not like: everything fell a little, one segment grew.
        """
        length = self.ground.length(found)
        for parents in self._parents(found)[:MERGERS]:
            dropped = [one for one in found if any(self.ground.within(one, parent) for parent in parents)]
            if len(dropped) <= len(parents):
                continue  # merged already
            kept = [one for one in found if one not in dropped]
            oddest = max(dropped, key=lambda one: (abs(one.shift), one.key))
            for stays in ([], [oddest]) if len(parents) == 1 else ([],):
                tried = self.greedy(self.ground.fitted([*kept, *stays, *parents]))
                if (shorter := self.ground.length(tried)) < length:
                    found, length = tried, shorter
        return found

    def significant(self, found: list[Segment]) -> list[Segment]:
        """Without the segments that, beside the others, are no more than noise: the weakest goes first."""
        while found:
            weakest = max(self.judged(found), key=lambda segment: segment.p_value)
            if weakest.p_value <= self.alpha:
                break
            found = self.ground.fitted([segment for segment in found if segment.key != weakest.key])
        return found

    def judged(self, found: Sequence[Segment]) -> Iterator[Segment]:
        """Each segment with its z-score and p-value, given all the others."""
        noise = self.ground.left(found).noise
        for segment in found:
            left = self.ground.left([one for one in found if one.key != segment.key], noise)
            inside = self.ground.leaves(segment)
            one = np.zeros(int(inside.sum()), dtype=np.intp)
            tested = self._tested(replace(segment, z=float(left.of(inside).grouped(one, 1)[0])), left)
            # A part that moved one way on evidence of the other is a rest of how the segment around it is fitted.
            nested = any(self.ground.within(segment, one) for one in found if one.key != segment.key)
            against = nested and tested.z * tested.shift < 0
            yield replace(tested, p_value=1.0) if against else tested

    def _best(self, found: Sequence[Segment]) -> Segment | None:
        """The segment that explains most of what is left; None when nothing stands out of the noise."""
        left = self.ground.left(found)
        best, most = None, -math.inf
        for candidate in self._candidates(left):
            if self._gain(candidate) <= most:
                break
            tested = self._tested(self._purest(candidate, left), left)
            if self._gain(tested) > most and tested.p_value <= self.alpha:
                best, most = tested, self._gain(tested)
        return best

    def _candidates(self, left: Left) -> list[Segment]:
        """The segments that gain most, by their z-scores alone, the best first."""
        gathered = []
        for place, z in enumerate(left.by_cuboid(self.ground.lattice)):
            last = min(CANDIDATES, len(z)) - 1
            tops = np.argpartition(-np.abs(z), last)[: last + 1]
            gathered += [Segment(place, int(top), z=float(z[top])) for top in tops]
        return sorted(gathered, key=lambda segment: (-self._gain(segment), segment.key))[:CANDIDATES]

    def _gain(self, segment: Segment) -> float:
        return segment.z * segment.z / 2 - self.ground.cost(segment)

    def _tested(self, segment: Segment, left: Left) -> Segment:
        """The segment with its evidence and the chance that noise does as well, for all that were looked at."""
        part = left.of(self.ground.leaves(segment))
        likelihood = part.likelihood()
        z = math.copysign(min(abs(segment.z), math.sqrt(2 * max(0.0, likelihood))), segment.z)
        looked_at = self.ground.lattice[segment.cuboid].count * len(self.ground.lattice)
        tail = float(stats.t.sf(abs(z), degrees_of_freedom(part.witnesses.max(initial=0.0))))
        return replace(segment, z=z, p_value=min(1.0, 2 * tail * looked_at))

    def _purest(self, winner: Segment, left: Left) -> Segment:
        """The winner, or the strongest of its children for as long as these explain clearly more than it does."""
        while True:
            inside = np.flatnonzero(self.ground.leaves(winner))
            part = left.of(inside)
            richest, strongest = CLEARLY_MORE * self._gain(winner), None
            for place in self.ground.children(winner):
                segments, group = np.unique(self.ground.lattice[place].segment[inside], return_inverse=True)
                z = part.grouped(group, len(segments))
                gains = z * z / 2 - self.ground.cost(Segment(place, 0))
                together = float(gains[gains > 0].sum())
                if together > richest:
                    top = int(np.argmax(gains))
                    richest, strongest = together, Segment(place, int(segments[top]), z=float(z[top]))
            if strongest is None:
                return winner
            winner = strongest

    def _parents(self, found: Sequence[Segment]) -> list[list[Segment]]:
        """Families that may be told as one: what lies in one parent, or in any parent of one cuboid; large ones first."""
        families: list[tuple[int, list[Segment]]] = []
        for place, cuboid in enumerate(self.ground.lattice):
            below = set(self.ground.children(Segment(place, 0)))
            children: dict[int, int] = {}
            for segment in found:
                if segment.cuboid in below:
                    parent = int(cuboid.segment[np.argmax(self.ground.leaves(segment))])
                    children[parent] = children.get(parent, 0) + 1
            families += [(count - 1, [Segment(place, one)]) for one, count in children.items()]
            families.append(
                (sum(children.values()) - len(children), [Segment(place, one) for one in children])
            )
        return [parents for spared, parents in sorted(families, key=lambda family: -family[0]) if spared > 0]
