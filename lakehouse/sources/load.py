"""Loads sources: folders that map an outside format onto the shop's feeds, and the core tables made from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lakehouse.configuration import ConfigurationError, Problem, nearest
from lakehouse.contracts.contract import NAME, Contract
from lakehouse.contracts.load import ContractFile, contract_files
from lakehouse.sql_text import literal
from lakehouse.warehouse.lineage import output_columns, parse, tables_read
from lakehouse.warehouse.load import ModelFile, model_files
from lakehouse.warehouse.model import ColumnDoc, ColumnMeta, DataTest, Model, ModelConfig, ModelDoc, ModelMeta

SHIPPED = Path(__file__).parent
NATIVE = "native"
# How an entity's row came in; a mapping may give them, so that ties are broken as in a native feed.
CARRIED = {"_ingested_at": "TIMESTAMP", "_row_number": "BIGINT"}


@dataclass(frozen=True, slots=True)
class Source:
    """One source folder: what lands for it, and which feeds it fills."""

    name: str
    folder: Path
    shown: str

    @property
    def contract_files(self) -> list[ContractFile]:
        return contract_files(self.folder / "contracts", f"{self.shown}/contracts", self.name)

    def mappings(self, feeds: Iterable[str]) -> dict[str, Path]:
        """Feed -> the SQL file that fills it."""
        names = set(feeds)
        return {path.stem: path for path in sorted(self.folder.glob("*.sql")) if path.stem in names}

    def helper_files(self, feeds: Iterable[str]) -> list[ModelFile]:
        """The folder's other SQL files: tables of their own, which its mappings may read."""
        known = set(feeds)
        others = [path for path in sorted(self.folder.glob("*.sql")) if path.stem not in known]
        wrong = [
            Problem(
                f"{self.shown}/{path.name}",
                "",
                f"a feed's name, or a name that begins with {self.name}_",
                f'"{path.stem}"',
                nearest(path.stem, known),
            )
            for path in others
            if not path.stem.startswith(f"{self.name}_")
        ]
        if wrong:
            raise ConfigurationError(wrong)
        return model_files(self.folder, self.shown, "staging", skip=known)


def find_sources(folder: Path, shown: str = "sources") -> list[Source]:
    """The sources in a folder of folders. Raises ConfigurationError on a name that can't be a table's."""
    folders = [path for path in sorted(folder.glob("*")) if path.is_dir()]
    found = [path for path in folders if (path / "contracts").is_dir()]
    wrong = [
        Problem(f"{shown}/{path.name}", "", "a lower-case folder name", f'"{path.name}"')
        for path in found
        if not NAME.match(path.name)
    ]
    wrong += [
        Problem(
            f"{shown}/{path.name}", "", "another name", f'"{NATIVE}"', "It stands for the shop's own feeds."
        )
        for path in found
        if path.name == NATIVE
    ]
    wrong += [
        Problem(
            f"{shown}/{path.name}",
            "",
            "a folder contracts/ beside the SQL",
            "none",
            "Describe what lands there.",
        )
        for path in folders
        if path not in found and any(path.glob("*.sql"))
    ]
    if wrong:
        raise ConfigurationError(wrong)
    return [Source(path.name, path, f"{shown}/{path.name}") for path in found]


def core_models(
    contracts: Mapping[str, Contract], sources: Iterable[Source], columns: Mapping[str, tuple[str, ...]]
) -> list[Model]:
    """`core_<feed>` for every feed of the shop: the native feed and every source's mapping, one below the other.

    `columns`: of the tables that mappings may read. Raises ConfigurationError on a mapping that doesn't fit its feed.
    """
    feeds = {name: contract for name, contract in contracts.items() if contract.source is None}
    branches = {name: [_native(contract)] for name, contract in feeds.items()}
    problems: list[Problem] = []
    for source in sources:
        staged = [contract.staged_table for contract in contracts.values() if contract.source == source.name]
        own = [*staged, *(table for table in columns if table.startswith(f"{source.name}_"))]
        for feed, path in source.mappings(feeds).items():
            try:
                branches[feed].append(_mapped(source, feeds[feed], path, columns, own))
            except ConfigurationError as error:
                problems.extend(error.problems)
    if problems:
        raise ConfigurationError(problems)
    return [_core_model(contract, branches[name]) for name, contract in feeds.items()]


