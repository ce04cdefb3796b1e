"""What landed when: the operations page's sections on files and on their rows through the layers.

Here belong sentences, charts and tables made from `operations_data`. Rows that were turned away are counted here and
explained in `operations_quarantine`.
"""

import duckdb
import polars as pl

from lakehouse.reports import charts, words
from lakehouse.reports.dataset import Dataset, Filter, Measure, Rows
from lakehouse.reports.operations_data import Landings, short_files, with_copies, with_plain_feeds
from lakehouse.reports.page import Chart, Column, Section, Sentence, Table, tile
from lakehouse.reports.periods import WINDOW_DAYS, span_words
from lakehouse.warehouse.query import read

FILES_SHOWN, FILES_OF_A_FEED, FEEDS_SHOWN, TABLES_SHOWN = 50, 10, 100, 100
_NAMES_TOLD = 3

OUTCOME_COLUMNS = (
    Column("Landed", "landed", words.COUNT),
    Column("Staged", "staged", words.COUNT),
    Column("Superseded", "superseded", words.COUNT),
    Column("Sent again", "resent", words.COUNT),
    Column("Quarantined", "quarantined", words.COUNT),
)

_FILES = f"""
select
    feed, file, status, ingested_at, rows as landed, staged, superseded, resent, quarantined,
    row_number() over (order by ingested_at desc, feed, file) as place
from meta_files
qualify place <= {FILES_SHOWN}
    or row_number() over (partition by feed order by ingested_at desc, file) <= {FILES_OF_A_FEED}
order by place
"""

_PUBLISHED = """
select table_name as name
from duckdb_tables()
where not starts_with(table_name, 'meta_') and table_name not in ('quarantine', 'run_settings')
order by name
"""


def key_figures(landings: Landings) -> Section:
    """The figures of the last 28 days, against the 28 days before."""
    now, before = landings.periods.now, landings.periods.before
    data = landings.by_period
    measures = (
        Measure("Files taken", data, "files", words.COUNT),
        Measure("Rows landed", data, "landed", words.COUNT),
        Measure("Rows staged", data, "staged", words.COUNT),
        Measure("Rows sent again", data, "resent", words.COUNT),
        Measure("Rows quarantined", data, "quarantined", words.COUNT, "down"),
        Measure("Share quarantined", data, "quarantine_share", words.PERCENT, "down"),
    )
    return Section("key-figures", "Key figures", tiles=tuple(tile(each, now, before) for each in measures))


def landed(connection: duckdb.DuckDBPyConnection, landings: Landings) -> Section:
    """Rows per period by where they went, and the newest files."""
    return Section(
        "landed",
        "What landed when",
        sentences=tuple(Sentence(text, ("meta_files",)) for text in _landed_texts(landings) if text),
        charts=(_landed_chart(landings),),
        tables=(_file_table(connection, landings),),
    )


def layers(connection: duckdb.DuckDBPyConnection, landings: Landings) -> Section:
    """Where every landed row went, by feed, and the tables that were made of them."""
    published = _published_tables(connection)
    tables = (
        Table(
            "Rows through the layers, by feed",
            (
                Column("Feed", "feed", is_name=True),
                Column("Files", "files", words.COUNT),
                *OUTCOME_COLUMNS,
                Column("Share quarantined", "quarantine_share", words.PERCENT),
            ),
            Rows(landings.whole, ("feed",), "landed", is_descending=True, limit=FEEDS_SHOWN),
            "layers-by-feed",
            noun=("feed", "feeds"),
        ),
        Table(
            "Rows of the published tables",
            (Column("Table", "name", is_name=True), Column("Rows", "rows", words.COUNT)),
            Rows(Dataset("published", published), order="rows", is_descending=True, limit=TABLES_SHOWN),
            "published-tables",
            noun=("table", "tables"),
        ),
    )
    return Section("layers", "Rows through the layers", _layer_sentences(landings, published), tables=tables)


def movement(landings: Landings) -> str:
    """How many rows landed in the last 28 days, against the 28 days before; the middle of a sentence."""
    now, before = landings.periods.now, landings.periods.before
    came = f"{words.counted(landings.figure('files', now), 'file')} brought "
    came += f"{words.counted(landings.figure('landed', now), 'row')} {span_words(now)}"
    if before is None:
        return came
    rows, earlier = landings.figure("landed", now), landings.figure("landed", before)
    if earlier == 0:
        return f"{came}, after none in the {WINDOW_DAYS} days before"
    if rows == earlier:
        return f"{came}, as many as in the {WINDOW_DAYS} days before"
    return f"{came}, {words.change(rows, earlier).words} on the {WINDOW_DAYS} days before ({words.count(earlier)})"


def _landed_texts(landings: Landings) -> tuple[str, ...]:
    return (
        f"{movement(landings)}{_driver(landings)}.",
        _peak(landings),
        _last_file(landings),
        _silent(landings),
    )


