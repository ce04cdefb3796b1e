"""What is judged of a feed after staging, at the as-of date and never at the wall clock."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from lakehouse.warehouse.feed_checks import freshness, quarantine_ratio, reference, rows_conserved


@pytest.fixture
def add_file(warehouse):
    """Adds a file's account: rows, where they went, and the hour of its batch."""

    def add(hour, rows, quarantined=0, *, staged=None, resent=0, status="loaded"):
        at = datetime(2026, 3, 1, hour)
        staged = rows - quarantined - resent if staged is None else staged
        warehouse.execute(
            "insert into meta_files values ('sales', $1, 'hash', $2, $3, 0, $4, $5, $6, $7, $8)",
            [f"sales/{hour}.csv", rows, staged, resent, quarantined, at, at.isoformat(), status],
        )
        warehouse.execute("insert into stg_sales select range::varchar, null, null from range($1)", [staged])

    return add


def test_few_bad_rows_pass_and_too_many_fail(warehouse, add_file, contract_of):
    contract = contract_of(quarantine={"at_most": 0.02})
    add_file(1, 98, 0)
    add_file(1, 2, 2)
    assert quarantine_ratio(warehouse, contract).passed
    add_file(1, 1, 1)
    finding = quarantine_ratio(warehouse, contract)
    assert not finding.passed
    assert finding.text.startswith("3 of 101 rows are in quarantine (2.97%; at most 2.00%).")
    assert "select * from quarantine where feed = 'sales'" in finding.text


def test_a_bad_last_batch_does_not_hide_among_many_good_rows(warehouse, add_file, contract_of):
    add_file(1, 100_000)
    add_file(2, 10, 5)
    finding = quarantine_ratio(warehouse, contract_of())
    assert not finding.passed
    assert finding.text.startswith(
        "5 of 10 rows of the last batch are in quarantine (50.00%; at most 2.00%)."
    )


def test_an_old_bad_batch_does_not_block_for_ever(warehouse, add_file, contract_of):
    add_file(1, 10, 5)
    add_file(2, 100_000)
    assert quarantine_ratio(warehouse, contract_of()).passed


def test_a_file_that_could_not_be_read_is_told(warehouse, add_file, contract_of):
    add_file(1, 0, status="rejected")
    finding = quarantine_ratio(warehouse, contract_of())
    assert finding.text.endswith("1 file could not be read at all.")
    assert finding.figures["unreadable_files"] == 1


def test_a_feed_without_files_passes(warehouse, contract_of):
    assert quarantine_ratio(warehouse, contract_of()).passed
    assert rows_conserved(warehouse, contract_of()).passed


def test_every_landed_row_is_accounted_for(warehouse, add_file, contract_of):
    add_file(1, 10, 3, resent=2)
    assert rows_conserved(warehouse, contract_of()).passed
    add_file(2, 10, 3, staged=6)
    finding = rows_conserved(warehouse, contract_of())
    assert not finding.passed
    assert finding.figures["files_that_do_not_add_up"] == ["sales/2.csv"]


def test_a_table_that_differs_from_its_files_account_fails(warehouse, add_file, contract_of):
    add_file(1, 10)
    warehouse.execute("delete from stg_sales where sale_id = '0'")
    finding = rows_conserved(warehouse, contract_of())
    assert not finding.passed
    assert "files tell of 10 staged rows, the table has 9" in finding.text


@pytest.fixture
def orphans(warehouse):
    warehouse.execute("insert into stg_customers values ('c0'), (null)")
    warehouse.execute("insert into stg_sales select range::varchar, 'c' || range % 8, null from range(80)")
    warehouse.execute("insert into stg_sales values ('guest', null, null)")


def test_rows_whose_parent_has_not_come_are_counted_with_sample_keys(warehouse, contract_of, orphans):
    finding = reference(warehouse, contract_of(), "customer_id")
    assert not finding.passed
    assert finding.figures == {"rows": 70, "samples": ["c1", "c2", "c3", "c4", "c5"]}
    assert (
        finding.text
        == "70 rows name a customer_id that customers has not brought, such as c1, c2, c3, c4, c5."
    )


def test_a_parent_that_comes_later_mends_it(warehouse, contract_of, orphans):
    warehouse.execute("insert into stg_customers select 'c' || range from range(8)")
    assert reference(warehouse, contract_of(), "customer_id").passed


def test_sample_keys_that_are_personal_data_are_masked(warehouse, contract_of, orphans):
    columns = {
        "sale_id": {"type": "id"},
        "customer_id": {"type": "id", "pii": True},
        "sold_at": {"type": "timestamp"},
    }
    finding = reference(warehouse, contract_of(columns=columns), "customer_id")
    assert "c1" not in finding.text
    assert not any("c" in sample for sample in finding.figures["samples"])


@pytest.mark.parametrize(
    ("newest", "as_of", "passed"),
    [
        (datetime(2011, 12, 9, 22, 0), date(2011, 12, 10), True),
        (datetime(2011, 12, 9, 21, 59), date(2011, 12, 10), False),
        (datetime(2011, 12, 12), date(2011, 12, 10), True),
        (None, date(2011, 12, 10), True),
        (datetime(2011, 12, 9), None, True),
    ],
)
def test_freshness_is_the_age_of_the_newest_event_at_the_end_of_the_as_of_date(
    warehouse, contract_of, newest, as_of, passed
):
    warehouse.execute("insert into stg_sales values ('1', null, $1)", [newest])
    assert freshness(warehouse, contract_of(), as_of).passed is passed
