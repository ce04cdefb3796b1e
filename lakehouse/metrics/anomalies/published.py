"""What the published copy tells of anomalies, for the command line.

Belongs here: reading the tables of anomalies, which of them need attention, and finding one by its id. Not here: what
they look like (display_anomalies.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, timedelta

import duckdb

from lakehouse.metrics.anomalies.feedback import Shown

# What closed so lately is still news.
ATTENTION_DAYS = 14
ANSWERED = ("muted", "confirmed", "expected")


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A row of anomalies; label and unit are its KPI's."""

    anomaly: str
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
    confidence: float
    expected: float
    actual: float
    impact: float
    relative_impact: float | None
    money: float | None
    status: str
    part_of: str | None
    verdict: str
    explanation: str
    sentence: str
    note: str | None
    label: str
    unit: str

    @property
    def shown(self) -> Shown:
        return Shown(
            self.anomaly,
            self.kpi,
            self.dimension,
            self.segment,
            self.direction,
            self.started_on,
            self.ended_on,
        )


@dataclass(frozen=True, slots=True)
class Cause:
    rank: int
    segment: str
    effect: str
    contribution: float
    share: float | None
    expected: float
    actual: float
    confidence: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Factor:
    factor: str
    before: float
    after: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Judged:
    """Every published anomaly, the most money first, and the day that they were judged on."""

    anomalies: tuple[Anomaly, ...]
    as_of: date | None
    currency: str | None
    kpis: tuple[str, ...]


def read_anomalies(connection: duckdb.DuckDBPyConnection) -> Judged:
    """Raises duckdb.CatalogException where the tables aren't built yet."""
    own = [field.name for field in fields(Anomaly) if field.name not in ("label", "unit")]
    # Without money the size decides; of like size what is bad comes first.
    rows = connection.execute(
        f"select {', '.join(f'found.{name}' for name in own)}, coalesce(kpis.label, found.kpi), coalesce(kpis.unit, '') "
        "from anomalies as found left join kpi_definitions as kpis using (kpi) "
        "order by money desc nulls last, coalesce(is_good, false), abs(relative_impact) desc nulls last, "
        "confidence desc, anomaly"
    ).fetchall()
    names = [*own, "label", "unit"]
    told = [dict(zip(names, row, strict=True)) for row in rows]
    found = tuple(Anomaly(**{**one, "methods": tuple(one["methods"] or ())}) for one in told)
    as_of, kpis = connection.execute(
        "select max(as_of_date), list(kpi order by kpi) from kpi_definitions"
    ).fetchall()[0]
    currency = connection.execute("select max(reporting_currency) from run_settings").fetchall()[0][0]
    return Judged(found, as_of, currency, tuple(kpis or ()))


def causes_of(connection: duckdb.DuckDBPyConnection, anomaly: str) -> list[Cause]:
    names = ", ".join(field.name for field in fields(Cause))
    rows = connection.execute(
        f"select {names} from root_causes where anomaly = $1 order by rank", [anomaly]
    ).fetchall()
    return [Cause(*row) for row in rows]


def factors_of(connection: duckdb.DuckDBPyConnection, anomaly: str) -> list[Factor]:
    names = ", ".join(field.name for field in fields(Factor))
    rows = connection.execute(
        f"select {names} from anomaly_factors where anomaly = $1 order by abs(contribution) desc, factor",
        [anomaly],
    ).fetchall()
    return [Factor(*row) for row in rows]


def needing_attention(judged: Judged, since: date | None = None) -> list[Anomaly]:
    """Those that nobody has answered and that stand for themselves: open, or closed within two weeks or since a day."""
    begun = since
    if begun is None and judged.as_of is not None:
        begun = judged.as_of - timedelta(days=ATTENTION_DAYS)
    return [
        one
        for one in judged.anomalies
        if one.part_of is None
        and one.status not in ANSWERED
        and (begun is None or one.ended_on >= begun or (since is None and one.is_open))
    ]


def found_by(names: Iterable[str], wanted: str) -> str:
    """The id that is wanted, or the only one that begins so. Raises ValueError when none or several do."""
    known = sorted(names)
    begun = [name for name in known if wanted and name.startswith(wanted)]
    if wanted in begun:
        return wanted
    if len(begun) == 1:
        return begun[0]
    if begun:
        listed = ", ".join(begun[:5]) + (", ..." if len(begun) > 5 else "")
        raise ValueError(
            f'expected the id of one anomaly, found "{wanted}", with which {len(begun)} begin: {listed}'
        )
    close = difflib.get_close_matches(wanted, known, n=1)
    hint = f'Did you mean "{close[0]}"?' if close else "List them: lakehouse anomalies list --all"
    raise ValueError(f'expected the id of an anomaly, found "{wanted}". {hint}')
