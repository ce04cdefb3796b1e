"""What a choice of segments explains of a comparison, and what it leaves.

Belongs here: fitting the shifts of given segments, the z-scores that are left, how many words a choice takes. Not here:
choosing (segment_search.py), and where evidence comes from (evidence.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lakehouse.metrics.causes.cuboids import Cuboid, group_sums, sums
from lakehouse.metrics.causes.evidence import PER_BIN, Comparison, Noise, noise_of, robust_spread
from lakehouse.stats.guards import FloatArray

# Factors beyond exp(8) = 3,000 are as good as "gone" or "new".
LARGEST_SHIFT = 8.0
CLOSE = 1e-4
NEWTON_STEPS = 25
ROUNDS = 4
SMALLER = (1.0, 0.7, 0.5, 0.3)


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a cuboid (its place in the list), and what was found of it.

    shift: logarithm of the factor by which it changed, beside the others found. z: that in standard errors. p_value:
    adjusted for every segment that could have been found.
    """

    cuboid: int
    segment: int
    shift: float = 0.0
    z: float = 0.0
    p_value: float = 1.0

    @property
    def key(self) -> tuple[int, int]:
        return self.cuboid, self.segment


@dataclass(frozen=True, slots=True)
class Left:
    """What the segments found leave unexplained: z-score per leaf, and standard deviations that a unit of shift is.

    witnesses: from how many leaves each leaf's noise is known.
    """

    z: FloatArray
    root: FloatArray
    witnesses: FloatArray
    noise: Noise

    def of(self, inside: NDArray[np.intp] | NDArray[np.bool_]) -> Left:
        return Left(self.z[inside], self.root[inside], self.witnesses[inside], self.noise)

    def grouped(self, group: NDArray[np.intp], count: int) -> FloatArray:
        """z-score of each group of leaves."""
        scores = group_sums(group, self.z * self.root, count)
        return _z(scores, group_sums(group, self.root * self.root, count))

    def by_cuboid(self, lattice: Sequence[Cuboid]) -> list[FloatArray]:
        """z-score of each segment of each cuboid."""
        return [_z(*pair) for pair in sums(lattice, self.z * self.root, self.root * self.root)]

    def likelihood(self) -> float:
        """How much likelier all leaves are, in logarithms, when one shift is theirs: with the noise's tails, so that a
        leaf or two far out don't make a segment."""
        information = float(self.root @ self.root)
        if not information > 0:
            return 0.0
        shift = float(self.z @ self.root) / information
        plain = float(self.noise.surprise(self.z**2).sum())
        # With long tails that are known the likeliest shift is smaller than what a few leaves far out make of the mean.
        parts = SMALLER if math.isinf(self.noise.leaves) and math.isfinite(self.noise.tail) else SMALLER[:1]
        rests = (self.noise.surprise((self.z - self.root * (part * shift)) ** 2).sum() for part in parts)
        return plain - float(min(rests))


