"""What each leaf says about a change between two numbers, and how much noise it says it with.

Belongs here: scores and information per leaf, the noise of leaves, estimated from the leaves themselves. Not here: sums
over segments and their choice (segment_search.py).

One model serves every kind of metric. A leaf has a number before and after (forecast and actual, or two periods), each
over an exposure (1 for additive metrics, the denominator for ratios). Where nothing happened, after / (before + after)
is about p = exposure after / (exposure before + exposure after). With f the factor by which a segment changed:

    p = f e1 / (e0 + f e1),   score u = a1 (1 - p) - a0 p,   information w = (|a0| + |a1|) p (1 - p)

u / w is about the logarithm of the factor that is left unexplained, is never beyond 1 / p or 1 / (1 - p), however small
or large the leaf, and treats before and after alike. Its variance is taken as phi / w + tau^2: phi is the noise of
counts (and of money, in its unit), tau what leaves vary by whatever their size. Both are robust estimates from all
leaves, so a few that changed don't hide themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import nnls

from lakehouse.stats.guards import FloatArray

# Leaves per bin of like size: enough for a median of absolute deviations good to about 20%.
PER_BIN = 15
MOST_BINS = 20
# A tenth of a percent: less isn't worth a word, however quiet the leaves are.
QUIETEST = 1e-3
# The tail is read off the leaves beyond this quantile, or beyond the last few when there are fewer leaves.
FAR, ENOUGH = 0.002, 5
# With fewer leaves than this leaves beyond it, tails aren't known; few degrees of freedom are caution enough then.
LEAST_FAR = 0.1
TAILS = (2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 30.0, math.inf)
FITS = 4
NORMAL = 1.4826  # median of absolute deviations of a normal distribution, in standard deviations


@dataclass(frozen=True, slots=True)
class Comparison:
    """Numbers before and after per leaf, over their exposures; all of shape (leaves,).

    least_phi: what the noise of counts is at least. deviation: the standard deviation of after around before, where it is
    known and need not be estimated (of ratios, of the numerator around before's ratio); tail: degrees of freedom of the
    Student's t that it then is of; usual: what leaves then count by, where before is as noisy as after.
    """

    before: FloatArray
    after: FloatArray
    exposure_before: FloatArray
    exposure_after: FloatArray
    least_phi: float = 0.0
    deviation: FloatArray | None = None
    tail: float = math.inf
    usual: FloatArray | None = None

    @classmethod
    def of_amounts(cls, before: FloatArray, after: FloatArray) -> Comparison:
        """Two amounts per leaf. Whole numbers are counts, which are no quieter than chance; a forecast isn't noisy."""
        least = 0.0 if not whole(after) else 1.0 if whole(before) else 0.5
        return cls(before, after, np.ones_like(before), np.ones_like(after), least)

    @classmethod
    def of_ratios(
        cls, before: FloatArray, after: FloatArray, exposure_before: FloatArray, exposure_after: FloatArray
    ) -> Comparison:
        """Two ratios per leaf. Whole numbers are counts: successes of trials (their noise ends where all succeed) when no
        leaf has more of them than of the denominator, and events of any number otherwise."""
        least = least_phi_of_ratios(before, after, exposure_before, exposure_after)
        return cls(before, after, exposure_before, exposure_after, least)

    def part(self, inside: NDArray[np.intp]) -> Comparison:
        return Comparison(
            self.before[inside],
            self.after[inside],
            self.exposure_before[inside],
            self.exposure_after[inside],
            self.least_phi,
            None if self.deviation is None else self.deviation[inside],
            self.tail,
            None if self.usual is None else self.usual[inside],
        )

    def score(self, shift: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Score u and information w of each leaf, given the logarithms of the factors already found."""
        exposed = self.exposure_after * np.exp(shift)
        total = self.exposure_before + exposed
        p = np.divide(exposed, total, out=np.zeros_like(total), where=total > 0)
        u = self.after * (1 - p) - self.before * p
        return u, (np.abs(self.before) + np.abs(self.after)) * p * (1 - p)


@dataclass(frozen=True, slots=True)
class Noise:
    """Variance of u / w: phi / w + tau squared; tails like Student's t; and the leaves that it was estimated from."""

    phi: float
    tau_squared: float
    tail: float
    leaves: float

    def variance(self, w: FloatArray) -> FloatArray:
        """Variance of a score with so much information."""
        return self.phi * w + self.tau_squared * w * w

    def surprise(self, z_squared: FloatArray) -> FloatArray:
        """Logarithm of the odds against a leaf so many standard deviations off: half its square, less in a long tail."""
        if math.isinf(self.tail):
            return z_squared / 2
        return np.asarray(self.tail / 2 * np.log1p(z_squared / self.tail))


def least_phi_of_ratios(
    before: FloatArray, after: FloatArray, exposure_before: FloatArray, exposure_after: FloatArray
) -> float:
    """What the noise of numerators is at least: that of trials, of events, or nothing where they are no counts."""
    if not all(map(whole, (before, after, exposure_before, exposure_after))):
        return 0.0
    trials = bool((before <= exposure_before).all() and (after <= exposure_after).all())
    exposed = float(exposure_before.sum() + exposure_after.sum())
    return 1.0 - (float(before.sum() + after.sum()) / exposed if trials and exposed > 0 else 0.0)


def degrees_of_freedom(leaves: float) -> float:
    """What a scale from the median of so many absolute deviations is worth: .37 of the leaves' own."""
    return max(1.0, 0.37 * (leaves - 1))


def noise_of(u: FloatArray, w: FloatArray, least_phi: float = 0.0) -> Noise:
    """The noise of leaves, from their scores and information; leaves without information don't count.

    least_phi: what phi is at least, where it is known (whole numbers of independent events have 1).
    """
    informed = w > 0
    u, w = u[informed], w[informed]
    if len(w) == 0:
        return Noise(least_phi, QUIETEST**2, math.inf, 0)
    u = u - _centre(u, w) * w
    phi, tau_squared = _binned(u, w, least_phi) if len(w) >= 2 * PER_BIN else _single(u, w, least_phi)
    return Noise(phi, tau_squared, tail_of(u * u / (w * (phi + tau_squared * w))), len(w))


def _single(u: FloatArray, w: FloatArray, least_phi: float) -> tuple[float, float]:
    """phi and tau squared of a few leaves: one or the other, whichever makes them likelier."""
    least = QUIETEST**2
    count_like = max(least_phi, robust_spread(u / np.sqrt(w)) ** 2)
    size_like = max(least, robust_spread(u / w) ** 2 - least_phi / float(np.median(w)))

    def unlikely(phi: float, tau_squared: float) -> float:
        variance = phi * w + (least + tau_squared) * w * w
        # A tail of five degrees of freedom, so that the leaf which is to be explained doesn't choose.
        return float((np.log(variance) / 2 + 3 * np.log1p(u * u / variance / 5)).sum())

    if unlikely(count_like, 0.0) <= unlikely(least_phi, size_like):
        return count_like, least
    return least_phi, size_like


def _binned(u: FloatArray, w: FloatArray, least_phi: float) -> tuple[float, float]:
    """phi and tau squared for which phi + tau squared * size is the spread of bins of leaves of like size."""
    least = QUIETEST**2
    bins = np.array_split(np.argsort(w), min(len(w) // PER_BIN, MOST_BINS))
    sizes = np.array([float(np.median(w[one])) for one in bins])
    spread = np.array([robust_spread(u[one] / np.sqrt(w[one])) ** 2 for one in bins])
    phi, tau_squared = least_phi, least
    fitted = np.maximum(spread, least * sizes)
    for _ in range(FITS):
        # Every bin's spread is known to the same relative precision, and fitted ones don't stray as found ones do.
        design = np.column_stack([1 / fitted, sizes / fitted])
        scales = design.max(axis=0)
        (phi, tau_squared), _ = nnls(design / scales, (spread - least_phi) / fitted)
        phi, tau_squared = least_phi + float(phi / scales[0]), max(least, float(tau_squared / scales[1]))
        fitted = phi + tau_squared * sizes
    return phi, tau_squared


def _centre(u: FloatArray, w: FloatArray) -> float:
    """The shift that half of all information lies above: what moved everything is no noise."""
    shifts = u / w
    order = np.argsort(shifts)
    passed = np.cumsum(w[order])
    return float(shifts[order][np.searchsorted(passed, passed[-1] / 2)])


def robust_spread(values: FloatArray) -> float:
    """A robust standard deviation about 0; where most values are 0, that of the others."""
    scale = float(np.median(np.abs(values))) * NORMAL
    return scale if scale > 0 else float(np.sqrt(np.mean(values**2)))


def tail_of(z_squared: FloatArray) -> float:
    """Degrees of freedom of the Student's t whose far quantile, in medians, is that of the leaves; none beyond 30."""
    beyond = max(FAR, ENOUGH / len(z_squared))
    if beyond > LEAST_FAR:
        return math.inf
    median, far = np.sqrt(np.quantile(z_squared, [0.5, 1 - beyond]))
    ratios = stats.t.isf(beyond / 2, TAILS) / stats.t.isf(0.25, TAILS)
    heavier = [
        tail for tail, ratio in zip(TAILS, ratios, strict=True) if median > 0 and far / median <= ratio
    ]
    return max(heavier, default=TAILS[0])


def whole(values: FloatArray) -> bool:
    return bool((values == np.floor(values)).all())
