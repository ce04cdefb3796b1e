"""A KPI with the feeds that bring what it counts: those from whose own timestamps its column of time is made.

Belongs here: reading them off the lineage of models. Not here: when their data are in (arrival.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lakehouse.contracts import Contract
from lakehouse.metrics.definition import Kpi
from lakehouse.warehouse.model import Model

SETTINGS = "run_settings"


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed's staged table, and its column that tells when something happened."""

    table: str
    event_time: str


@dataclass(frozen=True, slots=True)
class KpiPlan:
    """A KPI that fits the lake, ready to be computed."""

    kpi: Kpi
    feeds: tuple[Feed, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(sorted({self.kpi.source, SETTINGS, *(feed.table for feed in self.feeds)}))


def plan_kpis(
    kpis: Iterable[Kpi], models: Iterable[Model], contracts: Mapping[str, Contract]
) -> tuple[KpiPlan, ...]:
    """Plans of KPIs whose sources and columns are known to be there."""
    known = {model.name: model for model in models}
    staged = {
        table: contract
        for contract in contracts.values()
        for table in (contract.staged_table, contract.versions_table)
    }
    plans = []
    for kpi in kpis:
        tables = _tables_of(known, kpi.source, kpi.time) & staged.keys()
        # A table of versions holds the staged one's rows, and is built with it.
        found = {staged[table].staged_table: staged[table].event_time for table in tables}
        feeds = tuple(Feed(table, event) for table, event in sorted(found.items()) if event is not None)
        plans.append(KpiPlan(kpi, feeds))
    return tuple(plans)


def _tables_of(models: Mapping[str, Model], table: str, column: str) -> set[str]:
    """The tables at the root of a column. Settings say where days begin, and bring no data."""
    roots: set[str] = set()
    seen: set[tuple[str, str]] = set()
    waiting = [(table, column)]
    while waiting:
        place = waiting.pop()
        if place in seen or place[0] == SETTINGS:
            continue
        seen.add(place)
        if place[0] in models:
            waiting += models[place[0]].lineage.get(place[1], ())
        else:
            roots.add(place[0])
    return roots
