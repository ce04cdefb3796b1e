"""The reports of a real lake, and what they tell of its runs and checks."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lakehouse.defs.history import check_records, run_records
from lakehouse.defs.home import open_instance
from lakehouse.reports.picture import MOST_BYTES

REPORTS = ("commerce_report", "operations_report")
FAILING = dg.AssetCheckKey(dg.AssetKey("stg_orders"), "quarantine_ratio")
HOLDING = dg.AssetCheckKey(dg.AssetKey("stg_orders"), "rows_conserved")


@pytest.fixture
def instance(lake: Any) -> Iterator[dg.DagsterInstance]:
    with open_instance(lake.settings.paths) as instance:
        yield instance


def report(lake: Any, name: str) -> str:
    return (lake.settings.paths.reports_dir / f"{name}.html").read_text(encoding="utf-8")


def test_a_failed_run_and_a_failing_check_stand_on_the_page(lake: Any, instance: dg.DagsterInstance) -> None:
    lake.land("orders", {}, file="good.csv")
    lake.changes["as_of"] = date(2026, 1, 9)
    lake.run()
    assert ">succeeded<" not in report(lake, "operations")
    assert ">running<" in report(lake, "operations")

    lake.land("orders", {"status": "lost"}, file="bad.csv")
    failed = lake.run(is_good=False)
    lake.run("group:reports")

    runs = run_records(instance)
    assert [run.status for run in runs] == ["succeeded", "failed", "succeeded"]
    assert runs[1].run_id == failed.run_id
    assert {run.started_by for run in runs} == {"command line"}
    assert all(run.seconds is not None and run.seconds > 0 for run in runs)
    (failing,) = check_records(instance, [FAILING])
    assert (failing.passed, failing.severity) == (False, "error")
    assert failing.text.startswith("1 of 1 rows of the last batch are in quarantine")
    (holding,) = check_records(instance, [HOLDING])
    assert holding.passed

    page = report(lake, "operations")
    assert "<td>failed</td>" in page
    assert failing.text.partition(".")[0] in page
    assert "stg_orders.quarantine_ratio" in page
    # The copy is the one before the failure; it knows that orders were late on the as-of day.
    for name in ("operations", "commerce"):
        assert "\u2068orders\u2069 is late" in report(lake, name)
    assert lake.published("select feed from meta_feeds where not is_fresh") == [("orders",)]


def test_a_check_that_is_only_planned_keeps_its_last_evaluation(
    lake: Any, instance: dg.DagsterInstance
) -> None:
    lake.land("orders", {}, file="good.csv")
    lake.run("stg_orders raw_orders")
    evaluated = check_records(instance, [HOLDING])
    assert [check.passed for check in evaluated] == [True]
    run = instance.create_run_for_job(_idle, status=dg.DagsterRunStatus.STARTING)
    planned = dg.DagsterEvent(
        dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value,
        "idle",
        event_specific_data=_planned(HOLDING),
    )
    instance.report_dagster_event(planned, run.run_id)
    assert check_records(instance, [HOLDING]) == evaluated
    assert run_records(instance)[0].status == "waiting"
    assert run_records(instance)[0].seconds is None
    assert check_records(instance, [dg.AssetCheckKey(dg.AssetKey("stg_orders"), "unheard_of")]) == ()


@dg.job
def _idle() -> None:
    """A job without steps."""


def _planned(key: dg.AssetCheckKey) -> Any:
    from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned

    return AssetCheckEvaluationPlanned(asset_key=key.asset_key, check_name=key.name)


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_asset_links_to_its_page_and_shows_a_picture_of_it(name: str, company: Any) -> None:
    with open_instance(company.settings.paths) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(name))
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    path = Path(metadata["path"].value)
    assert path == company.settings.paths.reports_dir / f"{name.removesuffix('_report')}.html"
    assert metadata["link"].value == path.as_uri()
    assert metadata["all reports"].value == (path.parent / "index.html").as_uri()
    assert metadata["size"].value == path.stat().st_size
    preview = metadata["preview"].value
    head, _, picture = preview.rstrip(")").partition("data:image/png;base64,")
    assert head.startswith("![")
    assert len(picture) <= MOST_BYTES
    assert base64.b64decode(picture).startswith(b"\x89PNG")


def test_the_index_lists_every_report(company: Any) -> None:
    index = (company.settings.paths.reports_dir / "index.html").read_text(encoding="utf-8")
    for page in ("anomalies.html", "commerce.html", "operations.html"):
        assert f'href="{page}"' in index
