"""The data dictionary says what contracts and schema.yml say."""

from pathlib import Path

import duckdb
import pytest

from lakehouse.catalog import Catalog, load_catalog
from lakehouse.dictionary import data_dictionary
from lakehouse.warehouse.account import ACCOUNT
from lakehouse.warehouse.session import META_SQL

DICTIONARY = Path(__file__).parent.parent / "docs" / "data-dictionary.md"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def test_the_committed_dictionary_is_up_to_date(catalog):
    assert DICTIONARY.read_text(encoding="utf-8") == data_dictionary(catalog), "stale: run `make docs`"


def test_every_feed_table_and_column_stands_in_it(catalog):
    text = data_dictionary(catalog)
    for contract in catalog.contracts.values():
        section = text.split(f"\n### {contract.name}\n")[1].split("\n### ")[0]
        assert all(f"| {column} |" in section for column in contract.columns)
    for model in catalog.models:
        section = text.split(f"\n### {model.name}\n")[1].split("\n### ")[0]
        assert all(f"| {column} |" in section for column in model.columns)
        assert all(table in section for table in model.depends_on)


def test_every_described_column_has_words(catalog):
    for model in catalog.models:
        assert all(column.description.strip() for column in model.doc.columns), model.name
    for contract in catalog.contracts.values():
        assert all(column.description.strip() for column in contract.columns.values()), contract.name


def test_the_account_is_described_as_it_is_made() -> None:
    with duckdb.connect() as connection:
        connection.execute(META_SQL)
        made = {
            table: [
                name
                for (name,) in connection.execute(f"select column_name from (describe {table})").fetchall()
            ]
            for (table,) in connection.execute("select table_name from duckdb_tables()").fetchall()
        }

    assert {table.name: list(table.columns) for table in ACCOUNT} == {
        table: columns for table, columns in made.items() if table != "meta_staging"
    }
