"""Whether the lake has what KPIs read: published tables, their columns, and SQL for DuckDB to judge the types.

Not here: what one YAML file alone gets wrong (definition.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lakehouse.configuration import describe, nearest
from lakehouse.contracts import Contract
from lakehouse.metrics.company_calendar import CompanyCalendar
from lakehouse.metrics.definition import Kpi
from lakehouse.metrics.promotions import ENDS_ON, STARTS_ON
from lakehouse.sql_text import identifier
from lakehouse.warehouse.fitting import Fitting, quoted
from lakehouse.warehouse.model import Model

# What readers find in the published copy, and so what a KPI can be looked up in.
SOURCE_GROUPS = ("dims", "facts", "marts")
OF_ROWS = "A filter is a truth of one row: country = 'DE', not is_bot."
OF_PERIODS = "A period's value is a number: sum(amount), count(*), count(distinct customer_id)."


def source_columns(models: Iterable[Model]) -> dict[str, tuple[str, ...]]:
    """The tables that KPIs may read."""
    return {model.name: model.columns for model in models if model.group in SOURCE_GROUPS}


def fit_kpis(kpis: Iterable[Kpi], tables: Mapping[str, tuple[str, ...]]) -> Fitting:
    """Every mistake of every KPI, and what DuckDB is to try."""
    fitting = Fitting()
    for kpi in kpis:
        if fitting.has_table(kpi.shown, "source", kpi.source, tables, "a published model"):
            _fit(fitting, kpi, tables[kpi.source])
    return fitting


def _fit(fitting: Fitting, kpi: Kpi, columns: tuple[str, ...]) -> None:
    shown, source = kpi.shown, kpi.source
    if fitting.has_column(shown, "time", kpi.time, source, columns):
        # Fails on whatever is no date and no timestamp.
        fitting.tried(shown, "time", f"date_trunc('day', {identifier(kpi.time)})", source)
    if kpi.top is not None:
        fitting.has_column(shown, "top.by", kpi.top.by, source, columns)
    for key, text in kpi.expressions.items():
        tree = fitting.tree(shown, key, text, source, columns, is_aggregate=True)
        if tree is not None:
            # A number times one stays a number; a text, a date or a truth can't be multiplied.
            fitting.tried(shown, key, f"({quoted(tree)}) * 1", source, OF_PERIODS)
    if kpi.filter is not None:
        tree = fitting.tree(shown, "filter", kpi.filter, source, columns, is_aggregate=False)
        if tree is not None:
            fitting.tried(shown, "filter", f"bool_and({quoted(tree)})", source, OF_ROWS)
    for name, text in kpi.dimensions.items():
        key = f"dimensions.{name}"
        if text == name and name not in columns:
            fitting.has_column(shown, "dimensions", name, source, columns)
            continue
        tree = fitting.tree(shown, key, text, source, columns, is_aggregate=False)
        if tree is not None:
            fitting.tried(shown, key, quoted(tree), source)


def fit_calendars(
    fitting: Fitting, kpis: Iterable[Kpi], company: CompanyCalendar, contracts: Mapping[str, Contract]
) -> None:
    """The feeds that tell promotions are the lake's, and tell their first and last day."""
    named = [
        (kpi.shown, "calendar.promotions", kpi.calendar.promotions)
        for kpi in kpis
        if "promotions" in kpi.calendar.model_fields_set
    ]
    for shown, key, feed in [
        (company.file_of["promotions"], "promotions", company.calendar.promotions),
        *named,
    ]:
        if feed is None:
            continue
        if feed not in contracts:
            hint = nearest(feed, contracts)
            fitting.told(shown, key, ValueError(f"expected a feed, found {describe(feed)}\n{hint}"))
            continue
        columns = contracts[feed].columns
        for wanted in (STARTS_ON, ENDS_ON):
            if wanted in columns and columns[wanted].type == "date":
                continue
            found = f"a {columns[wanted].type}" if wanted in columns else f"none in {describe(feed)}"
            hint = nearest(wanted, columns) if wanted not in columns else "Make it of type date."
            fitting.told(
                shown, key, ValueError(f"expected a feed with a date {wanted}, found {found}\n{hint}")
            )
