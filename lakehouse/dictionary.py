"""The data dictionary: every feed and every table, from contracts and schema.yml alone."""

from __future__ import annotations

from lakehouse.catalog import Catalog
from lakehouse.contracts import Contract
from lakehouse.experiments.tables import GROUP, experiment_models
from lakehouse.metrics.models import metric_models
from lakehouse.warehouse.account import ACCOUNT, AccountTable
from lakehouse.warehouse.checks import checks_of
from lakehouse.warehouse.model import Model

_TITLES = {"staging": "Core tables", "dims": "Dimensions", "facts": "Facts", "marts": "Marts"}


def data_dictionary(catalog: Catalog) -> str:
    """The dictionary as Markdown; the same catalog always gives the same text."""
    lines = [
        "# Data dictionary",
        "",
        "Made from `contracts/`, `sources/` and every `schema.yml` by `lakehouse docs`. Do not edit: a test fails when it is stale.",
        "",
        "Money is DECIMAL, times are UTC, intervals are half-open, ids are text.",
    ]
    shop = [contract for contract in catalog.contracts.values() if contract.source is None]
    outside = [contract for contract in catalog.contracts.values() if contract.source is not None]
    lines += ["", "## Feeds", *(line for contract in shop for line in _feed(contract))]
    if outside:
        lines += ["", "## Files of sources", *(line for contract in outside for line in _feed(contract))]
    for group, title in _TITLES.items():
        models = sorted(
            (model for model in catalog.models if model.group == group), key=lambda model: model.name
        )
        lines += ["", f"## {title}", *(line for model in models for line in _model(model))]
    tables = (model for model in experiment_models(catalog.plans) if model.group == GROUP)
    lines += ["", "## Experiments", *(line for model in tables for line in _model(model))]
    kpis = metric_models(catalog.kpi_plans)
    lines += ["", "## Metrics", *(line for model in kpis for line in _model(model))]
    lines += ["", "## The lake's account of itself", *(line for table in ACCOUNT for line in _account(table))]
    return "\n".join(lines) + "\n"


def _account(table: AccountTable) -> list[str]:
    lines = ["", f"### {table.name}", "", table.description, "", f"Grain: {table.grain}.", ""]
    lines += ["| column | description |", "| --- | --- |"]
    return [*lines, *(f"| {name} | {_cell(told)} |" for name, told in table.columns.items())]


def _feed(contract: Contract) -> list[str]:
    told = f"Lands in `landing/{contract.name}/`, staged as `{contract.staged_table}`"
    if contract.history:
        told += f", every version in `{contract.versions_table}`"
    lines = ["", f"### {contract.name}", "", contract.description, ""]
    lines += [
        f"{told}. Key: {', '.join(contract.key)}; the latest by {', '.join(contract.latest_by)} wins. Owner: {contract.owner}.",
        "",
    ]
    lines += [
        "| column | type | required | checks | unit | description |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, column in contract.columns.items():
        checks = "; ".join(f"{check} {_plain(argument)}" for check, argument in column.checks.items())
        told = column.description + (" Personal data." if column.pii else "")
        required = "yes" if column.required else ""
        lines.append(
            f"| {name} | {column.type} | {required} | {_cell(checks)} | {column.unit or ''} | {_cell(told)} |"
        )
    if contract.rules:
        lines += ["", "Rules:", "", *(f"- {name}: `{rule}`" for name, rule in contract.rules.items())]
    if contract.references:
        lines += [
            "",
            "References: "
            + ", ".join(f"{column} → {target}" for column, target in contract.references.items())
            + ".",
        ]
    return lines


def _model(model: Model) -> list[str]:
    lines = ["", f"### {model.name}", "", model.doc.description.strip(), ""]
    reads = ", ".join(f"`{table}`" for table in model.depends_on) or "nothing"
    meta = model.doc.config.meta
    lines += [f"Grain: {meta.grain}. Owner: {meta.owner}. Reads {reads}.", ""]
    lines += ["| column | unit | description | comes from |", "| --- | --- | --- | --- |"]
    described = {column.name: column for column in model.doc.columns}
    for name in model.columns:
        column = described[name]
        sources = ", ".join(f"{table}.{source}" for table, source in model.lineage.get(name, ()))
        lines.append(f"| {name} | {column.meta.unit or ''} | {_cell(column.description)} | {sources} |")
    checks = checks_of(model)
    if checks:
        lines += [
            "",
            "Checks:",
            "",
            *(f"- {check.name} ({check.severity}): {_cell(check.description)}" for check in checks),
        ]
    return lines


def _plain(argument: object) -> str:
    if isinstance(argument, list):
        return ", ".join(map(str, argument))
    if isinstance(argument, dict):
        return ", ".join(f"{key} {value}" for key, value in argument.items())
    return str(argument)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
