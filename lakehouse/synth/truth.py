"""What is true of the generated company, and what was planted in its files: `ground_truth.json`.

Belongs here: the record and its reading and writing; each topic is a key of its own. Doesn't: the counting
(tally.py) or the planting (dirt.py).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class BadRow:
    """A planted row that breaks the contract. `line` counts from 1, and the header is line 1."""

    line: int
    kind: str


@dataclass(frozen=True, slots=True)
class LandedFile:
    """One landing file: `file` is its path below landing; rows = good + bad.

    copy_of: the file whose bytes it repeats. late_from: the earlier month that late rows belong to.
    """

    feed: str
    file: str
    rows: int
    good: int
    bad: tuple[BadRow, ...] = ()
    copy_of: str | None = None
    late_from: str | None = None


@dataclass(frozen=True, slots=True)
class OvertakenVersion:
    """A product version that lands in `file` below the newer version of `overtaken_by`."""

    product_id: str
    updated_at: str
    overtaken_by: str
    file: str


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """The whole truth, topic by topic. totals: the clean company, with money as decimal texts.

    experiments: each with its design, what was planted, the verdict to be expected, and the true effects on its
    metrics: the mean of each variant over all assignments that chance could have made, not of the one it made.
    anomalies: what went wrong in the company, and which KPIs show it (signs.py). promotions: those that the feed tells
    of. closed_days: days without any order.
    """

    plan: dict[str, Any]
    files: tuple[LandedFile, ...]
    out_of_order_versions: tuple[OvertakenVersion, ...]
    totals: dict[str, Any]
    experiments: tuple[dict[str, Any], ...] = ()
    anomalies: tuple[dict[str, Any], ...] = ()
    promotions: tuple[dict[str, Any], ...] = ()
    closed_days: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> GroundTruth:
        found = json.loads(path.read_text(encoding="utf-8"))
        files = tuple(
            LandedFile(**{**file, "bad": tuple(BadRow(**row) for row in file["bad"])})
            for file in found["files"]
        )
        overtaken = tuple(OvertakenVersion(**version) for version in found["out_of_order_versions"])
        topics = ("experiments", "anomalies", "promotions", "closed_days")
        lists = {topic: tuple(found.get(topic, ())) for topic in topics}
        return cls(found["plan"], files, overtaken, found["totals"], **lists)
