"""One anomaly that needs attention, whole: what happened, how sure that is, where it came from, what came before.

Here belong its sentences, tiles and tables; its pictures stand in `anomalies_charts`.
"""

from typing import Any

import duckdb
import polars as pl

from lakehouse.reports import words
from lakehouse.reports.anomalies_charts import band, steps
from lakehouse.reports.anomalies_data import ANOMALIES, CAUSES, DEFINITIONS, Anomaly, Watch, rows_of
from lakehouse.reports.anomalies_tables import anomaly_table
from lakehouse.reports.anomalies_words import (
    answer,
    cell_form,
    confidence,
    figure,
    form_of,
    heading,
    impact,
    kpi_form,
    money,
    near,
    periods,
    share,
    span,
    sure,
)
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.page import Column, Section, Sentence, Table, Tile

_CAUSES_SHOWN, _PARTS_SHOWN, _SIMILAR_SHOWN = 10, 12, 8
_LONG, _NOTE = 700, 400
_EFFECTS = {"volume": "amount", "rate": "its ratio", "mix": "its share", "joint": "ratio and share"}

# How the first method of an anomaly, the one that opened it, told it from noise.
_OPENED_BY = {
    "expectation": "what was expected",
    "threshold": "a threshold of the KPI's definition",
    "trend": "a steady trend",
}

_CAUSE_ROWS = """
select rank, segment, effect, contribution, share, confidence, sentence from root_causes
where anomaly = $1
order by rank
"""


def one_anomaly(connection: duckdb.DuckDBPyConnection, watch: Watch, anomaly: Anomaly, place: int) -> Section:
    """The section of one anomaly. place: its rank, from 1; it keeps headings, captions and ids of one page apart."""
    picture = band(connection, watch, anomaly, place)
    causes = rows_of(connection, _CAUSE_ROWS, anomaly.id)
    tables = (
        _causes(watch, anomaly, causes, place),
        _parts(watch, anomaly, place),
        _similar(watch, anomaly, place),
    )
    return Section(
        f"anomaly-{place}",
        f"{place}. {heading(watch, anomaly)}",
        sentences=_sentences(watch, anomaly, has_causes=bool(causes)),
        tiles=_tiles(watch, anomaly),
        charts=(*((picture,) if picture else ()), *steps(connection, watch, anomaly, place)),
        tables=tuple(table for table in tables if table is not None),
    )


def _sentences(watch: Watch, anomaly: Anomaly, *, has_causes: bool) -> tuple[Sentence, ...]:
    told = [Sentence(words.named(anomaly.sentence, _LONG), (ANOMALIES,))] if anomaly.sentence else []
    if anomaly.explanation:
        proof = (ANOMALIES, CAUSES) if has_causes else (ANOMALIES,)
        told.append(Sentence(words.named(anomaly.explanation, _LONG), proof))
    told.append(Sentence(found_by(watch, anomaly), (ANOMALIES,)))
    if anomaly.note:
        told.append(Sentence(f"Note: {words.named(anomaly.note, _NOTE)}", (ANOMALIES,)))
    owner = watch.kpi(anomaly.kpi).owner
    asked = f"{words.named(owner)} answers for this KPI. " if owner else ""
    told.append(
        Sentence(
            f"{asked}If it was to be expected, say so: {answer(anomaly)}", (DEFINITIONS,) if owner else ()
        )
    )
    return tuple(told)


def found_by(watch: Watch, anomaly: Anomaly) -> str:
    """When it was told from noise, and by which methods."""
    days = (anomaly.detected_on - anomaly.started_on).days
    after = "the day it began" if days == 0 else f"{words.counted(days, 'day')} after it began"
    told = f"It was told from noise on {near(watch, anomaly.detected_on)}, {after}"
    if not anomaly.methods:
        return f"{told}."
    first, *others = anomaly.methods
    told += f", by {_OPENED_BY.get(first, words.named(first))}"
    if not others:
        return f"{told}; no other method agrees."
    which = words.counted(len(others), "other method agrees", "other methods agree")
    return f"{told}; {which}: {words.named(', '.join(others), 200)}."


