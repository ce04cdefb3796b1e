"""Drawings between runs: equal bytes with and without those kept, and only what changed is drawn again."""

import gzip
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import vl_convert

from lakehouse.reports import charts, words
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.kept_drawings import KeptDrawings
from lakehouse.reports.page import Chart, Column, Origin, Page, Section, Sentence, Table
from lakehouse.reports.render import render

NET = words.money_form("EUR")


def a_chart(name: str, *values: float) -> Chart:
    rows = pl.DataFrame({"label": [f"p{place}" for place in range(len(values))], "net": list(values)})
    table = Table("Products", (Column("Product", "label"), Column("Net", "net")), Rows(Dataset(name, rows)))
    drawing = charts.ranked_bars("label", "net", "EUR", NET)
    return Chart(name, "Products", drawing, table, "Bars.")


def a_page(*drawn: Chart, run: str = "run-1") -> Page:
    sections = (Section("all", "All", charts=drawn),)
    return Page("a/b", "Sales", Sentence("Well."), Origin(run, "1"), date(2025, 3, 1), None, sections)


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The specifications that were drawn."""
    done: list[dict[str, Any]] = []
    real: Callable[..., str] = vl_convert.vegalite_to_svg

    def counted(spec: dict[str, Any], **options: Any) -> str:
        done.append(spec)
        return real(spec, **options)

    monkeypatch.setattr(KeptDrawings.__init__, "__defaults__", (counted,))
    return done


def test_what_has_not_changed_is_not_drawn_again(tmp_path: Path, conversions: list[Any]) -> None:
    first = render(a_page(a_chart("one", 3, 2), a_chart("two", 5, 1)), cache=tmp_path)
    assert len(conversions) == 4, "each for a wide page and for a phone"
    assert render(a_page(a_chart("one", 3, 2), a_chart("two", 5, 1)), cache=tmp_path) == first
    assert len(conversions) == 4
    changed = render(a_page(a_chart("one", 3, 2), a_chart("two", 5, 4)), cache=tmp_path)
    assert len(conversions) == 6
    assert changed == render(a_page(a_chart("one", 3, 2), a_chart("two", 5, 4)))


def test_only_the_last_issues_drawings_are_kept(tmp_path: Path, conversions: list[Any]) -> None:
    render(a_page(a_chart("one", 3, 2)), cache=tmp_path)
    render(a_page(a_chart("one", 4, 2)), cache=tmp_path)
    assert [path.name for path in (tmp_path / "drawings").rglob("*") if path.is_file()] == ["b.json.gz"]
    render(a_page(a_chart("one", 3, 2)), cache=tmp_path)
    assert len(conversions) == 6


@pytest.mark.parametrize(
    "damage",
    [b"", b"no archive", b"\x1f\x8b\x08\x00", gzip.compress(b"[1]"), gzip.compress(b"{")[:10] + b"\xff" * 9],
    # Without names of their own, bytes would be the names, and gzip's hold the second they were made in.
    ids=["empty", "no archive", "only a head", "no drawings", "cut off"],
)
def test_kept_drawings_that_cannot_be_read_are_made_anew(
    tmp_path: Path, conversions: list[Any], damage: bytes
) -> None:
    page = a_page(a_chart("one", 3, 2))
    whole = render(page, cache=tmp_path)
    (tmp_path / "drawings" / "a" / "b.json.gz").write_bytes(damage)
    assert render(page, cache=tmp_path) == whole
    assert len(conversions) == 4
    assert render(page, cache=tmp_path) == whole
    assert len(conversions) == 4
