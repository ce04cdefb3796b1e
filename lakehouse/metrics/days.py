"""What the rows of each day were when KPIs were computed last: so that only periods with other rows need be computed again.

A period's value hangs on the KPI's definition, and on those rows of its source alone whose day lies in the period. Of every
day the warehouse keeps how many rows there were, and a fingerprint of the columns that the KPI reads. Not here: computing
values, all of them (values.py) or some again (refresh.py).

A fingerprint is the sum and the exclusive or of a 64-bit hash of each row, so that the order of rows doesn't count. The hash
of the columns is hashed once more: DuckDB joins the hashes of several columns by a multiplication and an exclusive or, which
alone would let two rows that swap a value cancel out too often. Then other rows of a day have the same fingerprint once in 2^64,
as if drawn by lot: too rare to happen, though somebody who wanted to could make them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from lakehouse.metrics.definition import Kpi
from lakehouse.metrics.values_sql import counts_from_zero, grouped_alike, grouped_sql, happened_on
from lakehouse.sql_text import identifier, literal
from lakehouse.warehouse.clock import Clock
from lakehouse.warehouse.expressions import aggregate, columns_of, per_row

# To be raised when the same definition and rows give other values than before.
VERSION = 1
# At most so many KPIs in one pass: each adds columns to all groups.
TOGETHER = 10
TYPES = {
    "meta_kpi_days": "rows_of varchar, day date, rows bigint, total hugeint, mixed ubigint",
    "meta_kpi_made": (
        "kpi varchar, fingerprint varchar, rows_of varchar, until date, as_of date, complete date, begun date"
    ),
    "meta_kpi_segments": (
        "kpi varchar, cadence varchar, dimension varchar, segment varchar, first_period date, last_period date"
    ),
}


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a source as a KPI reads them: by which day, and which of their columns, in order."""

    source: str
    time: str
    happened: str
    columns: tuple[str, ...]

    @property
    def key(self) -> str:
        return json.dumps([self.source, self.happened, *self.columns])


@dataclass(frozen=True, slots=True)
class Wanted:
    """A KPI's values that are wanted: of which rows, through which days. complete: the last day whose data are in; until: rows
    of later days are left out, since nothing can have landed before it happened. fingerprint: of all else that values hang on.
    """

    kpi: Kpi
    rows: Rows
    complete: date
    until: date
    fingerprint: str


def wanted(
    connection: duckdb.DuckDBPyConnection, kpi: Kpi, clock: Clock, complete: date, until: date
) -> Wanted:
    """What is wanted of a KPI on the tables as they stand."""
    types = {
        str(row[0]).lower(): row[1]
        for row in connection.execute(f"describe {identifier(kpi.source)}").fetchall()
    }
    happened = happened_on(kpi, clock, is_timestamp=types[kpi.time.lower()] != "DATE")
    rows = Rows(kpi.source, kpi.time, happened, _columns(kpi))
    sql = [grouped_sql([kpi], cadence, happened, "_until") for cadence in kpi.cadence]
    read = [types[column] for column in rows.columns]
    told = [VERSION, duckdb.__version__, sql, read, counts_from_zero(kpi)]
    return Wanted(
        kpi, rows, complete, until, hashlib.sha256(json.dumps(told).encode()).hexdigest()
    )  # fmt: skip


def computed_together(asked: Iterable[Wanted]) -> list[list[Wanted]]:
    """KPIs that one pass over their rows computes, not too many at once for the memory that it takes."""
    groups: dict[Hashable, list[Wanted]] = {}
    for one in asked:
        groups.setdefault((grouped_alike(one.kpi), one.rows.happened, one.until), []).append(one)
    return [group[at : at + TOGETHER] for group in groups.values() for at in range(0, len(group), TOGETHER)]


def _columns(kpi: Kpi) -> tuple[str, ...]:
    per_rows = [*kpi.dimensions.values(), *([] if kpi.filter is None else [kpi.filter])]
    trees = [*map(aggregate, kpi.expressions.values()), *map(per_row, per_rows)]
    found = {column for tree in trees for column in columns_of(tree)}
    return tuple(sorted(found if kpi.top is None else found | {kpi.top.by.lower()}))


def look_at_days(connection: duckdb.DuckDBPyConnection, rows: Iterable[Rows]) -> None:
    """The temporary table _days: what meta_kpi_days is to hold, of these rows. One pass over each source and kind of day."""
    connection.execute(f"create or replace temp table _days ({TYPES['meta_kpi_days']})")
    passes: dict[tuple[str, str], set[Rows]] = {}
    for one in rows:
        passes.setdefault((one.source, one.happened), set()).add(one)
    for (source, happened), kinds in passes.items():
        known = sorted(kinds, key=lambda one: one.key)
        hashed = ", ".join(f"{_hash(one)} as _h{number}" for number, one in enumerate(known))
        sums = ", ".join(
            f"sum(_h{number}) as _s{number}, bit_xor(_h{number}) as _x{number}"
            for number in range(len(known))
        )
        connection.execute(
            f"create or replace temp table _sums as select _day, count(*) as _rows, {sums} "
            f"from (select {happened} as _day, {hashed} from {identifier(source)}) where _day is not null group by _day"
        )
        for number, one in enumerate(known):
            connection.execute(
                f"insert into _days select {literal(one.key)}, _day, _rows, _s{number}, _x{number} from _sums"
            )
        connection.execute("drop table _sums")


def _hash(rows: Rows) -> str:
    """Of rows of which nothing is read, only their number counts."""
    if not rows.columns:
        return "hash(0)"
    return f"hash(hash({', '.join(identifier(column) for column in rows.columns)}))"


def made_before(connection: duckdb.DuckDBPyConnection) -> Mapping[str, tuple[str, str, date]]:
    """KPI -> fingerprint, the key of its rows and the as-of date, of what stands in kpi_values."""
    return {
        str(kpi): (fingerprint, rows_of, as_of)
        for kpi, fingerprint, rows_of, as_of in connection.execute(
            "select kpi, fingerprint, rows_of, as_of from meta_kpi_made"
        ).fetchall()
    }


def remember(
    connection: duckdb.DuckDBPyConnection, made: Iterable[Wanted], clock: Clock, refreshed: Iterable[str]
) -> None:
    """Replaces what was known of days by _days. refreshed: KPIs whose segments are told already."""
    connection.execute("delete from meta_kpi_days")
    connection.execute("insert into meta_kpi_days from _days")
    connection.execute("delete from meta_kpi_made")
    for one in made:
        connection.execute(
            "insert into meta_kpi_made "
            "select $1, $2, $3, $4, $5, $6, (select min(day) from _days where rows_of = $3)",
            [one.kpi.name, one.fingerprint, one.rows.key, one.until, clock.as_of, one.complete],
        )
    told = sorted(refreshed)
    connection.execute("delete from meta_kpi_segments where not list_contains($1::varchar[], kpi)", [told])
    connection.execute(
        "insert into meta_kpi_segments select kpi, cadence, dimension, segment, min(period_start), max(period_start) "
        "from kpi_values where not list_contains($1::varchar[], kpi) group by all",
        [told],
    )
    connection.execute("drop table _days")
