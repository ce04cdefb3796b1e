"""Issues of a report on disk: the current one, its copies by day for a time, and an index that leads to all of them."""

import os
import subprocess
import sys
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from lakehouse.durable import write_whole
from lakehouse.reports.page import Origin, Page, Sentence
from lakehouse.reports.render import render
from lakehouse.reports.write import archived_days, issue_report, issue_reports, withdraw_reports

DAY = date(2025, 3, 1)
KEPT = 30


def page_of(as_of: date | None, name: str = "sales", run: str = "run-1") -> Page:
    return Page(name, "Sales", Sentence("Well."), Origin(run, "1.2.3"), as_of, None, ())


def issue(folder: Path, *days_ago: int, name: str = "sales", archive_days: int = KEPT) -> None:
    for ago in days_ago:
        issue_report(page_of(DAY - timedelta(days=ago), name), folder, archive_days)


class Links(HTMLParser):
    """The files that a page leads to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href") or ""
        if tag == "a" and not href.startswith(("#", "data:")):
            self.found.append(unquote(href))


def test_an_issue_is_the_page_its_copy_and_a_line_of_the_index(tmp_path: Path) -> None:
    page = page_of(DAY)
    path = issue_report(page, tmp_path, KEPT)

    assert path == tmp_path / "sales.html"
    assert path.read_text(encoding="utf-8") == render(page)
    assert (tmp_path / "archive" / "2025-03-01" / "sales.html").read_bytes() == path.read_bytes()
    assert Links(tmp_path / "index.html").found == ["sales.html"]
    assert not [each for each in tmp_path.rglob("*") if each.suffix == ".tmp"]


def test_made_again_for_the_same_day_it_replaces_its_copy(tmp_path: Path) -> None:
    issue(tmp_path, 0)
    issue_report(page_of(DAY, run="run-2"), tmp_path, KEPT)

    copy = tmp_path / "archive" / "2025-03-01" / "sales.html"
    assert "run-2" in copy.read_text(encoding="utf-8")
    assert len(list((tmp_path / "archive").rglob("*.html"))) == 1


def test_copies_are_kept_by_day_and_for_as_long_as_is_asked(tmp_path: Path) -> None:
    issue(tmp_path, 60, 31, 30, 1, 0)

    assert archived_days(tmp_path) == ["2025-03-01", "2025-02-28", "2025-01-30"]


def test_a_page_for_an_earlier_day_takes_no_newer_copy_away(tmp_path: Path) -> None:
    issue(tmp_path, 0, 20)

    assert archived_days(tmp_path) == ["2025-03-01", "2025-02-09"]


def test_with_no_days_to_keep_there_is_no_archive(tmp_path: Path) -> None:
    issue(tmp_path, 1)
    issue(tmp_path, 0, archive_days=0)

    assert archived_days(tmp_path) == []
    assert (tmp_path / "sales.html").exists()


def test_folders_in_the_archive_that_are_no_days_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "archive" / "board meeting").mkdir(parents=True)
    (tmp_path / "archive" / "2025-99-99").mkdir(parents=True)
    issue(tmp_path, 60, 0)

    assert sorted(each.name for each in (tmp_path / "archive").iterdir()) == [
        "2025-03-01",
        "2025-99-99",
        "board meeting",
    ]


def test_a_page_of_no_day_has_no_copy(tmp_path: Path) -> None:
    issue_report(page_of(None), tmp_path, KEPT)

    assert archived_days(tmp_path) == []
    assert Links(tmp_path / "index.html").found == ["sales.html"]


def test_every_link_of_the_index_leads_to_a_file_also_in_folders(tmp_path: Path) -> None:
    issue(tmp_path, 40, 10, 0)
    issue(tmp_path, 10, 0, name="experiments/checkout button")
    (tmp_path / "notes.html").write_text("<h1>mine</h1>", encoding="utf-8")
    found = Links(tmp_path / "index.html").found

    assert sorted(found) == [
        "archive/2025-02-19/experiments/checkout button.html",
        "archive/2025-02-19/sales.html",
        "experiments/checkout button.html",
        "sales.html",
    ]
    assert all((tmp_path / link).is_file() for link in found)


def test_the_same_page_gives_the_same_files(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        issue(tmp_path / folder, 1, 0)
    one, two = (
        {
            path.relative_to(tmp_path / folder): path.read_bytes()
            for path in (tmp_path / folder).rglob("*.html")
        }
        for folder in ("one", "two")
    )

    assert one == two


def test_what_stood_there_stays_when_a_page_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(tmp_path, 0)
    before = (tmp_path / "sales.html").read_bytes()

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("lakehouse.durable.sync_and_rename", full)
    with pytest.raises(OSError, match="no space left"):
        issue_report(page_of(DAY, run="run-2"), tmp_path, KEPT)

    assert (tmp_path / "sales.html").read_bytes() == before
    assert not [each for each in tmp_path.rglob("*") if each.suffix == ".tmp"]


def test_what_a_killed_writer_left_is_removed_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    dead = tmp_path / f".page.html.{ended.pid}-00.tmp"
    living = tmp_path / f".page.html.{os.getpid()}-00.tmp"
    other = tmp_path / ".other.html.1-00.tmp"
    for leftover in (dead, living, other):
        leftover.write_bytes(b"half")

    write_whole(b"whole", path)

    assert sorted(tmp_path.iterdir()) == sorted([living, other, path])
    assert path.read_bytes() == b"whole"


def test_pages_of_what_has_left_the_lake_are_withdrawn_and_stay_in_the_archive(tmp_path: Path) -> None:
    pages = [page_of(DAY, name) for name in ("trials", "trials/kept", "trials/gone")]
    paths = issue_reports(pages, tmp_path, KEPT)
    foreign = tmp_path / "trials" / "notes.html"
    foreign.write_text("<p>Mine.</p>", encoding="utf-8")

    assert withdraw_reports(tmp_path, "trials", paths[:2]) == [tmp_path / "trials" / "gone.html"]

    assert [path.exists() for path in paths] == [True, True, False]
    assert foreign.exists()
    assert (tmp_path / "archive" / "2025-03-01" / "trials" / "gone.html").exists()
    links = Links(tmp_path / "index.html").found
    assert "trials/kept.html" in links
    assert "trials/gone.html" not in links
    assert withdraw_reports(tmp_path, "trials", paths[:2]) == []
