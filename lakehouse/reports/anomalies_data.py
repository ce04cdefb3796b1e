"""What the anomalies report reads: KPIs, anomalies and what is watched, as plain values.

Here belong the queries that more than one section needs, and what is asked of many anomalies at once: which need
attention, which are parts, which came before. A query of a single chart or table stands beside it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb

from lakehouse.metrics.anomalies.published import ATTENTION_DAYS

ANOMALIES, CAUSES, FACTORS = "anomalies", "root_causes", "anomaly_factors"
DEFINITIONS, VALUES, EXPECTED, SERIES = "kpi_definitions", "kpi_values", "kpi_expected", "kpi_series"

# So many days are told of in a table.
RECENT_DAYS = 90
ANSWERS = ("confirmed", "expected", "muted")

_KPIS = """
select
    kpi as name, coalesce(nullif(label, ''), kpi) as label, owner, unit, coalesce(is_ratio, false) as is_ratio,
    coalesce(is_additive, false) as is_additive, sensitivity, complete_through, status, as_of_date as as_of
from kpi_definitions
order by owner nulls last, label, kpi
"""
_CURRENCY = "select any_value(reporting_currency) from run_settings"
_ANOMALIES = """
select
    anomaly as id, kpi, cadence, coalesce(dimension, '') as dimension, coalesce(segment, '') as segment, started_on, detected_on,
    ended_on, is_open, direction, is_good, methods, confidence, expected, actual, impact, relative_impact, money, status,
    part_of, verdict, explanation, sentence, note
from anomalies
order by started_on desc, kpi, cadence, dimension, segment, id
"""
_SERIES = """
select coalesce(status, 'unknown') as status, kpi, count(*) as series
from kpi_series
group by all
order by status, kpi
"""


@dataclass(frozen=True, slots=True)
class Kpi:
    """One KPI: what it is called, who answers for it, what it is counted in, through which day its data are in."""

    name: str
    label: str
    owner: str | None
    unit: str | None
    is_ratio: bool
    is_additive: bool
    sensitivity: float | None
    complete_through: date | None
    status: str
    as_of: date | None


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One row of `anomalies`; figures that are no number are None."""

    id: str
    kpi: str
    cadence: str
    dimension: str
    segment: str
    started_on: date
    detected_on: date
    ended_on: date
    is_open: bool
    direction: str
    is_good: bool | None
    methods: tuple[str, ...]
    confidence: float | None
    expected: float | None
    actual: float | None
    impact: float | None
    relative_impact: float | None
    money: float | None
    status: str
    part_of: str | None
    verdict: str
    explanation: str
    sentence: str
    note: str | None

    @property
    def series(self) -> tuple[str, str, str]:
        """The KPI and the segment that it is of, whatever the cadence."""
        return self.kpi, self.dimension, self.segment

    @property
    def is_weekly(self) -> bool:
        """Whether its periods are weeks."""
        return self.cadence == "weekly"


@dataclass(frozen=True, slots=True)
class Watch:
    """All KPIs with their anomalies, the latest first. series: how many by status and KPI; as_of: None without data."""

    as_of: date | None
    currency: str | None
    kpis: Mapping[str, Kpi]
    anomalies: tuple[Anomaly, ...]
    series: Mapping[tuple[str, str], int]

    def kpi(self, name: str) -> Kpi:
        """The KPI of that name; one that is no longer defined goes by its name alone."""
        return self.kpis.get(name) or Kpi(
            name, name, None, None, False, False, None, None, "not defined", self.as_of
        )

    @property
    def attention(self) -> tuple[Anomaly, ...]:
        """What needs attention, the most money first; see `_weight`."""
        since = self.as_of - timedelta(days=ATTENTION_DAYS) if self.as_of else None
        found = [
            each
            for each in self.anomalies
            if each.part_of is None
            and (
                each.status == "open"
                or (each.status == "closed" and since is not None and each.ended_on >= since)
            )
        ]
        return tuple(sorted(found, key=_weight))

    @property
    def recent(self) -> tuple[Anomaly, ...]:
        """The anomalies of the last days, whatever was said of them."""
        if self.as_of is None:
            return self.anomalies
        since = self.as_of - timedelta(days=RECENT_DAYS - 1)
        return tuple(each for each in self.anomalies if each.is_open or each.ended_on >= since)

    @property
    def answered(self) -> tuple[Anomaly, ...]:
        """Those that people have said something of."""
        return tuple(each for each in self.anomalies if each.status in ANSWERS)

    @property
    def watched(self) -> int:
        """How many series are judged."""
        return sum(count for (status, _), count in self.series.items() if status == "ok")

    @property
    def watched_kpis(self) -> set[str]:
        """The KPIs of which any series is judged."""
        return {kpi for (status, kpi), count in self.series.items() if status == "ok" and count}

    def parts(self, whole: Anomaly) -> tuple[Anomaly, ...]:
        """The anomalies that are a part of it, the largest first."""
        return tuple(sorted((each for each in self.anomalies if each.part_of == whole.id), key=_weight))

    def similar(self, anomaly: Anomaly) -> tuple[Anomaly, ...]:
        """Other anomalies of the same KPI and segment, the latest first."""
        return tuple(
            each for each in self.anomalies if each.series == anomaly.series and each.id != anomaly.id
        )


def read_watch(connection: duckdb.DuckDBPyConnection) -> Watch:
    """Everything that is watched. Raises duckdb.CatalogException when a table is missing."""
    kpis = [Kpi(**row) for row in rows_of(connection, _KPIS)]
    return Watch(
        as_of=max((kpi.as_of for kpi in kpis if kpi.as_of), default=None),
        currency=connection.execute(_CURRENCY).fetchall()[0][0],
        kpis={kpi.name: kpi for kpi in kpis},
        anomalies=tuple(_anomaly(row) for row in rows_of(connection, _ANOMALIES)),
        series={(row["status"], row["kpi"]): row["series"] for row in rows_of(connection, _SERIES)},
    )


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, *values: object) -> list[dict[str, Any]]:
    """The rows of a query by column name, floats that are no number as None. values: of its numbered places."""
    cursor = connection.execute(sql, list(values))
    names = [column[0] for column in cursor.description or ()]
    return [
        {name: _finite(value) for name, value in zip(names, row, strict=True)} for row in cursor.fetchall()
    ]


def _anomaly(row: dict[str, Any]) -> Anomaly:
    texts = {name: row[name] or "" for name in ("verdict", "explanation", "sentence", "status", "direction")}
    return Anomaly(
        **(row | texts | {"methods": tuple(row["methods"] or ()), "is_open": bool(row["is_open"])})
    )


def _weight(each: Anomaly) -> tuple[object, ...]:
    """Most money first, then what no money is known of by its relative size; of like size, what is bad. The command line
    lists them in the same order."""
    money, size = (math.inf if value is None else -abs(value) for value in (each.money, each.relative_impact))
    return money, bool(each.is_good), size, -(each.confidence or 0.0), each.id


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
