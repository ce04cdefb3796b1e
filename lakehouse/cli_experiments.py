"""The commands `lakehouse experiment ...`: plan one, list those of the registry, read one out.

Each reads configuration and the published copy and shows what it finds; none writes anything. Not here: what the
output looks like (display_experiments.py).
"""

# ruff: noqa: PLC0415  whatever is heavy is imported where it is used, so that --help answers at once

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from lakehouse.cli_plan import plan_command
from lakehouse.configuration import nearest
from lakehouse.terminal import AsJson, catalog_of, configured, console, fail, open_marts

if TYPE_CHECKING:
    from lakehouse.catalog import Catalog
    from lakehouse.experiments.readout_rows import SegmentRow
    from lakehouse.reports.experiment_data import Trial
    from lakehouse.settings import Settings

experiments = typer.Typer(
    name="experiment",
    help="Plan an experiment, list those of the registry, and read one out.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
experiments.command("plan")(plan_command)


@experiments.command("list")
def list_(as_json: AsJson = False) -> None:  # noqa: FBT002  an option
    """The experiments of the registry: dates, and verdicts as last published.

    [dim]Example:[/dim]  lakehouse experiment list
    """
    from lakehouse.display_experiments import list_table, to_json

    settings = configured()
    catalog = catalog_of(settings)
    trials = {trial.id: trial for trial in _published(settings) or ()}
    rows = [_listed(catalog, name, trials.get(name)) for name in catalog.experiments]
    if as_json:
        typer.echo(to_json(rows))
        return
    console.print(list_table(rows) if rows else "The registry holds no experiment.")


@experiments.command("readout")
def readout_(
    experiment: Annotated[str, typer.Argument(metavar="ID", help="The experiment's id: its file's name.")],
    segments: Annotated[  # noqa: FBT002  an option
        bool, typer.Option("--segments", help="Show the metrics by segment, too.")
    ] = False,
    as_json: AsJson = False,  # noqa: FBT002  an option
) -> None:
    """The verdict on an experiment, its health and its metrics, from the published tables.

    [dim]Examples:[/dim]

      lakehouse experiment readout onboarding_checklist
      lakehouse experiment readout onboarding_checklist --segments
      lakehouse experiment readout onboarding_checklist --json | jq .decisions
    """
    from lakehouse.display_experiments import readout_document, to_json

    settings = configured()
    trials = _published(settings)
    if trials is None:
        fail(f"expected published experiments, found none in {settings.paths.marts}. Run: lakehouse run")
    trial = next((one for one in trials if one.id == experiment), None)
    if trial is None:
        _fail_unknown(settings, experiment, {one.id for one in trials})
    found = _segments(settings, experiment) if segments else None
    if as_json:
        typer.echo(to_json(readout_document(trial, found)))
        return
    _print_readout(trial, found)


def _print_readout(trial: Trial, segments: list[SegmentRow] | None) -> None:
    from lakehouse.display_experiments import (
        health_table,
        metrics_table,
        printable,
        segments_table,
        verdict_sentence,
    )

    console.print(verdict_sentence(trial), style="bold", markup=False, highlight=False, soft_wrap=True)
    if trial.health:
        console.print(health_table(trial))
    if trial.is_read:
        console.print(metrics_table(trial))
    for row in trial.rows:
        if row.status != "ok" and row.role != "primary":
            said = printable(f"{trial.said(row.variant)}{row.label}: {row.reason}.")
            console.print(said, markup=False, highlight=False, soft_wrap=True)
    if segments:
        console.print(segments_table(segments))
    elif segments is not None:
        console.print("No segments: none were planned, or nothing is known of them yet.")


def _fail_unknown(settings: Settings, name: str, published: set[str]) -> NoReturn:
    """An experiment that isn't published: no such one, or not built yet."""
    registered = catalog_of(settings).experiments
    if name in registered:
        fail(f"{name}: expected published tables that hold it, found none. Run: lakehouse run")
    known = {*published, *registered}
    hint = f" {nearest(name, known)}" if known else ""
    fail(f'expected the id of an experiment, found "{name}".{hint}')


def _listed(catalog: Catalog, name: str, trial: Trial | None) -> dict[str, Any]:
    from lakehouse.reports.experiment_verdict import verdict_of

    one = catalog.experiments[name]
    return {
        "experiment_id": name,
        "name": one.name,
        "owner": one.owner,
        "design": one.design,
        "start": None if one.start is None else str(one.start),
        "end": None if one.end is None else str(one.end),
        "primary": one.metrics.primary,
        "verdicts": {row.variant: verdict_of(row) for row in trial.primary} if trial else {},
        "as_of_date": trial.as_of if trial else None,
    }


def _published(settings: Settings) -> list[Trial] | None:
    """Every published experiment; None where nothing is published yet."""
    import duckdb

    from lakehouse.reports.experiment_data import read_trials

    if not settings.paths.marts.exists():
        return None
    with open_marts(settings) as connection:
        try:
            return read_trials(connection)
        except duckdb.CatalogException:
            return None
        except (duckdb.Error, TypeError) as error:
            # Columns of another version of this package.
            fail(
                f"{settings.paths.marts}: expected tables of this version, found {error}. Run: lakehouse run"
            )


def _segments(settings: Settings, experiment: str) -> list[SegmentRow]:
    from lakehouse.experiments.readout_rows import SegmentRow
    from lakehouse.reports.experiment_data import rows_of

    with open_marts(settings) as connection:
        found = rows_of(
            connection, "select * from exp_segments where experiment_id = $1 order by rowid", experiment
        )
        return [SegmentRow(**row) for row in found]
