"""Runs and checks: the operations page's sections on what the orchestrator did.

The records come as arguments: nothing here knows where they are kept.
"""

from collections.abc import Sequence
from decimal import Decimal

import duckdb
import polars as pl

from lakehouse.reports import charts, words
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.history import CheckRecord, RunRecord
from lakehouse.reports.page import Chart, Column, Section, Sentence, Table
from lakehouse.warehouse.query import read

RUNS_SHOWN, _BARS, CHECKS_SHOWN = 50, 20, 60
SECONDS = words.Form("number", "s", 1)
_TEXT = 400

_ROWS_OF_RUNS = "select run_id, landed_rows, model_rows from meta_runs"

_RUN_SCHEMA: dict[str, pl.DataType] = {
    "run_id": pl.String(),
    "started_at": pl.Datetime("us"),
    "status": pl.String(),
    "started_by": pl.String(),
    "seconds": pl.Decimal(18, 3),
}


def run_history(connection: duckdb.DuckDBPyConnection, runs: Sequence[RunRecord]) -> Section:
    """The newest runs with their status, duration and rows."""
    if not runs:
        return Section("runs", "Runs", empty="No run is known.")
    newest = sorted(runs, key=lambda run: (run.started_at, run.run_id), reverse=True)[:RUNS_SHOWN]
    ended = [run for run in newest if run.seconds is not None]
    return Section(
        "runs",
        "Runs",
        sentences=tuple(Sentence(text) for text in (_run_sentence(newest), _speed(ended)) if text),
        charts=(_duration_chart(ended[:_BARS]),) if ended else (),
        tables=(_run_table(connection, newest),),
    )


def failing_checks(checks: Sequence[CheckRecord]) -> Section:
    """The checks whose latest evaluation did not pass, errors first."""
    if not checks:
        return Section("checks", "Checks that fail", empty="No check has been evaluated yet.")
    failing = sorted(
        (check for check in checks if not check.passed),
        key=lambda check: (check.severity != "error", check.asset, check.check),
    )
    sentences = (Sentence(_check_sentence(checks)),)
    return Section(
        "checks", "Checks that fail", sentences, tables=(_check_table(failing),) if failing else ()
    )


def failing_words(checks: Sequence[CheckRecord]) -> str:
    """How many checks fail, for the middle of a sentence; empty where none was evaluated."""
    failing = sum(not check.passed for check in checks)
    if not checks:
        return ""
    verb = "fails" if failing == 1 else "fail"
    return f"{words.count(failing) if failing else 'none'} of {words.counted(len(checks), 'check')} {verb}"


def error_warning(checks: Sequence[CheckRecord]) -> tuple[str, ...]:
    """The warning of a page whose figures a failing check of severity error puts in doubt."""
    broken = sorted(
        f"{check.asset}.{check.check}" for check in checks if check.severity == "error" and not check.passed
    )
    if not broken:
        return ()
    which = words.counted(len(broken), "check of severity error fails", "checks of severity error fail")
    more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
    return (f"{which}: {words.named(broken[0], 100)}{more}. Read on under Checks that fail.",)


def _run_sentence(runs: Sequence[RunRecord]) -> str:
    counts = {
        status: sum(run.status == status for run in runs) for status in ("succeeded", "failed", "canceled")
    }
    going = len(runs) - sum(counts.values())
    parts = [f"{words.count(number)} {status}" for status, number in counts.items() if number]
    parts += [f"{words.count(going)} not ended yet"] if going else []
    listed = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
    since = words.instant(runs[-1].started_at)
    return f"{words.counted(len(runs), 'run')} since {since}: {listed}."


