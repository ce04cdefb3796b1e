"""A table's rows as a CSV file inside the page: a link that saves them without a server.

Cells are values, not their printed form. A text that a spreadsheet would run as a formula is led by an apostrophe
(OWASP, "CSV Injection"); numbers stay numbers, negative ones too.
"""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import quote

import polars as pl

from lakehouse.reports.words import plain

# The full-width forms too: some spreadsheets take them for the plain ones.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
# Spreadsheets take a file for UTF-8 when it begins so.
_MARK = "\ufeff"


def csv_text(rows: pl.DataFrame, names: Sequence[str], labels: Sequence[str]) -> str:
    """The named columns as CSV, under their labels; lines end as RFC 4180 says."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow([_cell(label) for label in labels])
    columns = [rows[name] for name in names]  # one column may be asked for twice
    writer.writerows([_cell(value) for value in row] for row in zip(*columns, strict=True))
    return stream.getvalue()


def data_uri(text: str) -> str:
    """The text as the address of a link that saves it."""
    return "data:text/csv;charset=utf-8," + quote(_MARK + text, safe="")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    text = plain(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
