"""The command `lakehouse explain`: why a KPI changed between two periods, from the published copy.

Belongs here: its arguments and their mistakes. Not here: the explanation (metrics/causes/), what it looks like
(display_causes.py).
"""

# ruff: noqa: PLC0415  whatever is heavy is imported where it is used, so that --help answers at once

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.configuration import nearest
from lakehouse.terminal import AsJson, catalog_of, configured, console, errors, fail, open_marts

if TYPE_CHECKING:
    import duckdb

    from lakehouse.metrics.causes.of_kpi import KpiExplanation
    from lakehouse.metrics.definition import Kpi
    from lakehouse.settings import Settings

Days = tuple[date, date]


def explain(
    name: Annotated[str, typer.Argument(metavar="KPI", help="The KPI: its file's name.")],
    first: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="First day of the period.")],
    last: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Its last day; otherwise the first.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="DAY..DAY",
            help="What to compare with; otherwise as many days, whole weeks before, so that weekdays agree.",
        ),
    ] = None,
    within: Annotated[
        str | None, typer.Option(metavar="DIMENSION=SEGMENT", help="Look into one segment only.")
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002  an option
) -> None:
    """Why a KPI changed: which segments moved it and by how much, or that none stands out.

    [dim]Examples:[/dim]

      lakehouse explain total_revenue --from 2025-12-01 --to 2025-12-07
      lakehouse explain order_count --from 2025-12-01 --to 2025-12-31 --against 2025-11-01..2025-11-30
      lakehouse explain conversion_rate --from 2025-12-01 --within country=DE --json | jq '.causes'
    """
    from lakehouse.display_causes import document, explained
    from lakehouse.display_experiments import to_json

    settings = configured()
    kpis = catalog_of(settings).kpis
    if name not in kpis:
        fail(f'expected the name of a KPI, found "{name}". {nearest(name, kpis)}')
    kpi = kpis[name]
    begun = _day("--from", first)
    period = _period("--to", (begun, begun if last is None else _day("--to", last)))
    compared = _weeks_before(period) if against is None else _period("--against", _span(against))
    found = _found(settings, kpi, period, compared, _segment(kpi, within))
    if as_json:
        typer.echo(to_json(document(found)))
        return
    for part in explained(kpi, found):
        console.print(part, soft_wrap=isinstance(part, str))


def _found(
    settings: Settings, kpi: Kpi, period: Days, against: Days, within: tuple[str, str] | None
) -> KpiExplanation:
    import duckdb

    from lakehouse.metrics.build import kpi_clock
    from lakehouse.metrics.causes.of_kpi import explain_periods

    none = (
        f"expected published values of {kpi.name}, found none in {settings.paths.marts}. Run: lakehouse run"
    )
    if not settings.paths.marts.exists():
        fail(none)
    with open_marts(settings) as connection:
        try:
            clock = kpi_clock(connection)
            if clock is None:
                fail(none)
            _check_days(connection, kpi, period, against, within)
            return explain_periods(connection, kpi, clock, period=period, against=against, within=within)
        except duckdb.CatalogException:
            fail(none)
        except ValueError as error:
            fail(f"--{error}" if str(error).startswith("against") else str(error))


def _check_days(
    connection: duckdb.DuckDBPyConnection,
    kpi: Kpi,
    period: Days,
    against: Days,
    within: tuple[str, str] | None,
) -> None:
    """Warns of days that aren't complete; ends the command where there is nothing at all."""
    dimension, segment = within or ("", "")
    known = connection.execute(
        "select min(period_start), max(period_start), max(period_start) filter (where is_complete) from kpi_values "
        "where kpi = $1 and cadence = $2 and dimension = $3 and segment = $4",
        [kpi.name, kpi.cadence[0], dimension, segment],
    ).fetchall()[0]
    begun, ended, complete = known
    if begun is None:
        if within is None:
            fail(f"expected published values of {kpi.name}, found none. Ask: lakehouse metrics check")
        segments = [
            row[0]
            for row in connection.execute(
                "select distinct segment from kpi_values where kpi = $1 and dimension = $2",
                [kpi.name, dimension],
            ).fetchall()
        ]
        fail(
            f'--within: expected a {dimension} of {kpi.name}, found "{segment}". {nearest(segment, segments)}'
        )
    ended += timedelta(days=6 if kpi.cadence[0] == "weekly" else 0)
    for option, days in (("--from", period), ("--against", against)):
        if days[0] > ended or days[1] < begun:
            fail(
                f"{option}: expected days from {begun} to {ended}, found {days[0]} to {days[1]}: there are no data."
            )
    if complete is None or max(period[1], against[1]) > complete + timedelta(
        days=6 if kpi.cadence[0] == "weekly" else 0
    ):
        errors.print(
            f"{kpi.name} is complete through {complete or 'no day'}: later days may still change.",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )


def _weeks_before(period: Days) -> Days:
    """As many days, as few whole weeks before as keep the two apart."""
    days = 1 + (period[1] - period[0]).days
    back = timedelta(days=7 * -(-days // 7))
    return period[0] - back, period[1] - back


def _segment(kpi: Kpi, text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    dimension, mark, segment = text.partition("=")
    if not mark or not segment:
        fail(f"--within: expected a dimension and a segment like country=DE, found {text!r}.")
    if dimension not in kpi.dimensions:
        hint = nearest(dimension, kpi.dimensions) if kpi.dimensions else f"{kpi.name} has none."
        fail(f'--within: expected a dimension of {kpi.name}, found "{dimension}". {hint}')
    return dimension, segment


def _span(text: str) -> Days:
    begun, mark, ended = text.partition("..")
    if not mark:
        ended = begun
    return _day("--against", begun), _day("--against", ended)


def _period(option: str, days: Days) -> Days:
    if days[1] < days[0]:
        fail(f"{option}: expected a last day from {days[0]} on, found {days[1]}.")
    return days


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"{option}: expected a date like 2025-01-31, found {text!r}.")
