"""What a readout reads from the warehouse: sums, values at ranks, panels.

Belongs here: queries over the exp_ tables, and their rows as plain values. Not here: who was seen (readout_counts.py),
what is made of them (readout.py), and the tables' own making.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import numpy as np

from lakehouse.experiments.readout_compare import Crossed
from lakehouse.experiments.readout_counts import is_spanning
from lakehouse.experiments.readout_design import MetricPlan, ReadoutDesign
from lakehouse.experiments.readout_metric import Evidence
from lakehouse.experiments.readout_quasi import PanelRows
from lakehouse.experiments.readout_source import Tables, day_of
from lakehouse.experiments.readout_sums import Sums
from lakehouse.experiments.readout_words import units
from lakehouse.stats.quantiles import QuantileEstimate, rank_interval


def evidence_of(tables: Tables, design: ReadoutDesign) -> Evidence:
    """Everything that a randomized experiment's readout is made from."""
    key = [design.id]
    daily: dict[tuple[str, str], dict[date, Sums]] = {}
    # Looks are at every metric, the picture of the days is of the primary one.
    wanted = [metric.name for metric in design.metrics]
    if design.sequential.method == "none":
        wanted = wanted[:1]
    for row in tables.rows(_DAILY, [design.id, wanted], "exp_daily"):
        daily.setdefault((row["metric"], row["variant"]), {})[day_of(row["date"])] = Sums.from_row(row)
    quantiles = [metric for metric in design.metrics if metric.kind == "quantile"]
    return Evidence(
        aggregates={
            (row["metric"], row["variant"], row["handling"], row["level"]): Sums.from_row(row)
            for row in tables.rows(
                "select * from exp_aggregate where experiment_id = $1", key, "exp_aggregate"
            )
        },
        daily=daily,
        segments={
            (row["metric"], row["variant"], row["segment"], str(row["segment_value"])): Sums.from_row(row)
            for row in tables.rows(
                "select * from exp_deep_dive where experiment_id = $1 and segment_value is not null",
                key,
                "exp_deep_dive",
            )
        },
        quantiles={
            (metric.name, variant): found
            for metric in quantiles
            for variant in design.shares
            if (found := _quantile(tables, design, metric, variant)) is not None
        },
        crossed=_crossed(tables, design),
        unmatched={
            row["metric"]: row["source"] for row in tables.rows(_UNMATCHED, [design.id], "exp_metrics")
        },
        unreadable=unreadable_of(tables, design),
    )


def unreadable_of(tables: Tables, design: ReadoutDesign) -> dict[str, str]:
    """Metrics with values that are no numbers: they count as 0, or as absent, and a readout of that would mislead."""
    found = {}
    for row in tables.rows(_NOT_FINITE, [design.id], "exp_metrics"):
        n, source = row["not_finite"], row["source"]
        counted = f"{units(n)} {'has' if n == 1 else 'have'} a value"
        if design.quasi is not None:
            counted = f"for {n:,} pair{'' if n == 1 else 's'} of unit and period there is a value"
        told = "that is infinite or not a number: mend the data, or leave such rows out"
        found[row["metric"]] = f"{counted} in {source} {told}"
    return found


def panels_of(tables: Tables, design: ReadoutDesign) -> dict[str, PanelRows]:
    """Every metric's panel of a quasi-experiment."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in tables.rows(_PANEL, [design.id], "exp_panel"):
        found.setdefault(row["metric"], []).append(row)
    return {
        metric: PanelRows(
            unit=np.array([str(row["unit_id"]) for row in rows]),
            period=_times(row["period"] for row in rows),
            adopted=_times(row["adopted"] for row in rows),
            value=np.array([math.nan if row["value"] is None else float(row["value"]) for row in rows]),
        )
        for metric, rows in found.items()
    }


_NOT_FINITE = """
select metric, source, not_finite
from exp_metrics
where experiment_id = $1 and not_finite > 0
"""

_DAILY = "select * from exp_daily where experiment_id = $1 and list_contains($2::varchar[], metric)"

_UNMATCHED = """
select metric, source from exp_metrics where experiment_id = $1 and units > 0 and missing = units
"""

_PANEL = "select metric, unit_id, period, adopted, value from exp_panel where experiment_id = $1 order by all"

_AT_RANKS = """
with ranked as (
    select numerator, row_number() over (order by numerator) as place
    from exp_base
    where experiment_id = $1 and metric = $2 and variant = $3 and is_mature and isfinite(numerator)
)

select place, numerator from ranked where list_contains($4, place)
"""

_MATURE = """
select count(*) as units
from exp_base
where experiment_id = $1 and metric = $2 and variant = $3 and is_mature and isfinite(numerator)
"""


# Per metric and cluster both arms' sums, an arm that the cluster doesn't hold being 0; then sums over clusters. A unit
# of no known cluster is one by itself. Values are whole numbers of a last binary digit, as few that no sum of products
# leaves 128 bits: such sums are the same in whatever order the units stand.
_CROSSED = """
with members as (
    select unit_id, coalesce('c' || cluster_id, 'u' || unit_id) as cluster
    from exp_eligibility
    where experiment_id = $1 and is_eligible
),

