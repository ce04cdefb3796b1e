"""One arm's sums of one metric, and what statistics make of them: moments and levels.

Belongs here: rows of exp_aggregate, exp_deep_dive and exp_daily as the readout sees them, and the plain-worded
refusals of sums from which nothing can be read. Not here: comparisons of two arms (readout_compare.py), and how
the sums come about (the tables' own modules).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lakehouse.stats.arms import Arm
from lakehouse.stats.clusters import cluster_arm
from lakehouse.stats.cuped import Adjusted, cuped
from lakehouse.stats.moments import Moments
from lakehouse.stats.ratios import linearised

Level = Literal["unit", "cluster"]

# y: numerator, d: denominator (units, where the metric has none), x and e: both parts' covariates.
VARIABLES = "ydxe"
SUM_COLUMNS = tuple(f"s_{name}" for name in VARIABLES)
PRODUCT_COLUMNS = tuple(a + b for place, a in enumerate(VARIABLES) for b in VARIABLES[place:])
# A covariate that carries less than this share of what its own rounding leaves is none.
NOTHING = 1e-300


class NoReadout(ValueError):
    """Nothing can be read, and the text says why, as the end of "no readout, because ..."."""


@dataclass(frozen=True, slots=True)
class Sums:
    """n units (or clusters) of one arm, the sums of their variables and of the variables' products.

    sums: by variable, products: by pair ("yd"); None where the table has none. immature: units whose window has not
    elapsed, which are not in n.
    """

    n: int
    immature: int = 0
    level: Level = "unit"
    sums: Mapping[str, float | None] = field(default_factory=dict)
    products: Mapping[str, float | None] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Sums:
        """From a row of exp_aggregate, exp_deep_dive or exp_daily, by column name."""
        return cls(
            n=int(row["n"] or 0),
            immature=int(row.get("immature") or 0),
            level="cluster" if row.get("level") == "cluster" else "unit",
            sums={name: number(row[f"s_{name}"]) for name in VARIABLES},
            products={pair: number(row[pair]) for pair in PRODUCT_COLUMNS},
        )

    def moments(self, variables: str) -> Moments:
        """Moments of the variables in that order; a variable may stand twice. Raises NoReadout."""
        totals = [self._finite(self.sums.get(name)) for name in variables]
        squares = [
            [self._finite(self.products.get(pair_of(first, second))) for second in variables]
            for first in variables
        ]
        return Moments.from_sums(self.n, totals, squares)

    def arm(self, *, is_ratio: bool) -> Arm:
        """The arm's level: a mean per unit, or a ratio of sums; by cluster where the sums are. Raises NoReadout."""
        self.check(is_ratio=is_ratio)
        if self.level == "cluster":
            return cluster_arm(self.moments("yd"))
        return linearised(self.moments("yd")).arm() if is_ratio else self.moments("y").arm()

    def check(self, *, is_ratio: bool) -> None:
        """Raises NoReadout for fewer than 2 units, sums that aren't finite and denominators that add up to nothing."""
        whom = "clusters" if self.level == "cluster" else "units"
        if self.n < 2:
            raise NoReadout(f"{_few(self.n, whom)}, and at least 2 are needed{self._waiting()}")
        if is_ratio or self.level == "cluster":
            total = self._finite(self.sums.get("d"))
            if not total > 0:
                raise NoReadout(f"has denominators that add up to {total:g}, and a ratio needs more than 0")
        self._finite(self.sums.get("y"))

    def adjustable(self, *, is_ratio: bool) -> Moments | None:
        """Moments of (outcome, covariate), as adjusting for the time before needs them; None without a covariate."""
        weight = "e" if is_ratio else "d"
        needed = [self.sums.get(name) for name in ("x", weight)] + [
            self.products.get(pair_of(first, second)) for first in ("y", "x") for second in ("d", "x", weight)
        ]
        if any(value is None or not math.isfinite(value) for value in needed):
            return None
        if self.level == "unit" and not is_ratio:
            return self.moments("yx")
        if not (self.sums.get(weight) or 0) > 0:
            return None
        return linearised(self.moments("yd" + "x" + weight))

    def _finite(self, value: float | None) -> float:
        if value is None or not math.isfinite(value):
            raise NoReadout(
                "has sums that are missing or infinite: a value in the source is too large or not a number"
            )
        return value

    def _waiting(self) -> str:
        return f" ({self.immature:,} more wait for their window to end)" if self.immature else ""


def adjusted(treatment: Sums, control: Sums, *, is_ratio: bool) -> Adjusted | None:
    """Both arms adjusted for the time before the experiment; None where there is nothing to adjust with."""
    one, other = treatment.adjustable(is_ratio=is_ratio), control.adjustable(is_ratio=is_ratio)
    if one is None or other is None or max(one.covariances[1][1], other.covariances[1][1]) <= NOTHING:
        return None
    try:
        return cuped(one, other)
    except ValueError:
        return None  # fewer than 4 units, or a covariate that explains everything


def pair_of(first: str, second: str) -> str:
    """The column of two variables' products, whose letters stand in the order of VARIABLES.

    >>> pair_of("d", "y")
    'yd'
    """
    return "".join(sorted((first, second), key=VARIABLES.index))


def number(value: Any) -> float | None:
    """A number of a table as a float; None stays None."""
    return None if value is None else float(value)


def in_words(refusal: ValueError) -> str:
    """What the statistics refuse, as the end of a sentence: their argument's name is nobody's business.

    >>> in_words(ValueError("outcome: expected variation beyond the model, found a perfect fit"))
    'which needs variation beyond the model, and found a perfect fit'
    """
    name, has_name, said = str(refusal).partition(": ")
    told = said if has_name and name.replace("_", "").isalnum() else str(refusal)
    expected, has_found, found = told.removeprefix("expected ").partition(", found ")
    return f"which needs {expected}, and found {found}" if has_found else f"which refuses them: {told}"


def _few(n: int, whom: str) -> str:
    return f"has no {whom}" if n == 0 else f"has {n} {whom[:-1] if n == 1 else whom}"
