"""What plans and readouts of experiments look like in a terminal, and as JSON.

Belongs here: tables and documents made of values that are given. Not here: where the values come from
(cli_experiments.py), and the sentences (experiments/planning_words.py, reports/).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from lakehouse.experiments.planning import Alternative, ExperimentPlan
from lakehouse.experiments.readout_rows import ReadoutRow, Row, SegmentRow, values_of
from lakehouse.experiments.readout_words import amount
from lakehouse.reports import words
from lakehouse.reports.experiment_data import Trial
from lakehouse.reports.experiment_verdict import summary
from lakehouse.reports.experiment_words import ROLES, chance, interval, rested, result, signed

MISSING = words.MISSING
# A metric's result in as few words as a column has room for.
_RESULTS = {"better": "better", "worse": "worse", "open": "not told from chance", "none": "no readout"}
_COLOURS = {"better": "green", "worse": "red", "pass": "green", "warn": "yellow", "fail": "red"}
# Marks that turn the direction of what follows.
_TURNS = str.maketrans("", "", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """A text of the data without what would move a terminal's cursor or turn its line."""
    return words.plain(text).translate(_TURNS)


def verdict_sentence(trial: Trial) -> str:
    """Every variant's verdict in one sentence."""
    return printable(summary(trial).text)


def to_json(value: object) -> str:
    """JSON that any reader takes: numbers that aren't finite are null."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False)


def row_document(row: Row) -> dict[str, Any]:
    """A row by the names of its table's columns, figures unrounded."""
    return {field.name: value for field, value in zip(fields(row), values_of(row), strict=True)}


def plan_document(
    plan: ExperimentPlan, told: Sequence[str], notes: Sequence[str], around: Sequence[Alternative]
) -> dict[str, Any]:
    """A plan with its sentences, and its alternatives. around: half, once and twice the size asked for."""
    return {
        **asdict(plan),
        "sentences": told,
        "notes": notes,
        "alternatives": [
            {
                "size": one.size,
                "units_per_arm": None if one.plan is None else one.plan.units_per_arm,
                "units": None if one.plan is None else one.plan.units,
                "days": None if one.plan is None else one.plan.days,
                "reason": one.reason,
            }
            for one in around
        ],
    }


def readout_document(trial: Trial, segments: Sequence[SegmentRow] | None) -> dict[str, Any]:
    """An experiment with its verdict, health and readout; rows have the columns of their tables."""
    registry = {
        name: value
        for name, value in asdict(trial).items()
        if name in ("name", "hypothesis", "owner", "design", "unit", "starts", "ends", "control", "handling", "alpha")
    }  # fmt: skip
    document = {
        "experiment_id": trial.id,
        **registry,
        "minimum_effect": trial.minimum_effect,
        "planned": dict(trial.shares),
        "as_of_date": trial.as_of,
        "verdict": verdict_sentence(trial),
        "decisions": {row.variant: row.decision for row in trial.primary},
        "health": [row_document(row) for row in trial.health],
        "readout": [row_document(row) for row in trial.rows],
    }
    return document if segments is None else {**document, "segments": [row_document(row) for row in segments]}


def plan_table(around: Sequence[Alternative], *, scale: str, is_margin: bool) -> Table:
    """Half, once and twice the size: what it is worth to look for less."""
    table = _table("What another size would take")
    table.add_column("margin" if is_margin else "effect", justify="right")
    many = next((len(one.plan.units_per_arm) for one in around if one.plan), 2)
    for heading in ("control", *(f"variant {n}" if many > 2 else "variant" for n in range(1, many))):
        table.add_column(heading, justify="right")
    has_days = any(one.plan is not None and one.plan.days is not None for one in around)
    for heading in ("units in all", *(("days",) if has_days else ())):
        table.add_column(heading, justify="right")
    for one in around:
        size = f"{100 * one.size:.4g}%" if scale == "relative" else f"{one.size:.4g}"
        if one.plan is None:
            # Why, is told below the table.
            table.add_row(size, *[MISSING] * (many + 1 + has_days))
            continue
        counts = [*one.plan.units_per_arm, one.plan.units]
        days = [one.plan.days] if has_days else []
        table.add_row(size, *(words.count(value) for value in [*counts, *days]))
    return table


