"""Builds the tables of all experiments from the registry's plans, in one transaction.

Belongs here: the order of steps, and the day the data are judged at. Not here: any step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import duckdb

from lakehouse.experiments.aggregate import aggregate_units, summands_of
from lakehouse.experiments.eligibility import find_units, link_identities
from lakehouse.experiments.experiment import Experiment
from lakehouse.experiments.finance import attribute_bookings
from lakehouse.experiments.measure import measure_units
from lakehouse.experiments.nobody import build_without_units, no_units
from lakehouse.experiments.panel import build_panel
from lakehouse.experiments.plan import EXPOSURES, SETTINGS, Plan
from lakehouse.experiments.slices import slice_by_day, slice_by_segment
from lakehouse.experiments.tables import BASE, base_sql, make_tables
from lakehouse.experiments.units import Audit, make_units
from lakehouse.sql_text import identifier
from lakehouse.warehouse.clock import Clock
from lakehouse.warehouse.session import transaction


class NotMeasured(ValueError):
    """An experiment's own SQL fails on the data that are there."""


def experiments_clock(connection: duckdb.DuckDBPyConnection) -> Clock:
    """The run's business time zone and as-of date; when nobody chose one, it reaches to the last complete day of exposures.

    Exposures may be newer than the shop's own trade, or all there is. Without any data it is the epoch.
    """
    row = connection.execute(
        f"select max(as_of_date), coalesce(bool_or(is_as_of_configured), false), "
        f"coalesce(max(business_time_zone), 'UTC') from {SETTINGS}"
    ).fetchall()[0]
    as_of, is_chosen, zone = row
    if not is_chosen:
        day_of = Clock(date.min, zone).day_of
        seen = connection.execute(
            f"select least(max({day_of('exposed_at')}), cast(max({day_of('_ingested_at')}) - interval 1 day as date)) "
            f"from {EXPOSURES}"
        ).fetchall()[0][0]
        as_of = max((one for one in (as_of, seen) if one is not None), default=date(1970, 1, 1))
    return Clock(as_of, zone, is_chosen)


def build_experiments(connection: duckdb.DuckDBPyConnection, plans: Iterable[Plan], clock: Clock) -> None:
    """Replaces every table of tables.TYPES, the tables of units and the view exp_base, all or none.

    Raises NotMeasured when DuckDB can't run an experiment's own SQL on its data.
    """
    known = list(plans)
    with transaction(connection):
        exposed = {
            name
            for (name,) in connection.execute(f"select distinct experiment_id from {EXPOSURES}").fetchall()
        }
        make_tables(connection)
        link_identities(connection)
        for plan in known:
            try:
                _record(connection, plan.experiment, clock)
                if plan.experiment.is_randomized:
                    _build(connection, plan, clock, is_exposed=plan.experiment.id in exposed)
                else:
                    not_finite = build_panel(connection, plan, clock)
                    cells = {
                        f"y{number}": Audit(None, count, None) for number, count in enumerate(not_finite)
                    }
                    _record_metrics(connection, plan, cells)
            except (duckdb.DataError, duckdb.OperationalError) as error:
                told = str(error).splitlines()[0]
                raise NotMeasured(
                    f"{plan.experiment.shown}: expected SQL that runs on the data of {', '.join(plan.reads)}, found {told}"
                ) from error
        connection.execute(f"create or replace view {BASE} as {base_sql(known)}")
        connection.execute("drop table _links")


def _build(connection: duckdb.DuckDBPyConnection, plan: Plan, clock: Clock, *, is_exposed: bool) -> None:
    if is_exposed:
        find_units(connection, plan, clock)
    else:
        no_units(connection)
    units, contaminated = connection.execute(
        "select count(*), count(*) filter (where is_contaminated) from _units"
    ).fetchall()[0]
    if units:
        _measure(
            connection, plan, clock, has_alternative=contaminated > 0 and plan.primary.metric.time is not None
        )
    else:
        _record_metrics(connection, plan, build_without_units(connection, plan))
    attribute_bookings(connection, plan, clock)
    connection.execute("drop table _units")


def _measure(
    connection: duckdb.DuckDBPyConnection, plan: Plan, clock: Clock, *, has_alternative: bool
) -> None:
    measured = measure_units(connection, plan, clock, has_alternative=has_alternative)
    audits = make_units(connection, plan, clock, measured, has_alternative=has_alternative)
    _record_metrics(connection, plan, audits)
    summands = summands_of(connection, plan, has_alternative=has_alternative)
    aggregate_units(connection, plan, summands, has_alternative=has_alternative)
    slice_by_segment(connection, plan, summands)
    slice_by_day(connection, plan, summands)


def _record(connection: duckdb.DuckDBPyConnection, experiment: Experiment, clock: Clock) -> None:
    """One row of exp_experiments: what readers of the tables need to know of the registry."""
    values = {
        "experiment_id": experiment.id,
        "name": experiment.name,
        "hypothesis": experiment.hypothesis,
        "owner": experiment.owner,
        "design": experiment.design,
        "unit": experiment.unit if experiment.is_randomized else None,
        "starts": None if experiment.start is None else str(experiment.start),
        "ends": None if experiment.end is None else str(experiment.end),
        "control": experiment.control,
        "handling": experiment.eligibility.contamination if experiment.is_randomized else None,
        "as_of_date": clock.as_of,
        "alpha": experiment.analysis.alpha,
        "minimum_effect": experiment.analysis.minimum_effect,
    }
    _insert(connection, "exp_experiments", [values])
    names, shares = list(experiment.variants), list(experiment.variants.values())
    connection.execute(
        "update exp_experiments set planned = map($2::varchar[], $3::double[]) where experiment_id = $1",
        [experiment.id, names, shares],
    )


def _record_metrics(connection: duckdb.DuckDBPyConnection, plan: Plan, audits: dict[str, Audit]) -> None:
    """Rows of exp_metrics: the metric in this experiment, and what became of its units' values."""
    units = None
    if plan.experiment.is_randomized:
        counted = connection.execute(f"select count(*) from {plan.units_table} where is_eligible").fetchall()
        units = counted[0][0]
    rows = []
    for number, measure in enumerate(plan.measures):
        metric = measure.metric
        own, denominator, before = (audits.get(f"{part}{number}") for part in "ydx")
        values: dict[str, object] = {
            "experiment_id": plan.experiment.id,
            "metric": measure.name,
            "role": measure.role,
            "label": metric.label,
            "kind": metric.kind,
            "direction": metric.direction,
            "source": measure.ids.table,
            "window_days": metric.window_days,
            "units": units,
            "missing": own.missing if own else None,
            "not_finite": own.not_finite if own else None,
            "cap": own.cap if own else None,
            "denominator_cap": denominator.cap if denominator else None,
            "covariate_missing": before.missing if before else None,
            "covariate_not_finite": before.not_finite if before else None,
        }
        rows.append(values)
    _insert(connection, "exp_metrics", rows)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, object]]) -> None:
    """One statement for all rows, which have the same columns: each statement costs more than its rows."""
    columns = ", ".join(map(identifier, rows[0]))
    marks = ", ".join(f"({', '.join('?' for _ in row)})" for row in rows)
    values = [value for row in rows for value in row.values()]
    connection.execute(f"insert into {table} ({columns}) values {marks}", values)
