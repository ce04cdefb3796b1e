"""exp_deep_dive and exp_daily: the sums of exp_aggregate by segment, and cumulated by day.

Belongs here: slicing of the units that count, under the experiment's own handling. Not here: the sums (sums.py).
"""

from __future__ import annotations

import duckdb

from lakehouse.experiments.aggregate import matured
from lakehouse.experiments.plan import Plan
from lakehouse.experiments.sums import Summand, as_rows, summed
from lakehouse.experiments.units import known_on
from lakehouse.sql_text import literal

# A segment of more values than anyone would read keeps those of the most units.
MOST_VALUES = 50
OTHER = "(other)"


def slice_by_segment(connection: duckdb.DuckDBPyConnection, plan: Plan, summands: list[Summand]) -> None:
    """Fills exp_deep_dive for one experiment: one row per metric, variant, segment and its value."""
    names = list(plan.experiment.segments)
    if not names:
        return
    groups = [f"g{number}" for number in range(len(names))]
    values = [f"{_folded(connection, plan, f's{number}')} as {group}" for number, group in enumerate(groups)]
    units = matured(plan, summands, ", ".join(["variant", *values]))
    # One pass for all segments. Of each row the segments that it isn't grouped by are null, and no value is.
    named = " ".join(
        f"when {group} is not null then {literal(name)}" for group, name in zip(groups, names, strict=True)
    )
    sets = ", ".join(f"(variant, {group})" for group in groups)
    connection.execute(
        f"create or replace temp table _sums as select variant, case {named} end as segment, "
        f"coalesce({', '.join(groups)}) as segment_value, {summed(summands)} "
        f"from ({units} where is_eligible) group by grouping sets ({sets})"
    )
    given = {**_given(plan), "segment": "segment", "segment_value": "segment_value"}
    connection.execute(f"insert into exp_deep_dive by name {as_rows(summands, '_sums', given)}")
    connection.execute("drop table _sums")


def _folded(connection: duckdb.DuckDBPyConnection, plan: Plan, column: str) -> str:
    """The segment's value, or `(other)` for values beyond the most common ones."""
    counted = connection.execute(
        f"select {column} from {plan.units_table} where is_eligible group by {column} "
        f"order by count(*) desc, {column} limit {MOST_VALUES + 1}"
    ).fetchall()
    if len(counted) <= MOST_VALUES:
        return column
    kept = ", ".join(literal(value) for (value,) in counted[: MOST_VALUES - 1])
    return f"case when {column} in ({kept}) then {column} else {literal(OTHER)} end"


def slice_by_day(connection: duckdb.DuckDBPyConnection, plan: Plan, summands: list[Summand]) -> None:
    """Fills exp_daily for one experiment: on each day the sums of all units known by then, for every variant."""
    by_window: dict[int | None, list[Summand]] = {}
    for one in summands:
        by_window.setdefault(one.window_days, []).append(one)
    for window, alike in by_window.items():
        columns = [column for one in alike for column in one.sums]
        cumulated = [
            f"sum({column}) over (partition by variant order by known_on) as {column}" for column in columns
        ]
        units = matured(plan, alike, f"variant, {known_on(window)} as known_on")
        mature = "" if window is None else f"and mature_{window}"
        variants = ", ".join(f"({literal(variant)})" for variant in plan.experiment.variants)
        connection.execute(
            f"""
            create or replace temp table _sums as
            with daily as (
                select variant, known_on, {summed(alike)}
                from ({units} where is_eligible {mature}) group by variant, known_on
            ),
            days as (
                select cast(unnest(generate_series(min(known_on), max(known_on), interval 1 day)) as date) as known_on
                from daily
            ),
            filled as (
                select planned.variant, days.known_on, daily.* exclude (variant, known_on)
                from days cross join (values {variants}) as planned(variant)
                left join daily on days.known_on = daily.known_on and planned.variant = daily.variant
            )
            select variant, known_on as date, {", ".join(cumulated)} from filled
            """
        )
        given = {**_given(plan), "date": "date"}
        connection.execute(f"insert into exp_daily by name {as_rows(alike, '_sums', given)}")
        connection.execute("drop table _sums")


def _given(plan: Plan) -> dict[str, str]:
    return {
        "experiment_id": literal(plan.experiment.id),
        "variant": "variant",
        "handling": literal(plan.experiment.eligibility.contamination),
        "level": literal("unit"),
    }
