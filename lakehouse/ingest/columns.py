"""Which of a file's columns is which of the contract's, and which are missing."""

from __future__ import annotations

from collections.abc import Sequence

from lakehouse.contracts import Contract
from lakehouse.ingest.table import RESERVED


def missing_columns(contract: Contract, header: Sequence[str]) -> str:
    """What is wrong with a file that lacks required columns, in one sentence; empty when it lacks none.

    Only headers that the contract knows are named: without a header line the first row stands in its place, and that
    may be personal data.
    """
    by_name = resolve_columns(contract, header)
    missing = [
        contract.headers_of(name)[0]
        for name in contract.file_columns
        if name in contract.needed_columns and name not in by_name
    ]
    if not missing:
        return ""
    shown = shown_columns(header)
    known = [name for name in shown if name in by_name.values()]
    has = f"of the file's {len(shown)} columns the contract knows {', '.join(known) or 'none'}"
    hint = "" if known else ": is the header line missing, or the delimiter another?"
    listed = ", ".join(f'"{name}"' for name in missing)
    plural = "columns are" if len(missing) > 1 else "column is"
    return f"the required {plural} missing: {listed}; {has}{hint}"


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
