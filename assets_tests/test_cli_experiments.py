"""`lakehouse experiment`: plans, the list and readouts, as tables and as JSON, and what is said when there is none."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console, ConsoleDimensions
from typer.testing import CliRunner, Result

from lakehouse.cli import app
from lakehouse.cli_experiments import experiments
from lakehouse.experiments.planning import plan
from lakehouse.experiments.readout_build import write_rows
from lakehouse.experiments.readout_rows import TABLES, HealthRow, ReadoutRow, SegmentRow
from lakehouse.experiments.tables import TYPES

COMMANDS = sorted(command.name for command in experiments.registered_commands if command.name)
HOSTILE = "\x1b[2Jnew [red]\u202e\nline"


@pytest.fixture(autouse=True)
def _is_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables stand as they are, whatever terminal the tests run in."""
    monkeypatch.setattr(Console, "size", ConsoleDimensions(220, 50))


def call(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, ["experiment", *arguments], env=env)


def plain(result: Result) -> str:
    """The output as one line, as a terminal may break it anywhere."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", result.output).split())


def strict(text: str) -> Any:
    """JSON as its standard has it: no NaN, no Infinity."""

    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture(autouse=True)
def _no_lake_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def row(metric: str = "activation", role: str = "primary", **more: Any) -> ReadoutRow:
    """A readout's row in which every figure differs from the others."""
    figures = {
        "n": 1000, "n_control": 1001, "mean": 0.125, "mean_control": 0.1, "effect": 0.025, "effect_low": 0.01,
        "effect_high": 0.04, "standard_error": 0.0077, "lift": 0.25000000000000006, "lift_low": 0.1, "lift_high": 0.4,
        "p_value": 0.0012, "p_adjusted": 0.0024, "decisive_p": 0.0024, "decided_by": "fixed", "family": "primary",
    }  # fmt: skip
    given: dict[str, Any] = {
        "experiment_id": "onboarding_checklist", "metric": metric, "role": role, "kind": "proportion",
        "variant": "checklist", "control": "control", "label": metric.capitalize(), "direction": "up", "status": "ok",
        "reason": "It moved.", "decision": "ship" if role == "primary" else None,
    }  # fmt: skip
    return ReadoutRow(**{**given, **(figures if more.get("status", "ok") == "ok" else {}), **more})


def refused(metric: str = "activation", role: str = "primary", **more: Any) -> ReadoutRow:
    reason = "no readout, because no eligible unit was exposed to it"
    return row(metric, role, **{"status": "no readout", "reason": reason, "decision": None, **more})


Publish = Callable[..., dict[str, str]]


@pytest.fixture
def published(lake: Any) -> Publish:
    """Makes a published copy of one experiment with these rows; gives the environment of its lake."""

    def make(
        *rows: ReadoutRow,
        health: tuple[HealthRow, ...] = (),
        segments: tuple[SegmentRow, ...] = (),
        name: str = "onboarding_checklist",
    ) -> dict[str, str]:
        path = lake.settings.paths.marts
        path.parent.mkdir(parents=True)
        with duckdb.connect(str(path)) as connection:
            for table, columns in TYPES.items():
                connection.execute(f"create table {table} ({columns})")
            connection.execute("create table run_settings (business_time_zone text, reporting_currency text)")
            connection.execute(
                "insert into exp_experiments by name select $1 as experiment_id, 'A checklist' as name, 'o' as owner, "
                "'It helps.' as hypothesis, 'randomized' as design, 'visitor' as unit, '2025-01-20' as starts, "
                "'2025-03-03' as ends, 'control' as control, 'exclude' as handling, date '2025-05-01' as as_of_date, "
                "0.05 as alpha, 0.2 as minimum_effect, map(['control', 'checklist'], [0.5, 0.5]) as planned",
                [name],
            )
            for table in TABLES:
                written: Any = {"exp_readout": rows, "exp_health": health, "exp_segments": segments}
                write_rows(connection, table, written.get(table, ()))
            connection.execute(
                "insert into exp_aggregate by name select $1 as experiment_id, 'activation' as metric, 'control' as variant, "
                "'exclude' as handling, 'unit' as level, 1000 as n, 200 as s_y, 200 as yy",
                [name],
            )
        environment: dict[str, str] = lake.environment
        return environment

    return make


