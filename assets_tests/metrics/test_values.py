"""Values by period and segment: what is 0 and what is unknown, gaps, sums of parts, and data nobody hoped for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.metrics.build import NotComputed


def test_days_without_rows_are_there_with_n_0(shop: Any, kpi_of: Any) -> None:
    shop.sell({"day": "2026-03-28", "amount": 4.0}, {"day": "2026-03-30", "amount": 6.0})
    shop.build(
        kpi_of(name="sum"),
        kpi_of(name="ratio", numerator="sum(amount)", denominator="count(*)"),
        kpi_of(name="customers", value="count(distinct country)"),
        kpi_of(name="mean", value="avg(amount)"),
    )
    found = dict(
        shop.rows(
            "select kpi, list((period_start::varchar, value, n) order by period_start) from kpi_values "
            "where cadence = 'daily' group by kpi"
        )
    )
    days = ["2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31"]
    assert found == {
        "sum": list(zip(days, [4.0, 0.0, 6.0, 0.0], [1, 0, 1, 0], strict=True)),
        "ratio": list(zip(days, [4.0, None, 6.0, None], [1, 0, 1, 0], strict=True)),
        "customers": list(zip(days, [0.0, 0.0, 0.0, 0.0], [1, 0, 1, 0], strict=True)),
        "mean": list(zip(days, [4.0, None, 6.0, None], [1, 0, 1, 0], strict=True)),
    }


def test_a_segment_begins_with_its_first_day_and_stays(shop: Any, kpi_of: Any) -> None:
    shop.sell(
        {"day": "2026-03-28", "amount": 1.0, "country": "DE"},
        {"day": "2026-03-29", "amount": 2.0, "country": "FR"},
        {"day": "2026-03-30", "amount": 3.0, "country": None},
        {"day": "2026-03-31", "amount": 4.0, "country": ""},
    )
    shop.build(kpi_of(cadence="daily", dimensions={"country": "country", "is_large": "amount > 2"}))
    assert shop.rows(
        "select dimension, segment, list(value order by period_start) from kpi_values group by all order by 1, 2"
    ) == [
        ("", "", [1.0, 2.0, 3.0, 4.0]),
        ("country", "DE", [1.0, 0.0, 0.0, 0.0]),
        ("country", "FR", [2.0, 0.0, 0.0]),
        ("country", "Unknown", [3.0, 4.0]),
        ("is_large", "false", [1.0, 2.0, 0.0, 0.0]),
        ("is_large", "true", [3.0, 4.0]),
    ]


def test_a_sum_over_no_row_that_passes_is_0_and_over_unknown_values_unknown(shop: Any, kpi_of: Any) -> None:
    shop.sell(
        {"day": "2026-03-30", "amount": None, "country": "DE"},
        {"day": "2026-03-31", "amount": 5.0, "country": "DE"},
    )
    shop.build(
        kpi_of(name="abroad", value="sum(amount) filter (where country <> 'DE')", cadence="daily"),
        kpi_of(name="all", cadence="daily"),
    )
    assert shop.rows(
        "select kpi, list(value order by period_start) from kpi_values group by kpi order by kpi"
    ) == [
        ("abroad", [0.0, 0.0]),
        ("all", [None, 5.0]),
    ]


def test_weeks_start_on_monday_and_the_one_that_data_begin_within_is_not_complete(
    shop: Any, kpi_of: Any, days: Any
) -> None:
    shop.sell(*days("2026-03-11", [1.0] * 21))
    shop.build(kpi_of())
    assert shop.whole("weekly") == {
        "2026-03-09": (5.0, 5, False),
        "2026-03-16": (7.0, 7, True),
        "2026-03-23": (7.0, 7, True),
        "2026-03-30": (2.0, 2, False),
    }


def test_money_is_exact_and_the_share_of_the_largest_counts_its_groups(shop: Any, kpi_of: Any) -> None:
    prices = {"a": "0.1000", "b": "0.2000", "c": "0.3000", "d": "0.3000"}
    shop.sell(*({"day": "2026-03-31", "price": price, "product": name} for name, price in prices.items()))
    shop.build(kpi_of(value="sum(price)", top={"by": "product", "count": 2}, cadence="daily"))
    assert shop.rows("select numerator::varchar, denominator::varchar, n from kpi_values") == [
        ("0.600000", "0.900000", 4)
    ]
    assert shop.rows("select is_ratio, is_additive from kpi_definitions") == [(True, False)]


def test_changes_by_direction_and_against_targets(shop: Any, kpi_of: Any, days: Any) -> None:
    shop.sell(*days("2026-03-24", [10.0, *[0.0] * 6, 12.0]))
    shop.build(
        *(kpi_of(name=way, direction=way, cadence="daily", target=12.0) for way in ("up", "down", "neither"))
    )
    assert shop.rows(
        "select kpi, comparison, base, change, relative_change, is_better from kpi_changes "
        "where period_start = '2026-03-31' order by 1, 2"
    ) == [
        ("down", "WoW", 10.0, 2.0, 0.2, False),
        ("down", "target", 12.0, 0.0, 0.0, True),
        ("neither", "WoW", 10.0, 2.0, 0.2, None),
        ("neither", "target", 12.0, 0.0, 0.0, None),
        ("up", "WoW", 10.0, 2.0, 0.2, True),
        ("up", "target", 12.0, 0.0, 0.0, True),
    ]


@pytest.mark.parametrize(
    ("amounts", "status", "values"),
    [
        ([], "no rows", []),
        ([7.0], "ok", [7.0]),
        ([0.0, 0.0], "ok", [0.0, 0.0]),
        ([None, None], "no value", [None, None]),
        ([-5.0, 3.0], "ok", [-5.0, 3.0]),
        ([float("nan"), float("inf"), 1.0], "ok", [None, None, 1.0]),
        ([1e308, -1e308], "ok", [1e308, -1e308]),
    ],
    ids=["nothing", "one day", "zeros", "nulls", "negative", "not finite", "endless"],
)
def test_bad_input_has_a_status_and_never_a_nan(
    shop: Any, kpi_of: Any, days: Any, amounts: list[float | None], status: str, values: list[float | None]
) -> None:
    first = date(2026, 4, 1) - timedelta(days=len(amounts))
    shop.sell(*days(str(first), amounts))
    shop.build(kpi_of(cadence="daily", target=0.0))
    assert shop.status() == status
    assert [row[0] for row in shop.whole().values()] == values
    assert shop.rows(
        "select count(*) from kpi_changes where not isfinite(change) or not isfinite(relative_change)"
    ) == [(0,)]


def test_a_warehouse_without_an_as_of_date_gives_empty_tables(shop: Any, kpi_of: Any) -> None:
    shop.build(kpi_of(), as_of=None)
    assert shop.status() == "no rows"
    assert shop.rows("select (select count(*) from kpi_values), (select count(*) from kpi_changes)") == [
        (0, 0)
    ]


def test_rows_without_a_day_or_of_days_to_come_count_nowhere(shop: Any, kpi_of: Any) -> None:
    shop.sell(
        {"day": None, "amount": 1.0},
        {"day": "2026-03-31", "amount": 2.0},
        {"day": "2999-01-01", "amount": 4.0},
    )
    shop.build(kpi_of(cadence="daily"))
    assert shop.whole() == {"2026-03-31": (2.0, 1, True)}


def test_only_days_to_come_are_no_rows(shop: Any, kpi_of: Any) -> None:
    shop.sell({"day": "2999-01-01", "amount": 4.0})
    shop.build(kpi_of())
    assert shop.status() == "no rows"


def test_sql_that_fails_on_the_data_names_the_file_and_leaves_the_former_tables(
    shop: Any, kpi_of: Any
) -> None:
    shop.sell({"day": "2026-03-31", "amount": 1.0, "product": "p1"})
    shop.build(kpi_of())
    before = shop.rows("from kpi_values")
    told = (
        "metrics/definitions/sold.yaml: expected SQL that runs on the data of sales, found Conversion Error"
    )
    with pytest.raises(NotComputed, match=told):
        shop.build(
            kpi_of(name="other", shown="metrics/definitions/other.yaml"),
            kpi_of(value="sum(cast(product as integer))"),
        )
    assert shop.rows("from kpi_values") == before
    shop.build(kpi_of())
    assert shop.rows("from kpi_values") == before


ROWS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.integers(-(10**9), 10**9),
        st.sampled_from(["DE", "FR", "", None, "Unknown", "o'hara"]),
        st.sampled_from(["p1", "p2", None]),
    ),
    max_size=40,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_segments_always_sum_to_the_whole_and_days_to_weeks(
    shop: Any, kpi_of: Any, rows: list[tuple[int, int, str | None, str | None]]
) -> None:
    shop.connection.execute("delete from sales")
    values = [
        [date(2026, 2, 19) + timedelta(days=day), f"{cents / 10_000:.4f}", country, product]
        for day, cents, country, product in rows
    ]
    if values:
        shop.connection.executemany(
            "insert into sales (day, price, country, product) values (?, ?, ?, ?)", values
        )
    shop.build(kpi_of(value="sum(price) - count(*)", dimensions=["country", "product"]))
    whole = {
        (cadence, start): above
        for cadence, start, above in shop.rows(
            "select cadence, period_start, numerator from kpi_values where dimension = ''"
        )
    }
    for dimension in ("country", "product"):
        cut = shop.rows(
            "select cadence, period_start, sum(numerator) from kpi_values "
            f"where dimension = '{dimension}' group by all"
        )
        assert {(cadence, start): above for cadence, start, above in cut} == whole
    weeks: dict[date, Any] = {}
    for (cadence, start), above in whole.items():
        if cadence == "daily":
            monday = start - timedelta(days=start.weekday())
            weeks[monday] = weeks.get(monday, 0) + above
    assert weeks == {start: above for (cadence, start), above in whole.items() if cadence == "weekly"}
