"""Why anomalies happened: the rows of root_causes and anomaly_factors, and a verdict per anomaly.

Belongs here: many anomalies at once, with one read of a KPI's leaves for all of its own. Not here: one explanation
(causes/of_kpi.py), and which anomalies there are (found.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import duckdb
import polars as pl

from lakehouse.metrics.causes.baseline import WEEKS, days_of_weeks
from lakehouse.metrics.causes.explanation import Cause, Effect, Explanation
from lakehouse.metrics.causes.kpi_factors import factors_of
from lakehouse.metrics.causes.leaf_sql import KpiLeaves, counts_distinct, read_kpi_leaves, why_no_leaves
from lakehouse.metrics.causes.leaves import words
from lakehouse.metrics.causes.of_kpi import Days, KpiExplanation, Searched, against_weeks, days_in
from lakehouse.metrics.causes.words import cause_sentence, number
from lakehouse.metrics.definition import Cadence, Kpi
from lakehouse.metrics.plan import KpiPlan
from lakehouse.warehouse.clock import Clock

PART = "Not searched: it is a part of another anomaly, which is explained."
CAUSES = {
    "anomaly": pl.String, "rank": pl.Int64, "segment": pl.String, "effect": pl.String, "contribution": pl.Float64,
    "share": pl.Float64, "expected": pl.Float64, "actual": pl.Float64, "confidence": pl.Float64, "sentence": pl.String,
}  # fmt: skip
_FACTORS = {
    "anomaly": pl.String, "factor": pl.String, "before": pl.Float64, "after": pl.Float64, "contribution": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Anomaly:
    """What an explanation has to know of an anomaly; names and meaning as in the table of them."""

    anomaly: str
    kpi: str
    cadence: Cadence
    dimension: str
    segment: str
    started_on: date
    ended_on: date
    expected: float
    actual: float
    confidence: float
    part_of: str | None = None

    @property
    def within(self) -> tuple[str, str] | None:
        return (self.dimension, self.segment) if self.dimension else None

    @property
    def period(self) -> Days:
        """Its days; of a weekly series, whole weeks."""
        if self.cadence == "daily":
            return self.started_on, self.ended_on
        monday = self.started_on - timedelta(days=self.started_on.weekday())
        return monday, self.ended_on + timedelta(days=6 - self.ended_on.weekday())


@dataclass(frozen=True, slots=True)
class Explained:
    """Rows of root_causes and of anomaly_factors, and the verdict and explanation of every anomaly by its name."""

    root_causes: pl.DataFrame
    anomaly_factors: pl.DataFrame
    verdicts: Mapping[str, tuple[Searched, str]]


def read_anomalies(frame: pl.DataFrame) -> list[Anomaly]:
    """Anomalies from a frame with the columns of their table; a column part_of may be missing."""
    if "part_of" not in frame.columns:
        frame = frame.with_columns(part_of=pl.lit(None, pl.String))
    return [Anomaly(**row) for row in frame.select(Anomaly.__slots__).iter_rows(named=True)]


def explain_anomalies(
    connection: duckdb.DuckDBPyConnection,
    plans: Iterable[KpiPlan],
    clock: Clock,
    anomalies: Sequence[Anomaly],
    *,
    days: int | None = None,
    besides: Collection[str] = (),
) -> Explained:
    """Explains anomalies that are no part of another.

    days: only those that lasted into so many days up to the as-of date; the others' verdict is "not searched". besides: names
    of those whose explanation is known and isn't asked for; their days are still no measure for the others.
    """
    kpis = {plan.kpi.name: plan.kpi for plan in plans}
    since = date.min if days is None else clock.as_of - timedelta(days=days - 1)
    told: dict[str, KpiExplanation] = {}
    verdicts: dict[str, tuple[Searched, str]] = {}
    by_read: dict[tuple[str, str], list[Anomaly]] = defaultdict(list)
    for one in anomalies:
        if one.anomaly in besides:
            continue
        if one.part_of is not None:
            verdicts[one.anomaly] = ("not searched", PART)
        elif one.ended_on < since:
            verdicts[one.anomaly] = ("not searched", f"Not searched: it ended before {since}.")
        else:
            by_read[one.kpi, _step(kpis[one.kpi], one.cadence)].append(one)
    others = days_besides(anomalies)
    for (name, step), some in by_read.items():
        kpi = kpis[name]
        leaves = _leaves(connection, kpi, clock, some, step)
        for one in some:
            told[one.anomaly] = _of_anomaly(_explained(connection, kpi, leaves, one, others(one)), kpi, one)
    for name, explanation in told.items():
        verdicts[name] = (explanation.verdict, " ".join([explanation.reason, *explanation.notes]))
    return Explained(_causes(told), _factors(told), verdicts)


def _of_anomaly(found: KpiExplanation, kpi: Kpi, anomaly: Anomaly) -> KpiExplanation:
    """What the search says, where it is known already that something happened, and in which segment."""
    if anomaly.within is None:
        if found.verdict == "within noise":
            moved = f"{number(anomaly.expected)} to {number(anomaly.actual)}"
            reason = f"No segment stands out: in the change from {moved}, each lies within what it varies by itself."
            return replace(found, reason=reason)
        return found
    inside = found.explanation.causes if found.explanation is not None else ()
    place = words(dict([anomaly.within]))
    if found.explanation is not None and inside:
        causes = tuple(
            replace(cause, segment=(anomaly.within, *cause.segment), sentence=f"{place}, {cause.sentence}")
            for cause in inside
        )
        return replace(found, explanation=replace(found.explanation, causes=causes))
    effect: Effect = "rate" if kpi.is_ratio else "volume"
    whole = Cause(
        rank=1,
        segment=(anomaly.within,),
        effect=effect,
        contribution=anomaly.actual - anomaly.expected,
        share=1.0,
        expected=anomaly.expected,
        actual=anomaly.actual,
        factor=anomaly.actual / anomaly.expected if anomaly.expected else 1.0,
        confidence=anomaly.confidence,
        sentence=cause_sentence(place, effect, anomaly.expected, anomaly.actual, None),
    )
    reason = f"It is {place} as a whole: no part of it stands out."
    explanation = Explanation(anomaly.expected, anomaly.actual, (whole,), "causes", reason)
    return replace(found, verdict="causes", reason=reason, explanation=explanation)


def _step(kpi: Kpi, cadence: Cadence) -> str:
    return "week" if cadence == "weekly" and counts_distinct(kpi) else "day"


def _leaves(
    connection: duckdb.DuckDBPyConnection, kpi: Kpi, clock: Clock, anomalies: Sequence[Anomaly], step: str
) -> KpiLeaves | None:
    """The leaves of all days that any of the anomalies is compared by."""
    if why_no_leaves(kpi) is not None:
        return None
    spans = sorted((one.period[0] - timedelta(days=7 * WEEKS), one.period[1]) for one in anomalies)
    joined: list[Days] = []
    for first, last in spans:
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return read_kpi_leaves(connection, kpi, clock, joined, step=step)


def _explained(
    connection: duckdb.DuckDBPyConnection,
    kpi: Kpi,
    leaves: KpiLeaves | None,
    anomaly: Anomaly,
    besides: Collection[date],
) -> KpiExplanation:
    period, within, expected = anomaly.period, anomaly.within, anomaly.expected
    found = against_weeks(
        kpi, leaves, period, within=within, expected=expected, besides=besides, cadence=anomaly.cadence
    )
    if not kpi.factors:
        return found
    usual = days_of_weeks(*period, begun=leaves.begun if leaves else None, besides=besides)
    now = dict.fromkeys(days_in(period), 1.0)
    factors = factors_of(connection, kpi, usual, now, within=within, expected=expected)
    return replace(found, factors=factors)


Series = tuple[str, str, str]


def days_besides(anomalies: Iterable[Anomaly]) -> Callable[[Anomaly], set[date]]:
    """Of each anomaly, the days of the weeks before that are no measure, as they were out of the ordinary themselves."""
    known = _days_of_series(anomalies)
    return lambda one: _others(one, known)


def _days_of_series(anomalies: Iterable[Anomaly]) -> dict[Series, list[tuple[str, Days]]]:
    """Episodes of each KPI's whole and segments, by any cadence."""
    found: dict[Series, list[tuple[str, Days]]] = defaultdict(list)
    for one in anomalies:
        found[one.kpi, one.dimension, one.segment].append((one.anomaly, (one.started_on, one.ended_on)))
    return found


