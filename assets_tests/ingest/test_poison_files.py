"""A file that can't be trusted is set aside whole, with a reason a person understands; the other files go on."""

from __future__ import annotations

import gzip
import io
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.ingest import raw as raw_module

GOOD = "id,amount\ngood,1\n"
HEADER = b"id,amount\n"


def parquet(*, columns: dict[str, list[object]] | None = None) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns or {"id": ["1", "2"], "amount": ["1", "2"]}), sink)
    return sink.getvalue()


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def bad_text_in_parquet() -> bytes:
    sink = io.BytesIO()
    damaged = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\x00\x00\x00\x00\x02\x00\x00\x00"), pa.py_buffer(b"\xff\xfe")]
    )
    pq.write_table(pa.table([damaged], names=["id"]), sink)
    return sink.getvalue()


def zip_of(name: str, content: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return sink.getvalue()


ROWS = HEADER + b"".join(b"%d,%d\n" % (number, number * 7919) for number in range(20_000))
POISON = {
    "0 bytes": ("a.csv", b"", "the file is empty (0 bytes)"),
    "gzip of nothing": ("a.csv.gz", gzip.compress(b""), "the file is empty once unpacked"),
    "blank first line": ("a.csv", b"\n1,2\n", "the first line is blank: expected the column names"),
    "truncated gzip": ("a.csv.gz", half(gzip.compress(ROWS)), "the gzip file is cut off: its end is missing"),
    "damaged gzip": ("a.csv.gz", b"id,amount\n1,2\n", "the gzip file is damaged (Not a gzipped file"),
    "wrong encoding": ("a.csv", "id,note\n1,Müller\n".encode("latin-1"), "is not in utf-8: byte 0xfc"),
    "late wrong encoding": ("a.csv", ROWS + b"x,\xff\n", "the file is not in utf-8: byte 0xff"),
    "utf-16": ("a.csv", GOOD.encode("utf-16"), "the file is in UTF-16, the contract says utf-8"),
    "wrong delimiter": (
        "a.csv",
        b"id;amount\n1;2\n",
        "the contract knows none: is the header line missing, or the delimiter another?",
    ),
    "missing column": (
        "a.csv",
        b"amount\n2\n3\n",
        'the required column is missing: "id"; of the file\'s 1 columns the contract knows amount',
    ),
    "double header": ("a.csv", b"id,amount,ID\n1,2,3\n", "columns 1 and 3 of the header have the same name"),
    "reserved header": (
        "a.csv",
        b"id,_row_hash\n1,2\n",
        'the column name "_row_hash" is reserved for the lake',
    ),
    "open quote in header": (
        "a.csv",
        b'id,"amo\nunt"\n1,2\n',
        "the column names in the first line can't be read",
    ),
    "CR alone": ("a.csv", b"id,amount\r1,2\r", "the lines end in CR alone: expected LF or CRLF"),
    "over-long header": (
        "a.csv",
        b"id," + b"x" * 5000 + b"\n1,2\n",
        "the first line is longer than 2,048 bytes",
    ),
    "binary": ("a.csv", bytes(range(256)) * 20, "the file is not in utf-8"),
    "NUL bytes": (
        "a.csv",
        b"PK\x00\x00\x01\x00\n\x00\x00",
        "this is not text: the first line holds NUL bytes",
    ),
    "truncated parquet": ("a.parquet", half(parquet()), "the parquet file is cut off or damaged"),
    "text as parquet": ("a.parquet", GOOD.encode(), "the parquet file is cut off or damaged"),
    "parquet of wrong text": ("a.parquet", bad_text_in_parquet(), "the parquet file is damaged after row 0"),
    "truncated xlsx": (
        "a.xlsx",
        half(zip_of("xl/workbook.xml", ROWS)),
        "the xlsx file is cut off or damaged",
    ),
    "zip as xlsx": ("a.xlsx", zip_of("readme.txt", b"hello"), "the xlsx file can't be read"),
    "no JSON": ("a.jsonl", b"id,amount\n1,2\n", "no line of the file is a JSON object"),
    "bomb of zeros": (
        "a.csv.gz",
        gzip.compress(HEADER + b"0" * 3_000_000),
        "unpacks to more than 20 times its size",
    ),
    "bomb of rows": (
        "a.csv.gz",
        gzip.compress(HEADER + b"1,2\n" * 800_000),
        "unpacks to more than 20 times its size",
    ),
    "bomb of sheets": (
        "a.xlsx",
        zip_of("xl/a.xml", b"0" * 3_000_000),
        "the xlsx file unpacks to 3,000,000 bytes",
    ),
}


@pytest.mark.parametrize("case", POISON)
def test_a_poison_file_is_set_aside_with_its_reason_and_the_others_go_on(new_lake, case):
    name, content, reason = POISON[case]
    limits = {"max_expansion_ratio": 20, "harmless_bytes": 1_000_000, "max_row_bytes": 2048}
    lake = new_lake(limits=limits)
    lake.land(name, content)
    lake.land("z.csv", GOOD)
    lake.run()
    assert [row[0] for row in lake.table()] == ["good"]
    assert [row[:2] for row in lake.files()] == [(f"sales/{name}", "rejected"), ("sales/z.csv", "loaded")]
    ((told,),) = lake.rows("select distinct reasons from quarantine")
    assert len(told) == 1
    assert reason in told[0]
    assert lake.is_conserved()


def test_rows_of_a_file_without_a_required_column_are_all_in_quarantine(lake):
    lake.land("a.csv", b"amount\n2\n3\n")
    account = lake.run()
    assert (account.landed, account.quarantined) == (2, 2)
    assert lake.rows("select row_number, row from quarantine order by 1") == [
        (1, '{"amount":"2"}'),
        (2, '{"amount":"3"}'),
    ]


def test_columns_of_a_rejected_file_may_be_called_anything(lake):
    lake.land("a.jsonl", b'{"@id": 1, "!x": "a", "?0": "b", "_reasons": "c"}\n')
    assert lake.run().quarantined == 1
    lake.land("b.jsonl", b'{"id": "1", "amount": "x", "@id": 1, "!id": "a", "?0": "b", "_reasons": "c"}\n')
    assert lake.run().quarantined == 2


def test_a_column_of_the_key_must_be_there_even_if_the_contract_forgets_to_require_it(new_lake):
    lake = new_lake(columns={"id": {"type": "id"}, "amount": {"type": "decimal"}})
    lake.land("a.csv", b"amount\n1\n")
    assert '"id"; of the file\'s 1 columns the contract knows amount' in lake.ingest()[0].reason


def test_a_high_ratio_does_no_harm_while_the_file_is_small(new_lake):
    lake = new_lake(limits={"max_expansion_ratio": 20})
    lake.land("a.csv.gz", gzip.compress(HEADER + b"1,2\n" * 200_000))
    assert lake.run().landed == 200_000


def test_a_utf_8_mark_contradicts_another_encoding(new_lake):
    lake = new_lake(format={"encoding": "latin-1"})
    lake.land("a.csv", "\ufeffid\nMüller\n".encode())
    assert "the file is in UTF-8, the contract says iso8859-1" in lake.ingest()[0].reason


def test_a_feed_with_derived_columns_survives_unreadable_files_and_missing_columns(new_lake):
    columns = {
        "id": {"type": "id", "required": True},
        "place": {"type": "integer", "position_within": ["id"]},
    }
    lake = new_lake(key=["id", "place"], columns=columns)
    lake.land("a.csv", b"")
    lake.land("b.csv", b"other\n1\n")
    lake.land("c.csv", b"id,place\n1,77\n")
    lake.run()
    assert [row[1] for row in lake.files()] == ["rejected", "rejected", "loaded"]
    assert lake.table() == [("1", 1)]


def test_a_file_that_changes_while_it_is_read_is_left_for_later(lake, monkeypatch):
    path = lake.land("a.csv", GOOD)
    hashed = raw_module._content_hash

    def grown(read):
        content = hashed(read)
        with read.open("a") as stream:
            stream.write("late,2\n")
        return content

    with monkeypatch.context() as patched:
        patched.setattr(raw_module, "_content_hash", grown)
        assert lake.ingest() == []
    assert not list(lake.raw.glob("**/*.parquet"))
    assert lake.run().staged == 2
    assert path.exists()


def test_a_file_that_vanishes_before_or_while_it_is_read_is_no_error(lake, monkeypatch):
    path = lake.land("a.csv", GOOD)
    lake.land("b.csv", "id\nb\n")
    hashed = raw_module._content_hash

    def vanishing(read):
        content = hashed(read)
        if read == path:
            read.unlink()
        return content

    monkeypatch.setattr(raw_module, "_content_hash", vanishing)
    assert [one.file for one in lake.ingest()] == ["sales/b.csv"]
    assert not list(lake.raw.glob("**/.*"))


@pytest.mark.parametrize("name", ["*", "^.*$", "^id$"])
def test_a_column_may_be_called_like_a_pattern(new_lake, name):
    lake = new_lake()
    lake.land("a.csv", f"id,amount,{name}\ngood,1,x\nbad,many,y\n".encode())
    lake.run()
    assert [row[0] for row in lake.table()] == ["good"]
    ((row,),) = lake.rows("select row from quarantine")
    assert f'"{name}":"y"' in row


def test_a_file_without_a_header_line_gives_none_of_its_data_away(new_lake):
    lake = new_lake()
    lake.land("a.csv", b"17,ann@example.com\n18,bob@example.com\n")
    lake.land("b.csv", b"ann@example.com,ann@example.com\n")
    for one in lake.ingest():
        assert one.kind == "rejected"
        assert "ann@" not in one.reason


def test_a_rejected_file_that_is_touched_or_copied_is_a_re_send(new_lake):
    lake = new_lake()
    lake.land("a.csv", b"amount\n1\n2\n")
    lake.run()
    lake.land("copy.csv", b"amount\n1\n2\n")
    lake.run()
    assert [row[1] for row in lake.files()] == ["rejected", "re-sent"]
    assert lake.rows("select count(*) from quarantine") == [(2,)]


def test_a_parquet_file_that_repeats_a_long_text_is_weighed_by_its_rows(new_lake):
    lake = new_lake(limits={"max_expansion_ratio": 20, "harmless_bytes": 1_000_000})
    rows = pa.table({"id": [str(n) for n in range(2000)], "note": pa.array(["x" * 10_000] * 2000)})
    target = io.BytesIO()
    pq.write_table(rows, target)
    lake.land("a.parquet", target.getvalue())
    (one,) = lake.ingest()
    assert one.kind == "rejected"
    assert "more than 20 times its size" in one.reason
