"""The readouts of experiments as assets: verdicts, segments, sensitivity, health, and the effect by day."""

from collections.abc import Mapping, Sequence

import dagster as dg

from lakehouse.catalog import Catalog
from lakehouse.contracts import Contract
from lakehouse.defs.experiments import tables_asset
from lakehouse.experiments.build import experiments_clock
from lakehouse.experiments.health import LateFeed
from lakehouse.experiments.plan import Plan
from lakehouse.experiments.readout_build import build_readouts
from lakehouse.experiments.readout_rows import TABLES
from lakehouse.experiments.tables import experiment_models
from lakehouse.warehouse.feed_checks import freshness
from lakehouse.warehouse.session import WarehouseSession


def readout_assets(catalog: Catalog) -> list[dg.AssetsDefinition]:
    """One step that reads all experiments out, after their tables stand."""
    models = [model for model in experiment_models(catalog.plans) if model.name in TABLES]
    feeds = _feeds_of(catalog)

    def build(session: WarehouseSession) -> None:
        clock = experiments_clock(session.connection)
        build_readouts(
            session.connection,
            catalog.experiments,
            catalog.metrics,
            clock.as_of,
            time_zone=clock.time_zone,
            late=_late(session, catalog.plans, feeds),
        )

    return [tables_asset("experiment_readouts", models, build)]


def _feeds_of(catalog: Catalog) -> Mapping[str, Sequence[Contract]]:
    """The feeds behind every table, by the dependencies of the models."""
    staged = {
        table: (contract,)
        for contract in catalog.contracts.values()
        for table in (contract.staged_table, contract.versions_table)
    }
    feeds: dict[str, Sequence[Contract]] = dict(staged)
    for model in catalog.models:
        behind = {contract.name: contract for table in model.depends_on for contract in feeds.get(table, ())}
        feeds[model.name] = tuple(behind.values())
    return feeds


def _late(
    session: WarehouseSession, plans: Sequence[Plan], feeds: Mapping[str, Sequence[Contract]]
) -> dict[str, list[LateFeed]]:
    """Per experiment, the feeds behind its tables that are later than their limit at the as-of date."""
    as_of = session.connection.execute("select max(as_of_date) from run_settings").fetchall()[0][0]
    behind = {plan.experiment.id: _behind(plan, feeds) for plan in plans}
    # Most experiments are made from the same feeds: each is asked once.
    found: dict[str, LateFeed] = {}
    for name, contract in {name: one for named in behind.values() for name, one in named.items()}.items():
        finding = freshness(session.connection, contract, as_of)
        if not finding.passed:
            found[name] = LateFeed(name, finding.figures["age_hours"], finding.figures["limit_hours"])
    return {
        experiment: [found[name] for name in sorted(named) if name in found]
        for experiment, named in behind.items()
    }


def _behind(plan: Plan, feeds: Mapping[str, Sequence[Contract]]) -> dict[str, Contract]:
    """The feeds that an experiment's tables are made from and that can be late."""
    known = (contract for table in plan.reads for contract in feeds.get(table, ()))
    return {contract.name: contract for contract in known if contract.freshness and contract.event_time}
