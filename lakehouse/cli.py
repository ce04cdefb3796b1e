"""The `lakehouse` command: what a person types. Each command calls one function of the package and shows its result."""

from __future__ import annotations

import os
import sys
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.cli_anomalies import anomalies
from lakehouse.cli_experiments import experiments
from lakehouse.cli_explain import explain
from lakehouse.cli_metrics import metrics
from lakehouse.configuration import nearest
from lakehouse.ingest.landing import unknown_feeds
from lakehouse.settings import Settings
from lakehouse.terminal import catalog_of, configured, console, errors, fail

# Whatever is heavy is imported where it is used, so that --help answers at once.
if TYPE_CHECKING:
    from lakehouse.synth.plan import GeneratorPlan

app = typer.Typer(
    help="An analytics lakehouse on one machine: drop files into data/landing, get trusted tables and HTML reports.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(experiments)
app.add_typer(metrics)
app.add_typer(anomalies)
app.command()(explain)


@app.command()
def check() -> None:
    """Check all configuration: contracts, sources, models, experiments, metrics, KPIs. Exit 1 with every problem of every file.

    [dim]Example:[/dim]  LAKEHOUSE_CONFIG_DIR=./our-config lakehouse check
    """
    catalog = catalog_of(configured())
    counted = ("contracts", "sources", "models", "experiments", "metrics", "kpis")
    told = (f"{len(getattr(catalog, name))} {'KPIs' if name == 'kpis' else name}" for name in counted)
    console.print(f"{', '.join(told)}: all right.", highlight=False, soft_wrap=True)


@app.command()
def run(
    select: Annotated[str, typer.Option(help="Which assets, in Dagster's selection syntax.")] = "*",
    as_of: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Judge windows and freshness at this date.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print nothing unless something fails (for cron).")
    ] = False,
) -> None:
    """Take pending landing files and bring tables and reports up to date.

    [dim]Examples:[/dim]

      lakehouse run
      lakehouse run --select "group:reports"
      lakehouse run --select "+fct_orders" --as-of 2011-06-30
      lakehouse run --quiet || mail -s "lake" team@example.com
    """
    settings = configured(as_of=as_of)
    if not _run(settings, select, quiet=quiet):
        raise typer.Exit(1)


def _run(settings: Settings, select: str, *, quiet: bool) -> bool:
    from lakehouse.display import RunDisplay, print_outcome  # late: so that --help answers at once

    catalog = catalog_of(settings)
    for folder in unknown_feeds(settings.paths.landing, catalog.feeds):
        errors.print(
            f"landing/{folder}: no contract has this name, so nothing takes its files. {nearest(folder, catalog.feeds)}",
            style="yellow",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    started = time.monotonic()
    with RunDisplay(console, quiet=quiet) as display:
        from lakehouse.defs.runner import run_assets

        try:
            outcome = run_assets(settings, catalog, select, display.plan, display.event)
            if outcome.is_blocked and settings.paths.marts.exists():
                # What blocked the run is what the operations report is read for.
                run_assets(settings, catalog, "operations_report", on_event=display.event)
        except (ValueError, OSError) as error:
            fail(str(error))
    seconds = time.monotonic() - started
    return print_outcome(errors if quiet else console, settings, outcome, display, seconds, quiet=quiet)


@app.command()
def generate(
    orders: Annotated[
        int, typer.Option(min=1, help="How many orders; everything else scales with them.")
    ] = 50_000,
    start: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="First day.")] = "2025-01-01",
    end: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="First day that isn't generated any more.")
    ] = "2026-01-01",
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 7,
    dirt: Annotated[
        float, typer.Option(min=0, max=0.5, help="Share of bad rows, re-sent, late and out-of-order files.")
    ] = 0.0,
    troubles: Annotated[
        bool,
        typer.Option(
            "--troubles/--no-troubles", help="Things go wrong that KPIs show, such as a broken checkout."
        ),
    ] = True,
    into: Annotated[
        Path | None, typer.Option(help="Landing folder to fill; default: the lake's own.")
    ] = None,
) -> None:
    """Make a synthetic company: files for every feed, and ground_truth.json that says what was planted.

    [dim]Examples:[/dim]

      lakehouse generate --orders 50000 --dirt 0.01
      lakehouse generate --orders 1000000 --start 2023-01-01 --end 2026-01-01 --seed 1 --into /tmp/landing
    """
    target = into or configured().paths.landing
    _generate(orders, _day(start, "--start"), _day(end, "--end"), seed, dirt, target, troubles=troubles)


def _generate(
    orders: int, start: date, end: date, seed: int, dirt: float, into: Path, *, troubles: bool = True
) -> None:
    from rich.progress import Progress

    from lakehouse.synth.company import generate as generate_company
    from lakehouse.synth.plan import GeneratorPlan

    try:
        plan = GeneratorPlan(orders=orders, start=start, end=end, seed=seed, dirt=dirt, troubles=troubles)
    except ValueError as error:
        fail(str(error))
    _refuse_to_mix(plan, into)
    begun = time.monotonic()
    rows: dict[str, int] = {}
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("generating", total=None)

        def told(feed: str, count: int) -> None:
            rows[feed] = rows.get(feed, 0) + count
            progress.update(task, description=f"generating {feed}: {rows[feed]:,} rows")

        truth = generate_company(plan, into, told)
    listed = ", ".join(f"{count:,} {feed}" for feed, count in rows.items())
    console.print(
        f"{len(truth.files)} files in {into} in {time.monotonic() - begun:.1f} s: {listed}.",
        highlight=False,
        soft_wrap=True,
    )


