"""kpi_changes: every complete period beside an earlier complete one, and beside its target.

A comparison keeps the day of the week: a week is 7 days back, a month 4 weeks, a year 52. It is a view, as each period
would be written up to four times, and most of them nobody reads. Not here: whether a change is more than noise.
"""

from __future__ import annotations

CHANGES = "kpi_changes"

# A series has no gaps, so that so many rows back are so many periods back.
CHANGES_SQL = """
with judged as (
    select kpi, cadence, period_start, dimension, segment,
        case when is_complete then value end as value,
        case cadence when 'daily' then 7 else 1 end as week
    from kpi_values
),
beside as (
    select kpi, cadence, period_start, dimension, segment, value,
        lag(value, week) over series as week_before,
        lag(value, 4 * week) over series as month_before,
        lag(value, 52 * week) over series as year_before
    from judged
    window series as (partition by kpi, cadence, dimension, segment order by period_start)
),
pairs as (
    select kpi, cadence, period_start, dimension, segment, 'WoW' as comparison, value, week_before as base from beside
    union all
    select kpi, cadence, period_start, dimension, segment, 'MoM' as comparison, value, month_before as base from beside
    union all
    select kpi, cadence, period_start, dimension, segment, 'YoY' as comparison, value, year_before as base from beside
    union all
    select judged.kpi, judged.cadence, judged.period_start, judged.dimension, judged.segment, 'target' as comparison,
        judged.value, definitions.targets[judged.cadence] as base
    from judged
    join kpi_definitions as definitions on judged.kpi = definitions.kpi
    where judged.dimension = ''
)
select pairs.kpi, pairs.cadence, pairs.period_start, pairs.dimension, pairs.segment, pairs.comparison, pairs.value,
    pairs.base, pairs.value - pairs.base as change,
    case
        when isfinite((pairs.value - pairs.base) / nullif(abs(pairs.base), 0))
            then (pairs.value - pairs.base) / nullif(abs(pairs.base), 0)
    end as relative_change,
    case
        when definitions.direction = 'neither' then null
        when pairs.value = pairs.base then case when pairs.comparison = 'target' then true end
        else (pairs.value > pairs.base) = (definitions.direction = 'up')
    end as is_better
from pairs
join kpi_definitions as definitions on pairs.kpi = definitions.kpi
where pairs.value is not null and pairs.base is not null and isfinite(pairs.value - pairs.base)
"""
