"""`lakehouse anomalies`: what needs attention, one of them whole, and answers that land and are taken."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console, ConsoleDimensions
from typer.testing import CliRunner, Result

from lakehouse.cli import app
from lakehouse.cli_anomalies import anomalies
from lakehouse.metrics.anomalies.answer import land, word_on
from lakehouse.metrics.anomalies.feedback import Shown, last_words
from lakehouse.metrics.anomalies.tables import TYPES
from lakehouse.metrics.tables import TYPES as KPI_TYPES

COMMANDS = sorted(command.name for command in anomalies.registered_commands if command.name)
WIDTH = 80
HOSTILE = 'Côte "d\'Ivoire", [red]\u202ex,\ny'

COMMON: dict[str, Any] = {
    "kpi": "total_revenue", "cadence": "daily", "dimension": "", "segment": "", "started_on": "2026-03-28",
    "detected_on": "2026-03-28", "ended_on": "2026-03-30", "is_open": False, "direction": "down", "is_good": False,
    "methods": ["expectation", "z-score"], "confidence": 0.97, "expected": 12000.0, "actual": 2000.5,
    "impact": -9999.5, "relative_impact": -0.83, "money": 9999.5, "status": "closed", "part_of": None,
    "verdict": "causes", "explanation": "Germany is the change.", "sentence": "Total revenue fell by 83 %.", "note": None,
}  # fmt: skip
PUBLISHED: tuple[dict[str, Any], ...] = (
    {"anomaly": "rev-1a", "is_open": True, "status": "open", "ended_on": "2026-03-31"},
    {"anomaly": "rev-1b", "money": 50.0, "dimension": "country", "segment": HOSTILE, "sentence": f"{HOSTILE} fell."},
    {"anomaly": "web-2", "kpi": "conversion_rate", "money": None, "relative_impact": 0.4, "is_good": True},
    {"anomaly": "web-3", "kpi": "conversion_rate", "money": None, "relative_impact": -0.5, "verdict": "not searched"},
    {"anomaly": "old-4", "started_on": "2026-03-01", "detected_on": "2026-03-01", "ended_on": "2026-03-16"},
    {"anomaly": "part-5", "part_of": "rev-1a", "dimension": "country", "segment": "DE", "is_open": True, "status": "open"},
    {"anomaly": "said-6", "status": "expected", "note": "stock taking"},
    {"anomaly": "said-7", "status": "muted", "note": "known", "is_open": True},
    {"anomaly": "said-8", "status": "confirmed", "money": 1e9},
)  # fmt: skip


@pytest.fixture(autouse=True)
def _is_a_common_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Console, "size", ConsoleDimensions(WIDTH, 50))
    monkeypatch.chdir(tmp_path)


def call(*arguments: str, env: dict[str, str]) -> Result:
    return CliRunner().invoke(app, ["anomalies", *arguments], env=env)


def plain(result: Result) -> str:
    """The output as one line, as a terminal may break it anywhere."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", result.output).split())


def strict(text: str) -> Any:
    """JSON as its standard has it: no NaN, no Infinity."""

    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def insert(connection: duckdb.DuckDBPyConnection, table: str, row: dict[str, Any]) -> None:
    marks = ", ".join("?" for _ in row)
    connection.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values()))


@pytest.fixture
def published(lake: Any) -> Callable[..., dict[str, str]]:
    """A lake whose published copy holds these anomalies; its environment."""

    def publish(*rows: dict[str, Any], as_of: str | None = "2026-03-31") -> dict[str, str]:
        lake.settings.paths.data_dir.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(lake.settings.paths.marts)) as connection:
            for name, columns in {**TYPES, "kpi_definitions": KPI_TYPES["kpi_definitions"]}.items():
                connection.execute(f"create or replace table {name} ({columns})")
            connection.execute("create or replace table run_settings (reporting_currency varchar)")
            connection.execute("insert into run_settings values ('EUR')")
            for kpi, label, unit in (
                ("total_revenue", "Total revenue", "EUR"),
                ("conversion_rate", "Conversion", "ratio"),
            ):
                insert(
                    connection,
                    "kpi_definitions",
                    {"kpi": kpi, "label": label, "unit": unit, "as_of_date": as_of},
                )
            for row in rows:
                insert(connection, "anomalies", {**COMMON, **row})
            cause = {
                "anomaly": "rev-1a", "rank": 1, "segment": "country=Germany", "effect": "volume", "contribution": -9600.0,
                "share": 0.96, "expected": 10000.0, "actual": 400.0, "confidence": 0.99, "sentence": "Germany fell.",
            }  # fmt: skip
            insert(connection, "root_causes", cause)
            for factor, contribution in (("order_count", -9000.0), ("revenue_per_order", -999.5)):
                said = {
                    "anomaly": "rev-1a",
                    "factor": factor,
                    "before": 140.0,
                    "after": 20.0,
                    "contribution": contribution,
                }
                insert(connection, "anomaly_factors", said)
        return dict(lake.environment)

    return publish


