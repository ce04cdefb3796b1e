"""The commands `lakehouse anomalies ...`: list what needs attention, show one, and say what it was.

Each reads the published copy; an answer lands as one row of a feed, which the next run takes. Not here: what the output
looks like (display_anomalies.py), and which anomalies an answer applies to (metrics/anomalies/feedback.py).
"""

# ruff: noqa: PLC0415  whatever is heavy is imported where it is used, so that --help answers at once

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.configuration import nearest
from lakehouse.terminal import AsJson, configured, console, fail, open_marts

if TYPE_CHECKING:
    import duckdb

    from lakehouse.metrics.anomalies.feedback import Shown, Verdict
    from lakehouse.metrics.anomalies.published import Anomaly, Judged
    from lakehouse.settings import Settings

anomalies = typer.Typer(
    name="anomalies",
    help="List the anomalies that need attention, show one, and say what it was.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Id = Annotated[
    str, typer.Argument(metavar="ID", help="The anomaly's id, or as much of it as no other begins with.")
]
Why = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, in one line.")]
Note = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="What was found, in one line.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says it; default: the login name.")]


@anomalies.command("list")
def list_(
    is_all: Annotated[  # noqa: FBT002  an option
        bool, typer.Option("--all", help="Also parts of others, what closed long ago and what was answered.")
    ] = False,
    kpi: Annotated[str | None, typer.Option(metavar="NAME", help="Of one KPI only.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Those that ended on this day or later.")
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002  an option
) -> None:
    """What needs attention, the most money first: open or closed within 14 days, and not answered yet.

    [dim]Examples:[/dim]

      lakehouse anomalies list
      lakehouse anomalies list --kpi total_revenue --since 2025-12-01 --all
      lakehouse anomalies list --json | jq '.[].sentence'
    """
    from dataclasses import asdict

    from lakehouse.display_anomalies import listed
    from lakehouse.display_experiments import to_json
    from lakehouse.metrics.anomalies.published import needing_attention

    first = _day(since)
    with _published(configured()) as (_, judged):
        pass
    if kpi is not None and kpi not in judged.kpis:
        fail(f'--kpi: expected the name of a KPI, found "{kpi}". {nearest(kpi, judged.kpis)}')
    found = list(judged.anomalies) if is_all else needing_attention(judged, first)
    found = [
        one for one in found if (kpi is None or one.kpi == kpi) and (first is None or one.ended_on >= first)
    ]
    if as_json:
        typer.echo(to_json([asdict(one) for one in found]))
        return
    console.print(_headline(len(found), judged, is_all=is_all), highlight=False, markup=False, soft_wrap=True)
    if found:
        console.print()
        console.print(listed(found, judged.currency), highlight=False)


@anomalies.command("show")
def show(anomaly: Id, as_json: AsJson = False) -> None:  # noqa: FBT002  an option
    """Everything known of one: expected and actual, how sure, its factors and causes, what people said.

    [dim]Example:[/dim]  lakehouse anomalies show 3f2a
    """
    from dataclasses import asdict

    from lakehouse.display_anomalies import whole
    from lakehouse.display_experiments import to_json
    from lakehouse.metrics.anomalies.published import causes_of, factors_of

    with _published(configured()) as (connection, judged):
        one = _found(judged, anomaly)
        causes, factors = causes_of(connection, one.anomaly), factors_of(connection, one.anomaly)
    parts = [part for part in judged.anomalies if part.part_of == one.anomaly]
    if as_json:
        typer.echo(
            to_json(
                {
                    **asdict(one),
                    "causes": [asdict(cause) for cause in causes],
                    "factors": [asdict(factor) for factor in factors],
                    "parts": [part.anomaly for part in parts],
                }
            )
        )
        return
    console.print(whole(one, causes, factors, parts, judged.currency), highlight=False)


@anomalies.command("mute")
def mute(
    anomaly: Id,
    note: Why,
    days: Annotated[
        int, typer.Option(min=1, max=3650, help="So many days of data more, its like isn't told of either.")
    ] = 28,
    by: By = None,
) -> None:
    """Nobody wants to hear of it, nor of its like for a while: same KPI, segment and direction.

    [dim]Example:[/dim]  lakehouse anomalies mute 3f2a --days 14 --note "known: the warehouse moves"
    """
    _answer(anomaly, "mute", note, by, days)


@anomalies.command("confirm")
def confirm(anomaly: Id, note: Note = None, by: By = None) -> None:
    """It is real.

    [dim]Example:[/dim]  lakehouse anomalies confirm 3f2a --note "the checkout was down in Germany"
    """
    _answer(anomaly, "confirm", note, by)


@anomalies.command("expected")
def expected(anomaly: Id, note: Why, by: By = None) -> None:
    """It was to be expected: its days become a calendar event, and the next one of the same note is expected by it.

    [dim]Example:[/dim]  lakehouse anomalies expected 3f2a --note "stock taking"
    """
    _answer(anomaly, "expected", note, by)


@anomalies.command("reopen")
def reopen(anomaly: Id, note: Note = None, by: By = None) -> None:
    """What was said of it doesn't hold any more.

    [dim]Example:[/dim]  lakehouse anomalies reopen 3f2a --note "it wasn't the stock taking"
    """
    _answer(anomaly, "reopen", note, by)


def _answer(wanted: str, verdict: Verdict, note: str | None, by: str | None, days: int | None = None) -> None:
    from datetime import UTC, datetime, timedelta

    from lakehouse.metrics.anomalies.answer import land, one_line, word_on

    settings = configured()
    try:
        why = None if note is None else one_line(note)
        who = one_line(_login() if by is None else by)
    except ValueError as error:
        fail(f"--note, --by: {error}.")
    if note is not None and not why:
        fail("--note: expected why, in a few words, found an empty text.")
    with _published(settings) as (_, judged):
        pass
    one = _meant(settings, judged, wanted)
    until = None
    if days is not None:
        until = max(one.ended_on, judged.as_of or one.ended_on) + timedelta(days=days)
    word = word_on(one, verdict, note=why, by=who or None, at=datetime.now(UTC), muted_until=until)
    try:
        path = land(word, settings.paths.landing)
    except OSError as error:
        fail(f"expected to write into {settings.paths.landing}, found {error}.")
    console.print(
        f"{one.anomaly}: {_meaning(one, verdict, why, until)}", highlight=False, markup=False, soft_wrap=True
    )
    console.print(f"Said in {path}.", highlight=False, markup=False, soft_wrap=True)
    console.print(
        "It counts from the next run on: lakehouse run, or by itself where lakehouse ui is up.",
        highlight=False,
        soft_wrap=True,
    )


def _meant(settings: Settings, judged: Judged, wanted: str) -> Shown:
    """The anomaly, also one that was answered before and is none any more since it is expected."""
    import duckdb

    from lakehouse.metrics.anomalies.feedback import staged_words
    from lakehouse.metrics.anomalies.published import found_by

    known = {one.anomaly: one.shown for one in judged.anomalies}
    if not any(name.startswith(wanted) for name in known):
        try:
            known |= {word.about.anomaly: word.about for word in staged_words(settings.paths.staging)}
        except duckdb.Error as error:
            fail(f"{settings.paths.staging}: expected readable feedback, found {error}. Run: lakehouse run")
    try:
        return known[found_by(known, wanted)]
    except ValueError as error:
        fail(str(error))


def _meaning(anomaly: Shown, verdict: Verdict, note: str | None, until: date | None) -> str:
    from lakehouse.display_anomalies import series

    if verdict == "mute":
        return f"muted, and its like ({series(anomaly)}, {anomaly.direction}) through {until}."
    if verdict == "expected":
        return f'expected. {anomaly.started_on} to {anomaly.ended_on} are days of "{note}" for {series(anomaly)}.'
    return "confirmed." if verdict == "confirm" else "open again, whatever was said of it before."


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name.
        return ""


def _headline(count: int, judged: Judged, *, is_all: bool) -> str:
    from lakehouse.reports import words

    through = "" if judged.as_of is None else f", as of {words.day(judged.as_of)}"
    if is_all:
        return f"{words.counted(count, 'anomaly', 'anomalies')}{through}."
    if not count:
        return f"Nothing needs attention{through}."
    needs = "needs" if count == 1 else "need"
    return f"{words.counted(count, 'anomaly', 'anomalies')} {needs} attention{through}."


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        fail(f"--since: expected a date like 2025-01-31, found {text!r}.")


def _found(judged: Judged, wanted: str) -> Anomaly:
    from lakehouse.metrics.anomalies.published import found_by

    known = {one.anomaly: one for one in judged.anomalies}
    try:
        return known[found_by(known, wanted)]
    except ValueError as error:
        fail(str(error))


@contextmanager
def _published(settings: Settings) -> Iterator[tuple[duckdb.DuckDBPyConnection, Judged]]:
    """The published copy and its anomalies; a copy without them ends the command."""
    import duckdb

    from lakehouse.metrics.anomalies.published import read_anomalies

    missing = f"expected published anomalies, found none in {settings.paths.marts}. Run: lakehouse run"
    if not settings.paths.marts.exists():
        fail(missing)
    with open_marts(settings) as connection:
        try:
            judged = read_anomalies(connection)
        except duckdb.CatalogException:
            fail(missing)
        except duckdb.BinderException as error:
            told = str(error).splitlines()[0]
            fail(f"{settings.paths.marts}: expected tables of this version, found {told}. Run: lakehouse run")
        yield connection, judged
