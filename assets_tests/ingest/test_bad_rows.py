"""A bad row costs only itself: it goes to quarantine once, as it came, with all its reasons."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

UNCLOSED = "a quotation mark is opened and not closed in the row"
CUT_OFF = "the row is cut off: the file ends in the middle of it"


def ids(lake):
    return [row[0] for row in lake.table()]


def texts(lake):
    return [
        json.loads(row)["_text"] for (row,) in lake.rows("select row from quarantine order by row_number")
    ]


def test_ragged_rows_are_kept_as_text(lake):
    lake.land("a.csv", "id,note\n1,a\n2\n3,b,c\n4,d\n")
    assert lake.run().quarantined == 2
    assert ids(lake) == ["1", "4"]
    assert lake.reasons() == {
        2: ["the row has 1 column, the header 2"],
        3: ["the row has 3 columns, the header 2"],
    }
    assert texts(lake) == ["2", "3,b,c"]


@pytest.mark.parametrize("rows_between", ["", '5,"x\ny"\n'], ids=["fast", "careful"])
def test_an_over_long_line_costs_only_itself(new_lake, rows_between):
    lake = new_lake(limits={"max_row_bytes": 1024})
    lake.land("a.csv", f"id,note\n1,a\n2,{'x' * 5000}\n{rows_between}3,b\n")
    lake.run()
    assert ids(lake) == ["1", "3", *(["5"] if rows_between else [])]
    assert lake.reasons() == {2: ["the row is longer than 1,024 bytes (its beginning is kept)"]}
    assert texts(lake)[0].startswith("2,xxx")


def test_an_over_long_json_line_costs_only_itself(new_lake):
    lake = new_lake(limits={"max_row_bytes": 1024})
    lake.land("a.jsonl", f'{{"id": "1"}}\n{{"id": "{"x" * 5000}"}}\n\0\n{{"id": "3"}}\n')
    lake.run()
    assert ids(lake) == ["1", "3"]
    assert lake.reasons()[2] == ["the row is longer than 1,024 bytes (its beginning is kept)"]


def test_a_row_of_just_the_longest_length_is_taken(new_lake):
    lake = new_lake(limits={"max_row_bytes": 1024})
    lake.land("a.csv", f"id,note\n1,{'x' * 1022}\n2,{'x' * 1023}\n")
    lake.run()
    assert ids(lake) == ["1"]


def test_a_quotation_mark_never_closed_costs_only_its_line(lake):
    rows = [f"{number},fine" for number in range(5_000)]
    rows[2_500] = '2500,"open'
    lake.land("a.csv", "id,note\n" + "\n".join(rows) + "\n")
    account = lake.run()
    assert (account.staged, account.quarantined) == (4_999, 1)
    assert lake.reasons() == {2_501: ["a quotation mark is opened and not closed in the row"]}
    assert texts(lake) == ['2500,"open']


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("9", f"the row has 1 column, the header 2; {CUT_OFF}"),
        (
            '9,"cut',
            f"{UNCLOSED}; {CUT_OFF}",
        ),
    ],
)
def test_a_cut_off_last_row_is_told(lake, end, reason):
    lake.land("a.csv", f"id,note\n1,a\n{end}")
    lake.run()
    assert ids(lake) == ["1"]
    assert lake.reasons() == {2: [reason]}


def test_a_cut_off_json_line_is_told(lake):
    lake.land("a.jsonl", '{"id": "1"}\n{"id": "2", "am')
    lake.run()
    assert ids(lake) == ["1"]
    assert lake.reasons()[2][0].endswith("the row is cut off: the file ends in the middle of it")


def test_where_the_contract_requires_a_final_newline_a_last_row_without_one_is_not_trusted(new_lake):
    lake = new_lake(format={"final_newline": "required"})
    lake.land("a.csv", "id,amount\n1,1\n2,12")
    lake.land("b.csv", "id,amount\n3,1\n")
    lake.land("c.csv", "id,amou")
    lake.run()
    assert ids(lake) == ["1", "3"]
    assert lake.rows("select file, row_number from quarantine order by all") == [
        ("sales/a.csv", 2),
        ("sales/c.csv", 0),
    ]


def test_text_after_a_closing_quotation_mark_is_read_alike_in_every_file(new_lake):
    for more in ("", '3,"x\ny"\n'):
        lake = new_lake()
        lake.land("a.csv", f'id,note\n1,"a"b\n2,5" pipe\n{more}')
        lake.run()
        assert [row["note"] for row in lake.cells()][:2] == ["ab", '5" pipe']


def test_json_lines_that_are_no_objects_cost_only_themselves(lake):
    lines = ['{"id": "1"}', "[1]", "oops", '{"id": "2", "id": "3"}', r'{"id": "\ud800"}', '{"id": "4"}']
    lake.land("a.jsonl", "\n".join(lines))
    lake.run()
    assert ids(lake) == ["1", "4"]
    reasons = lake.reasons()
    assert reasons[2] == ["the line is not a JSON object"]
    assert reasons[3][0].startswith("the line is not JSON: ")
    assert reasons[4] == ["the line is not JSON: a key stands twice"]
    assert reasons[5] == ["the line holds half a character (a lone surrogate)"]
    assert texts(lake) == lines[1:5]


def test_a_row_has_all_its_reasons_once(new_lake):
    columns = {
        "id": {"type": "id", "required": True, "str_matches": "^[0-9]+$"},
        "amount": {"type": "decimal", "ge": 0},
        "sold_at": {"type": "timestamp", "required": True},
        "kind": {"type": "string", "isin": ["a", "b"]},
        "paid": {"type": "decimal"},
    }
    lake = new_lake(columns=columns, rules={"not_overpaid": "paid <= amount"})
    lake.land(
        "a.csv", "id,amount,sold_at,kind,paid\nx,-5,,c,1\n,oops,yesterday,,2\n1,1,2026-01-01 00:00:00,a,1\n"
    )
    account = lake.run()
    assert (account.staged, account.quarantined) == (1, 2)
    assert lake.reasons() == {
        1: [
            "sold_at: required, but empty",
            "id: str_matches ^[0-9]+$",
            "amount: ge 0",
            "kind: isin ['a', 'b']",
            "rule not_overpaid: paid <= amount",
        ],
        2: [
            "id: required, but empty",
            "amount: expected a number with up to 4 decimals",
            "sold_at: expected a time like %Y-%m-%d %H:%M:%S in UTC",
        ],
    }


def test_a_null_in_the_key_is_no_key(new_lake):
    lake = new_lake(key=["id", "amount"], columns={"id": {"type": "id"}, "amount": {"type": "integer"}})
    lake.land("a.csv", "id,amount\n1,1\n1,\n,1\n")
    lake.run()
    assert lake.table() == [("1", 1)]
    assert lake.reasons() == {2: ["amount: required, but empty"], 3: ["id: required, but empty"]}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("decimal", "1.2345", Decimal("1.2345")),
        ("decimal", "1.23450000", Decimal("1.2345")),
        ("decimal", "1.23456", None),
        ("decimal", "+5", Decimal(5)),
        ("decimal", ".5", Decimal("0.5")),
        ("decimal", "5.", Decimal(5)),
        ("decimal", "-0", Decimal(0)),
        ("decimal", "99999999999999.9999", Decimal("99999999999999.9999")),
        ("decimal", "100000000000000", None),
        ("decimal", "1e3", None),
        ("decimal", "NaN", None),
        ("decimal", "Infinity", None),
        ("decimal", "1 000", None),
        ("decimal", "٣", None),
        ("integer", "12.0", 12),
        ("integer", "-0", 0),
        ("integer", "+7", 7),
        ("integer", "007", 7),
        ("integer", "12.5", None),
        ("integer", "1e3", None),
        ("integer", "9223372036854775807", 9223372036854775807),
        ("integer", "9223372036854775808", None),
        ("integer", "1_000", None),
        ("float", "1e3", 1000.0),
        ("float", "-inf", None),
        ("float", "nan", None),
        ("boolean", "yes", True),
        ("boolean", "No", False),
        ("boolean", "1.0", True),
        ("boolean", "0.0", False),
        ("boolean", "2.0", None),
        ("boolean", "0", False),
        ("boolean", "maybe", None),
    ],
)
def test_a_number_is_what_it_says_or_in_quarantine(new_lake, kind, text, value):
    lake = new_lake(columns={"id": {"type": "id"}, "x": {"type": kind}})
    lake.land("a.csv", f"id,x\n1,{text}\n")
    lake.run()
    assert lake.table() == ([] if value is None else [("1", value)])
    assert bool(lake.reasons()) is (value is None)


def test_a_scale_of_its_own(new_lake):
    lake = new_lake(columns={"id": {"type": "id"}, "rate": {"type": "decimal", "scale": 8}})
    lake.land("a.csv", "id,rate\n1,1.12345678\n2,1.123456789\n3,12345678901\n")
    lake.run()
    assert lake.table() == [("1", Decimal("1.12345678"))]


def test_positions_count_within_their_group_in_file_order_and_anew_in_every_file(new_lake):
    columns = {
        "invoice": {"type": "id", "required": True},
        "place": {"type": "integer", "position_within": ["invoice"]},
        "item": {"type": "string"},
    }
    lake = new_lake(key=["invoice", "place"], columns=columns)
    lake.land("a.csv", "invoice,item\nA,1\nB,2\nA,3\nbroken\nA,4\n")
    lake.land("b.csv", "invoice,item\nC,5\nB,6\n")
    lake.run()
    assert lake.table() == [("A", 1, "1"), ("A", 2, "3"), ("A", 3, "4"), ("B", 1, "6"), ("C", 1, "5")]


def test_a_position_within_nothing_is_the_row_number_and_names_equal_rows(new_lake, monkeypatch):
    monkeypatch.setattr("lakehouse.ingest.staging.ROWS_AT_ONCE", 3)
    columns = {"row_no": {"type": "integer", "position_within": []}, "item": {"type": "string"}}
    lake = new_lake(key=["row_no"], columns=columns)
    lake.land("a.csv", "item\nsame\nsame\nother\nsame\nlast\n")
    lake.run()
    assert lake.table() == [(1, "same"), (2, "same"), (3, "other"), (4, "same"), (5, "last")]


def test_positions_count_on_through_a_file_that_is_read_in_pieces(new_lake, monkeypatch):
    monkeypatch.setattr("lakehouse.ingest.staging.ROWS_AT_ONCE", 3)
    columns = {"invoice": {"type": "id"}, "place": {"type": "integer", "position_within": ["invoice"]}}
    lake = new_lake(key=["invoice", "place"], columns=columns)
    lake.land("a.csv", "invoice\n" + "A\nB\n" * 10)
    lake.run()
    assert lake.table() == [(invoice, place) for invoice in "AB" for place in range(1, 11)]
