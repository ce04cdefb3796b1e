"""Many anomalies explained at once: the same as one by one, and what is not searched says why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from lakehouse.metrics.anomalies.explained import Anomaly, explain_anomalies, read_anomalies
from lakehouse.metrics.anomalies.tables import TYPES
from lakehouse.metrics.build import build_kpis
from lakehouse.metrics.causes.of_kpi import explain_periods
from lakehouse.metrics.plan import KpiPlan
from lakehouse.warehouse.clock import Clock

START = date(2025, 1, 6)  # a Monday
DAYS = 140
LAST = START + timedelta(days=DAYS - 1)
CLOCK = Clock(LAST)
BROKE = START + timedelta(days=100)  # a Wednesday
COUNTRIES = {"Germany": 140, "France": 90, "Italy": 60, "Spain": 50}


@pytest.fixture
def trade() -> Iterator[duckdb.DuckDBPyConnection]:
    """Orders by country and channel; Germany's all but stop for two days."""
    chance = np.random.default_rng(5)
    rows = []
    for number in range(DAYS):
        day = START + timedelta(days=number)
        for country, level in COUNTRIES.items():
            is_broken = country == "Germany" and day in (BROKE, BROKE + timedelta(days=1))
            for channel, part in (("web", 0.7), ("app", 0.3)):
                orders = int(chance.poisson(level * part * (0.08 if is_broken else 1.0)))
                rows.append((day, country, channel, orders, orders * 40.0, 20 * level))
    columns = ("day", "country", "channel", "orders", "revenue", "visits")
    with duckdb.connect(":memory:") as connection:
        connection.register("rows", pl.DataFrame(rows, schema=columns, orient="row").to_arrow())
        connection.execute("create table sales as select * from rows")
        connection.execute(
            "create table run_settings as select $1::date as as_of_date, false as is_as_of_configured, "
            "'UTC' as business_time_zone",
            [LAST],
        )
        yield connection


@pytest.fixture
def plans(trade: duckdb.DuckDBPyConnection, kpi_of: Any) -> dict[str, KpiPlan]:
    by = {"dimensions": ["country", "channel"]}
    kpis = [
        kpi_of(name="orders", value="sum(orders)", unit="orders", **by),
        kpi_of(name="revenue", value="sum(revenue)", factors=["orders", "price"], **by),
        kpi_of(name="price", numerator="sum(revenue)", denominator="sum(orders)", **by),
        kpi_of(name="conversion", numerator="sum(orders)", denominator="sum(visits)", **by),
        kpi_of(name="countries", value="count(distinct country)", dimensions=["channel"]),
        kpi_of(name="largest", value="max(orders)", **by),
    ]
    plans = [KpiPlan(kpi, ()) for kpi in kpis]
    build_kpis(trade, plans)
    return {plan.kpi.name: plan for plan in plans}


def anomaly(name: str = "a1", kpi: str = "orders", **said: Any) -> Anomaly:
    common: dict[str, Any] = {
        "cadence": "daily", "dimension": "", "segment": "", "started_on": BROKE,
        "ended_on": BROKE + timedelta(days=1), "expected": 680.0, "actual": 350.0, "confidence": 0.7,
    }  # fmt: skip
    return Anomaly(name, kpi, **{**common, **said})


def test_the_country_that_broke_is_told_in_a_sentence(trade: Any, plans: Any) -> None:
    found = explain_anomalies(trade, plans.values(), CLOCK, [anomaly()])
    (cause,) = found.root_causes.rows(named=True)
    orders = trade.execute(
        "select sum(orders) from sales where country = 'Germany' and day in ($1, $1 + 1)", [BROKE]
    ).fetchall()[0][0]
    assert (cause["anomaly"], cause["rank"], cause["segment"], cause["effect"]) == (
        "a1",
        1,
        "country=Germany",
        "volume",
    )
    assert cause["sentence"].startswith(f"country=Germany: {orders} orders instead of ")
    assert found.verdicts["a1"][0] == "causes"


def test_rows_have_the_columns_of_their_tables(trade: Any, plans: Any) -> None:
    for anomalies in ([], [anomaly(kpi="revenue", expected=27_200.0)]):
        found = explain_anomalies(trade, plans.values(), CLOCK, anomalies)
        for name in ("root_causes", "anomaly_factors"):
            trade.execute(f"create or replace table {name} ({TYPES[name]})")
            trade.register("rows", getattr(found, name).to_arrow())
            trade.execute(f"insert into {name} by name select * from rows")
            assert len(trade.execute(f"select * from {name}").fetchall()) == len(getattr(found, name))


