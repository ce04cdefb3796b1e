"""The tables in which the lake keeps account of itself: their columns, and what each of them says.

Here belongs their description, for the binding of SQL that reads them and for the data dictionary. They are made in
`session` and filled in `staged` and `publish`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccountTable:
    """A table that the lake writes about itself. columns: description by name, in the table's order."""

    name: str
    description: str
    grain: str
    columns: dict[str, str]


ACCOUNT = (
    AccountTable(
        "meta_files",
        "What every landed file brought. rows = staged + superseded + resent + quarantined, for every file.",
        "one row per file taken",
        {
            "feed": "The feed that the file landed in.",
            "file": "The file's path below landing.",
            "content_hash": "Hash of the file's bytes.",
            "rows": "Rows landed.",
            "staged": "Rows that stand in the staged table.",
            "superseded": "Rows whose key came again in a later version.",
            "resent": "Exact copies of rows that were there already.",
            "quarantined": "Rows rejected.",
            "ingested_at": "When the file was taken, in UTC.",
            "batch": "The run of ingestion that took it.",
            "status": "loaded; re-sent: its bytes were in already; rejected: turned away whole.",
        },
    ),
    AccountTable(
        "quarantine",
        "Every rejected row, whole, with every reason. Personal data is masked in the published copy.",
        "one row per rejected row, or per file rejected whole",
        {
            "feed": "The feed.",
            "file": "The file's path below landing.",
            "row_number": "The row's place in its file, from 1.",
            "reasons": "Every reason for which it was rejected.",
            "row": "The row as it came, as JSON.",
            "ingested_at": "When its file was taken, in UTC.",
        },
    ),
    AccountTable(
        "meta_runs",
        "Every run that published, and the rows of each layer at its end.",
        "one row per run",
        {
            "run_id": "Dagster's id of the run.",
            "started_at": "When it began, in UTC.",
            "seconds": "How long it took up to publication.",
            "landed_rows": "Rows landed so far.",
            "staged_rows": "Rows staged.",
            "quarantined_rows": "Rows in quarantine.",
            "model_rows": "Rows of all tables made by models.",
        },
    ),
    AccountTable(
        "meta_feeds",
        "How fresh each feed is at the as-of date.",
        "one row per configured feed",
        {
            "feed": "The feed.",
            "owner": "Who answers for it.",
            "description": "What it brings.",
            "event_column": "The column that tells when something happened; null when the feed has none.",
            "newest_at": "The newest event.",
            "freshness_limit_hours": "How old that may be at the end of the as-of date; null: no limit.",
            "age_hours": "How old it is.",
            "is_fresh": "Whether it is within the limit; null where there is none, or nothing has come.",
        },
    ),
    AccountTable(
        "meta_settings",
        "The settings that models read.",
        "one row",
        {
            "as_of_date": "The configured as-of date; null: from data.",
            "business_time_zone": "The time zone in which days are cut.",
            "reporting_currency": "The configured currency; null: the commonest.",
        },
    ),
)
