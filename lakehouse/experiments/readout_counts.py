"""Who was seen in an experiment, counted: by day, by cluster, and by the reason that leaves them out.

Belongs here: counts over exp_eligibility. Not here: what health and refusals make of them (health.py, readout.py).
"""

from __future__ import annotations

from datetime import date

from lakehouse.experiments.health import UnitCounts
from lakehouse.experiments.readout_design import ReadoutDesign
from lakehouse.experiments.readout_source import Tables, day_of


def counts_of(tables: Tables, design: ReadoutDesign, time_zone: str = "UTC") -> UnitCounts:
    """Who was seen, by day of the business time zone; and whole clusters, where no cluster holds two variants."""
    by_day: dict[date, dict[str, int]] = {}
    for row in tables.rows(_BY_DAY, [design.id, time_zone], "exp_eligibility"):
        by_day.setdefault(day_of(row["day"]), {})[row["variant"]] = row["units"]
    found = next(tables.rows(_CONTAMINATED, [design.id], "exp_eligibility"), {"twice": 0, "seen": 0})
    clusters: dict[str, int] = {}
    if design.is_clustered and not is_spanning(tables, design):
        clusters = {
            row["variant"]: row["clusters"] for row in tables.rows(_CLUSTERS, [design.id], "exp_eligibility")
        }
    left_out = {row["reason"]: row["units"] for row in tables.rows(_LEFT_OUT, [design.id], "exp_eligibility")}
    unknown = [row["variant"] for row in tables.rows(_UNKNOWN, [design.id], "exp_eligibility")]
    return UnitCounts(by_day, clusters, found["twice"], found["seen"], left_out, tuple(unknown))


def is_spanning(tables: Tables, design: ReadoutDesign) -> bool:
    """Whether a cluster holds units of several variants: then units were assigned, not clusters."""
    return next(tables.rows(_SPANNING, [design.id], "exp_eligibility"), None) is not None


_BY_DAY = """
select
    variant,
    cast(cast(first_exposed_at as timestamp) at time zone 'UTC' at time zone $2 as date) as day,
    count(*) as units
from exp_eligibility
where experiment_id = $1 and is_eligible
group by all
"""

_CONTAMINATED = """
select count(*) filter (is_contaminated) as twice, count(*) as seen
from exp_eligibility
where experiment_id = $1 and (is_eligible or exclusion_reason = 'contaminated')
"""

_LEFT_OUT = """
select exclusion_reason as reason, count(*) as units
from exp_eligibility
where experiment_id = $1 and not is_eligible and exclusion_reason is not null
group by all
order by units desc, reason
"""

_UNKNOWN = """
select distinct coalesce(variant, '(none)') as variant
from exp_eligibility
where experiment_id = $1 and exclusion_reason = 'unknown_variant'
order by variant
limit 5
"""

_CLUSTERS = """
select variant, count(distinct coalesce('c' || cluster_id, 'u' || unit_id)) as clusters
from exp_eligibility
where experiment_id = $1 and is_eligible
group by all
"""

_SPANNING = """
select cluster_id
from exp_eligibility
where experiment_id = $1 and is_eligible and cluster_id is not null
group by cluster_id
having count(distinct variant) > 1
limit 1
"""
