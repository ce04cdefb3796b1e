"""Which days a KPI's calendar means: holidays, closed days, promotions, and what people said was to be expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pytest

from lakehouse.metrics.calendar import KpiCalendar, calendar_tables, calendars_of
from lakehouse.metrics.definition import Kpi
from lakehouse.stats.calendar_effects import DayFeatures
from lakehouse.stats.expected import expect
from lakehouse.stats.surprise import evidence

FEEDBACK = (
    "feedback_id varchar, anomaly varchar, kpi varchar, dimension varchar, segment varchar, direction varchar, "
    "started_on date, ended_on date, verdict varchar, muted_until date, note varchar, decided_by varchar, "
    "decided_at timestamp"
)
SAID = {
    "anomaly": "a1", "kpi": "sold", "direction": "down", "verdict": "expected", "decided_at": "2026-03-01 09:00:00",
}  # fmt: skip
Make = Callable[..., Kpi]


def number(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)).days


def through(first: str, days: int, step: int = 1) -> list[int]:
    return [number(first) + step * place for place in range(days)]


def column(features: DayFeatures, name: str) -> list[str]:
    """The first days of the periods in which a column isn't 0."""
    found = features.matrix[:, features.names.index(name)]
    return [str(date(1970, 1, 1) + timedelta(int(day))) for day in features.days[found != 0]]


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Values of two years, and most orders from Germany."""
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            "create table kpi_values as select unnest([date '2025-01-01', date '2026-06-30']) as period_start"
        )
        connection.execute(
            "create table fct_orders as select case when number < 60 then 'Germany' when number < 98 then 'FR' "
            "when number < 99 then 'Unknown' else 'Malta' end as country from range(100) as orders(number)"
        )
        yield connection


def promote(
    connection: duckdb.DuckDBPyConnection, *rows: tuple[str | None, ...], table: str = "stg_promotions"
) -> None:
    """(kind, starts_on, ends_on, country)"""
    connection.execute(
        f"create table if not exists {table} (kind varchar, starts_on date, ends_on date, country varchar)"
    )
    for row in rows:
        connection.execute(f"insert into {table} values (?, ?, ?, ?)", list(row))


def say(connection: duckdb.DuckDBPyConnection, **words: object) -> None:
    connection.execute(f"create table if not exists stg_anomaly_feedback ({FEEDBACK})")
    said = {
        "feedback_id": f"{len(connection.execute('from stg_anomaly_feedback').fetchall())}",
        **SAID,
        **words,
    }
    marks = ", ".join("?" for _ in said)
    connection.execute(
        f"insert into stg_anomaly_feedback ({', '.join(said)}) values ({marks})", list(said.values())
    )


def test_home_is_where_most_orders_go_and_last_years_holiday_teaches_this_years(
    warehouse: Any, kpi_of: Make
) -> None:
    kpi = kpi_of(calendar={"holidays": ["home"]})
    found = calendars_of(warehouse, [kpi]).of("sold").features(through("2025-01-01", 730))
    assert column(found, "holiday German Unity Day") == ["2025-10-03", "2026-10-03"]
    assert column(found, "holiday Easter Monday") == ["2025-04-21", "2026-04-06"]
    assert "holiday Boxing Day" not in found.names


def test_countries_are_named_by_code_or_in_english_and_share_the_holidays_of_one_name(
    warehouse: Any, kpi_of: Make
) -> None:
    german, british, both = (
        calendars_of(warehouse, [kpi_of(calendar={"holidays": named})]).of("sold")
        for named in (["Germany"], ["UK"], ["DE", "United Kingdom"])
    )
    days = through("2025-12-01", 60)
    assert column(both.features(days), "holiday New Year's Day") == ["2026-01-01"]
    assert {name for name, _ in both.holidays} == {
        *(name for name, _ in german.holidays),
        *(name for name, _ in british.holidays),
    }
    assert kpi_of(calendar={"holidays": ["uk"]}).calendar.holidays == ("GB",)


def test_a_week_holds_its_holidays_and_its_closed_days(warehouse: Any, kpi_of: Make) -> None:
    kpi = kpi_of(calendar={"holidays": ["DE"], "closed": ["2026-01-07", "sunday"]})
    found = calendars_of(warehouse, [kpi]).of("sold").features(through("2025-12-22", 4, 7), "weekly")
    assert column(found, "holiday Christmas Day") == ["2025-12-22"]
    # That each Sunday is closed tells no week from another.
    assert column(found, "closed days") == ["2026-01-05"]
    assert not found.is_closed.any()


def test_closed_days_are_dates_and_weekdays(warehouse: Any, kpi_of: Make) -> None:
    kpi = kpi_of(calendar={"closed": ["2026-01-07", "sunday"]})
    found = calendars_of(warehouse, [kpi]).of("sold").features(through("2026-01-01", 14))
    closed = [str(date(1970, 1, 1) + timedelta(int(day))) for day in found.days[found.is_closed]]
    assert closed == ["2026-01-04", "2026-01-07", "2026-01-11"]


def test_a_promotion_fills_its_days_and_its_share_of_a_week(warehouse: Any, kpi_of: Make) -> None:
    promote(
        warehouse, ("discount", "2026-01-03", "2026-01-06", None), (None, "2026-01-06", "2026-01-06", None)
    )
    calendar = calendars_of(warehouse, [kpi_of(calendar={"promotions": "promotions"})]).of("sold")
    daily = calendar.features(through("2026-01-01", 10))
    assert column(daily, "promotion 1") == ["2026-01-03", "2026-01-04", "2026-01-05", "2026-01-06"]
    assert column(daily, "promotion 2") == ["2026-01-06"]
    weekly = calendar.features(through("2025-12-29", 2, 7), "weekly")
    assert weekly.matrix[:, weekly.names.index("promotion 1")].tolist() == pytest.approx([2 / 7, 2 / 7])
    assert weekly.matrix[:, weekly.names.index("promotion 2")].tolist() == pytest.approx([0, 1 / 7])


def test_promotions_of_one_kind_that_overlap_are_not_twice_the_promotion(
    warehouse: Any, kpi_of: Make
) -> None:
    promote(warehouse, ("sale", "2026-01-02", "2026-01-05", None), ("sale", "2026-01-04", "2026-01-06", None))
    found = calendars_of(warehouse, [kpi_of(calendar={"promotions": "promotions"})]).of("sold")
    features = found.features(through("2026-01-01", 10))
    assert features.matrix[:, features.names.index("promotion 1")].tolist() == [0, 1, 1, 1, 1, 1, 0, 0, 0, 0]


def test_a_countrys_promotion_is_that_countrys_and_the_wholes_in_part(warehouse: Any, kpi_of: Make) -> None:
    promote(
        warehouse,
        ("sale", "2026-01-03", "2026-01-03", "DE"),
        ("sale", "2026-01-05", "2026-01-05", "Malta"),
        ("sale", "2026-01-07", "2026-01-07", None),
    )
    found = calendars_of(warehouse, [kpi_of(calendar={"promotions": "promotions"})])
    days = through("2026-01-01", 10)

    def filled(dimension: str = "", segment: str = "") -> list[float]:
        features = found.of("sold", dimension, segment).features(days)
        return [round(float(one), 2) for one in features.matrix[:, features.names.index("promotion 1")]]

    assert filled("country", "Germany") == [0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    assert filled("country", "Malta") == [0, 0, 0, 0, 1, 0, 1, 0, 0, 0]
    # 60 of 99 orders go to Germany; the one to Malta says nothing of the whole.
    assert filled() == filled("product", "Mug") == [0, 0, 0.61, 0, 0, 0, 1, 0, 0, 0]
    assert found.of("sold", "country", "FR") == found.of("sold", "country", "Spain")


def test_series_of_the_same_days_have_one_key_and_others_another(warehouse: Any, kpi_of: Make) -> None:
    promote(warehouse, ("sale", "2026-01-03", "2026-01-03", None))
    shared = {"holidays": ["DE"], "promotions": "promotions"}
    kpis = [
        kpi_of(name="one", calendar=shared),
        kpi_of(name="two", calendar=shared),
        kpi_of(name="three", calendar={**shared, "closed": ["sunday"]}),
    ]
    found = calendars_of(warehouse, kpis)
    assert found.of("one") == found.of("two", "product", "Mug")
    assert found.of("one").key == found.of("two").key != found.of("three").key
    assert len({found.of("one"), found.of("two"), found.of("three")}) == 2


def test_many_kinds_of_promotion_are_a_few_effects(warehouse: Any, kpi_of: Make) -> None:
    first = date(2026, 1, 1)
    rows = [
        (f"kind {place:02}", first.isoformat(), (first + timedelta(place)).isoformat(), None)
        for place in range(12)
    ]
    promote(warehouse, *rows)
    found = calendars_of(warehouse, [kpi_of(calendar={"promotions": "promotions"})]).of("sold")
    assert sorted({one.kind for one in found.promotions}) == [
        *(f"kind {n:02}" for n in range(5, 12)),
        "other",
    ]


def test_an_expected_anomaly_makes_a_day_of_its_own_and_the_next_of_its_note_is_expected_by_it(
    warehouse: Any, kpi_of: Make
) -> None:
    say(warehouse, anomaly="a1", started_on="2025-05-10", ended_on="2025-05-11", note="Stock taking")
    say(warehouse, anomaly="a2", started_on="2026-05-09", ended_on="2026-05-09", note=" stock  TAKING")
    say(warehouse, anomaly="a3", started_on="2026-02-02", ended_on="2026-02-02")
    say(warehouse, anomaly="a4", started_on="2026-02-09", ended_on="2026-02-09", verdict="confirm")
    found = calendars_of(warehouse, [kpi_of(), kpi_of(name="other")])
    features = found.of("sold").features(through("2025-01-01", 730))
    assert column(features, "holiday Stock taking") == ["2025-05-10", "2025-05-11", "2026-05-09"]
    assert column(features, "holiday a3") == ["2026-02-02"]
    assert "holiday a4" not in features.names
    assert found.of("other") == KpiCalendar()
    weekly = found.of("sold").features(through("2025-05-05", 2, 7), "weekly")
    assert weekly.matrix[:, weekly.names.index("holiday Stock taking")].tolist() == [2, 0]


def test_what_was_said_of_a_segment_holds_for_that_segment(warehouse: Any, kpi_of: Make) -> None:
    say(
        warehouse,
        dimension="country",
        segment="FR",
        started_on="2026-02-02",
        ended_on="2026-02-02",
        note="Strike",
    )
    found = calendars_of(warehouse, [kpi_of()])
    assert [name for name, _ in found.of("sold", "country", "FR").holidays] == ["Strike"]
    assert found.of("sold") == found.of("sold", "country", "Malta") == KpiCalendar()


def test_what_was_expected_once_is_no_surprise_the_next_time(warehouse: Any, kpi_of: Make) -> None:
    """Orders fall by 60 % at each stock taking; who knew the first two expects the third."""
    takings = ("2025-03-10", "2025-08-11", "2026-02-09")
    days = through("2024-11-01", 500)
    orders = np.random.default_rng(3).poisson(400, 500).astype(float)
    for day in takings:
        orders[days.index(number(day))] *= 0.4
    last = days.index(number(takings[-1]))

    def chance() -> float:
        features = calendars_of(warehouse, [kpi_of()]).of("sold").features(days)
        return float(evidence(expect(orders, features, grain=1)).p_value[last])

    assert chance() < 1e-6
    for day in takings:
        say(warehouse, anomaly=f"of {day}", started_on=day, ended_on=day, note="Stock taking")
    assert chance() > 0.01


def test_only_the_last_word_makes_a_day(warehouse: Any, kpi_of: Make) -> None:
    days = {"started_on": "2026-02-02", "ended_on": "2026-02-02"}
    say(warehouse, **days, decided_at="2026-02-03 10:00:00", verdict="reopen")
    say(warehouse, **days, decided_at="2026-02-03 09:00:00")
    assert calendars_of(warehouse, [kpi_of()]).of("sold") == KpiCalendar()
    say(warehouse, **days, decided_at="2026-02-03 10:00:00", note="Strike")
    assert [name for name, _ in calendars_of(warehouse, [kpi_of()]).of("sold").holidays] == ["Strike"]


def test_feeds_that_never_landed_and_tables_without_rows_tell_of_no_days(kpi_of: Make) -> None:
    kpi = kpi_of(calendar={"holidays": ["home", "DE"], "promotions": "promotions"})
    assert calendar_tables([kpi]) == ("fct_orders", "stg_anomaly_feedback", "stg_promotions")
    with duckdb.connect(":memory:") as connection:
        assert calendars_of(connection, [kpi]).of("sold") == KpiCalendar()
        connection.execute("create table kpi_values (period_start date)")
        connection.execute("create table fct_orders (country varchar)")
        promote(connection)
        connection.execute(f"create table stg_anomaly_feedback ({FEEDBACK})")
        empty = calendars_of(connection, [kpi]).of("sold")
    assert empty == KpiCalendar()
    assert not empty.features(through("2026-01-01", 7)).is_special.any()


def test_a_home_without_a_known_calendar_has_no_holidays(warehouse: Any, kpi_of: Make) -> None:
    warehouse.execute("update fct_orders set country = 'European Community'")
    assert calendars_of(warehouse, [kpi_of(calendar={"holidays": ["home"]})]).of("sold") == KpiCalendar()


def test_a_feed_of_ones_own_needs_no_more_than_first_and_last_days(warehouse: Any, kpi_of: Make) -> None:
    warehouse.execute("create table stg_deals (starts_on date, ends_on date)")
    warehouse.execute(
        "insert into stg_deals values ('2026-01-02', '2026-01-03'), ('2026-01-09', '2026-01-08')"
    )
    found = calendars_of(warehouse, [kpi_of(calendar={"promotions": "deals"})]).of("sold")
    assert column(found.features(through("2026-01-01", 12)), "promotion 1") == ["2026-01-02", "2026-01-03"]


def test_home_is_that_of_the_international_share(company: Any) -> None:
    with duckdb.connect(str(company.settings.paths.warehouse), read_only=True) as connection:
        found = calendars_of(connection, company.catalog.kpis.values())
        homes = connection.execute(
            "select distinct country from fct_sales_lines where not is_international"
        ).fetchall()
    assert [next(iter(found.order_shares))] == [row[0] for row in homes]
    shown = found.of("total_revenue").features(np.arange(number("2025-01-01"), number("2025-07-01")))
    assert shown.is_special.any()
