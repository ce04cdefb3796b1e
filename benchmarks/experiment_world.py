"""A seeded experiment of any size: who was shown what, what they did, and a registry that asks 20 questions of it.

Belongs here: tables as the lake has them, made by DuckDB from a hash of row and seed; the experiment and its metrics.
Not here: building and timing (experiments.py).
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from lakehouse.experiments.binding import plan_experiments
from lakehouse.experiments.experiment import Experiment
from lakehouse.experiments.load import Registry
from lakehouse.experiments.metric import Metric
from lakehouse.experiments.plan import Lake, Plan

SEGMENTS = tuple(f"segment_{number}" for number in range(10))
VALUES_A_SEGMENT = 6
SHUFFLED = (
    "core_experiment_exposures",
    "dim_visitor",
    "fct_web_sessions",
    "fct_visitor_orders",
    "fct_bookings",
)
EVENTS = ("signups", "activations", "carts", "checkouts", "purchases")
SESSIONS: dict[str, Any] = {"source": "fct_web_sessions", "time": "started_at"}
ORDERS: dict[str, Any] = {"source": "fct_visitor_orders", "time": "ordered_at"}


def make_world(connection: duckdb.DuckDBPyConnection, units: int, seed: int) -> None:
    """Exposures (some units see both variants), four sessions and an order a unit, bookings, attributes."""
    # A number from 0 to 1 for each row and question, whatever thread asks.
    connection.execute(f"create or replace temp macro u(i, k) as (hash(i, k, {seed}) % 1000003) / 1000003.0")
    moment = "timestamp '{}' + to_seconds(cast(u(i, {}) * {} * 86400 as integer))"
    segments = ", ".join(
        f"'value ' || cast(floor(u(i, {20 + number}) * {VALUES_A_SEGMENT}) as integer) as {name}"
        for number, name in enumerate(SEGMENTS)
    )
    events = ", ".join(
        f"cast(u(i, {40 + number}) < {0.04 + 0.02 * number} as integer) as {name}"
        for number, name in enumerate(EVENTS)
    )
    for table, query in {
        "run_settings": "select null::date as as_of_date, false as is_as_of_configured, 'UTC' as business_time_zone",
        # A quarter is shown it again, one in 200 of these in the other variant.
        "core_experiment_exposures": f"""
            select 'native' as source, 'big' as experiment_id, 'v' || i % {units} as visitor_id,
                case when (u(i % {units}, 1) < 0.5) = (i < {units} or u(i, 2) > 0.005) then 'control' else 'one_page' end as variant,
                {moment.format("2026-03-02", 3, 28)} as exposed_at, timestamp '2026-04-20' as _ingested_at
            from range({units} * 5 // 4) as r(i)""",
        "core_visitor_identities": f"""
            select 'v' || i as visitor_id, 'c' || i as customer_id, timestamp '2026-03-05' as linked_at
            from range(0, {units}, 5) as r(i)""",
        "dim_visitor": f"""
            select 'v' || i as visitor_id, case when i % 5 = 0 then 'c' || i end as customer_id,
                timestamp '2026-03-01' as first_seen_at, {segments}, u(i, 4) < 0.005 as is_bot, false as is_internal
            from range({units}) as r(i)""",
        "fct_web_sessions": f"""
            select 'v' || i % {units} as visitor_id, {moment.format("2026-02-01", 5, 75)} as started_at,
                cast(u(i, 6) * 10 as integer) as page_views, cast(-300 * ln(u(i, 7) + 1e-6) as integer) as seconds, {events}
            from range({units} * 4) as r(i)""",
        "fct_visitor_orders": f"""
            select 'v' || cast(u(i, 8) * {units} as integer) as visitor_id, {moment.format("2026-02-01", 9, 75)} as ordered_at,
                cast(exp(3 + 1.6 * (u(i, 10) + u(i, 11) + u(i, 12) - 1.5)) as decimal(18, 4)) as net_revenue,
                1 + cast(u(i, 13) * 4 as integer) as units
            from range({units}) as r(i)""",
        "fct_bookings": f"""
            select 'c' || 5 * cast(u(i, 14) * {units} / 5 as integer) as customer_id, {moment.format("2026-02-01", 15, 75)} as booked_at,
                'new' as kind, cast(u(i, 16) * 100 as decimal(18, 4)) as amount,
                cast(u(i, 17) * 10 as decimal(18, 4)) as monthly_recurring_revenue
            from range({units} // 10) as r(i)""",
    }.items():
        connection.execute(f"create or replace table {table} as {query}")


