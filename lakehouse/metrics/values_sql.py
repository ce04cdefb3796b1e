"""The SQL that computes one KPI by one cadence: a row per period and segment that has rows.

Belongs here: turning a definition's admitted expressions into one SELECT. Not here: periods without rows, completeness
and writing (values.py).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cache

from sqlglot import exp

from lakehouse.metrics.definition import Kpi
from lakehouse.sql_text import identifier, literal
from lakehouse.warehouse.clock import Clock
from lakehouse.warehouse.expressions import aggregate, per_row
from lakehouse.warehouse.fitting import quoted

UNKNOWN = "Unknown"
# Six places hold a price of four times a rate, and 32 digits before the point any sum.
EXACT = "decimal(38, 6)"
_ADDED = (exp.Add, exp.Sub, exp.Neg, exp.Paren)


def period_of(day: str, cadence: str) -> str:
    """The first day of a day's period. Weeks start on Monday."""
    return day if cadence == "daily" else f"cast(date_trunc('week', {day}) as date)"


def is_additive(kpi: Kpi) -> bool:
    """Whether the values of parts sum to the whole's: sums and counts, and sums of these."""
    return kpi.value is not None and kpi.top is None and sums_up(kpi.value)


def counts_from_zero(kpi: Kpi) -> bool:
    """Whether a period without rows has the value 0: sums and counts do, distinct ones, too."""
    return kpi.value is not None and kpi.top is None and sums_up(kpi.value, may_be_distinct=True)


@cache
def sums_up(text: str, *, may_be_distinct: bool = False) -> bool:
    """Whether an aggregate's values of parts sum to the whole's; distinct counts do where nobody is in two parts."""
    return _is_sum(aggregate(text), may_be_distinct=may_be_distinct)


def number_sql(text: str) -> str:
    """An aggregate as a finite float; 0 where it has no value."""
    return f"coalesce({_double(_computed(text))}, 0)"


def label_sql(text: str) -> str:
    """The segment of a row by one dimension."""
    return f"coalesce(nullif(cast({quoted(per_row(text))} as varchar), ''), {literal(UNKNOWN)})"


def happened_on(kpi: Kpi, clock: Clock, *, is_timestamp: bool) -> str:
    """The business day of a row of its source."""
    time = identifier(kpi.time)
    return clock.day_of(time) if is_timestamp else f"cast({time} as date)"


def grouped_alike(kpi: Kpi) -> Hashable:
    """What KPIs share that one pass over their rows can group; a KPI with top goes alone."""
    alone = kpi.name if kpi.top is not None else ""
    return kpi.source, kpi.time, kpi.filter, tuple(kpi.dimensions.items()), alone


def grouped_sql(
    kpis: Sequence[Kpi], cadence: str, happened: str, until: str, among: tuple[str, str] | None = None
) -> str:
    """Columns kpi, period_start, dimension, segment, numerator, denominator, value, n, of KPIs that are grouped alike.

    happened: the day of a row; until: the last day whose rows count; both as SQL. among: a table that has what is read of the
    source's rows of the periods that are wanted, and a SELECT of these; all unless given.
    """
    kpi = kpis[0]
    names = list(kpi.dimensions)
    labels = [f"{label_sql(text)} as _d{number}" for number, text in enumerate(kpi.dimensions.values())]
    # Rows without a day don't pass.
    kept = [f"{happened} <= {until}"]
    source, periods = (kpi.source, None) if among is None else among
    if periods is not None:
        kept.append(f"{period_of(happened, cadence)} in ({periods})")
    if kpi.filter is not None:
        kept.append(f"({quoted(per_row(kpi.filter))})")
    selected = ", ".join(["*", f"{period_of(happened, cadence)} as _period", *labels])
    rows = f"select {selected} from {identifier(source)} where {' and '.join(kept)}"
    inner = ["_period"] if kpi.top is None else ["_period", identifier(kpi.top.by)]
    sets = [inner, *([*inner, f"_d{number}"] for number in range(len(names)))]
    grouping = ", ".join(f"({', '.join(one)})" for one in sets)
    keys = (
        f"_period as period_start, {_cases(names, literal, '_dimension')}, {_cases(names, None, '_segment')}"
    )
    if kpi.top is not None:
        return _top_sql(kpi, rows, keys, grouping)
    # Aggregates that KPIs have in common are computed once.
    parts = ", ".join(_parts(one, number) for number, one in enumerate(kpis))
    each = " union all ".join(
        f"select {literal(one.name)} as kpi, period_start, _dimension as dimension, _segment as segment, "
        f"_above{number} as numerator, _below{number} as denominator, _value{number} as value, _n{number} as n from _grouped"
        for number, one in enumerate(kpis)
    )
    return (
        f"with _rows as ({rows}), _grouped as materialized "
        f"(select {keys}, {parts} from _rows group by grouping sets ({grouping})) {each}"
    )


