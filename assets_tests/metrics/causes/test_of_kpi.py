"""From a KPI's definition to its causes: leaves, what they are compared with, and every reason not to search."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lakehouse.metrics.build import build_kpis
from lakehouse.metrics.causes import leaf_sql
from lakehouse.metrics.causes.leaf_sql import read_kpi_leaves
from lakehouse.metrics.causes.of_kpi import KpiExplanation, explain_periods
from lakehouse.metrics.plan import KpiPlan
from lakehouse.warehouse.clock import Clock

START = date(2025, 1, 6)  # a Monday
WEEKS = 10
LAST = START + timedelta(days=7 * WEEKS - 1)
CLOCK = Clock(LAST)
COUNTRIES = {"DE": 160, "FR": 120, "UK": 90, "ES": 60, "IT": 40, "": 25}

Sell = Callable[..., None]


@pytest.fixture
def trade() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            "create table sales (day date, country varchar, channel varchar, orders bigint, revenue double, visits bigint, "
            "customer varchar)"
        )
        yield connection


@pytest.fixture
def sell(trade: duckdb.DuckDBPyConnection) -> Sell:
    """Ten weeks of orders by country and channel; countries fall or visits grow on the last days by what is given."""

    def fill(
        orders: dict[str, float] | None = None, *, visits: dict[str, float] | None = None, last_days: int = 1
    ) -> None:
        chance = np.random.default_rng(7)
        rows = []
        for number in range(7 * WEEKS):
            is_late = number >= 7 * WEEKS - last_days
            for country, level in COUNTRIES.items():
                for channel, part in (("web", 0.7), ("app", 0.3)):
                    size = level * part * (1.4 if number % 7 >= 5 else 1.0)
                    visited = chance.poisson(
                        20 * size * ((visits or {}).get(country, 1.0) if is_late else 1.0)
                    )
                    factor = (orders or {}).get(country, 1.0) if is_late else 1.0
                    sold = int(min(visited, chance.poisson(size * factor * visited / (20 * size))))
                    rows.append(
                        (
                            START + timedelta(days=number),
                            country,
                            channel,
                            sold,
                            sold * 40.0,
                            visited,
                            f"{country}-1",
                        )
                    )
        columns = ("day", "country", "channel", "orders", "revenue", "visits", "customer")
        trade.register("rows", pl.DataFrame(rows, schema=columns, orient="row").to_arrow())
        trade.execute("insert into sales select * from rows")

    return fill


@pytest.fixture
def explain(trade: duckdb.DuckDBPyConnection, kpi_of: Any) -> Callable[..., KpiExplanation]:
    """Explains the last day of a KPI of these sales, unless another period is given."""

    def run(said: dict[str, object] | None = None, **how: Any) -> KpiExplanation:
        kpi = kpi_of(
            **{"value": "sum(orders)", "dimensions": ["country", "channel"], "unit": "orders", **(said or {})}
        )
        return explain_periods(trade, kpi, CLOCK, **{"period": (LAST, LAST), **how})

    return run


def segments(found: KpiExplanation) -> list[dict[str, str]]:
    return [dict(cause.segment) for cause in found.explanation.causes] if found.explanation else []


@pytest.mark.parametrize("dimensions", [["country"], ["country", "channel"]])
def test_a_country_that_broke_is_found_among_six(sell: Sell, explain: Any, dimensions: list[str]) -> None:
    sell({"FR": 0.2})
    found = explain({"dimensions": dimensions})
    assert segments(found) == [{"country": "FR"}]
    (cause,) = found.explanation.causes
    assert cause.expected == pytest.approx(168, abs=8)
    assert cause.actual < 50
    assert cause.sentence.startswith(f"country=FR: {cause.actual:g} orders instead of ")
    assert found.compared_with == "the same weekdays of the 8 weeks before"


def test_leaves_sum_to_what_was_expected_of_the_whole(sell: Sell, explain: Any) -> None:
    sell({"FR": 0.2})
    found = explain(expected=1000.0)
    assert found.explanation.expected == pytest.approx(1000.0)
    assert found.explanation.change == pytest.approx(
        math.fsum(cause.contribution for cause in found.explanation.causes) + found.explanation.rest
    )


def test_what_moved_everything_is_no_segment(sell: Sell, explain: Any) -> None:
    sell(dict.fromkeys(COUNTRIES, 0.6))
    found = explain()
    assert (found.verdict, segments(found)) == ("broad change", [])


def test_nothing_stands_out_of_an_ordinary_day(sell: Sell, explain: Any) -> None:
    sell()
    assert segments(explain()) == []


def test_a_missing_value_is_a_segment_called_unknown(sell: Sell, explain: Any) -> None:
    sell({"": 9.0})
    assert segments(explain()) == [{"country": "Unknown"}]


def test_an_episode_of_days_is_held_against_its_own_weekdays(sell: Sell, explain: Any) -> None:
    sell({"UK": 0.3}, last_days=3)
    found = explain(period=(LAST - timedelta(days=2), LAST))
    assert segments(found) == [{"country": "UK"}]
    assert found.explanation.expected == pytest.approx(495 * (1.0 + 2 * 1.4), rel=0.05)


def test_days_of_other_anomalies_are_no_measure(sell: Sell, explain: Any, trade: Any) -> None:
    sell()
    week_before = LAST - timedelta(days=7)
    trade.execute("update sales set orders = 0 where day = $1", [week_before])
    ordinary = explain().explanation.expected
    found = explain(besides={week_before})
    assert found.compared_with.endswith("8 weeks before, 1 of them left out as out of the ordinary")
    assert found.explanation.expected == pytest.approx(ordinary * 8 / 7)


def test_weeks_that_are_all_out_of_the_ordinary_are_better_than_none(sell: Sell, explain: Any) -> None:
    sell({"FR": 0.2})
    known = {LAST - timedelta(days=number) for number in range(1, 60)}
    found = explain(besides=known)
    assert segments(found) == [{"country": "FR"}]
    assert "ordinary or not" in found.compared_with


def test_within_a_segment_the_other_dimensions_are_searched(sell: Sell, explain: Any, trade: Any) -> None:
    sell()
    trade.execute("update sales set orders = 0 where day = $1 and country = 'DE' and channel = 'app'", [LAST])
    assert segments(explain(within=("country", "DE"))) == [{"channel": "app"}]


@pytest.mark.parametrize("dimensions", [["country"], ["country", "channel"]])
def test_a_ratio_that_fell_in_one_segment(sell: Sell, explain: Any, dimensions: list[str]) -> None:
    sell({"FR": 0.4})
    found = explain(
        {"value": None, "numerator": "sum(orders)", "denominator": "sum(visits)", "dimensions": dimensions}
    )
    assert segments(found) == [{"country": "FR"}]
    assert found.explanation.causes[0].effect == "rate"


def test_a_ratio_whose_visits_moved_is_told_by_its_mix(sell: Sell, explain: Any) -> None:
    sell(visits={"FR": 3.0})
    found = explain({"value": None, "numerator": "sum(orders)", "denominator": "sum(visits)"})
    assert [(cause.effect, dict(cause.segment)) for cause in found.explanation.causes] == [
        ("mix", {"country": "FR"})
    ]


def test_two_periods_are_compared_by_their_sums(sell: Sell, explain: Any, trade: Any) -> None:
    sell({"FR": 0.2}, last_days=7)
    week, before = (LAST - timedelta(days=6), LAST), (LAST - timedelta(days=13), LAST - timedelta(days=7))
    found = explain(period=week, against=before)
    assert segments(found) == [{"country": "FR"}]
    sums = [
        trade.execute("select sum(orders) from sales where day between $1 and $2", list(days)).fetchall()[0][
            0
        ]
        for days in (before, week)
    ]
    assert [found.explanation.expected, found.explanation.actual] == sums
    assert found.compared_with == f"{before[0]} to {before[1]}"


def test_periods_of_different_lengths_are_put_on_the_same_days(sell: Sell, explain: Any) -> None:
    sell()
    found = explain(
        period=(LAST - timedelta(days=6), LAST), against=(LAST - timedelta(days=20), LAST - timedelta(days=7))
    )
    assert found.compared_with.endswith("14 days put on 7")
    assert found.explanation.expected == pytest.approx(found.explanation.actual, rel=0.1)


def test_who_is_in_two_segments_counts_in_both(sell: Sell, explain: Any) -> None:
    sell()
    said = {"value": "count(distinct customer)", "unit": "customers"}
    found = explain(said)
    assert (found.explanation.expected, found.explanation.actual) == (12.0, 12.0)
    assert "counts in both" in found.notes[0]
    # What was expected of the whole is put on leaves that count everybody twice.
    assert explain(said, expected=6.0).explanation.expected == pytest.approx(12.0)
    days = (LAST - timedelta(days=13), LAST - timedelta(days=7))
    refused = explain(said, period=(LAST, LAST), against=days)
    assert "distinct counts of 7 and 1 days can't be compared" in refused.reason


@pytest.mark.parametrize(
    ("said", "how", "reason"),
    [
        ({"dimensions": []}, {}, "it has no dimensions"),
        ({"dimensions": ["country"]}, {"within": ("country", "DE")}, "it has no dimension beside country"),
        ({}, {"within": ("device", "phone")}, "it has no dimension device"),
        ({"top": {"by": "country", "count": 2}}, {}, "the share of the largest 2 country isn't made of"),
        ({"value": "arg_max(orders, day)"}, {}, "value arg_max(orders, day) of the whole isn't made of"),
        ({"value": None, "numerator": "max(orders)", "denominator": "count(*)"}, {}, "numerator max(orders) of the whole"),
        ({"filter": "country = 'DE' and channel = 'web'"}, {}, "all of it is one segment, country=DE, channel=web"),
        ({"filter": "country = 'XX'"}, {}, "there is nothing but 0"),
        ({"value": "sum(orders) - sum(orders)"}, {}, "there is nothing but 0"),
        ({}, {"period": (START, START)}, "expected at least 3 weeks of data before 2025-01-06, found 0"),
        (
            {"value": None, "numerator": "sum(orders)", "denominator": "sum(0 - visits)"}, {},
            "a segment's denominator is negative before",
        ),
        (
            {"value": None, "numerator": "sum(orders)", "denominator": "sum(visits - visits)"}, {},
            "there is no ratio before: nothing to divide by",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_says_why(
    sell: Sell, explain: Any, said: dict[str, object], how: dict[str, Any], reason: str
) -> None:
    sell()
    for against in (None, (LAST - timedelta(days=7), LAST - timedelta(days=7))):
        if against is not None and "period" in how:
            continue
        found = explain(said, against=against, **how)
        assert found.verdict == "not searched"
        assert found.reason.startswith(f"Not searched: {reason}")
        assert found.explanation is None


def test_an_empty_source_is_not_searched(explain: Any) -> None:
    assert explain().verdict == "not searched"
    assert explain(against=(START, START)).verdict == "not searched"


def test_days_out_of_order_and_shared_days_are_mistakes(explain: Any) -> None:
    with pytest.raises(ValueError, match="period: expected the first day before the last"):
        explain(period=(LAST, START))
    with pytest.raises(ValueError, match="against: expected a period apart from"):
        explain(period=(START, LAST), against=(LAST, LAST))


def test_too_many_leaves_keep_their_most_frequent_values(
    sell: Sell, explain: Any, trade: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell({"DE": 0.2})
    trade.execute(
        "insert into sales select day, 'rare', 'c' || i, 1, 1, 1, '' from range(30) t(i), (select distinct day from sales) d"
    )
    monkeypatch.setattr(leaf_sql, "MOST_LEAVES", 20)
    found = explain()
    assert segments(found) == [{"country": "DE"}]
    assert "(other)" in found.notes[0]


def test_leaves_of_every_day_sum_to_the_kpi(sell: Sell, trade: Any, kpi_of: Any) -> None:
    sell()
    kpi = kpi_of(
        value="sum(revenue) filter (where channel = 'web')",
        dimensions={"is_home": "country = 'DE'", "day": "channel"},
    )
    leaves = read_kpi_leaves(trade, kpi, CLOCK, [(START, START + timedelta(days=2)), (LAST, LAST)])
    found = trade.execute(
        "select sum(revenue) from sales where channel = 'web' and (day <= $1 or day = $2)",
        [START + timedelta(days=2), LAST],
    ).fetchall()[0][0]
    assert leaves.top.sum() == pytest.approx(found)
    assert leaves.segments.rows() == [("false", "app"), ("false", "web"), ("true", "app"), ("true", "web")]
    assert sorted(set(leaves.period.tolist()) - set(range(START.toordinal(), START.toordinal() + 3))) == [
        LAST.toordinal()
    ]


NUMBER = st.one_of(st.none(), st.sampled_from([0.0, 1.0, -1.0, 1e-9, -1e6, 1e12]), st.floats(-1e3, 1e3))


@settings(max_examples=40, deadline=None)
@given(
    numbers=st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["a", "b", None]), NUMBER, NUMBER), max_size=60
    ),
    expected=st.one_of(st.none(), st.floats(-1e6, 1e6)),
    is_ratio=st.booleans(),
)
@example(numbers=[(0, "b", 1e-192, None), (21, "a", 1.0, None)], expected=None, is_ratio=False)
def test_whatever_the_numbers_an_explanation_is_finite(
    kpi_of: Any,
    numbers: list[tuple[int, str | None, float | None, float | None]],
    expected: float | None,
    is_ratio: bool,  # noqa: FBT001  drawn
) -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute("create table sales (day date, country varchar, a double, b double)")
        rows = [(LAST - timedelta(days=number), *row) for number, *row in numbers]
        types = {"day": pl.Date, "country": pl.String, "a": pl.Float64, "b": pl.Float64}
        connection.register("rows", pl.DataFrame(rows, schema=types, orient="row").to_arrow())
        connection.execute("insert into sales select * from rows")
        value = {"numerator": "sum(a)", "denominator": "sum(b)"} if is_ratio else {"value": "sum(a)"}
        found = explain_periods(
            connection, kpi_of(**value, dimensions=["country"]), CLOCK, period=(LAST, LAST), expected=expected
        )
    assert found.reason
    for cause in found.explanation.causes if found.explanation else ():
        assert all(map(math.isfinite, (cause.contribution, cause.expected, cause.actual, cause.confidence)))


def test_factors_sum_to_the_change(sell: Sell, trade: Any, kpi_of: Any) -> None:
    sell({"FR": 0.2})
    kpis = {
        "revenue": kpi_of(
            name="revenue", value="sum(revenue)", factors=["orders", "price"], dimensions=["country"]
        ),
        "orders": kpi_of(name="orders", value="sum(orders)", dimensions=["country"]),
        "price": kpi_of(
            name="price", numerator="sum(revenue)", denominator="sum(orders)", dimensions=["country"]
        ),
    }
    trade.execute(
        "create table run_settings as select $1::date as as_of_date, false as is_as_of_configured, 'UTC' as business_time_zone",
        [LAST],
    )
    build_kpis(trade, [KpiPlan(kpi, ()) for kpi in kpis.values()])

    def factors(**how: Any) -> Any:
        return explain_periods(trade, kpis["revenue"], CLOCK, **{"period": (LAST, LAST), **how}).factors

    week_before = (LAST - timedelta(days=7), LAST - timedelta(days=7))
    by_hand = [
        trade.execute("select sum(revenue), sum(orders) from sales where day = $1", [day]).fetchall()[0]
        for day in (week_before[0], LAST)
    ]
    found = factors(against=week_before).factors
    assert [one.name for one in found] == ["orders", "price"]
    assert math.fsum(one.contribution for one in found) == pytest.approx(by_hand[1][0] - by_hand[0][0])
    assert [(one.before, one.after) for one in found] == [(by_hand[0][1], by_hand[1][1]), (40.0, 40.0)]
    assert found[1].contribution == pytest.approx(0, abs=1e-6)

    usual = factors(expected=30_000.0).factors
    assert usual[0].before * usual[1].before == pytest.approx(30_000)
    assert math.fsum(one.contribution for one in usual) == pytest.approx(by_hand[1][0] - 30_000)
    inside = factors(against=week_before, within=("country", "FR")).factors
    assert inside[0].after < 50

    wrong = kpis["revenue"].model_copy(update={"factors": ("orders", "orders")})
    refused = explain_periods(trade, wrong, CLOCK, period=(LAST, LAST), against=week_before).factors
    assert refused.factors == ()
    assert refused.reason.startswith("The factors do not multiply to it")
