"""Days cut into periods: whole ones, counted back from the last day, so that no fall at the end is an artefact."""

from datetime import date, timedelta

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.reports.dataset import Filter
from lakehouse.reports.page import Period
from lakehouse.reports.periods import periods_of, span_words, start_of

LAST = date(2025, 3, 1)


def back(days: int) -> date:
    """The first day of a history of so many days."""
    return LAST - timedelta(days=days - 1)


@pytest.mark.parametrize(
    ("history", "days", "count", "is_first_left_out"),
    [
        (1, 1, 1, False),
        (120, 1, 120, False),
        (121, 7, 17, True),
        (126, 7, 18, False),
        (1100, 7, 157, True),
        (1101, 28, 39, True),
    ],
)
def test_a_longer_history_is_cut_into_longer_periods(
    history: int, days: int, count: int, *, is_first_left_out: bool
) -> None:
    periods = periods_of(back(history), LAST)

    assert (periods.days, len(periods.spans), periods.is_first_left_out) == (days, count, is_first_left_out)


@given(st.integers(1, 3000))
def test_periods_are_whole_follow_one_another_and_end_with_the_last_day(history: int) -> None:
    periods = periods_of(back(history), LAST)

    assert periods.last == LAST
    assert 0 <= (periods.first - back(history)).days < periods.days
    assert all((span.last - span.first).days == periods.days - 1 for span in periods.spans)
    assert all(
        later.first - earlier.last == timedelta(days=1)
        for earlier, later in zip(periods.spans, periods.spans[1:], strict=False)
    )


@pytest.mark.parametrize(
    ("history", "now", "before"),
    [
        (1, (back(1), LAST), None),
        (27, (back(27), LAST), None),
        (55, (back(28), LAST), None),
        (56, (back(28), LAST), (back(56), back(29))),
        (400, (back(28), LAST), (back(56), back(29))),
        (2000, (back(28), LAST), (back(56), back(29))),
    ],
)
def test_key_figures_cover_four_weeks_against_the_four_before_where_there_are_some(
    history: int, now: tuple[date, date], before: tuple[date, date] | None
) -> None:
    periods = periods_of(back(history), LAST)

    assert periods.now == Filter(*now)
    assert periods.before == (None if before is None else Filter(*before))
    assert periods.filters().default == Period(*now)


def test_the_choices_of_a_page_are_its_periods_and_members() -> None:
    filters = periods_of(back(30), LAST).filters("Country", "All countries", ("France", "Germany"))

    assert (len(filters.periods), filters.dimension, filters.members) == (
        30,
        "Country",
        ("France", "Germany"),
    )


@pytest.mark.parametrize(
    ("history", "adjective", "noun", "heading", "note"),
    [
        (30, "daily", "day", "Day", ""),
        (140, "weekly", "week", "Week from", "Periods of 7 days, the last one ending 1 Mar 2025."),
        (
            1101, "28-day", "28 days", "28 days from",
            "Periods of 28 days, the last one ending 1 Mar 2025; the unfinished first one is left out.",
        ),
    ],
)  # fmt: skip
def test_periods_have_names(history: int, adjective: str, noun: str, heading: str, note: str) -> None:
    periods = periods_of(back(history), LAST)

    assert (periods.adjective, periods.noun, periods.heading, periods.note) == (
        adjective,
        noun,
        heading,
        note,
    )


@pytest.mark.parametrize("history", [30, 300, 1500])
def test_a_query_puts_each_day_into_its_period(history: int) -> None:
    periods = periods_of(back(history), LAST)
    days = "select unnest(generate_series($first, $last_day, interval 1 day))::date as day"
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select {start_of('day')} as start, min(day), max(day) from ({days}) group by all order by start",
            {**periods.parameters, "first": periods.first},
        ).fetchall()

    assert found == [(span.first, span.first, span.last) for span in periods.spans]


def test_spans_in_words() -> None:
    assert span_words(Filter()) == "in the whole period"
    assert span_words(Filter(LAST, LAST)) == "on 1 Mar 2025"
    assert span_words(Filter(back(28), LAST)) == "in the 28 days to 1 Mar 2025"
