"""What a mapping selects twice: a feed whose key is the whole row has no use for the second."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from lakehouse.catalog import load_catalog

CONTRACT = """
description: A shop's week.
owner: food
key: [shop, week]
columns:
  shop:      {type: id, required: true}
  week:      {type: integer, required: true}
  promotion: {type: string, required: true}
"""
MAPPING = """
select 'menu' as experiment_id, shop as visitor_id, promotion as variant, timestamp '2025-03-03' as exposed_at
from stg_menu
"""


@pytest.fixture
def core_sql(tmp_path: Path) -> str:
    """How core_experiment_exposures is made where one source maps a file of many rows per unit."""
    folder = tmp_path / "sources" / "menu"
    (folder / "contracts").mkdir(parents=True)
    (folder / "contracts" / "menu.yaml").write_text(CONTRACT, encoding="utf-8")
    (folder / "experiment_exposures.sql").write_text(MAPPING, encoding="utf-8")
    return next(
        model.sql for model in load_catalog(tmp_path).models if model.name == "core_experiment_exposures"
    )


def test_the_same_exposure_of_several_rows_is_one(core_sql: str) -> None:
    with duckdb.connect() as con:
        con.execute(
            "create table stg_experiment_exposures (experiment_id varchar, visitor_id varchar, variant varchar, "
            "exposed_at timestamp, _ingested_at timestamp, _row_number bigint)"
        )
        con.execute("create view stg_experiment_exposures_versions as from stg_experiment_exposures")
        con.execute(
            "create table stg_menu as select * from (values ('1', 1, 'a'), ('1', 2, 'a'), ('2', 1, 'b'), ('2', 2, 'b'), "
            "('2', 3, 'a')) as weeks (shop, week, promotion)"
        )
        rows = con.execute(f"select source, visitor_id, variant from ({core_sql}) order by all").fetchall()
    assert rows == [("menu", "menu:1", "a"), ("menu", "menu:2", "a"), ("menu", "menu:2", "b")]
