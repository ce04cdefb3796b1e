"""Text cells -> typed values, and a reason for each cell that can't be one.

Polars casts, never Pandera: a Pandera coercion failure carries no row. Each cast is strict about what it accepts:
nothing is rounded, guessed or cut silently.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lakehouse.contracts import Column, Contract, Format
from lakehouse.contracts.contract import INGESTED_AT
from lakehouse.ingest.times import dates_of, times_of

_WORDS = {
    "integer": "a whole number",
    "float": "a number",
    "boolean": "true or false",
    "id": "a text",
    "string": "a text",
}


@dataclass(frozen=True, slots=True)
class CastColumn:
    """A column's typed expression, and the one that is true where a non-null cell could not be cast."""

    name: str
    value: pl.Expr
    failed: pl.Expr
    expected: str


def cast_columns(contract: Contract, headers: dict[str, str]) -> list[CastColumn]:
    """How each column of the contract comes from a raw frame whose outside headers are given."""
    return [
        _cast(name, column, contract.format, headers.get(name))
        for name, column in contract.file_columns.items()
    ]


def _cast(name: str, column: Column, form: Format, header: str | None) -> CastColumn:
    if header is None:
        return CastColumn(name, _default(column).alias(name), pl.lit(value=False), "")
    text = _cell(header, form, trimmed=column.type not in ("id", "string"))
    value, expected = _typed(text, column, form)
    failed = text.is_not_null() & value.is_null()
    if column.default is not None and not column.required:
        value = pl.when(text.is_null()).then(_default(column)).otherwise(value)
    return CastColumn(name, value.alias(name), failed, expected)


def _cell(header: str, form: Format, *, trimmed: bool) -> pl.Expr:
    text = pl.col(header)
    compared = text.str.strip_chars()
    text = compared if trimmed else text
    # An empty cell of a typed column is always a null: it can't be anything else.
    nulls = [*form.nulls, ""] if trimmed else list(form.nulls)
    return pl.when(compared.is_in(nulls)).then(None).otherwise(text)


def _default(column: Column) -> pl.Expr:
    if column.default == INGESTED_AT:
        return pl.col(INGESTED_AT).cast(column.polars_type)
    if column.default is None:
        return pl.lit(None, dtype=column.polars_type)
    return (
        pl.lit(str(column.default)).cast(column.polars_type)
        if column.type == "decimal"
        else pl.lit(column.default, dtype=column.polars_type)
    )


def _typed(text: pl.Expr, column: Column, form: Format) -> tuple[pl.Expr, str]:
    if column.type == "timestamp":
        times = text.map_batches(lambda cells: times_of(cells, form), return_dtype=pl.Datetime("us"))
        # What a clock change makes ambiguous or skips has no reading either.
        told = "" if form.time_zone == "UTC" else ", not in an hour that a clock change skips or repeats"
        return times, f"a time like {' or '.join(form.timestamps)} in {form.time_zone}{told}"
    if column.type == "date":
        dates = text.map_batches(lambda cells: dates_of(cells, form), return_dtype=pl.Date)
        return dates, f"a date like {' or '.join(form.dates)}"
    if column.type == "boolean":
        false = pl.when(text.is_in(list(form.false))).then(pl.lit(value=False))
        return pl.when(text.is_in(list(form.true))).then(pl.lit(value=True)).otherwise(false), _WORDS[
            "boolean"
        ]
    if column.type in ("id", "string"):
        return text, _WORDS[column.type]
    number = _plain_number(text, form)
    if column.type == "decimal":
        fits = number.str.contains(
            rf"^[+-]?(\d{{1,{18 - column.scale}}}(\.\d{{0,{column.scale}}}0*)?|\.\d{{1,{column.scale}}}0*)$"
        )
        digits = f"a number with up to {column.scale} decimals"
        return pl.when(fits).then(number).otherwise(None).cast(column.polars_type, strict=False), digits
    if column.type == "integer":
        # 12.0 is a whole number: spreadsheets write it so.
        whole = pl.when(number.str.contains(r"^[+-]?\d+(\.0*)?$")).then(number.str.replace(r"\.0*$", ""))
        return whole.cast(pl.Int64, strict=False), _WORDS["integer"]
    value = number.cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value).otherwise(None), _WORDS["float"]


def _plain_number(text: pl.Expr, form: Format) -> pl.Expr:
    if form.thousands is None and form.decimal == ".":
        return text
    if form.thousands is not None:
        # Only marks that stand between groups of three are removed; 1.5 with thousands "." stays unreadable.
        mark = f"\\{form.thousands}"
        decimal = f"\\{form.decimal}"
        grouped = text.str.contains(rf"^[+-]?\d{{1,3}}({mark}\d{{3}})+({decimal}\d*)?$")
        text = pl.when(grouped).then(text.str.replace_all(form.thousands, "", literal=True)).otherwise(text)
    if form.decimal == ".":
        return text
    # A point that is not the decimal mark makes the cell unreadable rather than a thousand times too large.
    return (
        pl.when(text.str.contains(".", literal=True))
        .then(None)
        .otherwise(text.str.replace(form.decimal, ".", literal=True))
    )
