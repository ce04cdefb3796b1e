"""Tests in schema.yml are checked when configuration loads, as the models themselves are."""

import pytest

from lakehouse.catalog import load_catalog
from lakehouse.configuration import ConfigurationError

CONTRACT = """
description: Orders of the Acme shop.
owner: acme
key: [id]
columns:
  id: {type: id, required: true, description: The order.}
"""
SCHEMA = """
version: 2
models:
  - name: acme_lines
    description: Lines.
    config: {{meta: {{owner: acme, grain: one row per order}}}}
    data_tests: [{test}]
    columns:
      - {{name: id, description: The order.}}
"""


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ('{expression_is_true: {name: positive, expression: "nosuch > 0"}}', 'column "nosuch" not found'),
        ('{expression_is_true: {name: odd, expression: "id >>>( 0"}}', "syntax error"),
        ('{sql_is_empty: {name: other, query: "select * from dim_nosuch"}}', "dim_nosuch does not exist"),
    ],
)
def test_a_test_that_can_not_run_is_told_with_file_and_name(tmp_path, test, told):
    source = tmp_path / "sources" / "acme"
    (source / "contracts").mkdir(parents=True)
    (source / "contracts" / "acme_orders.yaml").write_text(CONTRACT)
    (source / "acme_lines.sql").write_text("select id from stg_acme_orders")
    (source / "schema.yml").write_text(SCHEMA.format(test=test))
    with pytest.raises(ConfigurationError) as error:
        load_catalog(tmp_path)
    assert "sources/acme/acme_lines.sql: test " in str(error.value)
    assert told in str(error.value)
