"""A file that is sent again: what is a correction, and what is the same once more."""

import os

from lakehouse.warehouse.feed_checks import files_readable


def staged(lake):
    return lake.rows("select id, amount, note from stg_sales")


def test_a_mended_header_over_the_same_cells_is_a_correction(new_lake):
    lake = new_lake()
    lake.land("1.csv", "id,note,extra\na,DE,web\n")
    lake.run()
    lake.land("2.csv", "id,extra,note\na,DE,web\n")
    lake.run()
    assert staged(lake) == [("a", None, "web")]
    assert [(row[1], *row[3:]) for row in lake.files()] == [("loaded", 0, 1, 0, 0), ("loaded", 1, 0, 0, 0)]


def test_the_same_rows_with_their_columns_in_another_order_are_a_re_send(new_lake):
    lake = new_lake()
    lake.land("1.csv", "id,amount,note\na,1,x\n")
    lake.run()
    lake.land("2.csv", "note,id,amount\nx,a,1\n")
    lake.run()
    assert [(row[3], row[5]) for row in lake.files()] == [(1, 0), (0, 1)]


def test_cells_that_hold_separators_are_told_apart(new_lake):
    lake = new_lake()
    lake.land("1.csv", "id,amount,note,extra\na,,x\x1fy,z\n")
    lake.run()
    lake.land("2.csv", "id,amount,note,extra\na,,x,y\x1fz\n")
    lake.run()
    assert staged(lake) == [("a", None, "x")]


def test_an_empty_cell_differs_from_no_cell_at_all(new_lake):
    lake = new_lake()
    lake.land("1.jsonl", '{"id": "a", "note": ""}\n')
    lake.run()
    lake.land("2.jsonl", '{"id": "a", "note": null}\n')
    lake.run()
    assert [(row[3], row[4], row[5]) for row in lake.files()] == [(0, 1, 0), (1, 0, 0)]


def test_files_that_were_rejected_whole_are_told_with_their_reason(new_lake):
    lake = new_lake()
    lake.land("good.csv", "id\na\n")
    lake.run()
    assert files_readable(lake.connection, lake.contract).passed
    lake.land("empty.csv", "")
    lake.run()
    told = files_readable(lake.connection, lake.contract)
    assert not told.passed
    assert "sales/empty.csv: the file is empty (0 bytes)" in told.text


def test_a_file_that_may_not_be_read_is_told_and_the_others_go_on(new_lake, monkeypatch):
    lake = new_lake()
    lake.land("1.csv", "id\na\n")
    lake.land("2.csv", "id\nb\n")

    def forbidden(path, *_, **__):
        if path.name == "1.csv":
            raise PermissionError(13, "Permission denied")
        return os.urandom(4).hex()

    with monkeypatch.context() as patched:
        patched.setattr("lakehouse.ingest.raw._content_hash", forbidden)
        assert [(one.file, one.kind) for one in lake.ingest()] == [
            ("sales/1.csv", "refused"),
            ("sales/2.csv", "rows"),
        ]
    assert [one.file for one in lake.ingest()] == ["sales/1.csv"]