def ids(result: Result) -> list[str]:
    return [one["anomaly"] for one in strict(result.output)]


def landed(lake: Any) -> list[dict[str, str]]:
    """The rows that wait in landing, the earliest first."""
    folder = lake.settings.paths.landing / "anomaly_feedback"
    found = []
    for path in sorted(folder.iterdir()):
        with path.open(encoding="utf-8", newline="") as stream:
            found += list(csv.DictReader(stream))
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str, lake: Any) -> None:
    result = call(command, "--help", env=lake.environment)
    assert result.exit_code == 0
    assert re.search(rf"Examples?: .*lakehouse anomalies {command}", plain(result))


def test_what_needs_attention_is_unanswered_recent_and_no_part_the_most_money_first(published: Any) -> None:
    env = published(*PUBLISHED)
    # Without money the bad ones come first.
    assert ids(call("list", "--json", env=env)) == ["rev-1a", "rev-1b", "web-3", "web-2"]
    assert len(ids(call("list", "--all", "--json", env=env))) == len(PUBLISHED)
    assert ids(call("list", "--since", "2026-03-16", "--json", env=env)) == [
        "old-4", "rev-1a", "rev-1b", "web-3", "web-2",
    ]  # fmt: skip
    assert ids(call("list", "--since", "2026-03-31", "--json", env=env)) == ["rev-1a"]
    assert ids(call("list", "--kpi", "conversion_rate", "--json", env=env)) == ["web-3", "web-2"]


def test_the_list_fits_the_terminal_and_says_what_happened(published: Any) -> None:
    result = call("list", env=published(*PUBLISHED))
    assert result.exit_code == 0
    assert max(len(line) for line in result.output.splitlines()) <= WIDTH
    told = plain(result)
    assert told.startswith("4 anomalies need attention, as of 31 Mar 2026. rev-1a open ")
    assert (
        "total_revenue · since 28 Mar 2026 · 10,000 EUR at stake · very likely real (97%) Total revenue fell by 83 %."
        in told
    )
    assert "[red]" in told
    assert "\u202e" not in told
    assert "money at stake unknown" in told


def test_a_quiet_day_is_said_in_one_line(published: Any) -> None:
    env = published(*PUBLISHED[-3:])
    assert call("list", env=env).output == "Nothing needs attention, as of 31 Mar 2026.\n"
    env = published(as_of=None)
    assert call("list", env=env).output == "Nothing needs attention.\n"
    assert call("list", "--json", env=env).output == "[]\n"
    assert call("list", "--all", env=env).output == "0 anomalies.\n"


def test_one_is_shown_whole(published: Any) -> None:
    env = published(*PUBLISHED)
    result = call("show", "rev-1a", env=env)
    assert result.exit_code == 0
    assert max(len(line) for line in result.output.splitlines()) <= WIDTH
    told = plain(result)
    for expected in (
        "Total revenue (total_revenue), daily",
        "expected 12,000 EUR",
        "actual 2,000.50 EUR",
        "change -9,999.50 (-83.0%), the bad way",
        "worth 10,000 EUR at stake",
        "very likely real (97%)",
        "expectation, z-score",
        "order_count 140 20 -9,000",
        "country=Germany volume 10,000 400 -9,600 96%",
        "96% Germany is the change.",
        "part: part-5 total_revenue, country=DE",
    ):
        assert expected in told
    said = strict(call("show", "rev-1a", "--json", env=env).output)
    assert said["causes"][0]["segment"] == "country=Germany"
    assert [one["factor"] for one in said["factors"]] == ["order_count", "revenue_per_order"]
    assert (said["parts"], said["methods"]) == (["part-5"], ["expectation", "z-score"])


