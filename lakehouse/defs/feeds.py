"""The two assets of every feed: `raw_<feed>` and `stg_<feed>`, with the checks that judge what was staged."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from lakehouse.contracts import Contract
from lakehouse.defs.metadata import finding_result, not_judged, raw_metadata, staged_metadata
from lakehouse.defs.resources import WAREHOUSE_POOL, WarehouseResource
from lakehouse.ingest.guard import Limits
from lakehouse.ingest.landing import list_landing
from lakehouse.ingest.raw import ingest_pending
from lakehouse.ingest.staging import stage_new_files
from lakehouse.warehouse.build import absent_tables
from lakehouse.warehouse.feed_checks import (
    Finding,
    files_readable,
    freshness,
    quarantine_ratio,
    reference,
    rows_conserved,
)
from lakehouse.warehouse.staged import load_staged

FILES_TAKEN = "files_taken"
FILES_READABLE = "files_readable"
QUARANTINE_RATIO = "quarantine_ratio"
ROWS_CONSERVED = "rows_conserved"
UNKNOWN_COLUMNS = "known_columns"


def raw_asset(contract: Contract) -> dg.AssetsDefinition:
    """The landed files of one feed as text, exactly as they came."""

    @dg.asset(
        name=f"raw_{contract.name}",
        group_name="raw",
        kinds={"parquet"},
        owners=[owner(contract.owner)],
        description=f"Landed files of the feed {contract.name} as text, exactly as they came. {contract.description}",
        check_specs=[
            dg.AssetCheckSpec(
                FILES_TAKEN,
                asset=f"raw_{contract.name}",
                description="No file is refused (links, permissions, names).",
            )
        ],
        pool=WAREHOUSE_POOL,
    )
    def _raw(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult:
        with warehouse.session() as session:
            settings = session.settings
            listing = list_landing(
                settings.paths.landing, [contract.name], settings.settle_seconds, time.time()
            )
            ingested = ingest_pending(
                contract,
                listing.files,
                settings.paths.landing,
                settings.paths.raw,
                Limits(settings.max_expansion_ratio, settings.max_row_bytes),
                datetime.now(UTC),
                progress=lambda one: context.log.info(
                    f"{one.file}: {one.rows:,} rows ({one.kind}) {one.reason}"
                ),
            )
        refused = [f"{one.path}: {one.reason}" for one in listing.refused]
        refused += [f"{one.file}: {one.reason}" for one in ingested if one.kind == "refused"]
        for line in refused:
            context.log.warning(f"refused {line}")
        taken = Finding(not refused, f"Refused: {'; '.join(refused)}." if refused else "None refused.", {})
        return dg.MaterializeResult(
            metadata=raw_metadata([one for one in ingested if one.kind != "refused"], refused),
            check_results=[finding_result(f"raw_{contract.name}", FILES_TAKEN, taken, warn=True)],
        )

    return _raw


def staging_asset(contract: Contract) -> dg.AssetsDefinition:
    """The staged table of one feed: new raw files in, validated rows and quarantined rows out."""
    table = contract.staged_table
    specs = [
        dg.AssetCheckSpec(
            QUARANTINE_RATIO,
            asset=table,
            blocking=True,
            description=f"At most {contract.quarantine.at_most:.2%} of the rows are in quarantine.",
        ),
        dg.AssetCheckSpec(
            ROWS_CONSERVED,
            asset=table,
            blocking=True,
            description="Landed = staged + superseded + re-sent + quarantined rows, for every file.",
        ),
        dg.AssetCheckSpec(
            FILES_READABLE, asset=table, description="Every file could be read and has the required columns."
        ),
        dg.AssetCheckSpec(
            UNKNOWN_COLUMNS, asset=table, description="Files bring only columns that the contract knows."
        ),
    ]

    @dg.asset(
        name=table,
        deps=[f"raw_{contract.name}"],
        group_name="staging",
        kinds={"polars", "duckdb"},
        owners=[owner(contract.owner)],
        description=contract.description,
        check_specs=specs,
        pool=WAREHOUSE_POOL,
    )
    def _staged(warehouse: WarehouseResource) -> dg.MaterializeResult:
        with warehouse.session() as session:
            paths = session.settings.paths
            staged = stage_new_files(contract, paths.raw, paths.staging, paths.quarantine)
            account = load_staged(session.connection, staged)
            ratio = quarantine_ratio(session.connection, contract)
            readable = files_readable(session.connection, contract)
            conserved = rows_conserved(session.connection, contract)
        return dg.MaterializeResult(
            metadata=staged_metadata(contract, account, staged.unknown_columns),
            check_results=[
                finding_result(table, QUARANTINE_RATIO, ratio, warn=False),
                finding_result(table, ROWS_CONSERVED, conserved, warn=False),
                finding_result(table, FILES_READABLE, readable, warn=True),
                finding_result(table, UNKNOWN_COLUMNS, _unknown(staged.unknown_columns), warn=True),
            ],
        )

    return _staged


def _unknown(columns: tuple[str, ...]) -> Finding:
    text = (
        f"Kept in raw only: {', '.join(columns)}. Add them to the contract to stage them."
        if columns
        else "All known."
    )
    return Finding(not columns, text, {"columns": ", ".join(columns)})


def feed_checks(contract: Contract) -> dg.AssetChecksDefinition | None:
    """Checks that read other feeds too, run after all of staging: references, and freshness at the as-of date."""
    table = contract.staged_table
    specs = [
        dg.AssetCheckSpec(
            f"{column}_in_{target.partition('.')[0]}",
            asset=table,
            additional_deps=[f"stg_{target.partition('.')[0]}"],
            description=f"Every {column} stands in {target}; a parent that comes later mends it.",
        )
        for column, target in contract.references.items()
    ]
    if contract.freshness and contract.event_time:
        specs.append(
            dg.AssetCheckSpec(
                "freshness",
                asset=table,
                additional_deps=["run_settings"],
                description=f"The newest {contract.event_time} is at most {contract.freshness} old at the as-of date.",
            )
        )
    if not specs:
        return None

    @dg.multi_asset_check(specs=specs, name=f"{table}_checks", pool=WAREHOUSE_POOL)
    def _checks(warehouse: WarehouseResource) -> Iterator[dg.AssetCheckResult]:
        with warehouse.session() as session:
            connection = session.connection
            for column, target in contract.references.items():
                parent = target.partition(".")[0]
                name = f"{column}_in_{parent}"
                if absent := absent_tables(connection, [f"stg_{parent}"]):
                    yield not_judged(table, name, absent)
                else:
                    yield finding_result(table, name, reference(connection, contract, column), warn=True)
            if contract.freshness and contract.event_time:
                if absent := absent_tables(connection, ["run_settings"]):
                    yield not_judged(table, "freshness", absent)
                else:
                    as_of = connection.execute("select as_of_date from run_settings").fetchall()[0][0]
                    yield finding_result(
                        table, "freshness", freshness(connection, contract, as_of), warn=True
                    )

    return _checks


def owner(name: str) -> str:
    """A contract's owner in Dagster's form: an address, or a team."""
    return name if "@" in name else f"team:{name}"
