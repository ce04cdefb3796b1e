"""Aggregates that give the same to the last bit in whatever order the rows stand.

Belongs here: rewriting an admitted expression. Not here: sums over units, which run over whole numbers (sums.py).

A sum of floating-point values depends on the order in which they are added, and a parallel scan adds them in any. So do
ties of arg_min and arg_max. Rows are put in order inside such an aggregate; sums of decimals and whole numbers are exact
and stay as they are, as they are much the faster.
"""

from __future__ import annotations

import duckdb
from sqlglot import exp

from lakehouse.sql_text import identifier
from lakehouse.warehouse.expressions import renamed, sql

_INEXACT = ("DOUBLE", "FLOAT", "REAL")


def repeatable(connection: duckdb.DuckDBPyConnection, tree: exp.Expr, table: str) -> exp.Expr:
    """The same aggregate over the table's columns, with its rows in order where that matters.

    >>> from lakehouse.warehouse.expressions import aggregate
    >>> connection = duckdb.connect()
    >>> _ = connection.execute("create table sales (amount double, units integer)")
    >>> sql(repeatable(connection, aggregate("sum(amount) / sum(units)"), "sales"))
    'SUM(amount ORDER BY amount NULLS FIRST) / SUM(units)'
    """
    ordered = tree.copy()
    for one in list(ordered.find_all(exp.Sum, exp.Avg)):
        if _is_inexact(connection, one.this, table):
            distinct = one.this if isinstance(one.this, exp.Distinct) else None
            key = distinct.expressions[0] if distinct else one.this
            one.set("this", _in_order(one.this, key))
    for one in list(ordered.find_all(exp.ArgMin, exp.ArgMax)):
        one.set("expression", _in_order(one.expression, one.this))
    return ordered


def _in_order(value: exp.Expr, key: exp.Expr) -> exp.Order:
    return exp.Order(this=value.copy(), expressions=[exp.Ordered(this=key.copy(), nulls_first=True)])


def _is_inexact(connection: duckdb.DuckDBPyConnection, value: exp.Expr, table: str) -> bool:
    value = value.expressions[0] if isinstance(value, exp.Distinct) else value
    described = connection.execute(
        f"describe select {sql(renamed(value, identifier))} from {table}"
    ).fetchall()
    return str(described[0][1]) in _INEXACT
