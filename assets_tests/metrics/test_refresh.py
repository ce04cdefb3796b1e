"""Computing again what changed gives what computing all gives, always; and computes no more than what changed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.metrics import build, refresh

FIRST = date(2026, 2, 19)
INTERNAL = ("meta_kpi_days", "meta_kpi_made", "meta_kpi_segments")
TABLES = ("kpi_values", "kpi_definitions")


def tables(shop: Any) -> list[list[Any]]:
    return [shop.rows(f"from {name} order by all") for name in TABLES]


def anew(shop: Any, *kpis: Any, **said: Any) -> list[list[Any]]:
    """The tables when nothing is known of earlier builds."""
    for name in (*TABLES, *INTERNAL):
        shop.connection.execute(f"drop table if exists {name}")
    shop.build(*kpis, **said)
    return tables(shop)


def every_kind(kpi_of: Any) -> list[Any]:
    return [
        kpi_of(name="sum", value="sum(price)", dimensions=["country", "product"]),
        kpi_of(
            name="buyers", value="count(distinct product)", filter="price > 0", dimensions=["country"], cadence="weekly"
        ),
        kpi_of(
            name="share", numerator="sum(price) filter (where country = 'DE')", denominator="sum(price)",
            dimensions={"is_large": "price > 50"}, matures_after_days=3,
        ),
        kpi_of(name="rows", value="count(*)", n="sum(price)", time="sold_at", dimensions=["product"]),
        kpi_of(name="top", value="sum(price)", top={"by": "product", "count": 1}, dimensions=["country"]),
        kpi_of(name="mean", value="avg(price)", cadence="daily", filter="country = 'FR'"),
    ]  # fmt: skip


ROW = st.tuples(
    st.integers(0, 45), st.integers(-100, 100), st.sampled_from(["DE", "FR", "", None]), st.sampled_from(["p1", "p2", None])
)  # fmt: skip
# What happens between two builds: rows come, rows with a number leave or change, data land, the as-of date and zone move.
CHANGE = st.fixed_dictionaries(
    {
        "come": st.lists(ROW, max_size=6),
        "leave": st.lists(st.integers(0, 60), max_size=4),
        "change": st.lists(st.tuples(st.integers(0, 60), ROW), max_size=3),
        "land": st.lists(st.tuples(st.integers(0, 45), st.integers(0, 9)), max_size=2),
        "as_of": st.integers(30, 43),
        "zone": st.sampled_from(["UTC"] * 5 + ["Europe/Berlin"]),
    }
)


def happen(shop: Any, change: dict[str, Any], number: int) -> int:
    def values(row: tuple[int, int, str | None, str | None]) -> list[object]:
        day = FIRST + timedelta(days=row[0])
        return [day, f"{day} {(row[1] + 100) % 24:02d}:30:00", row[1] / 4, row[2], row[3]]

    run = shop.connection.execute
    for row in change["come"]:
        run("insert into sales (day, sold_at, price, country, product, amount) values (?, ?, ?, ?, ?, ?)",
            [*values(row), number])  # fmt: skip
        number += 1
    for which in change["leave"]:
        run("delete from sales where amount = ?", [which])
    for which, row in change["change"]:
        run("update sales set day = ?, sold_at = ?, price = ?, country = ?, product = ? where amount = ?",
            [*values(row), which])  # fmt: skip
    for day, late in change["land"]:
        happened = FIRST + timedelta(days=day)
        shop.land((str(happened), str(happened + timedelta(days=late))))
    return number


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(CHANGE, min_size=2, max_size=5))
def test_refreshed_tables_are_those_made_anew(shop: Any, kpi_of: Any, changes: list[dict[str, Any]]) -> None:
    for name in ("sales", "stg_sales"):
        shop.connection.execute(f"delete from {name}")
    for name in (*TABLES, *INTERNAL):
        shop.connection.execute(f"drop table if exists {name}")
    kpis, number = every_kind(kpi_of), 0
    for change in changes:
        number = happen(shop, change, number)
        said = {"as_of": str(FIRST + timedelta(days=change["as_of"])), "zone": change["zone"]}
        shop.build(*kpis, **said)
    refreshed = tables(shop)
    assert refreshed == anew(shop, *kpis, **said)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the KPIs of which all values are computed."""
    names: list[str] = []
    whole = build.add_values

    def noted(connection: Any, group: Any, clock: Any) -> None:
        names.extend(one.kpi.name for one in group)
        whole(connection, group, clock)

    monkeypatch.setattr(build, "add_values", noted)
    return names


