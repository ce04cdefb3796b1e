"""Rows that were turned away: how many, why, and a few of them to look at.

The published copy has masked personal data already; what is masked there is shown as masked here.
"""

import json

import duckdb
import polars as pl

from lakehouse.reports import charts, words
from lakehouse.reports.dataset import ALL, Dataset, Measure, Rows, quotient, value_of
from lakehouse.reports.operations_data import (
    INGESTED_ON,
    Landings,
    short_files,
    with_copies,
    with_overall,
    with_plain_feeds,
)
from lakehouse.reports.page import Chart, Column, Section, Sentence, Table
from lakehouse.reports.periods import WINDOW_DAYS, span_words, start_of
from lakehouse.warehouse.query import read

OTHER = "(other reasons)"
_REASONS_KEPT, _BARS, _REASONS_SHOWN = 25, 12, 25
_SAMPLED, _SAMPLED_OF_A_FEED, _SAMPLES = 12, 3, 3
_CELLS, _CELL, _HEADER, _LINE = 5, 32, 24, 100

# What stands in a quarantined row where its cells could not be told apart.
_WHOLE = {"_text": "text of the line", "_row": "the row", "_file": "the file"}

_ENTRIES = f"""
with entries as (
    select
        feed, file, row_number, row, ingested_at,
        {INGESTED_ON} as ingested_on,
        unnest(case when len(reasons) > 0 then reasons else ['no reason given'] end) as reason
    from quarantine
)
"""

_REASONS = f"""
{_ENTRIES},
ranked as (
    select reason, row_number() over (order by count(*) desc, reason) as place from entries group by reason
)

select
    {start_of("ingested_on")} as start,
    feed,
    case when place <= {_REASONS_KEPT} then reason else '{OTHER}' end as reason,
    count(*) as rows
from entries
join ranked using (reason)
group by all
order by start, feed, reason
"""

_SAMPLE_ROWS = f"""
{_ENTRIES},
ranked as (
    select feed, reason, count(*) as rows, row_number() over (partition by feed order by count(*) desc, reason) as place
    from entries
    group by feed, reason
),
-- Each feed's commonest reason before any feed's second one: a small feed is looked at too.
fair as (
    select feed, reason, place, row_number() over (order by place, rows desc, feed) as turn from ranked
)

select
    feed, reason, file, nullif(row_number, 0) as row_number, row, turn,
    row_number() over (partition by feed, reason order by ingested_at desc, file, row_number) as sample
from entries
join fair using (feed, reason)
where turn <= {_SAMPLED} or place <= {_SAMPLED_OF_A_FEED}
qualify sample <= {_SAMPLES}
order by turn, sample
"""

_REJECTED = """
select
    count(*) as files,
    arg_max(file, (ingested_at, file)) as file,
    max(ingested_at) as ingested_at
from meta_files
where status = 'rejected'
"""


def quarantine(connection: duckdb.DuckDBPyConnection, landings: Landings) -> Section:
    """The rejected rows by feed and reason, with samples."""
    sentences = [Sentence(text, ("meta_files",)) for text in (_total(landings), _recent(landings)) if text]
    found = with_plain_feeds(read(connection, _REASONS, **landings.periods.parameters))
    if found.is_empty():
        return Section("quarantine", "Quarantine", tuple(sentences))
    reasons, rejected = _reasons(found), _rejected(connection)
    return Section(
        "quarantine",
        "Quarantine",
        sentences=(
            *sentences,
            Sentence(_commonest(found), ("quarantine",)),
            *((Sentence(rejected, ("meta_files",)),) if rejected else ()),
        ),
        charts=(_reason_chart(reasons),),
        tables=(_reason_table(reasons), _sample_table(connection)),
    )


def share_words(part: int, whole: int) -> str:
    """A share in words that never round a few to none."""
    share = quotient(part, whole)
    if share is not None and part and words.percent(share) == "0.0%":
        return "less than 0.1%"
    return words.percent(share)


def sample_text(row: str | None, reason: str) -> str:
    """A rejected row's first cells on one line, the cell that the reason names in front.

    >>> sample_text('{"id": "7", "email": "•••", "age": "x"}', "age: expected integer")
    'age: x · id: 7 · email: •••'
    """
    try:
        cells = json.loads(row or "")
    except ValueError:
        return words.MISSING
    if not isinstance(cells, dict):
        return words.MISSING
    named = reason.partition(":")[0].strip().casefold()
    ordered = sorted(cells.items(), key=lambda cell: cell[0].casefold() != named)
    told = [_cell(name, value) for name, value in ordered[:_CELLS]]
    more = len(cells) - _CELLS
    return " · ".join([*told, f"and {more} more"] if more > 0 else told)


def _cell(name: str, value: object) -> str:
    shown = "(empty)" if value is None or value == "" else str(value)
    if name in _WHOLE:
        return f"{_WHOLE[name]}: {words.shorten(shown, _LINE)}"
    return f"{words.shorten(name, _HEADER)}: {words.shorten(shown, _CELL)}"


