"""The operations report holds what the lake's account holds, in every state of a lake, and prints hostile names as text."""

import re
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from lakehouse.reports.dataset import Filter, narrowed, shown, value_of
from lakehouse.reports.freshness import stale_warnings
from lakehouse.reports.history import RunRecord
from lakehouse.reports.operations_quarantine import sample_text
from lakehouse.reports.page import Page, Section, Table
from lakehouse.reports.render import render

if TYPE_CHECKING:
    from conftest import Published

NOW = datetime(2026, 3, 1, 6, 30)
HOSTILE = (
    "</script><script>alert(1)</script>",
    "\u202eright to left\u202c \u200fmark",
    "long " * 60,
    "☕ mug 👩‍🍳",
    "control \x00\x0b\x1f and\nline",
    "\"quoted\" & 'quoted' {{ 7 * 7 }}",
    "=cmd|' /C calc'!A0",
)


def section(page: Page, section_id: str) -> Section:
    return next(each for each in page.sections if each.section_id == section_id)


def table(page: Page, table_id: str) -> Table:
    tables = [each for part in page.sections for each in part.tables]
    return next(each for each in tables if each.table_id == table_id)


def rows(page: Page, table_id: str, chosen: Filter | None = None) -> list[dict[str, Any]]:
    return shown(table(page, table_id).source, chosen or Filter()).to_dicts()


def test_every_state_of_a_lake_gives_a_page_and_the_same_bytes_again(published_state: "Published") -> None:
    html = render(published_state.page)
    assert html == render(published_state.page)
    assert ">None<" not in html
    assert "nan" not in html.lower().split("page-library")[0].replace("finance", "")


def test_tiles_give_the_last_28_days_against_the_28_before(published: "Published") -> None:
    published.fill("busy")
    tiles = {tile.label: (tile.value, tile.basis) for tile in section(published.page, "key-figures").tiles}
    rows = "sum(rows) filter (ingested_at > timestamp '2026-02-02'), sum(rows) filter (ingested_at between '2026-01-05' and '2026-02-02')"
    ((now, before),) = published.connection.execute(f"select {rows} from meta_files").fetchall()
    assert tiles["Rows landed"] == (f"{now:,}", f"before: {before:,}")
    assert tiles["Files taken"][0] == "30"
    assert tiles["Rows quarantined"] == ("40", "before: 14")
    assert tiles["Share quarantined"] == ("1.8%", "before: 0.1%")


def test_periods_without_files_count_as_none(published: "Published") -> None:
    published.fill("after_a_pause")
    page = published.page
    chart = section(page, "landed").charts[0]
    by_day = narrowed(chart.table.source)
    assert len(by_day) == 61
    assert by_day["landed"].to_list() == [60, *[0] * 59, 10]
    tile = section(page, "key-figures").tiles[0]
    assert tile.measure is not None
    assert value_of(tile.measure, Filter(by_day["start"][30], by_day["start"][31], "orders")) == 0


def test_a_choice_of_feed_narrows_the_page_to_it(published: "Published") -> None:
    published.fill("busy")
    page = published.page
    assert page.filters is not None
    assert page.filters.members == ("customers", "orders", "returns")
    chosen = Filter(member="returns")
    assert {row["feed"] for row in rows(page, "newest-files", chosen)} == {"returns"}
    assert [row["feed"] for row in rows(page, "layers-by-feed", chosen)] == ["returns"]
    assert [(row["feed"], row["rows"]) for row in rows(page, "quarantine-by-reason", chosen)] == [
        ("returns", 1)
    ]
    assert [row["feed"] for row in rows(page, "quarantine-samples", chosen)] == ["returns"]
    assert [row["feed"] for row in rows(page, "feed-freshness", chosen)] == ["returns"]


def test_layers_hold_every_row_also_those_before_the_first_whole_week(published: "Published") -> None:
    published.fill("weekly")
    page = published.page
    assert "the unfinished first one is left out" in section(page, "landed").charts[0].note
    assert [row["landed"] for row in rows(page, "layers-by-feed")] == [2000]
    assert [(row["name"], row["rows"]) for row in rows(page, "published-tables")] == [
        ("fct_orders", 1234),
        ("dim_date", 7),
    ]


def test_reasons_are_counted_by_feed_and_over_all_feeds(published: "Published") -> None:
    published.fill("busy")
    page = published.page
    assert [(row["feed"], row["reason"], row["rows"]) for row in rows(page, "quarantine-by-reason")] == [
        ("orders", "created_at: missing", 7),
        ("orders", "status: unknown", 5),
        ("returns", "created_at: missing", 1),
    ]
    chart = section(page, "quarantine").charts[0]
    assert shown(chart.table.source).select("label", "rows").rows() == [
        ("created_at: missing", 8),
        ("status: unknown", 5),
    ]


def test_rare_reasons_are_summed_and_none_is_lost(published: "Published") -> None:
    published.file("orders", 0, 100, bad=100)
    for number in range(40):
        published.reject("orders", 0, f"reason {number}", times=1 + number % 3)
    source = table(published.page, "quarantine-by-reason").source
    everything = narrowed(source)
    assert (
        everything["rows"].sum()
        == published.connection.execute("select count(*) from quarantine").fetchall()[0][0]
    )
    assert "(other reasons)" in everything["reason"].to_list()


