"""`lakehouse metrics`: the list, one KPI by period and segment, the check, and what is said when there is none."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, ConsoleDimensions
from typer.testing import CliRunner, Result

from lakehouse.cli import app
from lakehouse.cli_metrics import metrics

COMMANDS = sorted(command.name for command in metrics.registered_commands if command.name)
WIDTH = 80


@pytest.fixture(autouse=True)
def _is_a_common_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Console, "size", ConsoleDimensions(WIDTH, 50))
    monkeypatch.chdir(tmp_path)


def call(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, ["metrics", *arguments], env=env)


def plain(result: Result) -> str:
    """The output as one line, as a terminal may break it anywhere."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", result.output).split())


def strict(text: str) -> Any:
    """JSON as its standard has it: no NaN, no Infinity."""

    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert re.search(rf"Examples?: .*lakehouse metrics {command}", plain(result))


def test_the_list_fits_the_terminal_and_says_through_which_day(company: Any) -> None:
    result = call("list", env=company.environment)
    assert result.exit_code == 0
    assert max(len(line) for line in result.output.splitlines()) <= WIDTH
    ((complete,),) = company.published(
        "select complete_through from kpi_definitions where kpi = 'total_revenue'"
    )
    assert re.search(rf"total_revenue Finance up country, {complete}", plain(result))
    listed = strict(call("list", "--json", env=company.environment).output)
    assert {one["name"] for one in listed} == set(company.catalog.kpis)
    assert all(one["status"] for one in listed)


def test_a_kpi_is_shown_by_period_as_it_stands_in_the_table(company: Any) -> None:
    result = call("show", "total_revenue", "--cadence", "weekly", env=company.environment)
    assert result.exit_code == 0
    assert max(len(line) for line in result.output.splitlines()) <= WIDTH
    start, value = company.published(
        "select period_start, value from kpi_values where kpi = 'total_revenue' and cadence = 'weekly' "
        "and dimension = '' and is_complete order by period_start desc limit 1"
    )[0]
    assert f"{start} {value:,.2f}" in plain(result)


def test_segments_since_a_day_as_json_are_the_rows_of_the_table(company: Any) -> None:
    result = call(
        "show", "total_revenue", "--by", "country", "--since", "2025-06-20", "--json", env=company.environment
    )
    said = strict(result.output)
    expected = company.published(
        "select period_start::varchar, segment, numerator::varchar, n, is_complete from kpi_values "
        "where kpi = 'total_revenue' and cadence = 'daily' and dimension = 'country' and period_start >= '2025-06-20'"
    )
    assert expected
    shown = ("period_start", "segment", "numerator", "n", "is_complete")
    assert sorted(tuple(one[key] for key in shown) for one in said["periods"]) == sorted(expected)
    assert (said["cadence"], said["dimension"], said["owner"]) == ("daily", "country", "Finance")
    assert (
        max(
            len(line)
            for line in call(
                "show", "total_revenue", "--by", "country", env=company.environment
            ).output.splitlines()
        )
        <= WIDTH
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("show", "total_revenu"),
            'expected the name of a KPI, found "total_revenu". Did you mean "total_revenue"?',
        ),
        (
            ("show", "total_revenue", "--by", "contry"),
            '--by: expected a dimension of total_revenue, found "contry". Did you mean "country"?',
        ),
        (
            ("show", "mrr", "--by", "country"),
            '--by: expected a dimension of mrr, found "country". mrr has none.',
        ),
        (
            ("show", "mrr", "--cadence", "monthly"),
            '--cadence: expected daily or weekly, found "monthly".',
        ),
        (("show", "mrr", "--since", "May"), "--since: expected a date like 2025-01-31, found 'May'."),
    ],
)
def test_a_wrong_argument_is_told_with_what_was_expected(
    arguments: tuple[str, ...], told: str, company: Any
) -> None:
    result = call(*arguments, env=company.environment)
    assert result.exit_code == 1
    assert told in plain(result)


def test_nothing_since_a_day_is_said(company: Any) -> None:
    result = call("show", "total_revenue", "--since", "2030-01-01", env=company.environment)
    assert (result.exit_code, plain(result)) == (0, "total_revenue: no period since 2030-01-01.")


def test_before_the_first_run_definitions_are_there_and_values_are_not(lake: Any) -> None:
    assert "not built yet" in plain(call("list", env=lake.environment))
    checked = call("check", env=lake.environment)
    assert checked.exit_code == 0
    assert "KPIs: all definitions are right." in plain(checked)
    shown = call("show", "mrr", env=lake.environment)
    assert shown.exit_code == 1
    assert "expected published values of mrr, found none in" in plain(shown)


def test_check_names_kpis_without_values_and_refuses_a_wrong_definition(company: Any, tmp_path: Path) -> None:
    told = strict(call("check", "--json", env=company.environment).output)
    assert told["total_revenue"] == "ok"
    folder = tmp_path / "ours" / "metrics" / "definitions"
    folder.mkdir(parents=True)
    (folder / "ours.yaml").write_text("label: Ours\n", encoding="utf-8")
    result = call("check", env={**company.environment, "LAKEHOUSE_CONFIG_DIR": str(tmp_path / "ours")})
    assert result.exit_code == 1
    assert "ours/metrics/definitions/ours.yaml: owner: expected a value, found nothing." in plain(result)


def test_every_shipped_kpi_of_the_company_has_values_and_its_tables_agree(company: Any) -> None:
    """Net revenue and orders are those of fct_revenue_daily, recurring revenue that of fct_mrr_daily."""
    assert (
        company.published(
            "select days.date from fct_revenue_daily as days left join kpi_values as found "
            "on found.period_start = days.date and kpi = 'net_revenue' and cadence = 'daily' and dimension = '' "
            "where days.date <= (select as_of_date from run_settings) "
            "and coalesce(found.numerator, 0) <> days.net_revenue"
        )
        == []
    )
    without = company.published("select kpi, status from kpi_definitions where status <> 'ok' order by kpi")
    assert {status for _, status in without} <= {"no rows"}
