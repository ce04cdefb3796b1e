"""Rows that the charts, tiles and tables of a page share, and the few operations that narrow them.

Here belongs what Python does for the static page and `templates/dataset.js` does again when a reader filters it:
narrow, group, divide, order. Both follow the same rules, so a filtered figure is the one the tables hold.
Queries that fill a dataset belong to a report.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import polars as pl
import polars.selectors as cs

from lakehouse.reports import words

# The member that stands for everything: rows with it hold what can't be summed over members.
ALL = ""

# Whole numbers up to here are exact in a browser.
_EXACT = 2**53
_FLOAT_DECIMALS = 6

# Twice the digits of the largest decimal: no step on the way to a figure rounds.
_WHOLE = Context(prec=80, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A quotient of two columns of a dataset; six decimals, half up, nothing where the lower part is nothing."""

    numerator: str
    denominator: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pre-aggregated rows under a name that is unique on the page.

    frame: columns of dates, text, whole numbers or decimals; floats become decimals, NaN and infinity nothing,
    zoned times UTC, and text loses what no page may hold.
    day: the date column that the page's date range narrows, None where it narrows nothing.
    dimension: the text column that the page's main dimension narrows; `ALL` there stands for every member.
    ratios: quotients of columns, taken after any summing.
    """

    name: str
    frame: pl.DataFrame
    day: str | None = None
    dimension: str | None = None
    ratios: Mapping[str, Ratio] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Checks the columns' types. Raises TypeError for a column that no rule here can print."""
        finite = cs.float().replace([float("inf"), float("-inf")], None).fill_nan(None)
        frame = self.frame.with_columns(finite).with_columns(
            cs.float().cast(pl.Decimal(38, _FLOAT_DECIMALS)),
            cs.integer().cast(pl.Int64),  # sums of smaller kinds would wrap
            cs.datetime(time_zone="*").dt.convert_time_zone("UTC").dt.replace_time_zone(None),
        )
        for name, kind in frame.schema.items():
            if kind == pl.String:
                texts = [None if text is None else words.plain(text) for text in frame[name]]
                frame = frame.with_columns(pl.Series(name, texts, dtype=pl.String))
            elif not (kind.is_integer() or kind.is_decimal() or kind in (pl.Date, pl.Datetime)):
                raise TypeError(f"{self.name}.{name}: expected dates, text or numbers, found {kind}")
        object.__setattr__(self, "frame", frame)

    def to_json(self) -> dict[str, Any]:
        """The rows as the page's script reads them: per column a dictionary of texts, or scaled whole numbers."""
        return {
            "day": self.day,
            "dimension": self.dimension,
            "ratios": {name: [each.numerator, each.denominator] for name, each in self.ratios.items()},
            "columns": {name: _encoded(self.frame[name]) for name in self.frame.columns},
        }


@dataclass(frozen=True, slots=True)
class Filter:
    """What a reader narrows a page to: days from first to last, both included, and one member of the dimension."""

    first: date | None = None
    last: date | None = None
    member: str = ALL


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a dataset that a chart or a table shows.

    group: columns whose equal values are summed to one row; the other columns that aren't numbers fall away.
    order, is_descending: the column that rows are sorted by, nothing last; `limit`: how many are kept.
    """

    dataset: Dataset
    group: tuple[str, ...] = ()
    order: str = ""
    is_descending: bool = False
    limit: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The same, for the page's script."""
        return {
            "dataset": self.dataset.name,
            "group": list(self.group),
            "order": self.order,
            "descending": self.is_descending,
            "limit": self.limit,
        }


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a dataset: the sum of a column or a quotient of sums; `is_balance`: the value on the last day.

    good: the direction that is better, empty where neither is.
    """

    label: str
    dataset: Dataset
    column: str
    form: words.Form
    good: words.Direction | None = None
    is_balance: bool = False

    def to_json(self) -> dict[str, Any]:
        """The same, for the page's script."""
        return {
            "dataset": self.dataset.name,
            "column": self.column,
            "form": form_json(self.form),
            "good": self.good or "",
            "balance": self.is_balance,
        }


def form_json(form: words.Form) -> dict[str, Any]:
    """A form, for the page's script."""
    return {"kind": form.kind, "unit": form.unit, "decimals": form.decimals}