known as (
    select
        base.metric,
        members.cluster,
        base.variant,
        base.numerator as y,
        case when list_contains($4, base.metric) then base.denominator else 1 end as d
    from exp_base as base
    inner join members on members.unit_id = base.unit_id
    where base.experiment_id = $1 and base.is_mature and base.variant in ($2, $3)
),

scales as (
    select
        metric,
        pow(2.0, 60 - ceil(log2(count(*) * coalesce(nullif(max(abs(y)), 0), 1)))) as per_y,
        pow(2.0, 60 - ceil(log2(count(*) * coalesce(nullif(max(abs(d)), 0), 1)))) as per_d
    from known
    group by metric
),

sums as (
    select
        known.metric,
        known.cluster,
        any_value(scales.per_y) as per_y,
        any_value(scales.per_d) as per_d,
        coalesce(sum(cast(round(y * per_y) as bigint)) filter (known.variant = $2), 0) as v0,
        coalesce(sum(cast(round(d * per_d) as bigint)) filter (known.variant = $2), 0) as v1,
        coalesce(sum(cast(round(y * per_y) as bigint)) filter (known.variant = $3), 0) as v2,
        coalesce(sum(cast(round(d * per_d) as bigint)) filter (known.variant = $3), 0) as v3
    from known
    inner join scales on known.metric = scales.metric
    group by known.metric, known.cluster
)

select
    metric, count(*) as clusters,
    sum(v0) / per_y as s0, sum(v1) / per_d as s1, sum(v2) / per_y as s2, sum(v3) / per_d as s3,
    sum(v0 * v0) / per_y / per_y as p00, sum(v0 * v1) / per_y / per_d as p01,
    sum(v0 * v2) / per_y / per_y as p02, sum(v0 * v3) / per_y / per_d as p03,
    sum(v1 * v1) / per_d / per_d as p11, sum(v1 * v2) / per_d / per_y as p12,
    sum(v1 * v3) / per_d / per_d as p13, sum(v2 * v2) / per_y / per_y as p22,
    sum(v2 * v3) / per_y / per_d as p23, sum(v3 * v3) / per_d / per_d as p33
from sums
group by metric, per_y, per_d
"""


def _crossed(tables: Tables, design: ReadoutDesign) -> dict[tuple[str, str], Crossed]:
    """Both arms' sums over all clusters, where units were assigned within clusters; none where clusters were."""
    if not design.is_clustered or not is_spanning(tables, design):
        return {}
    ratios = [metric.name for metric in design.metrics if metric.kind == "ratio"]
    found: dict[tuple[str, str], Crossed] = {}
    for variant in design.treatments:
        for row in tables.rows(_CROSSED, [design.id, variant, design.control, ratios], "exp_base"):
            found[row["metric"], variant] = Crossed.from_row(row)
    return found


def _quantile(
    tables: Tables, design: ReadoutDesign, metric: MetricPlan, variant: str
) -> QuantileEstimate | None:
    """The quantile and its bounds, read at their ranks in one sort; None for too few units."""
    probability = metric.quantile or 0.5
    key = [design.id, metric.name, variant]
    counted = next(tables.rows(_MATURE, key, "exp_base"), None)
    n = int(counted["units"]) if counted else 0
    try:
        ranks = rank_interval(n, probability, design.alpha)
    except ValueError:
        return None
    # As quantile_cont: linear between the two values around (n - 1) * probability.
    position = (n - 1) * probability
    below = math.floor(position)
    wanted = [ranks.low, ranks.high, below + 1, min(below + 2, n)]
    at = {row["place"]: float(row["numerator"]) for row in tables.rows(_AT_RANKS, [*key, wanted], "exp_base")}
    low, high = at[below + 1], at[min(below + 2, n)]
    estimate = low + (high - low) * (position - below)
    return QuantileEstimate(n, estimate, at[ranks.low], at[ranks.high])


def _times(values: Iterable[object]) -> np.typing.NDArray[np.float64]:
    """Periods as numbers that rise with time: days for dates, the number itself otherwise, infinite for none."""
    return np.array([_time(value) for value in values], dtype=np.float64)


def _time(value: object) -> float:
    if value is None:
        return math.inf
    if isinstance(value, datetime):
        return (
            value.toordinal()
            + (value - value.replace(hour=0, minute=0, second=0, microsecond=0)).seconds / 86_400
        )
    if isinstance(value, date):
        return float(value.toordinal())
    try:
        return float(str(value))
    except ValueError:
        return _time(datetime.fromisoformat(str(value)))
