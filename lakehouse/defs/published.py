"""The read-only copy for readers, made when everything stands."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from lakehouse.catalog import Catalog
from lakehouse.contracts import Contract
from lakehouse.defs.resources import WAREHOUSE_POOL, WarehouseResource
from lakehouse.experiments.tables import UNITS_GROUP, experiment_models
from lakehouse.metrics.models import metric_models
from lakehouse.warehouse.model import Model
from lakehouse.warehouse.publish import PUBLISHED_GROUPS, forget_feeds, publish, record_feeds, record_run

PUBLISHED = "published_marts"


def published_asset(catalog: Catalog, contracts: Sequence[Contract]) -> dg.AssetsDefinition:
    """marts.duckdb and exports/: dims, facts, marts, experiments, KPIs and the lake's account of itself, swapped in atomically."""
    models: list[Model] = [
        *catalog.models,
        *experiment_models(catalog.plans),
        *metric_models(catalog.kpi_plans),
    ]
    built = [model.name for model in models if model.group in PUBLISHED_GROUPS and model.group != UNITS_GROUP]
    personal = {
        contract.name: [
            header for column in sorted(contract.pii_columns) for header in contract.headers_of(column)
        ]
        for contract in contracts
        if contract.pii_columns
    }

    @dg.asset(
        name=PUBLISHED,
        deps=[*built, "run_settings", *(contract.staged_table for contract in contracts)],
        group_name="marts",
        kinds={"duckdb", "parquet"},
        owners=["team:platform"],
        description="The read-only copy that readers open (data/marts.duckdb) and the exported marts (data/exports).",
        pool=WAREHOUSE_POOL,
    )
    def _published(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult:
        started = context.instance.get_run_stats(context.run.run_id).start_time
        with warehouse.session() as session:
            now = datetime.now(UTC)
            begun = datetime.fromtimestamp(started, UTC) if started else now
            forget_feeds(session.connection, [contract.name for contract in contracts])
            record_run(
                session.connection,
                context.run.run_id,
                begun,
                now,
                [model.name for model in models if not model.is_view],
            )
            record_feeds(session.connection, contracts)
            published = publish(session.connection, models, session.settings.paths, personal)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": published.rows,
                "path": dg.MetadataValue.path(published.path),
                "tables": published.tables,
                "size": published.path.stat().st_size,
                "exports": dg.MetadataValue.md("\n".join(f"- {path.name}" for path in published.exports)),
            }
        )

    return _published