def _total(landings: Landings) -> str:
    rows, landed = landings.total("quarantined"), landings.total("landed")
    if not rows:
        return "No landed row is in quarantine."
    which = words.counted(rows, "row is", "rows are")
    return f"{which} in quarantine, {share_words(rows, landed)} of the {words.count(landed)} landed so far."


def _recent(landings: Landings) -> str:
    now, before = landings.periods.now, landings.periods.before
    if before is None or not landings.total("quarantined"):
        return ""
    measure = Measure("", landings.by_period, "quarantine_share", words.PERCENT)
    rows, landed = (landings.figure(each, now) for each in ("quarantined", "landed"))
    moved = words.change_in_points(value_of(measure, now), value_of(measure, before))
    against = "" if moved.direction == "unknown" else f", {moved.words} on the {WINDOW_DAYS} days before"
    said = f"{words.counted(rows, 'row')} of {words.count(landed)} that landed {span_words(now)} went there"
    return f"{said}, {share_words(rows, landed)}{against}." if landed else ""


def _commonest(found: pl.DataFrame) -> str:
    known = found.filter(pl.col("reason") != OTHER)
    reasons = known.group_by("reason").agg(pl.col("rows").sum())
    reason, rows = reasons.sort(["rows", "reason"], descending=[True, False]).row(0)
    feeds = known.filter(pl.col("reason") == reason).group_by("feed").agg(pl.col("rows").sum())
    feed, most = feeds.sort(["rows", "feed"], descending=[True, False]).row(0)
    where = "all" if most == rows else f"{words.count(most)} of them"
    return f"The commonest reason is: {words.named(reason)}, {words.counted(rows, 'row')}, {where} in {words.named(feed)}."


def _rejected(connection: duckdb.DuckDBPyConnection) -> str:
    (row,) = read(connection, _REJECTED).iter_rows(named=True)
    if not row["files"]:
        return ""
    which = words.counted(row["files"], "file was rejected whole:", "files were rejected whole, the newest")
    return f"{which} {words.named(row['file'])}, taken on {words.instant(row['ingested_at'])}."


def _reasons(found: pl.DataFrame) -> Dataset:
    """By reason, over all feeds and of each; bars need labels of which no two are equal."""
    frame = with_overall(found)
    reasons = frame.filter(pl.col("feed") == ALL).group_by("reason").agg(pl.col("rows").sum())
    ranked = reasons.sort(["rows", "reason"], descending=[True, False])["reason"].to_list()
    labels = dict(zip(ranked, words.chart_labels(ranked), strict=True))
    labelled = frame.with_columns(label=pl.col("reason").replace_strict(labels, return_dtype=pl.String))
    return Dataset("reasons", labelled, "start", "feed")


def _reason_chart(reasons: Dataset) -> Chart:
    table = Table(
        "Quarantined rows by reason",
        (Column("Reason", "reason", is_name=True), Column("Rows", "rows", words.COUNT)),
        Rows(reasons, ("label", "reason"), "rows", is_descending=True, limit=_BARS),
        noun=("reason", "reasons"),
    )
    return Chart(
        "quarantine-reasons",
        "Quarantined rows by reason",
        charts.ranked_bars("label", "rows", "Rows", words.COUNT),
        table,
        "Bars of the rows in quarantine, one for each of the commonest reasons.",
        "A row with several reasons counts under each.",
    )


def _reason_table(reasons: Dataset) -> Table:
    return Table(
        "Quarantine by feed and reason",
        (
            Column("Feed", "feed", is_name=True),
            Column("Reason", "reason", is_name=True),
            Column("Rows", "rows", words.COUNT),
        ),
        Rows(reasons, ("feed", "reason"), "rows", is_descending=True, limit=_REASONS_SHOWN),
        "quarantine-by-reason",
        "A row with several reasons counts under each.",
        ("pair of feed and reason", "pairs of feed and reason"),
    )


def _sample_table(connection: duckdb.DuckDBPyConnection) -> Table:
    found = with_plain_feeds(short_files(read(connection, _SAMPLE_ROWS)))
    texts = [sample_text(row, reason) for row, reason in found.select("row", "reason").iter_rows()]
    reasons = [words.shorten(reason, 120) for reason in found["reason"]]
    shown = found.drop("row", "sample").with_columns(
        pl.Series("cells", texts, pl.String), pl.Series("reason", reasons, pl.String)
    )
    rows = with_copies(shown, shown.filter(pl.col("turn") <= _SAMPLED))
    columns = (
        Column("Feed", "feed", is_name=True),
        Column("Reason", "reason", is_name=True),
        Column("Cells", "cells", is_name=True),
        Column("File", "file", is_name=True),
        Column("Row", "row_number", words.COUNT),
    )
    return Table(
        "Samples of quarantined rows",
        columns,
        Rows(Dataset("samples", rows, dimension="member"), order="turn"),
        "quarantine-samples",
        f"The newest rows, up to {_SAMPLES} for each feed's commonest reasons; cells are shortened, personal data masked.",
        ("row", "rows"),
    )