def _speed(ended: Sequence[RunRecord]) -> str:
    good = [run for run in ended if run.status == "succeeded"]
    if not good:
        return ""
    seconds = sorted(run.seconds for run in good if run.seconds is not None)
    middle = (seconds[(len(seconds) - 1) // 2] + seconds[len(seconds) // 2]) / Decimal(2)
    last = f"The last run that succeeded took {words.show(good[0].seconds, SECONDS)}"
    if len(good) < 2:
        return f"{last}."
    of = f"of the {words.count(len(good))} that succeeded"
    return f"{last}; the median {of} is {words.show(middle, SECONDS)}, the longest {words.show(seconds[-1], SECONDS)}."


def _duration_chart(ended: Sequence[RunRecord]) -> Chart:
    frame = pl.DataFrame(
        {
            "label": words.chart_labels(_label(run) for run in ended),
            "started_at": [run.started_at for run in ended],
            "status": [run.status for run in ended],
            "seconds": [run.seconds for run in ended],
            "day": [run.started_at.date() for run in ended],
            "place": list(range(len(ended))),
        },
        schema={
            "label": pl.String,
            "started_at": pl.Datetime("us"),
            "status": pl.String,
            "seconds": pl.Decimal(18, 3),
            "day": pl.Date,
            "place": pl.Int64,
        },
    )
    table = Table(
        "Duration of runs",
        (
            Column("Started", "started_at", words.INSTANT),
            Column("Status", "status"),
            Column("Duration", "seconds", SECONDS),
        ),
        Rows(Dataset("durations", frame, "day"), order="place"),
        noun=("run", "runs"),
    )
    return Chart(
        "run-durations",
        "Duration of the newest runs",
        charts.ranked_bars("label", "seconds", "Seconds", SECONDS),
        table,
        f"Bars of the seconds that each of the newest {len(ended)} ended runs took, the newest on top.",
        "The newest on top; times are UTC, and a run that did not succeed says so.",
    )


def _label(run: RunRecord) -> str:
    """Short enough for a phone: a status where it isn't the usual one, and a start without its year."""
    started = f"{run.started_at.day} {words.MONTHS[run.started_at.month - 1]} {run.started_at:%H:%M}"
    return started if run.status == "succeeded" else f"{run.status}, {started}"


def _run_table(connection: duckdb.DuckDBPyConnection, runs: Sequence[RunRecord]) -> Table:
    frame = pl.DataFrame(
        [(run.run_id, run.started_at, run.status, run.started_by, run.seconds) for run in runs],
        schema=_RUN_SCHEMA,
        orient="row",
    )
    rows = frame.join(read(connection, _ROWS_OF_RUNS), on="run_id", how="left", maintain_order="left")
    shown = rows.with_columns(pl.col("started_at").dt.date().alias("day"), short=pl.col("run_id").str.head(8))
    columns = (
        Column("Started", "started_at", words.INSTANT),
        Column("Status", "status"),
        Column("Duration", "seconds", SECONDS),
        Column("Started by", "started_by"),
        Column("Landed rows", "landed_rows", words.COUNT),
        Column("Rows in tables", "model_rows", words.COUNT),
        Column("Run", "short"),
    )
    note = "Rows as they stood at the end of the run; a run that did not publish has none."
    return Table(
        "Newest runs",
        columns,
        Rows(Dataset("runs", shown, "day")),
        "newest-runs",
        note,
        ("run", "runs"),
    )


def _check_sentence(checks: Sequence[CheckRecord]) -> str:
    failing = [check for check in checks if not check.passed]
    told = failing_words(checks)
    if failing:
        errors = sum(check.severity == "error" for check in failing)
        warnings = len(failing) - errors
        parts = [words.counted(errors, "error")] if errors else []
        parts += [words.counted(warnings, "warning")] if warnings else []
        told += f" at their latest evaluation: {' and '.join(parts)}"
    return f"{told[0].upper()}{told[1:]}."


def _check_table(failing: Sequence[CheckRecord]) -> Table:
    frame = pl.DataFrame(
        [
            (f"{check.asset}.{check.check}", words.shorten(check.text, _TEXT), check.severity, check.at)
            for check in failing
        ],
        schema={
            "check": pl.String,
            "text": pl.String,
            "severity": pl.String,
            "at": pl.Datetime("us"),
        },
        orient="row",
    )
    columns = (
        Column("Check", "check", is_name=True),
        Column("What it found", "text", is_name=True),
        Column("Severity", "severity"),
        Column("Evaluated", "at", words.INSTANT),
    )
    return Table(
        "Checks that did not pass",
        columns,
        Rows(Dataset("checks", frame), limit=CHECKS_SHOWN),
        "failing-checks",
        noun=("check", "checks"),
    )
