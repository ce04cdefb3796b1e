"""One metric of one variant, from sums to a row of exp_readout: everything but families and the verdict.

Belongs here: putting comparison, looks, belief, margin and power side by side, and which p-value decides. Not here:
their computation (readout_compare.py, readout_looks.py, readout_judge.py), other rows (readout_families.py,
readout.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from lakehouse.experiments.experiment import Handling
from lakehouse.experiments.readout_compare import Comparison, Crossed, compare_quantiles, compare_sums
from lakehouse.experiments.readout_design import ONE_DAY, MetricPlan, ReadoutDesign
from lakehouse.experiments.readout_judge import belief, margin_test, strength
from lakehouse.experiments.readout_looks import (
    DayOfSums,
    Estimate,
    Looked,
    any_time,
    any_time_p,
    look_days,
    planned_looks,
)
from lakehouse.experiments.readout_rows import ReadoutRow
from lakehouse.experiments.readout_sums import NoReadout, Sums
from lakehouse.stats.quantiles import QuantileEstimate

AggregateKey = tuple[str, str, str, str]
EMPTY = Sums(0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the tables hold of one experiment.

    aggregates: by metric, variant, handling, level. daily, quantiles: by metric and variant. segments: by metric,
    variant, segment and its value. crossed: by metric and variant, where clusters hold units of several variants.
    unmatched: metric -> its source, where no unit has a value in it.
    unreadable: why nothing may be read of a metric, whatever its sums say.
    """

    aggregates: Mapping[AggregateKey, Sums] = field(default_factory=dict)
    daily: Mapping[tuple[str, str], Mapping[date, Sums]] = field(default_factory=dict)
    segments: Mapping[tuple[str, str, str, str], Sums] = field(default_factory=dict)
    quantiles: Mapping[tuple[str, str], QuantileEstimate] = field(default_factory=dict)
    crossed: Mapping[tuple[str, str], Crossed] = field(default_factory=dict)
    unmatched: Mapping[str, str] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def must_be_readable(self, metric: str) -> None:
        """Raises NoReadout where it isn't."""
        if metric in self.unreadable:
            raise NoReadout(self.unreadable[metric])

    def sums(self, metric: str, variant: str, handling: Handling, *, is_clustered: bool) -> Sums:
        """The arm's sums, by cluster where the experiment is clustered."""
        key = (metric, variant, handling)
        if is_clustered and (*key, "cluster") in self.aggregates:
            return self.aggregates[*key, "cluster"]
        return self.aggregates.get((*key, "unit"), EMPTY)

    def days(self, metric: str, variant: str, control: str) -> dict[date, DayOfSums]:
        """Both arms' sums at the end of every day on which either is known; an arm keeps what it had."""
        sides = [self.daily.get((metric, name), {}) for name in (variant, control)]
        latest = [EMPTY, EMPTY]
        days: dict[date, DayOfSums] = {}
        for day in sorted({*sides[0], *sides[1]}):
            latest = [side.get(day, last) for side, last in zip(sides, latest, strict=True)]
            days[day] = DayOfSums(day, latest[0], latest[1])
        return days


def blank_row(design: ReadoutDesign, metric: MetricPlan, variant: str, reason: str) -> ReadoutRow:
    """The row of a metric that can't be read, and why."""
    return ReadoutRow(
        experiment_id=design.id,
        metric=metric.name,
        role=metric.role,
        kind=metric.kind,
        variant=variant,
        control=design.control,
        label=metric.label,
        direction=metric.direction,
        margin=metric.margin,
        status="no readout",
        reason=reason if reason.startswith("no readout") else f"no readout, because {reason}",
    )


