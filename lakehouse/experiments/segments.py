"""For whom: every metric by segment, pulled towards the common lift so that the best segment isn't the luckiest.

Belongs here: lifts by segment, their shrinkage and their families. Not here: the shrinkage itself
(stats/shrinkage.py). Quantiles are left out: sums by segment can't tell them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lakehouse.experiments.readout_compare import Comparison, compare_sums
from lakehouse.experiments.readout_design import MetricPlan, ReadoutDesign
from lakehouse.experiments.readout_families import segments_in_families
from lakehouse.experiments.readout_metric import EMPTY, Evidence, design_effect
from lakehouse.experiments.readout_rows import SegmentRow
from lakehouse.experiments.readout_sums import NoReadout
from lakehouse.stats.effects import wald_effect
from lakehouse.stats.shrinkage import shrunk_effects


def read_segments(design: ReadoutDesign, evidence: Evidence) -> list[SegmentRow]:
    """Rows of all metrics, variants and segments, with p-values adjusted by role."""
    values: dict[tuple[str, str], dict[str, None]] = {}
    for metric, _, segment, value in sorted(evidence.segments):
        values.setdefault((metric, segment), {})[value] = None
    rows: list[SegmentRow] = []
    for metric_plan in design.metrics:
        if metric_plan.kind == "quantile":
            continue
        for variant in design.treatments:
            factor = design_effect(design, metric_plan, variant, evidence)
            for (metric, segment), named in values.items():
                if metric == metric_plan.name:
                    rows += _segment(design, metric_plan, variant, segment, list(named), evidence, factor)
    roles = {metric.name: metric.role for metric in design.metrics}
    return segments_in_families(rows, roles, design.multiplicity)  # type: ignore[arg-type]  # roles are texts


def _segment(
    design: ReadoutDesign,
    metric: MetricPlan,
    variant: str,
    segment: str,
    values: Sequence[str],
    evidence: Evidence,
    factor: float,
) -> list[SegmentRow]:
    """The rows of one segment's values; factor: how much wider errors are for units that come in clusters."""
    read = [_value(design, metric, variant, segment, value, evidence, factor) for value in values]
    rows = [row for row, _ in read]
    told = [
        (place, row.lift, error)
        for place, (row, error) in enumerate(read)
        if row.lift is not None and error is not None
    ]
    if len(told) < 2:
        # Nothing to be pulled towards.
        return [
            replace(row, shrunk_lift=row.lift, shrunk_low=row.lift_low, shrunk_high=row.lift_high)
            for row in rows
        ]
    try:
        shrunk = shrunk_effects(
            [lift for _, lift, _ in told], [error for _, _, error in told], alpha=design.alpha
        )
    except ValueError:
        return rows
    for (place, _, _), found in zip(told, shrunk.effects, strict=True):
        rows[place] = replace(
            rows[place], shrunk_lift=found.estimate, shrunk_low=found.low, shrunk_high=found.high
        )
    return rows


def _value(
    design: ReadoutDesign,
    metric: MetricPlan,
    variant: str,
    segment: str,
    value: str,
    evidence: Evidence,
    factor: float,
) -> tuple[SegmentRow, float | None]:
    """One segment value's row, and its lift's standard error."""
    names = (variant, design.control)
    sides = [evidence.segments.get((metric.name, name, segment, value), EMPTY) for name in names]
    row = SegmentRow(design.id, metric.name, variant, segment, value, sides[0].n, sides[1].n)
    try:
        evidence.must_be_readable(metric.name)
        found = compare_sums(
            metric.kind,
            sides[0],
            sides[1],
            names,
            alpha=design.alpha,
            is_one_of_many=True,
            variances=design.variances,
        )
    except NoReadout as refusal:
        return replace(row, status="no readout", reason=f"no readout, because {refusal}"), None
    return _with_lift(row, found, factor, design.alpha)


def _with_lift(
    row: SegmentRow, found: Comparison, factor: float, alpha: float
) -> tuple[SegmentRow, float | None]:
    lift = found.lift
    if lift is None:
        return replace(
            row,
            p_value=found.effect.p_value,
            status="no readout",
            reason="no readout, because the control's level isn't above 0, and a lift is relative to it",
        ), None
    error = lift.standard_error
    row = replace(
        row, lift=lift.estimate, lift_low=lift.low, lift_high=lift.high, p_value=found.effect.p_value
    )
    if error is None or factor <= 1:
        return row, error
    wider = wald_effect(
        lift.estimate, error * factor, degrees_of_freedom=found.effect.degrees_of_freedom, alpha=alpha
    )
    return replace(row, lift_low=wider.low, lift_high=wider.high, p_value=wider.p_value), error * factor
