"""An experiment's units with all their values, one row each: the table that sums, slices and exp_base are read from.

Belongs here: missing and infinite values, proportions as 0 or 1, caps, maturity. Not here: how values are found
(measure.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from lakehouse.experiments.measure import Slot, slots
from lakehouse.experiments.metric import Metric
from lakehouse.experiments.plan import Measure, Plan
from lakehouse.sql_text import literal
from lakehouse.warehouse.clock import Clock, day


@dataclass(frozen=True, slots=True)
class Audit:
    """What became of one measured column: units without a value, units with an infinite one, and the cap.

    missing: None where nothing is expected of every unit (a panel has no rows where it has no value).
    """

    missing: int | None
    not_finite: int
    cap: float | None


def known_on(window_days: int | None) -> str:
    """The column that holds the day on which a unit's value is known."""
    return f"known_{window_days or 0}"


def is_mature(window_days: int | None) -> str:
    """Whether the window of a unit has fully elapsed, as SQL over the table of units."""
    return "true" if window_days is None else f"mature_{window_days}"


def windows_of(plan: Plan) -> list[int | None]:
    """The windows of the experiment's metrics; None, the experiment's own days, is always one."""
    return sorted(
        {measure.metric.window_days for measure in plan.measures} | {None}, key=lambda days: days or 0
    )


def columns_of_units(plan: Plan, *, has_alternative: bool = False) -> dict[str, str]:
    """The columns of the experiment's table of units with their types."""
    columns = dict.fromkeys(("unit_id", "variant"), "varchar")
    columns |= dict.fromkeys(("is_eligible", "is_contaminated"), "boolean") | {"cluster_id": "varchar"}
    columns |= {f"s{number}": "varchar" for number in range(len(plan.experiment.segments))}
    windows = windows_of(plan)
    columns |= dict.fromkeys(map(known_on, windows), "date")
    columns |= dict.fromkeys(map(is_mature, filter(None, windows)), "boolean")
    return columns | {slot.column: "double" for slot, _ in slots(plan, has_alternative=has_alternative)}


def make_units(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    clock: Clock,
    measured: dict[str, list[str]],
    *,
    has_alternative: bool,
) -> dict[str, Audit]:
    """Makes the experiment's table of units from `_units` and the measured tables; tells of every column."""
    windows = windows_of(plan)
    days = ["units.first_day as known_0"]
    for window in filter(None, windows):
        ended = clock.day_of(f"units.first_exposed_at + interval {window} day")
        days.append(f"{ended} as {known_on(window)}, {ended} <= {day(clock.as_of)} as {is_mature(window)}")
    values = [f"{table}.{column}" for table, columns in measured.items() for column in columns]
    joins = " ".join(f"left join {table} on units.unit_no = {table}.unit_no" for table in measured)
    segments = [f"units.s{number}" for number in range(len(plan.experiment.segments))]
    given = ["unit_id", "variant", "is_eligible", "is_contaminated", "cluster_id"]
    listed = ", ".join([*(f"units.{name}" for name in given), *segments, *days, *values])
    connection.execute(f"create or replace temp table _raw as select {listed} from _units as units {joins}")
    for table in measured:
        connection.execute(f"drop table {table}")
    columns = list(slots(plan, has_alternative=has_alternative))
    audits = _audit(connection, columns)
    kept = [*given, *(f"s{number}" for number in range(len(segments))), *map(known_on, windows)]
    kept += [is_mature(window) for window in filter(None, windows)]
    made = [f"{_value(slot, measure.metric, audits)} as {slot.column}" for slot, measure in columns]
    connection.execute(
        f"create or replace table {plan.units_table} as select {', '.join([*kept, *made])} from _raw"
    )
    connection.execute("drop table _raw")
    return audits


def _audit(connection: duckdb.DuckDBPyConnection, columns: list[tuple[Slot, Measure]]) -> dict[str, Audit]:
    """Counts and caps over the units that count, all arms together; only mature ones set a cap."""
    selected = []
    for slot, measure in columns:
        column, share = slot.column, measure.metric.winsorize
        mature = is_mature(measure.metric.window_days)
        is_capped = share is not None and not slot.is_alternative
        cap = f"quantile_cont({_clean(column)}, {share}) filter (where {mature})" if is_capped else "null"
        endless = f"not isfinite({column})"
        if measure.metric.is_ratio and slot.part in "yx":
            # A ratio is no number where either part is none.
            other = Slot({"y": "d", "x": "e"}[slot.part], slot.number, slot.is_alternative).column
            endless += f" or not isfinite({other})"
        selected.append(f"count(*) - count({column}), count(*) filter (where {endless}), {cap}")
    row = connection.execute(f"select {', '.join(selected)} from _raw where is_eligible").fetchall()[0]
    return {
        slot.column: Audit(row[3 * place], row[3 * place + 1], row[3 * place + 2])
        for place, (slot, _) in enumerate(columns)
    }


def _clean(column: str) -> str:
    return f"coalesce(case when isfinite({column}) then {column} end, 0)"


def _value(slot: Slot, metric: Metric, audits: dict[str, Audit]) -> str:
    """A column's value: clean, 0 or 1 for a proportion, capped. An alternative is capped like what it stands for."""
    column = slot.column
    clean = _clean(column)
    is_own = slot.part in "yd" or metric.covariate is None
    if metric.kind == "proportion" and is_own:
        return f"case when {clean} > 0 then 1.0::double else 0.0::double end"
    cap = audits[Slot(slot.part, slot.number).column].cap
    if cap is None:
        return clean
    capped = f"least({clean}, {cap!r}::double)"
    if slot.part in "yx":
        return capped
    # A denominator is capped in those units only whose numerator is.
    numerator = Slot({"d": "y", "e": "x"}[slot.part], slot.number, slot.is_alternative)
    highest = audits[Slot(numerator.part, slot.number).column].cap
    return f"case when {_clean(numerator.column)} > {highest!r}::double then {capped} else {clean} end"


def base_view(plan: Plan) -> str:
    """The experiment's part of exp_base: one row per unit that counts and metric."""
    queries = []
    for number, measure in enumerate(plan.measures):
        metric = measure.metric
        pairs = {
            "numerator": "y",
            "denominator": "d",
            "covariate_numerator": "x",
            "covariate_denominator": "e",
        }
        has = {
            "y": True,
            "d": metric.is_ratio,
            "x": metric.has_covariate,
            "e": metric.is_ratio and metric.has_covariate,
        }
        values = [
            f"{f'{part}{number}' if has[part] else 'cast(null as double)'} as {name}"
            for name, part in pairs.items()
        ]
        queries.append(
            f"select {literal(plan.experiment.id)} as experiment_id, unit_id, variant, {literal(measure.name)} as metric, "
            f"{', '.join(values)}, {is_mature(metric.window_days)} as is_mature, "
            f"{known_on(metric.window_days)} as known_on from {plan.units_table} where is_eligible"
        )
    return " union all ".join(queries)
