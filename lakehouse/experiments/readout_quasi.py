"""Experiments without random assignment: what happened to treated units, against what would have happened.

Belongs here: the choice of estimator by a panel's shape (one date of adoption or several, many treated units or one),
and the check of the time before. Not here: the estimators (stats/), what few units do to them (readout_few_units.py),
their result as a row (readout_quasi_row.py), reading the panel (readout_tables.py), families and verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lakehouse.experiments.health import few_units, pre_fit, pre_trend
from lakehouse.experiments.readout_compare import TOO_LARGE
from lakehouse.experiments.readout_design import TREATED, MetricPlan, ReadoutDesign
from lakehouse.experiments.readout_few_units import are_few, cautious, degrees_of_freedom
from lakehouse.experiments.readout_metric import blank_row
from lakehouse.experiments.readout_quasi_row import QuasiResult, quasi_row
from lakehouse.experiments.readout_rows import HealthRow, ReadoutRow
from lakehouse.experiments.readout_sums import NoReadout, in_words
from lakehouse.stats.aggregation import aggregate
from lakehouse.stats.did import panel_did, two_by_two
from lakehouse.stats.effects import wald_effect
from lakehouse.stats.event_study import event_study
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.panel import WaldTest, fixed_effects_fit
from lakehouse.stats.staggered import group_time_effects
from lakehouse.stats.synthetic_control import synthetic_control
from lakehouse.stats.synthetic_did import SyntheticDid, block_did, synthetic_did

# The joint test of leads needs many more units than there are leads.
UNITS_PER_LEAD = 10


@dataclass(frozen=True, slots=True)
class PanelRows:
    """One metric's panel, a row per unit and period: adopted is infinite for units that never were treated."""

    unit: NDArray[np.str_]
    period: FloatArray
    adopted: FloatArray
    value: FloatArray


def read_quasi(
    design: ReadoutDesign, metric: MetricPlan, panel: PanelRows
) -> tuple[ReadoutRow, tuple[HealthRow, ...]]:
    """The metric's row of exp_readout, and its checks, of the time before first (none without a readout)."""
    try:
        result = estimate(design, metric, panel)
    except NoReadout as refusal:
        return blank_row(design, metric, TREATED, str(refusal)), ()
    except ValueError as refusal:
        told = f"the panel doesn't suit the method, {in_words(refusal)}"
        return blank_row(design, metric, TREATED, told), ()
    return quasi_row(design, metric, result), result.checks


def estimate(design: ReadoutDesign, metric: MetricPlan, panel: PanelRows) -> QuasiResult:
    """The effect by the design's method. Raises NoReadout, or ValueError from the statistics."""
    panel = _usable(panel)
    dates = np.unique(panel.adopted[np.isfinite(panel.adopted)])
    if design.quasi == "synthetic_control":
        if len(dates) > 1:
            raise NoReadout(f"units adopted at {len(dates)} different times: a synthetic control needs one")
        fit = synthetic_did if design.estimator == "synthetic_did" else None
        return _synthetic(design, metric, panel, float(dates[0]), fit)
    if len(dates) > 1:
        return _staggered(design, metric, panel)
    since = float(dates[0])
    treated, others = (_units(panel, kept) for kept in (np.isfinite(panel.adopted), np.isinf(panel.adopted)))
    if others < 2:
        never = "every unit was treated" if others == 0 else "1 unit only was never treated"
        raise NoReadout(f"{never}, and at least 2 that never were are needed to compare with")
    if treated < 2:
        return _synthetic(design, metric, panel, since, block_did)
    return _one_date(design, metric, panel, since)


