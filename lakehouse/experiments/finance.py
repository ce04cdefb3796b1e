"""exp_finance: what finance booked, split into an experiment's variants and everyone else, to the cent.

Not here: bookings as a metric of an experiment; that is a metric like any other.
"""

from __future__ import annotations

import duckdb

from lakehouse.experiments.experiment import NOT_IN_EXPERIMENT
from lakehouse.experiments.plan import BOOKINGS, Plan
from lakehouse.sql_text import literal
from lakehouse.warehouse.clock import Clock

MOVEMENTS = ("new", "expansion", "contraction", "churn")


def attribute_bookings(connection: duckdb.DuckDBPyConnection, plan: Plan, clock: Clock) -> None:
    """Fills exp_finance for one experiment.

    A booking belongs to the variant of its customer's unit (of several visitors, the one who was exposed first), when
    the unit counts and it was booked from its first exposure on and before the experiment's end; else to no variant.
    """
    _, end = plan.experiment.days
    customer = "_units.unit_id" if plan.experiment.unit == "customer" else "_links.customer_id"
    links = "" if plan.experiment.unit == "customer" else "join _links on _units.unit_id = _links.visitor_id"
    kinds = [_moved(f"kind = '{kind}'", f"{kind}_mrr") for kind in (*MOVEMENTS, "renewal")]
    moving = ", ".join(f"'{kind}'" for kind in MOVEMENTS)
    variants = ", ".join(f"({literal(name)})" for name in (*plan.experiment.variants, NOT_IN_EXPERIMENT))
    connection.execute(
        f"""
        insert into exp_finance by name
        with entries as (
            select {customer} as customer_id, min(struct_pack(
                at := _units.first_exposed_at, unit_id := _units.unit_id, variant := _units.variant
            )) as entry
            from _units {links}
            where _units.is_eligible
            group by all
        ),
        attributed as (
            select bookings.*, coalesce(entries.entry.variant, {literal(NOT_IN_EXPERIMENT)}) as variant
            from {BOOKINGS} as bookings
            left join entries on bookings.customer_id = entries.customer_id
                and bookings.booked_at >= entries.entry.at and bookings.booked_at < {clock.midnight(end)}
        ),
        summed as (
            select variant, count(*) as bookings, count(distinct customer_id) as customers,
                {_moved("true", "amount", "amount")}, {", ".join(kinds)}, {_moved(f"kind in ({moving})", "net_mrr")}
            from attributed group by variant
        ),
        counted as (select variant, count(*) as units from _units where is_eligible group by variant)
        select {literal(plan.experiment.id)} as experiment_id, planned.variant,
            case when planned.variant <> {literal(NOT_IN_EXPERIMENT)} then coalesce(counted.units, 0) end as units,
            coalesce(summed.bookings, 0) as bookings, coalesce(summed.customers, 0) as customers,
            coalesce(summed.amount, 0) as amount,
            {", ".join(f"coalesce(summed.{name}, 0) as {name}" for name in _MOVED)}
        from (values {variants}) as planned(variant)
        left join summed using (variant)
        left join counted using (variant)
        """
    )


_MOVED = (*(f"{kind}_mrr" for kind in (*MOVEMENTS, "renewal")), "net_mrr")


def _moved(condition: str, name: str, column: str = "monthly_recurring_revenue") -> str:
    return f"coalesce(sum({column}) filter (where {condition}), 0) as {name}"
