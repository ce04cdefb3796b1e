"""A team's own contracts and sources stand beside the shipped ones; a mapping that doesn't fit says why."""

from __future__ import annotations

import pytest
import yaml

from lakehouse.catalog import load_catalog
from lakehouse.contracts.load import SHIPPED

MAPPING = """
select
    sale_id as order_id, kind as customer_id, 'paid' as status, sold_at as created_at, 'EUR' as currency
from stg_till_sales
"""


@pytest.fixture
def till(config):
    """A source `till` whose file till_sales is mapped onto orders; gives a writer of the mapping."""
    config.contract()
    (config.folder / "contracts").rename(config.folder / "till_contracts")
    (config.folder / "sources" / "till").mkdir(parents=True)
    (config.folder / "till_contracts").rename(config.folder / "sources" / "till" / "contracts")
    folder = config.folder / "sources" / "till"
    (folder / "contracts" / "sales.yaml").rename(folder / "contracts" / "till_sales.yaml")
    return lambda sql, feed="orders": config.write(f"sources/till/{feed}.sql", sql)


def test_the_shipped_contracts_load():
    assert {"orders", "order_items", "customers", "online_retail"} <= set(load_catalog().contracts)


def test_a_teams_contract_of_the_same_name_wins(config):
    orders = yaml.safe_load((SHIPPED / "orders.yaml").read_text())
    config.write("contracts/orders.yaml", yaml.safe_dump({**orders, "owner": "our-team"}))
    assert load_catalog(config.folder).contracts["orders"].owner == "our-team"


def test_a_teams_contract_that_lacks_what_models_read_is_told(config):
    config.contract("orders")
    assert any("core_orders" in problem or "order" in problem for problem in config.problems())


def test_a_mapping_that_fits_fills_its_feed(config, till):
    till(MAPPING)
    (orders,) = (model for model in load_catalog(config.folder).models if model.name == "core_orders")
    assert "'till:' || cast(order_id as VARCHAR) as order_id" in orders.sql


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (MAPPING.replace("as order_id", "as order_no"), 'order_no: expected a column of orders, found "order_no".\n  Did you mean "order_id"?'),
        (MAPPING.replace("sale_id as order_id, ", ""), "order_id: expected a column that orders requires, found nothing.\n  Select it as order_id."),
        (MAPPING.replace("stg_till_sales", "stg_till_sale"), 'expected the source\'s own staged tables, found "stg_till_sale".\n  Did you mean "stg_till_sales"?'),
        (MAPPING.replace("from stg", "frm stg"), "expected one SELECT that DuckDB understands"),
        ("select 1; select 2", "expected one SELECT that DuckDB understands"),
        ("drop table stg_till_sales", "expected one SELECT that DuckDB understands"),
    ],
)  # fmt: skip
def test_a_mapping_that_does_not_fit_is_told(config, till, sql, told):
    till(sql)
    problems = config.problems()
    assert problems
    assert problems[0].partition(": ")[0] == "team/sources/till/orders.sql"
    assert any(told in problem for problem in problems)


def test_a_source_can_not_take_the_name_of_a_feed(config, till):
    folder = config.folder / "sources" / "till" / "contracts"
    (folder / "till_sales.yaml").rename(folder / "orders.yaml")
    assert "expected a name that contracts/orders.yaml does not have" in config.problems()[0]


def test_a_source_folder_whose_name_can_not_be_a_tables_is_told(config):
    config.write("sources/My Till/contracts/x.yaml", "a: 1")
    assert config.problems()[0].startswith(
        'team/sources/My Till: expected a lower-case folder name, found "My Till".'
    )
