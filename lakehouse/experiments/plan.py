"""An experiment beside the lake it is measured in: which table holds each value, and under whose id.

Belongs here: plans as values, and how ids of one table are matched with an experiment's units. Not here: finding out
whether a plan is right (binding.py), and running it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakehouse.experiments.experiment import Experiment, Role, Unit
from lakehouse.experiments.metric import Metric
from lakehouse.sql_text import identifier, literal

EXPOSURES = "core_experiment_exposures"
IDENTITIES = "core_visitor_identities"
BOOKINGS = "fct_bookings"
VISITORS = "dim_visitor"
CUSTOMERS = "dim_customer_current"
SETTINGS = "run_settings"
ID_COLUMNS: dict[Unit, str] = {"visitor": "visitor_id", "customer": "customer_id"}
# Attributes that make a unit nobody's customer; where nothing is known of a unit, it is neither.
BOT_FLAGS = ("is_bot", "is_internal")
# What a rule may ask of a unit beside its attributes.
KNOWN_OF_UNITS = ("first_exposed_at",)


@dataclass(frozen=True, slots=True)
class Lake:
    """Tables that an experiment may read. `owners`: the source folder of tables that are not the shop's own."""

    columns: Mapping[str, tuple[str, ...]]
    owners: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ids:
    """A table's column of unit ids. `owner`: the source whose files hold them without its prefix."""

    table: str
    column: str
    kind: Unit
    owner: str | None = None

    def bare(self, id_sql: str) -> str:
        """The id as this table writes it: the core tables prefix the ids of a source with its name."""
        if self.owner is None:
            return id_sql
        prefix = f"{self.owner}:"
        return f"case when starts_with({id_sql}, {literal(prefix)}) then substr({id_sql}, {len(prefix) + 1}) else {id_sql} end"

    @property
    def key(self) -> str:
        """The table's column as text, to be compared with `bare` ids of units."""
        return self.bare(f"cast({identifier(self.column)} as varchar)")


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of one experiment: its role, and where its values stand."""

    name: str
    role: Role
    metric: Metric
    ids: Ids


@dataclass(frozen=True, slots=True)
class Plan:
    """One experiment, ready to be measured. `attributes`: attribute -> the table that holds it, of those it uses."""

    experiment: Experiment
    measures: tuple[Measure, ...]
    attributes: Mapping[str, Ids]

    @property
    def primary(self) -> Measure:
        return self.measures[0]

    @property
    def units_table(self) -> str:
        """The table of a randomized experiment's units, one column per value."""
        return f"exp_units_{self.experiment.id}"

    @property
    def reads(self) -> list[str]:
        """Every table that it is built from, sorted."""
        tables = {measure.ids.table for measure in self.measures}
        tables |= {ids.table for ids in self.attributes.values()}
        if self.experiment.is_randomized:
            tables |= {EXPOSURES, IDENTITIES}
        return sorted(tables | {SETTINGS})


def ids_in(table: str, lake: Lake, unit: Unit, column: str | None = None) -> Ids | None:
    """The ids in a table by which an experiment's units are found; None when it has none.

    By default the unit's own id, else the other one, by which visitors are found through their customer or customers
    through their visitors. A column that a metric names holds the experiment's own units, unless a table of the shop
    has the other one's id in it.
    """
    columns = lake.columns[table]
    owner = lake.owners.get(table)
    other: Unit = "customer" if unit == "visitor" else "visitor"
    if column is None:
        candidates: tuple[Unit, ...] = (unit, other)
        kind = next((one for one in candidates if ID_COLUMNS[one] in columns), None)
        return None if kind is None else Ids(table, ID_COLUMNS[kind], kind, owner)
    if column not in columns:
        return None
    is_shops = owner is None and not table.startswith("stg_")
    return Ids(table, column, other if is_shops and column == ID_COLUMNS[other] else unit, owner)
