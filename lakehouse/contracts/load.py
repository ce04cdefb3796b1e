"""Loads contracts: the shipped ones, and a team's own, whose files win where the name is the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from lakehouse.configuration import ConfigurationError, Problem, describe, problems_of, read_yaml
from lakehouse.contracts.contract import NAME, Contract
from lakehouse.contracts.cross import cross_problems

SHIPPED = Path(__file__).parent
_LOADER_KEYS = ("name", "source")


@dataclass(frozen=True, slots=True)
class ContractFile:
    """Where a contract stands: `shown` is how messages name it."""

    path: Path
    shown: str
    source: str | None = None


def contract_files(folder: Path, shown: str, source: str | None = None) -> list[ContractFile]:
    """The contract files of one folder, in name order."""
    found = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    return [ContractFile(path, f"{shown}/{path.name}", source) for path in found]


def load_contracts(files: Iterable[ContractFile] | None = None) -> dict[str, Contract]:
    """Contracts by name. Raises ConfigurationError that tells every problem of every file.

    A later file replaces an earlier one of the same name when both are feeds of the shop; a source's file that
    takes the name of another contract is a problem.
    """
    contracts: dict[str, Contract] = {}
    shown: dict[str, str] = {}
    problems: list[Problem] = []
    for file in contract_files(SHIPPED, "contracts") if files is None else files:
        try:
            contract = _load(file)
        except ConfigurationError as error:
            problems.extend(error.problems)
            continue
        earlier = contracts.get(contract.name)
        if earlier is not None and earlier.source != contract.source:
            expected = f"a name that {shown[contract.name]} does not have"
            problems.append(Problem(file.shown, "", expected, describe(contract.name), "Rename the file."))
            continue
        contracts[contract.name] = contract
        shown[contract.name] = file.shown
    for contract in contracts.values():
        for key, expected, found, hint in cross_problems(contract, contracts):
            unknown_feed = "known feed" in expected and problems
            if not unknown_feed:
                problems.append(Problem(shown[contract.name], key, expected, found, hint))
    if problems:
        raise ConfigurationError(problems)
    return dict(sorted(contracts.items()))


def _load(file: ContractFile) -> Contract:
    name = file.path.stem
    if not NAME.match(name):
        hint = "The file's name is the feed's name."
        raise ConfigurationError([Problem(file.shown, "", "a lower-case file name", describe(name), hint)])
    content = read_yaml(file.path, file.shown)
    reserved = [key for key in _LOADER_KEYS if key in content]
    if reserved:
        raise ConfigurationError(
            [Problem(file.shown, key, "no such key: the file names it", key) for key in reserved]
        )
    try:
        return Contract.model_validate({**content, "name": name, "source": file.source})
    except ValidationError as error:
        raise ConfigurationError(problems_of(error, Contract, file.shown)) from error
