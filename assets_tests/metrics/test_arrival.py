"""A day is complete when the feeds behind it usually have landed it, and never after the as-of date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from lakehouse.metrics.arrival import Arrival, complete_through

AS_OF = date(2026, 3, 31)


def landed(lag_days: int | None, on: date = date(2026, 3, 31), newest: date = date(2026, 3, 31)) -> Arrival:
    return Arrival(newest, on, lag_days)


@pytest.mark.parametrize(
    ("arrivals", "matures", "expected"),
    [
        ([], 0, date(2026, 3, 31)),
        ([landed(0)], 0, date(2026, 3, 30)),
        ([landed(1)], 0, date(2026, 3, 30)),
        ([landed(4)], 0, date(2026, 3, 27)),
        ([landed(4), landed(1)], 0, date(2026, 3, 27)),
        ([landed(4)], 29, date(2026, 2, 26)),
        ([landed(1, on=date(2026, 4, 20))], 0, date(2026, 3, 31)),
        ([landed(1, on=date(2026, 3, 10))], 0, date(2026, 3, 9)),
        ([landed(None, on=date(2026, 4, 20), newest=date(2026, 3, 12))], 0, date(2026, 3, 12)),
        ([landed(None, newest=date(2026, 3, 31))], 0, date(2026, 3, 30)),
        ([landed(None, newest=date(2026, 3, 3)), landed(None, newest=date(2026, 3, 20))], 0, date(2026, 3, 20)),
    ],
    ids=[
        "no feed: the as-of date", "landed on the day: it is not over", "landed the day after", "late rows",
        "the slowest feed decides", "a value that settles later", "never after the as-of date", "a feed that stopped",
        "history only: the newest event", "history only: the day before the landing", "history only: the liveliest feed",
    ],
)  # fmt: skip
def test_the_last_complete_day(arrivals: list[Arrival], matures: int, expected: date) -> None:
    assert complete_through(arrivals, AS_OF, matures) == expected


def nightly(shop: Any, lags: Callable[[int], int], *, days: int = 60, per_day: int = 20) -> None:
    """History landed on 31 January, then rows of every day with lags of their own, up to landings on 31 March."""
    shop.land(*((f"2025-{month:02d}-01", "2026-01-31 02:00:00") for month in range(1, 13)))
    last = date(2026, 3, 31)
    for number in range(days):
        day = date(2026, 1, 31) + timedelta(days=number)
        landings = [day + timedelta(days=lags(one)) for one in range(per_day)]
        shop.land(*((f"{day} 12:00:00", f"{one} 23:00:00") for one in landings if one <= last))


def test_the_lag_is_the_95_percent_quantile_of_rows_and_history_tells_nothing(shop: Any, kpi_of: Any) -> None:
    # Of twenty rows 18 land the day after, one three days later, one ten.
    nightly(shop, lambda number: {19: 10, 18: 3}.get(number, 1))
    shop.sell({"day": date(2026, 3, 30), "amount": 1.0})
    shop.build(kpi_of())
    assert shop.rows("select lag_days from kpi_definitions") == [(3,)]
    assert shop.complete_through() == date(2026, 3, 28)


def test_rows_of_unsettled_days_wait_and_are_not_compared(shop: Any, kpi_of: Any, days: Any) -> None:
    nightly(shop, lambda _: 2)
    shop.sell(*days("2026-03-01", [10.0] * 31))
    shop.build(kpi_of())
    found = shop.whole()
    assert [day for day, row in found.items() if not row[2]] == ["2026-03-30", "2026-03-31"]
    assert found["2026-03-31"][0] == 10.0
    assert shop.rows("select max(period_start)::varchar from kpi_changes where cadence = 'daily'") == [
        ("2026-03-29",)
    ]


def test_few_rows_after_the_first_landing_tell_no_lag(shop: Any, kpi_of: Any) -> None:
    shop.land(*(("2026-03-02 10:00:00", "2026-03-01 10:00:00") for _ in range(19)))
    shop.build(kpi_of())
    assert shop.rows("select lag_days from kpi_definitions") == [(None,)]


def test_days_are_those_of_the_business_time_zone(shop: Any, kpi_of: Any) -> None:
    """23:30 UTC on 14 March is the 15th in Berlin, and so is what lands then."""
    shop.land(*(("2026-03-14 23:30:00", "2026-03-15 05:00:00") for _ in range(20)))
    shop.sell({"sold_at": "2026-03-14 23:30:00", "amount": 5.0})
    shop.build(kpi_of(time="sold_at", cadence="daily"), as_of="2026-03-15", zone="Europe/Berlin")
    assert shop.rows("select lag_days from kpi_definitions") == [(0,)]
    assert shop.whole() == {"2026-03-15": (5.0, 1, False)}