def narrowed(source: Rows, chosen: Filter = EVERYTHING) -> pl.DataFrame:
    """All rows of the source under a filter, ratios included, in their order, before its limit."""
    dataset = source.dataset
    frame = _chosen(dataset, chosen, is_by_member=dataset.dimension in source.group)
    if source.group:
        numbers = [name for name, kind in frame.schema.items() if kind.is_numeric()]
        summed = [_sum(name) for name in numbers if name not in source.group]
        frame = frame.group_by(source.group, maintain_order=True).agg(summed)
    for name, ratio in dataset.ratios.items():
        if {ratio.numerator, ratio.denominator} <= set(frame.columns):
            values = zip(frame[ratio.numerator], frame[ratio.denominator], strict=True)
            frame = frame.with_columns(
                pl.Series(name, [quotient(*pair) for pair in values], dtype=pl.Decimal(38, 6))
            )
    if source.order:
        frame = frame.sort(
            source.order, descending=source.is_descending, nulls_last=True, maintain_order=True
        )
    return frame


def shown(source: Rows, chosen: Filter = EVERYTHING) -> pl.DataFrame:
    """The rows that a reader sees: those of `narrowed` up to the source's limit."""
    frame = narrowed(source, chosen)
    return frame if source.limit is None else frame.head(source.limit)


def value_of(measure: Measure, chosen: Filter = EVERYTHING) -> Decimal | int | None:
    """The measure's figure under a filter; None where nothing is known."""
    dataset = measure.dataset
    frame = _chosen(dataset, chosen)
    if measure.is_balance and dataset.day and not frame.is_empty():
        frame = frame.filter(pl.col(dataset.day) == pl.col(dataset.day).max())
    ratio = dataset.ratios.get(measure.column)
    if ratio is not None:
        return quotient(_total(frame[ratio.numerator]), _total(frame[ratio.denominator]))
    return _total(frame[measure.column])


def quotient(part: Decimal | int | None, whole: Decimal | int | None) -> Decimal | None:
    """A quotient to six decimals, half up; None where there is nothing to divide, or to divide by."""
    if part is None or not whole:
        return None
    return _WHOLE.quantize(_WHOLE.divide(Decimal(part), Decimal(whole)), Decimal("0.000001"))


def _chosen(dataset: Dataset, chosen: Filter, *, is_by_member: bool = False) -> pl.DataFrame:
    frame = dataset.frame
    if dataset.dimension:
        member = pl.col(dataset.dimension)
        if is_by_member and chosen.member == ALL:
            frame = frame.filter(member != ALL)
        else:
            frame = frame.filter(member == chosen.member)
    if dataset.day and chosen.first:
        frame = frame.filter(pl.col(dataset.day).cast(pl.Date) >= chosen.first)
    if dataset.day and chosen.last:
        frame = frame.filter(pl.col(dataset.day).cast(pl.Date) <= chosen.last)
    return frame


def _sum(name: str) -> pl.Expr:
    column = pl.col(name)
    return pl.when(column.is_not_null().any()).then(column.sum()).alias(name)


def _total(column: pl.Series) -> Decimal | int | None:
    if not column.dtype.is_numeric():
        raise TypeError(f"{column.name}: expected numbers to sum, found {column.dtype}")
    known = column.drop_nulls()
    total: Decimal | int | None = None if known.is_empty() else known.sum()  # type: ignore[assignment]  # no floats here
    return total


def _encoded(column: pl.Series) -> dict[str, Any]:
    if column.dtype.is_numeric():
        return _scaled(column)
    texts = [_text(value) for value in column.unique(maintain_order=True).drop_nulls()]
    places = {text: place for place, text in enumerate(texts)}
    kind = {pl.Date: "date", pl.String: "text"}.get(type(column.dtype), "instant")
    return {
        "kind": kind,
        "texts": texts,
        "codes": [None if value is None else places[_text(value)] for value in column],
    }


def _text(value: date | datetime | str) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _scaled(column: pl.Series) -> dict[str, Any]:
    """Decimals as whole numbers of their last digit, so that sums in a browser are exact.

    Those that are larger than a browser reads exactly go as text.
    """
    scale = column.dtype.scale if isinstance(column.dtype, pl.Decimal) else 0
    values = [None if value is None else int(_WHOLE.scaleb(Decimal(value), scale)) for value in column]
    return {
        "kind": "number",
        "scale": scale,
        "values": [str(value) if value is not None and abs(value) > _EXACT else value for value in values],
    }
