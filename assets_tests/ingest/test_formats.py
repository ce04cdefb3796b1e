"""The same rows in any format, encoding and notation give the same staged rows."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

HEADER = ["id", "amount", "sold_at", "note"]
ROWS = [
    ["a1", "12.5", "2026-01-31 10:00:00", "plain"],
    ["a2", "-0.1234", "2026-02-01 23:59:59", 'says "hi", twice'],
    ["a3", None, None, None],
    ["007", "1000", "2026-02-02 00:00:00", "Zoë Ω 漢字"],
]
STAGED = [
    ("007", Decimal("1000.0000"), datetime(2026, 2, 2), "Zoë Ω 漢字"),
    ("a1", Decimal("12.5000"), datetime(2026, 1, 31, 10), "plain"),
    ("a2", Decimal("-0.1234"), datetime(2026, 2, 1, 23, 59, 59), 'says "hi", twice'),
    ("a3", None, None, None),
]


def as_parquet() -> bytes:
    sink = io.BytesIO()
    columns = [list(values) for values in zip(*ROWS, strict=True)]
    amounts = pa.array([None if text is None else Decimal(text) for text in columns[1]], pa.decimal128(18, 4))
    times = pa.array([None if text is None else datetime.fromisoformat(text) for text in columns[2]])
    table = pa.table([pa.array(columns[0]), amounts, times, pa.array(columns[3])], names=HEADER)
    pq.write_table(table, sink)
    return sink.getvalue()


def as_xlsx(rows: list[list[Any]], header: list[str] | None = None) -> bytes:
    sink = io.BytesIO()
    with xlsxwriter.Workbook(sink) as book:
        sheet = book.add_worksheet("Sales")
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for number, row in enumerate([header or HEADER, *rows]):
            for place, value in enumerate(row):
                if isinstance(value, datetime):
                    sheet.write_datetime(number, place, value, moment)
                elif value is not None:
                    sheet.write(number, place, value)
    return sink.getvalue()


def typed_rows() -> list[list[Any]]:
    return [
        [
            key,
            None if amount is None else float(amount),
            None if at is None else datetime.fromisoformat(at),
            note,
        ]
        for key, amount, at, note in ROWS
    ]


def as_json_lines() -> bytes:
    lines = [
        json.dumps(
            {"id": key, "amount": None if amount is None else float(amount), "sold_at": at, "note": note}
        )
        for key, amount, at, note in ROWS
    ]
    return "\n".join(lines).encode()


def test_every_format_gives_the_same_staged_rows(new_lake, as_csv):
    text = as_csv(HEADER, ROWS)
    landed = {
        "sales.csv": text,
        "sales.csv.gz": gzip.compress(text),
        "sales.CSV.GZ": gzip.compress(text),
        "sales.jsonl": as_json_lines(),
        "sales.jsonl.gz": gzip.compress(as_json_lines()),
        "sales.parquet": as_parquet(),
        "sales.xlsx": as_xlsx(typed_rows()),
    }
    tables = {}
    for name, content in landed.items():
        lake = new_lake()
        lake.land(name, content)
        lake.run()
        tables[name] = lake.table()
    assert tables == dict.fromkeys(landed, STAGED)


def test_a_kind_that_the_suffix_does_not_tell_is_the_contracts(new_lake):
    lake = new_lake(format={"kind": "jsonl"})
    lake.land("export.2026", as_json_lines())
    lake.run()
    assert lake.table() == STAGED


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ({}, "\ufeffid,amount\n1,2.5\n".encode()),
        ({"encoding": "utf-8-sig"}, b"id,amount\n1,2.5\n"),
        ({}, b"id,amount\r\n1,2.5\r\n"),
        ({}, b"id,amount\n1,2.5"),
        ({}, b"id,amount\r\n1,2.5\r"),
        ({"delimiter": ";", "decimal": ","}, b"id;amount\n1;2,5\n"),
        ({"delimiter": "\t"}, b"id\tamount\n1\t2.5\n"),
        ({"delimiter": "|", "quote": "'"}, b"id|amount\n'1'|'2.5'\n"),
        ({"quote": None}, b"id,amount\n1,2.5\n"),
        ({"encoding": "utf-16"}, "id,amount\n1,2.5\n".encode("utf-16")),
        ({"encoding": "utf-16-le"}, "\ufeffid,amount\n1,2.5\n".encode("utf-16-le")),
        ({"encoding": "cp1252"}, b"id,amount\n1,2.5\n"),
        ({}, b"amount,id\n2.5,1\n"),
        ({}, b"ID , Amount\n1, 2.5 \n"),
        ({}, b"\n".join([b"id,amount", b"", b"1,2.5", b"", b""])),
    ],
)
def test_notation_of_the_outside_file_does_not_matter(new_lake, form, content):
    lake = new_lake(format=form)
    lake.land("sales.csv", content)
    lake.run()
    assert lake.table() == [("1", Decimal("2.5000"), None, None)]
    assert not lake.reasons()


def test_other_encodings_keep_their_letters(new_lake):
    for encoding in ("latin-1", "cp1252", "utf-16", "utf-16-be"):
        lake = new_lake(format={"encoding": encoding})
        lake.land("sales.csv", "id,note\n1,Zoë Müller\n".encode(encoding))
        lake.run()
        assert lake.table() == [("1", None, None, "Zoë Müller")], encoding


@pytest.mark.parametrize(
    ("form", "text", "number"),
    [
        ({"decimal": ","}, "1,5", "1.5"),
        ({"decimal": ",", "thousands": "."}, "1.234.567,89", "1234567.89"),
        ({"decimal": ",", "thousands": "."}, "1234,5", "1234.5"),
        ({"thousands": ","}, "1,234.5", "1234.5"),
        ({"thousands": " "}, "12 345", "12345"),
        ({"thousands": "'"}, "-1'000'000.25", "-1000000.25"),
        ({"decimal": ",", "thousands": "."}, "1.5", None),
        ({"thousands": ","}, "1,5", None),
        ({"thousands": ","}, "1,2345", None),
        ({"decimal": ","}, "1.5", None),
        ({}, "1,5", None),
    ],
)
def test_decimal_and_thousands_marks(new_lake, as_csv, form, text, number):
    lake = new_lake(format={"delimiter": "|", **form})
    lake.land("sales.csv", as_csv(["id", "amount"], [["1", text]], delimiter="|"))
    lake.run()
    expected = [] if number is None else [("1", Decimal(number), None, None)]
    assert lake.table() == expected
    assert lake.reasons() == (
        {1: ["amount: expected a number with up to 4 decimals"]} if number is None else {}
    )


@pytest.mark.parametrize(
    ("form", "text", "moment"),
    [
        ({"timestamps": ["%d/%m/%Y %H:%M"]}, "03/02/2026 14:05", datetime(2026, 2, 3, 14, 5)),
        ({"timestamps": ["%d/%m/%Y"]}, "03/02/2026", datetime(2026, 2, 3)),
        ({"timestamps": ["%d.%m.%Y %H:%M", "%m/%d/%Y"]}, "02/03/2026", datetime(2026, 2, 3)),
        ({"timestamps": ["%I:%M %p %d-%m-%Y"]}, "02:05 PM 03-02-2026", datetime(2026, 2, 3, 14, 5)),
        ({"timestamps": ["%d/%m/%Y"]}, "2026-02-03T14:05:00", datetime(2026, 2, 3, 14, 5)),
        ({"timestamps": ["%d/%m/%Y"]}, "31/02/2026", None),
        ({"timestamps": ["%d/%m/%Y"]}, "02/13/2026", None),
        ({}, "2026-02-03 14:05:00.25", datetime(2026, 2, 3, 14, 5, 0, 250000)),
        ({"time_zone": "Europe/Berlin"}, "2026-07-01 12:00:00", datetime(2026, 7, 1, 10)),
        ({"time_zone": "Europe/Berlin"}, "2026-01-01 00:30:00", datetime(2025, 12, 31, 23, 30)),
        ({"time_zone": "Europe/Berlin"}, "2026-07-01T12:00:00Z", datetime(2026, 7, 1, 12)),
        ({"time_zone": "Europe/Berlin"}, "2026-07-01 12:00:00+02:00", datetime(2026, 7, 1, 10)),
        ({"timestamps": ["%d/%m/%Y %H:%M %z"]}, "03/02/2026 14:05 -0500", datetime(2026, 2, 3, 19, 5)),
    ],
)
def test_times_become_utc(new_lake, as_csv, form, text, moment):
    lake = new_lake(format=form)
    lake.land("sales.csv", as_csv(["id", "sold_at"], [["1", text]]))
    lake.run()
    assert lake.table() == ([] if moment is None else [("1", None, moment, None)])
    assert bool(lake.reasons()) is (moment is None)


@pytest.mark.parametrize("text", ["2026-10-25 02:30:00", "2026-03-29 02:30:00"])
def test_a_local_time_that_a_clock_change_repeats_or_skips_is_not_guessed(new_lake, as_csv, text):
    lake = new_lake(format={"time_zone": "Europe/Berlin"})
    lake.land("sales.csv", as_csv(["id", "sold_at"], [["1", text], ["2", "2026-10-25 03:30:00"]]))
    lake.run()
    assert lake.table() == [("2", None, datetime(2026, 10, 25, 2, 30), None)]
    expected = "sold_at: expected a time like %Y-%m-%d %H:%M:%S in Europe/Berlin"
    assert lake.reasons() == {1: [f"{expected}, not in an hour that a clock change skips or repeats"]}


def test_a_parquet_time_with_a_zone_of_its_own_is_not_shifted_by_the_contracts(new_lake):
    lake = new_lake(format={"time_zone": "Europe/Berlin"})
    moments = pa.array([datetime(2026, 7, 1, 12, tzinfo=UTC)], pa.timestamp("us", "America/New_York"))
    sink = io.BytesIO()
    pq.write_table(pa.table([pa.array(["1"]), moments], names=["id", "sold_at"]), sink)
    lake.land("sales.parquet", sink.getvalue())
    lake.run()
    assert lake.table() == [("1", None, datetime(2026, 7, 1, 12), None)]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-02-03", date(2026, 2, 3)),
        ("03.02.2026", date(2026, 2, 3)),
        ("2026-02-03 00:00:00", date(2026, 2, 3)),
        ("2026-02-03 10:15:00", None),
        ("2026-02-30", None),
    ],
)
def test_a_date_is_the_day_as_written_and_no_time_is_cut_off(new_lake, contract_of, text, day):
    columns = {"id": {"type": "id"}, "day": {"type": "date"}}
    form = {"dates": ["%d.%m.%Y"], "time_zone": "Europe/Berlin"}
    lake = new_lake(contract_of(columns=columns, format=form))
    lake.land("sales.csv", f"id,day\n1,{text}\n")
    lake.run()
    assert lake.table() == ([] if day is None else [("1", day)])


def test_null_markers_are_the_contracts(new_lake):
    lake = new_lake(format={"nulls": ["NULL", "-"]})
    lake.land("sales.csv", "id,amount,note\n1,NULL,NULL\n2, - ,-\n3,,\n")
    lake.run()
    assert lake.table() == [("1", None, None, None), ("2", None, None, None), ("3", None, None, "")]


def test_outside_headers_are_matched_whatever_their_case_and_order(new_lake, contract_of):
    columns = {
        "id": {"type": "id", "required": True, "header": ["Sale No", "Number"]},
        "amount": {"type": "decimal", "header": "Betrag"},
    }
    lake = new_lake(contract_of(columns=columns))
    lake.land("a.csv", "BETRAG,sale no\n1.5,a\n")
    lake.land("b.csv", "number,amount\nb,2.5\n")
    assert lake.run().staged == 2
    assert lake.table() == [("a", Decimal("1.5")), ("b", Decimal("2.5"))]


def test_values_with_line_breaks_delimiters_and_quotes_come_through_as_they_are(new_lake, as_csv):
    notes = ["a\nb", "a\r\nb", "a,b", '"', '""', "\n", " spaces ", "\t", "a\rb", "last"]
    lake = new_lake()
    rows = [[str(place), note] for place, note in enumerate(notes)]
    lake.land("sales.csv", as_csv(["id", "note"], rows, lineterminator="\r\n"))
    lake.run()
    assert [cells["note"] for cells in lake.cells()] == notes


def test_header_only_is_an_empty_batch(new_lake):
    for name, content in {"a.csv": b"id,note", "b.csv": b"id,note\n\n\n", "c.xlsx": as_xlsx([])}.items():
        lake = new_lake()
        lake.land(name, content)
        assert lake.run().landed == 0
        assert [row[1:] for row in lake.files()] == [("loaded", 0, 0, 0, 0, 0)]
        assert lake.table() == []


def test_blank_lines_are_no_rows_and_lines_of_spaces_are(new_lake):
    lake = new_lake()
    lake.land("sales.csv", "id,note\n\n1,a\n\n\n   \n2,b\n\n")
    lake.run()
    assert [row[0] for row in lake.table()] == ["1", "2"]
    assert lake.reasons() == {2: ["the row has 1 column, the header 2"]}


def test_blank_rows_of_a_sheet_are_no_rows(new_lake):
    lake = new_lake()
    lake.land("sales.xlsx", as_xlsx([["1", 2], [None, None], ["3", 4]], ["id", "amount"]))
    assert lake.run().landed == 2


def test_a_sheet_can_be_named(new_lake):
    lake = new_lake(format={"kind": "xlsx", "sheet": "Sales"})
    lake.land("a.xlsx", as_xlsx([["1"]], ["id"]))
    assert lake.run().staged == 1
    other = new_lake(format={"kind": "xlsx", "sheet": "Costs"})
    other.land("a.xlsx", as_xlsx([["1"]], ["id"]))
    assert other.ingest()[0].reason == 'no sheet "Costs"; the file has Sales'


def test_an_unknown_column_stays_in_raw_and_is_reported(new_lake):
    lake = new_lake()
    lake.land("sales.csv", "id,colour\n1,red\n")
    lake.ingest()
    staged = lake.stage()
    assert staged.unknown_columns == ("colour",)
    assert lake.cells() == [{"id": "1", "colour": "red"}]


def test_a_missing_optional_column_takes_its_default(new_lake, contract_of):
    columns = {
        "id": {"type": "id", "required": True},
        "amount": {"type": "decimal", "default": 1.5},
        "sold_at": {"type": "timestamp", "required": True, "default": "_ingested_at"},
        "is_gift": {"type": "boolean", "default": False},
    }
    lake = new_lake(contract_of(columns=columns))
    lake.land("a.csv", "id\n1\n")
    lake.land("b.csv", "id,amount,is_gift\n2,,yes\n")
    lake.run()
    ingested = datetime(2026, 3, 1, 1)
    assert lake.table() == [
        ("1", Decimal("1.5"), ingested, False),
        ("2", Decimal("1.5"), ingested.replace(microsecond=1), True),
    ]


def test_json_values_are_kept_as_they_were_written(new_lake):
    lake = new_lake()
    lake.land(
        "sales.jsonl",
        '{"id": 1.50, "note": {"a": [1.0, true, null, "é"]}}\n{"id": 12345678901234567890123}\n',
    )
    lake.run()
    assert lake.cells() == [
        {"id": "1.50", "note": '{"a": [1.0, true, null, "é"]}'},
        {"id": "12345678901234567890123", "note": None},
    ]


def test_csv_reader_and_lake_agree_on_a_file_with_everything(new_lake, as_csv):
    rows = [["1", 'q"q', "x;y"], ["2", "a\nb", ""], ["3", "", "\u2028"]]
    content = as_csv(["id", "note", "more"], rows, delimiter=";", lineterminator="\r\n")
    lake = new_lake(format={"delimiter": ";"})
    lake.land("sales.csv", content)
    lake.ingest()
    expected = list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter=";"))[1:]
    assert [list(cells.values()) for cells in lake.cells()] == expected
