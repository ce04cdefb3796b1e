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
from lakehouse.experiments.readout_design import ONE_DAY, TREATED, ReadoutDesign
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
    # Where nobody saw two variants every handling is the same, however errors are reckoned under it.
    fragile = flips(compared) if counts.contaminated else {}
    return Readout(
        rows=tuple(with_verdicts(design, rows, failures(health), as_of, fragile)),
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
        return f"no eligible unit was exposed to it up to {design.last_day(as_of)}{_left_out(design, counts)}"
    return None


def _left_out(design: ReadoutDesign, counts: UnitCounts) -> str:
    """What became of the units that were seen, and what to look at."""
    told = [f"{count:,} {_because(design, counts, reason)}" for reason, count in counts.left_out.items()]
    if told:
        return f", and of all that were seen {'; '.join(told)}"
    if counts.seen:
        return f", and none of {counts.seen:,} seen is eligible"
    return f": no exposure carries its id, {design.id}"


def _because(design: ReadoutDesign, counts: UnitCounts, reason: str) -> str:
    if reason == "unknown_variant":
        return (
            f"saw a variant that the experiment doesn't name (seen: {', '.join(counts.unknown)}; "
            f"named: {', '.join(design.shares)})"
        )
    if reason == "outside_window":
        last = design.end - ONE_DAY if design.end else "its end"
        return f"were exposed outside of its days, {design.start} to {last}"
    told = {
        "bot_or_internal": "are crawlers or the shop's own",
        "no_customer": "are no known customer",
        "existing_customer": "were customers before",
        "contaminated": "saw several variants",
    }
    return told.get(reason, f"are left out by its {reason}")


def read_observed(
    design: ReadoutDesign,
    panels: Mapping[str, PanelRows],
    as_of: date,
    late: Sequence[LateFeed] = (),
    unreadable: Mapping[str, str] | None = None,
) -> Readout:
    """The readout of a quasi-experiment; panels: by metric. unreadable: why nothing may be read of a metric."""
    read: list[ReadoutRow] = []
    checked: tuple[HealthRow, ...] = ()
    for metric in design.metrics:
        panel = panels.get(metric.name)
        refusal = (unreadable or {}).get(metric.name)
        if panel is None or refusal is not None:
            read.append(blank_row(design, metric, TREATED, refusal or "its panel has no rows"))
            continue
        row, checks = read_quasi(design, metric, panel)
        read.append(row)
        checked = checks if metric.role == "primary" else checked
    primary = design.primary
    if not checked:
        label = primary.label if primary else design.name
        checked = (pre_trend(design.id, None, design.thresholds, label),)
    health = [*checked, freshness(design.id, late)]
    rows = in_families(read, design.multiplicity)
    return Readout(tuple(with_verdicts(design, rows, failures(health), as_of, {})), health=tuple(health))
