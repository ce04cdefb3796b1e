"""Explanations of the last build that still hold, so that only what is new or changed is searched for causes.

An explanation hangs on the anomaly as it stands, on the KPI's definition, on the rows of the days that it is compared by (of
which the fingerprints of metrics/days.py tell), on which of these days were out of the ordinary themselves, and on the code that
searches. Where one of these isn't known, nothing is kept. Not here: the search (explained.py).
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import duckdb
import polars as pl

from lakehouse.metrics.anomalies.explained import Anomaly, Explained, days_besides
from lakehouse.metrics.causes.baseline import WEEKS
from lakehouse.metrics.causes.of_kpi import Searched
from lakehouse.metrics.definition import Kpi
from lakehouse.warehouse.build import absent_tables
from lakehouse.warehouse.query import read

TABLE = "meta_explained"
_TYPE = "anomaly varchar, fingerprint varchar"
_OF_CAUSES = (
    "lakehouse.metrics.causes",
    "lakehouse.metrics.anomalies.explained",
    "lakehouse.stats.decomposition",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """The explanations that stand in the tables, and what each hung on."""

    fingerprints: Mapping[str, str]
    verdicts: Mapping[str, tuple[Searched, str]]
    causes: pl.DataFrame
    factors: pl.DataFrame

    def of(self, names: Sequence[str]) -> Explained:
        """Those of these anomalies."""
        wanted = pl.col("anomaly").is_in(list(names))
        return Explained(
            self.causes.filter(wanted),
            self.factors.filter(wanted),
            {name: self.verdicts[name] for name in names},
        )


def read_kept(connection: duckdb.DuckDBPyConnection) -> Kept | None:
    """What the last build left; None where it left nothing that can be told apart."""
    if absent_tables(connection, [TABLE, "anomalies", "root_causes", "anomaly_factors"]):
        return None
    verdicts = read(connection, "select anomaly, verdict, explanation from anomalies")
    return Kept(
        dict(read(connection, f"select anomaly, fingerprint from {TABLE}").iter_rows()),
        {name: (verdict, why) for name, verdict, why in verdicts.iter_rows()},
        read(connection, "select * from root_causes"),
        read(connection, "select * from anomaly_factors"),
    )


def write_fingerprints(connection: duckdb.DuckDBPyConnection, found: Mapping[str, str]) -> None:
    """Replaces what explanations hang on."""
    connection.execute(f"create or replace table {TABLE} ({_TYPE})")
    frame = pl.DataFrame(
        {"anomaly": list(found), "fingerprint": list(found.values())}, schema=["anomaly", "fingerprint"]
    )
    if len(frame):
        connection.register("_kept", frame.to_arrow())
        connection.execute(f"insert into {TABLE} by name select * from _kept")
        connection.unregister("_kept")


def fingerprints(
    connection: duckdb.DuckDBPyConnection, kpis: Mapping[str, Kpi], anomalies: Sequence[Anomaly]
) -> dict[str, str]:
    """What the explanation of each anomaly that is explained hangs on; left out where that isn't known."""
    if absent_tables(connection, ["meta_kpi_days", "meta_kpi_made"]):
        return {}
    # Factors are other KPIs' values, which have rows of their own.
    asked = [one for one in anomalies if one.part_of is None and not kpis[one.kpi].factors]
    spans = pl.DataFrame(
        {
            "anomaly": [one.anomaly for one in asked],
            "kpi": [one.kpi for one in asked],
            "first": [one.period[0] - timedelta(days=7 * WEEKS) for one in asked],
            "last": [one.period[1] for one in asked],
        },
        schema={"anomaly": pl.String, "kpi": pl.String, "first": pl.Date, "last": pl.Date},
    )
    connection.register("_spans", spans.to_arrow())
    rows = connection.execute(
        """
        select anomaly, any_value(made.fingerprint), coalesce(sum(days.rows), 0)::varchar,
            coalesce(sum(days.total), 0)::varchar, coalesce(bit_xor(days.mixed), 0)::varchar
        from _spans join meta_kpi_made as made using (kpi)
        left join meta_kpi_days as days on days.rows_of = made.rows_of and days.day between first and last
        group by anomaly
        """
    ).fetchall()
    connection.unregister("_spans")
    known = {name: told for name, *told in rows}
    besides = days_besides(anomalies)
    return {
        one.anomaly: _fingerprint(one, known[one.anomaly], besides(one))
        for one in asked
        if one.anomaly in known
    }


def _fingerprint(anomaly: Anomaly, rows: Sequence[str], besides: set[date]) -> str:
    told = [
        anomaly.cadence, anomaly.dimension, anomaly.segment, *map(str, anomaly.period), repr(anomaly.expected),
        repr(anomaly.actual), repr(anomaly.confidence), *rows, *sorted(map(str, besides)), _code(),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


@cache
def _code() -> str:
    """The source of all that searches."""
    sources = [
        inspect.getsource(module)
        for name, module in sorted(sys.modules.items())
        if name.startswith(_OF_CAUSES) and module is not None
    ]
    return hashlib.sha256("".join(sources).encode()).hexdigest()
