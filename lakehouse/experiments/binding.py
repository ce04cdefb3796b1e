"""Whether the lake has what experiments read: tables, columns, ids; and SQL for DuckDB to judge the types.

Belongs here: making plans of the registry, with every mistake told by file, key and the nearest right name. Not here:
what one YAML file alone gets wrong (experiment.py, metric.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakehouse.configuration import Problem, describe
from lakehouse.experiments.experiment import Experiment
from lakehouse.experiments.load import Registry
from lakehouse.experiments.metric import Metric
from lakehouse.experiments.plan import (
    BOT_FLAGS,
    CUSTOMERS,
    KNOWN_OF_UNITS,
    VISITORS,
    Ids,
    Lake,
    Measure,
    Plan,
    ids_in,
)
from lakehouse.sql_text import identifier
from lakehouse.warehouse.binding import Statement
from lakehouse.warehouse.expressions import columns_of, per_row
from lakehouse.warehouse.fitting import Fitting, quoted

IN_A_FILE = (
    "Or say which table of a file holds it: attributes: {source: stg_..., unit: the column of ids there}."
)
OF_UNITS = (
    "A unit's value is a number or a truth: sum(amount), bool_or(is_bought), count_if(answer = 'yes'), "
    "avg(case when is_bought then 1 else 0 end)."
)


@dataclass(slots=True)
class Findings(Fitting):
    """Plans of the experiments that fit, problems of the others, and statements to try on empty tables."""

    plans: list[Plan] = field(default_factory=list)


def plan_experiments(registry: Registry, lake: Lake) -> Findings:
    """Plans of all experiments of the registry."""
    findings = Findings()
    for name, metric in registry.metrics.items():
        _metric(findings, registry.shown[name], name, metric, metric.source, lake)
    for experiment in registry.experiments.values():
        before = len(findings.problems)
        for name, metric in experiment.define.items():
            source = metric.source or (experiment.panel.source if experiment.panel else None)
            _metric(findings, experiment.shown, f"define.{name}", metric, source, lake)
        attributes = _attributes(findings, experiment, lake) if experiment.is_randomized else {}
        if experiment.panel is not None:
            _panel(findings, experiment, registry.metrics, lake)
        measures = [
            _measure(findings, experiment, name, one, lake) for name, one in _used(experiment, registry)
        ]
        if len(findings.problems) == before:
            measured = tuple(one for one in measures if one is not None)
            findings.plans.append(Plan(experiment, measured, attributes))
    return findings


def _used(experiment: Experiment, registry: Registry) -> list[tuple[str, Metric]]:
    return list(experiment.measured(registry.metrics).items())


def _metric(findings: Findings, shown: str, key: str, metric: Metric, source: str | None, lake: Lake) -> None:
    """A metric's own source, columns and SQL."""
    # A common metric without a source is for panels, which bring their own.
    if source is None:
        return
    if not findings.has_table(shown, f"{key}.source", source, lake.columns):
        return
    for name, text in metric.expressions.items():
        tree = findings.tree(shown, f"{key}.{name}", text, source, lake.columns[source], is_aggregate=True)
        if tree is not None:
            # A number or a truth can be compared with 0; a text, which would fail on the first row, can't.
            tried = f"({quoted(tree)}) > 0"
            findings.tried(shown, f"{key}.{name}", tried, source, OF_UNITS)
    for name in ("time", "unit"):
        column = getattr(metric, name)
        if column is not None:
            findings.has_column(shown, f"{key}.{name}", column, source, lake.columns[source])
    if metric.time is not None and metric.time in lake.columns[source]:
        # Fails on whatever is no date and no timestamp.
        tried = f"date_trunc('day', {identifier(metric.time)})"
        findings.tried(shown, f"{key}.time", tried, source)


def _measure(
    findings: Findings, experiment: Experiment, name: str, metric: Metric, lake: Lake
) -> Measure | None:
    role = experiment.metrics.by_name[name]
    if experiment.panel is not None:
        source, unit = experiment.panel.source, experiment.panel.unit
        return Measure(name, role, metric, Ids(source, unit, experiment.unit, lake.owners.get(source)))
    if metric.source is None:
        key = f"define.{name}.source" if name in experiment.define else f"metrics: {name}"
        findings.problems.append(
            Problem(experiment.shown, key, "a metric with a source", "none", "Name its table.")
        )
        return None
    if metric.source not in lake.columns or (metric.unit and metric.unit not in lake.columns[metric.source]):
        return None  # told where the metric is defined
    ids = ids_in(metric.source, lake, experiment.unit, metric.unit)
    if ids is None:
        hint = "Name the column that holds the unit's id: unit."
        expected = f"visitor_id or customer_id in {metric.source}, or the metric's unit"
        findings.problems.append(Problem(experiment.shown, f"metrics: {name}", expected, "none", hint))
        return None
    return Measure(name, role, metric, ids)


