"""The reports as assets: pages made from the published copy, and issued with their archive and index."""

import importlib.metadata
from collections.abc import Callable, Iterable, Sequence

import dagster as dg
import duckdb

from lakehouse.defs.history import check_records, run_records
from lakehouse.defs.metadata import report_metadata, reports_metadata
from lakehouse.defs.published import PUBLISHED
from lakehouse.defs.resources import WarehouseResource
from lakehouse.reports.anomalies import anomalies_page
from lakehouse.reports.commerce import commerce_page
from lakehouse.reports.experiment import FOLDER
from lakehouse.reports.experiments import experiment_pages
from lakehouse.reports.operations import operations_page
from lakehouse.reports.page import Origin, Page
from lakehouse.reports.write import issue_reports, withdraw_reports

# What makes a report's pages: of the published copy, of what a page says of its making, of Dagster's memory.
MakePages = Callable[[duckdb.DuckDBPyConnection, Origin, dg.DagsterInstance], Iterable[Page]]


def report_assets(check_keys: Sequence[dg.AssetCheckKey]) -> list[dg.AssetsDefinition]:
    """The report pages. check_keys: the checks that the operations report tells of."""

    def anomalies(
        connection: duckdb.DuckDBPyConnection, origin: Origin, _instance: dg.DagsterInstance
    ) -> Iterable[Page]:
        return [anomalies_page(connection, origin)]

    def commerce(
        connection: duckdb.DuckDBPyConnection, origin: Origin, _instance: dg.DagsterInstance
    ) -> Iterable[Page]:
        return [commerce_page(connection, origin)]

    def experiments(
        connection: duckdb.DuckDBPyConnection, origin: Origin, _instance: dg.DagsterInstance
    ) -> Iterable[Page]:
        return experiment_pages(connection, origin)

    def operations(
        connection: duckdb.DuckDBPyConnection, origin: Origin, instance: dg.DagsterInstance
    ) -> Iterable[Page]:
        return [
            operations_page(connection, origin, run_records(instance), check_records(instance, check_keys))
        ]

    return [
        _report_asset(
            "anomalies_report",
            "reports/anomalies.html: what is out of the ordinary, most money first, with its causes, on one self-contained page.",
            anomalies,
        ),
        _report_asset(
            "commerce_report",
            "reports/commerce.html: how the shop did, on one self-contained page.",
            commerce,
        ),
        _report_asset(
            "experiments_report",
            "reports/experiments.html and a page for each experiment: the verdict first, then what it rests on.",
            experiments,
            below=FOLDER,
        ),
        _report_asset(
            "operations_report",
            "reports/operations.html: files, rows, quarantine, runs and checks, on one self-contained page.",
            operations,
        ),
    ]


def _report_asset(
    name: str, description: str, make: MakePages, below: str | None = None
) -> dg.AssetsDefinition:
    """Pages of the published copy; the first leads to the others. below: the folder in which all others lie."""

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
        folder = settings.paths.reports_dir
        origin = Origin(context.run.run_id, importlib.metadata.version("lakehouse"))
        with duckdb.connect(str(settings.paths.marts), read_only=True) as connection:
            pages = list(make(connection, origin, context.instance))
        paths = issue_reports(pages, folder, settings.archive_days, settings.paths.cache)
        if below is not None:
            withdraw_reports(folder, below, paths)
        metadata = report_metadata(pages[0], paths[0], folder / "index.html")
        return dg.MaterializeResult(metadata=metadata | reports_metadata(pages[1:], paths[1:]))

    return _report
