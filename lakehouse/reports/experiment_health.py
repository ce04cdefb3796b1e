"""May the experiment be believed: its checks in plain words, and who was counted.

Here belong exp_health and exp_eligibility in words. Judging belongs to the readout.
"""

import duckdb
import polars as pl

from lakehouse.reports import charts, words
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.drawing import COLOURS
from lakehouse.reports.experiment_data import HEALTH, Trial
from lakehouse.reports.page import Chart, Column, Section, Sentence, Table
from lakehouse.warehouse.query import read

_ELIGIBILITY = "exp_eligibility"
_REASONS_SHOWN = 50

# What each check asks.
QUESTIONS = {
    "sample_ratio": "Did each variant receive its planned share?",
    "sequential_sample_ratio": "Was the split right on every day so far?",
    "contamination": "Did units see one variant only?",
    "pre_period": "Were the variants alike before it began?",
    "exposure_by_day": "Did units enter on every day?",
    "freshness": "Are its data up to date?",
    "pre_trend": "Did treated and untreated units move alike before?",
    "few_units": "Are there units enough on both sides?",
}
STATES = {"pass": "pass", "warn": "mind this", "fail": "fails"}

# Why a unit doesn't count; a rule's own text follows "rule: ".
_REASONS = {
    "unknown_variant": "shown a variant that the registry doesn't know",
    "outside_window": "never shown a variant on the experiment's days",
    "no_customer": "belongs to no known customer",
    "bot_or_internal": "a crawler, or the company's own staff",
    "existing_customer": "was a customer before",
    "contaminated": "saw more than one variant",
}
_RULE = "rule: "

_COUNTS = """
with counts as (
    select coalesce(exclusion_reason, '') as reason, count(*) as units, cast(sum(exposures) as bigint) as exposures
    from exp_eligibility
    where experiment_id = $experiment
    group by all
)

select * from counts
order by reason = '' desc, units desc, reason
"""

_BY_DAY = """
select
    cast(first_exposed_at at time zone 'UTC' at time zone $zone as date) as day,
    variant,
    count(*) as units
from exp_eligibility
where experiment_id = $experiment and is_eligible
group by all
order by day, variant
"""


def warnings(trial: Trial) -> tuple[str, ...]:
    """The findings of the checks that don't pass, for the top of the page; none where there is nothing to believe."""
    return tuple(row.text for row in trial.health if row.status != "pass") if trial.is_read else ()


def health(trial: Trial) -> Section:
    """The checks of the experiment."""
    title = "May it be believed?"
    if not trial.health:
        return Section("health", title, empty="No check was made: the tables hold no readout of it.")
    return Section("health", title, (Sentence(_told(trial), (HEALTH,)),), tables=(_checks(trial),))


def units(connection: duckdb.DuckDBPyConnection, trial: Trial) -> Section:
    """Who was seen in a randomized experiment, who of them counts, and when they entered."""
    title = "Who counts"
    counts = read(connection, _COUNTS, experiment=trial.id)
    if counts.is_empty():
        told = (
            f"No {trial.units[0]} has been seen in it up to {words.day(trial.as_of)}: there is no exposure."
        )
        return Section("units", title, empty=told)
    sentence = Sentence(_counted(trial, counts), (_ELIGIBILITY,))
    tables = (_reasons(trial, counts),)
    return Section("units", title, (sentence,), charts=_entries(connection, trial), tables=tables)


def _told(trial: Trial) -> str:
    by_state = {state: [row for row in trial.health if row.status == state] for state in STATES}
    whole = words.counted(len(trial.health), "check")
    if len(by_state["pass"]) == len(trial.health):
        return f"All {whole} pass." if len(trial.health) > 1 else f"The {whole} passes."
    said = []
    if failed := by_state["fail"]:
        verb = "fails" if len(failed) == 1 else "fail"
        said.append(f"{words.count(len(failed))} {verb}, which makes the whole experiment invalid")
    if minded := by_state["warn"]:
        verb = "asks" if len(minded) == 1 else "ask"
        said.append(f"{words.count(len(minded))} {verb} for a second look")
    return f"Of {whole}, {words.count(len(by_state['pass']))} pass; {' and '.join(said)}."


