"""Rows saved from a page: values as they are, and nothing that a spreadsheet would run."""

import csv
import io
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import unquote

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.reports.csv_data import csv_text, data_uri
from lakehouse.reports.words import plain


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def saved(*names: str) -> list[str]:
    """The cells of a text column as a spreadsheet reads them."""
    frame = pl.DataFrame({"name": list(names), "row": range(len(names))})
    return [row[0] for row in read(csv_text(frame, ["name", "row"], ["Name", "Row"]))[1:]]


@pytest.mark.parametrize(
    "formula",
    [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        " =1+1",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "\uff1d1+1",
        "\uff20SUM(A1)",
    ],
)
def test_a_formula_becomes_text(formula: str) -> None:
    assert saved(formula) == ["'" + plain(formula)]


def test_a_formula_in_a_header_becomes_text_too() -> None:
    assert read(csv_text(pl.DataFrame({"a": [1]}), ["a"], ["=1+1"]))[0] == ["'=1+1"]


def test_numbers_stay_numbers_also_below_zero() -> None:
    frame = pl.DataFrame(
        {
            "amount": [Decimal("-1234.50"), None],
            "rows": [-3, 0],
            "tiny": [Decimal("0.00000001"), Decimal("0E-8")],
        },
        schema_overrides={"amount": pl.Decimal(38, 2), "tiny": pl.Decimal(38, 8)},
    )

    assert read(csv_text(frame, ["amount", "rows", "tiny"], ["Amount", "Rows", "Tiny"]))[1:] == [
        ["-1234.50", "-3", "0.00000001"],
        ["", "0", "0.00000000"],
    ]


def test_days_and_moments_are_iso() -> None:
    frame = pl.DataFrame({"day": [date(2025, 1, 2)], "at": [datetime(2025, 1, 2, 3, 4, 5, 678_900)]})

    assert read(csv_text(frame, ["day", "at"], ["Day", "At"]))[1] == ["2025-01-02", "2025-01-02T03:04:05"]


def test_only_the_named_columns_in_the_named_order() -> None:
    frame = pl.DataFrame({"a": [1], "b": [2], "c": [3]})

    assert csv_text(frame, ["c", "a"], ["C", "A"]) == "C,A\r\n3,1\r\n"


def test_quotes_commas_and_line_breaks_are_one_cell() -> None:
    assert saved('"quoted", twice', "line\nbreak", "") == ['"quoted", twice', "line break", ""]


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_any_text_comes_back_as_itself_or_behind_an_apostrophe(names: list[str]) -> None:
    for name, cell in zip(names, saved(*names), strict=True):
        assert cell in (plain(name), "'" + plain(name))
        assert cell.lstrip()[:1] not in tuple("=+-@")


@given(st.text(max_size=20))
def test_the_link_holds_the_text_and_is_one_word(text: str) -> None:
    uri = data_uri(text)
    kind, _, content = uri.partition(",")

    assert kind == "data:text/csv;charset=utf-8"
    assert not set(content) & set(" \"'<>&\r\n,")
    assert unquote(content, encoding="utf-8") == "\ufeff" + text