def read_metric(
    design: ReadoutDesign, metric: MetricPlan, variant: str, evidence: Evidence, as_of: date
) -> ReadoutRow:
    """The metric's row for that variant; a reason instead of numbers where it can't be read."""
    units = [
        evidence.sums(metric.name, name, design.handling, is_clustered=False)
        for name in (variant, design.control)
    ]
    counted = {"n": units[0].n, "n_control": units[1].n, "immature": units[0].immature + units[1].immature}
    try:
        if metric.name in evidence.unmatched and all(side.n for side in units):
            raise NoReadout(
                f"no unit has a value in {evidence.unmatched[metric.name]}: are the ids there those of the exposures?"
            )
        comparison = compare(design, metric, variant, evidence, design.handling)
    except NoReadout as refusal:
        return replace(blank_row(design, metric, variant, str(refusal)), **counted)  # type: ignore[arg-type]  # counts
    sizes = (units[0].n, units[1].n)
    row = replace(blank_row(design, metric, variant, ""), **counted, status="ok", reason="")  # type: ignore[arg-type]  # counts
    row = _with_effect(row, comparison)
    row = _with_beliefs(design, metric, row, comparison, sizes)
    looked = looks_at(design, metric, variant, evidence, comparison, as_of)
    if looked is not None:
        row = replace(
            row,
            sequential_method=looked.method,
            sequential_low=looked.low,
            sequential_high=looked.high,
            sequential_p=looked.p_value,
            looks=looked.looks,
        )
    p, decided_by = decisive(design, row, comparison, sizes, is_over=is_complete(design, row, as_of))
    return replace(row, decisive_p=p, decided_by=decided_by)


def compare(
    design: ReadoutDesign, metric: MetricPlan, variant: str, evidence: Evidence, handling: Handling
) -> Comparison:
    """Variant against control with the method of the metric's kind. Raises NoReadout."""
    evidence.must_be_readable(metric.name)
    names = (variant, design.control)
    if metric.kind == "quantile":
        pair = [evidence.quantiles.get((metric.name, name)) for name in names]
        return compare_quantiles(metric.quantile or 0.5, pair[0], pair[1], names, alpha=design.alpha)
    sides = [evidence.sums(metric.name, name, handling, is_clustered=design.is_clustered) for name in names]
    crossed = evidence.crossed.get((metric.name, variant)) if handling == design.handling else None
    return compare_sums(
        metric.kind,
        sides[0],
        sides[1],
        names,
        alpha=design.alpha,
        with_twin=design.cuped and metric.has_covariate and crossed is None,
        crossed=crossed,
        variances=design.variances,
    )


def design_effect(design: ReadoutDesign, metric: MetricPlan, variant: str, evidence: Evidence) -> float:
    """Standard error by cluster over that by unit, at least 1: for sums that are kept by unit only."""
    if not design.is_clustered:
        return 1.0
    try:
        by_cluster = compare(design, metric, variant, evidence, design.handling)
        plain = replace(evidence, crossed={})
        by_unit = compare(replace(design, is_clustered=False), metric, variant, plain, design.handling)
    except NoReadout:
        return 1.0
    return max(1.0, by_cluster.effect.standard_error / by_unit.effect.standard_error)


def is_complete(design: ReadoutDesign, row: ReadoutRow, as_of: date) -> bool:
    """Whether every planned day has passed and no unit's window is still open."""
    return design.is_over(as_of) and row.immature == 0


def looks_at(
    design: ReadoutDesign,
    metric: MetricPlan,
    variant: str,
    evidence: Evidence,
    comparison: Comparison,
    as_of: date,
) -> Looked | None:
    """The interval that holds at every look, by the plan; None where there is no such plan, or no sums by day."""
    plan = design.sequential
    if plan.method == "none":
        return None
    has_days = metric.kind != "quantile" and not design.is_clustered
    days = evidence.days(metric.name, variant, design.control) if has_days else {}
    is_ratio = metric.kind == "ratio"
    if plan.method == "confidence_sequence":
        now = _estimate(comparison, (comparison.treatment.n, comparison.control.n))
        return any_time(
            [days[day] for day in sorted(days)],
            now,
            is_ratio=is_ratio,
            alpha=design.alpha,
            expected_units=plan.planned_units,
        )
    if design.start is None or design.end is None or not days:
        return None
    last = design.end - ONE_DAY + timedelta(days=metric.window_days or 0)
    try:
        return planned_looks(
            days,
            look_days(design.start, last, plan.looks),
            as_of,
            is_ratio=is_ratio,
            family=plan.spending,
            parameter=plan.parameter,
            alpha=design.alpha,
            planned_units=plan.planned_units,
        )
    except ValueError:
        return None


