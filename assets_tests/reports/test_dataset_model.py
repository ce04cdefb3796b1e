"""Any figure of any rows equals what adding them up one by one gives, and the page's data hold the rows as they are."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.reports import words
from lakehouse.reports.dataset import (
    ALL,
    EVERYTHING,
    Dataset,
    Filter,
    Measure,
    Ratio,
    Rows,
    narrowed,
    shown,
    value_of,
)

FIRST = date(2025, 1, 1)
SCHEMA = {
    "day": pl.Date,
    "country": pl.String,
    "kind": pl.String,
    "net": pl.Decimal(38, 2),
    "orders": pl.Int64,
}
Row = tuple[date | None, str | None, str | None, Decimal | None, int | None]


def day(place: int) -> date:
    return FIRST + timedelta(days=place)


def sales(*rows: Row) -> Dataset:
    frame = pl.DataFrame(list(rows), schema=SCHEMA, orient="row")
    return Dataset("sales", frame, "day", "country", {"average": Ratio("net", "orders")})


def measure(column: str, dataset: Dataset, *, is_balance: bool = False) -> Measure:
    return Measure("A figure", dataset, column, words.AMOUNT, is_balance=is_balance)


amounts = st.none() | st.decimals(-(10**9), 10**9, places=2, allow_nan=False)
some_rows = st.lists(
    st.tuples(
        st.none() | st.integers(0, 5).map(day),
        st.none() | st.sampled_from([ALL, "Germany", "France"]),
        st.none() | st.sampled_from(["a", "b"]),
        amounts,
        st.none() | st.integers(-5, 5),
    ),
    max_size=12,
)
filters = st.builds(
    Filter,
    st.none() | st.integers(0, 5).map(day),
    st.none() | st.integers(0, 5).map(day),
    st.sampled_from([ALL, "Germany", "Spain"]),
)


def model_rows(rows: list[Row], chosen: Filter, *, is_by_member: bool) -> list[Row]:
    """The rows under a filter, one after the other."""
    kept = []
    for row in rows:
        wanted = row[1] not in (None, ALL) if is_by_member and not chosen.member else row[1] == chosen.member
        is_late = chosen.first is not None and (row[0] is None or row[0] < chosen.first)
        is_early = chosen.last is not None and (row[0] is None or row[0] > chosen.last)
        if wanted and not is_late and not is_early:
            kept.append(row)
    return kept


def model_sum(values: list[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def model_quotient(part: Any, whole: Any) -> Decimal | None:
    if part is None or not whole:
        return None
    with localcontext(prec=60):
        return (Decimal(part) / Decimal(whole)).quantize(Decimal("0.000001"), ROUND_HALF_UP)


@given(some_rows, filters)
@settings(deadline=None)
def test_any_figure_is_what_adding_row_by_row_gives(rows: list[Row], chosen: Filter) -> None:
    dataset = sales(*rows)
    kept = model_rows(rows, chosen, is_by_member=False)
    net, orders = (model_sum([row[place] for row in kept]) for place in (3, 4))
    last = max((row[0] for row in kept if row[0]), default=None)

    assert value_of(measure("net", dataset), chosen) == net
    assert value_of(measure("average", dataset), chosen) == model_quotient(net, orders)
    assert value_of(measure("orders", dataset, is_balance=True), chosen) == model_sum(
        [row[4] for row in kept if last is not None and row[0] == last]
    )


@given(
    rows=some_rows,
    chosen=filters,
    group=st.sampled_from([("kind",), ("country",), ("country", "kind"), ("day",)]),
    is_descending=st.booleans(),
)
@settings(deadline=None)
def test_any_grouped_rows_are_what_adding_row_by_row_gives(
    rows: list[Row], chosen: Filter, group: tuple[str, ...], *, is_descending: bool
) -> None:
    places = [list(SCHEMA).index(name) for name in group]
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in model_rows(rows, chosen, is_by_member="country" in group):
        found.setdefault(tuple(row[place] for place in places), []).append(row)
    expected: list[tuple[Any, ...]] = []
    for key, members in found.items():
        net, orders = (model_sum([row[place] for row in members]) for place in (3, 4))
        expected.append((*key, net, orders, model_quotient(net, orders)))
    place = len(group)
    known = sorted(
        (row for row in expected if row[place] is not None), key=lambda row: row[place], reverse=is_descending
    )
    expected = [*known, *(row for row in expected if row[place] is None)]

    source = Rows(sales(*rows), group, "net", is_descending, limit=2)
    assert narrowed(source, chosen).rows() == expected
    assert shown(source, chosen).rows() == expected[:2]


def decoded(column: Mapping[str, Any]) -> list[Any]:
    """A column of the page's data read back."""
    if column["kind"] == "number":
        step = Decimal(1).scaleb(-column["scale"])
        return [None if value is None else int(value) * step for value in column["values"]]
    texts = [None if code is None else column["texts"][code] for code in column["codes"]]
    return [text and date.fromisoformat(text) for text in texts] if column["kind"] == "date" else texts


@given(some_rows)
@settings(deadline=None)
def test_the_page_holds_the_rows_as_they_are(rows: list[Row]) -> None:
    columns = json.loads(json.dumps(sales(*rows).to_json()))["columns"]

    assert list(zip(*(decoded(columns[name]) for name in SCHEMA), strict=True)) == rows
    assert narrowed(Rows(sales(*rows)), EVERYTHING).height == sum(row[1] == ALL for row in rows)
