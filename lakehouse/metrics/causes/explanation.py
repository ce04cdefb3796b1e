"""What an explanation is: causes in order, or an abstention with its reason; and the rows of the table they become.

Belongs here: the frozen results, and their frame. Not here: how they are found (causes.py), their words (cause_words.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

Effect = Literal["mix", "rate", "volume", "joint"]
Verdict = Literal["causes", "broad change", "within noise"]
ROW_TYPES = {
    "rank": pl.Int64,
    "segment": pl.String,
    "effect": pl.String,
    "contribution": pl.Float64,
    "share": pl.Float64,
    "expected": pl.Float64,
    "actual": pl.Float64,
    "confidence": pl.Float64,
    "sentence": pl.String,
}


@dataclass(frozen=True, slots=True)
class Cause:
    """One segment that stands out.

    effect: volume (an amount), rate (a ratio within the segment), mix (the segment's share of the denominator), joint
    (both). expected, actual: the segment's amount, ratio or share before and after. contribution: what it added to the
    change of the whole, in the metric's unit; leaves of an earlier cause of the same effect aren't counted again, so that
    contributions and the rest sum to the change. share: of the change; None when that is 0. factor: by which the segment
    changed beside what changed everywhere. confidence: 1 less the chance that noise anywhere looks like this.
    """

    rank: int
    segment: tuple[tuple[str, str], ...]
    effect: Effect
    contribution: float
    share: float | None
    expected: float
    actual: float
    factor: float
    confidence: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Causes of one change, the largest contribution first, or why there is none.

    broad_factor: by which everything changed beside the causes; 1 when nothing did beyond noise. simpson: dimensions along
    which no segment's ratio moved the way of the whole.
    """

    expected: float
    actual: float
    causes: tuple[Cause, ...]
    verdict: Verdict
    reason: str
    broad_factor: float = 1.0
    simpson: tuple[str, ...] = ()

    @property
    def change(self) -> float:
        return self.actual - self.expected

    @property
    def rest(self) -> float:
        """What of the change no cause contributed."""
        return self.change - sum(cause.contribution for cause in self.causes)

    def frame(self) -> pl.DataFrame:
        """One row per cause, ROW_TYPES; no rows for an abstention."""
        rows = [
            {
                **{name: getattr(cause, name) for name in ROW_TYPES},
                "segment": ", ".join(f"{dimension}={value}" for dimension, value in cause.segment),
            }
            for cause in self.causes
        ]
        return pl.DataFrame(rows, schema=ROW_TYPES)
