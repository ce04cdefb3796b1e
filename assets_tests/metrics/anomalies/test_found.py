"""Planted troubles become one anomaly each, with the right days, figures and name, whatever the kind of KPI."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from lakehouse.metrics.definition import Kpi

DAYS = 200


def day(first: date, number: int) -> date:
    return first + timedelta(days=number)


@pytest.fixture
def two_countries(watched: Any, traffic: Callable[..., np.ndarray]) -> Callable[..., Any]:
    """Germany and Spain, either of them multiplied on some days."""

    def make(factor: float, days: range, *, country: str = "Germany", total: int = DAYS) -> Any:
        counts = {"Germany": traffic(DAYS, 200, 1)[:total], "Spain": traffic(DAYS, 80, 2)[:total]}
        for t in days:
            if t < total:
                counts[country][t] = round(counts[country][t] * factor)
        watched.sell(counts)
        return watched

    return make


def test_a_drop_is_one_anomaly_of_its_days(
    two_countries: Callable[..., Any], kpi_of: Callable[..., Kpi], first_day: date
) -> None:
    shop = two_countries(0.3, range(150, 153))
    shop.build(kpi_of(value="count(*)", dimensions=["country"], unit="orders"), days=DAYS)
    leading = [one for one in shop.found() if one["part_of"] is None]
    assert len(leading) == 1
    [found] = leading
    assert (found["dimension"], found["cadence"], found["direction"], found["is_good"]) == (
        "",
        "daily",
        "down",
        False,
    )
    assert (found["started_on"], found["ended_on"]) == (day(first_day, 150), day(first_day, 152))
    assert found["status"] == "closed"
    assert not found["is_open"]
    [(actual,)] = shop.rows(
        "select sum(value) from kpi_values where cadence = 'daily' and dimension = '' "
        f"and period_start between '{day(first_day, 150)}' and '{day(first_day, 152)}'"
    )
    [(expected,)] = shop.rows(
        "select sum(expected) from kpi_expected where cadence = 'daily' and dimension = '' "
        f"and period_start between '{day(first_day, 150)}' and '{day(first_day, 152)}'"
    )
    assert found["actual"] == pytest.approx(actual)
    assert found["expected"] == pytest.approx(expected)
    assert found["impact"] == pytest.approx(actual - expected)
    assert -0.6 < found["relative_impact"] < -0.4
    assert found["confidence"] > 0.7
    assert "below the" in found["sentence"]
    # Germany's own episode is a part of it, and so is the week's where there is one.
    parts = [one for one in shop.found() if one["part_of"] is not None]
    assert {one["part_of"] for one in parts} == {found["anomaly"]}
    assert ("country", "Germany", "daily") in {
        (one["dimension"], one["segment"], one["cadence"]) for one in parts
    }


def test_a_small_segment_stands_for_itself(
    two_countries: Callable[..., Any], kpi_of: Callable[..., Kpi], first_day: date
) -> None:
    shop = two_countries(0.05, range(150, 152), country="Spain")
    shop.build(kpi_of(value="count(*)", dimensions=["country"], unit="orders"), days=DAYS)
    spain = [one for one in shop.found() if one["segment"] == "Spain" and one["cadence"] == "daily"]
    assert [(one["started_on"], one["ended_on"]) for one in spain] == [
        (day(first_day, 150), day(first_day, 151))
    ]


def test_the_name_stays_while_an_anomaly_goes_on(
    two_countries: Callable[..., Any], kpi_of: Callable[..., Kpi], watched: Any, first_day: date
) -> None:
    kpi = kpi_of(value="count(*)", unit="orders", cadence="daily")
    two_countries(0.4, range(150, 160))
    names = []
    for days in (152, 153, 154):
        watched.build(kpi, days=days)
        [found] = [one for one in watched.found() if one["started_on"] >= day(first_day, 148)]
        assert found["is_open"]
        assert found["status"] == "open"
        names.append(found["anomaly"])
    assert len(set(names)) == 1
    watched.build(kpi, days=DAYS)
    assert names[0] in {one["anomaly"] for one in watched.found()}


def test_a_ratio_is_judged_by_what_it_averages(
    watched: Any, traffic: Callable[..., np.ndarray], kpi_of: Callable[..., Kpi], first_day: date
) -> None:
    watched.sell({"Germany": traffic(DAYS, 300)})
    watched.connection.execute(
        "update sales set is_won = false where day between $1 and $2 and hash(rowid) % 10 < 7",
        [day(first_day, 160), day(first_day, 161)],
    )
    kpi = kpi_of(
        numerator="count(*) filter (where is_won)", denominator="count(*)", unit="ratio", cadence="daily"
    )
    watched.build(kpi, days=DAYS)
    [found] = watched.found()
    assert (found["started_on"], found["ended_on"]) == (day(first_day, 160), day(first_day, 161))
    [(rate,)] = watched.rows(
        "select sum(numerator) / sum(denominator) from kpi_values where dimension = '' "
        f"and period_start between '{day(first_day, 160)}' and '{day(first_day, 161)}'"
    )
    assert found["actual"] == pytest.approx(float(rate))
    assert found["expected"] == pytest.approx(0.5, abs=0.03)
    assert found["sentence"].startswith("Sold: 1")
    assert "%" in found["sentence"]


def test_a_threshold_alarms_by_itself(
    watched: Any, kpi_of: Callable[..., Kpi], traffic: Callable[..., np.ndarray], first_day: date
) -> None:
    counts = traffic(DAYS, 200)
    watched.sell({"Germany": counts})
    low = int(np.sort(counts)[1])
    kpi = kpi_of(value="count(*)", cadence="daily", thresholds={"low": low + 0.5}, sensitivity=0.01)
    watched.build(kpi, days=DAYS)
    below = [day(first_day, int(t)) for t in np.flatnonzero(counts <= low)]
    assert len(below) >= 2
    told = {one["started_on"] for one in watched.found() if "threshold" in one["methods"]}
    assert told <= set(below)
    assert told


def test_quiet_days_are_quiet(
    watched: Any, kpi_of: Callable[..., Kpi], traffic: Callable[..., np.ndarray]
) -> None:
    watched.sell({"Germany": traffic(DAYS, 200), "Spain": traffic(DAYS, 90, 5)})
    watched.build(kpi_of(value="count(*)", dimensions=["country"], sensitivity=1), days=DAYS)
    assert len([one for one in watched.found() if one["part_of"] is None]) <= 1
    assert watched.rows("select distinct status from kpi_series") == [("ok",)]


def test_incomplete_periods_are_not_judged(
    two_countries: Callable[..., Any], kpi_of: Callable[..., Kpi], first_day: date
) -> None:
    shop = two_countries(0.1, range(150, 153))
    shop.build(kpi_of(value="count(*)", cadence="daily"), days=150)
    assert all(one["ended_on"] < day(first_day, 149) for one in shop.found())
    [(last,)] = shop.rows("select max(period_start) from kpi_expected")
    assert last < day(first_day, 150)
