"""Builds the tables of anomalies, in one transaction.

Belongs here: the order of steps, and their rows. Not here: any step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from lakehouse.metrics.anomalies.budget import alerts_per_year
from lakehouse.metrics.anomalies.by_parts import told_by_parts
from lakehouse.metrics.anomalies.declared import declared, shown
from lakehouse.metrics.anomalies.drifting import find_drifts
from lakehouse.metrics.anomalies.explained import Explained, explain_anomalies, read_anomalies
from lakehouse.metrics.anomalies.feedback import Word, last_words, said
from lakehouse.metrics.anomalies.found import Found, find
from lakehouse.metrics.anomalies.judged import Days, Judged, judge
from lakehouse.metrics.anomalies.kept import Kept, fingerprints, read_kept, write_fingerprints
from lakehouse.metrics.anomalies.money import Worth
from lakehouse.metrics.anomalies.parts import parts, worth_telling
from lakehouse.metrics.anomalies.series import Panel, Series, read_panels
from lakehouse.metrics.anomalies.tables import make_anomaly_tables
from lakehouse.metrics.anomalies.wording import sentence
from lakehouse.metrics.build import kpi_clock
from lakehouse.metrics.calendar import calendars_of
from lakehouse.metrics.plan import KpiPlan
from lakehouse.warehouse.session import transaction


def build_anomalies(
    connection: duckdb.DuckDBPyConnection,
    plans: Iterable[KpiPlan],
    cache: Path | None = None,
) -> None:
    """Replaces every table of tables.TYPES, all or none.

    cache: the folder in which expectations are kept for the next run to go on from; None: nowhere.
    """
    known = list(plans)
    kpis = {plan.kpi.name: plan.kpi for plan in known}
    panels = read_panels(connection, kpis)
    calendars = calendars_of(connection, kpis.values())

    def days_of(series: Series) -> Days:
        return calendars.of(series.kpi.name, series.dimension, series.segment)

    judged = [judge(panel, days_of, cache) for panel in panels]
    words = last_words(connection)
    found = [one for panel in judged for one in (*find(panel), *find_drifts(panel))]
    found += declared(judged, words, found)
    with transaction(connection):
        kept = read_kept(connection)
        make_anomaly_tables(connection)
        for panel, one in zip(panels, judged, strict=True):
            _write_series(connection, panel, one)
            _write_expected(connection, one)
        frame = pl.DataFrame(_rows(found, Worth(judged), words), infer_schema_length=None)
        if len(frame):
            told = _explained(connection, known, frame, kept)
            verdicts = [told.verdicts[name] for name in frame["anomaly"]]
            frame = frame.with_columns(
                verdict=pl.Series([verdict for verdict, _ in verdicts], dtype=pl.String),
                explanation=pl.Series([why for _, why in verdicts], dtype=pl.String),
            )
            _write(connection, "anomalies", frame)
            _write(connection, "root_causes", told.root_causes)
            _write(connection, "anomaly_factors", told.anomaly_factors)


def _explained(
    connection: duckdb.DuckDBPyConnection, plans: Sequence[KpiPlan], frame: pl.DataFrame, kept: Kept | None
) -> Explained:
    """Of every anomaly: as it was told before, where nothing that it hangs on has changed, else anew."""
    clock = kpi_clock(connection)
    if clock is None:
        raise ValueError("run_settings: expected the as-of date of the values, found none; run all assets")
    anomalies = read_anomalies(frame)
    marks = fingerprints(connection, {plan.kpi.name: plan.kpi for plan in plans}, anomalies)
    same = [name for name, mark in marks.items() if kept is not None and kept.fingerprints.get(name) == mark]
    told = explain_anomalies(connection, plans, clock, anomalies, besides=set(same))
    if kept is not None and same:
        before = kept.of(same)
        told = Explained(
            pl.concat([before.root_causes, told.root_causes]),
            pl.concat([before.anomaly_factors, told.anomaly_factors]),
            {**before.verdicts, **told.verdicts},
        )
    with_parts = told_by_parts(connection, told, anomalies)
    # What parts tell hangs on more than the rows of these days, and is told anew each time.
    searched = {
        name: mark for name, mark in marks.items() if with_parts.verdicts[name] == told.verdicts[name]
    }
    write_fingerprints(connection, searched)
    return with_parts


def _rows(found: Sequence[Found], worth: Worth, words: Sequence[Word]) -> list[Mapping[str, object]]:
    told = dict(zip((one.anomaly for one in found), said(map(shown, found), words), strict=True))
    money = {one.anomaly: worth.of(one) for one in found}
    known = {name: amount for name, amount in money.items() if amount is not None}
    belongs = parts(found, known, {name for name, word in told.items() if word.status is not None})
    rows: list[Mapping[str, object]] = []
    for one in worth_telling(found, belongs):
        leader = belongs.get(one.anomaly)
        # What is said of a trouble is said of its parts.
        word = told[one.anomaly] if told[one.anomaly].status or leader is None else told[leader]
        rows.append(
            {
                "anomaly": one.anomaly,
                **dict(zip(("kpi", "cadence", "dimension", "segment"), one.series.key, strict=True)),
                "started_on": one.started_on,
                "detected_on": one.detected_on,
                "ended_on": one.ended_on,
                "is_open": one.is_open,
                "direction": one.direction,
                "is_good": _is_good(one),
                "methods": list(one.methods),
                "confidence": one.confidence,
                "expected": one.expected,
                "actual": one.actual,
                "impact": one.impact,
                "relative_impact": one.relative_impact,
                "money": money[one.anomaly],
                "status": word.status or ("open" if one.is_open else "closed"),
                "part_of": leader,
                "sentence": sentence(one),
                "note": word.note,
            }
        )
    return rows


def _is_good(one: Found) -> bool | None:
    wanted = one.series.kpi.direction
    return None if wanted == "neither" else wanted == one.direction


def _write_series(connection: duckdb.DuckDBPyConnection, panel: Panel, judged: Judged) -> None:
    watched = judged.panel.series
    alerts = dict(zip((one.key for one in watched), alerts_per_year(watched), strict=True))
    told = dict(zip((one.key for one in watched), judged.status, strict=True))
    rows = [
        (*one.key, one.periods, float(alerts.get(one.key, 0.0)), told.get(one.key, one.status))
        for one in panel.series
    ]
    names = ("kpi", "cadence", "dimension", "segment", "periods", "alerts_per_year", "status")
    _write(connection, "kpi_series", pl.DataFrame(rows, schema=names, orient="row"))


def _write_expected(connection: duckdb.DuckDBPyConnection, judged: Judged) -> None:
    """A row for each period of a judged series that has a value or was expected to have one."""
    panel = judged.panel
    is_ok = np.array([status == "ok" for status in judged.status], dtype=bool)
    at, t = np.nonzero(np.isfinite(panel.values) & is_ok[:, None])
    if not len(at):
        return
    columns = {
        "series": at,
        "day": panel.days[t],
        "expected": judged.center[at, t],
        "low": judged.low[at, t],
        "high": judged.high[at, t],
        "surprise": judged.surprise[at, t],
        "p_value": judged.p_value[at, t],
        "is_judged": judged.is_judged[at, t],
    }
    heads = pl.DataFrame(
        [(i, *one.key) for i, one in enumerate(panel.series)],
        schema=["series", "kpi", "cadence", "dimension", "segment"],
        orient="row",
    )
    connection.register("_expected", pl.DataFrame(columns).to_arrow())
    connection.register("_series", heads.to_arrow())
    connection.execute(
        "insert into kpi_expected by name select kpi, cadence, dimension, segment, "
        "date '1970-01-01' + cast(day as integer) as period_start, expected, low, high, surprise, p_value, is_judged "
        "from _expected join _series using (series)"
    )
    connection.unregister("_expected")
    connection.unregister("_series")


def _write(connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    # One insert of a frame: executemany takes half a millisecond a row.
    if not len(rows):
        return
    connection.register("_rows", rows.to_arrow())
    connection.execute(f"insert into {table} by name select * from _rows")
    connection.unregister("_rows")
