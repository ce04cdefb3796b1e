"""The experiments while they run: who is shown which variant, so that the planted effects come true.

Belongs here: assignment and exposures. Doesn't: the effects in figures (effects.py).
Orders and visits are as they are, so effects are planted the other way round: a unit is assigned after what it
does within the month is known, with chances under which the outcome is as much likelier in a variant as the
design says and every variant still gets its share. Only units without a past take part in that (everybody else
is assigned by the shares alone): what came before the experiment stays balanced, as in any randomized experiment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from lakehouse.synth.designs import Design
from lakehouse.synth.plan import DAY, Bools, GeneratorPlan, Ints, Month

Floats = NDArray[np.float64]
UNSEEN, LOST = -1, -2
LATE_SECONDS, LATE_SHARE = 6 * 3600, 0.25
MINUTE = 60
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Exposures:
    """Exposures of one experiment: visitor, position of the variant, and when."""

    visitor: Ints
    variant: Ints
    at: Ints


@dataclass(frozen=True, slots=True)
class Visits:
    """A month's sessions as a trial sees them, by time: the unit of each (-1 for none) and who was there."""

    unit: Ints
    visitor: Ints
    at: Ints


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a month's units, by unit number.

    may_change: whether the unit has no past and is one the variants work on. happens: whether it then has the outcome.
    size: of what it bought, for designs that draw small orders.
    """

    may_change: Bools
    happens: Bools
    size: Floats


class Trial:
    """One design on its way; `units` in the order of their first exposure."""

    def __init__(self, plan: GeneratorPlan, design: Design) -> None:
        self._plan = plan
        self.design = design
        self.start = (design.start.toordinal() - _EPOCH) * DAY
        self.end = (design.end.toordinal() - _EPOCH) * DAY
        none = np.zeros(0, dtype=np.int64)
        self._variant = none
        self.units, self.first_at = none, none
        self.chances: Floats = np.zeros((0, len(design.variants)))
        self.exposures = 0
        self.contaminated, self.outside = none, none

    def is_on(self, month: Month) -> bool:
        return self.start < month.end and month.start < self.end + LATE_SECONDS

    def newcomers(self, visits: Visits, units: int) -> tuple[Ints, Ints]:
        """Units that the month's visits bring into the experiment, and when each is first exposed."""
        self._grow(units)
        inside = np.flatnonzero((visits.at >= self.start) & (visits.at < self.end) & (visits.unit >= 0))
        inside = inside[self._variant[visits.unit[inside]] == UNSEEN]
        found, first = np.unique(visits.unit[inside], return_index=True)
        return found, visits.at[inside[first]]

    def run(self, month: Month, visits: Visits, found: Ints, first_at: Ints, known: Known) -> Exposures:
        """Assign the newcomers and show every visiting unit its variant. `known`: of `found`, row by row."""
        design = self.design
        rng = self._plan.stream(f"experiment {design.id}", month.index)
        chances = chances_of(design, known)
        drawn = np.minimum(
            np.sum(rng.random(len(found))[:, None] >= np.cumsum(chances, axis=1), axis=1),
            len(design.variants) - 1,
        ).astype(np.int64)
        lost = rng.random(len(found)) < np.array(design.lost or [0.0] * len(design.variants))[drawn]
        self._variant[found] = np.where(lost, LOST, drawn)
        # A second variant a minute later must fall into the same month and into the experiment.
        has_time = first_at + MINUTE < min(month.end, self.end)
        mixed = ~lost & has_time & (rng.random(len(found)) < design.contaminated)

        inside = (visits.at >= self.start) & (visits.at < self.end) & (visits.unit >= 0)
        shown = np.flatnonzero(inside)
        shown = shown[self._variant[visits.unit[shown]] >= 0]
        parts = [Exposures(visits.visitor[shown], self._variant[visits.unit[shown]], visits.at[shown])]
        parts.append(self._second_variants(rng, visits, found[mixed], first_at[mixed], drawn[mixed]))
        parts.append(self._late(rng, visits))

        kept = ~lost
        self.units = np.concatenate([self.units, found[kept]])
        self.first_at = np.concatenate([self.first_at, first_at[kept]])
        self.chances = np.concatenate([self.chances, chances[kept]])
        self.contaminated = np.concatenate([self.contaminated, found[mixed]])
        return self._all(parts)

    def _second_variants(
        self, rng: np.random.Generator, visits: Visits, units: Ints, first_at: Ints, drawn: Ints
    ) -> Exposures:
        """The variant after the unit's own, a minute into its first visit."""
        other = (drawn + rng.integers(1, len(self.design.variants), len(units))) % len(self.design.variants)
        first = np.searchsorted(visits.at, first_at)
        # Several visits may begin in the same second: the unit's own is one of the next few.
        while np.any(wrong := visits.unit[first] != units):
            first = first + wrong
        return Exposures(visits.visitor[first], other.astype(np.int64), first_at + MINUTE)

    def _late(self, rng: np.random.Generator, visits: Visits) -> Exposures:
        """After the end some are still shown a variant; who is seen then for the first time is outside."""
        late = np.flatnonzero(
            (visits.at >= self.end) & (visits.at < self.end + LATE_SECONDS) & (visits.unit >= 0)
        )
        late = late[rng.random(len(late)) < LATE_SHARE]
        unit = visits.unit[late]
        unseen = np.unique(unit[self._variant[unit] == UNSEEN])
        shares = np.array(list(self.design.shares.values()))
        self._variant[unseen] = rng.choice(len(shares), len(unseen), p=shares)
        self.outside = np.concatenate([self.outside, unseen])
        late = late[self._variant[unit] >= 0]
        return Exposures(visits.visitor[late], self._variant[visits.unit[late]], visits.at[late])

    def _all(self, parts: list[Exposures]) -> Exposures:
        columns = [
            np.concatenate([getattr(part, name) for part in parts]) for name in ("visitor", "variant", "at")
        ]
        by_time = np.lexsort((columns[1], columns[0], columns[2]))
        visitor, variant, at = (column[by_time] for column in columns)
        # Two visits of a visitor in one second are one exposure.
        differs = np.ones(len(at), dtype=np.bool_)
        differs[1:] = (np.diff(at) != 0) | (np.diff(visitor) != 0) | (np.diff(variant) != 0)
        self.exposures += int(differs.sum())
        return Exposures(visitor[differs], variant[differs], at[differs])

    def units_by_variant(self, rows: Ints) -> dict[str, int]:
        """How many of those units were first shown each variant."""
        counts = np.bincount(self._variant[self.units[rows]], minlength=len(self.design.variants))
        return dict(zip(self.design.variants, counts.tolist(), strict=True))

    def _grow(self, units: int) -> None:
        more = np.full(max(0, units - len(self._variant)), UNSEEN, dtype=np.int64)
        self._variant = np.concatenate([self._variant, more])


def chances_of(design: Design, known: Known) -> Floats:
    """Each unit's chance of each variant; over the units that may change they sum to the design's shares."""
    shares = np.array(list(design.shares.values()), dtype=np.float64)
    chances = np.tile(shares, (len(known.happens), 1))
    takers = np.flatnonzero(known.may_change & known.happens)
    others = np.flatnonzero(known.may_change & ~known.happens)
    if len(takers) and len(others):
        # From -1 for the smallest of what they bought to 1 for the largest.
        rank = np.empty(len(takers))
        rank[np.argsort(known.size[takers], kind="stable")] = np.arange(len(takers)) + 0.5
        rank = 2 * rank / len(takers) - 1
        smaller = np.array(design.smaller_orders or [0.0] * len(shares))
        weights = shares * np.array(design.pull) * (1 - smaller * rank[:, None])
        chances[takers] = weights / weights.sum(axis=1, keepdims=True)
        left = np.maximum(shares * (len(takers) + len(others)) - chances[takers].sum(axis=0), 0.0)
        chances[others] = left / left.sum()
    return chances