@dataclass(frozen=True, slots=True)
class Ground:
    """A comparison of leaves, and the cuboids that they form."""

    comparison: Comparison
    lattice: Sequence[Cuboid]

    def leaves(self, segment: Segment) -> NDArray[np.bool_]:
        cuboid = self.lattice[segment.cuboid]
        return np.asarray(cuboid.segment == segment.segment)

    def within(self, segment: Segment, parent: Segment) -> bool:
        """Whether every leaf of the segment is one of the parent's."""
        return bool((self.leaves(parent) | ~self.leaves(segment)).all())

    def children(self, segment: Segment) -> list[int]:
        """Places of the cuboids with one dimension more than the segment's."""
        own = set(self.lattice[segment.cuboid].dimensions)
        return [
            place
            for place, cuboid in enumerate(self.lattice)
            if len(cuboid.dimensions) == len(own) + 1 and own < set(cuboid.dimensions)
        ]

    def cost(self, segment: Segment) -> float:
        """What it takes to name a segment: the logarithm of how many there are in its cuboid, and of how many cuboids."""
        return math.log(self.lattice[segment.cuboid].count) + math.log(len(self.lattice))

    def fitted(self, found: Sequence[Segment]) -> list[Segment]:
        """The shifts of all segments at once: each in turn, the others standing, until they agree."""
        found = list(found)
        insides = [self.leaves(segment) for segment in found]
        covered = self._covered(found, insides)
        # A segment is fitted where it is alone, and everything as one segment where there is no other, if that is anywhere.
        alone = [
            inside & (covered <= (segment.cuboid != 0))
            for segment, inside in zip(found, insides, strict=True)
        ]
        places = [
            np.flatnonzero(own if own.any() else all_of) for own, all_of in zip(alone, insides, strict=True)
        ]
        parts = [self.comparison.part(own) for own in places]
        together = np.zeros(len(self.comparison.before))
        for segment, inside in zip(found, insides, strict=True):
            together[inside] += segment.shift
        for _ in range(ROUNDS):
            moved = 0.0
            for place, segment in enumerate(found):
                shift = _solved(parts[place], together[places[place]] - segment.shift, segment.shift)
                together[insides[place]] += shift - segment.shift
                moved = max(moved, abs(shift - segment.shift))
                found[place] = replace(segment, shift=shift)
            if moved < CLOSE:
                break
        return found

    def left(self, found: Sequence[Segment], noise: Noise | None = None) -> Left:
        """What is left beside the segments found; noise, when it isn't to be estimated from that."""
        shift = np.zeros(len(self.comparison.before))
        insides = [self.leaves(segment) for segment in found]
        covered = self._covered(found, insides)
        for segment, inside in zip(found, insides, strict=True):
            shift[inside] += segment.shift
        u, w = self.comparison.score(shift)
        # A leaf that all but vanished is still as noisy as its size was: what is left of it isn't a cause of its own.
        size = np.maximum(w, self.comparison.score(np.zeros_like(shift))[1])
        # How the effects of two segments add up in leaves of both isn't known: such leaves say nothing.
        known = (covered < 2) & (w > 0)
        if noise is None:
            still = known & (covered == 0)
            enough = still.sum() >= PER_BIN
            noise = self._noise(u[still], w[still]) if enough else self._noise(u[known], size[known])
        sd = np.where(known, self._deviations(noise, size), 1.0)
        z, root = np.where(known, u, 0.0) / sd, np.where(known, self._weights(w), 0.0) / sd
        witnesses = np.full(len(z), float(noise.leaves))
        for segment, inside in zip(found, insides, strict=True):
            own = inside & known
            if segment.cuboid != 0 and own.sum() > 1:
                # What changed also scatters anew: its parts have to stand out of that.
                scatter = max(1.0, robust_spread(z[own] - np.median(z[own])))
                z[own] /= scatter
                root[own] /= scatter
                witnesses[own] = min(noise.leaves, float(own.sum()))
        return Left(z, root, witnesses, noise)

    def length(self, found: Sequence[Segment]) -> float:
        """What it takes to say which segments changed, and what they leave unexplained: the shorter, the better.

        A leaf of several segments may follow them all or any one of them, whichever fits it best.
        """
        nothing = np.zeros(len(self.comparison.before))
        plain, size = self.comparison.score(nothing)
        noise = self._noise(plain, size)
        together = nothing.copy()
        for segment in found:
            together[self.leaves(segment)] += segment.shift
        sd = np.where(size > 0, self._deviations(noise, size), 1.0)

        def left(shift: FloatArray) -> FloatArray:
            return noise.surprise((self.comparison.score(shift)[0] / sd) ** 2)

        best = left(together)
        for segment in found:
            inside = self.leaves(segment)
            best[inside] = np.minimum(best, left(np.where(inside, segment.shift, 0.0)))[inside]
        return float(best.sum()) + sum(self.cost(segment) for segment in found)

    def _covered(self, found: Sequence[Segment], insides: Sequence[NDArray[np.bool_]]) -> NDArray[np.intp]:
        """In how many segments each leaf lies, everything as one segment aside."""
        covered = np.zeros(len(self.comparison.before), dtype=np.intp)
        for segment, inside in zip(found, insides, strict=True):
            covered += inside & (segment.cuboid != 0)
        return covered

    def _weights(self, w: FloatArray) -> FloatArray:
        """Information by which leaves of a segment count: where their noise is known, free of what they turned out to be.

        Rare events would else count for more where one happened, and all leaves together would seem to have grown. A leaf
        where nothing was expected counts as much as it may vary.
        """
        if self.comparison.deviation is None:
            return w
        standing = self._standing()
        before = self.comparison.before if self.comparison.usual is None else self.comparison.usual
        expected = np.divide(
            np.abs(before) * (1 - standing),
            standing,
            out=np.zeros_like(w),
            where=standing > 0,
        )
        return (expected + self.comparison.deviation) * standing

    def _standing(self) -> FloatArray:
        """1 - p of each leaf where nothing happened: what its score is of how far after is off."""
        c = self.comparison
        total = c.exposure_before + c.exposure_after
        return np.divide(c.exposure_before, total, out=np.zeros_like(total), where=total > 0)

    def _noise(self, u: FloatArray, w: FloatArray) -> Noise:
        if self.comparison.deviation is not None:
            return Noise(phi=0.0, tau_squared=0.0, tail=self.comparison.tail, leaves=math.inf)
        return noise_of(u, w, self.comparison.least_phi)

    def _deviations(self, noise: Noise, size: FloatArray) -> FloatArray:
        """Standard deviation of each leaf's score; a part of that of after around before, half of it for amounts."""
        if self.comparison.deviation is not None:
            standing = self._standing()
            return np.where(standing > 0, self.comparison.deviation * standing, 1.0)
        return np.sqrt(noise.variance(size))


def _z(scores: FloatArray, information: FloatArray) -> FloatArray:
    return np.divide(scores, np.sqrt(information), out=np.zeros_like(scores), where=information > 0)


def _solved(part: Comparison, others: FloatArray, shift: float) -> float:
    """The shift, beside the others', at which the leaves' scores sum to 0; from a first guess."""
    for _ in range(NEWTON_STEPS):
        u, w = part.score(others + shift)
        if not w.sum() > 0:
            break
        step = float(np.clip(u.sum() / w.sum(), -1, 1))
        shift = float(np.clip(shift + step, -LARGEST_SHIFT, LARGEST_SHIFT))
        if abs(step) < CLOSE:
            break
    return shift
