"""What is at stake: a KPI of money has its own impact, others the part of the money that they move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lakehouse.metrics.definition import Kpi

DAYS = 200


@pytest.fixture
def found(
    watched: Any, traffic: Callable[..., np.ndarray], kpi_of: Callable[..., Kpi]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Germany sells nothing on one day; every daily anomaly of that day by KPI and segment."""
    counts = {"Germany": traffic(DAYS, 300, 1), "Spain": traffic(DAYS, 100, 2)}
    counts["Germany"][150] = 0
    watched.sell(counts)
    daily = {"cadence": "daily", "dimensions": ["country"]}
    watched.build(
        kpi_of(name="revenue", value="sum(amount)", unit="reporting currency", **daily),
        kpi_of(name="orders", value="count(*)", unit="orders", money="revenue", **daily),
        kpi_of(name="by_won", value="count(*)", unit="orders", money="whole_revenue", dimensions={"won": "is_won"}, cadence="daily"),
        kpi_of(name="whole_revenue", value="sum(amount)", unit="reporting currency", cadence="daily"),
        kpi_of(name="visits", value="count(*)", unit="visits", **daily),
        days=DAYS,
    )  # fmt: skip
    first = watched.rows(
        "select min(started_on) from anomalies where segment = 'Germany' and expected > 1000"
    )[0][0]
    return {(one["kpi"], one["segment"]): one for one in watched.found() if one["started_on"] == first}


def test_a_kpi_of_money_has_its_impact(found: dict[tuple[str, str], dict[str, Any]]) -> None:
    germany = found["revenue", "Germany"]
    assert germany["actual"] == 0
    assert germany["money"] == pytest.approx(germany["expected"])


def test_others_move_their_part_of_the_money_of_the_same_segment(
    found: dict[tuple[str, str], dict[str, Any]], watched: Any
) -> None:
    orders = found["orders", "Germany"]
    [(expected,)] = watched.rows(
        "select expected from kpi_expected where kpi = 'revenue' and segment = 'Germany' and cadence = 'daily' "
        f"and period_start = '{orders['started_on']}'"
    )
    assert orders["money"] == pytest.approx(abs(orders["relative_impact"]) * expected)


def test_a_segment_that_the_money_is_not_cut_by_has_its_part_of_the_whole(
    found: dict[tuple[str, str], dict[str, Any]], watched: Any
) -> None:
    won = found["by_won", "true"]
    [(expected,)] = watched.rows(
        f"select expected from kpi_expected where kpi = 'whole_revenue' and period_start = '{won['started_on']}'"
    )
    assert won["money"] == pytest.approx(abs(won["relative_impact"]) * expected / 2, rel=0.06)


def test_without_money_there_is_none(found: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert found["visits", "Germany"]["money"] is None
