"""Rows of kpi_values computed again where rows of a source changed: equal to computing all of them, always.

Belongs here: which periods changed, and bringing these, the ends of segments and completeness up to date, for all KPIs at
once. Not here: what the rows of a day were (days.py), and the SQL of one KPI (values_sql.py).

What a segment's rows are follows from three things: its first period with rows, the last period of all segments, and the
values of periods with rows. So the periods that are touched are replaced, and rows without anything are added at both
ends. Where a segment's first period may have vanished, it is looked up anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import duckdb

from lakehouse.metrics.days import Wanted, computed_together
from lakehouse.metrics.definition import CADENCES
from lakehouse.metrics.values import DAYS
from lakehouse.metrics.values_sql import counts_from_zero, grouped_sql, period_of
from lakehouse.sql_text import identifier, literal
from lakehouse.warehouse.clock import Clock, day

Naming = Callable[[Sequence[Wanted]], AbstractContextManager[None]]
_SERIES = "kpi, cadence, dimension, segment"
_TEMPORARY = ("_kpis", "_touched", "_found", "_spans", "_ends", "_lost", "_firsts", "_segments")


def refresh_values(
    connection: duckdb.DuckDBPyConnection, wanted: Sequence[Wanted], clock: Clock, naming: Naming
) -> list[Wanted]:
    """Brings the rows of known KPIs up to date, and returns those KPIs that must be computed anew.

    wanted: KPIs of the same definition as when they were last computed, and of no earlier as-of date. naming: of KPIs whose
    own SQL runs, what to do with errors.
    """
    if not wanted:
        return []
    _ask(connection, wanted, clock)
    by_name = {one.kpi.name: one for one in wanted}
    rows = _narrow(connection, wanted)
    touched = set(connection.execute("select distinct kpi, cadence from _touched").fetchall())
    for group in computed_together(wanted):
        for cadence in CADENCES:
            kpis = [one.kpi for one in group if (one.kpi.name, cadence) in touched]
            if not kpis:
                continue
            names = ", ".join(literal(kpi.name) for kpi in kpis)
            periods = (
                f"select period_start from _touched where kpi in ({names}) and cadence = {literal(cadence)}"
            )
            among = rows[kpis[0].name], periods
            grouped = grouped_sql(kpis, cadence, group[0].rows.happened, day(group[0].until), among)
            with naming(group):
                # What touched one KPI needn't have touched another.
                connection.execute(
                    "insert into _found select kpi, $1, found.* exclude (kpi) from "
                    f"({grouped}) as found semi join (from _touched where cadence = $1) using (kpi, period_start)",
                    [cadence],
                )
    connection.execute(_ENDS)
    doubtful = {
        row[0] for row in connection.execute("select distinct kpi from _ends where is_doubtful").fetchall()
    }
    _find_firsts(connection, by_name, doubtful, naming)
    for statement in _REPLACE:
        connection.execute(statement)
    _tell_completeness(connection)
    for table in [*_TEMPORARY, *sorted(set(rows.values()))]:
        connection.execute(f"drop table {table}")
    return [by_name[name] for name in sorted(doubtful)]


def _ask(connection: duckdb.DuckDBPyConnection, wanted: Sequence[Wanted], clock: Clock) -> None:
    """_kpis: a row per KPI and cadence; _touched: its periods with a day whose rows are others than they were."""
    rows = ", ".join(
        f"({literal(one.kpi.name)}, {literal(cadence)}, {DAYS[cadence]}, {period_of(day(clock.as_of), cadence)}, {day(one.complete)}, "
        f"{day(one.until)}, {counts_from_zero(one.kpi)})"
        for one in wanted
        for cadence in one.kpi.cadence
    )
    connection.execute(f"create or replace temp table _kpis as {_KPIS.format(rows=rows)}")
    connection.execute(_TOUCHED)
    connection.execute(
        "create or replace temp table _found (kpi varchar, cadence varchar, period_start date, dimension varchar, "
        "segment varchar, numerator decimal(38, 6), denominator decimal(38, 6), value double, n bigint)"
    )
    connection.execute(
        "create or replace temp table _spans as from meta_kpi_segments semi join _kpis using (kpi, cadence)"
    )


def _narrow(connection: duckdb.DuckDBPyConnection, wanted: Sequence[Wanted]) -> dict[str, str]:
    """KPI -> a temporary table with what is read of its source's rows in touched weeks: a source is read once for all."""
    tables: dict[str, str] = {}
    groups: dict[tuple[str, str], list[Wanted]] = {}
    for one in wanted:
        groups.setdefault((one.rows.source, one.rows.happened), []).append(one)
    for number, ((source, happened), group) in enumerate(groups.items()):
        names = [one.kpi.name for one in group]
        columns = sorted({column for one in group for column in (*one.rows.columns, one.rows.time.lower())})
        tables |= dict.fromkeys(names, f"_rows_{number}")
        connection.execute(
            f"create or replace temp table _rows_{number} as select {', '.join(map(identifier, columns))} "
            f"from {identifier(source)} where {period_of(happened, 'weekly')} in "
            "(select cast(date_trunc('week', period_start) as date) from _touched where list_contains($1::varchar[], kpi))",
            [names],
        )
    return tables