def _driver(landings: Landings) -> str:
    """The feed in which most of the change took place, if there is one."""
    now, before = landings.periods.now, landings.periods.before
    if before is None or len(landings.feeds) < 2:
        return ""
    moved = {
        feed: landings.figure("landed", now, feed) - landings.figure("landed", before, feed)
        for feed in landings.feeds
    }
    change = sum(moved.values())
    feed = max(moved, key=lambda each: moved[each] if change > 0 else -moved[each])
    if change == 0 or abs(moved[feed]) * 2 <= abs(change):
        return ""
    earlier, later = (words.count(landings.figure("landed", span, feed)) for span in (before, now))
    return (
        f", most of the {'rise' if change > 0 else 'fall'} in {words.named(feed)} (from {earlier} to {later})"
    )


def _peak(landings: Landings) -> str:
    spans = landings.periods.spans
    if len(spans) < 2:
        return ""
    rows = {span: landings.figure("landed", Filter(span.first, span.last)) for span in spans}
    top = max(spans, key=lambda span: rows[span])
    if rows[top] == 0:
        return ""
    files = words.counted(landings.figure("files", Filter(top.first, top.last)), "file")
    return f"Most rows landed {span_words(Filter(top.first, top.last))}: {words.count(rows[top])} in {files}."


def _last_file(landings: Landings) -> str:
    last = landings.last_file
    return (
        f"The last file was taken on {words.instant(last.at)}: {words.named(last.file)}, "
        f"with {words.counted(last.rows, 'row')}."
    )


def _silent(landings: Landings) -> str:
    now = landings.periods.now
    silent = [feed for feed in landings.feeds if landings.figure("files", now, feed) == 0]
    if not silent:
        return ""
    told = ", ".join(words.named(feed) for feed in silent[:_NAMES_TOLD])
    more = f" and {len(silent) - _NAMES_TOLD} more" if len(silent) > _NAMES_TOLD else ""
    which = words.counted(len(silent), "feed that brought files before", "feeds that brought files before")
    return f"{which} brought none {span_words(now)}: {told}{more}."


def _layer_sentences(landings: Landings, published: pl.DataFrame) -> tuple[Sentence, ...]:
    landed, *parts = (
        landings.total(each) for each in ("landed", "staged", "superseded", "resent", "quarantined")
    )
    staged, superseded, resent, quarantined = (words.count(each) for each in parts)
    gap = landed - sum(parts)
    told = (
        f"Of {words.counted(landed, 'row')} landed so far, {staged} are staged, {superseded} were superseded by a newer "
        f"version, {resent} were sent again and {quarantined} are in quarantine"
    )
    verdict = (
        f", {words.count(abs(gap))} {'fewer' if gap > 0 else 'more'} than landed: the loading must be looked into."
        if gap
        else "; every row is accounted for."
    )
    tables, rows = len(published), int(published["rows"].sum())
    made = f"{words.counted(tables, 'published table holds', 'published tables hold')} {words.counted(rows, 'row')}."
    return (
        Sentence(told + verdict, ("meta_files",)),
        *((Sentence(made),) if tables else ()),
    )


def _landed_chart(landings: Landings) -> Chart:
    periods = landings.periods
    series = {
        "staged": "Staged",
        "superseded": "Superseded",
        "resent": "Sent again",
        "quarantined": "Quarantined",
    }
    columns = (
        Column(periods.heading, "start", words.DAY),
        Column("Files", "files", words.COUNT),
        *OUTCOME_COLUMNS,
    )
    return Chart(
        "landed-rows",
        f"Rows landed, {periods.adjective}, by where they went",
        charts.stacked_bars("start", periods.days, series, "Rows", words.COUNT),
        Table("Rows landed over time", columns, Rows(landings.by_period, order="start")),
        f"Stacked bars of the rows that landed, {periods.adjective}, from {words.day(periods.first)} to "
        f"{words.day(periods.last)}: staged, superseded, sent again, quarantined.",
        periods.note,
    )


def _file_table(connection: duckdb.DuckDBPyConnection, landings: Landings) -> Table:
    files = with_plain_feeds(short_files(read(connection, _FILES)))
    newest = files.filter(pl.col("place") <= FILES_SHOWN)
    columns = (
        Column("Taken", "ingested_at", words.INSTANT),
        Column("Feed", "feed", is_name=True),
        Column("File", "file", is_name=True),
        Column("Taken as", "status"),
        *OUTCOME_COLUMNS,
    )
    total = landings.total("files")
    note = f"The newest {FILES_SHOWN} of {words.count(total)} files; " if total > FILES_SHOWN else ""
    note += f"up to {FILES_OF_A_FEED} of each feed are kept for a choice of feed." if note else ""
    return Table(
        "Newest files",
        columns,
        Rows(Dataset("files", with_copies(files, newest), dimension="member"), order="place"),
        "newest-files",
        note,
        ("file", "files"),
    )


def _published_tables(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    names = read(connection, _PUBLISHED)["name"]
    counts = []
    for name in names:
        quoted = '"' + name.replace('"', '""') + '"'
        counts.append(int(read(connection, f"select count(*) as rows from {quoted}")["rows"][0]))
    return pl.DataFrame({"name": names, "rows": counts}, schema={"name": pl.String, "rows": pl.Int64})
