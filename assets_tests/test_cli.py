"""The `lakehouse` command: what it says, and the exit codes that scripts rely on."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lakehouse.cli import app

REPO = Path(__file__).resolve().parents[1]
COMMANDS = sorted(command.callback.__name__ for command in app.registered_commands if command.callback)


def call(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "TERM": "dumb", **(env or {})})


def plain(result: Result) -> str:
    """The output as one line, as a terminal may break it anywhere."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", result.output).split())


@pytest.fixture(autouse=True)
def _no_lake_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_commands_of_the_readme_exist() -> None:
    assert {"check", "run", "generate", "demo", "report", "ui", "docs"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_an_example(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert re.search(rf"Examples?: .*lakehouse {command}", plain(result))


def test_without_a_command_the_commands_are_listed() -> None:
    listed = plain(call())
    assert all(command in listed for command in COMMANDS)


def test_check_says_what_is_configured() -> None:
    result = call("check")
    assert result.exit_code == 0
    assert re.search(
        r"\d+ contracts, \d+ sources, \d+ models, (\d+) experiments, (\d+) metrics, (\d+) KPIs: all right\.",
        plain(result),
    )


def test_check_tells_every_problem_of_every_file_and_exits_with_1(tmp_path: Path) -> None:
    contracts = tmp_path / "ours" / "contracts"
    contracts.mkdir(parents=True)
    shutil.copy(REPO / "lakehouse" / "contracts" / "returns.yaml", contracts)
    text = (contracts / "returns.yaml").read_text(encoding="utf-8")
    (contracts / "returns.yaml").write_text(text.replace("gt: 0", "gtt: 0"), encoding="utf-8")
    (contracts / "visits.yaml").write_text("key: [\n", encoding="utf-8")
    result = call("check", env={"LAKEHOUSE_CONFIG_DIR": str(tmp_path / "ours")})
    assert result.exit_code == 1
    assert "ours/contracts/returns.yaml: columns.quantity" in plain(result)
    assert "ours/contracts/visits.yaml: line" in plain(result)
    missing = call("check", env={"LAKEHOUSE_CONFIG_DIR": str(tmp_path / "nowhere")})
    assert missing.exit_code == 1
    assert "LAKEHOUSE_CONFIG_DIR: expected a folder" in plain(missing)


def test_a_wrong_setting_is_named_with_what_was_expected() -> None:
    result = call("check", env={"LAKEHOUSE_BUSINESS_TIME_ZONE": "Berlin"})
    assert result.exit_code == 1
    assert "LAKEHOUSE_BUSINESS_TIME_ZONE" in plain(result)
    assert 'expected an IANA time zone such as "Europe/Berlin"' in plain(result)


def test_run_says_how_to_select_when_nothing_has_the_name(lake: Any) -> None:
    result = call("run", "--select", "fct_order", env=lake.environment)
    assert result.exit_code == 1
    assert 'found "fct_order" (nothing has that name)' in plain(result)
    assert "Write a name (fct_orders)" in plain(result)
    assert call("run", "--select", "((", env=lake.environment).exit_code == 1


def test_a_quiet_run_that_is_good_prints_nothing_and_a_loud_one_its_layers(lake: Any) -> None:
    lake.land("returns", {})
    quiet = call("run", "--quiet", "--select", "group:raw", env=lake.environment)
    assert (quiet.exit_code, quiet.output) == (0, "")
    loud = call("run", "--select", "raw_returns stg_returns", env=lake.environment)
    assert loud.exit_code == 0
    assert re.search(r"staging.*done in \d+\.\d s, run [0-9a-f-]{36}", plain(loud))
    assert lake.rows("select return_id from stg_returns") == [("r1",)]


def test_what_feeds_a_table_is_all_that_feeds_it(lake: Any) -> None:
    """In an empty lake nothing else stands, so the first table of the way would be missed."""
    lake.land("fx_rates", {"date": "2025-01-01", "currency": "GBP", "rate": "1.2"})
    assert call("run", "--quiet", "--select", "+core_fx_rates", env=lake.environment).exit_code == 0
    assert lake.rows("select count(*) from core_fx_rates") == [(1,)]


def test_generate_fills_a_landing_folder_and_says_so(tmp_path: Path) -> None:
    arguments = ["--orders", "30", "--start", "2025-01-01", "--end", "2025-02-01"]
    result = call("generate", *arguments, "--into", str(tmp_path / "in" / "landing"))
    assert result.exit_code == 0
    assert re.search(r"\d+ files in .*landing in \d+\.\d s: .* order_items", plain(result))
    assert (tmp_path / "in" / "ground_truth.json").exists()
    assert list((tmp_path / "in" / "landing" / "orders").glob("*.csv"))


@pytest.mark.parametrize(("option", "wanted"), [([], True), (["--no-troubles"], False)])
def test_generate_leaves_troubles_out_when_asked(tmp_path: Path, option: list[str], *, wanted: bool) -> None:
    arguments = ["--orders", "30", "--start", "2025-01-01", "--end", "2025-02-01", *option]
    assert call("generate", *arguments, "--into", str(tmp_path / "landing")).exit_code == 0
    truth = json.loads((tmp_path / "ground_truth.json").read_text(encoding="utf-8"))
    assert truth["plan"]["troubles"] is wanted


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--start", "1.1.2025"], "--start: expected a date like 2025-01-31, found '1.1.2025'"),
        (["--start", "2025-02-01", "--end", "2025-01-01"], "end: expected a day after start"),
    ],
)
def test_generate_tells_what_it_expects(arguments: list[str], told: str) -> None:
    result = call("generate", *arguments)
    assert result.exit_code == 1
    assert told in plain(result)


def test_the_demo_does_not_mix_with_real_files(lake: Any) -> None:
    lake.land("orders", {})
    result = call("demo", "--orders", "10", env=lake.environment)
    assert result.exit_code == 1
    assert "expected an empty landing folder, found 1 other files" in plain(result)
    assert "LAKEHOUSE_DATA_DIR=" in plain(result)
    assert len(list(lake.settings.paths.landing.rglob("*.csv"))) == 1


def test_another_company_does_not_mix_with_the_first(tmp_path: Path) -> None:
    arguments = [
        "--orders",
        "30",
        "--start",
        "2025-01-01",
        "--end",
        "2025-02-01",
        "--into",
        str(tmp_path / "landing"),
    ]
    assert call("generate", *arguments).exit_code == 0
    assert call("generate", *arguments).exit_code == 0
    result = call("generate", *arguments, "--seed", "8")
    assert result.exit_code == 1
    assert "expected an empty landing folder" in plain(result)


def test_a_report_without_published_tables_says_what_to_run(tmp_path: Path) -> None:
    result = call("report", env={"LAKEHOUSE_DATA_DIR": str(tmp_path)})
    assert result.exit_code == 1
    assert "expected published tables" in plain(result)


def test_docs_says_whether_the_dictionary_is_up_to_date(tmp_path: Path) -> None:
    path = str(tmp_path / "dictionary.md")
    missing = call("docs", "--check", "--path", path)
    assert missing.exit_code == 1
    assert "Run: lakehouse docs" in plain(missing)
    assert call("docs", "--path", path).exit_code == 0
    assert call("docs", "--check", "--path", path).exit_code == 0


def test_a_name_that_is_no_command_is_told() -> None:
    assert call("rnu").exit_code == 2
