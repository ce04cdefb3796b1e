"""What a run prints: each step and each table is counted in its layer."""

from __future__ import annotations

import pytest

from lakehouse.display import layer_of
from lakehouse.metrics.anomalies.tables import TYPES as ANOMALY_TABLES
from lakehouse.metrics.tables import TYPES as KPI_TABLES


@pytest.mark.parametrize("name", [*KPI_TABLES, *ANOMALY_TABLES, "kpi_tables", "anomaly_tables"])
def test_tables_of_kpis_and_anomalies_are_of_the_layer_metrics(name: str) -> None:
    assert layer_of(name) == "metrics"


@pytest.mark.parametrize(
    ("step", "layer"),
    [
        ("anomaly_alerts", "checks"),
        ("fct_orders_checks", "checks"),
        ("anomalies_report", "reports"),
        ("experiment_tables", "experiments"),
        ("inventory_alerts", "facts"),
        ("core_orders", "core"),
    ],
)
def test_steps_are_of_the_layer_that_their_name_says(step: str, layer: str) -> None:
    assert layer_of(step) == layer