def _others(anomaly: Anomaly, known: Mapping[Series, Sequence[tuple[str, Days]]]) -> set[date]:
    """Days of the weeks before in which the same series, or the whole, was out of the ordinary already."""
    first, last = anomaly.period[0] - timedelta(days=7 * WEEKS), anomaly.period[0] - timedelta(days=1)
    series = {(anomaly.kpi, anomaly.dimension, anomaly.segment), (anomaly.kpi, "", "")}
    return {
        day
        for one in series
        for name, (begun, ended) in known.get(one, ())
        if name != anomaly.anomaly and begun <= last and ended >= first
        for day in days_in((max(begun, first), min(ended, last)))
    }


def _causes(told: Mapping[str, KpiExplanation]) -> pl.DataFrame:
    frames = [
        found.explanation.frame().with_columns(anomaly=pl.lit(name)).select(*CAUSES)
        for name, found in told.items()
        if found.explanation is not None and found.explanation.causes
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=CAUSES)


def _factors(told: Mapping[str, KpiExplanation]) -> pl.DataFrame:
    rows = [
        {"anomaly": name, "factor": factor.name, "before": factor.before, "after": factor.after,
         "contribution": factor.contribution}
        for name, found in told.items()
        for factor in found.factors.factors
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=_FACTORS)