def _tell_completeness(connection: duckdb.DuckDBPyConnection) -> None:
    """Of the periods of which it may have changed."""
    since = connection.execute(
        "select min(case when begun is distinct from former_begun then date '0001-01-01' "
        "when complete <> former_complete then least(complete, former_complete) - days end) from _ends"
    ).fetchall()[0][0]
    if since is not None:
        connection.execute(_COMPLETENESS, [since])


def _find_firsts(
    connection: duckdb.DuckDBPyConnection, by_name: dict[str, Wanted], doubtful: set[str], naming: Naming
) -> None:
    """_firsts: of segments whose first period has no rows any more, the first one that has, if any."""
    connection.execute(_LOST)
    connection.execute(
        "create or replace temp table _firsts (kpi varchar, cadence varchar, dimension varchar, segment varchar, first_period date)"
    )
    for name, cadence in connection.execute(
        "select distinct kpi, cadence from _lost order by all"
    ).fetchall():
        one = by_name[name]
        if name in doubtful:
            continue
        grouped = grouped_sql([one.kpi], cadence, one.rows.happened, day(one.until))
        with naming([one]):
            connection.execute(
                f"insert into _firsts select $1, $2, dimension, segment, min(period_start) from ({grouped}) "
                "semi join (select dimension, segment from _lost where kpi = $1 and cadence = $2) using (dimension, segment) "
                "group by dimension, segment",
                [name, cadence],
            )


_KPIS = """
    select known.*, made.rows_of, made.until as former_until, made.complete as former_complete,
        made.begun as former_begun, begun.begun
    from (values {rows}) known(kpi, cadence, days, as_of_period, complete, until, from_zero)
    join meta_kpi_made as made using (kpi)
    left join (select rows_of, min(day) as begun from _days group by rows_of) as begun using (rows_of)
"""

_TOUCHED = """
    create or replace temp table _touched as
    with asked as (select distinct kpi, rows_of, until, former_until from _kpis),
    now as (select asked.kpi, days.* from _days as days join asked using (rows_of) where day <= asked.until),
    before as (
        select asked.kpi, days.* from meta_kpi_days as days join asked using (rows_of) where day <= asked.former_until
    ),
    changed as (
        select kpi, day from now full join before using (kpi, day)
        where (now.rows, now.total, now.mixed) is distinct from (before.rows, before.total, before.mixed)
    )
    select distinct kpi, cadence,
        case cadence when 'daily' then day else cast(date_trunc('week', day) as date) end as period_start
    from changed join _kpis using (kpi)
"""

