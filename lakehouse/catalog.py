"""Everything that configuration says, loaded and checked at once: contracts, sources, models in build order, experiments, KPIs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from lakehouse.configuration import ConfigurationError, Problem
from lakehouse.contracts import Contract, load_contracts
from lakehouse.contracts.contract import META_COLUMNS
from lakehouse.contracts.load import SHIPPED as SHIPPED_CONTRACTS
from lakehouse.contracts.load import contract_files
from lakehouse.experiments.binding import plan_experiments
from lakehouse.experiments.experiment import Experiment
from lakehouse.experiments.load import Registry, load_registry
from lakehouse.experiments.metric import Metric
from lakehouse.experiments.plan import Lake, Plan
from lakehouse.metrics.binding import fit_calendars, fit_kpis, source_columns
from lakehouse.metrics.company_calendar import load_company_calendar
from lakehouse.metrics.definition import Kpi
from lakehouse.metrics.load import load_kpis
from lakehouse.metrics.plan import KpiPlan, plan_kpis
from lakehouse.sources.load import SHIPPED as SHIPPED_SOURCES
from lakehouse.sources.load import Source, core_models, find_sources
from lakehouse.warehouse.binding import Statement, binding_problems
from lakehouse.warehouse.checks import checks_of
from lakehouse.warehouse.lineage import output_columns, parse, tables_read
from lakehouse.warehouse.load import META_TABLES, ModelFile, load_models, shipped_model_files
from lakehouse.warehouse.model import Model

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Catalog:
    """The lake as configured. `models` are in build order; `plans`: the experiments, ready to be measured; `kpi_plans`: the KPIs."""

    contracts: dict[str, Contract]
    sources: tuple[Source, ...]
    models: tuple[Model, ...]
    experiments: dict[str, Experiment] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)
    plans: tuple[Plan, ...] = ()
    kpis: dict[str, Kpi] = field(default_factory=dict)
    kpi_plans: tuple[KpiPlan, ...] = ()

    @property
    def feeds(self) -> list[str]:
        return list(self.contracts)


def load_catalog(config_dir: Path | None = None) -> Catalog:
    """The shipped configuration and a team's own beside it (same name: theirs wins).

    Raises ConfigurationError with every problem of every file in one message.
    """
    problems: list[Problem] = []

    def gathered(load: Callable[[], Iterable[T]]) -> list[T]:
        try:
            return list(load())
        except ConfigurationError as error:
            problems.extend(error.problems)
            return []

    files = contract_files(SHIPPED_CONTRACTS, "contracts")
    sources = gathered(partial(find_sources, SHIPPED_SOURCES))
    if config_dir is not None and not config_dir.is_dir():
        problems.append(Problem("LAKEHOUSE_CONFIG_DIR", "", "a folder", f'"{config_dir}"'))
    elif config_dir is not None:
        files += contract_files(config_dir / "contracts", f"{config_dir.name}/contracts")
        sources += gathered(partial(find_sources, config_dir / "sources", f"{config_dir.name}/sources"))
    by_name = {source.name: source for source in sources}
    listed = [by_name[name] for name in sorted(by_name)]
    for source in listed:
        files += source.contract_files
    contracts = dict(gathered(lambda: load_contracts(files).items()))
    feeds = [name for name, contract in contracts.items() if contract.source is None]
    helpers: list[ModelFile] = []
    if contracts:
        for source in listed:
            helpers += gathered(partial(source.helper_files, feeds))
    model_files = [*gathered(shipped_model_files), *helpers]
    registries = gathered(lambda: [load_registry(config_dir)])
    kpis = dict(gathered(lambda: load_kpis(config_dir).items()))
    if problems:
        raise ConfigurationError(problems)
    staged = staged_columns(contracts)
    core = core_models(contracts, listed, {**staged, **_helper_columns(helpers, staged)})
    models = tuple(load_models(model_files, core, staged))
    registry = registries[0] if registries else Registry({}, {}, {})
    found = plan_experiments(registry, _lake(contracts, listed, models, staged))
    fitting = fit_kpis(kpis.values(), source_columns(models))
    fit_calendars(fitting, kpis.values(), load_company_calendar(config_dir), contracts)
    statements = [
        *_statements(models, model_files, listed, feeds),
        *found.statements,
        *fitting.statements,
    ]
    wrong = [*binding_problems(contracts, statements), *found.problems, *fitting.problems]
    if wrong:
        raise ConfigurationError(wrong)
    plans = tuple(found.plans)
    return Catalog(
        contracts,
        tuple(listed),
        models,
        registry.experiments,
        registry.metrics,
        plans,
        kpis,
        plan_kpis(kpis.values(), models, contracts),
    )


def _lake(
    contracts: Mapping[str, Contract],
    sources: Iterable[Source],
    models: Iterable[Model],
    staged: Mapping[str, tuple[str, ...]],
) -> Lake:
    """The tables that experiments may read, and which of them are a source's own."""
    known = list(models)
    folders = {source.folder: source.name for source in sources}
    owners = {
        table: contract.source
        for contract in contracts.values()
        if contract.source is not None
        for table in (contract.staged_table, contract.versions_table)
    }
    owners |= {
        model.name: folders[model.path.parent]
        for model in known
        if model.path is not None and model.path.parent in folders
    }
    return Lake({**staged, **{model.name: model.columns for model in known}}, owners)


def _statements(
    models: Iterable[Model], files: Iterable[ModelFile], sources: Iterable[Source], feeds: Iterable[str]
) -> list[Statement]:
    """Every SQL file in build order. A source's mappings stand before the core table that they become part of."""
    shown = {file.path.stem: file.shown for file in files}
    mappings: dict[str, list[Statement]] = {}
    for source in sources:
        for feed, path in source.mappings(feeds).items():
            sql = path.read_text(encoding="utf-8").strip().rstrip(";")
            core = f"core_{feed}"
            part = Statement(f"{source.shown}/{path.name}", sql, core, is_part=True)
            mappings.setdefault(core, []).append(part)
    statements: list[Statement] = []
    for model in models:
        statements += mappings.get(model.name, [])
        sql = model.sql.strip().rstrip(";")
        statements.append(Statement(shown.get(model.name, f"core table {model.name}"), sql, model.name))
    # Tests come last, as they may read any table.
    for model in models:
        file = shown.get(model.name, f"core table {model.name}")
        for check in checks_of(model):
            statements.append(Statement(f"{file}: test {check.name}", check.query, model.name, is_part=True))
    return statements


def staged_columns(contracts: dict[str, Contract]) -> dict[str, tuple[str, ...]]:
    """The tables that staging writes, and their columns."""
    tables: dict[str, tuple[str, ...]] = {}
    for contract in contracts.values():
        columns = (*contract.columns, *META_COLUMNS)
        tables[contract.staged_table] = columns
        tables[contract.versions_table] = columns
    return tables


def _helper_columns(
    helpers: list[ModelFile], staged: dict[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Columns of the sources' helper tables, so that a mapping over them can be checked before anything is built."""
    columns = {file.path.stem: tuple(doc.name for doc in file.doc.columns) for file in helpers}
    known = {**META_TABLES, **staged, **columns}
    for file in helpers:
        query = parse(file.path.read_text(encoding="utf-8"))
        reads = {table: known[table] for table in tables_read(query) if table in known}
        columns[file.path.stem] = tuple(output_columns(query, reads))
    return columns
