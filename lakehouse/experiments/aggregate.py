"""exp_aggregate: an experiment's sums per metric and variant, under each way of minding contamination, by cluster too.

Belongs here: which units each row of exp_aggregate runs over. Not here: the sums themselves (sums.py), segments and days
(slices.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import duckdb

from lakehouse.experiments.experiment import HANDLINGS, Handling
from lakehouse.experiments.measure import Slot
from lakehouse.experiments.plan import Plan
from lakehouse.experiments.sums import Summand, as_rows, decimals, summed
from lakehouse.experiments.units import is_mature
from lakehouse.sql_text import literal


def summands_of(connection: duckdb.DuckDBPyConnection, plan: Plan, *, has_alternative: bool) -> list[Summand]:
    """The metrics of an experiment with the decimals that its table of units asks for."""
    plain = [Summand.of(measure, number) for number, measure in enumerate(plan.measures)]
    parts = [(one.number, part, column) for one in plain for part, column in one.columns.items()]
    largest = []
    for number, part, column in parts:
        other = Slot(part, number, is_alternative=True).column
        is_twice = has_alternative and number == 0 and part in "yd"
        largest.append(f"max(greatest(abs({column}), abs({other})))" if is_twice else f"max(abs({column}))")
    row = connection.execute(f"select count(*), {', '.join(largest)} from {plan.units_table}").fetchall()[0]
    found = {place[:2]: decimals(value, row[0]) for place, value in zip(parts, row[1:], strict=True)}
    return [replace(one, decimals={part: found[one.number, part] for part in one.columns}) for one in plain]


def matured(plan: Plan, summands: Iterable[Summand], further: str, *, alternative: bool = False) -> str:
    """The experiment's units with their variables as whole numbers, null where a window is still open.

    `further`: columns kept.
    """
    kept = []
    for one in summands:
        for part, column in one.columns.items():
            source = Slot(part, one.number, is_alternative=alternative and part in "yd").column
            ended = is_mature(one.window_days)
            whole = one.whole(part, source)
            value = whole if ended == "true" else f"case when {ended} then {whole} end"
            kept.append(f"{value} as {column}")
    return f"select {', '.join([further, *kept])} from {plan.units_table}"


def aggregate_units(
    connection: duckdb.DuckDBPyConnection, plan: Plan, summands: list[Summand], *, has_alternative: bool
) -> None:
    """Fills exp_aggregate for one experiment."""
    own = plan.experiment.eligibility.contamination
    _insert(connection, plan, summands, own, f"{matured(plan, summands, 'variant')} where is_eligible")
    primary = summands[:1]
    for handling in HANDLINGS:
        if handling != own:
            _insert(connection, plan, primary, handling, _primary(plan, primary, handling, has_alternative))
    if plan.experiment.cluster is not None:
        _insert_clusters(connection, plan, summands, own)


def _primary(plan: Plan, primary: list[Summand], handling: Handling, has_alternative: bool) -> str:  # noqa: FBT001  said once
    """The primary metric's variables under another handling than the experiment's own."""
    own = plan.experiment.eligibility.contamination
    # Only values of units that were shown another variant differ, and only between first exposure and the others.
    is_other = has_alternative and (handling == "first_exposure") != (own == "first_exposure")
    units = matured(plan, primary, "variant", alternative=is_other)
    return f"{units} where not is_contaminated" if handling == "exclude" else units


def _insert(
    connection: duckdb.DuckDBPyConnection, plan: Plan, summands: list[Summand], handling: Handling, units: str
) -> None:
    connection.execute(
        f"create or replace temp table _sums as select variant, {summed(summands)} from ({units}) group by variant"
    )
    _insert_rows(connection, plan, summands, handling, "unit", "_sums")


def _insert_rows(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    summands: list[Summand],
    handling: Handling,
    level: str,
    sums: str,
) -> None:
    """Every variant of the registry has its rows, those that nobody was shown too."""
    variants = ", ".join(f"({literal(variant)})" for variant in plan.experiment.variants)
    source = f"(select * from (values {variants}) as planned(variant) left join {sums} using (variant))"
    given = {
        "experiment_id": literal(plan.experiment.id),
        "variant": "variant",
        "handling": literal(handling),
        "level": literal(level),
    }
    connection.execute(f"insert into exp_aggregate by name {as_rows(summands, source, given)}")
    connection.execute(f"drop table {sums}")


def _insert_clusters(
    connection: duckdb.DuckDBPyConnection, plan: Plan, summands: list[Summand], handling: Handling
) -> None:
    """Every variable is summed within the cluster first."""
    sums = []
    for one in summands:
        y, d, x, e = (f"{part}{one.number}" for part in "ydxe")
        counted = f"nullif(count({y}), 0)"
        sums += [f"sum({y}) as {y}", f"count(*) - count({y}) as open_{one.number}"]
        sums.append(f"{f'sum({d})' if one.has_d else counted} as {d}")
        if one.has_x:
            sums += [f"sum({x}) as {x}", f"{f'sum({e})' if one.has_d else counted} as {e}"]
    units = matured(plan, summands, "cluster_id, variant")
    connection.execute(
        f"create or replace temp table _clusters as select cluster_id, variant, {', '.join(sums)} "
        f"from ({units} where is_eligible) group by cluster_id, variant"
    )
    clustered = [
        Summand(one.name, one.number, one.window_days, has_d=True, has_x=one.has_x, decimals=one.decimals)
        for one in summands
    ]
    made = [
        f"{f'sum(open_{one.number})' if column.startswith('immature') else sql} as {column}"
        for one in clustered
        for column, sql in one.sums.items()
    ]
    connection.execute(
        f"create or replace temp table _cluster_sums as select variant, {', '.join(made)} from _clusters group by variant"
    )
    _insert_rows(connection, plan, clustered, handling, "cluster", "_cluster_sums")
    connection.execute("drop table _clusters")
