"""Rows of a page: narrowed, grouped, divided and ordered as a person with pencil and paper would do it."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from lakehouse.reports import words
from lakehouse.reports.dataset import (
    ALL,
    Dataset,
    Filter,
    Measure,
    Ratio,
    Rows,
    narrowed,
    quotient,
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


# Two days, two countries; the rows of everything hold one customer less than the sum of the members would.
SALES = sales(
    (day(0), ALL, "a", Decimal("30.00"), 3),
    (day(0), "Germany", "a", Decimal("20.00"), 2),
    (day(0), "France", "a", Decimal("10.00"), 2),
    (day(1), ALL, "b", Decimal("50.55"), 4),
    (day(1), "Germany", "b", Decimal("50.55"), 4),
)


def measure(column: str, dataset: Dataset = SALES, *, is_balance: bool = False) -> Measure:
    return Measure("A figure", dataset, column, words.AMOUNT, is_balance=is_balance)


def test_everything_is_read_from_its_own_rows_not_summed_over_members() -> None:
    assert value_of(measure("orders")) == 7
    assert value_of(measure("orders"), Filter(member="Germany")) == 6
    assert value_of(measure("orders"), Filter(member="Spain")) is None


def test_a_range_takes_both_its_ends() -> None:
    assert value_of(measure("net"), Filter(day(0), day(0))) == Decimal("30.00")
    assert value_of(measure("net"), Filter(day(0), day(1))) == Decimal("80.55")
    assert value_of(measure("net"), Filter(day(1), None, "France")) is None


def test_a_range_over_moments_takes_the_whole_last_day() -> None:
    frame = pl.DataFrame({"at": [datetime(2025, 1, 1, 23, 59), datetime(2025, 1, 2, 0, 0)], "rows": [1, 10]})
    dataset = Dataset("landed", frame, "at")

    assert value_of(measure("rows", dataset), Filter(day(0), day(0))) == 1
    assert len(narrowed(Rows(dataset), Filter(day(0), day(1)))) == 2


def test_a_ratio_is_a_quotient_of_sums_never_a_sum_of_quotients() -> None:
    assert value_of(measure("average")) == Decimal("11.507143")
    assert narrowed(Rows(SALES, ("kind",), "kind"))["average"].to_list() == [
        Decimal("10.000000"),
        Decimal("12.637500"),
    ]


def test_a_balance_is_that_of_the_last_day_which_is_known() -> None:
    assert value_of(measure("orders", is_balance=True)) == 4
    assert value_of(measure("orders", is_balance=True), Filter(last=day(0))) == 3
    assert value_of(measure("orders", is_balance=True), Filter(member="France")) == 2
    assert value_of(measure("average", is_balance=True)) == Decimal("12.637500")


def test_rows_grouped_by_the_dimension_show_members_and_never_the_total() -> None:
    by_country = Rows(SALES, ("country",), "net", is_descending=True)

    assert narrowed(by_country).rows() == [
        ("Germany", Decimal("70.55"), 6, Decimal("11.758333")),
        ("France", Decimal("10.00"), 2, Decimal("5.000000")),
    ]
    assert narrowed(by_country, Filter(member="France"))["country"].to_list() == ["France"]


def test_order_puts_nothing_last_and_keeps_equals_as_they_came() -> None:
    dataset = sales(
        *((day(place), ALL, kind, net, 1) for place, (kind, net) in enumerate(
            [("a", None), ("b", Decimal(1)), ("c", Decimal(2)), ("d", Decimal(1))]
        ))
    )  # fmt: skip

    assert narrowed(Rows(dataset, order="net"))["kind"].to_list() == ["b", "d", "c", "a"]
    assert narrowed(Rows(dataset, order="net", is_descending=True))["kind"].to_list() == ["c", "b", "d", "a"]
    assert shown(Rows(dataset, order="net", limit=2))["kind"].to_list() == ["b", "d"]


def test_a_sum_of_nothing_is_nothing_and_a_sum_with_something_is_that() -> None:
    dataset = sales((day(0), ALL, "a", None, None), (day(1), ALL, "b", Decimal(1), None))

    assert value_of(measure("orders", dataset)) is None
    assert value_of(measure("net", dataset)) == 1
    assert narrowed(Rows(dataset, ("kind",), "kind")).rows() == [
        ("a", None, None, None),
        ("b", Decimal("1.00"), None, None),
    ]


def test_not_a_number_and_infinity_are_nothing() -> None:
    dataset = Dataset("rates", pl.DataFrame({"rate": [0.1, float("nan"), float("inf"), float("-inf"), None]}))

    assert dataset.frame["rate"].to_list() == [Decimal("0.100000"), None, None, None, None]
    assert dataset.to_json()["columns"]["rate"]["values"] == [100000, None, None, None, None]


def test_small_whole_numbers_do_not_wrap_when_they_are_summed() -> None:
    frame = pl.DataFrame(
        {"kind": ["a", "a"], "rows": [2**31 - 1, 2**31 - 1]}, schema_overrides={"rows": pl.Int32}
    )
    dataset = Dataset("rows", frame)

    assert narrowed(Rows(dataset, ("kind",)))["rows"].to_list() == [2**32 - 2]
    assert value_of(measure("rows", dataset)) == 2**32 - 2


def test_huge_decimals_stay_exact_to_the_last_digit() -> None:
    largest = Decimal("12345678901234567890123456789012.123456")
    frame = pl.DataFrame({"net": [largest, None]}, schema={"net": pl.Decimal(38, 6)})
    dataset = Dataset("huge", frame, ratios={"itself": Ratio("net", "net")})
    cells = json.loads(json.dumps(dataset.to_json()))["columns"]["net"]

    assert value_of(measure("net", dataset)) == largest
    assert value_of(measure("itself", dataset)) == 1
    assert cells["values"] == ["12345678901234567890123456789012123456", None]
    assert words.show(largest, words.AMOUNT) == "12,345,678,901,234,567,890,123,456,789,012.12"


def test_whole_numbers_that_a_browser_reads_exactly_go_as_numbers() -> None:
    dataset = Dataset("edge", pl.DataFrame({"rows": [2**53, 2**53 + 1, -(2**53) - 1]}))

    assert dataset.to_json()["columns"]["rows"]["values"] == [2**53, str(2**53 + 1), str(-(2**53) - 1)]


def test_text_is_made_printable_before_anything_is_grouped_by_it() -> None:
    frame = pl.DataFrame({"name": ["a\nb", "a b", "c\x00"], "rows": [1, 2, 3]})
    dataset = Dataset("names", frame)

    assert narrowed(Rows(dataset, ("name",), "name")).rows() == [("a b", 3), ("c\ufffd", 3)]


def test_zoned_times_become_utc() -> None:
    zoned = pl.DataFrame({"at": [datetime(2025, 7, 1, 12, tzinfo=UTC)]}).with_columns(
        pl.col("at").dt.convert_time_zone("Europe/Berlin")
    )

    assert Dataset("times", zoned).frame["at"].to_list() == [datetime(2025, 7, 1, 12)]


def test_a_column_that_nothing_can_print_is_refused_by_its_name() -> None:
    with pytest.raises(TypeError, match=r"flags\.good: expected dates, text or numbers, found Boolean"):
        Dataset("flags", pl.DataFrame({"good": [True]}))


def test_a_sum_of_text_is_refused() -> None:
    with pytest.raises(TypeError, match="kind: expected numbers to sum, found String"):
        value_of(measure("kind"))


def test_an_empty_dataset_has_no_rows_and_no_figure() -> None:
    dataset = sales()

    assert value_of(measure("net", dataset)) is None
    assert value_of(measure("average", dataset, is_balance=True)) is None
    assert narrowed(Rows(dataset, ("country",), "net")).is_empty()


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        (1, 3, "0.333333"),
        (2, 3, "0.666667"),
        (1, 2_000_000, "0.000001"),
        (-1, 2_000_000, "-0.000001"),
        (Decimal("0.00"), 5, "0.000000"),
        (5, 0, None),
        (5, Decimal("0.00"), None),
        (None, 5, None),
        (5, None, None),
        (Decimal(10) ** 31, Decimal("0.1"), f"{10**32}.000000"),
    ],
)  # fmt: skip
def test_a_quotient_has_six_decimals_half_up(
    part: Decimal | int | None, whole: Decimal | int | None, expected: str | None
) -> None:
    assert quotient(part, whole) == (None if expected is None else Decimal(expected))
