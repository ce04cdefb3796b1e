"""What a KPI's check says: its open anomalies that stand for themselves, or that nothing is out of the ordinary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lakehouse.metrics.anomalies.alerts import kpi_alerts
from lakehouse.metrics.anomalies.feedback import TABLE
from lakehouse.metrics.definition import Kpi

DAYS = 200


def test_open_anomalies_alert_until_somebody_answers(
    watched: Any, traffic: Callable[..., np.ndarray], kpi_of: Callable[..., Kpi]
) -> None:
    counts = {name: traffic(DAYS, 200, seed) for seed, name in enumerate(("DE", "ES", "FR"), start=1)}
    counts["DE"][-2:] = 3
    watched.sell(counts)
    orders = kpi_of(name="orders", value="count(*)", unit="orders", dimensions=["country"], cadence="daily")
    other = kpi_of(name="per_order", numerator="sum(amount)", denominator="count(*)", cadence="daily")
    absent = kpi_of(name="absent", value="count(*)", filter="country = 'XX'", cadence="daily")
    watched.build(orders, other, absent, days=DAYS)
    told = {one.kpi: one for one in kpi_alerts(watched.connection, [orders, other, absent])}
    [alert] = told["orders"].alerts
    assert told["orders"].text == alert.sentence
    assert "may go on" in alert.sentence
    assert any("country=DE" in cause for cause in alert.causes)
    assert told["per_order"].alerts == ()
    assert told["per_order"].text.startswith("Nothing out of the ordinary through 2025-")
    assert told["absent"].text == "Not judged: no rows."

    [(kpi, dimension, segment, direction, start, end)] = watched.rows(
        f"select kpi, dimension, segment, direction, started_on, ended_on from anomalies where anomaly = '{alert.anomaly}'"
    )
    watched.connection.execute(
        f"create table {TABLE} (feedback_id varchar, anomaly varchar, kpi varchar, dimension varchar, segment varchar, "
        "direction varchar, started_on date, ended_on date, verdict varchar, muted_until date, note varchar, "
        "decided_by varchar, decided_at timestamp)"
    )
    said = [alert.anomaly, kpi, dimension or None, segment or None, direction, start, end]
    watched.connection.execute(
        f"insert into {TABLE} values ('f1', $1, $2, $3, $4, $5, $6, $7, 'mute', $7, 'moving house', 'ann', timestamp '2025-08-01')",
        said,
    )
    watched.build(orders, other, absent, days=DAYS)
    told = {one.kpi: one for one in kpi_alerts(watched.connection, [orders, other, absent])}
    assert told["orders"].alerts == ()
    statuses = watched.rows("select distinct status, note from anomalies where is_open")
    assert statuses == [("muted", "moving house")]


def test_an_expected_anomaly_stays_in_the_table_and_its_days_are_an_event(
    watched: Any, traffic: Callable[..., np.ndarray], kpi_of: Callable[..., Kpi]
) -> None:
    counts = {"DE": traffic(DAYS, 300, 1)}
    counts["DE"][160:162] = 100
    watched.sell(counts)
    orders = kpi_of(name="orders", value="count(*)", unit="orders", cadence="daily")
    watched.build(orders, days=DAYS)
    [found] = [one for one in watched.found() if one["relative_impact"] < -0.4]
    watched.connection.execute(
        f"create table {TABLE} as select 'f1' as feedback_id, anomaly, kpi, nullif(dimension, '') as dimension, "
        "nullif(segment, '') as segment, direction, started_on, ended_on, 'expected' as verdict, null::date as muted_until, "
        "'stock taking' as note, 'ann' as decided_by, timestamp '2025-08-01' as decided_at from anomalies where anomaly = $1",
        [found["anomaly"]],
    )
    watched.build(orders, days=DAYS)
    [again] = [one for one in watched.found() if one["started_on"] == found["started_on"]]
    assert (again["anomaly"], again["status"], again["note"], again["is_open"]) == (
        found["anomaly"], "expected", "stock taking", False,
    )  # fmt: skip
    assert again["actual"] == found["actual"]
    [(alarming,)] = watched.rows(
        f"select count(*) from kpi_expected where period_start between '{found['started_on']}' and '{found['ended_on']}' "
        "and p_value < 0.01"
    )
    assert alarming == 0