def _attributes(findings: Findings, experiment: Experiment, lake: Lake) -> dict[str, Ids]:
    """Attribute -> the table that holds it, for every attribute that the experiment uses."""
    known = _known_attributes(findings, experiment, lake)
    if known is None:
        return {}
    rules = {f"eligibility.rules.{number}": text for number, text in enumerate(experiment.eligibility.rules)}
    segments = {f"segments.{name}": text for name, text in experiment.segments.items()}
    used: set[str] = {flag for flag in BOT_FLAGS if flag in known}
    told = experiment.attributes.source if experiment.attributes else f"the {experiment.unit}'s attributes"
    elsewhere = "" if experiment.attributes else IN_A_FILE
    for key, text in {**rules, **segments}.items():
        names = (*known, *KNOWN_OF_UNITS) if key in rules else tuple(known)
        tree = findings.tree(experiment.shown, key, text, told, names, is_aggregate=False, hint=elsewhere)
        if tree is not None:
            used |= {name for name in columns_of(tree) if name in known}
    if experiment.cluster is not None and findings.has_column(
        experiment.shown, "cluster", experiment.cluster, told, tuple(known), elsewhere
    ):
        used.add(experiment.cluster)
    _try_rules(findings, experiment, known)
    return {name: known[name] for name in sorted(used)}


def _known_attributes(findings: Findings, experiment: Experiment, lake: Lake) -> dict[str, Ids] | None:
    given = experiment.attributes
    if given is not None:
        if not findings.has_table(experiment.shown, "attributes.source", given.source, lake.columns):
            return None
        columns = lake.columns[given.source]
        if not findings.has_column(experiment.shown, "attributes.unit", given.unit, given.source, columns):
            return None
        ids = Ids(given.source, given.unit, experiment.unit, lake.owners.get(given.source))
        return dict.fromkeys(columns, ids)
    tables = (
        {VISITORS: "visitor_id"}
        if experiment.unit == "visitor"
        else {VISITORS: "customer_id", CUSTOMERS: "customer_id"}
    )
    known: dict[str, Ids] = {}
    for table, column in tables.items():
        ids = Ids(table, column, experiment.unit)
        known |= dict.fromkeys((name for name in lake.columns.get(table, ()) if name != column), ids)
    return known


def _try_rules(findings: Findings, experiment: Experiment, known: Mapping[str, Ids]) -> None:
    for number, text in enumerate(experiment.eligibility.rules):
        try:
            tree = per_row(text)
        except ValueError:
            continue  # told already
        tables = sorted({known[name].table for name in columns_of(tree) if name in known})
        if len(tables) == 1 and not set(columns_of(tree)) & set(KNOWN_OF_UNITS):
            tried = f"select 1 from {tables[0]} where {quoted(tree)}"
            findings.statements.append(
                Statement(f"{experiment.shown}: eligibility.rules.{number}", tried, tables[0], is_part=True)
            )


def _panel(findings: Findings, experiment: Experiment, metrics: Mapping[str, Metric], lake: Lake) -> None:
    panel, shown = experiment.panel, experiment.shown
    if panel is None or not findings.has_table(shown, "panel.source", panel.source, lake.columns):
        return
    for key, text in panel.expressions.items():
        tree = findings.tree(
            shown,
            f"panel.{key}",
            text,
            panel.source,
            lake.columns[panel.source],
            is_aggregate=False,
        )
        if tree is not None:
            is_truth = key in ("treated", "where")
            tried = f"cast({quoted(tree)} as boolean)" if is_truth else quoted(tree)
            findings.tried(shown, f"panel.{key}", tried, panel.source)
    for name, metric in experiment.measured(dict(metrics)).items():
        if metric.source not in (None, panel.source):
            hint = f"Leave its source out, or define the metric over {panel.source} under define."
            found = describe(metric.source)
            findings.problems.append(
                Problem(shown, f"metrics: {name}", f"a metric of {panel.source}", found, hint)
            )
        elif metric.source is None and name not in experiment.define:
            _metric(findings, shown, f"metrics: {name}", metric, panel.source, lake)
