"""What each KPI's check in the UI says: the anomalies that are open, or that nothing is out of the ordinary.

Belongs here: the choice of what a KPI alerts of, and its words. Not here: how a check is told to Dagster (defs/metrics.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from lakehouse.metrics.definition import Kpi
from lakehouse.warehouse.query import read


@dataclass(frozen=True, slots=True)
class Alert:
    """One open anomaly that stands for itself, with its causes in words."""

    anomaly: str
    sentence: str
    confidence: float
    money: float | None
    explanation: str
    causes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KpiAlerts:
    """A KPI's open anomalies, those with most money first, and the sentence on all of them."""

    kpi: str
    text: str
    alerts: tuple[Alert, ...]


def kpi_alerts(connection: duckdb.DuckDBPyConnection, kpis: Sequence[Kpi]) -> list[KpiAlerts]:
    """For each KPI, what is open of it and nobody muted or expected; parts of other anomalies are told there."""
    open_ = read(connection, _OPEN)
    causes = read(connection, "select anomaly, sentence from root_causes order by anomaly, rank")
    known = {row["kpi"]: row for row in read(connection, _KPIS).iter_rows(named=True)}
    by_anomaly: dict[str, list[str]] = {}
    for anomaly, sentence in causes.iter_rows():
        by_anomaly.setdefault(anomaly, []).append(sentence)
    told = []
    for kpi in kpis:
        rows = [row for row in open_.iter_rows(named=True) if row["kpi"] == kpi.name]
        found = tuple(
            Alert(
                row["anomaly"], row["sentence"], row["confidence"], row["money"], row["explanation"],
                tuple(by_anomaly.get(row["anomaly"], ())),
            )
            for row in rows
        )  # fmt: skip
        text = " ".join(alert.sentence for alert in found) or _quiet(known.get(kpi.name))
        told.append(KpiAlerts(kpi.name, text, found))
    return told


_OPEN = """
    select anomaly, kpi, sentence, confidence, money, explanation from anomalies
    where status in ('open', 'confirmed') and is_open and part_of is null
    order by money desc nulls last, abs(relative_impact) desc nulls last, anomaly
"""
_KPIS = """
    select kpi, any_value(kpi_definitions.status) as status, any_value(kpi_definitions.complete_through) as complete_through,
        count(series.segment) filter (where series.status = 'ok') as watched
    from kpi_definitions left join kpi_series as series using (kpi) group by kpi
"""


def _quiet(known: dict[str, object] | None) -> str:
    if known is None:
        return "Not judged: it has no values yet."
    if known["status"] != "ok":
        return f"Not judged: {known['status']}."
    if not known["watched"]:
        return "Not judged: its series are too short or too thin."
    return f"Nothing out of the ordinary through {known['complete_through']}, in {known['watched']} series."
