"""The operations report: how the lake did, for whoever keeps it running.

Here belong the page's frame, its summary and the meaning of its terms. The sections stand in `operations_landed`,
`operations_quarantine`, `operations_freshness` and `operations_runs`, the datasets that they share in `operations_data`.
"""

from collections.abc import Sequence
from datetime import date

import duckdb
import polars as pl

from lakehouse.reports import words
from lakehouse.reports.freshness import stale_warnings
from lakehouse.reports.history import CheckRecord, RunRecord
from lakehouse.reports.operations_data import Landings, read_landings
from lakehouse.reports.operations_freshness import freshness, late_words, read_freshness
from lakehouse.reports.operations_landed import key_figures, landed, layers, movement
from lakehouse.reports.operations_quarantine import quarantine, share_words
from lakehouse.reports.operations_runs import error_warning, failing_checks, failing_words, run_history
from lakehouse.reports.page import Definition, Fact, Origin, Page, Period, Section, Sentence
from lakehouse.warehouse.query import read

NAME = "operations"
TITLE = "Operations report"

_NOTHING = "No file has landed yet. Put files below landing/<feed>/ and run: lakehouse run"
_AS_OF = "select max(as_of_date) as as_of, coalesce(bool_or(is_as_of_configured), false) as is_set from run_settings"

DEFINITIONS = (
    Definition(
        "Files taken", "Files read from the landing folders, by the UTC day on which they were taken."
    ),
    Definition("Rows landed", "Rows of these files, each of which is in exactly one of the next four."),
    Definition("Staged", "Rows that hold now: valid, and the latest of their key."),
    Definition("Superseded", "Valid rows whose key came again with other content that holds instead."),
    Definition("Sent again", "Exact copies of a row that came before."),
    Definition(
        "Quarantined", "Rows that break their feed's contract: kept whole, with every reason, never dropped."
    ),
    Definition("Share quarantined", "Quarantined rows divided by rows landed."),
    Definition(
        "Age of a feed",
        "From its newest event to the end of the as-of day; late when that is more than its contract allows.",
    ),
    Definition(
        "Checks that fail",
        "Checks whose latest evaluation did not pass; an error keeps later tables from being built, a warning doesn't.",
    ),
    Definition("Duration", "From the start of a run to its end, waiting in the queue left out."),
)


def operations_page(
    connection: duckdb.DuckDBPyConnection,
    origin: Origin,
    runs: Sequence[RunRecord],
    checks: Sequence[CheckRecord],
) -> Page:
    """The operations report on the published copy that the connection sees, and on what the orchestrator remembers.

    Raises duckdb.CatalogException when a table other than meta_feeds is missing.
    """
    landings = read_landings(connection)
    feeds = read_freshness(connection)
    as_of, note = _as_of(connection)
    return Page(
        name=NAME,
        title=TITLE,
        summary=_summary(landings, feeds, checks),
        origin=origin,
        as_of=as_of,
        as_of_note=note,
        period=Period(landings.periods.first, landings.periods.last) if landings else None,
        facts=_facts(landings),
        sections=(
            *_landed_sections(connection, landings),
            failing_checks(checks),
            freshness(feeds),
            run_history(connection, runs),
        ),
        definitions=DEFINITIONS,
        warnings=(*error_warning(checks), *stale_warnings(connection)),
        filters=landings.periods.filters("Feed", "All feeds", landings.feeds) if landings else None,
    )


def _landed_sections(connection: duckdb.DuckDBPyConnection, landings: Landings | None) -> tuple[Section, ...]:
    if landings is None:
        return tuple(
            Section(section_id, title, empty=_NOTHING)
            for section_id, title in (
                ("key-figures", "Key figures"),
                ("landed", "What landed when"),
                ("layers", "Rows through the layers"),
                ("quarantine", "Quarantine"),
            )
        )
    return (
        key_figures(landings),
        landed(connection, landings),
        layers(connection, landings),
        quarantine(connection, landings),
    )


def _summary(
    landings: Landings | None, feeds: pl.DataFrame | None, checks: Sequence[CheckRecord]
) -> Sentence:
    tables = [] if landings is None else ["meta_files"]
    if landings is None:
        first, said = "No file has landed yet", []
    else:
        rows, whole = landings.total("quarantined"), landings.total("landed")
        kept = (
            f"{words.counted(rows, 'row is', 'rows are')} in quarantine ({share_words(rows, whole)} so far)"
        )
        first, said = movement(landings), [kept if rows else "no row is in quarantine"]
    if late := late_words(feeds):
        said.append(late)
        tables.append("meta_feeds")
    if failing := failing_words(checks):
        said.append(failing)
    told = f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else "".join(said)
    return Sentence(f"{first}; {told}." if told else f"{first}.", tuple(tables))


def _facts(landings: Landings | None) -> tuple[Fact, ...]:
    if landings is None:
        return ()
    return (
        Fact("Feeds with files", words.count(len(landings.feeds))),
        Fact("Last file taken", words.instant(landings.last_file.at)),
    )


def _as_of(connection: duckdb.DuckDBPyConnection) -> tuple[date | None, str]:
    (row,) = read(connection, _AS_OF).iter_rows(named=True)
    return row["as_of"], " (configured)" if row["is_set"] else ""
