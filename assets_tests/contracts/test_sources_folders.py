"""Folders of sources: what is wrong with one is told, nothing is passed over or replaced silently."""

import pytest

from lakehouse.catalog import load_catalog
from lakehouse.configuration import ConfigurationError

CONTRACT = """
description: Orders of a shop.
owner: acme
key: [id]
columns:
  id: {type: id, required: true, description: The order.}
"""
SCHEMA = """
version: 2
models:
  - name: online_retail_lines
    description: Lines.
    config: {meta: {owner: acme, grain: one row per order}}
    columns: [{name: id, description: The order.}]
"""


def source(folder, name):
    (folder / "sources" / name / "contracts").mkdir(parents=True)
    (folder / "sources" / name / "contracts" / f"{name}_orders.yaml").write_text(CONTRACT)
    return folder / "sources" / name


def problems_of(folder):
    with pytest.raises(ConfigurationError) as error:
        load_catalog(folder)
    return str(error.value)


def test_sql_without_contracts_is_told(tmp_path):
    (tmp_path / "sources" / "acme" / "contract").mkdir(parents=True)
    (tmp_path / "sources" / "acme" / "orders.sql").write_text("select 1")
    assert "sources/acme: expected a folder contracts/ beside the SQL" in problems_of(tmp_path)


def test_the_name_of_the_shops_own_feeds_is_taken(tmp_path):
    source(tmp_path, "native")
    assert "sources/native: expected another name" in problems_of(tmp_path)


def test_a_table_of_another_source_is_not_replaced(tmp_path):
    folder = source(tmp_path, "online")
    (folder / "online_retail_lines.sql").write_text("select id from stg_online_orders")
    (folder / "schema.yml").write_text(SCHEMA)
    told = problems_of(tmp_path)
    assert "expected a name no other table has" in told
    assert "online_retail_lines" in told
