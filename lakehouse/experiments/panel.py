"""exp_panel: a quasi-experiment's outcomes, one row per metric, unit and period, and when each unit adopted.

Belongs here: periods as numbers, adoption, the outcome's SQL. Not here: what is estimated from a panel.
"""

from __future__ import annotations

from datetime import date

import duckdb

from lakehouse.experiments.experiment import Experiment, Panel
from lakehouse.experiments.metric import Metric
from lakehouse.experiments.plan import Plan
from lakehouse.experiments.repeatable import repeatable
from lakehouse.sql_text import identifier, literal
from lakehouse.warehouse.clock import Clock, day
from lakehouse.warehouse.expressions import aggregate, per_row, renamed, sql


class UnfitTime(ValueError):
    """The panel's times and the experiment's start are of different sorts."""


def build_panel(connection: duckdb.DuckDBPyConnection, plan: Plan, clock: Clock) -> list[int]:
    """Fills exp_panel for one quasi-experiment; tells of every metric how many values are infinite or no number.

    Periods that are numbers stay; dates and timestamps are counted 0, 1, 2, ... in the order in which they come, and a
    unit's adoption is the first period at or after its time. The shop's periods after the as-of date are left out.
    """
    experiment, panel = plan.experiment, plan.experiment.panel
    if panel is None:
        raise TypeError(f"{experiment.id}: expected a panel, found none")
    is_number = _is_number(connection, panel, experiment)
    where = [f"({_row(panel.where)})"] if panel.where else []
    # The data of a source's own file tell nothing of the shop's last complete day.
    if not is_number and (clock.is_chosen or plan.primary.ids.owner is None):
        where.append(f"{_row(panel.time)} < {day(clock.as_of)} + interval 1 day")
    values = ", ".join(
        f"{_outcome(connection, measure.metric, panel.source)} as v{number}"
        for number, measure in enumerate(plan.measures)
    )
    connection.execute(
        f"""
        create or replace temp table _cells as
        select cast({_row(panel.unit)} as varchar) as unit_id, {_row(panel.time)} as moment, {values}
        from {panel.source}
        {f"where {' and '.join(where)}" if where else ""}
        group by 1, 2
        """
    )
    connection.execute("delete from _cells where unit_id is null or moment is null")
    counted = ", ".join(
        f"count(*) filter (where not isfinite(v{number}))" for number in range(len(plan.measures))
    )
    not_finite = connection.execute(f"select {counted} from _cells").fetchall()[0]
    connection.execute(
        f"""
        create or replace temp table _adoptions as
        select cast({_row(panel.unit)} as varchar) as unit_id, {_adopted_at(experiment, panel)} as adopted_at
        from {panel.source} {f"where {_row(panel.where)}" if panel.where else ""} group by 1
        """
    )
    absent = "missing" if panel.absent == "missing" else "zero"
    cells = (
        "_cells as cells" if absent == "missing" else "grid left join _cells as cells using (unit_id, moment)"
    )
    unit, at = ("cells.unit_id", "cells.moment") if absent == "missing" else ("grid.unit_id", "grid.moment")
    queries = [
        f"select {literal(plan.experiment.id)} as experiment_id, {literal(measure.name)} as metric, {unit} as unit_id, "
        f"periods.period, cast({at} as varchar) as period_label, adopted.adopted, "
        f"{_finite(f'cells.v{number}', is_zero=absent == 'zero')} as value "
        f"from {cells} join periods on periods.moment = {at} join adopted on adopted.unit_id = {unit}"
        for number, measure in enumerate(plan.measures)
    ]
    period = (
        "cast(moment as double)" if is_number else "cast(row_number() over (order by moment) - 1 as double)"
    )
    adopted = (
        _number_of_adoption("cast(adopted_at as double)")
        if is_number
        else "(select min(periods.period) from periods where periods.moment >= _adoptions.adopted_at)"
    )
    connection.execute(
        f"""
        insert into exp_panel by name
        with periods as (select moment, {period} as period from (select distinct moment from _cells)),
        units as (select distinct unit_id from _cells),
        grid as (select unit_id, moment from units cross join periods),
        adopted as (select unit_id, {adopted} as adopted from _adoptions where unit_id is not null)
        {" union all ".join(queries)}
        """
    )
    for table in ("_cells", "_adoptions"):
        connection.execute(f"drop table {table}")
    return list(not_finite)


def _is_number(connection: duckdb.DuckDBPyConnection, panel: Panel, experiment: Experiment) -> bool:
    described = connection.execute(
        f"describe select {_row(panel.time)} as moment from {panel.source}"
    ).fetchall()
    kind = str(described[0][1])
    is_number = not kind.startswith(("DATE", "TIMESTAMP"))
    start = experiment.start
    if panel.treated is not None and start is not None and is_number == isinstance(start, date):
        like = "a number" if is_number else "a date"
        raise UnfitTime(f"{experiment.shown}: start: expected {like} like panel.time ({kind}), found {start}")
    return is_number


def _adopted_at(experiment: Experiment, panel: Panel) -> str:
    """The unit's time of adoption, null for never: its earliest, should its rows disagree."""
    if panel.adopted is not None:
        said = _row(panel.adopted)
        return f"min(case when try_cast({said} as double) is distinct from 0 then {said} end)"
    start = experiment.start
    at = day(start) if isinstance(start, date) else str(start)
    return f"case when bool_or(cast({_row(panel.treated or '')} as boolean)) then {at} end"


def _number_of_adoption(adopted_at: str) -> str:
    """Files write never as infinity or as no number, too; adopted since ever is adopted in the first period."""
    since_ever = f"when {adopted_at} < 0 then (select min(periods.period) from periods)"
    return f"case when isfinite({adopted_at}) then {adopted_at} {since_ever} end"


def _outcome(connection: duckdb.DuckDBPyConnection, metric: Metric, source: str) -> str:
    parts = [metric.numerator, metric.denominator] if metric.is_ratio else [metric.value]
    trees = [repeatable(connection, aggregate(text or ""), source) for text in parts]
    made = [f"cast({sql(renamed(tree, identifier))} as double)" for tree in trees]
    return f"{made[0]} / nullif({made[1]}, 0)" if metric.is_ratio else made[0]


def _finite(value: str, *, is_zero: bool) -> str:
    kept = f"case when isfinite({value}) then {value} end"
    return f"coalesce({kept}, 0)" if is_zero else kept


def _row(text: str) -> str:
    return sql(renamed(per_row(text), identifier))
