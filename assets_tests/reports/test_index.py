"""The index lists what pages say of themselves: each with its status, the older ones with a warning."""

from datetime import date
from pathlib import Path

import pytest

from lakehouse.reports.index import Mark, index_page, read_marks
from lakehouse.reports.page import Origin, Page, Sentence
from lakehouse.reports.render import render

DAY = date(2025, 3, 1)


def write(
    folder: Path,
    name: str,
    as_of: date | None = DAY,
    *warnings: str,
    title: str = "Sales",
    text: str = "Well.",
) -> Path:
    """A page as a report writes it."""
    page = Page(name, title, Sentence(text), Origin("run-1", "1.2.3"), as_of, None, (), warnings=warnings)
    path = folder / f"{name}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(page), encoding="utf-8")
    return path


def mark(name: str, as_of: date | None = DAY, *warnings: str) -> Mark:
    return Mark(name, name.capitalize(), "Well.", as_of, "run-1", "1.2.3", warnings)


def statuses(*marks: Mark) -> dict[str, str]:
    return {entry.title: entry.status for entry in index_page(marks, {}).sections[0].entries}


def test_a_page_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path, "sales", DAY, "Old </script> data.", title="<b>Sales</b>", text="\u2068Mug\u2069 & more.")

    assert read_marks(tmp_path) == [
        Mark(
            "sales",
            "<b>Sales</b>",
            "\u2068Mug\u2069 & more.",
            DAY,
            "run-1",
            "1.2.3",
            ("Old </script> data.",),
        )
    ]


def test_pages_in_folders_are_listed_by_their_place(tmp_path: Path) -> None:
    write(tmp_path, "sales")
    write(tmp_path, "experiments/a b")
    write(tmp_path, "experiments/index")
    found = read_marks(tmp_path)

    assert [each.name for each in found] == ["experiments/a b", "experiments/index", "sales"]
    links = [entry.href for section in index_page(found, {}).sections for entry in section.entries]
    assert links == ["sales.html", "experiments/a%20b.html", "experiments/index.html"]


def test_files_that_no_report_made_are_passed_over(tmp_path: Path) -> None:
    begin = '<script type="application/json" id="report-mark">'
    others = {
        "foreign": "<html><h1>Hello</h1></html>",
        "empty": "",
        "index": begin + "{}</script>",
        "broken": begin + '{"title": </script>',
        "of-another-version": begin + '{"title": "Sales", "pages": 3}</script>',
        "list": begin + "[1, 2]</script>",
        "late": "x" * 30_000 + begin + "{}</script>",
    }
    for name, content in others.items():
        (tmp_path / f"{name}.html").write_text(content, encoding="utf-8")
    (tmp_path / "binary.html").write_bytes(b"\xff\xfe\x00\x81")
    write(tmp_path, "sales")

    assert [each.name for each in read_marks(tmp_path)] == ["sales"]


def test_the_archive_is_not_among_the_current_pages(tmp_path: Path) -> None:
    write(tmp_path, "sales")
    write(tmp_path / "archive" / "2025-02-28", "sales", date(2025, 2, 28))

    assert [each.as_of for each in read_marks(tmp_path, besides=tmp_path / "archive")] == [DAY]


def test_a_page_of_an_earlier_day_and_a_page_that_warns_stand_out() -> None:
    found = statuses(
        mark("sales"), mark("stock", date(2025, 2, 27)), mark("payments", DAY, "Orders are late.", "More.")
    )

    assert found == {
        "Sales": "",
        "Stock": "Of an earlier day than the newest report, 1 Mar 2025: its last run did not finish.",
        "Payments": "Orders are late.",
    }


def test_pages_in_a_folder_stand_under_the_page_that_leads_to_them() -> None:
    page = index_page((mark("trials/a"), mark("trials/b", DAY, "Well."), mark("trials"), mark("sales")), {})

    listed = {section.title: [entry.href for entry in section.entries] for section in page.sections}
    assert listed["Current reports"] == ["trials.html", "sales.html"]
    assert listed["Trials, page by page"] == ["trials/a.html", "trials/b.html"]
    assert page.sections[1].entries[1].status == "The page warns of this.", "its summary says it already"


@pytest.mark.parametrize(
    ("marks", "summary"),
    [
        ((), "0 reports."),
        ((mark("sales"),), "1 report, the newest with data as of 1 Mar 2025."),
        ((mark("sales", None),), "1 report."),
        (
            (mark("sales"), mark("stock", date(2025, 2, 27)), mark("payments", DAY, "Late.")),
            (
                "3 reports, the newest with data as of 1 Mar 2025. "
                "1 report carries a warning; 1 report is of an earlier day."
            ),
        ),
    ],
)
def test_the_summary_counts_what_needs_a_look(marks: tuple[Mark, ...], summary: str) -> None:
    assert index_page(marks, {}).summary.text == summary


def test_without_a_page_the_index_says_how_to_make_one() -> None:
    page = index_page((), {})

    assert page.sections[0].empty == "No report has been made yet. Run: lakehouse run"
    assert page.sections[1].empty == "No earlier issue is kept."
    assert "No report has been made yet" in render(page)


def test_earlier_issues_lead_into_the_archive_and_leave_out_the_current_one() -> None:
    earlier = mark("sales", date(2025, 2, 28))
    page = index_page((mark("sales"),), {"2025-03-01": (mark("sales"),), "2025-02-28": (earlier,)})

    assert [(entry.href, entry.title) for entry in page.sections[1].entries] == [
        ("archive/2025-02-28/sales.html", "Sales, 28 Feb 2025")
    ]
