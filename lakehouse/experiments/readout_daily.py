"""The primary metric's lift as it stood at the end of each day: the rows of exp_effect_daily.

Belongs here: every day's comparison put beside the interval that held at that day's look. Not here: the comparison
(readout_compare.py), the looks (readout_looks.py), and the verdict, which never rests on a single day's row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from lakehouse.experiments.readout_compare import Lift, compare_sums
from lakehouse.experiments.readout_design import ONE_DAY, MetricPlan, ReadoutDesign
from lakehouse.experiments.readout_looks import DayOfSums, Looked, any_time, look_days, planned_looks
from lakehouse.experiments.readout_metric import Evidence, design_effect
from lakehouse.experiments.readout_rows import EffectRow
from lakehouse.experiments.readout_sums import NoReadout
from lakehouse.stats.effects import wald_effect


def read_days(design: ReadoutDesign, evidence: Evidence, as_of: date) -> list[EffectRow]:
    """One row per variant and day on which both arms are known; none for quantiles, which sums can't tell.

    evidence: with the primary metric's sums by day.
    """
    primary = design.primary
    if primary is None or primary.kind == "quantile" or primary.name in evidence.unreadable:
        return []
    rows: list[EffectRow] = []
    for variant in design.treatments:
        known = evidence.days(primary.name, variant, design.control)
        days = [known[day] for day in sorted(known)]
        looks = _looks(design, primary, days, as_of)
        factor = design_effect(design, primary, variant, evidence)
        rows += [
            _row(design, primary, variant, day, look, factor) for day, look in zip(days, looks, strict=True)
        ]
    return rows


def _row(
    design: ReadoutDesign,
    metric: MetricPlan,
    variant: str,
    day: DayOfSums,
    look: Looked | None,
    factor: float,
) -> EffectRow:
    row = EffectRow(design.id, metric.name, variant, day.day, day.treatment.n, day.control.n)
    names = (variant, design.control)
    try:
        # Of a day only the lift is told: no exact test needs to take its time.
        found = compare_sums(
            metric.kind,
            day.treatment,
            day.control,
            names,
            alpha=design.alpha,
            is_one_of_many=True,
            variances=design.variances,
        )
    except NoReadout:
        return row
    if found.lift is None:
        return row
    lift = _widened(found.lift, found.effect.degrees_of_freedom, factor, design.alpha)
    row = replace(row, lift=lift.estimate, low=lift.low, high=lift.high)
    if look is None:
        return row
    # The looks are at the absolute effect; the control's level of the day makes them a lift.
    level = found.control.mean
    return replace(
        row,
        sequential_low=None if look.low is None else look.low / level,
        sequential_high=None if look.high is None else look.high / level,
    )


def _widened(lift: Lift, degrees_of_freedom: float, factor: float, alpha: float) -> Lift:
    """Sums by day are by unit; factor: how much wider errors are for units that come in clusters."""
    if lift.standard_error is None or factor <= 1:
        return lift
    wider = wald_effect(
        lift.estimate, lift.standard_error * factor, degrees_of_freedom=degrees_of_freedom, alpha=alpha
    )
    return replace(lift, low=wider.low, high=wider.high)


def _looks(
    design: ReadoutDesign, metric: MetricPlan, days: Sequence[DayOfSums], as_of: date
) -> list[Looked | None]:
    """What the looks up to each day say by the plan; as in the readout, nothing where units come in clusters."""
    plan = design.sequential
    if plan.method == "none" or design.is_clustered:
        return [None] * len(days)
    is_ratio = metric.kind == "ratio"
    if plan.method == "confidence_sequence":
        return [
            any_time(
                days[: place + 1],
                None,
                is_ratio=is_ratio,
                alpha=design.alpha,
                expected_units=plan.planned_units,
            )
            for place in range(len(days))
        ]
    return _planned(design, metric, days, as_of)


def _planned(
    design: ReadoutDesign, metric: MetricPlan, days: Sequence[DayOfSums], as_of: date
) -> list[Looked | None]:
    """Between two looks nobody looks: a day has what the latest one said, and the last day stands until the as-of day."""
    plan = design.sequential
    if design.start is None or design.end is None:
        return [None] * len(days)
    last = design.end - ONE_DAY + timedelta(days=metric.window_days or 0)
    calendar = look_days(design.start, last, plan.looks)
    known = {day.day: day for day in days}
    told: dict[date, Looked | None] = {}
    for due in calendar:
        if due > as_of:
            break
        try:
            told[due] = planned_looks(
                known,
                calendar,
                due,
                is_ratio=metric.kind == "ratio",
                family=plan.spending,
                parameter=plan.parameter,
                alpha=design.alpha,
                planned_units=plan.planned_units,
            )
        except ValueError:
            told[due] = None
    until = [day.day for day in days[:-1]] + [as_of for _ in days[-1:]]
    return [
        next((told[due] for due in reversed(calendar) if due in told and due <= end), None) for end in until
    ]