# Later than the as-of date's, the last period is the last one with rows; when these vanish, another one may be.
_ENDS = """
    create or replace temp table _ends as
    with former as (select kpi, cadence, max(last_period) as former_last from _spans group by all),
    found as (select kpi, cadence, max(period_start) as found_last from _found group by all)
    select _kpis.*, former_last, greatest(as_of_period, found_last, former_last) as last_period,
        coalesce(
            former_last > as_of_period
            and exists (
                from _touched where _touched.kpi = _kpis.kpi and _touched.cadence = _kpis.cadence and period_start = former_last
            )
            and not exists (
                from _found where _found.kpi = _kpis.kpi and _found.cadence = _kpis.cadence and period_start = former_last
            ), false
        ) as is_doubtful
    from _kpis left join former using (kpi, cadence) left join found using (kpi, cadence)
"""

_LOST = f"""
    create or replace temp table _lost as
    select {_SERIES} from _spans
    semi join _touched on _spans.kpi = _touched.kpi and _spans.cadence = _touched.cadence
        and first_period = period_start
    anti join _found on _spans.kpi = _found.kpi and _spans.cadence = _found.cadence
        and _spans.dimension = _found.dimension and _spans.segment = _found.segment and first_period = period_start
"""

_REPLACE = (
    # Segments with their former and their present first period, null for one that wasn't or isn't there.
    f"""
    create or replace temp table _segments as
    with found as (select {_SERIES}, min(period_start) as found_first from _found group by all)
    select {_SERIES}, spans.first_period as former_first,
        case when _lost.kpi is null then least(spans.first_period, found_first) else _firsts.first_period end as first_period
    from _spans as spans
    full join found using ({_SERIES})
    left join _lost using ({_SERIES})
    left join _firsts using ({_SERIES})
    """,
    """
    delete from kpi_values using _touched
    where kpi_values.period_start between (select min(period_start) from _touched) and (select max(period_start) from _touched)
        and kpi_values.kpi = _touched.kpi and kpi_values.cadence = _touched.cadence
        and kpi_values.period_start = _touched.period_start
    """,
    """
    delete from kpi_values using _segments as segments
    where kpi_values.kpi = segments.kpi and kpi_values.cadence = segments.cadence
        and kpi_values.dimension = segments.dimension and kpi_values.segment = segments.segment
        and (segments.first_period is null or segments.first_period > segments.former_first)
        and (segments.first_period is null or kpi_values.period_start < segments.first_period)
    """,
    f"""
    insert into kpi_values
    with series as (
        select _segments.*, ends.days, ends.last_period, ends.former_last, ends.complete, ends.begun, ends.from_zero
        from _segments join _ends as ends using (kpi, cadence)
        where first_period is not null and not ends.is_doubtful
    ),
    periods as (
        select {_SERIES}, period_start from series join _touched using (kpi, cadence)
        where period_start between first_period and last_period
        union
        select {_SERIES}, cast(unnest(generate_series(
            greatest(former_last + days, first_period), last_period, to_days(days))) as date)
        from series where former_first is not null
        union
        select {_SERIES}, cast(unnest(generate_series(
            first_period, coalesce(former_first - days, last_period), to_days(days))) as date)
        from series
    )
    select {_SERIES.replace("cadence, ", "cadence, period_start, ")},
        case when found.n is null then case when from_zero then 0 end else found.numerator end,
        found.denominator,
        case when found.n is null then case when from_zero then 0 end else found.value end,
        coalesce(found.n, 0),
        period_start + days - 1 <= complete and period_start >= begun
    from periods join series using ({_SERIES})
    left join _found as found using ({_SERIES}, period_start)
    """,
    """
    delete from meta_kpi_segments where kpi in (select kpi from _kpis)
    """,
    f"""
    insert into meta_kpi_segments
    select {_SERIES}, first_period, last_period from _segments join _ends using (kpi, cadence)
    where first_period is not null
    """,
)

_COMPLETENESS = """
    update kpi_values set is_complete = not is_complete from _ends as ends
    where kpi_values.kpi = ends.kpi and kpi_values.cadence = ends.cadence and kpi_values.period_start >= $1
        and is_complete <> (period_start + days - 1 <= complete and period_start >= begun)
"""