def _checks(trial: Trial) -> Table:
    rows = [
        (place, QUESTIONS.get(row.check, row.check), STATES[row.status], row.text)
        for place, row in enumerate(trial.health)
    ]
    schema = {"place": pl.Int64, "question": pl.String, "state": pl.String, "finding": pl.String}
    columns = (
        Column("Check", "question", is_name=True),
        Column("Result", "state"),
        Column("Finding", "finding", is_name=True),
    )
    source = Rows(Dataset("checks", pl.DataFrame(rows, schema=schema, orient="row")), order="place")
    return Table("Checks of the experiment", columns, source, "health-checks", noun=("check", "checks"))


def _counted(trial: Trial, counts: pl.DataFrame) -> str:
    one, many = trial.units
    seen = int(counts["units"].sum())
    eligible = int(counts.filter(pl.col("reason") == "")["units"].sum())
    told = f"{words.counted(seen, one, many)} {'was' if seen == 1 else 'were'} seen, and {words.count(eligible)} of them "
    told += "counts" if eligible == 1 else "count"
    others = counts.filter(pl.col("reason") != "")
    if others.is_empty():
        return f"{told}."
    first = others.row(0, named=True)
    why = _why(first["reason"])
    return f"{told}. The commonest reason not to count: {words.named(why, 120)}, {words.counted(first['units'], one, many)}."


def _why(reason: str) -> str:
    if reason.startswith(_RULE):
        return f"doesn't fulfil: {reason.removeprefix(_RULE)}"
    return _REASONS.get(reason, reason) or "counts"


def _reasons(trial: Trial, counts: pl.DataFrame) -> Table:
    frame = counts.with_columns(
        pl.Series("why", [_why(reason) for reason in counts["reason"]], dtype=pl.String)
    )
    columns = (
        Column(f"{trial.units[1].capitalize()} that were seen", "why", is_name=True),
        Column("How many", "units", words.COUNT),
        Column("Exposures", "exposures", words.COUNT),
    )
    source = Rows(Dataset("reasons", frame), limit=_REASONS_SHOWN)
    caption = f"Which {trial.units[1]} count, and why the others don't"
    return Table(caption, columns, source, "who-counts", noun=("reason", "reasons"))


def _entries(connection: duckdb.DuckDBPyConnection, trial: Trial) -> tuple[Chart, ...]:
    """How many units of each variant entered by day; none for more variants than colours."""
    found = read(connection, _BY_DAY, experiment=trial.id, zone=trial.time_zone)
    variants = [name for name in trial.shares if name in set(found["variant"])]
    if found.is_empty() or not 0 < len(variants) <= len(COLOURS):
        return ()
    columns = {f"v{place}": name for place, name in enumerate(variants)}
    frame = found.group_by("day", maintain_order=True).agg(
        pl.col("units").filter(pl.col("variant") == name).sum().alias(column)
        for column, name in columns.items()
    )
    # A day on which nobody entered has a row too.
    frame = frame.sort("day").upsample("day", every="1d").fill_null(0)
    labels = dict(zip(columns, words.chart_labels(columns.values()), strict=True))
    table = Table(
        f"{trial.units[1].capitalize()} that count by day of their first exposure",
        (
            Column("Day", "day", words.DAY),
            *(Column(label, name, words.COUNT) for name, label in labels.items()),
        ),
        Rows(Dataset("entries", frame), order="day"),
        noun=("day", "days"),
    )
    drawing = charts.stacked_bars("day", 1, labels, trial.units[1].capitalize(), words.COUNT)
    described = f"Bars by day, one colour for each of {words.counted(len(labels), 'variant')}."
    return (
        Chart("entries", f"{trial.units[1].capitalize()} that entered, by day", drawing, table, described),
    )