def _refuse_to_mix(plan: GeneratorPlan, into: Path) -> None:
    """Made-up files never lie beside others: only an empty folder is filled, or one of the same company again."""
    from dataclasses import asdict

    from lakehouse.synth.truth import GroundTruth

    found = {
        path.relative_to(into).as_posix()
        for path in into.rglob("*")
        if path.is_file() and path.name[0] != "."
    }
    truth_path = into.resolve().parent / "ground_truth.json"
    if found and truth_path.exists():
        truth = GroundTruth.read(truth_path)
        if truth.plan == asdict(plan) | {"start": plan.start.isoformat(), "end": plan.end.isoformat()}:
            found -= {file.file for file in truth.files}
    if found:
        fail(
            f"expected an empty landing folder, found {len(found)} other files in {into}, such as {min(found)}. "
            "Give the made-up company a lake of its own: LAKEHOUSE_DATA_DIR=./demo-data lakehouse ..."
        )


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"{option}: expected a date like 2025-01-31, found {text!r}.")


@app.command()
def demo(
    orders: Annotated[int, typer.Option(min=1, help="How many orders the demo's company has.")] = 50_000,
) -> None:
    """A synthetic year from landing to report: generate, run, and say where to look.

    Fills an empty lake only: it never mixes made-up orders with real ones.

    [dim]Example:[/dim]  LAKEHOUSE_DATA_DIR=./demo-data lakehouse demo
    """
    settings = configured()
    _generate(orders, date(2024, 10, 1), date(2025, 10, 1), 7, 0.002, settings.paths.landing)
    # The files are whole: nobody else writes into a lake that was just made.
    if not _run(configured(settle_seconds=0), "*", quiet=False):
        raise typer.Exit(1)
    own = "" if settings.data_dir == Path("data") else f"LAKEHOUSE_DATA_DIR={settings.data_dir} "
    own += "" if settings.reports_dir == Path("reports") else f"LAKEHOUSE_REPORTS_DIR={settings.reports_dir} "
    console.print(
        f"Next: [bold]{own}lakehouse ui[/bold] opens the asset graph.", highlight=False, soft_wrap=True
    )
    console.print(
        f"Drop files into {settings.data_dir}/landing/<feed>/ for more.", highlight=False, soft_wrap=True
    )


@app.command()
def report() -> None:
    """Make the reports anew from the published tables, without taking new files.

    [dim]Example:[/dim]  lakehouse report
    """
    settings = configured()
    if not settings.paths.marts.exists():
        fail(f"expected published tables, found no {settings.paths.marts}. Run: lakehouse run")
    if not _run(settings, 'group:"reports"', quiet=False):
        raise typer.Exit(1)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 3000,
    host: Annotated[
        str, typer.Option(help="Address; the UI has no password, so think before you change it.")
    ] = "127.0.0.1",
) -> None:
    """Open the Dagster UI and its daemon (sensor, schedule): assets, runs, checks.

    [dim]Example:[/dim]  lakehouse ui --port 3001
    """
    from lakehouse.defs.home import open_instance

    settings = configured()
    catalog_of(settings)
    # Makes the instance's databases before the UI's several processes would, all at once.
    open_instance(settings.paths).dispose()
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(settings.paths.dagster_home),
        "LAKEHOUSE_DATA_DIR": str(settings.paths.data_dir),
    }
    environment["LAKEHOUSE_REPORTS_DIR"] = str(settings.paths.reports_dir)
    dagster = Path(sys.executable).parent / "dagster"
    console.print(f"http://{host}:{port}  (Ctrl-C ends it)")
    arguments = [str(dagster), "dev", "-m", "lakehouse.definitions", "-h", host, "-p", str(port)]
    os.execve(str(dagster), arguments, environment)  # noqa: S606  the UI takes this process's place


@app.command()
def docs(
    is_check: Annotated[
        bool, typer.Option("--check", help="Only tell whether it is up to date (exit 1 when not).")
    ] = False,
    path: Annotated[Path, typer.Option(help="Where it stands.")] = Path("docs/data-dictionary.md"),
) -> None:
    """Write the data dictionary from contracts and schema.yml.

    [dim]Example:[/dim]  lakehouse docs
    """
    from lakehouse.catalog import load_catalog
    from lakehouse.dictionary import data_dictionary

    text = data_dictionary(load_catalog())
    if is_check:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            fail(f"{path} is stale: expected what contracts and schema.yml say. Run: lakehouse docs")
        console.print(f"{path} is up to date.")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    console.print(f"{path}: {len(text.splitlines())} lines.")


if __name__ == "__main__":
    app()
