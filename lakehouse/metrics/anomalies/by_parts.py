"""Causes that an anomaly's own parts tell, where the leaves of the days are too few to tell any.

A segment's series knows years of its own; leaves know eight weeks. So where the search abstains because all lies within noise, and
a segment of the same KPI was out of the ordinary in the same days by itself, that segment is the cause. Belongs here: that rule. Not
here: the search (explained.py), and what is a part of what (parts.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import polars as pl

from lakehouse.metrics.anomalies.explained import CAUSES, Anomaly, Explained
from lakehouse.metrics.causes.explanation import Effect
from lakehouse.metrics.causes.leaves import words
from lakehouse.metrics.causes.words import cause_sentence

# Less sure ones don't name a cause, nor do those that are a small part of the change, or turn it the other way.
SURE, LEAST_SHARE, LEAST_TOGETHER = 0.5, 0.2, 0.3
REASON = (
    "Its segments are too thin for a search; this one was out of the ordinary by itself in the same days."
)


def told_by_parts(
    connection: duckdb.DuckDBPyConnection, told: Explained, anomalies: Sequence[Anomaly]
) -> Explained:
    """With the causes that parts tell, of anomalies of a whole in which nothing stood out of noise."""
    rows, verdicts = [], dict(told.verdicts)
    for one in anomalies:
        if one.part_of is not None or one.dimension or told.verdicts[one.anomaly][0] != "within noise":
            continue
        found = _causes(connection, one, [part for part in anomalies if part.part_of == one.anomaly])
        if found:
            rows += found
            verdicts[one.anomaly] = ("causes", REASON)
    if not rows:
        return told
    causes = pl.concat([told.root_causes, pl.DataFrame(rows, schema=CAUSES)])
    return Explained(causes, told.anomaly_factors, verdicts)


def _causes(
    connection: duckdb.DuckDBPyConnection, anomaly: Anomaly, parts: Sequence[Anomaly]
) -> list[dict[str, object]]:
    """Of the dimension whose segment is the surest, those that make a good part of the change."""
    own = [
        part
        for part in parts
        if (part.kpi, part.cadence) == (anomaly.kpi, anomaly.cadence)
        and part.dimension
        and part.confidence >= SURE
    ]
    change = anomaly.actual - anomaly.expected
    if not own or not change:
        return []
    dimension = max(own, key=lambda part: (part.confidence, part.dimension)).dimension
    weighed = [
        (part, _weight(connection, anomaly, part) * (part.actual - part.expected))
        for part in own
        if part.dimension == dimension
    ]
    kept = sorted(
        ((part, added) for part, added in weighed if added / change >= LEAST_SHARE),
        key=lambda pair: -abs(pair[1]),
    )
    if sum(added for _, added in kept) / change < LEAST_TOGETHER:
        return []
    effect: Effect = "rate" if _is_ratio(connection, anomaly.kpi) else "volume"
    return [
        {
            "anomaly": anomaly.anomaly,
            "rank": rank,
            "segment": f"{part.dimension}={part.segment}",
            "effect": effect,
            "contribution": added,
            "share": added / change,
            "expected": part.expected,
            "actual": part.actual,
            "confidence": part.confidence,
            "sentence": cause_sentence(
                words({part.dimension: part.segment}), effect, part.expected, part.actual, added / change
            ),
        }
        for rank, (part, added) in enumerate(kept, start=1)
    ]


def _is_ratio(connection: duckdb.DuckDBPyConnection, kpi: str) -> bool:
    rows = connection.execute("select is_ratio from kpi_definitions where kpi = $1", [kpi]).fetchall()
    return bool(rows and rows[0][0])


def _weight(connection: duckdb.DuckDBPyConnection, anomaly: Anomaly, part: Anomaly) -> float:
    """What a change of the segment is in the whole: its share of the denominator for ratios, else all of it."""
    if not _is_ratio(connection, anomaly.kpi):
        return 1.0
    [(own, whole)] = connection.execute(
        "select sum(denominator) filter (where dimension = $1 and segment = $2)::double, "
        "sum(denominator) filter (where dimension = '')::double from kpi_values "
        "where kpi = $3 and cadence = $4 and period_start between $5 and $6",
        [part.dimension, part.segment, anomaly.kpi, anomaly.cadence, *anomaly.period],
    ).fetchall()
    return float(own) / float(whole) if own is not None and whole else 0.0