def test_the_commands_of_the_docs_exist() -> None:
    assert COMMANDS == ["list", "plan", "readout"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_an_example(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert re.search(rf"Examples?: .*lakehouse experiment {command}", plain(result))


def test_a_plan_tells_units_days_and_what_other_effects_would_take() -> None:
    result = call("plan", "--baseline", ".1", "--mde", ".02", "--daily-units", "5000")
    assert result.exit_code == 0
    found = plan(0.1, 0.02, daily_units=5000)
    assert f"{found.units:,} units are needed: {found.units_per_arm[0]:,} in the control" in plain(result)
    assert f"takes {found.days} days" in plain(result)
    for mde, size in ((0.01, "1%"), (0.04, "4%")):
        other = plan(0.1, mde, daily_units=5000)
        assert re.search(
            rf"{size} +{other.units_per_arm[0]:,} .* {other.units:,} +{other.days}( |$)", plain(result)
        )


def test_a_plan_as_json_has_every_figure() -> None:
    result = call(
        "plan", "--baseline", "25", "--sd", "40", "--mde", "1", "--scale", "absolute", "--variants", "3",
        "--split", "0.5,0.25,0.25", "--looks", "4", "--alpha", "0.1", "--power", "0.9", "--json",
    )  # fmt: skip
    told = strict(result.output)
    expected = plan(
        25, 1, kind="mean", sd=40, scale="absolute", arms=3, split=[0.5, 0.25, 0.25], looks=4, alpha=0.1, power=0.9
    )  # fmt: skip
    assert told["units_per_arm"] == list(expected.units_per_arm)
    assert (told["looks"], told["inflation"], told["days"]) == (4, expected.inflation, None)
    assert [one["size"] for one in told["alternatives"]] == [0.5, 1, 2]
    nothing_to_relate = call(
        "plan", "--baseline", "0", "--sd", "1", "--mde", "1", "--scale", "absolute", "--json"
    )
    assert strict(nothing_to_relate.output)["lift"] is None


def test_a_size_that_no_plan_finds_is_told_below_the_table() -> None:
    result = call("plan", "--baseline", ".6", "--mde", ".5")
    assert result.exit_code == 0
    assert "1: effect: expected a treatment rate between 0 and 1, found 1.2." in plain(result)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--baseline: expected the metric's level today"),
        (["--baseline", ".1"], "--mde: expected the smallest effect worth finding, or a margin, found neither"),
        (["--baseline", ".1", "--mde", "0"], "--mde: expected an effect other than 0"),
        (["--baseline", ".1", "--mde", "nan"], "--mde: expected a finite number"),
        (["--baseline", ".9", "--mde", "2"], "--mde: expected a treatment rate between 0 and 1"),
        (["--baseline", "1.5", "--mde", ".1"], "--baseline: expected a rate between 0 and 1"),
        (["--baseline", "5", "--mde", ".1", "--kind", "mean"], "--sd: expected the standard deviation"),
        (["--baseline", ".1", "--mde", ".1", "--kind", "median"], "--kind: expected one of"),
        (["--baseline", ".1", "--mde", ".1", "--variants", "1"], "--variants: expected at least 2"),
        (["--baseline", ".1", "--mde", ".1", "--split", "half"], "--split: expected numbers such as"),
        (["--baseline", ".1", "--mde", ".1", "--split", "1,2", "--variants", "3"], "--split: expected one share"),
        (["--baseline", ".1", "--mde", ".1", "--daily-units", "0"], "--daily-units: expected"),
        (["--baseline", ".1", "--margin", "2"], "--margin: expected less than 1"),
        (["onboarding_checklst"], 'found "onboarding_checklst". Did you mean "onboarding_checklist"?'),
        (["regional_radio_campaign"], "expected a randomized experiment, found design difference_in_differences"),
    ],
)  # fmt: skip
def test_a_plan_that_makes_no_sense_names_the_option(arguments: list[str], told: str) -> None:
    result = call("plan", *arguments)
    assert result.exit_code == 1
    assert told in plain(result)


