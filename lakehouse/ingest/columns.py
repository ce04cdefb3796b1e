"""Which of a file's columns is which of the contract's, and which are missing."""

from __future__ import annotations

from collections.abc import Sequence

from lakehouse.contracts import Contract
from lakehouse.ingest.table import RESERVED


def missing_columns(contract: Contract, header: Sequence[str]) -> list[str]:
    """A reason for each required column that a file lacks."""
    by_name = resolve_columns(contract, header)
    return [
        f'the required column "{contract.headers_of(name)[0]}" is missing; the file has: {", ".join(shown_columns(header))}'
        for name in contract.file_columns
        if name in contract.needed_columns and name not in by_name
    ]


def resolve_columns(contract: Contract, header: Sequence[str]) -> dict[str, str]:
    """Our column name -> the file's header, matched without regard to case."""
    actual = {name.casefold(): name for name in shown_columns(header)}
    found: dict[str, str] = {}
    for name in contract.file_columns:
        for outside in contract.headers_of(name):
            if outside.casefold() in actual:
                found[name] = actual[outside.casefold()]
                break
    return found


def shown_columns(header: Sequence[str]) -> list[str]:
    """The file's own columns, the lake's additions aside."""
    return [name for name in header if name not in RESERVED]


def unknown_columns(contract: Contract, columns: Sequence[str]) -> set[str]:
    """Columns of a file that no column of the contract is: kept in raw only."""
    return set(columns) - set(resolve_columns(contract, columns).values())
