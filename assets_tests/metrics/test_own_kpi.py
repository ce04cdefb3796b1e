"""A KPI of one's own from its file to the published copy, through the public path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

DEFINITION = """\
label: Parcels by web
owner: Operations
unit: orders
direction: up
cadence: daily
source: fct_orders
time: order_date
value: count(*) filter (where channel = 'web')
filter: is_purchase
dimensions: {country: country, is_guest: customer_id is null}
target: 2
"""

LATER = {
    "created_at": "2026-01-03 10:00:00",
    "paid_at": "2026-01-03 10:01:00",
    "fulfilled_at": "",
    "delivered_at": "",
}


def test_a_file_is_all_that_a_kpi_takes(lake: Any, tmp_path: Path) -> None:
    folder = tmp_path / "ours" / "metrics" / "definitions"
    folder.mkdir(parents=True)
    (folder / "web_parcels.yaml").write_text(DEFINITION, encoding="utf-8")
    lake.configure(tmp_path / "ours")
    lake.land(
        "orders",
        {"order_id": "o1"},
        {"order_id": "o2", "country": "FR", "customer_id": ""},
        {**LATER, "order_id": "o3", "status": "paid", "channel": "shop"},
        {**LATER, "order_id": "o4", "status": "cancelled"},
    )
    lake.land("order_items", *({"order_id": f"o{number}"} for number in range(1, 5)))
    lake.run()
    rows = lake.published(
        "select period_start::varchar, dimension, segment, value, n, is_complete from kpi_values "
        "where kpi = 'web_parcels' order by all"
    )
    assert rows == [
        ("2026-01-01", "", "", 2.0, 2, True),
        ("2026-01-01", "country", "DE", 1.0, 1, True),
        ("2026-01-01", "country", "FR", 1.0, 1, True),
        ("2026-01-01", "is_guest", "false", 1.0, 1, True),
        ("2026-01-01", "is_guest", "true", 1.0, 1, True),
        ("2026-01-02", "", "", 0.0, 0, True),
        ("2026-01-02", "country", "DE", 0.0, 0, True),
        ("2026-01-02", "country", "FR", 0.0, 0, True),
        ("2026-01-02", "is_guest", "false", 0.0, 0, True),
        ("2026-01-02", "is_guest", "true", 0.0, 0, True),
        ("2026-01-03", "", "", 0.0, 1, True),
        ("2026-01-03", "country", "DE", 0.0, 1, True),
        ("2026-01-03", "country", "FR", 0.0, 0, True),
        ("2026-01-03", "is_guest", "false", 0.0, 1, True),
        ("2026-01-03", "is_guest", "true", 0.0, 0, True),
    ]
    assert lake.published(
        "select period_start::varchar, change, is_better from kpi_changes where kpi = 'web_parcels' order by all"
    ) == [("2026-01-01", 0.0, True), ("2026-01-02", -2.0, False), ("2026-01-03", -2.0, False)]