def shuffle(connection: duckdb.DuckDBPyConnection, seed: int) -> None:
    """The same rows in another order."""
    for table in SHUFFLED:
        connection.execute(
            f"create or replace table {table} as select * from {table} order by hash(rowid, {seed})"
        )


def metrics() -> dict[str, Metric]:
    """10 proportions, 5 means with CUPED and winsorization, 3 ratios with CUPED, 2 quantiles."""
    adjusted: dict[str, Any] = {"covariate_days": 28}
    capped: dict[str, Any] = {"kind": "mean", "winsorize": 0.99, **adjusted}
    said: dict[str, dict[str, Any]] = {}
    for name in EVENTS:
        for days in (7, 14):
            said[f"{name}_{days}d"] = {
                **SESSIONS,
                "kind": "proportion",
                "value": f"sum({name})",
                "window_days": days,
            }
    said |= {
        "sessions": {**SESSIONS, **capped, "value": "count(*)"},
        "page_views": {**SESSIONS, **capped, "value": "sum(page_views)"},
        "revenue": {**ORDERS, **capped, "value": "sum(net_revenue)"},
        "revenue_7d": {**ORDERS, **capped, "value": "sum(net_revenue)", "window_days": 7},
        "items": {**ORDERS, **capped, "value": "sum(units)"},
        "purchase_rate": {**SESSIONS, **_ratio("sum(purchases)", "count(*)"), **adjusted},
        "views_per_session": {**SESSIONS, **_ratio("sum(page_views)", "count(*)"), **adjusted, "window_days": 14},
        "order_value": {**ORDERS, **_ratio("sum(net_revenue)", "count(*)"), **adjusted},
        "revenue_p90": {**ORDERS, "kind": "quantile", "quantile": 0.9, "value": "sum(net_revenue)"},
        "time_p50": {**SESSIONS, "kind": "quantile", "quantile": 0.5, "value": "sum(seconds)"},
    }  # fmt: skip
    return {name: Metric.model_validate({"label": name, **one}) for name, one in said.items()}


def _ratio(numerator: str, denominator: str) -> dict[str, Any]:
    return {"kind": "ratio", "numerator": numerator, "denominator": denominator}


def experiment() -> Experiment:
    """Four weeks, two variants, every metric, ten segments."""
    first, *others = metrics()
    return Experiment.model_validate(
        {
            "id": "big", "shown": "registry/big.yaml", "name": "One-page checkout", "owner": "growth",
            "start": date(2026, 3, 2), "end": date(2026, 3, 30), "variants": {"control": 0.5, "one_page": 0.5},
            "control": "control", "eligibility": {"rules": ["not is_bot"]},
            "metrics": {"primary": first, "secondary": others}, "segments": list(SEGMENTS),
        }
    )  # fmt: skip


def plans(connection: duckdb.DuckDBPyConnection) -> list[Plan]:
    """The experiment beside the tables of the world."""
    tables = connection.execute(
        "select table_name from duckdb_tables() where not starts_with(table_name, 'exp_')"
    ).fetchall()
    columns = {
        name: tuple(row[0] for row in connection.execute(f"describe {name}").fetchall()) for (name,) in tables
    }
    known = metrics()
    found = plan_experiments(
        Registry({"big": experiment()}, known, dict.fromkeys(known, "metrics.yaml")), Lake(columns)
    )
    if found.problems:
        raise SystemExit("\n".join(map(str, found.problems)))
    return found.plans