def test_a_plan_takes_the_registrys_settings_where_no_option_is_given(published: Publish) -> None:
    """The effect and the split of the registry, and the control's level as published: 200 of 1,000."""
    environment = published(row())
    told = strict(call("plan", "onboarding_checklist", "--json", env=environment).output)
    assert told["units"] == plan(0.2, 0.2).units
    assert "Its control's level as last published: 0.2." in told["notes"]
    own = strict(call("plan", "onboarding_checklist", "--baseline", ".3", "--split", ".5,.3,.2", "--mde", ".1", "--json", env=environment).output)  # fmt: skip
    assert own["units"] == plan(0.3, 0.1, arms=3, split=[0.5, 0.3, 0.2]).units
    guarded = call("plan", "onboarding_checklist", "--margin", ".05", "--json", env=environment)
    assert strict(guarded.output)["effect"] == 0


def test_without_a_published_copy_a_plan_asks_for_the_level(lake: Any) -> None:
    result = call("plan", "onboarding_checklist", env=lake.environment)
    assert result.exit_code == 1
    assert "--baseline: expected the metric's level today" in plain(result)
    assert call("plan", "onboarding_checklist", "--baseline", ".2", env=lake.environment).exit_code == 0


def test_the_list_shows_the_registry_with_dates_and_verdicts(published: Publish, catalog: Any) -> None:
    environment = published(row())
    listed = {one["experiment_id"]: one for one in strict(call("list", "--json", env=environment).output)}
    assert set(listed) == set(catalog.experiments)
    assert listed["onboarding_checklist"]["verdicts"] == {"checklist": "ship"}
    assert (listed["onboarding_checklist"]["start"], listed["onboarding_checklist"]["end"]) == ("2025-01-20", "2025-03-03")  # fmt: skip
    assert listed["homepage_video"]["verdicts"] == {}
    shown = plain(call("list", env=environment))
    assert re.search(r"onboarding_checklist +2025-01-20 +2025-03-03 +ship ", shown)  # fmt: skip
    assert "not built yet" in shown


def test_the_list_needs_no_published_copy(lake: Any) -> None:
    result = call("list", env=lake.environment)
    assert result.exit_code == 0
    assert "onboarding_checklist" in result.output


def test_a_readout_begins_with_the_verdict(published: Publish) -> None:
    health = (
        HealthRow("onboarding_checklist", "sample_ratio", "pass", 0.4, 0.001, "The split is as planned."),
    )
    guardrail = row("sessions", "guardrail", direction="up", decisive_p=0.7)
    result = call("readout", "onboarding_checklist", env=published(row(), guardrail, health=health))
    assert result.exit_code == 0
    lines = plain(result)
    assert lines.startswith("Ship checklist: Activation changed by +25.0% (95% interval +10.0% to +40.0%)")
    assert lines.index("The split is as planned.") < lines.index("Metrics, with 95% intervals")
    assert re.search(r"Activation \(decides\) \+25\.0% \+10\.0% to \+40\.0% 0\.0024 better", lines)
    assert re.search(r"Sessions \(guardrail\) .* 0\.700 not told from chance", lines)


def test_a_readout_as_json_has_the_columns_of_its_tables_unrounded(published: Publish) -> None:
    known = row(cuped_effect=math.nan)
    told = strict(call("readout", "onboarding_checklist", "--json", env=published(known)).output)
    assert list(told["readout"][0]) == list(TABLES["exp_readout"].__dataclass_fields__)
    assert told["readout"][0]["lift"] == 0.25000000000000006
    assert told["readout"][0]["cuped_effect"] is None
    assert told["decisions"] == {"checklist": "ship"}
    assert told["verdict"].startswith("Ship checklist: ")
    assert (told["as_of_date"], told["planned"]) == ("2025-05-01", {"control": 0.5, "checklist": 0.5})
    assert "segments" not in told


def test_segments_are_shown_when_asked_for(published: Publish) -> None:
    segment = SegmentRow(
        "onboarding_checklist", "activation", "checklist", "device", HOSTILE, 10, 11, 0.5, 0.1, 0.9, 0.3, 0.2, 0.4,
        0.01, 0.02,
    )  # fmt: skip
    environment = published(row(), segments=(segment,))
    assert "Segments" not in call("readout", "onboarding_checklist", env=environment).output
    shown = call("readout", "onboarding_checklist", "--segments", env=environment)
    assert re.search(r"10 11 \+50\.0% \+30\.0% \+20\.0% to \+40\.0% 0\.020", plain(shown))
    # What stands in the data neither moves the cursor nor is markup.
    assert "\x1b[2J" not in shown.output
    assert "\u202e" not in shown.output
    assert "[red]" in shown.output
    told = strict(call("readout", "onboarding_checklist", "--segments", "--json", env=environment).output)
    assert told["segments"][0]["segment_value"] == HOSTILE


