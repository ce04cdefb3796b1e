"""What the lake's account says of its files, as datasets that the sections of the operations page share.

Here belong queries over meta_files and the figures read off them. Sentences and tables belong to the sections.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import duckdb
import polars as pl

from lakehouse.reports import words
from lakehouse.reports.dataset import ALL, Dataset, Filter, Measure, Ratio, value_of
from lakehouse.reports.periods import Periods, periods_of, start_of
from lakehouse.warehouse.query import read

Outcome = Literal["files", "landed", "staged", "superseded", "resent", "quarantined"]
OUTCOMES: tuple[Outcome, ...] = ("files", "landed", "staged", "superseded", "resent", "quarantined")

# The day on which a file was taken, of files and of what they brought alike.
INGESTED_ON = "cast(ingested_at as date)"

_SPAN = f"select min({INGESTED_ON}) as first, max({INGESTED_ON}) as last from meta_files"

_BY_PERIOD = f"""
select
    {start_of(INGESTED_ON)} as start,
    feed,
    count(*) as files,
    cast(coalesce(sum(rows), 0) as bigint) as landed,
    cast(coalesce(sum(staged), 0) as bigint) as staged,
    cast(coalesce(sum(superseded), 0) as bigint) as superseded,
    cast(coalesce(sum(resent), 0) as bigint) as resent,
    cast(coalesce(sum(quarantined), 0) as bigint) as quarantined
from meta_files
group by all
order by start, feed
"""

_LAST_FILE = """
select feed, file, rows, ingested_at
from meta_files
order by ingested_at desc, feed, file
limit 1
"""


@dataclass(frozen=True, slots=True)
class LastFile:
    """The file that was taken last."""

    feed: str
    file: str
    rows: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Landings:
    """Files and their rows over time.

    by_period: every feed in every whole period, zeros where nothing came. whole: every row that ever landed, those
    before the first whole period too.
    """

    periods: Periods
    feeds: tuple[str, ...]
    by_period: Dataset
    whole: Dataset
    last_file: LastFile

    def figure(self, column: Outcome, span: Filter, feed: str = ALL) -> int:
        """A sum over a span of whole periods, of one feed or of all."""
        measure = Measure(column, self.by_period, column, words.COUNT)
        return int(value_of(measure, Filter(span.first, span.last, feed)) or 0)

    def total(self, column: Outcome) -> int:
        """A sum over everything that ever landed."""
        return int(value_of(Measure(column, self.whole, column, words.COUNT)) or 0)


def read_landings(connection: duckdb.DuckDBPyConnection) -> Landings | None:
    """The lake's files over the days on which they were taken; None where none ever was."""
    span = read(connection, _SPAN)
    first, last = span["first"][0], span["last"][0]
    if first is None:
        return None
    periods = periods_of(first, last)
    found = with_plain_feeds(read(connection, _BY_PERIOD, **periods.parameters))
    feeds = tuple(sorted(found["feed"].unique()))
    share = {"quarantine_share": Ratio("quarantined", "landed")}
    (file,) = read(connection, _LAST_FILE).iter_rows(named=True)
    return Landings(
        periods,
        feeds,
        Dataset("landings", with_overall(_filled(found, periods, feeds)), "start", "feed", share),
        Dataset("layers", with_overall(found), "start", "feed", share),
        LastFile(file["feed"], file["file"], file["rows"] or 0, file["ingested_at"]),
    )


def with_plain_feeds(frame: pl.DataFrame) -> pl.DataFrame:
    """Feed names as a page holds them, so that a reader's choice finds them."""
    return frame.with_columns(pl.Series("feed", [words.plain(feed) for feed in frame["feed"]], pl.String))


def short_files(frame: pl.DataFrame) -> pl.DataFrame:
    """File names without their feed's folder, which stands beside them."""
    names = [file.removeprefix(f"{feed}/") for feed, file in frame.select("feed", "file").iter_rows()]
    return frame.with_columns(pl.Series("file", names, pl.String))


def with_overall(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows by feed, and their sums over feeds as rows of all feeds."""
    keys = [
        name
        for name, kind in frame.schema.items()
        if name != "feed" and (kind.is_temporal() or kind == pl.String)
    ]
    summed = frame.group_by(keys, maintain_order=True).agg(pl.selectors.numeric().sum())
    return pl.concat([summed.with_columns(feed=pl.lit(ALL)).select(frame.columns), frame])


def with_copies(frame: pl.DataFrame, overall: pl.DataFrame | None = None) -> pl.DataFrame:
    """The rows under `member`: once as rows of all feeds (or those of `overall` there), once as rows of their own."""
    shown = frame if overall is None else overall
    return pl.concat(
        [shown.with_columns(member=pl.lit(ALL)), frame.with_columns(member=pl.col("feed").cast(pl.String))]
    )


def _filled(found: pl.DataFrame, periods: Periods, feeds: tuple[str, ...]) -> pl.DataFrame:
    starts = pl.DataFrame({"start": [span.first for span in periods.spans]}, schema={"start": pl.Date})
    grid = starts.join(pl.DataFrame({"feed": feeds}, schema={"feed": pl.String}), how="cross")
    return grid.join(found, on=["start", "feed"], how="left", maintain_order="left").with_columns(
        pl.col(OUTCOMES).fill_null(0)
    )
