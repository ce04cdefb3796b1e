"""`lakehouse explain`: causes and factors from the published copy, and what is said when a request makes no sense."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console, ConsoleDimensions
from typer.testing import CliRunner, Result

from lakehouse.cli import app
from lakehouse.metrics.build import kpi_clock
from lakehouse.metrics.causes.of_kpi import explain_periods

WIDTH = 80
LAST = date(2026, 1, 4)
# Orders a day; on the last day FR brings none.
COUNTRIES = {"DE": 6, "FR": 6, "UK": 4, "IT": 4}


@pytest.fixture(autouse=True)
def _is_a_common_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Console, "size", ConsoleDimensions(WIDTH, 50))
    monkeypatch.chdir(tmp_path)


def call(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments], env=env)


def plain(result: Result) -> str:
    """The output as one line, as a terminal may break it anywhere."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", result.output).split())


def test_help_shows_examples() -> None:
    assert re.search(r"Examples: .*lakehouse explain total_revenue --from", plain(call("--help")))


def test_from_landed_files_to_the_country_that_broke(lake: Any) -> None:
    days = [LAST - timedelta(days=number) for number in range(10 * 7)]
    orders = [
        (f"o{day:%m%d}{country}{number}", country, day)
        for day in days
        for country, level in COUNTRIES.items()
        for number in range(0 if (day, country) == (LAST, "FR") else level)
    ]
    lake.land(
        "orders",
        *(
            {"order_id": order, "country": country, "created_at": f"{day} 10:00:00", "paid_at": f"{day} 10:01:00",
             "fulfilled_at": "", "delivered_at": "", "status": "paid"}
            for order, country, day in orders
        ),
    )  # fmt: skip
    lake.land("order_items", *({"order_id": order} for order, _, _ in orders))
    lake.run()
    asked = ("total_revenue", "--from", str(LAST))
    result = call(*asked, env=lake.environment)
    assert result.exit_code == 0, result.output
    assert max(len(line) for line in result.output.splitlines() if "  " in line) <= WIDTH
    said = plain(result)
    assert f"Total revenue, {LAST}, compared with {LAST - timedelta(days=7)}." in said
    assert "country=FR" in said
    assert "order_count 20 14" in said

    found = json.loads(call(*asked, "--json", env=lake.environment).output)
    assert [(cause["segment"], cause["effect"]) for cause in found["causes"]] == [("country=FR", "volume")]
    assert found["verdict"] == "causes"
    ((before, after),) = lake.published(
        f"select sum(value) filter (where period_start = date '{LAST}' - 7), sum(value) filter (where period_start = "
        f"'{LAST}') from kpi_values where kpi = 'total_revenue' and cadence = 'daily' and dimension = ''"
    )
    assert (found["expected"], found["actual"]) == (pytest.approx(before), pytest.approx(after))
    assert sum(factor["contribution"] for factor in found["factors"]) == pytest.approx(after - before)
    assert sum(cause["contribution"] for cause in found["causes"]) + found["rest"] == pytest.approx(
        after - before
    )


def test_every_kpi_of_a_company_has_a_verdict(company: Any) -> None:
    """Each is explained, or says why not; none crashes."""
    period = (date(2025, 5, 5), date(2025, 5, 11))
    with duckdb.connect(str(company.settings.paths.marts), read_only=True) as connection:
        clock = kpi_clock(connection)
        verdicts = {
            name: explain_periods(connection, kpi, clock, period=period, against=against).verdict
            for name, kpi in company.catalog.kpis.items()
            for against in (None, (date(2025, 4, 28), date(2025, 5, 4)))
        }
    assert {verdicts[name] for name in ("mrr", "stockout_alerts", "product_concentration")} == {
        "not searched"
    }
    assert "not searched" not in {
        verdicts[name] for name in ("total_revenue", "conversion_rate", "active_customers")
    }


def test_within_a_segment_and_against_another_month(company: Any) -> None:
    result = call(
        "order_count", "--from", "2025-05-01", "--to", "2025-05-31", "--against", "2025-04-01..2025-04-30",
        "--within", "channel=web", env=company.environment,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert (
        "Orders within channel=web, 2025-05-01 to 2025-05-31, compared with 2025-04-01 to 2025-04-30, 30 days put on 31"
        in plain(result)
    )


def test_days_that_are_not_complete_are_warned_of(company: Any) -> None:
    ((complete,),) = company.published(
        "select complete_through from kpi_definitions where kpi = 'order_count'"
    )
    asked = ("--from", str(complete - timedelta(days=6)), "--to", str(complete + timedelta(days=1)))
    assert f"order_count is complete through {complete}" in plain(
        call("order_count", *asked, env=company.environment)
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("order_cuont", "--from", "2025-05-01"), 'expected the name of a KPI, found "order_cuont". Did you mean "order_count"?'),
        (("order_count", "--from", "May"), "--from: expected a date like 2025-01-31, found 'May'"),
        (("order_count", "--from", "2025-05-02", "--to", "2025-05-01"), "--to: expected a last day from 2025-05-02 on"),
        (("order_count", "--from", "2025-05-02", "--against", "2025-04-09..2025-04-01"), "--against: expected a last day"),
        (("order_count", "--from", "2025-05-02", "--against", "2025-05-01..2025-05-03"), "--against: expected a period apart"),
        (("order_count", "--from", "1999-05-02"), "--from: expected days from 20"),
        (("order_count", "--from", "2025-05-02", "--against", "1999-05-02"), "--against: expected days from 20"),
        (("order_count", "--from", "2025-05-02", "--within", "web"), "--within: expected a dimension and a segment"),
        (("order_count", "--from", "2025-05-02", "--within", "chanel=web"), '--within: expected a dimension of order_count, found "chanel"'),
        (("order_count", "--from", "2025-05-02", "--within", "channel=wbe"), '--within: expected a channel of order_count, found "wbe"'),
    ],
)  # fmt: skip
def test_mistakes_are_named(company: Any, arguments: tuple[str, ...], said: str) -> None:
    result = call(*arguments, env=company.environment)
    assert result.exit_code == 1
    assert said in plain(result)


def test_nothing_published_says_what_to_run(lake: Any) -> None:
    result = call("order_count", "--from", "2025-05-02", env=lake.environment)
    assert result.exit_code == 1
    assert "Run: lakehouse run" in plain(result)
