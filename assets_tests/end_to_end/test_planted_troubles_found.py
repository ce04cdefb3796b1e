"""The synthetic company's troubles from landed files to anomalies: found, dated, explained, and answered by people."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from lakehouse.cli import app
from lakehouse.metrics.anomalies.alerts import kpi_alerts
from lakehouse.synth.company import generate
from lakehouse.synth.plan import GeneratorPlan

PLAN = GeneratorPlan(
    orders=60_000, start=date(2023, 10, 1), end=date(2025, 6, 1), seed=10, visitors_per_order=1.0
)
ONE_DAY, SLOW = timedelta(days=1), "slow_decline"
JUDGED_ANEW = "kpi_values or anomalies"
ANSWERED = f"+stg_anomaly_feedback or {JUDGED_ANEW}"


@pytest.fixture(scope="session")
def troubled(
    built_once: Callable[[str, Callable[[Path], None]], Path], company_at: Callable[[Path], Any]
) -> Any:
    """Twenty months with all five troubles, the last of them still on. Read it, never write it."""

    def fill(root: Path) -> None:
        lake = company_at(root)
        generate(PLAN, lake.settings.paths.landing)
        lake.run()

    return company_at(built_once("troubled", fill))


def anomalies_of(lake: Any) -> dict[str, dict[str, Any]]:
    with duckdb.connect(str(lake.settings.paths.warehouse), read_only=True) as connection:
        cursor = connection.execute("from anomalies")
        names = [column[0] for column in cursor.description]
        return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def days_of(trouble: dict[str, Any]) -> tuple[date, date]:
    return date.fromisoformat(trouble["starts_on"]), date.fromisoformat(trouble["ends_on"])


def showing(found: dict[str, dict[str, Any]], trouble: dict[str, Any], sign: dict[str, Any]) -> list[str]:
    """Anomalies that are a sign of a trouble, on its days."""
    first, last = days_of(trouble)
    wanted = tuple(sign[name] for name in ("kpi", "dimension", "segment", "direction"))
    return [
        name
        for name, one in found.items()
        if tuple(one[key] for key in ("kpi", "dimension", "segment", "direction")) == wanted
        and one["started_on"] <= last
        and one["ended_on"] >= first
    ]


def clear_signs(trouble: dict[str, Any]) -> list[dict[str, Any]]:
    return [sign for sign in trouble["kpis"] if sign["is_clear"]]


def of_kind(lake: Any, kind: str) -> dict[str, Any]:
    [trouble] = [one for one in lake.truth.anomalies if one["kind"] == kind]
    return dict(trouble)


def leader_of(lake: Any, kind: str, kpi: str) -> str:
    """What stands for a trouble, told by one of the KPIs of its segment."""
    found, trouble = anomalies_of(lake), of_kind(lake, kind)
    sign = next(one for one in clear_signs(trouble) if one["kpi"] == kpi and one["dimension"])
    name = showing(found, trouble, sign)[0]
    return str(found[name]["part_of"] or name)


def test_every_trouble_is_found_where_and_when_it_was(troubled: Any) -> None:
    found = anomalies_of(troubled)
    told = seen = 0
    assert len(troubled.truth.anomalies) == 5
    for trouble in troubled.truth.anomalies:
        first, last = days_of(trouble)
        slack = timedelta(weeks=5) if trouble["kind"] == SLOW else ONE_DAY
        signs = {str(sign): showing(found, trouble, sign) for sign in clear_signs(trouble)}
        told, seen = told + len(signs), seen + sum(bool(names) for names in signs.values())
        exact = [
            found[name]
            for names in signs.values()
            for name in names
            if abs(found[name]["started_on"] - first) <= slack
        ]
        assert exact, trouble["sentence"]
        if trouble["kind"] == SLOW:
            assert min(one["detected_on"] for one in exact) <= first + timedelta(weeks=14)
            assert all(one["methods"][0] == "trend" for one in exact)
        elif trouble["kind"] != "product_recalled":
            # What was sold before a recall comes back for as long as it likes.
            days = [one for one in exact if one["cadence"] == "daily"]
            assert any(one["ended_on"] == last for one in days), trouble["sentence"]
            assert min(one["detected_on"] for one in days) <= first + ONE_DAY
    assert seen >= 0.8 * told


@pytest.mark.parametrize(
    ("kind", "kpi", "low", "high"),
    [
        ("price_error", "average_price", -0.95, -0.8),
        ("channel_outage", "order_count", -1.0, -0.95),
        # On the way down and after it, together.
        (SLOW, "total_revenue", -0.35, -0.1),
        ("checkout_broken", "order_count", -1.0, -0.75),
    ],
)
def test_what_stands_for_a_trouble_names_its_segment(
    troubled: Any, kind: str, kpi: str, low: float, high: float
) -> None:
    trouble, name = of_kind(troubled, kind), leader_of(troubled, kind, kpi)
    [(dimension, segment)] = trouble["segment"].items()
    [cause] = troubled.published(
        f"select segment, contribution, expected from root_causes where anomaly = '{name}' and rank = 1"
    )
    assert cause[0] == f"{dimension}={segment}"
    assert low <= cause[1] / cause[2] <= high
    assert troubled.published(f"select verdict, part_of from anomalies where anomaly = '{name}'") == [
        ("causes", None)
    ]


def test_a_recall_is_one_of_its_category(troubled: Any) -> None:
    """The whole of the return rate stands for it; its category is a part of that."""
    found, trouble = anomalies_of(troubled), of_kind(troubled, "product_recalled")
    whole = next(sign for sign in clear_signs(trouble) if not sign["dimension"])
    leaders = [name for name in showing(found, trouble, whole) if found[name]["part_of"] is None]
    assert leaders
    [(dimension, segment)] = trouble["segment"].items()
    assert any(
        one["part_of"] in leaders and (one["dimension"], one["segment"]) == (dimension, segment)
        for one in found.values()
    )


def test_little_else_is_told(troubled: Any) -> None:
    """Less than a third of what all KPIs together may tell by chance."""
    years = PLAN.days / 365.25
    spans = [
        (
            first - ONE_DAY,
            # The level stays low; and after the others days are compared with these.
            (PLAN.end if one["stays"] else last + timedelta(days=14)),
        )
        for one in troubled.truth.anomalies
        for first, last in [days_of(one)]
        if one["kind"] != SLOW
    ]
    spans += [(day, day) for day in map(date.fromisoformat, troubled.truth.closed_days)]
    others = [
        one
        for one in anomalies_of(troubled).values()
        if one["part_of"] is None
        and not any(one["started_on"] <= last and one["ended_on"] >= first for first, last in spans)
    ]
    [(budget,)] = troubled.published("select sum(sensitivity) from kpi_definitions")
    assert 0 < len(others) / years < budget / 3


def test_once_more_and_without_its_memory_everything_is_the_same(troubled: Any, tmp_path: Path) -> None:
    lake = troubled.copy(tmp_path)
    shutil.rmtree(lake.settings.paths.cache)
    lake.run(JUDGED_ANEW)
    assert lake.differing_tables(troubled) == {}


def answer(lake: Any, *arguments: str) -> None:
    result = CliRunner().invoke(app, ["anomalies", *arguments], env=lake.environment)
    assert result.exit_code == 0, result.output


def statuses(lake: Any, *names: str) -> list[set[str]]:
    """Of each anomaly and its parts."""
    found = anomalies_of(lake)
    return [
        {one["status"] for key, one in found.items() if key == name or one["part_of"] == name}
        for name in names
    ]


def test_answers_hold_until_they_are_taken_back_while_data_go_on(troubled: Any, tmp_path: Path) -> None:
    outage = leader_of(troubled, "channel_outage", "order_count")
    prices = leader_of(troubled, "price_error", "average_price")
    broken = leader_of(troubled, "checkout_broken", "order_count")
    lake = troubled.copy(tmp_path)
    assert statuses(lake, outage, prices, broken) == [{"closed"}, {"closed"}, {"open"}]
    answer(lake, "expected", outage, "--note", "the app was moved")
    answer(lake, "confirm", prices, "--note", "a tenth of the price")
    told = lake.run(ANSWERED).checks
    alarmed = anomalies_of(lake)[broken]
    [warned] = [one for one in told if one.check == f"no_anomaly_in_{alarmed['kpi']}"]
    assert not warned.is_error
    assert alarmed["sentence"] in warned.text
    assert alarmed["sentence"].endswith("and it may go on.")
    assert statuses(lake, outage, prices, broken) == [{"expected"}, {"confirmed"}, {"open"}]
    found = anomalies_of(lake)
    assert found[outage]["note"] == "the app was moved"
    same = " and ".join(
        f"{key} = '{found[outage][key]}'" for key in ("kpi", "cadence", "dimension", "segment")
    )
    span = f"period_start between '{found[outage]['started_on']}' and '{found[outage]['ended_on']}'"
    [(before,)], [(after,)] = (
        one.rows(f"select min(p_value) from kpi_expected where {same} and {span}") for one in (troubled, lake)
    )
    assert before < 1e-4
    assert after > before

    answer(lake, "mute", broken, "--note", "known")
    for name in (outage, prices):
        answer(lake, "reopen", name)
    a_day_more(lake)
    told = lake.run("+anomalies").checks
    assert statuses(lake, outage, prices, broken) == [{"closed"}, {"closed"}, {"muted"}]
    assert not any(alarmed["sentence"][:30] in one.text for one in told)
    kept = anomalies_of(lake)
    still = {name for name, one in found.items() if broken in (name, one["part_of"]) and one["is_open"]}
    assert len(still) > 3
    assert still <= set(kept)
    assert all(kept[name]["is_open"] for name in still)
    assert kept[broken]["ended_on"] == PLAN.end


def a_day_more(lake: Any) -> None:
    """The last day's orders land once more, a day later."""
    last = PLAN.end - ONE_DAY
    landing = lake.settings.paths.landing
    orders, items = (
        list(
            csv.DictReader(
                (landing / feed / f"{feed}_{last:%Y-%m}.csv").read_text(encoding="utf-8").splitlines()
            )
        )
        for feed in ("orders", "order_items")
    )
    again = [one for one in orders if one["created_at"].startswith(str(last))]
    assert again
    ids = {one["order_id"]: f"{one['order_id']}-again" for one in again}
    lake.land(
        "orders",
        *(
            {name: value.replace(str(last), str(PLAN.end)) for name, value in one.items()}
            | {"order_id": ids[one["order_id"]]}
            for one in again
        ),
        file="orders_again.csv",
    )
    lake.land(
        "order_items",
        *(one | {"order_id": ids[one["order_id"]]} for one in items if one["order_id"] in ids),
        file="order_items_again.csv",
    )


