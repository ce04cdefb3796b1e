"""What a run looks like in a terminal: a progress line, then a table of the layers and what did not hold."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

import duckdb
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from lakehouse.settings import Settings

if TYPE_CHECKING:
    from lakehouse.defs.runner import RunOutcome, StepEvent

LAYERS = ("raw", "staging", "core", "dims", "facts", "marts", "experiments", "metrics", "reports", "checks")


@dataclass
class RunDisplay:
    """Follows the steps of a run; silent when quiet."""

    console: Console
    quiet: bool
    steps: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    _progress: Progress | None = None
    _task: TaskID | None = None
    _begun: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> Self:
        if not self.quiet:
            columns = (
                TextColumn("{task.description:<32}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            )
            self._progress = Progress(*columns, console=self.console, transient=True)
            self._progress.start()
            self._task = self._progress.add_task("loading definitions", total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def plan(self, steps: Sequence[str]) -> None:
        self.steps = tuple(steps)
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, total=len(steps), description="starting")

    def event(self, event: StepEvent) -> None:
        now = time.monotonic()
        if event.kind == "start":
            self._begun[event.step] = now
            self._say(event.step, 0)
            return
        self.seconds[event.step] = now - self._begun.get(event.step, now)
        self._say(event.step, 1)

    @property
    def not_begun(self) -> list[str]:
        """Tables and reports that the run left as they were, as something before them failed."""
        left = [step for step in self.steps if step not in self._begun and layer_of(step) != "checks"]
        return sorted(left, key=lambda step: (LAYERS.index(layer_of(step)), step))

    def _say(self, step: str, advance: int) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=step, advance=advance)


def layer_of(step: str) -> str:
    """The layer that a step belongs to, by the naming convention of tables."""
    if step.endswith("_checks") or step == "anomaly_alerts":
        return "checks"
    if step in ("anomalies", "root_causes"):
        return "metrics"
    prefixes = {"raw_": "raw", "stg_": "staging", "dim_": "dims", "mart_": "marts", "published_": "marts"}
    prefixes |= {
        "exp_": "experiments",
        "experiment_": "experiments",
        "kpi_": "metrics",
        "anomaly_": "metrics",
    }
    for prefix, layer in prefixes.items():
        if step.startswith(prefix):
            return layer
    if step.endswith("_report"):
        return "reports"
    if step in ("fct_revenue_daily", "fct_cohort_ltv", "fct_mrr_daily"):
        return "marts"
    return "facts" if step.startswith("fct_") or step == "inventory_alerts" else "core"


def print_outcome(
    console: Console,
    settings: Settings,
    outcome: RunOutcome,
    display: RunDisplay,
    seconds: float,
    *,
    quiet: bool,
) -> bool:
    """Prints what happened; True when nothing failed, error-level checks included."""
    broken = [check for check in outcome.checks if check.is_error]
    good = outcome.success and not broken
    if not quiet:
        _print_layers(
            console, settings, display, "Rows per layer" if good else "Rows per layer, as last published"
        )
    blocked = {check.asset for check in broken}
    for step, message in outcome.failures.items():
        console.print(f"[red]failed[/red] {step}", highlight=False)
        if step not in blocked:  # else its check tells it below
            console.print(f"  {message}", markup=False, highlight=False, soft_wrap=True)
    if display.not_begun:
        left = ", ".join(display.not_begun)
        console.print(f"[yellow]not rebuilt[/yellow] {left}", highlight=False, soft_wrap=True)
    for check in outcome.checks:
        if check.is_error or not quiet:
            colour = "red" if check.is_error else "yellow"
            console.print(
                f"[{colour}]check[/{colour}] {check.asset}.{check.check}:", end=" ", highlight=False
            )
            console.print(check.text, markup=False, highlight=False, soft_wrap=True)
    if not quiet:
        _print_end(console, settings, outcome, seconds, good=good)
    return good


def _print_layers(console: Console, settings: Settings, display: RunDisplay, title: str) -> None:
    spent = dict.fromkeys(LAYERS, 0.0)
    for step, took in display.seconds.items():
        spent[layer_of(step)] += took
    rows = _rows_per_layer(settings)
    table = Table(title=title, title_justify="left")
    table.add_column("layer")
    for heading in ("rows", "of them", "seconds"):
        table.add_column(heading, justify="right" if heading != "of them" else "left")
    for layer in LAYERS:
        count, note = rows.get(layer, ("", ""))
        if spent[layer] or count:
            table.add_row(layer, count, note, f"{spent[layer]:.1f}")
    console.print(table)


def _rows_per_layer(settings: Settings) -> dict[str, tuple[str, str]]:
    if not settings.paths.marts.exists():
        return {}
    with duckdb.connect(str(settings.paths.marts), read_only=True) as connection:
        files, landed, staged, superseded, resent, bad = connection.execute(
            "select count(*), coalesce(sum(rows), 0), coalesce(sum(staged), 0), coalesce(sum(superseded), 0), "
            "coalesce(sum(resent), 0), coalesce(sum(quarantined), 0) from meta_files"
        ).fetchall()[0]
        tables = connection.execute(
            "select table_name, estimated_size from duckdb_tables() where not starts_with(table_name, 'meta_')"
        ).fetchall()
    rows = {
        "raw": (f"{landed:,}", f"in {files:,} files"),
        "staging": (f"{staged:,}", f"{superseded:,} superseded, {resent:,} re-sent, {bad:,} in quarantine"),
    }
    for layer in ("dims", "facts", "marts", "experiments", "metrics"):
        names = [(name, size) for name, size in tables if layer_of(name) == layer]
        rows[layer] = (f"{sum(size for _, size in names):,}", f"in {len(names)} tables")
    return rows


def _print_end(
    console: Console, settings: Settings, outcome: RunOutcome, seconds: float, *, good: bool
) -> None:
    state = "[green]done[/green]" if good else "[red]failed[/red]"
    console.print(f"{state} in {seconds:.1f} s, run {outcome.run_id}", highlight=False)
    if good:
        for path in sorted(settings.paths.reports_dir.glob("*.html")):
            console.print(f"report: {path}", highlight=False, soft_wrap=True)
