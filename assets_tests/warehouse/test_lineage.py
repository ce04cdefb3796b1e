"""Where a column's values come from, whatever stands between."""

from __future__ import annotations

import pytest

from lakehouse.warehouse.lineage import column_lineage, output_columns, parse

SCHEMA = {"stg_sales": ("id", "amount", "tags")}


@pytest.mark.parametrize(
    "source",
    [
        "stg_sales cross join (values ('a'), ('b')) as ids(name)",
        "stg_sales, unnest(stg_sales.tags) as ids(name)",
        "stg_sales cross join (select 'a' as name union all select 'b') as ids",
    ],
)
def test_values_of_no_table_have_no_origin_and_do_not_disturb_the_others(source: str) -> None:
    query = parse(f"select ids.name, stg_sales.amount as paid from {source}")
    assert output_columns(query, SCHEMA) == ["name", "paid"]
    lineage = column_lineage(query, SCHEMA)
    assert lineage["paid"] == (("stg_sales", "amount"),)
    assert lineage["name"] in ((), (("stg_sales", "tags"),))
