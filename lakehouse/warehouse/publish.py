"""The read-only copy for readers, swapped in whole: they never block the writer, nor the writer them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from lakehouse.contracts import Contract
from lakehouse.durable import sync_and_rename
from lakehouse.settings import LakePaths
from lakehouse.sql_text import literal
from lakehouse.warehouse.build import absent_tables
from lakehouse.warehouse.checks import MASK
from lakehouse.warehouse.feed_checks import freshness, newest_event
from lakehouse.warehouse.model import Model
from lakehouse.warehouse.session import transaction

KEPT = ("meta_files", "quarantine", "meta_runs", "meta_settings", "meta_feeds")
PUBLISHED_GROUPS = ("dims", "facts", "marts", "experiment_units", "experiments", "metrics")


@dataclass(frozen=True, slots=True)
class Published:
    path: Path
    tables: int
    rows: int
    exports: tuple[Path, ...]


def record_run(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    started_at: datetime,
    ended_at: datetime,
    tables: Iterable[str],
) -> None:
    """One row of meta_runs; a run that is repeated under the same id replaces its own."""
    seconds = (ended_at - started_at).total_seconds()
    counts = [connection.execute(f"select count(*) from {table}").fetchall()[0][0] for table in tables]
    landed, staged, quarantined = connection.execute(
        "select coalesce(sum(rows), 0)::bigint, coalesce(sum(staged), 0)::bigint, coalesce(sum(quarantined), 0)::bigint from meta_files"
    ).fetchall()[0]
    connection.execute("delete from meta_runs where run_id = $1", [run_id])
    values = [run_id, started_at.replace(tzinfo=None), seconds, landed, staged, quarantined, sum(counts)]
    connection.execute("insert into meta_runs values ($1, $2, $3, $4, $5, $6, $7)", values)


def record_feeds(connection: duckdb.DuckDBPyConnection, contracts: Sequence[Contract]) -> None:
    """One row of meta_feeds per configured feed: what it is, and how fresh it is at the as-of date."""
    as_of = None
    if not absent_tables(connection, ["run_settings"]):
        as_of = connection.execute("select max(as_of_date) from run_settings").fetchall()[0][0]
    with transaction(connection):
        connection.execute("delete from meta_feeds")
        for contract in contracts:
            values = _feed_row(connection, contract, as_of)
            connection.execute("insert into meta_feeds values ($1, $2, $3, $4, $5, $6, $7, $8)", values)


def _feed_row(
    connection: duckdb.DuckDBPyConnection, contract: Contract, as_of: date | None
) -> list[str | datetime | float | bool | None]:
    told = [contract.name, contract.owner, contract.description, contract.event_time]
    limit = contract.freshness.total_seconds() / 3600 if contract.freshness else None
    if contract.event_time is None or absent_tables(connection, [contract.staged_table]):
        return [*told, None, limit, None, None]
    newest = newest_event(connection, contract)
    if newest is None or as_of is None or limit is None:
        return [*told, newest, limit, None, None]
    finding = freshness(connection, contract, as_of)
    return [*told, newest, limit, finding.figures["age_hours"], finding.passed]


def forget_feeds(connection: duckdb.DuckDBPyConnection, configured: Sequence[str]) -> None:
    """Takes feeds whose contract is gone out of the lake's account; their raw files stay and tell all again."""
    with transaction(connection):
        for table in ("meta_files", "quarantine", "meta_staging"):
            connection.execute(
                f"delete from {table} where not list_contains($1::varchar[], feed)", [list(configured)]
            )


def publish(
    connection: duckdb.DuckDBPyConnection,
    models: Sequence[Model],
    paths: LakePaths,
    personal: Mapping[str, Sequence[str]],
) -> Published:
    """Copies dims, facts, marts and the lake's own account into marts.duckdb, and marts into exports/.

    `personal`: feed -> the headers under which its files carry personal data; masked in the copy's quarantine.
    """
    chosen = [model for model in models if model.group in PUBLISHED_GROUPS or model.name == "run_settings"]
    paths.data_dir.mkdir(parents=True, exist_ok=True)
    for leftover in paths.data_dir.glob(".marts-*.tmp*"):
        leftover.unlink(missing_ok=True)
    temporary = paths.data_dir / f".marts-{uuid.uuid4().hex}.tmp"
    rows = 0
    connection.execute(f"attach {literal(temporary)} as published")
    try:
        for table in KEPT:
            connection.execute(f"create table published.{table} as from {table}")
        for feed, headers in personal.items():
            _mask_quarantine(connection, feed, headers)
        for model in chosen:
            if model.is_view:
                # Inside the copy, names resolve to the copy's own tables.
                continue
            connection.execute(f"create table published.{model.name} as from {model.name}")
            rows += connection.execute(f"select count(*) from published.{model.name}").fetchall()[0][0]
        _views(connection, [model for model in chosen if model.is_view])
    finally:
        connection.execute("detach published")
    sync_and_rename(temporary, paths.marts)
    return Published(paths.marts, len(chosen) + len(KEPT), rows, _export(connection, models, paths.exports))


def _mask_quarantine(connection: duckdb.DuckDBPyConnection, feed: str, headers: Sequence[str]) -> None:
    """Masks cells by header, whatever its case, and the text of rows that could not be split into cells."""
    # Under a file that was rejected whole even the keys may be data: its header line may be missing.
    connection.execute(
        """
        update published.quarantine set row = to_json({'_row': $1})
        from published.meta_files as files
        where files.feed = quarantine.feed and files.file = quarantine.file and files.status = 'rejected'
            and files.ingested_at = quarantine.ingested_at and quarantine.feed = $2
        """,
        [MASK, feed],
    )
    connection.execute(
        """
        update published.quarantine
        set row = json_merge_patch(row, to_json(map_from_entries(
            [{'header': key, 'shown': $1} for key in json_keys(row) if list_contains($2::varchar[], lower(key))]
        )))
        where feed = $3
        """,
        [MASK, ["_text", *(header.lower() for header in headers)], feed],
    )


def _views(connection: duckdb.DuckDBPyConnection, views: Sequence[Model]) -> None:
    connection.execute("use published")
    try:
        for view in views:
            connection.execute(f"create view {view.name} as\n{view.sql}")
    finally:
        connection.execute("use warehouse")


def _export(
    connection: duckdb.DuckDBPyConnection, models: Sequence[Model], exports: Path
) -> tuple[Path, ...]:
    exports.mkdir(parents=True, exist_ok=True)
    written = []
    for model in models:
        if model.group != "marts":
            continue
        for form, options in (("parquet", "format parquet, compression zstd"), ("csv", "format csv, header")):
            final = exports / f"{model.name}.{form}"
            temporary = exports / f".{model.name}.{form}.tmp"
            connection.execute(f"copy (from {model.name} order by all) to {literal(temporary)} ({options})")
            sync_and_rename(temporary, final)
            written.append(final)
    return tuple(written)
