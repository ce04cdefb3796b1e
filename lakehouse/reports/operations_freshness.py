"""How fresh each feed is at the as-of date: the operations page's section on `meta_feeds`."""

import duckdb
import polars as pl

from lakehouse.reports import words
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.freshness import HOURS, knows_freshness
from lakehouse.reports.operations_data import with_copies, with_plain_feeds
from lakehouse.reports.page import Column, Section, Sentence, Table
from lakehouse.warehouse.query import read

_FEEDS_SHOWN, _NAMES_TOLD = 100, 3

_FEEDS = """
with files as (
    select feed, max(ingested_at) as taken_at from meta_files group by feed
)

select
    feeds.feed,
    feeds.owner,
    feeds.newest_at,
    cast(feeds.age_hours as decimal(18, 4)) as age,
    cast(feeds.freshness_limit_hours as decimal(18, 4)) as max_age,
    case
        when not feeds.is_fresh then 'late'
        when feeds.is_fresh then 'fresh'
        when feeds.freshness_limit_hours is null then 'no limit'
        when feeds.newest_at is null then 'no rows yet'
        else 'not judged'
    end as state,
    files.taken_at,
    row_number() over (
        order by feeds.is_fresh nulls last, feeds.age_hours - feeds.freshness_limit_hours desc nulls last, feeds.feed
    ) as place
from meta_feeds as feeds
left join files on files.feed = feeds.feed
order by place
"""


def read_freshness(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame | None:
    """One row per configured feed, late ones first; None where the copy doesn't tell of freshness."""
    return with_plain_feeds(read(connection, _FEEDS)) if knows_freshness(connection) else None


def freshness(feeds: pl.DataFrame | None) -> Section:
    """Which feeds are late, and how old each one's newest event is."""
    if feeds is None or feeds.is_empty():
        told = "The published copy doesn't tell of it yet. Run: lakehouse run"
        return Section("freshness", "Freshness of feeds", empty=told)
    columns = (
        Column("Feed", "feed", is_name=True),
        Column("State", "state"),
        Column("Age", "age", HOURS),
        Column("At most", "max_age", HOURS),
        Column("Newest event", "newest_at", words.INSTANT),
        Column("Last file taken", "taken_at", words.INSTANT),
        Column("Owner", "owner", is_name=True),
    )
    table = Table(
        "Freshness of feeds at the end of the as-of day",
        columns,
        Rows(Dataset("freshness", with_copies(feeds), dimension="member"), order="place", limit=_FEEDS_SHOWN),
        "feed-freshness",
        noun=("feed", "feeds"),
    )
    return Section(
        "freshness", "Freshness of feeds", (Sentence(_told(feeds), ("meta_feeds",)),), tables=(table,)
    )


def late_words(feeds: pl.DataFrame | None) -> str:
    """How many of the judged feeds are late, for the middle of a sentence; empty where none was judged."""
    if feeds is None:
        return ""
    late, judged = _counts(feeds)
    if not judged:
        return ""
    verb = "is" if late == 1 else "are"
    return (
        f"{words.count(late) if late else 'none'} of {words.counted(judged, 'feed')} with a limit {verb} late"
    )


def _told(feeds: pl.DataFrame) -> str:
    late, judged = _counts(feeds)
    if not judged:
        return "No feed has both rows and a limit of freshness, so none is judged."
    sentence = late_words(feeds)
    if late:
        first = feeds.filter(pl.col("state") == "late").head(_NAMES_TOLD)
        names = ", ".join(
            f"{words.named(row['feed'])} ({words.show(row['age'], HOURS)} against {words.show(row['max_age'], HOURS)})"
            for row in first.iter_rows(named=True)
        )
        sentence += f": {names}{f' and {late - len(first)} more' if late > len(first) else ''}"
    return f"{sentence[0].upper()}{sentence[1:]}."


def _counts(feeds: pl.DataFrame) -> tuple[int, int]:
    late = len(feeds.filter(pl.col("state") == "late"))
    return late, late + len(feeds.filter(pl.col("state") == "fresh"))
