"""The copy for readers: whole or the former one, without personal data in its quarantine."""

import json
from datetime import UTC, datetime

import duckdb
import pytest

from lakehouse.catalog import load_catalog
from lakehouse.settings import Settings
from lakehouse.warehouse.build import build_model
from lakehouse.warehouse.publish import forget_feeds, publish, record_run
from lakehouse.warehouse.session import open_warehouse

PERSONAL = {"customers": ["E-Mail", "email"]}


@pytest.fixture
def session(tmp_path):
    """An open warehouse with empty tables for every model."""
    settings = Settings(data_dir=tmp_path, reports_dir=tmp_path / "reports", threads=1)
    with open_warehouse(settings, "a test") as opened:
        catalog = load_catalog()
        for contract in catalog.contracts.values():
            typed = ", ".join(f"{name} {column.sql_type}" for name, column in contract.columns.items())
            meta = "_source_file varchar, _row_number bigint, _ingested_at timestamp, _row_hash ubigint"
            for table in {contract.staged_table, contract.versions_table}:
                opened.connection.execute(f"create table {table} ({typed}, {meta})")
        for model in catalog.models:
            build_model(opened.connection, model)
        yield opened, catalog.models


def quarantine(session, feed, row):
    session.connection.execute(
        "insert into quarantine values ($1, 'a.csv', 1, ['bad'], $2, now()::timestamp)",
        [feed, json.dumps(row)],
    )


def rows_of(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute("select row from quarantine order by feed, row").fetchall()
    return [json.loads(row[0]) for row in rows]


def test_personal_data_is_masked_for_readers_and_kept_in_the_warehouse(session):
    opened, models = session
    quarantine(opened, "customers", {"E-MAIL": "ann@example.com", "city": "Bonn"})
    quarantine(opened, "customers", {"_text": "ann@example.com,Bonn,too many"})
    quarantine(opened, "orders", {"email": "not personal in this feed"})
    published = publish(opened.connection, models, opened.settings.paths, PERSONAL)
    shown = rows_of(published.path)
    assert {"E-MAIL": "•••", "city": "Bonn"} in shown
    assert {"_text": "•••"} in shown
    assert {"email": "not personal in this feed"} in shown
    kept = opened.connection.execute("select count(*) from quarantine where contains(row, 'ann@')").fetchall()
    assert kept == [(2,)]


def test_a_reader_keeps_the_copy_that_it_opened_and_the_next_one_sees_the_new(session):
    opened, models = session
    paths = opened.settings.paths
    publish(opened.connection, models, paths, {})
    reader = duckdb.connect(str(paths.marts), read_only=True)
    quarantine(opened, "orders", {"a": 1})
    publish(opened.connection, models, paths, {})
    assert reader.execute("select count(*) from quarantine").fetchall() == [(0,)]
    reader.close()
    assert len(rows_of(paths.marts)) == 1


def test_a_copy_that_fails_leaves_the_former_one_and_no_rest(session, monkeypatch):
    opened, models = session
    paths = opened.settings.paths
    publish(opened.connection, models, paths, {})
    before = paths.marts.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lakehouse.warehouse.publish.sync_and_rename", full)
    with pytest.raises(OSError, match="No space left"):
        publish(opened.connection, models, paths, {})
    monkeypatch.undo()
    assert paths.marts.read_bytes() == before
    publish(opened.connection, models, paths, {})
    assert not list(paths.data_dir.glob(".marts-*"))


def test_the_copy_holds_every_published_table_and_views_that_work(session):
    opened, models = session
    published = publish(opened.connection, models, opened.settings.paths, {})
    with duckdb.connect(str(published.path), read_only=True) as connection:
        for model in models:
            if model.group in ("dims", "facts", "marts"):
                assert connection.execute(f"select count(*) >= 0 from {model.name}").fetchall() == [(True,)]
    names = {path.name for path in published.exports}
    assert {"fct_revenue_daily.csv", "fct_revenue_daily.parquet"} <= names


def test_a_run_that_is_repeated_under_its_id_is_recorded_once(session):
    opened, _ = session
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    for seconds in (3, 5):
        record_run(opened.connection, "r1", begun, begun.replace(second=seconds), ["fct_orders"])
    assert opened.connection.execute("select run_id, seconds, model_rows from meta_runs").fetchall() == [
        ("r1", 5.0, 0)
    ]


def test_a_file_rejected_whole_shows_readers_no_cell_and_no_key(session):
    opened, models = session
    quarantine(opened, "customers", {"ann@example.com": "Bonn"})
    opened.connection.execute(
        "insert into meta_files select 'customers', file, 'x', 1, 0, 0, 0, 1, ingested_at, 'b', 'rejected' from quarantine"
    )
    published = publish(opened.connection, models, opened.settings.paths, PERSONAL)
    assert rows_of(published.path) == [{"_row": "•••"}]


def test_a_feed_without_a_contract_leaves_the_account(session):
    opened, _ = session
    quarantine(opened, "gone", {"mail": "ann@example.com"})
    quarantine(opened, "orders", {"a": 1})
    forget_feeds(opened.connection, ["orders"])
    assert opened.connection.execute("select distinct feed from quarantine").fetchall() == [("orders",)]
