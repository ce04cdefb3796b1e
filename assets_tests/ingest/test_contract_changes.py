"""When a contract changes, its feed is what it would have been had the contract always said so."""

from __future__ import annotations

import pytest

COLUMNS = {
    "id": {"type": "id", "required": True},
    "amount": {"type": "decimal"},
    "changed": {"type": "integer"},
}


@pytest.fixture
def lake(new_lake):
    return new_lake(columns=COLUMNS)


@pytest.fixture
def change(contract_of, lake):
    def to(**changes):
        lake.contract = contract_of(**{"columns": COLUMNS, **changes})
        return lake

    return to


def test_rows_that_pass_now_leave_quarantine(lake, change):
    lake.land("a.csv", "id,amount\n1,n/a\n2,5\n")
    assert lake.run().quarantined == 1
    change(format={"nulls": ["", "n/a"]})
    account = lake.run()
    assert (account.landed, account.staged, account.quarantined) == (2, 2, 0)
    assert lake.rows("select * from quarantine") == []


def test_rows_that_fail_now_go_to_quarantine(lake, change):
    lake.land("a.csv", "id,amount\n1,-1\n2,5\n")
    lake.run()
    change(columns={**COLUMNS, "amount": {"type": "decimal", "ge": 0}})
    assert lake.run().quarantined == 1
    change(rules={"dear": "amount > 5"})
    assert lake.run().quarantined == 2


def test_parts_of_another_version_of_the_contract_are_removed(lake, change):
    lake.land("a.csv", "id,amount\n1,x\n")
    lake.run()
    before = set(lake.root.glob("*/sales/*.parquet"))
    change(format={"decimal": ","})
    lake.run()
    after = set(lake.root.glob("*/sales/*.parquet"))
    assert len(after) == len(before) == 2
    assert not after & before


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"id;amount\n1;2\n", {"delimiter": ";"}),
        ("id,amount\n1,2\n".encode("utf-16"), {"encoding": "utf-16"}),
        (b"'id','amount'\n'1','2'\n", {"quote": "'"}),
    ],
)
def test_a_file_rejected_whole_is_read_again_when_the_contract_reads_it_another_way(
    lake, change, content, form
):
    lake.land("a.csv", content)
    assert lake.run().staged == 0
    assert lake.ingest() == []
    change(format=form)
    account = lake.run()
    assert (account.files, account.landed, account.staged, account.quarantined) == (1, 1, 1, 0)
    assert lake.rows("select * from quarantine") == []


def test_a_file_rejected_for_a_header_is_read_again_under_the_name_it_has(lake, change):
    lake.land("a.csv", "Nr,amount\n1,2\n")
    assert lake.run().quarantined == 1
    change(columns={**COLUMNS, "id": {"type": "id", "required": True, "header": "nr"}})
    account = lake.run()
    assert (account.files, account.landed, account.staged) == (1, 1, 1)


def test_a_header_added_for_an_optional_column_fills_it(lake, change):
    lake.land("a.csv", "id,Betrag\n1,2\n")
    lake.run()
    assert lake.table()[0][1] is None
    change(columns={**COLUMNS, "amount": {"type": "decimal", "header": "Betrag"}})
    lake.run()
    assert lake.table()[0][1] == 2


def test_another_key_keeps_other_rows(lake, change):
    lake.land("a.csv", "id,amount\n1,2\n1,3\n")
    assert lake.run().staged == 1
    change(key=["id", "amount"])
    assert lake.run().staged == 2


def test_another_latest_by_takes_another_row_without_staging_anew(lake, change):
    lake.land("a.csv", "id,amount,changed\n1,2,9\n1,3,8\n")
    lake.run()
    assert lake.table() == [("1", 3, 8)]
    change(latest_by=["changed"])
    assert lake.stage().made == 0
    lake.run()
    assert lake.table() == [("1", 2, 9)]


def test_history_keeps_every_valid_version_and_goes_when_it_is_no_longer_asked_for(lake, change):
    lake.land("a.csv", "id,amount\n1,2\n1,3\n1,x\n")
    lake.run()
    change(history=True)
    lake.run()
    assert lake.rows("select amount from stg_sales_versions order by 1") == [(2,), (3,)]
    assert len(lake.table()) == 1
    change()
    lake.run()
    assert lake.rows("select table_name from duckdb_tables() where table_name like '%versions'") == []


def test_words_about_a_column_change_nothing(lake, change):
    lake.land("a.csv", "id,amount\n1,2\n")
    lake.run()
    change(columns={**COLUMNS, "amount": {"type": "decimal", "description": "Money.", "unit": "EUR"}})
    assert lake.stage().made == 0
    assert not lake.run().is_changed
