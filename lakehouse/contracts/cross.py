"""What a contract says of columns and feeds, held against those that are there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache

import duckdb
import polars as pl

from lakehouse.configuration import describe, nearest
from lakehouse.contracts.contract import INGESTED_AT, Contract

Found = tuple[str, str, str, str]


def cross_problems(contract: Contract, contracts: dict[str, Contract]) -> list[Found]:
    """What is said of columns and feeds that are not there, or don't fit: (key, expected, found, hint) each."""
    return [
        *_named_columns(contract),
        *(problem for column in contract.columns for problem in _column_name(contract, column)),
        *_event_time(contract),
        *(problem for name in contract.rules for problem in _rule(contract, name)),
        *(problem for column in contract.references for problem in _reference(contract, column, contracts)),
    ]


def _named_columns(contract: Contract) -> Iterator[Found]:
    for column in contract.key:
        yield from _need("key", column, contract.columns)
    for column in contract.latest_by:
        yield from _need("latest_by", column, [*contract.columns, INGESTED_AT])
    for name, described in contract.columns.items():
        for other in described.position_within or ():
            yield from _need(f"columns.{name}.position_within", other, contract.file_columns)


def _need(key: str, column: str, known: Collection[str]) -> Iterator[Found]:
    if column not in known:
        yield key, "one of the contract's columns", describe(column), nearest(column, known)


def _column_name(contract: Contract, name: str) -> Iterator[Found]:
    # The core tables add a column `source` of their own to every feed of the shop.
    if name in _reserved_words() or (name == "source" and contract.source is None):
        hint = f"Call it {contract.name}_{name}, with header: {name}."
        yield f"columns.{name}", "a name that is free in SQL", describe(name), hint


def _event_time(contract: Contract) -> Iterator[Found]:
    if contract.event_time is None:
        if contract.freshness is not None:
            hint = "Name the column whose newest value is judged."
            yield "freshness", "event_time beside it", "none", hint
        return
    yield from _need("event_time", contract.event_time, contract.columns)
    column = contract.columns.get(contract.event_time)
    if column is not None and column.type not in ("timestamp", "date"):
        yield "event_time", "a column of type timestamp or date", describe(contract.event_time), ""


def _rule(contract: Contract, name: str) -> Iterator[Found]:
    """A rule is tried on no rows: it must give one truth a row, from the types that its columns have."""
    rule, key = contract.rules[name], f"rules.{name}"
    unknown = sorted(set(pl.sql_expr(rule).meta.root_names()) - set(contract.columns))
    if unknown:
        for column in unknown:
            yield from _need(key, column, contract.columns)
        return
    rows = pl.DataFrame(schema={column: kind.polars_type for column, kind in contract.columns.items()})
    try:
        verdict = rows.select(pl.sql_expr(rule))
    except pl.exceptions.PolarsError as error:
        told = str(error).splitlines()[0]
        yield key, "a condition that fits the types of its columns", describe(rule), told
        return
    if verdict.dtypes != [pl.Boolean] or verdict.height:
        hint = "A number is none, nor is a total over many rows."
        yield key, "a condition over the columns of one row", describe(rule), hint


def _reference(contract: Contract, column: str, contracts: dict[str, Contract]) -> Iterator[Found]:
    yield from _need("references", column, contract.columns)
    target = contract.references[column]
    feed, _, field = target.partition(".")
    if feed not in contracts:
        hint = nearest(feed, contracts)
        yield f"references.{column}", "feed.column of a known feed", describe(target), hint
    elif field not in contracts[feed].columns:
        hint = nearest(field, contracts[feed].columns)
        yield f"references.{column}", f"a column of {feed}", describe(target), hint


@cache
def _reserved_words() -> frozenset[str]:
    """Words that can't be the bare name of a column in the warehouse."""
    with duckdb.connect(":memory:") as connection:
        rows = connection.execute(
            "select keyword_name from duckdb_keywords() where keyword_category in ('reserved', 'type_function')"
        ).fetchall()
    return frozenset(word for (word,) in rows)