def _usable(panel: PanelRows) -> PanelRows:
    """Rows with a value, of units not treated throughout; adoption after the last period is none. Raises NoReadout."""
    kept = np.isfinite(panel.value) & np.isfinite(panel.period)
    panel = _rows(panel, kept)
    if not len(panel.value):
        raise NoReadout("the panel has no rows with a value")
    if np.abs(panel.value).max() > TOO_LARGE:
        raise NoReadout("the panel has values that are too large to calculate with")
    first, last = panel.period.min(), panel.period.max()
    adopted = np.where(panel.adopted > last, math.inf, panel.adopted)
    panel = _rows(replace(panel, adopted=adopted), adopted > first)
    if not len(panel.value):
        raise NoReadout(
            "every unit was treated from the first period on, and nothing tells of the time before"
        )
    periods = len(np.unique(panel.period))
    if periods < 2:
        raise NoReadout(f"there {_periods(periods)} in the panel, and at least 2 are needed")
    if not np.isfinite(panel.adopted).any():
        raise NoReadout("no unit was treated after the first period and up to the last")
    return panel


def _one_date(design: ReadoutDesign, metric: MetricPlan, panel: PanelRows, since: float) -> QuasiResult:
    group = np.isfinite(panel.adopted).astype(np.float64)
    after = (panel.period >= since).astype(np.float64)
    sides = _units(panel, group > 0), _units(panel, group == 0)
    if len(np.unique(panel.period)) == 2:
        effect = two_by_two(panel.value, group, after, panel.unit, alpha=design.alpha).effect
        method, p = "difference in differences of four means, errors clustered by unit", None
    else:
        effect = panel_did(panel.value, group * after, panel.unit, panel.period, alpha=design.alpha)
        method = "difference in differences with effects of unit and period, errors clustered by unit"
        first_treated = float(panel.period[after > 0].min())
        study = event_study(panel.value, group, panel.unit, panel.period, first_treated, alpha=design.alpha)
        leads = sum(1 for point in study.effects if point.event_time < 0)
        p = _trend_p(panel, study.pre_trend, leads, sides)
    level = float(panel.value[(group * after) > 0].mean())
    return _judged(design, metric, QuasiResult(effect, level, sides, method), p, sides)


def _staggered(design: ReadoutDesign, metric: MetricPlan, panel: PanelRows) -> QuasiResult:
    outcomes, periods, adopted = _matrix(panel)
    has_never = bool(np.isinf(adopted).any())
    controls = design.control_units if has_never else "not_yet_treated"
    found = group_time_effects(outcomes, periods, adopted, control_group=controls, alpha=design.alpha)
    total = aggregate(found, design.aggregation)
    is_after = periods[None, :] >= adopted[:, None]
    named = controls.replace("_", " ")
    leads = sum(1 for point in found.effects if point.period < point.group)
    treated, never = int(np.isfinite(adopted).sum()), int(np.isinf(adopted).sum())
    # Units that are treated later are controls until then.
    later = never if controls == "never_treated" else int((adopted > adopted.min()).sum())
    result = QuasiResult(
        total.effect,
        float(outcomes[is_after].mean()),
        (treated, never),
        f"effects by group and time against {named} units, {design.aggregation} average",
    )
    p = _trend_p(panel, found.pre_trend, leads, (treated, later))
    return _judged(design, metric, result, p, (treated, later))


def _judged(
    design: ReadoutDesign, metric: MetricPlan, result: QuasiResult, p: float | None, sides: tuple[int, int]
) -> QuasiResult:
    """The result with its checks; with few units on a side, judged with all the doubt that they leave."""
    checks = (pre_trend(design.id, p, design.thresholds, metric.label), few_units(design.id, sides))
    if not are_few(sides):
        return replace(result, checks=checks)
    effect = cautious(result.effect, sides, design.alpha)
    told = f"{result.method}, t with {degrees_of_freedom(sides):.0f} degrees of freedom for few units"
    return replace(result, effect=effect, method=told, checks=checks)