def test_only_what_changed_is_computed_again(shop: Any, kpi_of: Any, days: Any, computed: list[str]) -> None:
    kpis = [kpi_of(), kpi_of(name="units", value="count(distinct product)")]
    shop.sell(*days("2026-03-01", [1.0] * 31))
    shop.build(*kpis)
    computed.clear()
    shop.sell({"day": "2026-03-14", "amount": 5.0})
    shop.build(*kpis)
    assert computed == []
    assert shop.whole()["2026-03-14"] == (6.0, 2, True)
    # A value that was written by hand in a period that nothing touched is still there.
    shop.connection.execute("update kpi_values set value = 99 where period_start = '2026-03-20'")
    shop.sell({"day": "2026-03-15", "amount": 5.0})
    shop.build(*kpis)
    assert shop.whole()["2026-03-20"][0] == 99


@pytest.mark.parametrize(
    "other",
    [
        {"value": "sum(amount) + count(*)"},
        {"filter": "country is null"},
        {"dimensions": ["country"]},
        {"cadence": "daily"},
        {"n": "count(distinct product)"},
    ],
)
def test_another_definition_computes_all_of_that_kpi(
    shop: Any, kpi_of: Any, days: Any, computed: list[str], other: dict[str, Any]
) -> None:
    shop.sell(*days("2026-03-01", [1.0] * 31))
    shop.build(kpi_of(), kpi_of(name="same"))
    computed.clear()
    shop.build(kpi_of(**other), kpi_of(name="same"))
    assert computed == ["sold"]
    assert tables(shop) == anew(shop, kpi_of(**other), kpi_of(name="same"))


def test_another_zone_type_or_earlier_date_computes_all(
    shop: Any, kpi_of: Any, days: Any, computed: list[str]
) -> None:
    kpi = kpi_of(time="sold_at", value="sum(amount)")
    shop.sell(*({**row, "sold_at": f"{row['day']} 23:30:00"} for row in days("2026-03-01", [1.0] * 30)))
    shop.build(kpi)
    shop.build(kpi, zone="Europe/Berlin")
    assert computed == ["sold", "sold"]
    shop.build(kpi, zone="Europe/Berlin", as_of="2026-03-20")
    assert computed == ["sold"] * 3
    shop.connection.execute("alter table sales alter amount type float")
    shop.build(kpi, zone="Europe/Berlin", as_of="2026-03-20")
    assert computed == ["sold"] * 4


@pytest.mark.parametrize("table", ["kpi_values", "meta_kpi_days", "meta_kpi_made", "meta_kpi_segments"])
def test_tables_that_somebody_else_made_are_not_believed(
    shop: Any, kpi_of: Any, days: Any, computed: list[str], table: str
) -> None:
    shop.sell(*days("2026-03-01", [1.0] * 31))
    shop.build(kpi_of())
    before = tables(shop)
    shop.connection.execute(f"create or replace table {table} as from {table} limit 3")
    shop.build(kpi_of())
    assert computed == ["sold", "sold"]
    assert tables(shop) == before


def test_a_kpi_that_is_gone_leaves_no_rows_and_comes_back_whole(
    shop: Any, kpi_of: Any, days: Any, computed: list[str]
) -> None:
    both = [kpi_of(), kpi_of(name="other")]
    shop.sell(*days("2026-03-01", [1.0] * 31))
    shop.build(*both)
    shop.build(both[0])
    assert shop.rows("select distinct kpi from kpi_values") == [("sold",)]
    shop.sell({"day": "2026-03-14", "amount": 5.0})
    shop.build(*both)
    assert computed == ["sold", "other", "other"]
    assert tables(shop) == anew(shop, *both)


def test_columns_that_a_kpi_does_not_read_touch_nothing(
    shop: Any, kpi_of: Any, days: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sell(*days("2026-03-01", [1.0] * 31))
    shop.build(kpi_of())
    monkeypatch.setattr(refresh, "grouped_sql", None)
    shop.connection.execute("update sales set product = 'p9', country = 'IT'")
    shop.build(kpi_of())
    assert shop.whole()["2026-03-14"] == (1.0, 1, True)


def test_two_rows_that_swap_a_value_are_seen(shop: Any, kpi_of: Any) -> None:
    kpi = kpi_of(dimensions=["country"], cadence="daily")
    for turn in range(40):
        shop.connection.execute("delete from sales")
        amounts = (turn, 1000 + 7 * turn) if turn % 2 else (1000 + 7 * turn, turn)
        shop.sell(*(
            {"day": "2026-03-31", "amount": amount, "country": country}
            for amount, country in zip(amounts, ("DE", "FR"), strict=True)
        ))  # fmt: skip
        shop.build(kpi)
        assert [row[0] for row in shop.rows("select value from kpi_values order by segment")] == [
            sum(amounts), *amounts,
        ]  # fmt: skip
