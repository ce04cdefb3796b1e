"""Would the verdict be another one, had units that saw several variants been handled differently?

Belongs here: the primary metric under the three handlings side by side, and whether the decision flips. Not here:
the decision rule (decision.py); guardrails and health are left out, as they don't depend on the handling asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from lakehouse.experiments.decision import Case, decide
from lakehouse.experiments.experiment import HANDLINGS, Handling
from lakehouse.experiments.readout_design import ReadoutDesign, SequentialPlan
from lakehouse.experiments.readout_families import in_families
from lakehouse.experiments.readout_metric import Evidence, design_effect, read_metric
from lakehouse.experiments.readout_rows import ReadoutRow, SensitivityRow
from lakehouse.experiments.readout_verdict import primary_reading
from lakehouse.stats.effects import wald_effect


def sensitivity(
    design: ReadoutDesign, rows: Sequence[ReadoutRow], evidence: Evidence, as_of: date
) -> list[SensitivityRow]:
    """One row per variant and handling that has units; rows: the experiment's own readout.

    A sequential plan's bound is the one of the readout, in standard errors, for every handling alike.
    """
    primary = design.primary
    if primary is None or primary.kind == "quantile":
        return []
    known = {handling for metric, _, handling, _ in evidence.aggregates if metric == primary.name}
    main = {row.variant: row for row in rows if row.role == "primary"}
    found: list[SensitivityRow] = []
    for handling in HANDLINGS:
        if handling not in known:
            continue
        found += _under(design, handling, evidence, main, as_of)
    return sorted(found, key=lambda row: design.treatments.index(row.variant))


def flips(rows: Sequence[SensitivityRow]) -> dict[str, bool]:
    """Per variant whether its decision differs between handlings."""
    decisions: dict[str, set[str | None]] = {}
    for row in rows:
        decisions.setdefault(row.variant, set()).add(row.decision)
    return {variant: len(told) > 1 for variant, told in decisions.items()}


def _under(
    design: ReadoutDesign,
    handling: Handling,
    evidence: Evidence,
    main: dict[str, ReadoutRow],
    as_of: date,
) -> list[SensitivityRow]:
    primary = design.primary
    assert primary is not None  # noqa: S101  # the caller has looked; for the type checker
    one_look = replace(design, handling=handling, sequential=SequentialPlan())
    if handling != design.handling:
        # Sums by cluster are kept under the experiment's own handling only.
        one_look = replace(one_look, is_clustered=False)
    read = [
        _widened(design, read_metric(one_look, primary, variant, evidence, as_of), handling, evidence)
        for variant in design.treatments
    ]
    judged = [_by_bound(design, row, main.get(row.variant)) for row in in_families(read, design.multiplicity)]
    return [
        SensitivityRow(
            experiment_id=design.id,
            variant=row.variant,
            handling=handling,
            n=row.n,
            n_control=row.n_control,
            lift=row.lift,
            lift_low=row.lift_low,
            lift_high=row.lift_high,
            p_value=row.p_value,
            decision=(
                decide(Case(primary=primary_reading(design, row, as_of))).verdict
                if row.status == "ok"
                else None
            ),
        )
        for row in judged
    ]


def _widened(design: ReadoutDesign, row: ReadoutRow, handling: Handling, evidence: Evidence) -> ReadoutRow:
    """Errors by unit, made as much wider as clusters make those of the experiment's own handling."""
    primary = design.primary
    if not design.is_clustered or handling == design.handling or primary is None or row.status != "ok":
        return row
    factor = design_effect(design, primary, row.variant, evidence)
    if factor <= 1 or row.effect is None or not row.standard_error:
        return row
    wider = wald_effect(row.effect, row.standard_error * factor, alpha=design.alpha)
    return replace(
        row,
        standard_error=wider.standard_error,
        effect_low=wider.low,
        effect_high=wider.high,
        lift_low=_stretched(row.lift, row.lift_low, factor),
        lift_high=_stretched(row.lift, row.lift_high, factor),
        p_value=wider.p_value,
        decisive_p=wider.p_value,
        decided_by="fixed" if row.decided_by == "cuped" else row.decided_by,
    )


def _stretched(centre: float | None, bound: float | None, factor: float) -> float | None:
    return None if centre is None or bound is None else centre + (bound - centre) * factor


def _by_bound(design: ReadoutDesign, row: ReadoutRow, main: ReadoutRow | None) -> ReadoutRow:
    """The row judged by the readout's sequential bound, where the readout has one."""
    if main is None or main.decided_by != "sequential" or row.effect is None or not row.standard_error:
        return row
    if main.sequential_low is None or main.sequential_high is None or not main.standard_error:
        return replace(row, decisive_p=1.0, decided_by="sequential")
    reach = (main.sequential_high - main.sequential_low) / 2 / main.standard_error * row.standard_error
    is_beyond = abs(row.effect) >= reach
    return replace(
        row,
        decisive_p=design.alpha if is_beyond else 1.0,
        decided_by="sequential",
        sequential_low=row.effect - reach,
        sequential_high=row.effect + reach,
        looks=main.looks,
    )