def _tiles(watch: Watch, anomaly: Anomaly) -> tuple[Tile, ...]:
    form = form_of(watch, anomaly)
    kpi = watch.kpi(anomaly.kpi)
    period = "week" if anomaly.is_weekly else "day"
    over = f"{words.counted(periods(anomaly), period)}, {span(watch, anomaly)}"
    how = "sum of" if kpi.is_additive else "over" if kpi.is_ratio else "mean of"
    basis = over if periods(anomaly) == 1 else f"{how} {over}"
    verdict = {True: "better", False: "worse", None: ""}[anomaly.is_good]
    way: words.Direction = "down" if anomaly.direction == "down" else "up"
    relative = share(anomaly.relative_impact) if anomaly.relative_impact is not None else way
    return (
        Tile("Actual", figure(anomaly.actual, form), basis=basis),
        Tile("Expected", figure(anomaly.expected, form), basis=basis),
        Tile("Impact", impact(anomaly, form), way, relative, verdict, "actual less expected"),
        Tile(
            "Money at stake",
            money(anomaly.money, watch.currency),
            basis="so far" if anomaly.is_open else "in all",
        )
        if anomaly.money is not None
        else Tile("Money at stake", "unknown", basis="nothing tells what this KPI is worth"),
        Tile(
            "Confidence",
            confidence(anomaly.confidence),
            basis=""
            if anomaly.confidence is None
            else f"{words.percent(sure(anomaly.confidence))} sure that it is no noise",
        ),
    )


def _causes(watch: Watch, anomaly: Anomaly, found: list[dict[str, Any]], place: int) -> Table | None:
    if not found:
        return None
    kinds = {
        "rank": pl.Int64,
        **dict.fromkeys(("segment", "effect", "sentence"), pl.String),
        **dict.fromkeys(("contribution", "share", "confidence"), pl.Float64),
    }
    frame = pl.DataFrame(
        [
            row
            | {
                "segment": words.shorten(str(row["segment"] or ""), 200) or "(empty)",
                # The sentence begins with the segment, which has a column of its own.
                "sentence": words.shorten(
                    str(row["sentence"] or "").removeprefix(f"{row['segment']}: "), 400
                ),
                "confidence": sure(row["confidence"]),
                "effect": _EFFECTS.get(str(row["effect"]), row["effect"]),
            }
            for row in found
        ],
        schema=kinds,
        orient="row",
    )
    form = kpi_form(
        watch.kpi(anomaly.kpi), watch.currency, [*frame["contribution"].to_list(), anomaly.impact]
    )
    columns = (
        Column("Segment", "segment", is_name=True),
        Column("What happened", "sentence", is_name=True),
        Column("Contribution", "contribution", cell_form(form)),
        Column("Of the change", "share", words.PERCENT),
        Column("By", "effect"),
        Column("Sure", "confidence", words.PERCENT),
    )
    return Table(
        f"Where no. {place} came from",
        columns,
        Rows(Dataset(f"causes-{place}", frame), order="rank", limit=_CAUSES_SHOWN),
        f"causes-{place}",
        noun=("segment", "segments"),
    )


def _parts(watch: Watch, anomaly: Anomaly, place: int) -> Table | None:
    parts = watch.parts(anomaly)
    if not parts:
        return None
    return anomaly_table(
        watch,
        parts,
        f"Parts of no. {place}",
        f"parts-{place}",
        noun=("part", "parts"),
        limit=_PARTS_SHOWN,
        are_parts=True,
    )


def _similar(watch: Watch, anomaly: Anomaly, place: int) -> Table | None:
    found = watch.similar(anomaly)
    if not found:
        return None
    noun = ("earlier or other episode of this series", "earlier or other episodes of this series")
    table_id = f"similar-{place}"
    return anomaly_table(
        watch,
        found,
        f"Episodes similar to no. {place}",
        table_id,
        noun=noun,
        limit=_SIMILAR_SHOWN,
        has_name=False,
        has_note=True,
    )
