"""What is planted beside the clean company: bad rows, re-sent files, late rows, overtaken product versions.

Belongs here: how much, where and when. Doesn't: what a bad row looks like (spoil.py), the writing (write.py).
Nothing here changes the clean company: bad rows are added to it, re-sent files repeat it, and what comes late
or out of order comes once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakehouse.synth.catalogue import Versions
from lakehouse.synth.plan import Bools, GeneratorPlan, Ints, Month
from lakehouse.synth.spoil import SPOILERS, spoil
from lakehouse.synth.truth import BadRow

#: Feeds of events, whose rows may land in a later file without another meaning.
LATE_FEEDS = ("orders", "order_items", "returns", "inventory_movements", "web_events", "bookings")
#: Share of a month's rows that come late, in the months chosen for it.
LATE_ROWS = 0.04


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A file's text with bad rows between the good ones."""

    text: bytes
    bad: tuple[BadRow, ...]


class Dirt:
    """Decides what is planted where; with a share of 0 it plants nothing."""

    def __init__(self, plan: GeneratorPlan) -> None:
        self._plan = plan
        self._months = sum(1 for _ in plan.months())
        self._planted = 0

    def is_resent(self, feed: str, month: Month) -> bool:
        return feed in SPOILERS and month.index in self._chosen(f"resent {feed}", self._months)

    def comes_late(self, feed: str, month: Month, may: Bools) -> Bools:
        """Which rows of the month's file land one file later; the last month has no later file."""
        late = np.zeros(len(may), dtype=np.bool_)
        candidates = np.flatnonzero(may)
        is_chosen = month.index in self._chosen(f"late {feed}", self._months - 1)
        if feed in LATE_FEEDS and is_chosen and len(candidates):
            rng = self._plan.stream(f"late rows {feed}", month.index)
            late[rng.choice(candidates, int(np.ceil(len(candidates) * LATE_ROWS)), replace=False)] = True
        return late

    def _chosen(self, purpose: str, months: int) -> Ints:
        """The months in which something is planted: the plan's share of them, and at least one."""
        count = min(months, int(np.ceil(months * self._plan.dirt)))
        return self._plan.stream(purpose).choice(max(months, 1), count, replace=False).astype(np.int64)

    def bad_rows(self, feed: str, file: str, rows: int) -> int:
        """How many bad rows a file of so many good ones gets; the fraction is left to chance."""
        if self._plan.dirt == 0 or feed not in SPOILERS:
            return 0
        return int(rows * self._plan.dirt + self._plan.stream(f"bad rows {file}").random())

    def plant(self, feed: str, file: str, text: bytes, count: int) -> Spoilt:
        """Spread `count` bad rows over the file, the feed's kinds in turn."""
        rng = self._plan.stream(f"bad places {file}")
        ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n")) + 1
        header, goods = text[: ends[0]], len(ends) - 1
        before = np.sort(rng.integers(0, goods + 1, count))
        models = rng.integers(0, goods, count)
        pieces: list[bytes] = []
        bad: list[BadRow] = []
        done = 0
        for i in range(count):
            spoiler = SPOILERS[feed][self._planted % len(SPOILERS[feed])]
            self._planted += 1
            model = text[ends[models[i]] : ends[models[i] + 1]]
            end = int(ends[before[i]])
            pieces += [text[done:end], spoil(feed, header, model, spoiler, f"X{self._planted:09d}")]
            done = end
            bad.append(BadRow(line=int(before[i]) + i + 2, kind=spoiler.kind))
        return Spoilt(b"".join([*pieces, text[done:]]), tuple(bad))

    def overtaken(self, versions: Versions, month_of: Ints) -> Ints:
        """For each version the position of the newer one it lands behind, or -1 when it lands in time."""
        overtaker = np.full(len(versions.product), -1, dtype=np.int64)
        by_product = np.lexsort((versions.at, versions.product))
        older, newer = by_product[:-1], by_product[1:]
        pairs = (versions.product[older] == versions.product[newer]) & (month_of[older] < month_of[newer])
        # One per product, so that no overtaker is itself held back.
        _, firsts = np.unique(versions.product[older[pairs]], return_index=True)
        candidates = np.flatnonzero(pairs)[firsts]
        count = min(len(candidates), int(np.ceil(len(versions.product) * self._plan.dirt)))
        chosen = self._plan.stream("overtaken").permutation(candidates)[:count]
        overtaker[older[chosen]] = newer[chosen]
        return overtaker
