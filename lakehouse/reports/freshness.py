"""Warnings of feeds that are late: the lines that stand at the top of every page.

Here belongs what `meta_feeds` says in words. Judging a feed belongs to the warehouse, which does it before it publishes.
"""

import duckdb

from lakehouse.reports import words
from lakehouse.warehouse.query import read

HOURS = words.Form("number", "h", 1)

_HAS_FEEDS = "select count(*) as tables from duckdb_tables() where table_name = 'meta_feeds'"

_LATE = """
select
    feed, owner, event_column, newest_at,
    cast(age_hours as decimal(18, 4)) as age,
    cast(age_hours - freshness_limit_hours as decimal(18, 4)) as excess
from meta_feeds
where not is_fresh
order by excess desc, feed
"""


def knows_freshness(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the copy tells of its feeds' freshness; copies of older versions don't."""
    return bool(read(connection, _HAS_FEEDS)["tables"][0])


def stale_warnings(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """One sentence per late feed: what is late, by how much, what to do; the latest first."""
    if not knows_freshness(connection):
        return ()
    return tuple(
        f"Feed {words.named(row['feed'])} is late: its newest {row['event_column']} is of {words.instant(row['newest_at'])}, "
        f"{words.show(row['age'], HOURS)} before the end of the as-of day and {words.show(row['excess'], HOURS)} over "
        f"its limit. Ask {words.named(row['owner'])} for its files, then run: lakehouse run."
        for row in read(connection, _LATE).iter_rows(named=True)
    )
