"""SQL in YAML: only listed functions over the table's own columns, put into queries as a tree and never as text."""

from __future__ import annotations

import duckdb
import pytest

from lakehouse.sql_text import identifier
from lakehouse.warehouse.expressions import (
    AGGREGATES,
    FUNCTION_NAMES,
    aggregate,
    columns_of,
    filtered,
    parsed,
    per_row,
    renamed,
    sql,
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("read_csv('/etc/passwd')", "expected only known functions, found read_csv"),
        ("summ(x)", 'expected only known functions, found summ\nDid you mean "sum"?'),
        ("median(x)", "expected only known functions, found median"),
        ("getenv('HOME')", "expected only known functions, found getenv"),
        ("current_date", "expected only known functions, found current_date"),
        ("(select 1)", "expected an expression without subquery"),
        ("sum(x in (select 1))", "expected an expression without subquery"),
        ("sum(x) over ()", "expected an expression without window"),
        ("sum(t.x)", 'expected a plain column name, found "t.x"'),
        ("sum(x) as y", "expected an expression without alias"),
        ("sum($1)", "expected an expression without placeholder"),
        ("count(* exclude (x))", "expected"),
        ("*", "expected"),
        ("sum(x), 2", "expected one SQL expression"),
        ("sum(x) from other", "expected one SQL expression"),
        ("sum(x); drop table y", "expected one SQL expression"),
        ("sum(x", "expected one SQL expression"),
        ("distinct sum(x)", "expected one SQL expression"),
        ("sum(list[1])", "expected a type in a cast only"),
        ("", "expected one SQL expression"),
    ],
)
def test_whatever_is_not_on_the_list_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"^expected") as error:
        parsed(text)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x", "expected an aggregate such as sum(amount)"),
        ("sum(x) + y", 'expected y inside an aggregate, found "sum(x) + y"\nWrite max(y)'),
        ("sum(max(x))", "expected no aggregate inside another"),
    ],
)
def test_a_metric_is_one_aggregate_over_a_units_rows(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"^expected") as error:
        aggregate(text)
    assert told in str(error.value)


def test_a_condition_is_over_one_row() -> None:
    with pytest.raises(ValueError, match="expected an expression over one row, found an aggregate"):
        per_row("sum(x) > 1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(x)", 6), ("count(*)", 3), ("count(distinct k)", 2), ("sum(x) filter (where k = 'a')", 3),
        ("count(*) filter (where x > 1) > 1", True), ("bool_or(x = 3)", True), ("sum(X) / nullif(count(*), 0)", 2),
        ("sum(case when k like 'a%' then x else 0 end)", 3), ("count_if(k in ('a', 'z'))", 2),
        ("max(date_diff('day', d, d + interval 3 day))", 3), ("sum(x) -- all of it", 6), ("avg(x ** 2) % 4", 14 / 3 % 4),
        ("max(date_trunc('week', d) = date '2026-03-02')", True), ("arg_max(k, x)", "b"),
    ],
)  # fmt: skip
def test_what_is_admitted_means_what_it_says_in_duckdb(text: str, expected: object) -> None:
    """Over all rows, and over those only that a flag admits."""
    rows = "(values (1, 'a', date '2026-03-02'), (2, 'a', date '2026-03-03'), (3, 'b', date '2026-03-04')) as t(c_x, c_k, c_d)"
    tree = renamed(aggregate(text), lambda name: identifier(f"c_{name}"))
    with duckdb.connect() as connection:
        assert connection.execute(f"select {sql(tree)} from {rows}").fetchall()[0][0] == expected
        both = f"(select *, true as flag from {rows} union all select c_x * 100, 'zz', c_d + 900, false from {rows})"
        query = f"select {sql(filtered(tree, 'flag'))} from {both}"
        assert connection.execute(query).fetchall()[0][0] == expected


def test_columns_are_named_whatever_their_case() -> None:
    assert columns_of(parsed("sum(Amount) filter (where \"KIND\" = 'Kind')")) == ["amount", "kind"]


def test_the_names_given_as_hints_are_admitted() -> None:
    """Each with arguments that its grammar takes."""
    special = {
        "extract": "extract(year from x)",
        "date_trunc": "date_trunc('day', x)",
        "date_diff": "date_diff('day', x, x)",
        "replace": "replace(x, 'a', 'b')",
    }
    pairs = (
        "arg_max",
        "arg_min",
        "contains",
        "ends_with",
        "nullif",
        "pow",
        "starts_with",
        "substring",
        "greatest",
        "least",
    )
    for name in FUNCTION_NAMES:
        text = special.get(name, f"{name}(x, x)" if name in pairs else f"{name}(x)")
        assert bool(parsed(text).find(*AGGREGATES)) is (
            name
            in ("arg_max", "arg_min", "avg", "bool_and", "bool_or", "count", "count_if", "max", "min", "sum")
        ), name
