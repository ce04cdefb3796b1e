"""Every table of the layer of metrics as a model: KPIs, what was expected of them, anomalies and causes."""

from __future__ import annotations

from collections.abc import Sequence

from lakehouse.metrics.anomalies.tables import anomaly_models
from lakehouse.metrics.calendar import calendar_tables
from lakehouse.metrics.plan import KpiPlan
from lakehouse.metrics.tables import kpi_models
from lakehouse.warehouse.model import Model


def metric_models(plans: Sequence[KpiPlan]) -> list[Model]:
    """In the order in which they are built."""
    tables = calendar_tables(plan.kpi for plan in plans)
    return [*kpi_models(plans), *anomaly_models(plans, tables)]
