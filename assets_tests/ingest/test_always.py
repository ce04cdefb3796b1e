"""What holds for any files: cells as they came, nothing lost, the same tables whatever the batches and replays."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.contracts import Format
from lakehouse.ingest.delimited import LinesAreNotRows, open_delimited
from lakehouse.ingest.guard import Limits, Unreadable

LIMITS = Limits(100, 1 << 20)
few = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
many = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))

cell = st.one_of(
    st.text(alphabet=st.sampled_from('ab ,;"\n\r\té漢'), max_size=6),
    st.text(alphabet=st.characters(codec="utf-8"), max_size=4),
)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(1, 4))
    return draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=8))


def read(path, form, *, careful):
    """(good rows by number, rejected rows by number), or None when the fast reader passes."""
    good, bad = {}, {}
    try:
        table = open_delimited(path, form, LIMITS, careful=careful)
        for batch in table.batches:
            for row in batch.to_pylist():
                number, text, problem = row.pop("_row_number"), row.pop("_text"), row.pop("_problem")
                if problem is None:
                    good[number] = list(row.values())
                else:
                    bad[number] = (text, problem)
    except LinesAreNotRows:
        return None
    return good, bad


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("read") / "a.csv"


@many
@given(
    rows=tables(),
    delimiter=st.sampled_from(",;\t"),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quote=st.booleans(),
)
def test_cells_are_what_pythons_csv_reader_gives(file, rows, delimiter, line_end, quote):
    # Without quotes around it, the writer leaves a CR bare when lines end in LF; no reader could tell it from a line's end.
    quoting = csv.QUOTE_ALL if quote or line_end == "\n" else csv.QUOTE_MINIMAL
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow([f"c{place}" for place in range(len(rows[0]) if rows else 1)])
    writer.writerows(rows)
    file.write_bytes(target.getvalue().encode())
    form = Format(delimiter=delimiter)
    careful = read(file, form, careful=True)
    assert careful == (dict(enumerate(rows, start=1)), {})
    assert read(file, form, careful=False) in (None, careful)


@many
@given(
    text=st.text(alphabet=st.sampled_from('ab,"\n\r '), max_size=40),
    form=st.sampled_from([Format(), Format(quote=None), Format(final_newline="required")]),
)
def test_both_readers_agree_on_any_text_however_broken(file, text, form):
    file.write_bytes(("x,y\n" + text).encode())
    fast = read(file, form, careful=False)
    if fast is not None:
        assert fast == read(file, form, careful=True)


@many
@given(
    lines=st.lists(st.text(alphabet=st.sampled_from('ab,"'), min_size=1, max_size=8), min_size=1, max_size=12)
)
def test_every_line_is_in_some_row(file, lines):
    file.write_bytes(("x,y\n" + "\n".join(lines) + "\n").encode())
    good, bad = read(file, Format(), careful=True)
    broken = sum(len(text.split("\n")) for text, _ in bad.values())
    spanned = sum(1 + sum(cell.count("\n") for cell in cells) for cells in good.values())
    assert broken + spanned == len(lines)
    assert sorted([*good, *bad]) == list(range(1, len(good) + len(bad) + 1))


@few
@given(
    content=st.binary(max_size=200),
    name=st.sampled_from(["a.csv", "a.csv.gz", "a.jsonl", "a.parquet", "a.xlsx"]),
)
def test_no_bytes_whatsoever_stop_a_run(new_lake, content, name):
    lake = new_lake()
    lake.land(name, content)
    lake.land("z.csv", "id\nz\n")
    lake.run()
    assert ("z", None, None, None) in lake.table()
    assert lake.is_conserved()


# A key, when it changed, a value: few of each, so that they collide. "x" is no time and no number.
record = st.tuples(
    st.sampled_from("abc"), st.sampled_from(["1", "2", "3", "x"]), st.sampled_from(["5", "6", "x"])
)
batch_of_records = st.lists(record, max_size=6)
COLUMNS = {
    "id": {"type": "id", "required": True},
    "changed": {"type": "integer", "required": True},
    "amount": {"type": "integer"},
}


def content(records: Sequence[tuple[str, ...]], place: int) -> str:
    # Each file has a comment column of its own, so that two files of equal rows are not one re-sent file.
    return "id,changed,amount,file\n" + "".join(f"{','.join(one)},{place}\n" for one in records)


def expected(files: Sequence[Sequence[tuple[str, str, str]]], *, by_source: bool) -> list[tuple[object, ...]]:
    """Brute force: the last valid row of each key, by `changed` first when that is the contract's word."""
    latest: dict[str, tuple[tuple[int, int, int], tuple[object, ...]]] = {}
    for place, records in enumerate(files):
        for number, (key, changed, amount) in enumerate(records):
            if "x" in (changed, amount):
                continue
            order = (int(changed) if by_source else 0, place, number)
            if key not in latest or order > latest[key][0]:
                latest[key] = (order, (key, int(changed), int(amount)))
    return sorted(row for _, row in latest.values())


