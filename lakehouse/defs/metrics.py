"""The layer of metrics as assets: the tables of KPIs, those of anomalies, and a check per KPI that warns while one is open."""

from collections.abc import Iterator

import dagster as dg

from lakehouse.catalog import Catalog
from lakehouse.defs.experiments import tables_asset
from lakehouse.defs.metadata import alert_result, not_judged
from lakehouse.defs.resources import WAREHOUSE_POOL, WarehouseResource
from lakehouse.metrics.anomalies.alerts import kpi_alerts
from lakehouse.metrics.anomalies.build import build_anomalies
from lakehouse.metrics.anomalies.tables import TYPES as ANOMALY_TABLES
from lakehouse.metrics.build import build_kpis
from lakehouse.metrics.models import metric_models
from lakehouse.reports.anomalies_picture import anomaly_picture
from lakehouse.warehouse.build import absent_tables
from lakehouse.warehouse.session import WarehouseSession

JUDGED = "kpi_values"


def metric_assets(catalog: Catalog) -> list[dg.AssetsDefinition]:
    """The assets of the group `metrics`."""
    models = metric_models(catalog.kpi_plans)

    def build_values(session: WarehouseSession) -> None:
        build_kpis(session.connection, catalog.kpi_plans)

    def build_found(session: WarehouseSession) -> None:
        build_anomalies(session.connection, catalog.kpi_plans, session.settings.paths.cache / "expectations")

    return [
        tables_asset("kpi_tables", [one for one in models if one.name not in ANOMALY_TABLES], build_values),
        tables_asset("anomaly_tables", [one for one in models if one.name in ANOMALY_TABLES], build_found),
    ]


def alert_checks(catalog: Catalog) -> list[dg.AssetChecksDefinition]:
    """One check per KPI, told when anomalies are known."""
    kpis = list(catalog.kpis.values())
    if not kpis:
        return []
    specs = [
        dg.AssetCheckSpec(
            f"no_anomaly_in_{kpi.name}",
            asset=JUDGED,
            additional_deps=list(ANOMALY_TABLES),
            description=f"{kpi.label}: nothing out of the ordinary that somebody should look at.",
        )
        for kpi in kpis
    ]

    @dg.multi_asset_check(specs=specs, name="anomaly_alerts", pool=WAREHOUSE_POOL)
    def _alerted(warehouse: WarehouseResource) -> Iterator[dg.AssetCheckResult]:
        with warehouse.session() as session:
            absent = absent_tables(session.connection, ["kpi_definitions", *ANOMALY_TABLES])
            for kpi in kpis if absent else ():
                yield not_judged(JUDGED, f"no_anomaly_in_{kpi.name}", absent)
            if not absent:
                for told in kpi_alerts(session.connection, kpis):
                    first = told.alerts[0].anomaly if told.alerts else None
                    picture = anomaly_picture(session.connection, first) if first else ""
                    yield alert_result(JUDGED, f"no_anomaly_in_{told.kpi}", told, picture)

    return [_alerted]
