"""What is judged of a feed after staging: share of bad rows, conservation, references, freshness, unknown columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from lakehouse.contracts import Contract
from lakehouse.warehouse.checks import MASK

SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict in words, with the figures it rests on."""

    passed: bool
    text: str
    figures: dict[str, Any]


def quarantine_ratio(connection: duckdb.DuckDBPyConnection, contract: Contract) -> Finding:
    """Share of quarantined rows, in the whole feed and in the batch that came last: the worse one is judged.

    A bad file among hundreds of good ones would hide in the whole; an old one must not block for ever.
    """
    rows = connection.execute(
        """
        with files as (select * from meta_files where feed = $1),
        whole as (select sum(rows) as landed, sum(quarantined) as bad, count(*) filter (where status = 'rejected' and rows = 0) as unread from files),
        latest as (
            select sum(rows) as landed, sum(quarantined) as bad
            from files where batch = (select arg_max(batch, ingested_at) from files)
        )
        select coalesce(whole.landed, 0)::bigint, coalesce(whole.bad, 0)::bigint, coalesce(latest.landed, 0)::bigint,
            coalesce(latest.bad, 0)::bigint, whole.unread
        from whole cross join latest
        """,
        [contract.name],
    ).fetchall()[0]
    landed, bad, last_landed, last_bad, unread = rows
    whole, last = bad / landed if landed else 0.0, last_bad / last_landed if last_landed else 0.0
    limit = contract.quarantine.at_most
    passed = max(whole, last) <= limit
    worst = (
        f"{last_bad:,} of {last_landed:,} rows of the last batch"
        if last > whole
        else f"{bad:,} of {landed:,} rows"
    )
    text = f"{worst} are in quarantine ({max(whole, last):.2%}; at most {limit:.2%})."
    if unread:
        text += f" {unread} file{'s' if unread != 1 else ''} could not be read at all."
    if not passed:
        text += f" Look at: select * from quarantine where feed = '{contract.name}'. Mend the file or the contract."
    return Finding(
        passed,
        text,
        {
            "quarantined": bad,
            "landed": landed,
            "ratio": whole,
            "ratio_of_last_batch": last,
            "limit": limit,
            "unreadable_files": unread,
        },
    )


def files_readable(connection: duckdb.DuckDBPyConnection, contract: Contract) -> Finding:
    """Files that were quarantined whole, with the reason of each of the newest."""
    rejected = connection.execute(
        """
        select files.file, coalesce(any_value(quarantine.reasons[1]), 'no rows')
        from meta_files as files
        left join quarantine on quarantine.feed = files.feed and quarantine.file = files.file
            and quarantine.ingested_at = files.ingested_at
        where files.feed = $1 and files.status = 'rejected'
        group by files.file, files.ingested_at
        order by files.ingested_at desc
        """,
        [contract.name],
    ).fetchall()
    told = "; ".join(f"{file}: {reason}" for file, reason in rejected[:SAMPLES])
    text = f"{len(rejected)} rejected whole, the newest {told}." if rejected else "Every file could be read."
    return Finding(not rejected, text, {"rejected_files": len(rejected)})


def rows_conserved(connection: duckdb.DuckDBPyConnection, contract: Contract) -> Finding:
    """Landed = staged + superseded + resent + quarantined for every file, and staged = rows of the table."""
    wrong = connection.execute(
        "select file, rows, staged, superseded, resent, quarantined from meta_files "
        "where feed = $1 and rows <> staged + superseded + resent + quarantined",
        [contract.name],
    ).fetchall()
    told = connection.execute(
        "select coalesce(sum(staged), 0)::bigint from meta_files where feed = $1", [contract.name]
    ).fetchall()[0][0]
    staged = connection.execute(f"select count(*) from {contract.staged_table}").fetchall()[0][0]
    passed = not wrong and told == staged
    text = (
        f"Every landed row is accounted for; {staged:,} are staged."
        if passed
        else f"{len(wrong)} files don't add up; files tell of {told:,} staged rows, the table has {staged:,}."
    )
    return Finding(
        passed, text, {"files_that_do_not_add_up": [row[0] for row in wrong[:SAMPLES]], "staged": staged}
    )


def reference(connection: duckdb.DuckDBPyConnection, contract: Contract, column: str) -> Finding:
    """Rows whose parent has not come: kept, as it may land tomorrow, and told with sample keys."""
    target = contract.references[column]
    feed, _, field = target.partition(".")
    query = (
        f"from {contract.staged_table} where {column} is not null "
        f"and {column} not in (select {field} from stg_{feed} where {field} is not null)"
    )
    missing = connection.execute(f"select count(*) {query}").fetchall()[0][0]
    samples = [
        MASK if contract.columns[column].pii else str(row[0])
        for row in connection.execute(
            f"select distinct {column} {query} order by 1 limit {SAMPLES}"
        ).fetchall()
    ]
    text = (
        f"Every {column} stands in {target}."
        if not missing
        else f"{missing:,} rows name a {column} that {feed} has not brought, such as {', '.join(samples)}."
    )
    return Finding(not missing, text, {"rows": missing, "samples": samples})


def freshness(connection: duckdb.DuckDBPyConnection, contract: Contract, as_of: date | None) -> Finding:
    """Age of the newest event at the end of the as-of date, never at the wall clock."""
    newest = newest_event(connection, contract)
    if newest is None or as_of is None or contract.freshness is None:
        return Finding(True, "The feed has brought no rows: there is nothing to be late.", {})
    end = datetime.combine(as_of, datetime.min.time()) + timedelta(days=1)
    age = max(end - newest, timedelta(0))
    passed = age <= contract.freshness
    hours = age.total_seconds() / 3600
    limit = contract.freshness.total_seconds() / 3600
    text = (
        f"The newest {contract.event_time} is {hours:.1f} h old at the end of {as_of} (at most {limit:g} h)."
    )
    return Finding(
        passed, text, {"newest": str(newest), "age_hours": hours, "limit_hours": limit, "as_of": str(as_of)}
    )


def newest_event(connection: duckdb.DuckDBPyConnection, contract: Contract) -> datetime | None:
    """The latest event that the feed has brought; None where it has none, or its contract names no event."""
    if contract.event_time is None:
        return None
    query = f"select max({contract.event_time}) from {contract.staged_table}"
    newest = connection.execute(query).fetchall()[0][0]
    return None if newest is None else _moment(newest)


def _moment(value: datetime | date) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, datetime.min.time())
