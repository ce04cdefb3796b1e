"""What units did: each source scanned once for all of an experiment's metrics over it.

Belongs here: windows around first exposures, and rows found under a unit's id or its customer's. Not here: caps,
maturity and what becomes of missing values (units.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb
from sqlglot import exp

from lakehouse.experiments.plan import Ids, Measure, Plan
from lakehouse.experiments.repeatable import repeatable
from lakehouse.sql_text import identifier
from lakehouse.warehouse.clock import Clock, day
from lakehouse.warehouse.expressions import aggregate, columns_of, filtered, renamed, sql


@dataclass(frozen=True, slots=True)
class Slot:
    """One measured column. y, d: numerator and denominator; x, e: the same before the experiment.

    `number`: the metric's place; `is_alternative`: under the other way of minding a change of variant.
    """

    part: str
    number: int
    is_alternative: bool = False

    @property
    def column(self) -> str:
        return f"{self.part}{'a' if self.is_alternative else ''}{self.number}"


@dataclass(slots=True)
class _Scan:
    """All that is read of one table: expressions by column, and the conditions that they hold under."""

    ids: Ids
    time: str | None
    is_date: bool
    values: dict[str, exp.Expr] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    columns: set[str] = field(default_factory=set)


def slots(plan: Plan, *, has_alternative: bool) -> Iterator[tuple[Slot, Measure]]:
    """Every column that is measured. The alternative is the primary metric's, where a unit changed its variant."""
    for number, measure in enumerate(plan.measures):
        metric = measure.metric
        yield Slot("y", number), measure
        if metric.is_ratio:
            yield Slot("d", number), measure
        if metric.has_covariate:
            yield Slot("x", number), measure
            if metric.is_ratio:
                yield Slot("e", number), measure
    if has_alternative:
        yield Slot("y", 0, is_alternative=True), plan.primary
        if plan.primary.metric.is_ratio:
            yield Slot("d", 0, is_alternative=True), plan.primary


def measure_units(
    connection: duckdb.DuckDBPyConnection, plan: Plan, clock: Clock, *, has_alternative: bool
) -> dict[str, list[str]]:
    """Makes a table `_measured_<n>` per source, one row per unit that has rows there; gives their columns."""
    scans: dict[tuple[Ids, str | None], _Scan] = {}
    for slot, measure in slots(plan, has_alternative=has_alternative):
        key = (measure.ids, measure.metric.time)
        if key not in scans:
            scans[key] = _Scan(*key, is_date=_is_date(connection, *key))
        tree = repeatable(connection, aggregate(_text(slot, measure)), measure.ids.table)
        _add(scans[key], slot, measure, plan, clock, tree)
    if any(scan.ids.kind != plan.experiment.unit for scan in scans.values()):
        _own_customers(connection, plan)
    tables = {}
    for number, scan in enumerate(scans.values()):
        table = f"_measured_{number}"
        connection.execute(f"create or replace temp table {table} as {_query(scan, plan)}")
        tables[table] = list(scan.values)
    return tables


def _text(slot: Slot, measure: Measure) -> str:
    """The expression that gives a slot's values."""
    metric = measure.metric
    text = metric.denominator if slot.part in "de" else metric.numerator or metric.value
    if slot.part in "xe" and metric.covariate is not None:
        text = metric.covariate
    return text or ""


def _add(scan: _Scan, slot: Slot, measure: Measure, plan: Plan, clock: Clock, tree: exp.Expr) -> None:
    metric = measure.metric
    is_before = slot.part in "xe"
    scan.columns |= set(columns_of(tree))
    over_copies = renamed(tree, lambda name: identifier(f"c_{name}"))
    if scan.time is not None and not (is_before and metric.covariate_days is None):
        is_date = scan.is_date
        mode = plan.experiment.eligibility.contamination
        is_cut = (mode == "first_exposure") != slot.is_alternative
        flag, condition = (
            _before(metric.covariate_days or 0, is_date=is_date)
            if is_before
            else _within(metric.window_days, plan, clock, is_date=is_date, is_cut=is_cut)
        )
        scan.flags[flag] = condition
        over_copies = filtered(over_copies, flag)
    scan.values[slot.column] = over_copies


