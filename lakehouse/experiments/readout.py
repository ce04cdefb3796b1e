"""From one experiment's sums to all of its rows: readout, segments, sensitivity, days, health.

Belongs here: the order of the steps, for randomized experiments and for the others. Not here: any step itself, and
reading or writing of tables (readout_tables.py, readout_build.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from lakehouse.experiments.health import (
    LateFeed,
    UnitCounts,
    failures,
    freshness,
    pre_trend,
    randomized_health,
)
from lakehouse.experiments.readout_daily import read_days
from lakehouse.experiments.readout_design import TREATED, ReadoutDesign
from lakehouse.experiments.readout_families import in_families
from lakehouse.experiments.readout_metric import Evidence, blank_row, read_metric
from lakehouse.experiments.readout_quasi import PanelRows, read_quasi
from lakehouse.experiments.readout_rows import (
    EffectRow,
    HealthRow,
    ReadoutRow,
    SegmentRow,
    SensitivityRow,
)
from lakehouse.experiments.readout_verdict import with_verdicts
from lakehouse.experiments.readout_words import excluded_words
from lakehouse.experiments.segments import read_segments
from lakehouse.experiments.sensitivity import flips, sensitivity


@dataclass(frozen=True, slots=True)
class Readout:
    """Everything that is said of one experiment."""

    rows: tuple[ReadoutRow, ...] = ()
    segments: tuple[SegmentRow, ...] = ()
    sensitivity: tuple[SensitivityRow, ...] = ()
    days: tuple[EffectRow, ...] = ()
    health: tuple[HealthRow, ...] = ()


def read_randomized(
    design: ReadoutDesign,
    evidence: Evidence,
    counts: UnitCounts,
    as_of: date,
    late: Sequence[LateFeed] = (),
) -> Readout:
    """The readout of a randomized experiment at the end of the as-of day."""
    health = randomized_health(design, counts, evidence, as_of, late)
    refusal = _refusal(design, counts, as_of)
    if refusal is not None:
        variants = design.treatments or [design.control]
        rows = [
            blank_row(design, metric, variant, refusal) for metric in design.metrics for variant in variants
        ]
        return Readout(tuple(with_verdicts(design, rows, failures(health), as_of, {})), health=tuple(health))
    read = [
        read_metric(design, metric, variant, evidence, as_of)
        for metric in design.metrics
        for variant in design.treatments
    ]
    rows = in_families(read, design.multiplicity)
    compared = sensitivity(design, rows, evidence, as_of)
    return Readout(
        rows=tuple(with_verdicts(design, rows, failures(health), as_of, flips(compared))),
        segments=tuple(read_segments(design, evidence)),
        sensitivity=tuple(compared),
        days=tuple(read_days(design, evidence, as_of)),
        health=tuple(health),
    )


def _refusal(design: ReadoutDesign, counts: UnitCounts, as_of: date) -> str | None:
    """Why nothing of the experiment can be read; None when something can."""
    if not design.treatments:
        return f"it has one variant only, {design.control}, and nothing to compare it with"
    if design.start is not None and as_of < design.start:
        return f"it starts on {design.start}, and the data reach to {as_of}"
    if not any(sum(variants.values()) for variants in counts.by_day.values()):
        total = sum(counts.excluded.values()) or counts.seen
        seen = f", and none of {total:,} seen is eligible" if total else ""
        why = f": {excluded_words(counts.excluded)}" if counts.excluded else ""
        return f"no eligible unit was exposed to it up to {design.last_day(as_of)}{seen}{why}"
    return None


def read_observed(
    design: ReadoutDesign,
    panels: Mapping[str, PanelRows],
    as_of: date,
    late: Sequence[LateFeed] = (),
    unreadable: Mapping[str, str] | None = None,
) -> Readout:
    """The readout of a quasi-experiment; panels: by metric. unreadable: why nothing may be read of a metric."""
    read: list[ReadoutRow] = []
    checked: HealthRow | None = None
    for metric in design.metrics:
        panel = panels.get(metric.name)
        refusal = (unreadable or {}).get(metric.name)
        if panel is None or refusal is not None:
            read.append(blank_row(design, metric, TREATED, refusal or "its panel has no rows"))
            continue
        row, check = read_quasi(design, metric, panel)
        read.append(row)
        checked = check if metric.role == "primary" else checked
    primary = design.primary
    if checked is None:
        checked = pre_trend(design.id, None, design.thresholds, primary.label if primary else design.name)
    health = [checked, freshness(design.id, late)]
    rows = in_families(read, design.multiplicity)
    return Readout(tuple(with_verdicts(design, rows, failures(health), as_of, {})), health=tuple(health))
