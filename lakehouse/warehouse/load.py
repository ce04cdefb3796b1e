"""Loads models: SQL files with their schema.yml, the core tables made from feeds and sources, in build order.

Nobody keeps a list of dependencies: they are read off the SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from pydantic import ValidationError

from lakehouse.configuration import ConfigurationError, Problem, nearest, problems_of, read_yaml
from lakehouse.warehouse.account import ACCOUNT
from lakehouse.warehouse.lineage import column_lineage, output_columns, parse, tables_read
from lakehouse.warehouse.model import Model, ModelDoc, SchemaFile

SHIPPED = Path(__file__).parent.parent / "models"
GROUPS = {"core": "staging", "dims": "dims", "facts": "facts", "marts": "marts"}

META_TABLES: dict[str, tuple[str, ...]] = {table.name: tuple(table.columns) for table in ACCOUNT}


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One SQL file and what its folder's schema.yml says of it."""

    path: Path
    shown: str
    group: str
    doc: ModelDoc


def shipped_model_files() -> list[ModelFile]:
    files: list[ModelFile] = []
    for folder, group in GROUPS.items():
        files.extend(model_files(SHIPPED / folder, f"models/{folder}", group))
    return files


def model_files(folder: Path, shown: str, group: str, skip: Iterable[str] = ()) -> list[ModelFile]:
    """The models of one folder. `skip`: stems that aren't models. Raises ConfigurationError when files and docs differ."""
    documented = {doc.name: doc for doc in _read_schema(folder / "schema.yml", f"{shown}/schema.yml").models}
    left_out = set(skip)
    paths = {path.stem: path for path in sorted(folder.glob("*.sql")) if path.stem not in left_out}
    problems = [
        Problem(
            f"{shown}/{name}.sql",
            "",
            f"an entry in {shown}/schema.yml",
            "none",
            "Describe it and its columns there.",
        )
        for name in paths
        if name not in documented
    ]
    problems += [
        Problem(
            f"{shown}/schema.yml", name, f"a file {name}.sql", "none", nearest(name, paths) if paths else ""
        )
        for name in documented
        if name not in paths
    ]
    if problems:
        raise ConfigurationError(problems)
    return [ModelFile(path, f"{shown}/{path.name}", group, documented[name]) for name, path in paths.items()]


def _read_schema(path: Path, shown: str) -> SchemaFile:
    if not path.exists():
        return SchemaFile(models=())
    try:
        return SchemaFile.model_validate(read_yaml(path, shown))
    except ValidationError as error:
        raise ConfigurationError(problems_of(error, SchemaFile, shown)) from error


def load_models(
    files: Iterable[ModelFile], core: Iterable[Model], staged: Mapping[str, tuple[str, ...]]
) -> list[Model]:
    """All models in build order, with dependencies, columns and lineage.

    `core`: models made from contracts and sources. `staged`: columns of the tables that ingestion writes.
    Raises ConfigurationError on a table, column or description that isn't there, and on a circle.
    """
    problems: list[Problem] = []
    models: dict[str, Model] = {}
    shown: dict[str, str] = {}
    for file in files:
        if file.path.stem in models:
            taken = shown[file.path.stem]
            problems.append(
                Problem(
                    file.shown, "", "a name no other table has", f'"{file.path.stem}"', f"{taken} has it."
                )
            )
            continue
        models[file.path.stem] = Model(
            file.path.stem, file.group, file.path.read_text(encoding="utf-8"), file.doc, file.path
        )
        shown[file.path.stem] = file.shown
    for model in core:
        models[model.name] = model
        shown[model.name] = f"core table {model.name}"
    known = {**META_TABLES, **staged}
    queries = {}
    for name, model in models.items():
        try:
            queries[name] = parse(model.sql)
        except ValueError as error:
            problems.append(Problem(shown[name], "", "one SELECT that DuckDB understands", str(error)))
            continue
        read = tables_read(queries[name])
        for table in read:
            if table not in models and table not in known:
                hint = nearest(table, [*models, *known])
                problems.append(Problem(shown[name], "", "tables of the lake", f'"{table}"', hint))
        models[name] = replace(model, depends_on=tuple(table for table in read if table not in META_TABLES))
    if problems:
        raise ConfigurationError(problems)
    ordered = []
    columns: dict[str, tuple[str, ...]] = dict(known)
    for name in _build_order(models):
        model = models[name]
        reads = {table: columns[table] for table in tables_read(queries[name])}
        try:
            columns[name] = tuple(output_columns(queries[name], reads))
            model = replace(model, columns=columns[name], lineage=column_lineage(queries[name], reads))
        except ValueError as error:
            problems.append(Problem(shown[name], "", "columns that its tables have", str(error)))
            columns[name] = tuple(doc.name for doc in model.doc.columns)
        problems.extend(_undocumented(model, shown[name]))
        ordered.append(model)
    if problems:
        raise ConfigurationError(problems)
    return ordered


def _build_order(models: Mapping[str, Model]) -> list[str]:
    graph = {
        name: [table for table in model.depends_on if table in models]
        for name, model in sorted(models.items())
    }
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ConfigurationError(
            [Problem("models", "", "no circle of tables", " -> ".join(error.args[1]))]
        ) from error


def _undocumented(model: Model, shown: str) -> list[Problem]:
    described = {column.name for column in model.doc.columns}
    given = set(model.columns)
    missing = [
        Problem(shown, column, "a description in schema.yml", "none")
        for column in model.columns
        if column not in described
    ]
    return missing + [
        Problem(shown, column, "a column of the SELECT", "none", nearest(column, given))
        for column in sorted(described - given)
    ]
