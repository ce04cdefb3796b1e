"""The tables of KPIs as assets: built together in one pass over the definitions, each with its own checks."""

import dagster as dg

from lakehouse.catalog import Catalog
from lakehouse.defs.experiments import tables_asset
from lakehouse.metrics.build import build_kpis
from lakehouse.metrics.tables import kpi_models
from lakehouse.warehouse.session import WarehouseSession


def metric_assets(catalog: Catalog) -> list[dg.AssetsDefinition]:
    """The assets of the group `metrics`."""

    def build(session: WarehouseSession) -> None:
        build_kpis(session.connection, catalog.kpi_plans)

    return [tables_asset("kpi_tables", kpi_models(catalog.kpi_plans), build)]