def test_one_without_causes_money_or_verdict_on_its_way_is_shown(published: Any) -> None:
    env = published({**PUBLISHED[2], "is_good": None, "relative_impact": None, "methods": []})
    told = plain(call("show", "web-2", env=env))
    assert "neither good nor bad" in told
    assert "worth money at stake unknown" in told
    env = published(PUBLISHED[3])
    assert "No causes (not searched): Germany is the change." in plain(call("show", "web-3", env=env))


def test_the_beginning_of_an_id_is_enough_where_no_other_begins_so(published: Any) -> None:
    env = published(*PUBLISHED)
    assert plain(call("show", "old", env=env)) == plain(call("show", "old-4", env=env))
    several = call("show", "rev", env=env)
    assert several.exit_code == 1
    assert 'expected the id of one anomaly, found "rev", with which 2 begin: rev-1a, rev-1b' in plain(several)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", "reb-1a"), 'expected the id of an anomaly, found "reb-1a". Did you mean "rev-1a"?'),
        (
            ("show", "?"),
            'expected the id of an anomaly, found "?". List them: lakehouse anomalies list --all',
        ),
        (("show", ""), 'expected the id of an anomaly, found "".'),
        (("confirm", "zzz"), 'expected the id of an anomaly, found "zzz".'),
        (
            ("list", "--kpi", "total_revenu"),
            '--kpi: expected the name of a KPI, found "total_revenu". Did you mean "total_revenue"?',
        ),
        (("list", "--since", "May"), "--since: expected a date like 2025-01-31, found 'May'."),
        (
            ("confirm", "rev-1a", "--note", " \n"),
            "--note: expected why, in a few words, found an empty text.",
        ),
        (("mute", "rev-1a", "--note", "x" * 1001), "expected at most 1,000 characters, found 1,001."),
    ],
)
def test_a_wrong_argument_is_told_and_lands_nothing(
    arguments: tuple[str, ...], told: str, published: Any, lake: Any
) -> None:
    result = call(*arguments, env=published(*PUBLISHED))
    assert result.exit_code == 1
    assert told in plain(result)
    assert not lake.settings.paths.landing.exists()


@pytest.mark.parametrize("command", ["mute", "expected"])
def test_muting_and_expecting_take_a_reason(command: str, published: Any, lake: Any) -> None:
    result = call(command, "rev-1a", env=published(*PUBLISHED))
    assert result.exit_code == 2
    assert "--note" in plain(result)
    assert not lake.settings.paths.landing.exists()


def test_before_the_first_run_there_are_none(lake: Any) -> None:
    for arguments in (("list",), ("show", "a"), ("confirm", "a")):
        result = call(*arguments, env=lake.environment)
        assert result.exit_code == 1
        assert "expected published anomalies, found none in" in plain(result)
    lake.settings.paths.data_dir.mkdir(parents=True)
    duckdb.connect(str(lake.settings.paths.marts)).close()
    assert "expected published anomalies, found none in" in plain(call("list", env=lake.environment))


def test_an_answer_is_one_row_that_says_what_it_was_said_of(published: Any, lake: Any) -> None:
    env = published(*PUBLISHED)
    begun = datetime.now().astimezone()
    result = call("expected", "rev-1b", "--note", " stock\n taking ", "--by", "ada", env=env)
    assert result.exit_code == 0
    [row] = landed(lake)
    assert {key: row[key] for key in row if key not in ("feedback_id", "decided_at")} == {
        "anomaly": "rev-1b", "kpi": "total_revenue", "dimension": "country", "segment": HOSTILE, "direction": "down",
        "started_on": "2026-03-28", "ended_on": "2026-03-30", "verdict": "expected", "muted_until": "",
        "note": "stock taking", "decided_by": "ada",
    }  # fmt: skip
    said_at = datetime.fromisoformat(f"{row['decided_at']}+00:00")
    assert abs(said_at - begun) < timedelta(minutes=5)
    [path] = (lake.settings.paths.landing / "anomaly_feedback").iterdir()
    assert re.fullmatch(r"\d{8}T\d{12}Z-rev-1b\.csv", path.name)
    told = plain(result)
    assert '2026-03-28 to 2026-03-30 are days of "stock taking"' in told
    assert "It counts from the next run on: lakehouse run" in told


