"""The peer's one query: the sums of the same 20 metrics from the same facts, as an analyst would write them by hand.

It knows the experiment's rules (first exposure, crawlers, units of two variants, windows) and nothing else: no caps, no
quantiles, no reasons, no sums by day, no cross products, no readout, and its floating-point sums are not repeatable.
"""

from __future__ import annotations

from benchmarks.experiment_world import EVENTS, SEGMENTS

# Metrics that both sides define alike: the peer caps nothing.
COMPARED = (
    *(f"{name}_{days}d" for name in EVENTS for days in (7, 14)),
    "purchase_rate",
    "views_per_session",
    "order_value",
)
_VALUES = (
    *COMPARED, "sessions", "page_views", "revenue", "revenue_7d", "items", "revenue_p90", "time_p50",
)  # fmt: skip


def _during(days: int | None = None) -> str:
    until = "timestamp '2026-03-30'" if days is None else f"entered.at + interval {days} day"
    return f"filter (where facts.at >= entered.at and facts.at < {until})"


_BEFORE = "filter (where facts.at < entered.at and facts.at >= entered.at - interval 28 day)"


def peer_sql() -> str:
    """One row per metric, variant and segment value (empty: in all): units, sum, sum of squares come first."""
    proportions = [
        f"cast(coalesce(sum(facts.{name}) {_during(days)}, 0) > 0 as integer) as {name}_{days}d"
        for name in EVENTS
        for days in (7, 14)
    ]
    sessions = [
        *proportions,
        f"sum(facts.purchases) {_during()} as purchase_rate", f"count(*) {_during()} as sessions",
        f"sum(facts.page_views) {_during(14)} as views_per_session", f"count(*) {_during(14)} as sessions_14",
        f"sum(facts.page_views) {_during()} as page_views", f"sum(facts.seconds) {_during()} as time_p50",
        f"count(*) {_BEFORE} as sessions_before", f"sum(facts.page_views) {_BEFORE} as page_views_before",
        f"sum(facts.purchases) {_BEFORE} as purchases_before",
    ]  # fmt: skip
    orders = [
        f"sum(facts.net_revenue) {_during()} as revenue", f"count(*) {_during()} as orders",
        f"sum(facts.net_revenue) {_during(7)} as revenue_7d", f"sum(facts.units) {_during()} as items",
        f"sum(facts.net_revenue) {_BEFORE} as revenue_before", f"count(*) {_BEFORE} as orders_before",
        f"sum(facts.units) {_BEFORE} as items_before",
    ]  # fmt: skip
    columns = {**{name: name for name in _VALUES}, "order_value": "revenue", "revenue_p90": "revenue"}
    windows = {
        name: 14 if name.endswith("14d") or name == "views_per_session" else 7 if name.endswith("7d") else 0
        for name in _VALUES
    }
    sums = ", ".join(
        f"count(*) filter (where day_{days} <= last) as n_{name}, "
        f"sum(cast({columns[name]} as double)) filter (where day_{days} <= last) as s_{name}, "
        f"sum(cast({columns[name]} as double) ** 2) filter (where day_{days} <= last) as q_{name}"
        for name, days in windows.items()
    )
    value = " || ".join(f"coalesce('{name}' || {name}, '')" for name in SEGMENTS)
    listed = " union all ".join(
        f"select '{name}' as metric, variant, segment_value, n_{name} as n, coalesce(s_{name}, 0) as s_y from sums"
        for name in COMPARED
    )
    return f"""
        with entered as (
            select visitor_id, min(variant) as variant, min(exposed_at) as at
            from core_experiment_exposures
            group by visitor_id
            having count(distinct variant) = 1
        ),
        last_day as (
            select least(cast(max(exposed_at) as date), cast(max(_ingested_at) as date) - 1) as last
            from core_experiment_exposures
        ),
        sessions as (
            select entered.visitor_id, {", ".join(sessions)}
            from (select *, started_at as at from fct_web_sessions) as facts
            inner join entered on facts.visitor_id = entered.visitor_id
            group by entered.visitor_id
        ),
        orders as (
            select entered.visitor_id, {", ".join(orders)}
            from (select *, ordered_at as at from fct_visitor_orders) as facts
            inner join entered on facts.visitor_id = entered.visitor_id
            group by entered.visitor_id
        ),
        units as (
            select entered.variant, last_day.last,
                cast(entered.at as date) as day_0, cast(entered.at + interval 7 day as date) as day_7,
                cast(entered.at + interval 14 day as date) as day_14, visitors.*, sessions.* exclude (visitor_id),
                orders.* exclude (visitor_id)
            from entered
            cross join last_day
            inner join dim_visitor as visitors on entered.visitor_id = visitors.visitor_id and not visitors.is_bot
            left join sessions on entered.visitor_id = sessions.visitor_id
            left join orders on entered.visitor_id = orders.visitor_id
        ),
        sums as (
            select variant, {value} as segment_value, {sums}
            from units
            group by grouping sets ((variant), {", ".join(f"(variant, {name})" for name in SEGMENTS)})
        )
        {listed} order by all
    """
