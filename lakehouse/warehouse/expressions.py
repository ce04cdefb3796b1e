"""SQL that an analyst writes into YAML: parsed by sqlglot, admitted by an allow-list, never put into a query as text.

Belongs here: what an expression of an experiment or a KPI may contain, and rewriting of admitted ones. Not here:
whether a table has the columns (fitting.py).
"""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
import sqlglot.errors
from sqlglot import exp

from lakehouse.configuration import describe, nearest

DIALECT = "duckdb"

AGGREGATES: tuple[type[exp.Expr], ...] = (
    exp.Count, exp.CountIf, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.LogicalOr, exp.LogicalAnd, exp.ArgMin, exp.ArgMax,
)  # fmt: skip
_FUNCTIONS: tuple[type[exp.Expr], ...] = (
    exp.Abs, exp.Ceil, exp.Coalesce, exp.Contains, exp.DateDiff, exp.DateTrunc, exp.TimestampTrunc, exp.Day,
    exp.DayOfWeek, exp.EndsWith, exp.Exp, exp.Extract, exp.Floor, exp.Greatest, exp.Hour, exp.Least, exp.Length, exp.Ln,
    exp.Log, exp.Lower, exp.Month, exp.Nullif, exp.Pow, exp.Replace, exp.Round, exp.Sign, exp.Sqrt, exp.StartsWith, exp.Substring,
    exp.Trim, exp.Upper, exp.Week, exp.Year,
)  # fmt: skip
_SYNTAX: tuple[type[exp.Expr], ...] = (
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.Paren, exp.DPipe, exp.Literal, exp.Boolean,
    exp.Null, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between,
    exp.Like, exp.ILike, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.DataType,
    exp.DataTypeParam, exp.Interval, exp.Var, exp.Column, exp.Identifier, exp.Filter, exp.Where, exp.Distinct, exp.Star,
)  # fmt: skip
_ALLOWED = frozenset((*AGGREGATES, *_FUNCTIONS, *_SYNTAX))
# For hints: as DuckDB spells those above.
FUNCTION_NAMES = (
    "abs", "arg_max", "arg_min", "avg", "bool_and", "bool_or", "ceil", "coalesce", "contains", "count", "count_if",
    "date_diff", "date_trunc", "day", "dayofweek", "ends_with", "exp", "extract", "floor", "greatest", "hour", "least",
    "length", "ln", "log", "lower", "max", "min", "month", "nullif", "pow", "replace", "round", "sign", "sqrt", "starts_with",
    "substring", "sum", "trim", "upper", "week", "year",
)  # fmt: skip


def parsed(text: str) -> exp.Expr:
    """One admitted expression. Raises ValueError in the form "expected ..., found ..." with a hint on a line below."""
    try:
        trees = sqlglot.parse(f"select {text}", dialect=DIALECT)
    except sqlglot.errors.SqlglotError as error:
        raise ValueError(f"expected one SQL expression, found {describe(text)}\n{_place(error)}") from error
    select = trees[0] if len(trees) == 1 else None
    is_alone = isinstance(select, exp.Select) and not [
        key for key, value in select.args.items() if value and key not in ("expressions", "kind")
    ]
    if not isinstance(select, exp.Select) or not is_alone or len(select.expressions) != 1:
        raise ValueError(f"expected one SQL expression, found {describe(text)}")
    tree: exp.Expr = select.expressions[0]
    for node in tree.walk():
        _admit(node, text)
    return tree.copy()


def aggregate(text: str) -> exp.Expr:
    """An aggregate over a unit's rows, such as sum(amount). Raises ValueError."""
    tree = parsed(text)
    found = list(tree.find_all(*AGGREGATES))
    if not found:
        hint = (
            f"\nWrite max({tree.name}), if a unit has one row only." if isinstance(tree, exp.Column) else ""
        )
        raise ValueError(f"expected an aggregate such as sum(amount), found {describe(text)}{hint}")
    if any(one.find_ancestor(*AGGREGATES) for one in found):
        raise ValueError(f"expected no aggregate inside another, found {describe(text)}")
    for column in tree.find_all(exp.Column):
        if not column.find_ancestor(exp.Filter, *AGGREGATES):
            hint = f"Write max({column.name}), if a unit has one value only."
            raise ValueError(f"expected {column.name} inside an aggregate, found {describe(text)}\n{hint}")
    return tree


def per_row(text: str) -> exp.Expr:
    """An expression over the columns of one row. Raises ValueError."""
    tree = parsed(text)
    if tree.find(*AGGREGATES):
        raise ValueError(f"expected an expression over one row, found an aggregate: {describe(text)}")
    return tree


def columns_of(tree: exp.Expr) -> list[str]:
    """Names of the columns it reads, in lower case, sorted."""
    return sorted({column.name.lower() for column in tree.find_all(exp.Column)})


def renamed(tree: exp.Expr, column: Callable[[str], str]) -> exp.Expr:
    """The same over other columns: every column replaced by the SQL that `column` gives for its name in lower case."""

    def replaced(node: exp.Expr) -> exp.Expr:
        is_column = isinstance(node, exp.Column)
        return sqlglot.parse_one(column(node.name.lower()), dialect=DIALECT) if is_column else node

    return tree.copy().transform(replaced)


def filtered(tree: exp.Expr, flag: str) -> exp.Expr:
    """The same with every aggregate over those rows only whose boolean column `flag` is true."""
    tree = exp.paren(tree.copy(), copy=False)
    condition = exp.column(flag, quoted=True)
    for one in list(tree.find_all(*AGGREGATES)):
        if isinstance(one.parent, exp.Filter):
            where = one.parent.expression
            where.set("this", exp.and_(condition.copy(), where.this.copy()))
        else:
            one.replace(exp.Filter(this=one.copy(), expression=exp.Where(this=condition.copy())))
    return tree


def sql(tree: exp.Expr) -> str:
    """As DuckDB's SQL, without the comments it may have held."""
    return tree.sql(dialect=DIALECT, comments=False)


def _admit(node: exp.Expr, text: str) -> None:
    if isinstance(node, exp.Func) and type(node) not in _ALLOWED:
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        raise ValueError(
            f"expected only known functions, found {name.lower()}\n{nearest(name.lower(), FUNCTION_NAMES)}"
        )
    if type(node) not in _ALLOWED:
        raise ValueError(
            f"expected an expression without {type(node).__name__.lower()}, found {describe(text)}"
        )
    if isinstance(node, exp.DataType) and not isinstance(node.parent, exp.Cast | exp.DataType):
        raise ValueError(f"expected a type in a cast only, found {describe(text)}")  # noqa: TRY004  a user's mistake
    if isinstance(node, exp.Column) and len(node.parts) > 1:
        raise ValueError(f"expected a plain column name, found {describe(node.sql(dialect=DIALECT))}")
    if isinstance(node, exp.Star) and not (
        isinstance(node.parent, exp.Count) and not node.args.get("except_")
    ):
        raise ValueError(f"expected * in count(*) only, found {describe(text)}")


def _place(error: Exception) -> str:
    return str(error).splitlines()[0].split(" Line ")[0].rstrip(".")
