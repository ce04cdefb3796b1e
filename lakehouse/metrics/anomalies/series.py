"""The series of kpi_values that are judged: which of them, and their values as arrays.

Belongs here: reading complete periods, choosing the segments worth watching, the low-volume guard. Not here: what is
expected of a series (expectations.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from sqlglot import exp

from lakehouse.metrics.definition import CADENCES, Cadence, Kpi
from lakehouse.metrics.values_sql import counts_from_zero
from lakehouse.stats.guards import FloatArray
from lakehouse.warehouse.expressions import aggregate
from lakehouse.warehouse.query import read

# Of each dimension the segments that had most in the last year are watched. What is smaller shows in the causes of the whole.
MOST_SEGMENTS = 25
# Rows behind a period, in the middle of the last periods and in itself, below which it says nothing; see stats/prepared.py.
LEAST_ROWS = 5
ROUND = {"daily": 28, "weekly": 8}
YEAR = {"daily": 365, "weekly": 52}
# Values by which what one event adds is told.
FIRST = 56
STEP = {"daily": 1, "weekly": 7}


@dataclass(frozen=True, slots=True)
class Series:
    """One series: a KPI by one cadence, as a whole or for one segment. first: position of its first period on the calendar."""

    kpi: Kpi
    cadence: Cadence
    dimension: str
    segment: str
    periods: int
    status: str

    @property
    def is_whole(self) -> bool:
        return not self.dimension

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.kpi.name, self.cadence, self.dimension, self.segment


@dataclass(frozen=True, slots=True)
class Panel:
    """Series of one cadence on one calendar. days: (n,), first days of periods since 1970-01-01; values, n and the parts of
    ratios: (series, n), NaN where a series has no complete period with a value; thin periods have no value in `judged`.
    """

    cadence: Cadence
    series: tuple[Series, ...]
    days: NDArray[np.int64]
    values: FloatArray
    judged: FloatArray
    rows: FloatArray
    numerators: FloatArray
    denominators: FloatArray

    def of(self, which: Sequence[int]) -> Panel:
        """Some of its series."""
        at = list(which)
        parts = (self.values, self.judged, self.rows, self.numerators, self.denominators)
        values, judged, rows, numerators, denominators = (part[at] for part in parts)
        series = tuple(self.series[i] for i in at)
        return Panel(
            self.cadence, series, self.days, values, judged, rows, numerators, denominators
        )  # fmt: skip

    @property
    def watched(self) -> list[int]:
        """Positions of the series that are judged."""
        return [i for i, one in enumerate(self.series) if one.status == "ok"]


def read_panels(connection: duckdb.DuckDBPyConnection, kpis: Mapping[str, Kpi]) -> list[Panel]:
    """A panel per cadence that has values."""
    panels = []
    for cadence in CADENCES:
        heads = read(
            connection,
            _SERIES,
            cadence=cadence,
            kpis=list(kpis),
            most=MOST_SEGMENTS,
            year=YEAR[cadence] * STEP[cadence],
        )
        if len(heads):
            # Only numbers travel: names of millions of rows would take longer than all else.
            connection.register("_series", heads.select("series", "kpi", "dimension", "segment").to_arrow())
            found = read(connection, _VALUES, cadence=cadence)
            connection.unregister("_series")
            panels.append(_panel(heads, found, cadence, kpis))
    return panels


_SERIES = """
    with complete as (
        select kpi, dimension, segment, period_start, value, n from kpi_values
        where cadence = $cadence and is_complete and list_contains($kpis::varchar[], kpi)
    ),
    sizes as (
        select kpi, dimension, segment, count(value) as periods,
            coalesce(sum(n) filter (where period_start > latest - cast($year as integer)), 0) as recent
        from complete join (select kpi, max(period_start) as latest from complete group by kpi) using (kpi)
        group by all
    )
    select (row_number() over (order by kpi, dimension, segment) - 1)::bigint as series, kpi, dimension, segment, periods,
        row_number() over (partition by kpi, dimension order by recent desc, segment) <= $most as is_large
    from sizes order by series
"""
_VALUES = """
    select series, date_diff('day', date '1970-01-01', period_start)::bigint as day, numerator::double as numerator,
        denominator::double as denominator, value, n::double as n
    from kpi_values join _series using (kpi, dimension, segment) where cadence = $cadence and is_complete