def list_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """The experiments of the registry with their dates and verdicts. rows: as in the JSON of the list, which has more."""
    table = _table()
    for heading in ("experiment", "start", "end", "verdict"):
        # An id is there to be copied.
        table.add_column(heading, overflow="fold", no_wrap=heading != "verdict")
    for row in rows:
        told = row["verdicts"]
        several = len(told) > 1
        verdicts = [f"{name}: {said}" if several else said for name, said in told.items()]
        said = "\n".join(map(printable, verdicts)) or "not built yet"
        cells = [row["experiment_id"], row["start"], row["end"], said]
        table.add_row(*(Text(MISSING if cell is None else str(cell)) for cell in cells))
    return table


def health_table(trial: Trial) -> Table:
    """Whether the experiment may be believed."""
    table = _table("Health")
    for heading in ("check", "status", "text"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "text")
    for row in trial.health:
        status = Text(row.status, style=_COLOURS[row.status])
        table.add_row(row.check.replace("_", " "), status, Text(printable(row.text)))
    return table


def metrics_table(trial: Trial) -> Table:
    """A row per metric and variant, with the interval and the p-value that its judgement rests on."""
    table = _table(f"Metrics, with {trial.level} intervals")
    several = len(trial.variants) > 1
    for heading in ("metric", *(["variant"] if several else [])):
        table.add_column(heading, overflow="fold")
    for heading in ("change", "interval", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("result", min_width=8)
    for row in trial.rows:
        told = result(row, trial.alpha)
        table.add_row(
            Text(f"{printable(row.label)} ({ROLES[row.role]})"),
            *([Text(printable(row.variant))] if several else []),
            *_changed(row),
            chance(row.decisive_p) or MISSING,
            Text(_RESULTS[told], style=_COLOURS.get(told, "")),
        )
    return table


def segments_table(segments: Sequence[SegmentRow]) -> Table:
    """A row per metric, variant and segment, as measured and pulled towards the common change."""
    metrics, variants = ({getattr(row, name) for row in segments} for name in ("metric", "variant"))
    table = _table(f"Segments: {next(iter(metrics))}" if len(metrics) == 1 else "Segments")
    first = (*(["metric"] if len(metrics) > 1 else []), *(["variant"] if len(variants) > 1 else []))
    for heading in (*first, "segment"):
        table.add_column(heading, overflow="fold")
    for heading in ("units", "control", "change", "shrunk", "interval", "p"):
        table.add_column(heading, justify="right", no_wrap=heading != "interval")
    for row in segments:
        table.add_row(
            *(Text(printable(getattr(row, name))) for name in first),
            Text(f"{row.segment}: {words.shorten(printable(row.segment_value), 60)}"),
            words.count(row.n),
            words.count(row.n_control),
            signed(row.lift),
            signed(row.shrunk_lift),
            MISSING if row.shrunk_low is None else interval(row.shrunk_low, row.shrunk_high),
            chance(row.p_adjusted) or MISSING,
        )
    return table


def _table(title: str | None = None) -> Table:
    """Without lines between columns: sentences and intervals need the room of a terminal of 80 columns."""
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _changed(row: ReadoutRow) -> tuple[str, str]:
    """The change and its interval; in the metric's own unit where there is nothing to relate it to."""
    found = rested(row)
    if found.lift is not None:
        return signed(found.lift), interval(found.low, found.high)
    if row.effect is None:
        return MISSING, MISSING
    if row.effect_low is None or row.effect_high is None:
        return amount(row.effect, row.kind), MISSING
    ends = amount(row.effect_low, row.kind), amount(row.effect_high, row.kind)
    return amount(row.effect, row.kind), f"{ends[0]} to {ends[1]}"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value
