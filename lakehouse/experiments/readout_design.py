"""What a readout is asked: one experiment's plan and the metrics it is judged by, as plain values.

Belongs here: the settings that statistics and verdicts depend on, and what follows from them and the calendar. Not
here: how they are written and checked in YAML (experiment.py, metric.py), nor any figure of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from lakehouse.experiments.experiment import Experiment, Handling, Role, Thresholds
from lakehouse.experiments.metric import Kind, Metric, Prior
from lakehouse.stats.spending import SpendingFamily

Direction = Literal["up", "down"]
QuasiDesign = Literal["difference_in_differences", "synthetic_control"]
ONE_DAY = timedelta(days=1)
# A quasi-experiment has no variants of its own: those that the treatment reached, and what they are compared with.
TREATED, UNTREATED = "treated", "untreated"


@dataclass(frozen=True, slots=True)
class MetricPlan:
    """A metric in its role; quantile: the probability of a quantile metric; margin: relative, of guardrails."""

    name: str
    label: str
    kind: Kind
    role: Role
    direction: Direction = "up"
    quantile: float | None = None
    window_days: int | None = None
    has_covariate: bool = False
    margin: float | None = None
    prior: Prior | None = None


@dataclass(frozen=True, slots=True)
class SequentialPlan:
    """How results may be looked at before the end; planned_units: of variant and control together."""

    method: Literal["none", "confidence_sequence", "group_sequential"] = "none"
    looks: int = 1
    spending: SpendingFamily = "obrien_fleming"
    parameter: float | None = None
    planned_units: float | None = None


@dataclass(frozen=True, slots=True)
class ReadoutDesign:
    """One experiment as planned; shares: of every variant, the control included. Days run from start to before end."""

    id: str
    name: str
    start: date | None
    end: date | None
    control: str
    shares: Mapping[str, float]
    metrics: tuple[MetricPlan, ...]
    quasi: QuasiDesign | None = None
    handling: Handling = "exclude"
    is_clustered: bool = False
    alpha: float = 0.05
    power: float = 0.8
    minimum_effect: float | None = None
    sequential: SequentialPlan = field(default_factory=SequentialPlan)
    multiplicity: str = "holm"
    cuped: bool = False
    variances: Literal["unequal", "equal"] = "unequal"
    control_units: Literal["never_treated", "not_yet_treated"] = "never_treated"
    aggregation: Literal["simple", "group", "dynamic", "calendar"] = "simple"
    estimator: Literal["default", "synthetic_did"] = "default"
    thresholds: Thresholds = field(default_factory=Thresholds)

    @property
    def treatments(self) -> list[str]:
        """Variants that are compared with the control."""
        return [variant for variant in self.shares if variant != self.control]

    @property
    def primary(self) -> MetricPlan | None:
        return next((metric for metric in self.metrics if metric.role == "primary"), None)

    def share_of(self, variant: str) -> float:
        """The variant's planned share of its own and the control's units."""
        both = self.shares.get(variant, 0.0) + self.shares.get(self.control, 0.0)
        return self.shares.get(variant, 0.0) / both if both > 0 else 0.5

    def last_day(self, as_of: date) -> date:
        """The last day of the experiment that the data can tell of."""
        return as_of if self.end is None else min(as_of, self.end - ONE_DAY)

    def is_over(self, as_of: date) -> bool:
        """Whether every planned day has passed; windows may still be open."""
        return self.end is None or as_of >= self.end - ONE_DAY


def design_of(experiment: Experiment, metrics: Mapping[str, Metric]) -> ReadoutDesign:
    """The registry's experiment and metrics as a readout takes them; a panel's numbered periods have no calendar."""
    roles, analysis = experiment.metrics.by_name, experiment.analysis
    measured = experiment.measured(dict(metrics))
    plan = analysis.sequential
    return ReadoutDesign(
        id=experiment.id,
        name=experiment.name,
        start=_day(experiment.start),
        end=_day(experiment.end),
        control=experiment.control or UNTREATED,
        shares=experiment.variants if experiment.is_randomized else {UNTREATED: 0.5, TREATED: 0.5},
        metrics=tuple(_metric_plan(name, metric, roles[name]) for name, metric in measured.items()),
        quasi=None if experiment.design == "randomized" else experiment.design,
        handling=experiment.eligibility.contamination,
        is_clustered=experiment.cluster is not None,
        alpha=analysis.alpha,
        power=analysis.power,
        minimum_effect=analysis.minimum_effect,
        sequential=SequentialPlan(plan.method, plan.looks, plan.spending, plan.parameter, plan.planned_units),
        multiplicity=analysis.multiplicity,
        cuped=analysis.cuped,
        variances=analysis.variances,
        control_units=analysis.controls,
        aggregation=analysis.aggregation,
        estimator=analysis.estimator,
        thresholds=analysis.thresholds,
    )


def _metric_plan(name: str, metric: Metric, role: Role) -> MetricPlan:
    return MetricPlan(
        name=name,
        label=metric.label,
        kind=metric.kind,
        role=role,
        direction=metric.direction,
        quantile=metric.quantile,
        window_days=metric.window_days,
        has_covariate=metric.has_covariate,
        margin=metric.margin,
        prior=metric.prior,
    )


def _day(value: int | date | None) -> date | None:
    return value if isinstance(value, date) else None