"""


def _panel(heads: pl.DataFrame, found: pl.DataFrame, cadence: Cadence, kpis: Mapping[str, Kpi]) -> Panel:
    step = STEP[cadence]
    at = found["day"].to_numpy()
    # Positions are days, so that a gap in a table somebody wrote to by hand is a gap here, too.
    days = np.arange(at.min(), at.max() + 1, step, dtype=np.int64)
    row, column = found["series"].to_numpy(), (at - days[0]) // step
    values, rows, numerators, denominators = (
        _spread(found[name], row, column, (len(heads), len(days)))
        for name in ("value", "n", "numerator", "denominator")
    )
    named = [
        (kpis[kpi], dimension, segment, periods, is_large)
        for _, kpi, dimension, segment, periods, is_large in heads.iter_rows()
    ]
    least = np.array([max(LEAST_ROWS, kpi.thresholds.minimum_n or 0) for kpi, *_ in named], dtype=np.float64)
    is_thin = _thin(rows, least, ROUND[cadence])
    judged = np.where(is_thin, np.nan, values)
    series = tuple(
        Series(kpi, cadence, dimension, segment, periods, _status(cadence, values[i], judged[i], is_large))
        for i, (kpi, dimension, segment, periods, is_large) in enumerate(named)
    )
    return Panel(cadence, series, days, values, judged, rows, numerators, denominators)


def _spread(
    column: pl.Series, row: NDArray[np.int64], place: NDArray[np.int64], shape: tuple[int, int]
) -> FloatArray:
    spread = np.full(shape, np.nan)
    spread[row, place] = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return spread


def _thin(rows: FloatArray, least: FloatArray, window: int) -> NDArray[np.bool_]:
    """Periods with too few rows, unless those before had enough: then few rows are news."""
    counted = np.nan_to_num(rows)
    # Half of the periods before reach the least when their median does.
    enough = np.cumsum(np.pad(counted >= least[:, None], ((0, 0), (window + 1, 0))), axis=1)
    before: NDArray[np.int64] = enough[:, window:-1] - enough[:, : -window - 1]
    there = np.cumsum(np.pad(np.isfinite(rows), ((0, 0), (window + 1, 0))), axis=1)
    known = there[:, window:-1] - there[:, : -window - 1]
    return np.asarray((counted < least[:, None]) & (2 * before < np.maximum(known, 1)))


def _status(cadence: Cadence, values: FloatArray, judged: FloatArray, is_large: bool) -> str:  # noqa: FBT001  a fact of the series
    seen, counted = values[np.isfinite(values)], int(np.isfinite(judged).sum())
    least = ROUND[cadence] + 1 if cadence == "daily" else 14
    if not len(seen):
        return "no values"
    if not seen.any():
        return "all values are zero"
    if len(seen) < least:
        return f"fewer than {least} periods"
    if not is_large:
        return f"not among the {MOST_SEGMENTS} largest segments"
    return "ok" if counted >= least else "low volume"


def grain(kpi: Kpi, values: FloatArray, rows: FloatArray) -> float | None:
    """What one event adds: 1 to a count; to a sum about what its first rows did. None for what doesn't add up, or says nothing."""
    if not counts_from_zero(kpi):
        return None
    if _is_count(kpi.value or ""):
        return 1.0
    at = np.flatnonzero(np.isfinite(values) & (np.nan_to_num(rows) > 0))[:FIRST]
    many, much = float(rows[at].sum()), float(np.abs(values[at]).sum())
    return much / many if many > 0 and 0 < much < 1e100 else None


def is_share(kpi: Kpi) -> bool:
    """Whether its values are shares of counted things, so that their noise is that of shares."""
    if kpi.top is not None:
        return True
    if kpi.unit != "ratio" or kpi.numerator is None or kpi.denominator is None:
        return False
    is_counted = _is_count(kpi.numerator) and _is_count(kpi.denominator)
    # Money of some rows by the money of all varies more than a count would, but never less.
    return is_counted or _is_part(kpi.numerator, kpi.denominator) or kpi.n == kpi.denominator


@cache
def _is_count(text: str) -> bool:
    tree = aggregate(text)
    return isinstance(tree.this if isinstance(tree, exp.Filter) else tree, exp.Count)


@cache
def _is_part(numerator: str, denominator: str) -> bool:
    """Whether one is the other of some of its rows."""
    tree = aggregate(numerator)
    return isinstance(tree, exp.Filter) and tree.this == aggregate(denominator)
