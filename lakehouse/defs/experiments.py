"""The tables of experiments as assets: built together in one pass over the registry, each with its own checks."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import dagster as dg

from lakehouse.catalog import Catalog
from lakehouse.defs.feeds import owner
from lakehouse.defs.metadata import check_result, model_metadata, not_judged
from lakehouse.defs.resources import WAREHOUSE_POOL, WarehouseResource
from lakehouse.experiments.build import build_experiments, experiments_clock
from lakehouse.experiments.tables import BUILT, experiment_models
from lakehouse.warehouse.build import absent_tables, describe_table
from lakehouse.warehouse.checks import Check, checks_of, run_check
from lakehouse.warehouse.lineage import parse, tables_read
from lakehouse.warehouse.model import Model
from lakehouse.warehouse.session import WarehouseSession


def experiment_assets(catalog: Catalog) -> list[dg.AssetsDefinition]:
    """The assets of the group `experiments`, before any readout."""
    staged = {contract.versions_table: contract.staged_table for contract in catalog.contracts.values()}
    models = [model for model in experiment_models(catalog.plans) if model.name in BUILT]

    def build(session: WarehouseSession) -> None:
        clock = experiments_clock(session.connection)
        build_experiments(session.connection, catalog.plans, clock)

    return [tables_asset("experiment_tables", models, build, staged)]


def tables_asset(
    name: str,
    models: Sequence[Model],
    build: Callable[[WarehouseSession], None],
    staged: Mapping[str, str] | None = None,
) -> dg.AssetsDefinition:
    """Tables that one step builds together: it builds all of them, and tells of those that were asked for.

    `staged`: table of versions -> the asset that writes it.
    """

    @dg.multi_asset(
        name=name,
        specs=_specs(models, staged or {}),
        check_specs=_check_specs(models),
        pool=WAREHOUSE_POOL,
        can_subset=True,
    )
    def _built(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult]:
        with warehouse.session() as session:
            build(session)
        for model in models:
            if dg.AssetKey(model.name) in context.selected_asset_keys:
                yield _result(warehouse, model)

    return _built


def _specs(models: Sequence[Model], staged: Mapping[str, str]) -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            model.name,
            deps=sorted({staged.get(table, table) for table in model.depends_on}),
            group_name=model.group,
            kinds={"duckdb"},
            owners=[owner(model.doc.config.meta.owner)],
            description=f"{model.doc.description}\n\nGrain: {model.doc.config.meta.grain}.",
        )
        for model in models
    ]


def _check_specs(models: Sequence[Model]) -> list[dg.AssetCheckSpec]:
    """An error keeps readers on the former copy, as for any other table."""
    return [
        dg.AssetCheckSpec(
            check.name, asset=model.name, description=check.description, blocking=check.severity == "error"
        )
        for model in models
        for check in checks_of(model)
    ]


def _result(warehouse: WarehouseResource, model: Model) -> dg.MaterializeResult:
    """What stands in a table that was just built, and the verdicts of its checks."""
    with warehouse.session() as session:
        built = describe_table(session.connection, model.name)
        verdicts = [_judged(warehouse, check) for check in checks_of(model)]
    return dg.MaterializeResult(
        asset_key=model.name, metadata=model_metadata(model, built), check_results=verdicts
    )


def _judged(warehouse: WarehouseResource, check: Check) -> dg.AssetCheckResult:
    with warehouse.session() as session:
        absent = absent_tables(session.connection, tables_read(parse(check.query)))
        if absent:
            return not_judged(check.model, check.name, absent)
        return check_result(check, run_check(session.connection, check, frozenset()))
