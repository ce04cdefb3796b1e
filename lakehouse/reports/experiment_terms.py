"""What the words on an experiment page mean, one line each, and how this experiment's metrics are measured and tested."""

from collections.abc import Sequence
from typing import Any

import duckdb

from lakehouse.experiments.readout_rows import ReadoutRow
from lakehouse.reports import words
from lakehouse.reports.experiment_data import Trial, rows_of
from lakehouse.reports.page import Definition

_METRICS = """
select metric, role, label, kind, direction, source, window_days, cap
from exp_metrics
where experiment_id = $1
order by case role when 'primary' then 0 when 'secondary' then 1 else 2 end, rowid
"""

_KINDS = {
    "proportion": "the share of units with any",
    "mean": "the mean over all units, those with nothing counting as 0",
    "ratio": "a sum divided by another sum, over all units",
    "quantile": "a value that a given share of units stays at or below",
}

# Words of every page on an experiment.
_COMMON = (
    Definition("Change", "How much higher or lower than the control, as a share of the control's own level."),
    Definition(
        "Interval",
        "The range of changes that the data are compatible with. Made so, 95 of 100 intervals of 95% hold the true change.",
    ),
    Definition(
        "Told from chance",
        "The deciding p-value, the chance of a difference at least this large if there were none, is at or below the "
        "share of false alarms that the plan accepts.",
    ),
    Definition(
        "p, adjusted",
        "The p-value raised for having tested several metrics or variants: more tests give chance more tries.",
    ),
    Definition("Chance to be better", "How likely the variant is better than the control, given these data."),
    Definition(
        "Expected loss",
        "What choosing the variant would forgo on average, in the metric's own unit, counting 0 where it is better.",
    ),
    Definition("Guardrail", "A metric that must not get worse, whatever the deciding metric says."),
    Definition("Margin", "How much worse than the control, relative to it, is accepted of a guardrail."),
    Definition(
        "Deciding p",
        "The adjusted p-value that is compared with the accepted share of false alarms; none before a verdict may fall.",
    ),
    Definition(
        "Power", "The chance to find a change of the size planned for, with the units that there are by now."
    ),
)
_RANDOMIZED = (
    Definition(
        "Adjusted for the time before (CUPED)",
        "What units did before the experiment explains part of their differences. Taking it out leaves the same change "
        "with less noise.",
    ),
    Definition(
        "Interval for every look",
        "Looking again and again gives chance more tries. This wider interval stays true however often one looks.",
    ),
    Definition(
        "Shrunk",
        "A segment's change, pulled towards that of all segments as far as its own noise says, so that the best segment "
        "isn't merely the luckiest.",
    ),
    Definition(
        "Split (sample ratio)",
        "Variants must receive the shares of units that were planned; when they don't, who got what was not by chance alone.",
    ),
    Definition("Fragile", "The verdict depends on what is done with units that saw more than one variant."),
)
_OBSERVED = (
    Definition(
        "What would have been",
        "The treated units' level without the treatment, made from how the untreated ones moved. Nobody observed it.",
    ),
    Definition(
        "Trend before",
        "Treated and untreated units must have moved alike before the treatment; else the difference isn't its doing.",
    ),
)


def definitions(connection: duckdb.DuckDBPyConnection, trial: Trial) -> tuple[Definition, ...]:
    """The words of the page, then its metrics and their tests."""
    rows = rows_of(connection, _METRICS, trial.id)
    measured = [Definition(row["label"], _measured(row)) for row in rows]
    return (*_COMMON, *(_RANDOMIZED if trial.is_randomized else _OBSERVED), *measured, *_tests(trial.rows))


def _measured(row: dict[str, Any]) -> str:
    better = "More" if row["direction"] == "up" else "Less"
    window = row["window_days"]
    until = f", within {words.counted(window, 'day')} of a unit's first exposure" if window else ""
    capped = f" Values above {row['cap']:,.2f} are capped." if row["cap"] is not None else ""
    return f"Measured as {_KINDS[row['kind']]}; from {row['source']}{until}. {better} is better.{capped}"


def _tests(rows: Sequence[ReadoutRow]) -> list[Definition]:
    told: dict[str, str] = {}
    for row in rows:
        if row.status == "ok" and row.metric not in told:
            parts = [row.method or "", f"change: {row.lift_method}" if row.lift_method else ""]
            parts += [
                f"tests adjusted together: {row.family}" if row.family else "",
                row.sequential_method or "",
            ]
            told[row.metric] = "; ".join(part for part in parts if part)
    labels = {row.metric: row.label for row in rows}
    return [Definition(f"{labels[metric]}: test", f"{text}.") for metric, text in told.items()]
