"""Whether SQL of a YAML file fits the tables that it names: tables and columns by name, types by DuckDB's own word.

Belongs here: what experiments and KPIs ask of a table alike, and how the mistakes are told. Not here: what an
expression may contain (expressions.py), and which tables either may read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from lakehouse.configuration import Problem, describe, nearest
from lakehouse.sql_text import identifier
from lakehouse.warehouse.binding import Statement
from lakehouse.warehouse.expressions import aggregate, columns_of, per_row, renamed, sql

Tables = Mapping[str, Sequence[str]]


@dataclass(slots=True)
class Fitting:
    """Mistakes found so far, and statements that DuckDB is to try on empty tables."""

    problems: list[Problem] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)

    def told(self, shown: str, key: str, error: ValueError) -> None:
        expected, _, found = str(error).removeprefix("expected ").partition(", found ")
        found, _, hint = found.partition("\n")
        self.problems.append(Problem(shown, key, expected, found, hint))

    def has_table(
        self, shown: str, key: str, table: str, tables: Tables, expected: str = "a table of the lake"
    ) -> bool:
        if table not in tables:
            self.problems.append(Problem(shown, key, expected, describe(table), nearest(table, tables)))
        return table in tables

    def has_column(
        self, shown: str, key: str, column: str, table: str, known: Iterable[str], hint: str = ""
    ) -> bool:
        names = list(known)
        if column not in names:
            hints = " ".join(filter(None, (nearest(column, names) if names else "", hint)))
            self.problems.append(Problem(shown, key, f"a column of {table}", describe(column), hints))
        return column in names

    def tree(
        self,
        shown: str,
        key: str,
        text: str,
        table: str,
        known: Sequence[str],
        *,
        is_aggregate: bool,
        hint: str = "",
    ) -> exp.Expr | None:
        """The admitted expression over the columns of `table`; None when something of it is wrong, which is told."""
        try:
            tree = aggregate(text) if is_aggregate else per_row(text)
        except ValueError as error:
            self.told(shown, key, error)
            return None
        missing = [column for column in columns_of(tree) if column not in known]
        for column in missing:
            self.has_column(shown, key, column, table, known, hint)
        return None if missing else tree

    def tried(self, shown: str, key: str, value: str, table: str, hint: str = "") -> None:
        """DuckDB is to judge the types of a value over the columns of `table`."""
        self.statements.append(
            Statement(f"{shown}: {key}", f"select {value} from {table}", table, is_part=True, hint=hint)
        )


def quoted(tree: exp.Expr) -> str:
    """As SQL, its columns quoted."""
    return sql(renamed(tree, identifier))
