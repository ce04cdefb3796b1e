"""A wrong contract says file, key, what was expected, what was found, and where it can, how to mend it."""

from __future__ import annotations

import pytest

FILE = "team/contracts/sales.yaml: "


def test_a_right_contract_has_no_problems(config):
    config.contract()
    assert config.problems() == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"colums": {}}, 'colums: expected a known key, found "colums".\n  Did you mean "columns"?'),
        ({"key": []}, "key: expected"),
        ({"key": "sale_id"}, 'key: expected a list, found "sale_id".\n  Write it as [sale_id].'),
        ({"key": ["sale_no"]}, 'key: expected one of the contract\'s columns, found "sale_no".\n  Did you mean "sale_id"?'),
        ({"latest_by": ["when"]}, 'latest_by: expected one of the contract\'s columns, found "when".'),
        ({"event_time": "sold"}, 'event_time: expected one of the contract\'s columns, found "sold".'),
        ({"event_time": "amount"}, 'event_time: expected a column of type timestamp or date, found "amount".'),
        ({"freshness": "2d"}, "freshness: expected event_time beside it, found none."),
        ({"freshness": "soon", "event_time": "sold_at"}, 'freshness: expected a duration such as "26h" or "2d", found "soon".'),
        ({"freshness": 26, "event_time": "sold_at"}, 'freshness: expected a duration such as "26h" or "2d", found 26.'),
        ({"quarantine": {"at_most": 2}}, "quarantine.at_most: expected"),
        ({"history": "perhaps"}, 'history: expected true or false, found "perhaps".'),
        ({"columns": {}}, "columns: expected"),
        ({"columns": {"Sale Id": {"type": "id"}}, "key": ["Sale Id"]}, 'columns: expected a lower-case name such as order_id, found "Sale Id".\n  Call it sale_id, with header: Sale Id.'),
        ({"key": []}, "key: expected columns that name a row, found none.\n  Where no column names a row, add one with position_within: []"),
        ({"columns": {"order": {"type": "id"}}, "key": ["order"]}, 'columns.order: expected a name that is free in SQL, found "order".\n  Call it sales_order, with header: order.'),
        ({"columns": {"source": {"type": "id"}}, "key": ["source"]}, "columns.source: expected a name that is free in SQL"),
        ({"format": {"encoding": "utf-9"}}, 'format.encoding: expected an encoding such as utf-8 or latin-1, found "utf-9".'),
        ({"format": {"encoding": "base64"}}, 'format.encoding: expected an encoding such as utf-8 or latin-1, found "base64".'),
        ({"format": {"time_zone": "Berlin"}}, 'format.time_zone: expected an IANA time zone such as Europe/Berlin, found "Berlin".'),
        ({"format": {"delimiter": "||"}}, 'format.delimiter: expected one ASCII character, found "||".'),
        ({"format": {"delimiter": "§"}}, 'format.delimiter: expected one ASCII character, found "§".'),
        ({"format": {"delimiter": '"'}}, "format: expected delimiter and quote that differ"),
        ({"format": {"decimal": ",", "thousands": ","}}, 'format: expected thousands and decimal marks that differ, found "," twice.'),
        ({"format": {"kind": "xml"}}, "format.kind: expected 'csv', 'jsonl', 'parquet' or 'xlsx', found \"xml\"."),
        ({"format": {"timestamp": []}}, 'format.timestamp: expected a known key, found "timestamp".\n  Did you mean "timestamps"?'),
        ({"format": {"nulls": "NULL"}}, 'format.nulls: expected a list, found "NULL".\n  Write it as [NULL].'),
        ({"rules": {"r": "amount >"}}, 'rules: expected a SQL condition in r, found "amount >".'),
        ({"rules": {"r": "amont > 0"}}, 'rules.r: expected one of the contract\'s columns, found "amont".\n  Did you mean "amount"?'),
        ({"rules": {"r": "amount + 1"}}, 'rules.r: expected a condition over the columns of one row, found "amount + 1".'),
        ({"rules": {"r": "sum(amount) > 0"}}, "rules.r: expected a condition over the columns of one row"),
        ({"rules": {"r": "kind > 1"}}, "rules.r: expected a condition that fits the types of its columns"),
        ({"rules": {"r": "select 1"}}, 'rules: expected a SQL condition in r, found "select 1".'),
        ({"references": {"kind": "nothing.id"}}, 'references.kind: expected feed.column of a known feed, found "nothing.id".'),
        ({"references": {"kind": "orders.id"}}, 'references.kind: expected a column of orders, found "orders.id".'),
        ({"references": {"kin": "orders.order_id"}}, 'references: expected one of the contract\'s columns, found "kin".'),
        ({"owner": None}, "owner: expected a text, found None."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_contract_is_told(config, changes, told):
    config.contract(**changes)
    problems = config.problems()
    assert len(problems) == 1
    assert problems[0].startswith(FILE + told)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ({"type": "strin"}, '.type: expected a type (id, string, integer, decimal, float, boolean, timestamp, date), found "strin".\n  Did you mean "string"?'),
        ({}, ".type: expected a value, found nothing."),
        ({"type": "string", "isinn": ["a"]}, ': expected a Pandera check or a column key, found "isinn".\n  Did you mean "isin"?'),
        ({"type": "string", "isin": "a, b"}, ': expected a list of strings under isin, found "a, b".\n  Write it as [a, b].'),
        ({"type": "string", "isin": [True]}, ": expected a value of type string under isin, found True.\n  YAML reads yes, no, on and off"),
        ({"type": "integer", "ge": "1"}, ': expected a value of type integer under ge, found "1".'),
        ({"type": "integer", "str_matches": "a"}, ": expected a column of type string or id under str_matches, found integer."),
        ({"type": "string", "str_matches": "("}, ': expected a regular expression under str_matches, found "(".'),
        ({"type": "string", "str_matches": "(?!a)b"}, ': expected a regular expression under str_matches, found "(?!a)b".\n  error: look-around'),
        ({"type": "string", "str_length": {"max": 3}}, ": expected a mapping of exact_value, max_value, min_value under str_length"),
        ({"type": "integer", "in_range": {"min_value": 1}}, ": expected min_value and max_value under in_range"),
        ({"type": "decimal", "default": "none"}, ': expected a value of type decimal under default, found "none".'),
        ({"type": "decimal", "default": 0.00001}, ": expected a number with up to 4 decimals under default, found 1e-05."),
        ({"type": "string", "default": 0}, ": expected a value of type string under default, found 0."),
        ({"type": "integer", "default": "_ingested_at"}, ': expected a value of type integer under default, found "_ingested_at".'),
        ({"type": "decimal", "scale": 13}, ".scale: expected"),
        ({"type": "integer", "description": "Before", "or after.": None}, ': expected a Pandera check or a column key, found "or after.".\n  A text with a comma in it stands in quotation marks.'),
        ({"type": "integer", "position_within": ["sale"]}, '.position_within: expected one of the contract\'s columns, found "sale".'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_column_is_told(config, column, told):
    config.contract(column=column)
    problems = config.problems()
    assert len(problems) == 1
    assert problems[0].startswith(f"{FILE}columns.kind{told}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("description: a\nowner: [b\n", "line 3: expected valid YAML"),
        (
            "owner: a\ndescription: b\nowner: c\n",
            'line 3: expected valid YAML, found the key "owner" stands twice.',
        ),
        (
            "columns:\n  a: {type: id}\n  a: {type: id}\n",
            'line 3: expected valid YAML, found the key "a" stands twice.',
        ),
        ("- a\n- b\n", "expected a mapping of keys to values, found ['a', 'b']."),
        ("", "expected a mapping of keys to values, found None."),
        ("a: !!python/object:os.system {}\n", "line 1: expected valid YAML"),
    ],
)
def test_a_file_that_is_no_yaml_mapping_is_told_with_its_line(config, text, told):
    config.write("contracts/sales.yaml", text)
    problems = config.problems()
    assert len(problems) == 1
    assert told in problems[0]
    assert problems[0].startswith("team/contracts/sales.yaml")


def test_a_contract_does_not_name_itself(config):
    config.write("contracts/sales.yaml", "name: other\nsource: shop\n")
    assert [problem.partition(", found")[0] for problem in config.problems()] == [
        f"{FILE}name: expected no such key: the file names it",
        f"{FILE}source: expected no such key: the file names it",
    ]


def test_a_file_whose_name_can_not_be_a_tables_is_told(config):
    config.contract("My Sales")
    assert config.problems()[0].startswith(
        'team/contracts/My Sales.yaml: expected a lower-case file name, found "My Sales".'
    )


def test_every_problem_of_every_file_is_in_one_message(config):
    config.contract("sales", key=["x"], latest_by=["y"], colums=1)
    config.contract("costs", column={"type": "nothing"}, freshness="x")
    config.contract("stores", key=["x"], latest_by=["y"])
    config.write("contracts/broken.yaml", "a: [")
    files = sorted(problem.partition(":")[0].rpartition("/")[2] for problem in config.problems())
    assert files == ["broken.yaml", "costs.yaml", "costs.yaml", "sales.yaml", "stores.yaml", "stores.yaml"]


def test_a_config_dir_that_is_not_there_is_told(config):
    config.folder.rmdir()
    assert config.problems()[0].startswith("LAKEHOUSE_CONFIG_DIR: expected a folder, found")
