"""The overview of all experiments, and all of their pages.

Here belongs what is told of many experiments at once; one experiment's page is made by `experiment`.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

import duckdb
import polars as pl

from lakehouse.reports import words
from lakehouse.reports.charts_effects import forest
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.experiment import FOLDER, page_of, span
from lakehouse.reports.experiment_data import READOUT, Trial, read_trials
from lakehouse.reports.experiment_metrics import reach_of
from lakehouse.reports.experiment_verdict import NO_READOUT, is_invalid, summary, verdict_of
from lakehouse.reports.experiment_words import rested
from lakehouse.reports.freshness import stale_warnings
from lakehouse.reports.page import Chart, Column, Definition, Entry, Origin, Page, Section, Sentence, Table

TITLE = "Experiments"

# Verdicts as the chart tells them apart.
_GROUPS = {
    "ship": "Ship, or it worked",
    "do not ship": "Do not ship (no gain, or a guardrail hurt)",
    "keep running": "Keep running",
    "invalid": "Invalid: not to be trusted",
}
_GROUP_OF = {"guardrail hurt": "do not ship"}
_TOLD = ("ship", "guardrail hurt", "do not ship", "keep running", "invalid", NO_READOUT)

_DEFINITIONS = (
    Definition(
        "Ship", "The deciding metric is better than chance explains, and no guardrail metric is hurt."
    ),
    Definition("Do not ship", "The deciding metric is worse, or the plan is complete and no gain is shown."),
    Definition("Guardrail hurt", "A metric that must not get worse did, whatever the deciding metric says."),
    Definition(
        "Keep running", "Neither is told yet: the plan isn't complete, or too few units have been seen."
    ),
    Definition(
        "Invalid",
        "A check fails that makes every figure doubtful, such as a split that isn't the planned one.",
    ),
    Definition(
        "Change",
        "The deciding metric relative to the control's level, with the interval that the verdict rests on.",
    ),
    Definition("Interval", "The range of changes that the data are compatible with."),
)


def experiment_pages(connection: duckdb.DuckDBPyConnection, origin: Origin) -> Iterator[Page]:
    """The overview, then one page per experiment of the registry.

    Raises duckdb.CatalogException when a table is missing.
    """
    trials = read_trials(connection)
    yield _overview(connection, origin, trials)
    for trial in trials:
        yield page_of(connection, origin, trial)


def experiments_page(connection: duckdb.DuckDBPyConnection, origin: Origin) -> Page:
    """The overview alone."""
    return _overview(connection, origin, read_trials(connection))


def _overview(connection: duckdb.DuckDBPyConnection, origin: Origin, trials: Sequence[Trial]) -> Page:
    sections: tuple[Section, ...] = (
        Section("experiments", TITLE, empty="The registry holds no experiment, or none has been built yet."),
    )
    if trials:
        sections = (_verdicts(trials), _list(trials))
    return Page(
        name=FOLDER,
        title=TITLE,
        summary=_summary(trials),
        origin=origin,
        as_of=max((trial.as_of for trial in trials), default=None),
        period=None,
        sections=sections,
        definitions=_DEFINITIONS,
        warnings=stale_warnings(connection),
    )


def _summary(trials: Sequence[Trial]) -> Sentence:
    if not trials:
        return Sentence("There are no experiments yet.")
    told = [verdict_of(row) for trial in trials for row in trial.primary]
    said = ", ".join(f"{words.count(told.count(name))} {name}" for name in _TOLD if name in told)
    whole = f"{words.counted(len(trials), 'experiment')} with {words.counted(len(told), 'variant')} to judge"
    return Sentence(f"{whole}: {said}." if said else f"{whole}.", (READOUT,))


def _verdicts(trials: Sequence[Trial]) -> Section:
    """The deciding metric's change, experiment by experiment."""
    pairs = [(trial, row) for trial in trials for row in trial.primary]
    names = [
        f"{trial.name}: {row.variant}" if len(trial.variants) > 1 else trial.name for trial, row in pairs
    ]
    rows = []
    for (_, row), name, label in zip(pairs, names, words.chart_labels(names), strict=True):
        found = rested(row)
        told = verdict_of(row)
        rows.append(
            (
                label, name, row.label, _GROUP_OF.get(told, told), told, found.lift, found.low,
                found.high, row.n, row.n_control, found.lift is None,
            )
        )  # fmt: skip
    texts = ("label", "name", "metric", "key", "verdict")
    kinds = {
        **dict.fromkeys(texts, pl.String),
        **dict.fromkeys(("estimate", "low", "high"), pl.Float64),
        **dict.fromkeys(("n", "n_control"), pl.Int64),
        "is_blank": pl.Boolean,
    }
    frame = (
        pl.DataFrame(rows, schema=kinds, orient="row").sort("is_blank", maintain_order=True).drop("is_blank")
    )
    drawn = frame.filter(pl.col("estimate").is_not_null())
    columns = (
        Column("Experiment", "name", is_name=True),
        Column("Verdict", "verdict"),
        Column("Deciding metric", "metric", is_name=True),
        Column("Change", "estimate", words.PERCENT),
        Column("From", "low", words.PERCENT),
        Column("To", "high", words.PERCENT),
        Column("Units", "n", words.COUNT),
        Column("Control", "n_control", words.COUNT),
    )
    table = Table(
        "Verdicts and the changes that they rest on",
        columns,
        Rows(Dataset("verdicts", frame)),
        noun=("verdict", "verdicts"),
    )
    keys = {key: name for key, name in _GROUPS.items() if key in set(drawn["key"])} or dict(
        list(_GROUPS.items())[:1]
    )
    reach = reach_of(drawn)
    chart = Chart(
        "verdicts-chart",
        "Change of the deciding metric",
        forest("label", "key", keys, "Change relative to the control", words.PERCENT, reach=reach),
        table,
        f"A point and an interval for each of {words.counted(len(drawn), 'variant')}.",
        "Lines are intervals; one that crosses the dashed line at zero may be no change at all.",
        drawn_rows=len(drawn),
    )
    return Section("verdicts", "Verdicts", charts=(chart,))


def _list(trials: Sequence[Trial]) -> Section:
    return Section("experiments", "All experiments", entries=tuple(_entry(trial) for trial in trials))


def _entry(trial: Trial) -> Entry:
    status = "" if trial.is_read else "There is no readout."
    return Entry(
        href=quote(f"{FOLDER}/{trial.id}.html"),
        title=trial.name,
        text=summary(trial).text,
        facts=(f"Planned {span(trial)}", f"owner {trial.owner or words.MISSING}"),
        status="The figures can't be trusted." if is_invalid(trial) else status,
        good="No check fails",
    )
