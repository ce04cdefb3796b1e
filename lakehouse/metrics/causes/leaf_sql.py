"""The leaves of one KPI: rows of its source by period and full combination of its dimensions.

Belongs here: whether a KPI has leaves at all, their SQL, reading them, and keeping their number sane. Not here: what is
compared with what (baseline.py, of_kpi.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.metrics.definition import Kpi
from lakehouse.metrics.values_sql import happened_on, label_sql, number_sql, sums_up
from lakehouse.sql_text import identifier
from lakehouse.stats.guards import FloatArray
from lakehouse.warehouse.clock import Clock, day
from lakehouse.warehouse.expressions import per_row
from lakehouse.warehouse.fitting import quoted

OTHER = "(other)"
# Half of the last of the six places that kpi_values keeps.
LEAST_AMOUNT = 5e-7
MOST_LEAVES = 50_000
# Values that a dimension keeps, tried one after the other until there are few enough leaves.
KEPT = (1000, 300, 100, 40, 20, 10, 5, 2, 1)


@dataclass(frozen=True, slots=True)
class KpiLeaves:
    """Amounts of leaves by period, the earliest first.

    segments: one row per leaf, a column per dimension. codes: the same as numbers, per dimension. leaf, period: the leaf (its row there) and the period's first day
    (as an ordinal) of each amount. bottom: denominators; None for a KPI that is no ratio. whole: period -> the KPI as a
    whole, where leaves count someone twice. begun: the first day of the source; None when it is empty. merged: whether
    rare values were put together.
    """

    segments: pl.DataFrame
    codes: tuple[NDArray[np.intp], ...]
    leaf: NDArray[np.intp]
    period: NDArray[np.int64]
    top: FloatArray
    bottom: FloatArray | None
    whole: dict[int, float]
    begun: date | None
    merged: bool = False

    @property
    def dimensions(self) -> list[str]:
        return self.segments.columns

    def between(self, first: date, last: date) -> KpiLeaves:
        """Periods that begin between two days, both included."""
        low, high = np.searchsorted(self.period, [first.toordinal(), last.toordinal() + 1])
        return self._kept(slice(int(low), int(high)))

    def within(self, dimension: str, segment: str) -> KpiLeaves:
        """The leaves of one segment, by the other dimensions."""
        inside = (self.segments[dimension] == segment).to_numpy()
        place = np.cumsum(inside) - 1
        kept = self._kept(inside[self.leaf])
        segments = self.segments.filter(pl.Series(inside)).drop(dimension)
        others = [number for number, name in enumerate(self.dimensions) if name != dimension]
        codes = tuple(self.codes[number][inside] for number in others)
        leaf = place[kept.leaf].astype(np.intp)
        return replace(kept, segments=segments, codes=codes, leaf=leaf, whole={})

    def _kept(self, rows: slice | NDArray[np.bool_]) -> KpiLeaves:
        bottom = None if self.bottom is None else self.bottom[rows]
        return replace(
            self, leaf=self.leaf[rows], period=self.period[rows], top=self.top[rows], bottom=bottom
        )


def why_no_leaves(kpi: Kpi, within: str | None = None) -> str | None:
    """Why a KPI's change can't be searched; None when it can. within: the dimension whose segment is looked into."""
    if within is not None and within not in kpi.dimensions:
        return f"it has no dimension {within}"
    if not kpi.dimensions:
        return "it has no dimensions"
    if within is not None and len(kpi.dimensions) == 1:
        return f"it has no dimension beside {within}"
    if kpi.top is not None:
        return f"the share of the largest {kpi.top.count} {kpi.top.by} isn't made of the shares of segments"
    for key in ("value", "numerator", "denominator"):
        text = getattr(kpi, key)
        if text is not None and not sums_up(text, may_be_distinct=True):
            return f"{key} {text} of the whole isn't made of that of segments"
    return None


def counts_distinct(kpi: Kpi) -> bool:
    """Whether leaves count somebody who is in two of them twice."""
    texts = (kpi.value, kpi.numerator, kpi.denominator)
    return any(text is not None and not sums_up(text) for text in texts)


def _amount(column: pl.Series) -> FloatArray:
    """Numbers of which less than the last digit of kpi_values is nothing."""
    found = column.to_numpy().astype(np.float64)
    return np.where(np.abs(found) < LEAST_AMOUNT, 0.0, found)


def read_kpi_leaves(
    connection: duckdb.DuckDBPyConnection,
    kpi: Kpi,
    clock: Clock,
    spans: Sequence[tuple[date, date]],
    *,
    step: str = "day",
) -> KpiLeaves:
    """Leaves of the days within the spans, which don't overlap.

    step: what an amount is of: a day, a week (by its Monday) or a whole span (by its first day). Sums of days are those
    of weeks and spans; distinct counts aren't.
    """
    types = {row[0]: row[1] for row in connection.execute(f"describe {identifier(kpi.source)}").fetchall()}
    happened = happened_on(kpi, clock, is_timestamp=types[kpi.time] != "DATE")
    begun = connection.execute(f"select min({happened}) from {identifier(kpi.source)}").fetchall()[0][0]
    grouped = [f"_d{number}" for number in range(len(kpi.dimensions))]
    found = _read(connection, _sql(kpi, happened, spans, step, grouped))
    leaves, merged = found, False
    segments = leaves.select(grouped).unique()
    for kept in KEPT:
        if len(segments) <= MOST_LEAVES:
            break
        merged = True
        leaves = _with_fewer(found, grouped, kept)
        segments = leaves.select(grouped).unique()
    segments = segments.sort(grouped)
    placed = leaves.join(segments.with_row_index("_leaf"), on=grouped, how="left").sort("_period", "_leaf")
    whole: dict[int, float] = {}
    if kpi.value is not None and counts_distinct(kpi):
        rows = _read(connection, _sql(kpi, happened, spans, step, []))
        whole = {one.toordinal(): top for one, top in rows.select("_period", "_top").iter_rows()}
    return KpiLeaves(
        segments=segments.rename(dict(zip(grouped, kpi.dimensions, strict=True))),
        codes=tuple((segments[name].rank("dense") - 1).to_numpy().astype(np.intp) for name in grouped),
        leaf=placed["_leaf"].to_numpy().astype(np.intp),
        period=placed["_period"].cast(pl.Int32).to_numpy().astype(np.int64) + date(1970, 1, 1).toordinal(),
        top=_amount(placed["_top"]),
        bottom=_amount(placed["_bottom"]) if kpi.value is None else None,
        whole=whole,
        begun=begun,
        merged=merged,
    )


def _sql(
    kpi: Kpi, happened: str, spans: Sequence[tuple[date, date]], step: str, grouped: Sequence[str]
) -> str:
    """Columns _period, those of `grouped`, _top, _bottom, _n."""
    inside = [f"{happened} between {day(first)} and {day(last)}" for first, last in spans]
    if step == "span":
        whens = (f"when {one} then {day(first)}" for one, (first, _) in zip(inside, spans, strict=True))
        period = f"case {' '.join(whens)} end"
    else:
        period = happened if step == "day" else f"cast(date_trunc('week', {happened}) as date)"
    kept = [f"({' or '.join(inside)})"]
    if kpi.filter is not None:
        kept.append(f"({quoted(per_row(kpi.filter))})")
    labels = [f"{label_sql(text)} as _d{number}" for number, text in enumerate(kpi.dimensions.values())]
    selected = ", ".join(["*", f"{period} as _period", *labels])
    rows = f"select {selected} from {identifier(kpi.source)} where {' and '.join(kept)}"
    top = number_sql(kpi.value if kpi.value is not None else str(kpi.numerator))
    bottom = "null" if kpi.denominator is None else number_sql(kpi.denominator)
    keys = ", ".join(["_period", *grouped])
    return f"select {keys}, {top} as _top, {bottom} as _bottom, count(*) as _n from ({rows}) group by {keys}"


def _read(connection: duckdb.DuckDBPyConnection, sql: str) -> pl.DataFrame:
    frame = pl.from_arrow(connection.sql(sql).to_arrow_table())
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(
            f"expected a table, found {type(frame).__name__}"
        )  # pragma: no cover  for the type checker
    return frame.with_columns(pl.col("_period").cast(pl.Date), pl.col("_top", "_bottom").cast(pl.Float64))


def _with_fewer(leaves: pl.DataFrame, grouped: Sequence[str], kept: int) -> pl.DataFrame:
    """Leaves by the values of each dimension that most rows have; of equal ones the first by name."""
    fewer = leaves
    for name in grouped:
        ranked = leaves.group_by(name).agg(pl.col("_n").sum()).sort(["_n", name], descending=[True, False])
        frequent = ranked[name].head(kept)
        fewer = fewer.with_columns(
            pl.when(pl.col(name).is_in(frequent.implode()))
            .then(pl.col(name))
            .otherwise(pl.lit(OTHER))
            .alias(name)
        )
    return fewer.group_by("_period", *grouped).agg(pl.col("_top", "_bottom", "_n").sum())
