"""How well troubles were found: F1 by episode and false alerts per series and year.

Belongs here: matching alerts with troubles. Not here: series or detectors.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.signals.detectors import Spans
from benchmarks.signals.kpis import UNTOUCHED, Injected

# What begins within three days of a trouble's end is its echo, and tells of it.
ECHO = 3


def is_of(start: int, end: int, trouble: Injected) -> bool:
    """Whether an alert over the days [start, end) tells of the trouble."""
    return start < trouble.end + ECHO and end > trouble.start


@dataclass(slots=True)
class Score:
    """Counts that add up over series; by_kind: found and put in."""

    found: int = 0
    missed: int = 0
    false: int = 0
    right: int = 0
    years: float = 0.0
    by_kind: dict[str, list[int]] = field(default_factory=dict)

    def add(self, spans: Spans, troubles: tuple[Injected, ...], years: float) -> None:
        judged = [span for span in spans if span[1] > UNTOUCHED]
        hits = set()
        for start, end in judged:
            near = {i for i, trouble in enumerate(troubles) if is_of(start, end, trouble)}
            hits |= near
            self.right += bool(near)
            self.false += not near
        for i, trouble in enumerate(troubles):
            tally = self.by_kind.setdefault(trouble.kind, [0, 0])
            tally[0] += i in hits
            tally[1] += 1
        self.found += len(hits)
        self.missed += len(troubles) - len(hits)
        self.years += years

    @property
    def precision(self) -> float:
        return self.right / max(self.right + self.false, 1)

    @property
    def recall(self) -> float:
        return self.found / max(self.found + self.missed, 1)

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    @property
    def false_per_year(self) -> float:
        return self.false / self.years if self.years else 0.0