def _is_date(connection: duckdb.DuckDBPyConnection, ids: Ids, column: str | None) -> bool:
    if column is None:
        return False
    described = connection.execute(f"describe select {identifier(column)} from {ids.table}").fetchall()
    return bool(described[0][1] == "DATE")


def _within(
    window_days: int | None, plan: Plan, clock: Clock, *, is_date: bool, is_cut: bool
) -> tuple[str, str]:
    """From first exposure to the end of the unit's window, or of the experiment; by days where a table tells no time.

    A cut one ends when the unit is first shown another variant: what follows can't be laid to the first one alone.
    """
    _, end = plan.experiment.days
    entry, switch = (
        ("units.first_day", "units.switched_day")
        if is_date
        else ("units.first_exposed_at", "units.switched_at")
    )
    last = f"at_time <= {day(clock.as_of)}" if is_date else f"at_time < {clock.closing}"
    if window_days is None:
        until = f"at_time < {day(end) if is_date else clock.midnight(end)}"
    else:
        until = f"at_time < {entry} + interval {window_days} day"
    conditions = [f"at_time >= {entry}", until, last]
    if is_cut:
        conditions.append(f"({switch} is null or at_time < {switch})")
    name = f"in_{'all' if window_days is None else window_days}{'_cut' if is_cut else ''}"
    return name, " and ".join(conditions)


def _before(days: int, *, is_date: bool) -> tuple[str, str]:
    entry = "units.first_day" if is_date else "units.first_exposed_at"
    return f"before_{days}", f"at_time < {entry} and at_time >= {entry} - interval {days} day"


def _own_customers(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """`_customers`: each customer's one unit. Of a customer's several visitors it is the one who was exposed first."""
    if plan.experiment.unit == "customer":
        return
    connection.execute(
        """
        create or replace temp table _customers as
        select _links.customer_id, arg_min(_units.unit_no, (_units.first_exposed_at, _units.unit_id)) as unit_no
        from _units join _links on _units.unit_id = _links.visitor_id
        group by _links.customer_id
        """
    )


def _query(scan: _Scan, plan: Plan) -> str:
    copied = [f"source.{identifier(name)} as {identifier(f'c_{name}')}" for name in sorted(scan.columns)]
    # A timestamp with a time zone becomes what all others are, in UTC.
    kind = "date" if scan.is_date else "timestamp"
    time = [f"cast(source.{identifier(scan.time)} as {kind}) as at_time"] if scan.time else []
    selected = ", ".join([f"{scan.ids.key} as _key", *copied, *time])
    flags = [f"{condition} as {identifier(flag)}" for flag, condition in scan.flags.items()]
    kept = [f"rows.{identifier(f'c_{name}')}" for name in sorted(scan.columns)]
    listed = ", ".join(["units.unit_no", *kept, *flags])
    # A unit's rows outside every window need no aggregating, unless a value is taken over all of them.
    are_all_flagged = all(_is_flagged(tree, scan) for tree in scan.values.values())
    where = f"where {' or '.join(map(identifier, scan.flags))}" if are_all_flagged and scan.flags else ""
    values = ", ".join(f"cast({sql(tree)} as double) as {column}" for column, tree in scan.values.items())
    return f"""
        with rows as (select {selected} from {scan.ids.table} as source),
        flagged as (select {listed} from rows {_join(scan.ids, plan)})
        select unit_no, {values} from flagged {where} group by unit_no
    """


def _is_flagged(tree: exp.Expr, scan: _Scan) -> bool:
    return any(column.name in scan.flags for column in tree.find_all(exp.Column))


def _join(ids: Ids, plan: Plan) -> str:
    unit = plan.experiment.unit
    if ids.kind == unit:
        return f"join _units as units on rows._key = {ids.bare('units.unit_id')}"
    if unit == "visitor":
        return "join _customers on rows._key = _customers.customer_id join _units as units on _customers.unit_no = units.unit_no"
    return "join _links on rows._key = _links.visitor_id join _units as units on _links.customer_id = units.unit_id"
