"""Staged Parquet -> `stg_<feed>`: one row per key, and per file the account of where its rows went.

A key's rows are ordered by the contract's `latest_by`, then by file, then by position. Rows equal to the one before
them in that order are exact re-sends; of the others the last is staged and the rest are superseded.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import duckdb
import polars as pl

from lakehouse.contracts import Contract
from lakehouse.contracts.contract import INGESTED_AT, META_COLUMNS
from lakehouse.ingest.staging import Part, Staged
from lakehouse.sql_text import literal
from lakehouse.warehouse.session import transaction

RULE_VERSION = "1"


@dataclass(frozen=True, slots=True)
class FeedAccount:
    """A feed's rows through the layers: landed = staged + superseded + resent + quarantined."""

    feed: str
    files: int
    landed: int
    staged: int
    superseded: int
    resent: int
    quarantined: int
    is_changed: bool


def load_staged(connection: duckdb.DuckDBPyConnection, staged: Staged) -> FeedAccount:
    """Makes the feed's tables from its parts, unless they already are what those parts give. One transaction."""
    contract = staged.contract
    signature = _signature(staged)
    known = connection.execute(
        "select signature from meta_staging where feed = $1", [contract.name]
    ).fetchone()
    is_changed = known != (signature,)
    if is_changed:
        with transaction(connection):
            _load(connection, staged)
            connection.execute("delete from meta_staging where feed = $1", [contract.name])
            connection.execute("insert into meta_staging values ($1, $2)", [contract.name, signature])
    return account_of(connection, contract.name, is_changed=is_changed)


def account_of(connection: duckdb.DuckDBPyConnection, feed: str, *, is_changed: bool = False) -> FeedAccount:
    """A feed's totals over its files."""
    files, landed, staged, superseded, resent, quarantined = connection.execute(
        "select count(*), coalesce(sum(rows), 0)::bigint, coalesce(sum(staged), 0)::bigint, "
        "coalesce(sum(superseded), 0)::bigint, coalesce(sum(resent), 0)::bigint, "
        "coalesce(sum(quarantined), 0)::bigint from meta_files where feed = $1",
        [feed],
    ).fetchall()[0]
    return FeedAccount(feed, files, landed, staged, superseded, resent, quarantined, is_changed)


def _signature(staged: Staged) -> str:
    told = [RULE_VERSION, *staged.contract.latest_by, str(staged.contract.history)]
    told += [f"{part.staged.name}:{part.raw.name.content}" for part in staged.parts]
    return hashlib.blake2b("\n".join(told).encode(), digest_size=16).hexdigest()


def _load(connection: duckdb.DuckDBPyConnection, staged: Staged) -> None:
    contract = staged.contract
    columns = ", ".join([*contract.columns, *META_COLUMNS])
    filled = [str(part.staged) for part in staged.parts if part.staged_rows]
    typed = ", ".join(f"{name} {column.sql_type}" for name, column in contract.columns.items())
    meta = "_source_file VARCHAR, _row_number BIGINT, _ingested_at TIMESTAMP, _row_hash UBIGINT"
    connection.execute(f"drop table if exists {contract.staged_table}_versions")
    for table in {contract.staged_table, contract.versions_table}:
        connection.execute(f"create or replace table {table} ({typed}, {meta})")
    account = "_file_account"
    connection.execute(
        f"create or replace temp table {account} (file varchar, ingested_at timestamp, staged bigint, superseded bigint, resent bigint)"
    )
    if filled:
        connection.execute(
            f"create or replace temp view _versions as select {columns} from read_parquet({_list(filled)}, hive_partitioning = false)"
        )
        if contract.history:
            connection.execute(f"insert into {contract.versions_table} select * from _versions")
        _dedupe(connection, contract, account)
        connection.execute("drop view _versions")
    _write_account(connection, staged, account)
    connection.execute(f"drop table {account}")


