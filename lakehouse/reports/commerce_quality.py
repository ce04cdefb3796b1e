"""The commerce report's panel on its own data: files, rows through the layers, and what was turned away.

Counts and reasons only: no value of a rejected row is ever printed.
"""

from datetime import date

import duckdb
import polars as pl

from lakehouse.reports import words
from lakehouse.reports.page import Column, Section, Table
from lakehouse.reports.query import read

_REASONS_SHOWN = 40

_LAYERS = ("landed", "staged", "superseded", "resent", "quarantined")

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


def _sentences(feeds: pl.DataFrame) -> tuple[str, ...]:
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
    if not quarantined:
        return (first, "No row is in quarantine.")
    share = f"{quarantined / landed:.2%}" if landed else words.MISSING
    return (
        first,
        f"{words.counted(quarantined, 'row is', 'rows are')} in quarantine, {share} of the rows landed.",
    )


def _feed_table(feeds: pl.DataFrame) -> Table:
    columns = (
        Column("Feed"),
        Column("Files", True),
        Column("Rows landed", True),
        Column("Staged", True),
        Column("Superseded", True),
        Column("Sent again", True),
        Column("Quarantined", True),
        Column("Last file taken"),
    )
    rows = tuple(
        (
            row["feed"],
            words.count(row["files"]),
            *(words.count(row[layer]) for layer in _LAYERS),
            words.instant(row["ingested_at"]),
        )
        for row in feeds.iter_rows(named=True)
    )
    note = "Superseded: an older version of a row whose key came again. Sent again: exact copies of a row."
    return Table("Rows through the layers, by feed", columns, rows, note)


def _reason_table(reasons: pl.DataFrame) -> Table:
    note = "A row with several reasons counts under each."
    if len(reasons) > _REASONS_SHOWN:
        note += f" The first {_REASONS_SHOWN} of {words.count(len(reasons))} reasons."
    return Table(
        "Quarantine by feed and reason",
        (Column("Feed"), Column("Reason", is_name=True), Column("Rows", True)),
        tuple(
            (row["feed"], words.shorten(row["reason"], 160), words.count(row["rows"]))
            for row in reasons.head(_REASONS_SHOWN).iter_rows(named=True)
        ),
        note,
    )