@few
@given(
    files=st.lists(batch_of_records, min_size=1, max_size=5),
    by_source=st.booleans(),
    cuts=st.lists(st.booleans()),
)
def test_the_staged_table_is_the_latest_row_of_each_key_however_the_files_are_batched(
    new_lake, files, by_source, cuts
):
    latest_by = ["changed", "_ingested_at"] if by_source else ["_ingested_at"]
    lake = new_lake(columns=COLUMNS, latest_by=latest_by)
    for place, records in enumerate(files):
        lake.land(f"{place}.csv", content(records, place))
        if place < len(cuts) and cuts[place]:
            lake.run()
    account = lake.run()
    assert lake.table() == expected(files, by_source=by_source)
    assert lake.is_conserved()
    assert account.landed == sum(len(records) for records in files)
    assert account.staged + account.superseded + account.resent + account.quarantined == account.landed
    assert account.quarantined == sum("x" in record for records in files for record in records)


@few
@given(order=st.permutations(range(4)), files=st.lists(batch_of_records, min_size=4, max_size=4))
def test_any_order_of_arrival_gives_the_same_table_where_the_source_says_what_is_latest(
    new_lake, order, files
):
    columns = {**COLUMNS, "changed": {"type": "decimal", "required": True}}
    # No two rows of a key changed at the same instant: a fraction of its own for every row.
    distinct = [
        [(key, changed if changed == "x" else f"{changed}.{place}{number}", amount)
         for number, (key, changed, amount) in enumerate(records)]
        for place, records in enumerate(files)
    ]  # fmt: skip
    tables = []
    for arrival in (range(4), order):
        lake = new_lake(columns=columns, latest_by=["changed"])
        for place in arrival:
            lake.land(f"{place}.csv", content(distinct[place], place))
            lake.run()
        tables.append(lake.table())
    assert tables[0] == tables[1]


@few
@given(
    files=st.lists(batch_of_records, min_size=1, max_size=3),
    replays=st.lists(st.sampled_from(["again", "copy", "touch"]), max_size=4),
)
def test_a_replay_changes_nothing(new_lake, files, replays):
    lake = new_lake(columns=COLUMNS)
    for place, records in enumerate(files):
        lake.land(f"{place}.csv", content(records, place))
    before = lake.run()
    table, rejected = lake.table(), lake.rows("select * from quarantine order by all")
    for number, replay in enumerate(replays):
        if replay == "copy":
            lake.land(f"copies/{number}.csv", content(files[0], 0))
        elif replay == "touch":
            os.utime(lake.landing / "sales" / "0.csv", ns=(number, 10**18 + number))
        lake.run()
    assert lake.table() == table
    assert lake.rows("select * from quarantine order by all") == rejected
    assert lake.is_conserved()
    after = lake.run()
    assert (after.staged, after.superseded, after.quarantined) == (
        before.staged,
        before.superseded,
        before.quarantined,
    )
    assert after.resent - before.resent == after.landed - before.landed
    assert not after.is_changed


def test_a_row_sent_again_in_another_file_is_a_re_send_and_not_a_version(lake):
    lake.land("a.csv", "id,note\n1,a\n2,b\n")
    lake.land("b.csv", "id,note\n1,a\n2,c\n")
    lake.run()
    assert [row[3:6] for row in lake.files()] == [(1, 1, 0), (1, 0, 1)]


def test_a_value_that_comes_back_is_a_version_of_its_own(lake):
    for name, note in {"a": "old", "b": "other", "c": "old"}.items():
        lake.land(f"{name}.csv", f"id,note,file\n1,{note},{name}\n")
    lake.run()
    assert lake.table()[0][3] == "old"
    assert lake.rows("select file from meta_files where staged = 1") == [("sales/c.csv",)]


def test_unreadable_is_the_only_error_of_a_reader(file):
    file.write_bytes(b"x,y\n1,\xff\n")
    with pytest.raises(Unreadable, match="byte 0xff"):
        read(file, Format(), careful=True)
