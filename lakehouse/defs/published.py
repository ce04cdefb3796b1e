"""The end of a run: the read-only copy for readers, and the reports made from it."""

import importlib.metadata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import dagster as dg
import duckdb

from lakehouse.catalog import Catalog
from lakehouse.contracts import Contract
from lakehouse.defs.history import check_records, run_records
from lakehouse.defs.metadata import report_metadata
from lakehouse.defs.resources import WAREHOUSE_POOL, WarehouseResource
from lakehouse.experiments.tables import UNITS_GROUP, experiment_models
from lakehouse.reports.commerce import commerce_page
from lakehouse.reports.operations import operations_page
from lakehouse.reports.page import Origin, Page
from lakehouse.reports.write import issue_report
from lakehouse.warehouse.model import Model
from lakehouse.warehouse.publish import PUBLISHED_GROUPS, forget_feeds, publish, record_feeds, record_run

PUBLISHED = "published_marts"

# What makes a report's page: of the published copy, of what the page says of its making, of Dagster's memory.
MakePage = Callable[[duckdb.DuckDBPyConnection, Origin, dg.DagsterInstance], Page]


def published_asset(catalog: Catalog, contracts: Sequence[Contract]) -> dg.AssetsDefinition:
    """marts.duckdb and exports/: dims, facts, marts, experiments and the lake's account of itself, swapped in atomically."""
    models: list[Model] = [*catalog.models, *experiment_models(catalog.plans)]
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


def report_assets(check_keys: Sequence[dg.AssetCheckKey]) -> list[dg.AssetsDefinition]:
    """The report pages. check_keys: the checks that the operations report tells of."""

    def commerce(
        connection: duckdb.DuckDBPyConnection, origin: Origin, _instance: dg.DagsterInstance
    ) -> Page:
        return commerce_page(connection, origin)

    def operations(
        connection: duckdb.DuckDBPyConnection, origin: Origin, instance: dg.DagsterInstance
    ) -> Page:
        return operations_page(connection, origin, run_records(instance), check_records(instance, check_keys))

    return [
        _report_asset(
            "commerce_report",
            "reports/commerce.html: how the shop did, on one self-contained page.",
            commerce,
        ),
        _report_asset(
            "operations_report",
            "reports/operations.html: files, rows, quarantine, runs and checks, on one self-contained page.",
            operations,
        ),
    ]


def _report_asset(name: str, description: str, make: MakePage) -> dg.AssetsDefinition:
    """A page made from the published copy and issued with its archive and index."""

    @dg.asset(
        name=name,
        deps=[PUBLISHED],
        group_name="reports",
        kinds={"altair", "html"},
        owners=["team:platform"],
        description=description,
    )
    def _report(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult:
        settings = warehouse.settings
        paths = settings.paths
        origin = Origin(context.run.run_id, importlib.metadata.version("lakehouse"))
        with duckdb.connect(str(paths.marts), read_only=True) as connection:
            page = make(connection, origin, context.instance)
        path = issue_report(page, paths.reports_dir, settings.archive_days, paths.cache)
        return dg.MaterializeResult(metadata=report_metadata(page, path, paths.reports_dir / "index.html"))

    return _report