def test_a_mute_reaches_from_the_last_day_of_data(published: Any, lake: Any) -> None:
    env = published(*PUBLISHED)
    told = plain(call("mute", "old-4", "--days", "7", "--note", "known", env=env))
    assert "old-4: muted, and its like (total_revenue, down) through 2026-04-07." in told
    assert call("mute", "rev-1a", "--note", "known", env=env).exit_code == 0
    assert [row["muted_until"] for row in landed(lake)] == [
        "2026-04-07",
        str(date(2026, 3, 31) + timedelta(28)),
    ]
    assert call("mute", "rev-1a", "--days", "0", "--note", "known", env=env).exit_code == 2


def test_every_answer_has_a_file_and_a_number_of_its_own(published: Any, lake: Any) -> None:
    env = published(*PUBLISHED)
    for command in ("confirm", "reopen", "confirm"):
        assert call(command, "rev-1a", env=env).exit_code == 0
    rows = landed(lake)
    assert [row["verdict"] for row in rows] == ["confirm", "reopen", "confirm"]
    numbers = [row["feedback_id"] for row in rows]
    assert numbers == sorted(set(numbers))
    assert all(row["decided_by"] and not row["note"] for row in rows)


def test_an_answer_that_cannot_be_written_is_told(published: Any, lake: Any) -> None:
    env = published(*PUBLISHED)
    lake.settings.paths.landing.write_text("in the way", encoding="utf-8")
    result = call("confirm", "rev-1a", env=env)
    assert result.exit_code == 1
    assert "expected to write into" in plain(result)


def test_what_was_expected_and_is_no_anomaly_any_more_can_be_opened_again(published: Any, lake: Any) -> None:
    env = published(*PUBLISHED)
    assert call("expected", "rev-1b", "--note", "stock taking", env=env).exit_code == 0
    lake.run("+stg_anomaly_feedback")
    env = published(PUBLISHED[0])
    assert plain(call("reopen", "rev-1b", env=env)).startswith("rev-1b: open again")
    first, last = landed(lake)
    told = ("anomaly", "kpi", "dimension", "segment", "direction", "started_on", "ended_on")
    assert [last[key] for key in told] == [first[key] for key in told]
    assert 'found "rev-9"' in plain(call("reopen", "rev-9", env=env))
    assert call("show", "rev-1b", env=env).exit_code == 1


def test_landed_feedback_is_taken_whole_and_moves_no_as_of_date(lake: Any) -> None:
    lake.land("orders", {})
    lake.land("order_items", {})
    lake.run()
    before = lake.rows("select as_of_date from run_settings")
    known = lake.published("select kpi, complete_through, status from kpi_definitions order by kpi")
    about = Shown("odd / id", "mrr", "country", HOSTILE, "up", date(2031, 1, 1), date(2031, 1, 2))
    words = [
        word_on(
            about, "mute", note=HOSTILE, by="ada", at=datetime(2031, 2, 1, hour), muted_until=date(2031, 3, 1)
        )
        for hour in (8, 9)
    ]
    for word in words:
        land(word, lake.settings.paths.landing)
    lake.land(
        "promotions",
        {
            "promotion_id": "p1",
            "name": "Sale",
            "kind": "",
            "starts_on": "2031-01-01",
            "ends_on": "2031-01-02",
            "country": "",
        },
    )
    lake.run()
    assert lake.rows("select count(*) from quarantine") == [(0,)]
    assert lake.rows("select as_of_date from run_settings") == before
    assert lake.published("select kpi, complete_through, status from kpi_definitions order by kpi") == known
    assert lake.rows("select kind, country from stg_promotions") == [(None, None)]
    with duckdb.connect(str(lake.settings.paths.warehouse), read_only=True) as connection:
        [last] = last_words(connection)
    assert last == words[1]
