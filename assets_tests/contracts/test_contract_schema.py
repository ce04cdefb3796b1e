"""A contract's checks and rules find the bad rows: Pandera's checks by their Pandera names, on every type."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pandera.polars as pandera
import polars as pl
import pytest

from lakehouse.contracts.contract import Contract
from lakehouse.contracts.schema import broken_checks, pandera_schema


@pytest.fixture
def broken(sales):
    """What a contract with one column finds bad: reason -> positions."""

    def judge(column, values, rules=None):
        contract = Contract.model_validate(sales(columns={"x": column}, key=["x"], rules=rules or {}))
        frame = pl.DataFrame({"x": values}, schema={"x": contract.columns["x"].polars_type})
        found = broken_checks(frame, pandera_schema(contract))
        return {reason: [place for place, bad in enumerate(series) if bad] for reason, series in found}

    return judge


@pytest.mark.parametrize(
    ("column", "values", "reason", "bad"),
    [
        ({"type": "integer", "eq": 1}, [1, 2, None], "x: eq 1", [1]),
        ({"type": "integer", "ne": 1}, [1, 2], "x: ne 1", [0]),
        ({"type": "integer", "gt": 1}, [1, 2], "x: gt 1", [0]),
        ({"type": "decimal", "ge": 0.1}, [Decimal("0.1"), Decimal("0.0999")], "x: ge 0.1", [1]),
        ({"type": "decimal", "lt": 5}, [Decimal(5), Decimal("4.9999")], "x: lt 5", [0]),
        ({"type": "decimal", "isin": [1, 2.5]}, [Decimal("2.5"), Decimal(3)], "x: isin [1, 2.5]", [1]),
        ({"type": "float", "le": 0.5}, [0.5, 0.6], "x: le 0.5", [1]),
        ({"type": "date", "ge": date(2026, 1, 1)}, [date(2025, 12, 31), date(2026, 1, 1)], "x: ge datetime.date(2026, 1, 1)", [0]),
        ({"type": "timestamp", "lt": datetime(2026, 1, 1)}, [datetime(2026, 1, 1)], "x: lt datetime.datetime(2026, 1, 1, 0, 0)", [0]),
        ({"type": "timestamp", "ge": date(2026, 1, 1)}, [datetime(2025, 12, 31, 23)], "x: ge datetime.date(2026, 1, 1)", [0]),
        ({"type": "boolean", "eq": True}, [True, False], "x: eq True", [1]),
        ({"type": "string", "isin": ["a", "b"]}, ["a", "c", None], "x: isin ['a', 'b']", [1]),
        ({"type": "string", "notin": ["a"]}, ["a", "c"], "x: notin ['a']", [0]),
        ({"type": "id", "str_matches": "^[0-9]+$"}, ["12", "1x"], "x: str_matches ^[0-9]+$", [1]),
        ({"type": "string", "str_contains": "b"}, ["abc", "xyz"], "x: str_contains b", [1]),
        ({"type": "string", "str_startswith": "a"}, ["abc", "xyz"], "x: str_startswith a", [1]),
        ({"type": "string", "str_endswith": "c"}, ["abc", "xyz"], "x: str_endswith c", [1]),
        ({"type": "string", "str_length": {"min_value": 2, "max_value": 3}}, ["a", "abc", "abcd"], "x: str_length {'min_value': 2, 'max_value': 3}", [0, 2]),
        ({"type": "string", "str_length": {"exact_value": 2}}, ["a", "ab"], "x: str_length {'exact_value': 2}", [0]),
        ({"type": "integer", "in_range": {"min_value": 1, "max_value": 3, "include_max": False}}, [0, 1, 3], "x: in_range {'min_value': 1, 'max_value': 3, 'include_max': False}", [0, 2]),
        ({"type": "decimal", "in_range": {"min_value": 0, "max_value": 0.5}}, [Decimal("0.5"), Decimal("0.5001")], "x: in_range {'min_value': 0, 'max_value': 0.5}", [1]),
    ],
)  # fmt: skip
def test_each_check_finds_its_bad_rows(broken, column, values, reason, bad):
    assert broken(column, values) == {reason: bad}


def test_a_rule_over_a_null_is_not_broken(broken):
    assert broken({"type": "integer"}, [1, 0, None], {"positive": "x > 0"}) == {"rule positive: x > 0": [1]}


def test_a_row_that_breaks_several_checks_is_named_by_each(broken):
    found = broken({"type": "integer", "gt": 5, "ne": 3}, [3, 6], {"even": "x % 2 = 0"})
    assert found == {"x: gt 5": [0], "x: ne 3": [0], "rule even: x % 2 = 0": [0]}


def test_right_rows_break_nothing(broken):
    assert broken({"type": "integer", "gt": 0}, [1, None], {"small": "x < 10"}) == {}


def test_a_bad_row_inside_a_lazy_frame_is_caught_by_judging_it_eagerly(sales):
    contract = Contract.model_validate(sales(columns={"x": {"type": "integer", "gt": 0}}, key=["x"]))
    schema = pandera_schema(contract)
    lazy = pl.LazyFrame({"x": [1, -1]})
    schema.validate(lazy, lazy=True).collect()  # Pandera looks at the schema only, and is content
    with pytest.raises(pandera.errors.SchemaErrors):
        schema.validate(lazy.collect(), lazy=True)
    ((reason, bad),) = broken_checks(lazy.collect(), schema)
    assert (reason, bad.to_list()) == ("x: gt 0", [False, True])


def test_what_decides_staging_changes_its_version_and_words_do_not(sales):
    plain = Contract.model_validate(sales())
    told = Contract.model_validate(
        sales(description="Other words.", owner="else", freshness="2d", event_time="sold_at")
    )
    other_key = Contract.model_validate(sales(key=["sale_id", "kind"]))
    other_form = Contract.model_validate(sales(format={"delimiter": ";"}))
    assert plain.staging_version == told.staging_version
    assert len({plain.staging_version, other_key.staging_version, other_form.staging_version}) == 3
    assert plain.reading_version == told.reading_version != other_form.reading_version