def _dedupe(connection: duckdb.DuckDBPyConnection, contract: Contract, account: str) -> None:
    """Only keys that came more than once are ordered; all others go straight through."""
    key = ", ".join(contract.key)
    by = [*(name for name in contract.latest_by if name != INGESTED_AT), INGESTED_AT, "_row_number"]
    ascending = ", ".join(f"{name} asc nulls first" for name in by)
    descending = ", ".join(f"{name} desc nulls last" for name in by)
    columns = ", ".join([*contract.columns, *META_COLUMNS])
    table = contract.staged_table
    connection.execute(
        f"""
        create or replace temp table _contested as
        select {key} from _versions group by {key} having count(*) > 1
        """
    )
    is_contested = connection.execute("select count(*) > 0 from _contested").fetchall()[0][0]
    if not is_contested:
        connection.execute(f"insert into {table} select * from _versions")
    else:
        connection.execute(
            f"""
            create or replace temp table _ordered as
            with compared as (
                select *, coalesce(_row_hash = lag(_row_hash) over (partition by {key} order by {ascending}), false) as _is_resent
                from _versions semi join _contested using ({key})
            )
            select *, not _is_resent and row_number() over (
                partition by {key}, _is_resent order by {descending}
            ) = 1 as _is_staged
            from compared
            """
        )
        connection.execute(
            f"insert into {table} select {columns} from _versions anti join _contested using ({key})"
        )
        connection.execute(f"insert into {table} select {columns} from _ordered where _is_staged")
        connection.execute(
            f"""
            insert into {account}
            select _source_file, _ingested_at, 0, count(*) filter (where not _is_staged and not _is_resent), count(*) filter (where _is_resent)
            from _ordered group by 1, 2
            """
        )
        connection.execute("drop table _ordered")
    connection.execute(
        f"insert into {account} select _source_file, _ingested_at, count(*), 0, 0 from {table} group by 1, 2"
    )
    connection.execute("drop table _contested")


def _write_account(connection: duckdb.DuckDBPyConnection, staged: Staged, account: str) -> None:
    feed = staged.contract.name
    connection.execute("delete from meta_files where feed = $1", [feed])
    connection.execute("delete from quarantine where feed = $1", [feed])
    # One insert of a frame: executemany takes half a millisecond a file.
    files = pl.DataFrame([_file_row(feed, part) for part in staged.parts], schema=_FILE, orient="row")
    connection.register("_files", files.to_arrow())
    connection.execute("insert into meta_files by name select * from _files")
    connection.unregister("_files")
    connection.execute(
        f"""
        update meta_files
        set staged = counted.staged, superseded = counted.superseded, resent = meta_files.resent + counted.resent
        from (
            select file, ingested_at, sum(staged) as staged, sum(superseded) as superseded, sum(resent) as resent
            from {account} group by file, ingested_at
        ) as counted
        where meta_files.feed = $1 and meta_files.file = counted.file and meta_files.ingested_at = counted.ingested_at
        """,
        [feed],
    )
    bad = [str(part.quarantined) for part in staged.parts if part.quarantined.exists()]
    if bad:
        connection.execute(
            f"insert into quarantine select * from read_parquet({_list(bad)}, hive_partitioning = false)"
        )


_FILE: dict[str, pl.DataType] = {
    "feed": pl.String(),
    "file": pl.String(),
    "content_hash": pl.String(),
    "rows": pl.Int64(),
    "staged": pl.Int64(),
    "superseded": pl.Int64(),
    "resent": pl.Int64(),
    "quarantined": pl.Int64(),
    "ingested_at": pl.Datetime("us"),
    "batch": pl.String(),
    "status": pl.String(),
}


def _file_row(feed: str, part: Part) -> tuple[object, ...]:
    raw = part.raw
    return (
        feed,
        raw.source_file,
        raw.name.content,
        raw.landed_rows,
        0,
        0,
        raw.landed_rows if raw.name.kind == "resend" else 0,
        part.quarantined_rows,
        raw.name.ingested_at.replace(tzinfo=None),
        raw.batch,
        {"rows": "loaded", "rejected": "rejected", "resend": "re-sent"}[raw.name.kind],
    )


def _list(paths: list[str]) -> str:
    return f"[{', '.join(map(literal, paths))}]"
