"""What a model's SQL reads, and which upstream columns each of its columns comes from: derived by sqlglot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlglot
import sqlglot.errors
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

DIALECT = "duckdb"
ColumnLineage = dict[str, tuple[tuple[str, str], ...]]


def parse(sql: str) -> exp.Query:
    """One SELECT. Raises ValueError with the place of the mistake."""
    try:
        statements = [statement for statement in sqlglot.parse(sql, dialect=DIALECT) if statement is not None]
    except sqlglot.errors.SqlglotError as error:
        raise ValueError(str(error).splitlines()[0]) from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ValueError("expected one SELECT statement")
    return statements[0]


def tables_read(query: exp.Query) -> list[str]:
    """Names of the tables that a query reads, its own CTEs aside, sorted."""
    own = {cte.alias for cte in query.find_all(exp.CTE)}
    return sorted({table.name for table in query.find_all(exp.Table) if table.name and table.name not in own})


def output_columns(query: exp.Query, schema: Mapping[str, Sequence[str]]) -> list[str]:
    """Names of the columns a query gives, stars resolved by the columns of the tables it reads."""
    return _qualified(query, schema).named_selects


def column_lineage(query: exp.Query, schema: Mapping[str, Sequence[str]]) -> ColumnLineage:
    """For each output column, the (table, column) pairs its values come from."""
    scope = build_scope(_qualified(query, schema))
    if scope is None:
        return {}
    tracer = _Tracer(frozenset(schema))
    lineage: ColumnLineage = {}
    for position, name in enumerate(_query(scope).named_selects):
        lineage[name] = tuple(sorted(tracer.sources(scope, position)))
    return lineage


def _qualified(query: exp.Query, schema: Mapping[str, Sequence[str]]) -> exp.Query:
    types: dict[str, object] = {table: dict.fromkeys(columns, "text") for table, columns in schema.items()}
    try:
        qualified = qualify(
            query.copy(),
            dialect=DIALECT,
            schema=types,
            validate_qualify_columns=False,
            quote_identifiers=False,
        )
    except sqlglot.errors.SqlglotError as error:
        raise ValueError(str(error).splitlines()[0]) from error
    assert isinstance(qualified, exp.Query)  # noqa: S101  a query stays one
    return qualified


def _query(scope: Scope) -> exp.Query:
    assert isinstance(scope.expression, exp.Query)  # noqa: S101  only queries have columns to trace
    return scope.expression


class _Tracer:
    """Follows a column through the scopes of one query; remembers what it has followed."""

    def __init__(self, tables: frozenset[str]) -> None:
        self._tables = tables
        self._found: dict[tuple[int, int], frozenset[tuple[str, str]]] = {}

    def sources(self, scope: Scope, position: int) -> frozenset[tuple[str, str]]:
        place = id(scope), position
        if place not in self._found:
            self._found[place] = frozenset()  # a recursive CTE meets itself here
            self._found[place] = self._trace(scope, position)
        return self._found[place]

    def _trace(self, scope: Scope, position: int) -> frozenset[tuple[str, str]]:
        if scope.set_operation_scopes:
            return frozenset().union(
                *(self.sources(branch, position) for branch in scope.set_operation_scopes)
            )
        selects = _query(scope).selects
        if position >= len(selects):
            return frozenset()
        found: set[tuple[str, str]] = set()
        for column in selects[position].find_all(exp.Column):
            found |= self._of_column(scope, column)
        return frozenset(found)

    def _of_column(self, scope: Scope, column: exp.Column) -> frozenset[tuple[str, str]]:
        current: Scope | None = scope
        while current is not None and column.table not in current.sources:
            current = current.parent
        source = current.sources[column.table] if current is not None else None
        if isinstance(source, exp.Table):
            return frozenset({(source.name, column.name)} if source.name in self._tables else ())
        # Values that stand in the query itself, and what is unnested, come from no table.
        if isinstance(source, Scope) and isinstance(source.expression, exp.Query):
            names = _query(source).named_selects
            if column.name in names:
                return self.sources(source, names.index(column.name))
        return frozenset()