def _trend_p(panel: PanelRows, joint: WaldTest | None, leads: int, sides: tuple[int, int]) -> float | None:
    """P-value of the trends before adoption having been parallel; None where nothing can be told.

    The joint test of all leads when there are units enough for so many; with few it rejects far too often, and the
    difference of the linear trends is tested instead: one number, from units - 1 degrees of freedom, or from those of
    the smaller side where that is small.
    """
    units = len(np.unique(panel.unit))
    if joint is not None and leads * UNITS_PER_LEAD <= units and not are_few(sides):
        return joint.p_value
    last = panel.adopted[np.isfinite(panel.adopted)].max()
    before = _rows(panel, (panel.period < panel.adopted) & (panel.period < last))
    if len(np.unique(before.period)) < 2:
        return None
    steps = (before.period - before.period.mean()) * np.isfinite(before.adopted)
    try:
        fit = fixed_effects_fit(before.value, steps[:, None], before.unit, before.period)
        error = math.sqrt(fit.covariance[0, 0])
        freedom = degrees_of_freedom(sides) if are_few(sides) else fit.degrees_of_freedom
        return wald_effect(float(fit.estimates[0]), error, degrees_of_freedom=freedom).p_value
    except ValueError:
        return None


def _synthetic(
    design: ReadoutDesign,
    metric: MetricPlan,
    panel: PanelRows,
    since: float,
    fit: Callable[..., SyntheticDid] | None,
) -> QuasiResult:
    """A block of treated and untreated units; fit None is the synthetic control proper."""
    outcomes, periods, adopted = _matrix(panel)
    group = np.isfinite(adopted).astype(np.float64)
    before = int((periods < since).sum())
    treated = outcomes[group > 0]
    units = (int(group.sum()), int((1 - group).sum()))
    if before < 2:
        raise NoReadout(f"there {_periods(before)} before the treatment, and at least 2 are needed")
    if units[1] < units[0] + 2:
        raise NoReadout(
            f"of the units with a value in every period {units[0]:,} were treated and {units[1]:,} were not, and at "
            "least 2 more untreated than treated ones are needed"
        )
    level = float(treated[:, before:].mean())
    if fit is None:
        found = synthetic_control(outcomes, group, before, alpha=design.alpha)
        check = pre_fit(design.id, found.rmspe_before, float(treated[:, :before].mean()), metric.label)
        # The test is by rank, as its authors' is; the placebos' spread gives the interval, which needs a normal shape.
        tried = len(found.placebos)
        method = f"synthetic control, rank among {tried:,} placebos (p is at least {1 / (tried + 1):.3f}), interval by their spread"
        effect = replace(found.effect, p_value=found.placebo_p_value)
        return QuasiResult(effect, level, units, method, (check,))
    other = fit(outcomes, group, before, alpha=design.alpha)
    name = (
        "synthetic difference in differences"
        if fit is synthetic_did
        else "difference in differences, errors by placebo"
    )
    trend = pre_trend(design.id, None, design.thresholds, metric.label)
    method = f"{name} (placebo rank p {other.placebo_p_value:.3f})"
    return QuasiResult(other.effect, level, units, method, (trend,))


def _matrix(panel: PanelRows) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Units with a value in every period: values (units x periods), periods, and each unit's adoption."""
    units, rows = np.unique(panel.unit, return_inverse=True)
    periods, columns = np.unique(panel.period, return_inverse=True)
    if len(np.unique(rows * len(periods) + columns)) < len(rows):
        raise NoReadout("a unit has several rows in one period, and one is needed")
    values = np.full((len(units), len(periods)), np.nan)
    values[rows, columns] = panel.value
    adopted = np.full(len(units), math.inf)
    adopted[rows] = panel.adopted
    whole = np.isfinite(values).all(axis=1)
    if not np.isfinite(adopted[whole]).any():
        raise NoReadout("no treated unit has a value in every period")
    return values[whole], np.asarray(periods, dtype=np.float64), adopted[whole]


def _periods(count: int) -> str:
    return "is 1 period" if count == 1 else f"are {count} periods"


def _rows(panel: PanelRows, kept: NDArray[np.bool_]) -> PanelRows:
    return PanelRows(panel.unit[kept], panel.period[kept], panel.adopted[kept], panel.value[kept])


def _units(panel: PanelRows, kept: NDArray[np.bool_]) -> int:
    return len(np.unique(panel.unit[kept]))