def told_of(lake: Any) -> set[str]:
    with duckdb.connect(str(lake.settings.paths.warehouse), read_only=True) as connection:
        return {one.text for one in kpi_alerts(connection, list(lake.catalog.kpis.values()))}


def test_without_any_data_nothing_is_judged(lake: Any) -> None:
    lake.run()
    for table in ("kpi_series", "kpi_expected", "anomalies", "root_causes", "anomaly_factors"):
        assert lake.rows(f"select count(*) from {table}") == [(0,)]
    assert told_of(lake) == {"Not judged: no rows."}


def test_two_days_are_too_few_to_judge(lake: Any) -> None:
    days = (date(2026, 1, 1), date(2026, 1, 2))
    for number, day in enumerate(days):
        at = {"created_at": f"{day} 10:00:00", "paid_at": f"{day} 10:01:00"}
        waiting = {"status": "paid", "fulfilled_at": "", "delivered_at": ""}
        lake.land("orders", {"order_id": f"o{number}", **at, **waiting})
        lake.land("order_items", {"order_id": f"o{number}"})
    lake.run()
    assert lake.rows("select count(*) from anomalies") == [(0,)]
    assert lake.rows("select count(*) from kpi_expected") == [(0,)]
    told = told_of(lake)
    assert "Not judged: its series are too short or too thin." in told
    assert all(text.startswith("Not judged: ") for text in told)
