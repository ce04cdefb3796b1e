"""The tests of schema.yml as SQL: what fails is counted, sampled, and masked where it is personal."""

from __future__ import annotations

import duckdb
import pytest

from lakehouse.warehouse.checks import MASK, Check, checks_of, run_check
from lakehouse.warehouse.model import Model, ModelDoc


@pytest.fixture
def check_of():
    """The only check of a model `t` of columns k and v that carries one test."""

    def make(test, *, on_column):
        columns = [
            {"name": name, "description": "x", "data_tests": [test] if on_column and name == "k" else []}
            for name in ("k", "v")
        ]
        config = {"meta": {"owner": "sales", "grain": "one row per k"}}
        content = {"name": "t", "description": "x", "config": config, "columns": columns}
        doc = ModelDoc.model_validate(content if on_column else {**content, "data_tests": [test]})
        (check,) = checks_of(Model("t", "facts", "select 1", doc))
        return check

    return make


@pytest.fixture
def table():
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(
            "create table t as from (values (1, 'a'), (2, 'b'), (2, 'c'), (null, null)) as t(k, v)"
        )
        connection.execute("create table parent as select 1 as id union all select null")
        yield connection


@pytest.mark.parametrize(
    ("test", "on_column", "failures"),
    [
        ("unique", True, 1),
        ("not_null", True, 1),
        ({"accepted_values": {"values": [1]}}, True, 2),
        ({"relationships": {"to": "parent", "field": "id"}}, True, 2),
        ({"unique_combination_of_columns": {"columns": ["k", "v"]}}, False, 0),
        ({"expression_is_true": {"expression": "k < 2"}}, False, 2),
        ({"sql_is_empty": {"name": "no_b", "query": "select * from t where v = 'b';"}}, False, 1),
    ],
)
def test_rows_that_fail_are_counted(table, check_of, test, on_column, failures):
    verdict = run_check(table, check_of(test, on_column=on_column), frozenset())
    assert verdict.failures == failures
    assert verdict.passed is (failures == 0)


def test_samples_are_few_and_personal_data_is_masked(table):
    check = Check("c", "t", "select range as k, 'mail' as v from range(100)", "error", "")
    verdict = run_check(table, check, frozenset({"v"}))
    assert verdict.failures == 100
    assert len(verdict.samples) == 5
    assert {sample["v"] for sample in verdict.samples} == {MASK}


def test_a_check_warns_where_it_says_so(check_of):
    assert check_of({"not_null": {"severity": "warn"}}, on_column=True).severity == "warn"
    assert check_of("not_null", on_column=True).severity == "error"
