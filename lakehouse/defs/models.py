"""One asset per model, its dependencies and lineage read off its SQL, its tests as asset checks."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from lakehouse.defs.feeds import owner
from lakehouse.defs.metadata import check_result, model_metadata, not_judged
from lakehouse.defs.resources import WAREHOUSE_POOL, WarehouseResource
from lakehouse.warehouse.build import absent_tables, build_model
from lakehouse.warehouse.checks import Check, checks_of, run_check
from lakehouse.warehouse.lineage import parse, tables_read
from lakehouse.warehouse.model import Model


def model_assets(
    models: Sequence[Model], pii: frozenset[str]
) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """Assets and checks of all models. `pii`: names of columns that hold personal data, masked in samples."""
    upstream = _ancestors(models)
    definitions: list[dg.AssetsDefinition | dg.AssetChecksDefinition] = []
    for model in models:
        masked = pii | {column.name for column in model.doc.columns if column.meta.pii}
        now, later = _split(model, upstream)
        definitions.append(_model_asset(model, now, masked))
        if later:
            definitions.append(_later_checks(model, later, masked, upstream))
    return definitions


def _ancestors(models: Sequence[Model]) -> dict[str, set[str]]:
    ancestors: dict[str, set[str]] = {}
    for model in models:
        ancestors[model.name] = set(model.depends_on).union(
            *(ancestors.get(table, set()) for table in model.depends_on)
        )
    return ancestors


def _split(model: Model, ancestors: Mapping[str, set[str]]) -> tuple[list[Check], list[Check]]:
    """Checks that can run as soon as the model stands, and those that read tables built after it."""
    now: list[Check] = []
    later: list[Check] = []
    for check in checks_of(model):
        beyond = _beyond(check, model, ancestors)
        (later if beyond else now).append(check)
    return now, later


def _beyond(check: Check, model: Model, ancestors: Mapping[str, set[str]]) -> set[str]:
    read = set(tables_read(parse(check.query)))
    return {table for table in read - ancestors[model.name] - {model.name} if table in ancestors}


def _spec(check: Check, *, blocking: bool, after: Sequence[str] = ()) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        check.name,
        asset=check.model,
        description=check.description,
        blocking=blocking,
        additional_deps=list(after),
    )


def _model_asset(model: Model, checks: Sequence[Check], masked: frozenset[str]) -> dg.AssetsDefinition:
    # An error keeps what depends on the table from being rebuilt, so readers keep the former, sound copy.
    specs = [_spec(check, blocking=check.severity == "error") for check in checks]

    @dg.asset(
        name=model.name,
        deps=list(model.depends_on),
        group_name=model.group,
        kinds={"duckdb", "sql"},
        owners=[owner(model.doc.config.meta.owner)],
        description=f"{model.doc.description}\n\nGrain: {model.doc.config.meta.grain}.\n\n```sql\n{model.sql.strip()}\n```",
        check_specs=specs,
        pool=WAREHOUSE_POOL,
    )
    def _built(warehouse: WarehouseResource) -> dg.MaterializeResult:
        with warehouse.session() as session:
            built = build_model(session.connection, model)
            verdicts = [check_result(check, run_check(session.connection, check, masked)) for check in checks]
        return dg.MaterializeResult(metadata=model_metadata(model, built), check_results=verdicts)

    return _built


def _later_checks(
    model: Model, checks: Sequence[Check], masked: frozenset[str], ancestors: Mapping[str, set[str]]
) -> dg.AssetChecksDefinition:
    specs = []
    for check in checks:
        after = [table for table in tables_read(parse(check.query)) if table != model.name]
        # What is built from the model can't wait for a check that itself waits for it.
        is_circle = any(model.name in ancestors.get(table, set()) for table in after)
        specs.append(_spec(check, blocking=check.severity == "error" and not is_circle, after=after))

    @dg.multi_asset_check(specs=specs, name=f"{model.name}_checks", pool=WAREHOUSE_POOL)
    def _checked(warehouse: WarehouseResource) -> Iterator[dg.AssetCheckResult]:
        with warehouse.session() as session:
            for check in checks:
                absent = absent_tables(session.connection, tables_read(parse(check.query)))
                if absent:
                    yield not_judged(check.model, check.name, absent)
                else:
                    yield check_result(check, run_check(session.connection, check, masked))

    return _checked