def test_a_sample_shows_the_cell_that_its_reason_names_first(published: "Published") -> None:
    published.file("orders", 0, 9, bad=9)
    cells = (
        '{"id": "7", "name": "'
        + "x" * 90
        + '", "Quantity": "ten", "note": null, "a": "1", "b": "2", "c": "3"}'
    )
    published.reject("orders", 0, "quantity: expected a whole number", row=cells, times=9)
    found = rows(published.page, "quarantine-samples")
    assert len(found) == 3
    assert (
        found[0]["cells"] == f"Quantity: ten · id: 7 · name: {'x' * 31}… · note: (empty) · a: 1 · and 2 more"
    )


@pytest.mark.parametrize("row", [None, "", "not json", "[1, 2]", '"text"', "7", "null"])
def test_a_row_that_is_no_record_shows_nothing(row: str | None) -> None:
    assert sample_text(row, "reason") == "-"


def test_masked_cells_are_shown_as_masked(published: "Published") -> None:
    published.file("customers", 0, 3, bad=3)
    published.reject("customers", 0, "email: required", row='{"id": "1", "email": "•••"}')
    published.reject("customers", 0, "the row has 9 columns", row='{"_text": "•••"}')
    published.reject("customers", 0, "the header is missing", row='{"_row": "•••"}')
    cells = {row["cells"] for row in rows(published.page, "quarantine-samples")}
    assert cells == {"email: ••• · id: 1", "text of the line: •••", "the row: •••"}


def test_a_failed_run_is_listed_with_its_status_and_the_current_one_as_running(
    published: "Published",
) -> None:
    published.fill("busy")
    published.connection.execute("insert into meta_runs values ('run-1', ?, 12.3, 500, 480, 20, 900)", [NOW])
    found = {row["run_id"]: row for row in rows(published.page, "newest-runs")}
    assert [found[f"run-{number}"]["status"] for number in (0, 5, 6)] == ["running", "failed", "canceled"]
    assert found["run-0"]["seconds"] is None
    assert (found["run-1"]["landed_rows"], found["run-1"]["model_rows"]) == (500, 900)
    labels = shown(section(published.page, "runs").charts[0].table.source)["label"].to_list()
    assert labels[0] == "1 Mar 05:30"
    assert "failed, 1 Mar 01:30" in labels


def test_failing_checks_are_listed_with_their_texts_errors_first(published: "Published") -> None:
    published.fill("busy")
    page = published.page
    assert [(row["severity"], row["check"], row["text"]) for row in rows(page, "failing-checks")] == [
        ("error", "stg_orders.quarantine_ratio", "12 of 12 rows are in quarantine."),
        ("warning", "stg_orders.files_readable", "2 rejected whole."),
        ("warning", "stg_orders.freshness", "The newest is old."),
    ]
    assert page.warnings[0].startswith("1 check of severity error fails: ")


def test_every_late_feed_warns_the_latest_first(published: "Published") -> None:
    published.fill("after_a_pause")
    warnings = stale_warnings(published.connection)
    assert [re.findall(r"feed_(\d)", text)[0] for text in warnings] == ["5", "4", "3", "2", "1", "0"]
    assert published.page.warnings == warnings


def test_a_copy_that_knows_no_freshness_says_so(published: "Published") -> None:
    published.fill("busy")
    published.connection.execute("drop table meta_feeds")
    page = published.page
    assert stale_warnings(published.connection) == ()
    assert "lakehouse run" in section(page, "freshness").empty
    assert "late" not in page.summary.text


def test_hostile_names_are_text(published: "Published") -> None:
    for number, name in enumerate(HOSTILE):
        published.file(name, number, 10, bad=1, name=name, status=name)
        published.reject(name, number, name, row='{"' + "k" * 400 + '": "</script>"}', file=name)
        published.feed(name, limit=1, age=5)
        published.check(name, "error", name, passed=False)
        published.runs.append(RunRecord(name, NOW, Decimal(number), "failed", name))
    page = published.page
    html = render(page)
    assert "<script>alert" not in html
    assert "\x00" not in html
    assert page.filters is not None
    for feed in page.filters.members:
        assert rows(page, "newest-files", Filter(member=feed)), feed
        assert rows(page, "quarantine-by-reason", Filter(member=feed)), feed


def test_a_hundred_thousand_files_fit_on_a_page(published: "Published") -> None:
    published.connection.execute(
        "insert into meta_files select 'feed_' || (range % 20), 'feed_' || (range % 20) || '/a_rather_long_name_' || range || '.csv', "
        "'hash', 100, 90, 5, 3, 2, timestamp '2023-01-01' + to_minutes(cast(range * 16 as integer)), 'b', 'loaded' from range(100000)"
    )
    published.connection.execute(
        "insert into quarantine select feed, file, 7, ['column_' || (hash(file) % 300) || ': expected a number'], "
        """'{"id": "' || repeat('x', 300) || '"}', ingested_at from meta_files"""
    )
    for number in range(50):
        published.run(number, "succeeded", "12.5")
        published.check(f"check_{number}", "warning", "word " * 200, passed=False)
    page = published.page
    assert len(rows(page, "newest-files")) == 50
    assert table(page, "newest-files").note.startswith("The newest 50 of 100,000 files")
    assert len(render(page, is_interactive=False).encode()) < 700_000
    assert len(render(page).encode()) < 2_000_000
