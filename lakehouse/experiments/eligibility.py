"""Who was seen in an experiment, in which variant, and who of them counts: exp_eligibility.

Belongs here: units from raw exposures, their attributes and the reasons that exclude them. Not here: what units did
(measure.py).
"""

from __future__ import annotations

import duckdb

from lakehouse.experiments.plan import (
    BOT_FLAGS,
    CUSTOMERS,
    EXPOSURES,
    IDENTITIES,
    KNOWN_OF_UNITS,
    VISITORS,
    Ids,
    Plan,
)
from lakehouse.sql_text import identifier, literal
from lakehouse.warehouse.clock import Clock
from lakehouse.warehouse.expressions import per_row, renamed, sql

UNKNOWN = "(unknown)"
NO_MAP = "map([]::varchar[], []::varchar[])"


def link_identities(connection: duckdb.DuckDBPyConnection) -> None:
    """`_links`: each visitor's first customer, for all experiments."""
    connection.execute(
        f"""
        create or replace temp table _links as
        with firsts as (
            select visitor_id, min(struct_pack(linked_at := linked_at, customer_id := customer_id)) as first
            from {IDENTITIES} group by visitor_id
        )
        select visitor_id, first.customer_id as customer_id, first.linked_at as linked_at from firsts
        """
    )


def find_units(connection: duckdb.DuckDBPyConnection, plan: Plan, clock: Clock) -> None:
    """Fills exp_eligibility for one experiment, and makes `_units`: those who count, or would if uncontaminated."""
    _expose(connection, plan, clock)
    _judge(connection, plan)
    experiment = plan.experiment
    values = [f"s{number}" for number in range(len(experiment.segments))]
    named = ", ".join(
        f"{literal(name)}: {value}" for name, value in zip(experiment.segments, values, strict=True)
    )
    # A struct that is cast takes a third of the time that making a map of two lists takes.
    segments = f"cast({{{named}}} as map(varchar, varchar))" if named else NO_MAP
    connection.execute(
        f"""
        insert into exp_eligibility by name
        select {literal(experiment.id)} as experiment_id, unit_id, variant, first_exposed_at, exposures, variants_seen,
            exclusion_reason is null as is_eligible, exclusion_reason, cluster_id, {segments} as segments,
            variants_seen > 1 as is_contaminated
        from _judged
        """
    )
    connection.execute(
        f"""
        create or replace temp table _units as
        select cast(row_number() over () as integer) as unit_no, unit_id, variant, first_exposed_at, switched_at,
            {clock.day_of("first_exposed_at")} as first_day, {clock.day_of("switched_at")} as switched_day,
            exclusion_reason is null as is_eligible, variants_seen > 1 as is_contaminated, cluster_id
            {"".join(f", {value}" for value in values)}
        from _judged where exclusion_reason is null or exclusion_reason = 'contaminated'
        """
    )
    for table in ("_exposed", "_judged"):
        connection.execute(f"drop table {table}")


def _expose(connection: duckdb.DuckDBPyConnection, plan: Plan, clock: Clock) -> None:
    """`_exposed`: per unit and variant, when it was first shown; a visitor without a customer stands for itself."""
    experiment = plan.experiment
    start, end = experiment.days
    known = ", ".join(literal(variant) for variant in experiment.variants)
    is_customer = experiment.unit == "customer"
    unit = "coalesce(links.customer_id, exposures.visitor_id)" if is_customer else "exposures.visitor_id"
    links = "left join _links as links on exposures.visitor_id = links.visitor_id" if is_customer else ""
    connection.execute(
        f"""
        create or replace temp table _exposed as
        with raw as (
            select {unit} as unit_id, {"links.customer_id is not null" if is_customer else "true"} as is_linked,
                exposures.variant, exposures.exposed_at,
                exposures.exposed_at >= {clock.midnight(start)} and exposures.exposed_at < {clock.midnight(end)}
                    and exposures.exposed_at < {clock.closing} as is_inside
            from {EXPOSURES} as exposures {links}
            where exposures.experiment_id = {literal(experiment.id)}
        )
        select unit_id, is_linked, variant, coalesce(variant in ({known}), false) as is_known, count(*) as exposures,
            min(exposed_at) as first_at, min(exposed_at) filter (where is_inside) as first_inside_at
        from raw group by all
        """
    )