def _parts(kpi: Kpi, number: int) -> str:
    """The aggregates of one of the KPIs."""
    if kpi.value is not None:
        value = _computed(kpi.value)
        exact, below, shown = _exact(value), f"cast(null as {EXACT})", _double(value)
    else:
        above, under = _computed(str(kpi.numerator)), _computed(str(kpi.denominator))
        exact, below, shown = _exact(above), _exact(under), _ratio(above, under)
    return f"{exact} as _above{number}, {below} as _below{number}, {shown} as _value{number}, {_count(kpi)} as _n{number}"


def _top_sql(kpi: Kpi, rows: str, keys: str, grouping: str) -> str:
    top, value = kpi.top, str(kpi.value)
    if top is None:
        raise ValueError(f"expected a KPI with top, found {kpi.name}")
    # Of equal groups the first by name counts, so that the order of rows decides nothing.
    ranked = (
        "select *, row_number() over (partition by period_start, _dimension, _segment "
        "order by _value desc nulls last, _by) as _rank from _groups"
    )
    above = f"coalesce(sum(_value) filter (where _rank <= {top.count} and _value > 0), 0)"
    return (
        f"with _rows as ({rows}), "
        f"_groups as (select {keys}, {identifier(top.by)} as _by, {_computed(value)} as _value, {_count(kpi)} as _n "
        f"from _rows group by grouping sets ({grouping})), _ranked as ({ranked}) "
        f"select {literal(kpi.name)} as kpi, period_start, _dimension as dimension, _segment as segment, "
        f"{_exact(above)} as numerator, {_exact('sum(_value)')} as denominator, {_ratio(above, 'sum(_value)')} as value, "
        "cast(sum(_n) as bigint) as n from _ranked group by all"
    )


def _cases(names: list[str], name: object, alias: str) -> str:
    """The dimension, or the segment, of a grouped row; '' for the whole."""
    if not names:
        return f"'' as {alias}"
    whens = " ".join(
        f"when grouping(_d{number}) = 0 then {literal(one) if name is literal else f'_d{number}'}"
        for number, one in enumerate(names)
    )
    return f"case {whens} else '' end as {alias}"


def _count(kpi: Kpi) -> str:
    if kpi.n is None:
        return "count(*)"
    return f"coalesce(try_cast({_computed(kpi.n)} as bigint), 0)"


def _computed(text: str) -> str:
    """An aggregate as SQL whose sums over no row are 0; where rows are there and all their values null, so is the sum."""
    tree = exp.paren(aggregate(text), copy=False)
    for one in list(tree.find_all(exp.Sum)):
        whole = one.parent if isinstance(one.parent, exp.Filter) else one
        counted: exp.Expr = exp.Count(this=exp.Star())
        if isinstance(whole, exp.Filter):
            counted = exp.Filter(this=counted, expression=whole.expression.copy())
        found = exp.Case().when(exp.EQ(this=counted, expression=exp.Literal.number(0)), exp.Literal.number(0))
        whole.replace(found.else_(whole.copy()))
    return quoted(tree)


def _exact(value: str) -> str:
    return f"try_cast({value} as {EXACT})"


def _double(value: str) -> str:
    """As a float that is finite, or null."""
    number = f"try_cast({value} as double)"
    return f"case when isfinite({number}) then {number} end"


def _ratio(above: str, below: str) -> str:
    return _double(f"(cast({above} as double) / nullif(cast({below} as double), 0))")


def _is_sum(tree: exp.Expr, *, may_be_distinct: bool = False) -> bool:
    """A sum or count, or sums and differences of them."""
    if isinstance(tree, exp.Filter):
        return _is_sum(tree.this, may_be_distinct=may_be_distinct)
    if isinstance(tree, exp.Sum | exp.Count | exp.CountIf):
        return may_be_distinct or tree.find(exp.Distinct) is None
    if isinstance(tree, _ADDED):
        parts = [part for part in (tree.args.get("this"), tree.args.get("expression")) if part is not None]
        return all(_is_sum(part, may_be_distinct=may_be_distinct) for part in parts)
    return False
