"""Does the verdict hang on units that saw more than one variant: the deciding metric under each way to handle them.

Here belongs exp_sensitivity.
"""

import duckdb
import polars as pl

from lakehouse.reports import words
from lakehouse.reports.charts_effects import forest
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.experiment_data import READOUT, Trial
from lakehouse.reports.experiment_metrics import reach_of
from lakehouse.reports.experiment_verdict import NO_READOUT
from lakehouse.reports.experiment_words import TOLD, chance
from lakehouse.reports.page import Chart, Column, Section, Sentence, Table
from lakehouse.warehouse.query import read

_TABLE = "exp_sensitivity"
HANDLINGS = {
    "exclude": "left out",
    "first_exposure": "counted until they saw another",
    "intention_to_treat": "counted where they first were",
}
# The same, short enough for a label on a phone.
_LABELS = {"exclude": "left out", "first_exposure": "until another", "intention_to_treat": "where first"}
GROUPS = {"ship": "Ship", "do not ship": "Do not ship", "keep running": "Keep running", "none": "No verdict"}

_ROWS = """
select variant, handling, n, n_control, lift, lift_low, lift_high, p_value, decision
from exp_sensitivity
where experiment_id = $experiment
order by list_position($variants, variant), list_position($handlings, handling)
"""


def sensitivity(connection: duckdb.DuckDBPyConnection, trial: Trial) -> Section:
    """The deciding metric under the three ways to handle units that saw more than one variant."""
    title = "Units that saw more than one variant"
    variants, handlings = list(trial.variants), list(HANDLINGS)
    found = read(connection, _ROWS, experiment=trial.id, variants=variants, handlings=handlings)
    if found.is_empty():
        return Section(
            "sensitivity", title, empty="The deciding metric was not read under several ways to handle them."
        )
    sentences = tuple(
        Sentence(_told(trial, variant, found.filter(pl.col("variant") == variant)), (_TABLE, READOUT))
        for variant in found["variant"].unique(maintain_order=True)
    )
    return Section("sensitivity", title, sentences, charts=(_forest(trial, found),))


def _told(trial: Trial, variant: str, rows: pl.DataFrame) -> str:
    """What the deciding metric alone says under each handling."""
    decisions = {row["handling"]: row["decision"] or NO_READOUT for row in rows.iter_rows(named=True)}
    own = HANDLINGS.get(trial.handling or "", "")
    plan = f" The plan says: {own}." if own else ""
    alone = f"By {trial.primary[0].label} alone, "
    if len(set(decisions.values())) == 1:
        (decision,) = set(decisions.values())
        ways = (
            "however they are handled"
            if len(decisions) > 1
            else f"with them {HANDLINGS[next(iter(decisions))]}"
        )
        return f"{alone}the verdict on {words.named(variant)} is the same {ways}: {decision}.{plan}"
    told = ", ".join(
        f"{decision} with them {HANDLINGS[handling]}" for handling, decision in decisions.items()
    )
    return f"{alone}the verdict on {words.named(variant)} is fragile: {told}.{plan}"


def _forest(trial: Trial, found: pl.DataFrame) -> Chart:
    labels = words.chart_labels(
        f"{trial.said(row['variant'])}{_LABELS[row['handling']]}" for row in found.iter_rows(named=True)
    )
    frame = found.select(
        pl.Series("label", labels, dtype=pl.String),
        "variant",
        pl.col("handling").replace_strict(HANDLINGS, default=None, return_dtype=pl.String),
        pl.col("decision").fill_null("none").alias("key"),
        pl.col("decision").fill_null(NO_READOUT),
        "n",
        "n_control",
        pl.col("lift").alias("estimate"),
        pl.col("lift_low").alias("low"),
        pl.col("lift_high").alias("high"),
        pl.Series("p", [chance(p) for p in found["p_value"]], dtype=pl.String),
    )
    keys = {key: name for key, name in GROUPS.items() if key in set(frame["key"])}
    columns = (
        Column("Variant", "variant", is_name=True),
        Column("They are", "handling"),
        Column("Units", "n", words.COUNT),
        Column("Control", "n_control", words.COUNT),
        Column("Change", "estimate", words.PERCENT),
        Column("From", "low", words.PERCENT),
        Column("To", "high", words.PERCENT),
        Column("p", "p", TOLD),
        Column("Verdict", "decision"),
    )
    label = words.shorten(trial.primary[0].label, 60)
    table = Table(
        f"{label} under each way to handle units that saw more than one variant",
        columns,
        Rows(Dataset("sensitivity", frame)),
        noun=("way", "ways"),
    )
    reach = reach_of(frame)
    return Chart(
        "sensitivity-chart",
        f"{label} with such units left out, counted until they saw another, or counted where they first were",
        forest("label", "key", keys, "Change relative to the control", words.PERCENT, reach=reach),
        table,
        f"A point and an interval for each of {words.counted(len(frame), 'way', 'ways')}.",
        f"Lines are {trial.level} intervals; the colour tells the verdict by this metric alone.",
    )