def test_an_experiment_without_a_readout_says_why_and_is_no_failure(published: Publish) -> None:
    health = (HealthRow("onboarding_checklist", "exposure_by_day", "warn", None, 0.0, "Nobody was exposed."),)
    environment = published(refused(), refused("revenue", "secondary"), health=health)
    result = call("readout", "onboarding_checklist", "--segments", env=environment)
    assert result.exit_code == 0
    assert plain(result).startswith("No readout, because no eligible unit was exposed to it.")
    assert "Revenue: no readout, because no eligible unit was exposed to it." in plain(result)
    assert "No segments" in plain(result)
    told = strict(call("readout", "onboarding_checklist", "--json", env=environment).output)
    assert told["decisions"] == {"checklist": None}
    assert told["readout"][0]["status"] == "no readout"


def test_an_effect_without_a_level_to_relate_it_to_is_shown_in_its_own_unit(published: Publish) -> None:
    nothing: dict[str, Any] = {"lift": None, "lift_low": None, "lift_high": None}
    shown = plain(call("readout", "onboarding_checklist", env=published(row(kind="mean", **nothing))))
    assert re.search(r"Activation \(decides\) \+0\.0250 \+0\.0100 to \+0\.0400 ", shown)


def test_a_readout_that_is_not_there_says_what_to_do(lake: Any, published: Publish) -> None:
    nothing = call("readout", "onboarding_checklist", env=lake.environment)
    assert nothing.exit_code == 1
    assert "expected published experiments, found none" in plain(nothing)
    assert "Run: lakehouse run" in plain(nothing)
    environment = published(row())
    misspelt = call("readout", "onboarding_checklst", env=environment)
    assert misspelt.exit_code == 1
    assert 'found "onboarding_checklst". Did you mean "onboarding_checklist"?' in plain(misspelt)
    newer = call("readout", "homepage_video", env=environment)
    assert newer.exit_code == 1
    assert "homepage_video: expected published tables that hold it, found none. Run: lakehouse run" in plain(
        newer
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("drop table exp_experiments", "expected published experiments, found none"),
        ("alter table exp_readout add column more int", "expected tables of this version"),
    ],
)
def test_a_copy_of_another_version_says_what_to_do(
    lake: Any, published: Publish, change: str, told: str
) -> None:
    environment = published(row())
    with duckdb.connect(str(lake.settings.paths.marts)) as connection:
        connection.execute(change)
    result = call("readout", "onboarding_checklist", env=environment)
    assert result.exit_code == 1
    assert told in plain(result)
    assert "Run: lakehouse run" in plain(result)


def test_a_copy_that_is_no_database_is_told(lake: Any) -> None:
    lake.settings.paths.marts.parent.mkdir(parents=True)
    lake.settings.paths.marts.write_text("no database")
    result = call("readout", "onboarding_checklist", env=lake.environment)
    assert result.exit_code == 1
    assert "expected a DuckDB file" in plain(result)


def test_the_json_of_a_real_run_is_the_published_table(company: Any) -> None:
    told = strict(
        call("readout", "onboarding_checklist", "--segments", "--json", env=company.environment).output
    )
    for table, found in (("exp_readout", told["readout"]), ("exp_segments", told["segments"])):
        assert found
        columns = ", ".join(found[0])
        rows = company.published(
            f"select {columns} from {table} where experiment_id = 'onboarding_checklist'"
        )
        written = [tuple(str(value) if isinstance(value, date) else value for value in row) for row in rows]
        assert sorted(map(repr, written)) == sorted(repr(tuple(one.values())) for one in found)
    shown = call("readout", "onboarding_checklist", env=company.environment)
    assert shown.exit_code == 0
    assert plain(shown).startswith(told["verdict"])