def decisive(
    design: ReadoutDesign, row: ReadoutRow, comparison: Comparison, sizes: tuple[int, int], *, is_over: bool
) -> tuple[float | None, str]:
    """The p-value that may be compared with alpha now, and what it is.

    With a sequential plan its own p-value. Without one, the planned end's test counts only at the end (adjusted for
    the time before, where that was planned and possible); until then only a p-value that holds at every look.
    """
    if row.sequential_p is not None:
        return row.sequential_p, "sequential"
    if design.sequential.method != "none" and not is_over:
        return None, "no look yet"
    if not is_over:
        return any_time_p(_estimate(comparison, sizes), design.alpha), "any time"
    if comparison.twin is not None:
        return comparison.twin.effect.p_value, "cuped"
    return comparison.effect.p_value, "fixed"


def _estimate(comparison: Comparison, sizes: tuple[int, int]) -> Estimate:
    effect = comparison.effect
    return Estimate(effect.estimate, effect.standard_error, max(2, sum(sizes)))


def _with_effect(row: ReadoutRow, comparison: Comparison) -> ReadoutRow:
    effect, lift, twin = comparison.effect, comparison.lift, comparison.twin
    row = replace(
        row,
        mean=comparison.treatment.mean,
        mean_control=comparison.control.mean,
        effect=effect.estimate,
        effect_low=effect.low,
        effect_high=effect.high,
        standard_error=effect.standard_error,
        lift=lift.estimate if lift else None,
        lift_low=lift.low if lift else None,
        lift_high=lift.high if lift else None,
        p_value=effect.p_value,
        method=comparison.method,
        lift_method=lift.method if lift else None,
    )
    if twin is None:
        return row
    return replace(
        row,
        cuped_effect=twin.effect.estimate,
        cuped_low=twin.effect.low,
        cuped_high=twin.effect.high,
        cuped_lift=twin.lift.estimate if twin.lift else None,
        cuped_lift_low=twin.lift.low if twin.lift else None,
        cuped_lift_high=twin.lift.high if twin.lift else None,
        cuped_p_value=twin.effect.p_value,
        variance_reduction=twin.variance_reduction,
    )


def _with_beliefs(
    design: ReadoutDesign, metric: MetricPlan, row: ReadoutRow, comparison: Comparison, sizes: tuple[int, int]
) -> ReadoutRow:
    believed = belief(_believed(design, comparison), metric.direction, metric.prior)
    tested = margin_test(comparison, metric.margin, metric.direction, design.alpha)
    found = strength(
        comparison,
        sizes,
        minimum_effect=design.minimum_effect,
        alpha=design.alpha,
        power=design.power,
        share=design.share_of(row.variant),
    )
    return replace(
        row,
        chance_to_win=believed.chance_to_win if believed else None,
        expected_loss=believed.expected_loss if believed else None,
        non_inferiority_p=tested.p_value if tested else None,
        required_n=found.required_n,
        current_power=found.current_power,
        minimum_detectable_lift=found.minimum_detectable_lift,
    )


def _believed(design: ReadoutDesign, comparison: Comparison) -> Comparison:
    """The comparison that the verdict rests on: a chance to win beside another effect would contradict it."""
    twin = comparison.twin
    if twin is None or design.sequential.method != "none":
        return comparison
    return replace(comparison, effect=twin.effect, lift=twin.lift, counts=None)
