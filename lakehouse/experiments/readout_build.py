"""Builds exp_readout, exp_segments, exp_sensitivity, exp_effect_daily and exp_health from the other exp_ tables.

Belongs here: one pass over the registry, and writing of the five tables. Not here: queries (readout_tables.py) and
everything that is judged (readout.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date

import duckdb
import polars as pl

from lakehouse.experiments.experiment import Experiment
from lakehouse.experiments.health import LateFeed
from lakehouse.experiments.metric import Metric
from lakehouse.experiments.readout import Readout, read_observed, read_randomized
from lakehouse.experiments.readout_counts import counts_of
from lakehouse.experiments.readout_design import ReadoutDesign, design_of
from lakehouse.experiments.readout_metric import Evidence
from lakehouse.experiments.readout_rows import TABLES, Row, create_sql, values_of
from lakehouse.experiments.readout_source import Tables
from lakehouse.experiments.readout_tables import evidence_of, panels_of, unreadable_of

_POLARS = {
    "bigint": pl.Int64(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
    "varchar": pl.String(),
    "date": pl.Date(),
}


@dataclass(frozen=True, slots=True)
class BuiltReadouts:
    """What was written: rows by table, verdicts by experiment and variant, failed and warned checks by experiment."""

    rows: dict[str, int]
    verdicts: dict[str, dict[str, str | None]]
    failed: dict[str, list[str]]
    warned: dict[str, list[str]]


def build_readouts(
    connection: duckdb.DuckDBPyConnection,
    experiments: Mapping[str, Experiment],
    metrics: Mapping[str, Metric],
    as_of: date,
    *,
    time_zone: str = "UTC",
    late: Mapping[str, Sequence[LateFeed]] | None = None,
) -> BuiltReadouts:
    """Reads every experiment of the registry at the end of the as-of day, and writes the five tables anew.

    time_zone: the business time zone, in which days are counted. late: by experiment, the late ones among the feeds
    that it is made from. Runs inside the caller's transaction, if any.
    """
    tables = Tables.of(connection)
    readouts = {
        name: read_experiment(
            tables, design_of(experiment, metrics), as_of, time_zone, (late or {}).get(name, ())
        )
        for name, experiment in experiments.items()
    }
    rows: dict[str, Sequence[Row]] = {
        "exp_readout": [row for readout in readouts.values() for row in readout.rows],
        "exp_segments": [row for readout in readouts.values() for row in readout.segments],
        "exp_sensitivity": [row for readout in readouts.values() for row in readout.sensitivity],
        "exp_effect_daily": [row for readout in readouts.values() for row in readout.days],
        "exp_health": [row for readout in readouts.values() for row in readout.health],
    }
    for table, found in rows.items():
        write_rows(connection, table, found)
    return BuiltReadouts(
        rows={table: len(found) for table, found in rows.items()},
        verdicts={
            name: {row.variant: row.decision for row in readout.rows if row.role == "primary"}
            for name, readout in readouts.items()
        },
        failed=_checks(readouts, "fail"),
        warned=_checks(readouts, "warn"),
    )


def read_experiment(
    tables: Tables, design: ReadoutDesign, as_of: date, time_zone: str = "UTC", late: Sequence[LateFeed] = ()
) -> Readout:
    """One experiment's readout from the warehouse."""
    if design.quasi is not None:
        return read_observed(design, panels_of(tables, design), as_of, late, unreadable_of(tables, design))
    counts = counts_of(tables, design, time_zone)
    # Of an experiment that nobody entered there is nothing to be read but that.
    evidence = evidence_of(tables, design) if counts.by_day else Evidence()
    return read_randomized(design, evidence, counts, as_of, late)


def write_rows(connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Row]) -> None:
    """Makes the table anew with these rows."""
    connection.execute(create_sql(table))
    names = [field.name for field in fields(TABLES[table])]
    types = dict(
        connection.execute(
            "select column_name, lower(data_type) from duckdb_columns() "
            "where database_name = current_database() and table_name = $1",
            [table],
        ).fetchall()
    )
    schema = {name: _POLARS[types[name]] for name in names}
    # One insert of a frame: executemany takes half a millisecond a row.
    frame = pl.DataFrame([values_of(row) for row in rows], schema=schema, orient="row")
    connection.register("_readout_rows", frame.to_arrow())
    try:
        connection.execute(f"insert into {table} by name select * from _readout_rows")
    finally:
        connection.unregister("_readout_rows")


def _checks(readouts: Mapping[str, Readout], status: str) -> dict[str, list[str]]:
    found = {
        name: [row.check for row in readout.health if row.status == status]
        for name, readout in readouts.items()
    }
    return {name: checks for name, checks in found.items() if checks}