def _native(contract: Contract) -> str:
    selected = ",\n    ".join([*contract.columns, *CARRIED])
    return f"select\n    '{NATIVE}' as source,\n    {selected}\nfrom {contract.versions_table}"


def _mapped(
    source: Source,
    contract: Contract,
    path: Path,
    columns: Mapping[str, tuple[str, ...]],
    own: Iterable[str],
) -> str:
    shown = f"{source.shown}/{path.name}"
    sql = path.read_text(encoding="utf-8").strip().rstrip(";")
    try:
        query = parse(sql)
        read = tables_read(query)
        foreign = [table for table in read if table not in columns]
        if foreign:
            raise ConfigurationError(
                [
                    Problem(shown, "", "the source's own staged tables", f'"{table}"', nearest(table, own))
                    for table in foreign
                ]
            )
        given = output_columns(query, {table: columns[table] for table in read})
    except ValueError as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(
            [Problem(shown, "", "one SELECT that DuckDB understands", str(error).rstrip("."))]
        ) from error
    known = [*contract.columns, *CARRIED]
    problems = [
        Problem(shown, column, f"a column of {contract.name}", f'"{column}"', nearest(column, known))
        for column in given
        if column not in known
    ]
    problems += [
        Problem(shown, name, f"a column that {contract.name} requires", "nothing", f"Select it as {name}.")
        for name, column in contract.columns.items()
        if column.required and name not in given
    ]
    if problems:
        raise ConfigurationError(problems)
    selected = [f"'{source.name}' as source"]
    for name, column in contract.columns.items():
        if name not in given:
            default = (
                "null"
                if column.default is None or str(column.default).startswith("_")
                else literal(column.default)
            )
            selected.append(f"cast({default} as {column.sql_type}) as {name}")
        elif column.type == "id":
            selected.append(f"'{source.name}:' || cast({name} as VARCHAR) as {name}")
        else:
            selected.append(f"cast({name} as {column.sql_type}) as {name}")
    carried = {name: f"cast({name if name in given else 'null'} as {kind})" for name, kind in CARRIED.items()}
    # Where every column is in the key, rows of one key say the same: an outside file's repetitions are one row.
    repeats = set(contract.columns) == set(contract.key)
    selected += [
        f"max({value}) as {name}" if repeats else f"{value} as {name}" for name, value in carried.items()
    ]
    listed = ",\n    ".join(selected)
    once = "\ngroup by all" if repeats else ""
    return f"select\n    {listed}\nfrom (\n{sql}\n) as {source.name}_{contract.name}{once}"


def _core_model(contract: Contract, branches: list[str]) -> Model:
    unique = DataTest(kind="unique_combination_of_columns", arguments={"columns": list(contract.key)})
    every = "version of a " if contract.history else ""
    columns = [
        ColumnDoc(
            name="source",
            description=f"Where the row came from: {NATIVE} for the shop's own feed, else the source's name.",
        ),
        *(
            ColumnDoc(
                name=name,
                description=column.description or name,
                meta=ColumnMeta(unit=column.unit, pii=column.pii),
            )
            for name, column in contract.columns.items()
        ),
        ColumnDoc(
            name="_ingested_at",
            description="When the row's file was ingested; null where a mapping gives none.",
        ),
        ColumnDoc(
            name="_row_number", description="The row's place in its file; null where a mapping gives none."
        ),
    ]
    doc = ModelDoc(
        name=f"core_{contract.name}",
        description=f"{contract.description} The shop's own feed and every source's mapping, ids of a source prefixed with its name.",
        config=ModelConfig(
            meta=ModelMeta(owner=contract.owner, grain=f"one row per {every}{' + '.join(contract.key)}")
        ),
        data_tests=() if contract.history else (unique,),
        columns=tuple(columns),
    )
    return Model(f"core_{contract.name}", "staging", "\nunion all\n".join(branches), doc)
