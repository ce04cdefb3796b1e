"""Rows of kpi_changes: every complete period beside an earlier complete one, and beside its target.

A comparison keeps the day of the week: a week is 7 days back, a month 4 weeks, a year 52. Not here: whether a change
is more than noise.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from lakehouse.metrics.definition import Kpi

BACK_DAYS = {"WoW": 7, "MoM": 28, "YoY": 364}
TARGET = "target"

_COMPARED = """
insert into kpi_changes
with judged as (select * from kpi_values where is_complete and value is not null),
back as (select unnest($1::varchar[]) as comparison, unnest($2::integer[]) as days),
pairs as (
    select judged.kpi, judged.cadence, judged.period_start, judged.dimension, judged.segment, back.comparison,
        judged.value, base.value as base
    from judged
    cross join back
    join judged as base
        on base.kpi = judged.kpi and base.cadence = judged.cadence and base.dimension = judged.dimension
        and base.segment = judged.segment and base.period_start = judged.period_start - back.days
    union all
    select judged.kpi, judged.cadence, judged.period_start, judged.dimension, judged.segment, 'target',
        judged.value, targets.target
    from judged
    join _targets as targets on targets.kpi = judged.kpi and targets.cadence = judged.cadence
    where judged.dimension = ''
),
changed as (select *, value - base as change from pairs)
select kpi, cadence, period_start, dimension, segment, comparison, value, base, change,
    case when isfinite(change / nullif(abs(base), 0)) then change / nullif(abs(base), 0) end,
    case
        when direction = 'neither' then null
        when change = 0 then case when comparison = 'target' then true end
        else (change > 0) = (direction = 'up')
    end
from changed
join kpi_definitions using (kpi)
where isfinite(change)
order by kpi, cadence, dimension, segment, period_start, comparison
"""


def add_changes(connection: duckdb.DuckDBPyConnection, kpis: Iterable[Kpi]) -> None:
    """Fills kpi_changes from kpi_values and kpi_definitions."""
    connection.execute("create or replace temp table _targets (kpi varchar, cadence varchar, target double)")
    for kpi in kpis:
        for cadence in kpi.cadence:
            target = kpi.target_for(cadence)
            if target is not None:
                connection.execute("insert into _targets values ($1, $2, $3)", [kpi.name, cadence, target])
    connection.execute(_COMPARED, [list(BACK_DAYS), list(BACK_DAYS.values())])
    connection.execute("drop table _targets")