def _judge(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """`_judged`: one row per unit with its entry, its attributes' say and the first reason that excludes it."""
    experiment = plan.experiment
    attributes = _attributes(plan)
    joined = (
        f"left join {attributes} as attributes on {_bare_unit(plan)} = attributes.unit_id"
        if attributes
        else ""
    )
    segments = [
        f"coalesce(cast({_over_attributes(text)} as varchar), {literal(UNKNOWN)}) as s{number}"
        for number, text in enumerate(experiment.segments.values())
    ]
    cluster = "cast(null as varchar)"
    if experiment.cluster is not None:
        cluster = f"coalesce(cast({_column(experiment.cluster)} as varchar), 'unit ' || units.unit_id)"
    listed = ", ".join([f"{cluster} as cluster_id", *segments])
    connection.execute(
        f"""
        create or replace temp table _judged as
        with units as (
            select unit_id, is_linked, bool_or(is_known) as is_known, cast(sum(exposures) as bigint) as exposures,
                cast(count(first_inside_at) as integer) as variants_seen,
                min(struct_pack(at := first_inside_at, variant := variant))
                    filter (where is_known and first_inside_at is not null) as entry,
                min(struct_pack(at := first_at, variant := variant)) as anywhere
            from _exposed group by unit_id, is_linked
        ),
        entered as (
            select *, coalesce(entry.variant, anywhere.variant) as variant,
                coalesce(entry.at, anywhere.at) as first_exposed_at
            from units
        ),
        switched as (
            select entered.unit_id, entered.is_linked, min(_exposed.first_inside_at) as switched_at
            from entered
            join _exposed on entered.unit_id = _exposed.unit_id and entered.is_linked = _exposed.is_linked
                and _exposed.variant is distinct from entered.variant
            where entered.variants_seen > 1
            group by all
        )
        select units.*, switched.switched_at, {listed}, {_reason(plan)} as exclusion_reason
        from entered as units
        left join switched on units.unit_id = switched.unit_id and units.is_linked = switched.is_linked
        {joined}{_existing(plan)}
        """
    )


def _reason(plan: Plan) -> str:
    experiment = plan.experiment
    cases = [
        ("not units.is_known", "unknown_variant"),
        ("units.entry is null", "outside_window"),
        ("not units.is_linked", "no_customer"),
    ]
    flags = [_column(flag) for flag in BOT_FLAGS if flag in plan.attributes]
    if flags:
        cases.append((" or ".join(flags), "bot_or_internal"))
    cases += [
        (f"({_over_attributes(rule)}) is not true", f"rule: {rule}") for rule in experiment.eligibility.rules
    ]
    if experiment.eligibility.existing_customers == "exclude":
        cases.append(("existing.linked_at < units.first_exposed_at", "existing_customer"))
    if experiment.eligibility.contamination == "exclude":
        cases.append(("units.variants_seen > 1", "contaminated"))
    return f"case {' '.join(f'when {condition} then {literal(reason)}' for condition, reason in cases)} end"


def _existing(plan: Plan) -> str:
    if plan.experiment.eligibility.existing_customers == "include":
        return ""
    column = "visitor_id" if plan.experiment.unit == "visitor" else "customer_id"
    firsts = f"(select {column} as unit_id, min(linked_at) as linked_at from _links group by {column})"
    return f" left join {firsts} as existing on units.unit_id = existing.unit_id"


def _over_attributes(text: str) -> str:
    return sql(renamed(per_row(text), _column))


def _column(name: str) -> str:
    if name in KNOWN_OF_UNITS:
        return f"units.{name}"
    column = f"attributes.{identifier(name)}"
    return f"coalesce(cast({column} as boolean), false)" if name in BOT_FLAGS else column


def _attributes(plan: Plan) -> str:
    """A query of one row per unit with the attributes that the experiment uses; empty when it uses none."""
    if not plan.attributes:
        return ""
    by_table: dict[str, tuple[Ids, list[str]]] = {}
    for name, ids in plan.attributes.items():
        by_table.setdefault(ids.table, (ids, []))[1].append(name)
    queries = [_attributes_of(ids, names) for ids, names in by_table.values()]
    if len(queries) == 1:
        return f"({queries[0]})"
    return f"(select * from ({queries[0]}) as one full join ({queries[1]}) as other using (unit_id))"


def _bare_unit(plan: Plan) -> str:
    """The unit's id as the attributes' table writes it; the dimensions write it as the core tables do."""
    return next(iter(plan.attributes.values())).bare("units.unit_id")


def _attributes_of(ids: Ids, names: list[str]) -> str:
    quoted = [identifier(name) for name in names]
    is_one_row = (ids.table, ids.column) in ((VISITORS, "visitor_id"), (CUSTOMERS, "customer_id"))
    if is_one_row:
        return f"select {identifier(ids.column)} as unit_id, {', '.join(quoted)} from {ids.table}"
    if ids.table == VISITORS:
        # A customer has the attributes of the visitor who came first, and is a bot when any of them is.
        listed = [
            f"bool_or({column}) as {column}"
            if name in BOT_FLAGS
            else f"arg_min({column}, (first_seen_at, visitor_id)) as {column}"
            for name, column in zip(names, quoted, strict=True)
        ]
        where = "where customer_id is not null"
        return f"select customer_id as unit_id, {', '.join(listed)} from {ids.table} {where} group by customer_id"
    # A file may name a unit twice: its least values are taken, so that every build takes the same.
    listed = [f"min({column}) as {column}" for column in quoted]
    return f"select {ids.key} as unit_id, {', '.join(listed)} from {ids.table} group by all"
