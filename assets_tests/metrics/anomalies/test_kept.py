"""Explanations are kept while all that they hang on stays, and made again when any of it changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from lakehouse.metrics.anomalies import build
from lakehouse.metrics.definition import Kpi

DAYS = 200


@pytest.fixture
def shop(watched: Any, traffic: Callable[..., np.ndarray]) -> Any:
    counts = {name: traffic(DAYS, 150, seed) for seed, name in enumerate(("DE", "ES", "FR", "IT"), start=1)}
    counts["DE"][150:152] = 2
    watched.sell(counts)
    return watched


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many anomalies each build searched causes for."""
    numbers: list[int] = []
    search = build.explain_anomalies

    def counted(*given: Any, besides: Any = (), **said: Any) -> Any:
        found = search(*given, besides=besides, **said)
        numbers.append(
            len([name for name, (verdict, _) in found.verdicts.items() if verdict != "not searched"])
        )
        return found

    monkeypatch.setattr(build, "explain_anomalies", counted)
    return numbers


def causes(shop: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = shop.rows(
        "select anomalies.*, root_causes.* from anomalies left join root_causes using (anomaly) order by all"
    )
    return rows


def test_nothing_is_searched_twice(shop: Any, kpi_of: Callable[..., Kpi], searched: list[int]) -> None:
    kpi = kpi_of(value="count(*)", unit="orders", dimensions=["country"])
    shop.build(kpi, days=DAYS)
    first = causes(shop)
    shop.build(kpi, days=DAYS)
    assert causes(shop) == first
    assert searched[0] > 0
    assert searched[1] == 0


def test_rows_that_change_places_are_explained_anew(
    shop: Any, kpi_of: Callable[..., Kpi], searched: list[int], first_day: date
) -> None:
    """The whole stays what it was; only who sold is another."""
    kpi = kpi_of(value="count(*)", unit="orders", dimensions=["country"])
    shop.build(kpi, days=DAYS)
    [(segment,)] = shop.rows(
        "select distinct segment from root_causes where segment like '%DE%' and rank = 1"
    )
    assert "country=DE" in segment
    shop.connection.execute(
        "update sales set country = case country when 'DE' then 'ES' when 'ES' then 'DE' else country end "
        "where day between $1 and $2",
        [first_day + timedelta(days=150), first_day + timedelta(days=151)],
    )
    shop.build(kpi, days=DAYS)
    assert searched[1] > 0
    started = first_day + timedelta(days=150)
    found = shop.rows(
        "select root_causes.segment from anomalies join root_causes using (anomaly) "
        f"where part_of is null and started_on = '{started}' and rank = 1"
    )
    assert [("country=ES" in segment) for (segment,) in found] == [True] * len(found)
    assert found


def test_another_definition_is_explained_anew(
    shop: Any, kpi_of: Callable[..., Kpi], searched: list[int]
) -> None:
    shop.build(kpi_of(value="count(*)", unit="orders", dimensions=["country"]), days=DAYS)
    shop.build(kpi_of(value="count(*)", unit="orders", dimensions={"country": "lower(country)"}), days=DAYS)
    assert searched[1] > 0
    assert shop.rows("select count(*) from root_causes where segment like '%DE%'") == [(0,)]
