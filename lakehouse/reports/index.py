"""The index of all report pages: what there is, how it stands, and the earlier issues.

Here belong reading back what pages say of themselves, and the page made of it. A page is listed as soon as it lies in
the folder; nothing is kept beside the pages that could disagree with them.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote

from lakehouse.reports import words
from lakehouse.reports.page import Entry, Origin, Page, Section, Sentence

INDEX = "index"

_MARK = re.compile(r'<script type="application/json" id="report-mark">(.*?)</script>', re.DOTALL)
# The mark stands before the style; no page's head is longer.
_HEAD = 20_000


@dataclass(frozen=True, slots=True)
class Mark:
    """What a page says of itself: its place below the reports' folder, its data's day, its run, its warnings."""

    name: str
    title: str
    summary: str
    as_of: date | None
    run_id: str
    code_version: str
    warnings: tuple[str, ...]


def read_marks(folder: Path, besides: Path | None = None) -> list[Mark]:
    """The pages in a folder and below it, by name; files that no report made are passed over."""
    marks = []
    for path in sorted(folder.rglob("*.html")):
        if path == folder / f"{INDEX}.html" or (besides is not None and besides in path.parents):
            continue
        with path.open(encoding="utf-8", errors="replace") as stream:
            found = _MARK.search(stream.read(_HEAD))
        if found is None:
            continue
        mark = _mark(found.group(1), path.relative_to(folder).with_suffix("").as_posix())
        if mark is not None:
            marks.append(mark)
    return marks


def _mark(text: str, name: str) -> Mark | None:
    """What a page says of itself; None for a mark that another version of the code made and this one can't read."""
    try:
        told = json.loads(text)
        return Mark(
            name=name,
            title=told["title"],
            summary=told["summary"],
            as_of=date.fromisoformat(told["as_of"]) if told["as_of"] else None,
            run_id=told["run_id"],
            code_version=told["code_version"],
            warnings=tuple(told["warnings"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def index_page(marks: Sequence[Mark], archive: Mapping[str, Sequence[Mark]]) -> Page:
    """The page that leads to all others. archive: the earlier issues by the day of their data, newest first."""
    newest = max((mark.as_of for mark in marks if mark.as_of), default=None)
    latest = [mark for mark in marks if mark.as_of == newest]
    warned = sum(bool(mark.warnings) for mark in marks)
    behind = sum(mark.as_of is not None and mark.as_of != newest for mark in marks)
    summary = f"{words.counted(len(marks), 'report')}"
    summary += f", the newest with data as of {words.day(newest)}." if newest else "."
    troubles = [
        words.counted(warned, "report carries a warning", "reports carry warnings") if warned else "",
        words.counted(behind, "report is", "reports are") + " of an earlier day" if behind else "",
    ]
    told = "; ".join(each for each in troubles if each)
    return Page(
        name=INDEX,
        title="Reports",
        summary=Sentence(f"{summary} {told[:1].upper()}{told[1:]}." if told else summary),
        origin=Origin(
            latest[0].run_id if latest else words.MISSING, latest[0].code_version if latest else words.MISSING
        ),
        as_of=newest,
        period=None,
        sections=(
            _reports([mark for mark in marks if "/" not in mark.name], newest),
            *_below(marks, newest),
            _archive(archive, {(mark.name, mark.as_of) for mark in marks}),
        ),
    )


def _reports(marks: Sequence[Mark], newest: date | None) -> Section:
    if not marks:
        return Section("reports", "Reports", empty="No report has been made yet. Run: lakehouse run")
    return Section("reports", "Current reports", entries=tuple(_entry(mark, newest) for mark in marks))


def _below(marks: Sequence[Mark], newest: date | None) -> Iterator[Section]:
    """The pages in each folder, under the title of the page that leads to them."""
    titles = {mark.name: mark.title for mark in marks}
    folders = sorted({mark.name.rpartition("/")[0] for mark in marks} - {""})
    for place, folder in enumerate(folders):
        entries = tuple(
            _entry(mark, newest, is_small=True) for mark in marks if mark.name.rpartition("/")[0] == folder
        )
        yield Section(f"below-{place + 1}", f"{titles.get(folder, folder)}, page by page", entries=entries)


def _entry(mark: Mark, newest: date | None, *, is_small: bool = False) -> Entry:
    return Entry(
        href=quote(f"{mark.name}.html"),
        title=mark.title,
        text=mark.summary,
        facts=(f"Data as of {words.day(mark.as_of)}", f"run {mark.run_id}"),
        status=_status(mark, newest),
        is_small=is_small,
    )


def _status(mark: Mark, newest: date | None) -> str:
    if mark.warnings:
        return "The page warns of this." if mark.warnings[0] in mark.summary else mark.warnings[0]
    if mark.as_of is not None and newest is not None and mark.as_of < newest:
        return f"Of an earlier day than the newest report, {words.day(newest)}: its last run did not finish."
    return ""


def _archive(archive: Mapping[str, Sequence[Mark]], current: Collection[tuple[str, date | None]]) -> Section:
    entries = tuple(
        Entry(
            href=quote(f"archive/{day}/{mark.name}.html"),
            title=f"{mark.title}, {words.day(mark.as_of)}",
            text=mark.summary,
            facts=(f"run {mark.run_id}",),
            is_small=True,
        )
        for day, marks in archive.items()
        for mark in marks
        if (mark.name, mark.as_of) not in current
    )
    return Section(
        "archive", "Earlier issues", entries=entries, empty="" if entries else "No earlier issue is kept."
    )
