"""A report page on disk: the current issue, its copy in the archive, and the index that lists them.

Here belong files and folders. What a page looks like belongs to `render`, what the index says to `index`.
"""

import re
import shutil
from collections.abc import Collection, Iterable
from datetime import date, timedelta
from pathlib import Path

from lakehouse.durable import write_whole
from lakehouse.reports.index import index_page, read_marks
from lakehouse.reports.page import Page
from lakehouse.reports.render import render

ARCHIVE = "archive"
_ISSUE = re.compile(r"\d{4}-\d{2}-\d{2}")


def issue_report(page: Page, folder: Path, archive_days: int, cache: Path | None = None) -> Path:
    """Write one page as issue_reports writes many."""
    return issue_reports([page], folder, archive_days, cache)[0]


def issue_reports(
    pages: Iterable[Page], folder: Path, archive_days: int, cache: Path | None = None
) -> list[Path]:
    """Write the pages to `folder`, keep copies in the archive, and bring the index up to date.

    A page's copy lies under the day that its data is of: made again for the same day, it replaces its copy.
    Copies of days that lie more than `archive_days` before the newest copy's are deleted; 0 keeps no copy.
    cache: where the drawing library is kept between processes.
    Raises OSError when a file can't be written; what stood there before stays.
    """
    paths = []
    for page in pages:
        content = render(page, cache=cache).encode("utf-8")
        if page.as_of is not None and archive_days > 0:
            write_whole(content, folder / ARCHIVE / page.as_of.isoformat() / f"{page.name}.html")
        paths.append(write_whole(content, folder / f"{page.name}.html"))
    _forget(folder / ARCHIVE, archive_days)
    issue_index(folder)
    return paths


def withdraw_reports(folder: Path, below: str, kept: Collection[Path]) -> list[Path]:
    """Delete pages in the folder `below` that are none of those kept: what they told of has left the lake.

    Their copies stay in the archive for as long as any; files that no report made stay too. Gives the deleted paths.
    """
    gone = []
    for mark in read_marks(folder / below):
        path = folder / below / f"{mark.name}.html"
        if path not in kept:
            path.unlink()
            gone.append(path)
    if gone:
        issue_index(folder)
    return gone


def issue_index(folder: Path) -> Path:
    """Write `index.html`: every page of the folder and of its archive, from what the pages say of themselves."""
    archive = folder / ARCHIVE
    issues = {day: read_marks(archive / day) for day in archived_days(folder)}
    page = index_page(read_marks(folder, besides=archive), issues)
    return write_whole(render(page).encode("utf-8"), folder / "index.html")


def archived_days(folder: Path) -> list[str]:
    """The days of which the archive keeps issues, newest first."""
    archive = folder / ARCHIVE
    if not archive.is_dir():
        return []
    days = [each.name for each in archive.iterdir() if each.is_dir() and _is_day(each.name)]
    return sorted(days, reverse=True)


def _is_day(name: str) -> bool:
    try:
        return bool(_ISSUE.fullmatch(name)) and bool(date.fromisoformat(name))
    except ValueError:
        return False


def _forget(archive: Path, archive_days: int) -> None:
    days = archived_days(archive.parent)
    if not days:
        return
    kept_from = date.fromisoformat(days[0]) - timedelta(days=archive_days)
    for day in days:
        if archive_days == 0 or date.fromisoformat(day) < kept_from:
            shutil.rmtree(archive / day)
