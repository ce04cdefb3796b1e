"""What the experiment pages read: each experiment of the registry with its readout, as plain values.

Here belong the queries that more than one section needs; a query of a single section stands beside its sentences.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb

from lakehouse.experiments.readout_rows import HealthRow, ReadoutRow
from lakehouse.reports import words
from lakehouse.reports.page import Period

READOUT, HEALTH, REGISTRY = "exp_readout", "exp_health", "exp_experiments"

_EXPERIMENTS = """
select
    experiment_id, name, hypothesis, owner, design, unit, starts, ends, control, handling, as_of_date, alpha,
    minimum_effect, map_keys(planned) as variants, map_values(planned) as shares
from exp_experiments
order by try_cast(starts as date) desc nulls last, experiment_id
"""

# Rows stand in a table as the readout wrote them: metrics and checks in the order of the registry.
_READOUT = """
select *
from exp_readout
where experiment_id = $1
order by case role when 'primary' then 0 when 'secondary' then 1 else 2 end, rowid
"""

_HEALTH = """
select experiment_id, "check", status, value, threshold, text
from exp_health
where experiment_id = $1
order by case status when 'fail' then 0 when 'warn' then 1 else 2 end, rowid
"""

_TERMS = "select business_time_zone as time_zone, reporting_currency as currency from run_settings"


@dataclass(frozen=True, slots=True)
class Trial:
    """One experiment: what was planned, what its metrics say, what its checks say.

    starts, ends: as the registry writes them, days or numbered periods. rows: the readout, primary metric first.
    health: failed checks first. shares: planned share by variant. currency: of the reports, None where none is known.
    """

    id: str
    name: str
    hypothesis: str
    owner: str
    design: str
    unit: str | None
    starts: str | None
    ends: str | None
    control: str
    handling: str | None
    as_of: date
    alpha: float
    minimum_effect: float | None
    shares: Mapping[str, float]
    rows: tuple[ReadoutRow, ...]
    health: tuple[HealthRow, ...]
    currency: str | None = None
    time_zone: str = "UTC"

    @property
    def is_randomized(self) -> bool:
        """Whether chance decided who got what."""
        return self.design == "randomized"

    @property
    def primary(self) -> tuple[ReadoutRow, ...]:
        """The deciding metric's rows, one per variant."""
        return tuple(row for row in self.rows if row.role == "primary")

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants that are compared with the control."""
        return tuple(dict.fromkeys(row.variant for row in self.rows))

    @property
    def is_read(self) -> bool:
        """Whether any metric has a readout."""
        return any(row.status == "ok" for row in self.rows)

    @property
    def level(self) -> str:
        """The level of the intervals, in words."""
        return f"{100 * (1 - self.alpha):g}%"

    @property
    def units(self) -> tuple[str, str]:
        """What is counted, one and many."""
        noun = self.unit or "unit"
        return noun, f"{noun}s"

    @property
    def period(self) -> Period | None:
        """Its days up to the as-of day; None where periods are numbered, or it hasn't begun."""
        first, after = as_day(self.starts), as_day(self.ends)
        if first is None or first > self.as_of:
            return None
        last = self.as_of if after is None else min(self.as_of, after - timedelta(days=1))
        return Period(first, max(first, last))

    def of(self, variant: str) -> tuple[ReadoutRow, ...]:
        """The variant's rows."""
        return tuple(row for row in self.rows if row.variant == variant)

    def said(self, variant: str) -> str:
        """The variant's name before a label, where there are several; empty otherwise."""
        return f"{words.shorten(variant, 40)}: " if len(self.variants) > 1 else ""


def read_trials(connection: duckdb.DuckDBPyConnection) -> list[Trial]:
    """Every experiment of the registry, the latest first.

    Raises duckdb.CatalogException when a table is missing.
    """
    terms = next(iter(rows_of(connection, _TERMS)), {"time_zone": None, "currency": None})
    return [_trial(connection, row, terms) for row in rows_of(connection, _EXPERIMENTS)]


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, *values: object) -> list[dict[str, Any]]:
    """The rows of a query by column name. values: of its numbered places."""
    cursor = connection.execute(sql, list(values))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def as_day(text: str | None) -> date | None:
    """The day that a text of the registry is; None for a numbered period, or none."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _trial(connection: duckdb.DuckDBPyConnection, row: dict[str, Any], terms: dict[str, Any]) -> Trial:
    name = row["experiment_id"]
    readout = tuple(ReadoutRow(**each) for each in rows_of(connection, _READOUT, name))
    return Trial(
        id=name,
        name=row["name"],
        hypothesis=row["hypothesis"] or "",
        owner=row["owner"] or "",
        design=row["design"],
        unit=row["unit"],
        starts=row["starts"],
        ends=row["ends"],
        control=row["control"] or (readout[0].control if readout else ""),
        handling=row["handling"],
        as_of=row["as_of_date"],
        alpha=row["alpha"],
        minimum_effect=row["minimum_effect"],
        shares=dict(zip(row["variants"] or (), row["shares"] or (), strict=True)),
        rows=readout,
        health=tuple(HealthRow(**each) for each in rows_of(connection, _HEALTH, name)),
        currency=terms["currency"],
        time_zone=terms["time_zone"] or "UTC",
    )