def test_factors_sum_to_what_the_anomaly_is_off(trade: Any, plans: Any) -> None:
    found = explain_anomalies(trade, plans.values(), CLOCK, [anomaly(kpi="revenue", expected=27_200.0)])
    actual = trade.execute("select sum(revenue) from sales where day in ($1, $1 + 1)", [BROKE]).fetchall()[0][
        0
    ]
    assert found.anomaly_factors["factor"].to_list() == ["orders", "price"]
    assert found.anomaly_factors["contribution"].sum() == pytest.approx(actual - 27_200)


def test_many_at_once_are_as_one_by_one(trade: Any, plans: Any) -> None:
    """Whatever else is read for other anomalies, the explanation of one is the same."""
    weekly = {
        "cadence": "weekly",
        "started_on": BROKE - timedelta(days=2),
        "ended_on": BROKE + timedelta(days=4),
    }
    some = [
        anomaly("a1"),
        anomaly("a2", "conversion", expected=0.05),
        anomaly("a3", "countries", expected=4.0),
        anomaly("a4", "countries", expected=4.0, **weekly),
        anomaly("a5", dimension="country", segment="Germany", expected=280.0),
        anomaly(
            "a6", started_on=START + timedelta(days=60), ended_on=START + timedelta(days=60), expected=340.0
        ),
        anomaly("a7", expected=2380.0, **weekly),
    ]
    together = explain_anomalies(trade, plans.values(), CLOCK, some)
    besides = {
        "a1": {START + timedelta(days=60)}, "a7": {START + timedelta(days=60)}, "a5": {START + timedelta(days=60)},
    }  # fmt: skip
    for one in some:
        alone = explain_periods(
            trade, plans[one.kpi].kpi, CLOCK, period=one.period, within=one.within, expected=one.expected,
            besides=besides.get(one.anomaly, ()), cadence=one.cadence,
        )  # fmt: skip
        rows = together.root_causes.filter(pl.col("anomaly") == one.anomaly).drop("anomaly")
        if one.within is not None:
            # Of a segment that is known to have moved as a whole, it is itself the cause.
            assert alone.verdict == "broad change"
            assert together.verdicts[one.anomaly][0] == "causes"
            assert rows["segment"].to_list() == ["country=Germany"]
            assert rows["contribution"].to_list() == [pytest.approx(one.actual - one.expected)]
            continue
        assert together.verdicts[one.anomaly][0] == alone.verdict
        assert rows.rows() == (alone.explanation.frame().rows() if alone.explanation else [])
    assert together.verdicts["a1"][0] == together.verdicts["a2"][0] == together.verdicts["a7"][0] == "causes"


def test_parts_old_ones_and_what_does_not_sum_are_not_searched(trade: Any, plans: Any) -> None:
    found = explain_anomalies(
        trade, plans.values(), CLOCK,
        [anomaly("a1"), anomaly("a2", part_of="a3"), anomaly("a3", started_on=LAST, ended_on=LAST, expected=340.0),
         anomaly("a4", "largest", started_on=LAST, ended_on=LAST, expected=100.0)],
        days=30,
    )  # fmt: skip
    verdicts = {name: verdict for name, (verdict, _) in found.verdicts.items()}
    assert {name for name, verdict in verdicts.items() if verdict == "not searched"} == {"a1", "a2", "a4"}
    since = LAST - timedelta(days=29)
    assert found.verdicts["a1"][1] == f"Not searched: it ended before {since}."
    assert found.verdicts["a2"][1] == "Not searched: it is a part of another anomaly, which is explained."
    assert found.verdicts["a4"][1].startswith("Not searched: value max(orders) of the whole isn't made of")
    assert len(found.root_causes) == 0


def test_anomalies_are_read_from_their_table(trade: Any) -> None:
    trade.execute(f"create table anomalies ({TYPES['anomalies']})")
    trade.execute(
        "insert into anomalies by name select 'a1' as anomaly, 'orders' as kpi, 'daily' as cadence, '' as dimension, "
        "'' as segment, $1 as started_on, $2 as ended_on, 680.0 as expected, 350.0 as actual, 0.7 as confidence",
        [BROKE, BROKE + timedelta(days=1)],
    )
    frame = pl.from_arrow(trade.sql("select * from anomalies").to_arrow_table())
    assert read_anomalies(frame) == read_anomalies(frame.drop("part_of")) == [anomaly()]
