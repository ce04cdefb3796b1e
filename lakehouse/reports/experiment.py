"""The page of one experiment: the verdict first, then whether to believe it, then everything that it rests on.

Here belong the page's frame and the order of its sections, each of which has a module of its own.
"""

import duckdb

from lakehouse.experiments.readout_design import ONE_DAY
from lakehouse.reports import words
from lakehouse.reports.experiment_data import Trial, as_day, read_trials
from lakehouse.reports.experiment_finance import finance
from lakehouse.reports.experiment_health import health, units, warnings
from lakehouse.reports.experiment_metrics import metrics
from lakehouse.reports.experiment_panel import panel
from lakehouse.reports.experiment_segments import segments
from lakehouse.reports.experiment_sensitivity import sensitivity
from lakehouse.reports.experiment_terms import definitions
from lakehouse.reports.experiment_time import by_day
from lakehouse.reports.experiment_verdict import summary, verdict
from lakehouse.reports.page import Fact, Origin, Page, Section

FOLDER = "experiments"
_DESIGNS = {
    "randomized": "Randomized experiment",
    "difference_in_differences": "Difference in differences (nobody assigned by chance)",
    "synthetic_control": "Synthetic control (nobody assigned by chance)",
}


def experiment_page(connection: duckdb.DuckDBPyConnection, origin: Origin, experiment_id: str) -> Page:
    """The page of one experiment of the registry, from the published tables that the connection sees.

    Raises LookupError for an experiment that the tables don't know, duckdb.CatalogException when a table is missing.
    """
    known = {trial.id: trial for trial in read_trials(connection)}
    if experiment_id not in known:
        raise LookupError(
            f"expected an experiment of the registry, found {experiment_id}. Known: {', '.join(sorted(known)) or 'none'}"
        )
    return page_of(connection, origin, known[experiment_id])


def page_of(connection: duckdb.DuckDBPyConnection, origin: Origin, trial: Trial) -> Page:
    """The page of an experiment that was read already."""
    return Page(
        name=f"{FOLDER}/{trial.id}",
        title=trial.name,
        summary=summary(trial),
        origin=origin,
        as_of=trial.as_of,
        period=trial.period,
        facts=_facts(trial),
        sections=_sections(connection, trial),
        definitions=definitions(connection, trial),
        warnings=warnings(trial),
        links={f"../{FOLDER}.html": "All experiments"},
    )


def span(trial: Trial) -> str:
    """When it runs, by the registry."""
    first, after = as_day(trial.starts), as_day(trial.ends)
    if first is None:
        return f"from {trial.starts}" if trial.starts else words.MISSING
    return f"{words.day(first)} to {words.day(after - ONE_DAY)}" if after else f"from {words.day(first)}"


def _facts(trial: Trial) -> tuple[Fact, ...]:
    facts = [
        Fact("Owner", trial.owner or words.MISSING),
        Fact("Design", _DESIGNS.get(trial.design, trial.design)),
        Fact("Planned", span(trial)),
    ]
    if trial.shares:
        split = ", ".join(
            f"{words.shorten(name, 40)} {words.percent(share)}" for name, share in trial.shares.items()
        )
        facts += [Fact(f"Planned split of {trial.units[1]}", split)]
    return tuple(facts)


def _sections(connection: duckdb.DuckDBPyConnection, trial: Trial) -> tuple[Section, ...]:
    first = (verdict(trial), health(trial))
    if not trial.is_randomized:
        return (*first, metrics(trial), panel(connection, trial)) if trial.is_read else first
    seen = units(connection, trial)
    if not trial.is_read:
        return (*first, seen)
    return (
        *first,
        metrics(trial),
        by_day(connection, trial),
        segments(connection, trial),
        finance(connection, trial),
        sensitivity(connection, trial),
        seen,
    )
