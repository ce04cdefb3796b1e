"""The commands `lakehouse metrics ...`: list the KPIs, show one, check them all.

Each reads configuration and the published copy and shows what it finds; none writes anything. Not here: what the
output looks like (display_metrics.py).
"""

# ruff: noqa: PLC0415  whatever is heavy is imported where it is used, so that --help answers at once

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.configuration import nearest
from lakehouse.terminal import AsJson, catalog_of, configured, console, fail, open_marts

if TYPE_CHECKING:
    from lakehouse.metrics.definition import Kpi
    from lakehouse.metrics.published import Period, Status
    from lakehouse.settings import Settings

metrics = typer.Typer(
    name="metrics",
    help="List the KPIs, show one by period and segment, and check them all.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@metrics.command("list")
def list_(as_json: AsJson = False) -> None:  # noqa: FBT002  an option
    """The KPIs as defined, and through which day each is complete.

    [dim]Example:[/dim]  lakehouse metrics list
    """
    from lakehouse.display_experiments import to_json
    from lakehouse.display_metrics import list_table

    settings = configured()
    kpis = catalog_of(settings).kpis
    found = _statuses(settings) or {}
    if as_json:
        typer.echo(to_json([_document(kpi, found.get(name)) for name, kpi in kpis.items()]))
        return
    console.print(list_table(kpis.values(), found))


@metrics.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The KPI: its file's name.")],
    by: Annotated[str | None, typer.Option(help="Cut by one of its dimensions.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="From this day on; otherwise the latest periods.")
    ] = None,
    cadence: Annotated[str | None, typer.Option(help="daily or weekly; otherwise the KPI's first.")] = None,
    as_json: AsJson = False,  # noqa: FBT002  an option
) -> None:
    """A KPI's periods with their changes against the week, four weeks and the year before, from the published tables.

    [dim]Examples:[/dim]

      lakehouse metrics show total_revenue
      lakehouse metrics show total_revenue --by country --since 2025-12-01
      lakehouse metrics show conversion_rate --cadence weekly --json | jq '.periods[-1]'
    """
    from dataclasses import asdict

    from lakehouse.display_experiments import to_json
    from lakehouse.display_metrics import periods_table

    settings = configured()
    kpis = catalog_of(settings).kpis
    if name not in kpis:
        fail(f'expected the name of a KPI, found "{name}". {nearest(name, kpis)}')
    kpi = kpis[name]
    if by is not None and by not in kpi.dimensions:
        hint = nearest(by, kpi.dimensions) if kpi.dimensions else f"{name} has none."
        fail(f'--by: expected a dimension of {name}, found "{by}". {hint}')
    chosen = cadence or kpi.cadence[0]
    if chosen not in kpi.cadence:
        fail(f'--cadence: expected {" or ".join(kpi.cadence)}, found "{chosen}".')
    statuses = _statuses(settings)
    if statuses is None or name not in statuses:
        fail(f"expected published values of {name}, found none in {settings.paths.marts}. Run: lakehouse run")
    periods = _periods(settings, name, chosen, by or "", _day(since))
    if as_json:
        said = _document(kpi, statuses[name])
        rows = [asdict(one) for one in periods]
        typer.echo(to_json({**said, "cadence": chosen, "dimension": by, "periods": rows}))
        return
    if not periods:
        console.print(f"{name}: {_nothing(statuses[name], since)}", highlight=False, soft_wrap=True)
        return
    console.print(periods_table(kpi, periods, by or ""))
    if not all(one.is_complete for one in periods):
        console.print("* not complete: its data are still coming in, or began within it.", highlight=False)


@metrics.command("check")
def check(as_json: AsJson = False) -> None:  # noqa: FBT002  an option
    """Whether the definitions are right and every KPI has values. Exit 1 when a definition is wrong.

    [dim]Example:[/dim]  LAKEHOUSE_CONFIG_DIR=./our-config lakehouse metrics check
    """
    from lakehouse.display_experiments import to_json

    settings = configured()
    kpis = catalog_of(settings).kpis
    found = _statuses(settings)
    told = {name: found[name].status if found and name in found else "not built yet" for name in kpis}
    if as_json:
        typer.echo(to_json(told))
        return
    console.print(f"{len(kpis)} KPIs: all definitions are right.", highlight=False)
    waiting = {name: status for name, status in told.items() if status != "ok"}
    for name, status in waiting.items():
        console.print(f"{name}: {status}", highlight=False, markup=False, soft_wrap=True)
    if not waiting:
        console.print("Every one of them has values.")


def _nothing(status: Status, since: str | None) -> str:
    return f"no period since {since}." if status.status == "ok" and since else f"{status.status}."


def _document(kpi: Kpi, status: Status | None) -> dict[str, object]:
    said = kpi.model_dump(mode="json", exclude={"shown"})
    return {
        **said,
        "status": status.status if status else None,
        "as_of_date": status.as_of_date if status else None,
        "lag_days": status.lag_days if status else None,
        "complete_through": status.complete_through if status else None,
    }


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        fail(f"--since: expected a date like 2025-01-31, found {text!r}.")


def _statuses(settings: Settings) -> dict[str, Status] | None:
    """Every published KPI; None where nothing is published yet."""
    import duckdb

    from lakehouse.metrics.published import statuses

    if not settings.paths.marts.exists():
        return None
    with open_marts(settings) as connection:
        try:
            return statuses(connection)
        except duckdb.CatalogException:
            return None


def _periods(settings: Settings, name: str, cadence: str, dimension: str, since: date | None) -> list[Period]:
    from lakehouse.metrics.published import first_shown, periods_of

    with open_marts(settings) as connection:
        start = since or first_shown(connection, name, cadence, dimension)
        return [] if start is None else periods_of(connection, name, cadence, dimension, start)
