"""The commerce report's panel on its own data: files, rows through the layers, and what was turned away.

Counts and reasons only: no value of a rejected row is ever printed.
"""

from datetime import date

import duckdb
import polars as pl

from lakehouse.reports import words
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.page import Column, Section, Sentence, Table
from lakehouse.warehouse.query import read

_REASONS_SHOWN, _REASONS_KEPT = 40, 200

_UNCONVERTED = """
select count(*) as orders
from fct_orders
where is_unconverted and is_revenue and order_date <= $as_of
"""

_FEEDS = """
select
    feed,
    count(*) as files,
    cast(coalesce(sum(rows), 0) as bigint) as landed,
    cast(coalesce(sum(staged), 0) as bigint) as staged,
    cast(coalesce(sum(superseded), 0) as bigint) as superseded,
    cast(coalesce(sum(resent), 0) as bigint) as resent,
    cast(coalesce(sum(quarantined), 0) as bigint) as quarantined,
    max(ingested_at) as ingested_at
from meta_files
group by feed
order by feed
"""

_REASONS = """
with rejections as (
    select feed, case when len(reasons) > 0 then reasons else ['no reason given'] end as reasons
    from quarantine
),
reasons as (
    select feed, unnest(reasons) as reason from rejections
)

select feed, reason, count(*) as rows
from reasons
group by all
order by rows desc, feed, reason
"""


def data_quality(connection: duckdb.DuckDBPyConnection) -> Section:
    """Every landed row accounted for, and the rejected ones by feed and reason."""
    feeds = read(connection, _FEEDS)
    if feeds.is_empty():
        return Section("quality", "Data quality", empty="No file has landed yet.")
    reasons = read(connection, _REASONS)
    return Section(
        "quality",
        "Data quality",
        sentences=_sentences(feeds),
        tables=(_feed_table(feeds), *((_reason_table(reasons),) if len(reasons) else ())),
    )


def unconverted_warning(connection: duckdb.DuckDBPyConnection, as_of: date) -> str:
    """A warning about orders that no sum holds, as their currency has no rate; empty when there are none."""
    orders = int(read(connection, _UNCONVERTED, as_of=as_of)["orders"][0])
    if not orders:
        return ""
    which = words.counted(orders, "order is", "orders are")
    return f"{which} in a currency without an exchange rate and left out of every sum of money."


def _sentences(feeds: pl.DataFrame) -> tuple[Sentence, ...]:
    files, landed, quarantined = (int(feeds[name].sum()) for name in ("files", "landed", "quarantined"))
    kept = sum(int(feeds[name].sum()) for name in ("staged", "superseded", "resent"))
    came = (
        f"{words.counted(files, 'file')} of {words.counted(len(feeds), 'feed')} brought "
        f"{words.counted(landed, 'row')}"
    )
    if landed == kept + quarantined:
        first = f"{came}, and every one is accounted for: staged, superseded, sent again or in quarantine."
    else:
        gap = landed - kept - quarantined
        missing = f"{words.counted(abs(gap), 'row')} {'fewer' if gap > 0 else 'more'}"
        first = f"{came}, but the layers account for {missing}: the loading must be looked into."
    source = ("meta_files",)
    if not quarantined:
        return (Sentence(first, source), Sentence("No row is in quarantine.", source))
    share = f"{quarantined / landed:.2%}" if landed else words.MISSING
    second = f"{words.counted(quarantined, 'row is', 'rows are')} in quarantine, {share} of the rows landed."
    return (Sentence(first, source), Sentence(second, source))


def _feed_table(feeds: pl.DataFrame) -> Table:
    return Table(
        "Rows through the layers, by feed",
        (
            Column("Feed", "feed", is_name=True),
            Column("Files", "files", words.COUNT),
            Column("Rows landed", "landed", words.COUNT),
            Column("Staged", "staged", words.COUNT),
            Column("Superseded", "superseded", words.COUNT),
            Column("Sent again", "resent", words.COUNT),
            Column("Quarantined", "quarantined", words.COUNT),
            Column("Last file taken", "ingested_at", words.INSTANT),
        ),
        Rows(Dataset("feeds", feeds)),
        "feeds-table",
        "Superseded: an older version of a row whose key came again. Sent again: exact copies of a row.",
        ("feed", "feeds"),
    )


def _reason_table(reasons: pl.DataFrame) -> Table:
    shortened = reasons.with_columns(
        pl.col("reason").map_elements(lambda text: words.shorten(text, 160), return_dtype=pl.String)
    )
    return Table(
        "Quarantine by feed and reason",
        (
            Column("Feed", "feed", is_name=True),
            Column("Reason", "reason", is_name=True),
            Column("Rows", "rows", words.COUNT),
        ),
        Rows(Dataset("reasons", shortened.head(_REASONS_KEPT)), limit=_REASONS_SHOWN),
        "reasons-table",
        "A row with several reasons counts under each.",
        ("reason", "reasons"),
    )
