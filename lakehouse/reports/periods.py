"""The periods into which a page cuts its days, and the window that its key figures cover.

Here belongs everything about spans of days that more than one page needs. Figures of a period belong to a report.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from lakehouse.reports import words
from lakehouse.reports.dataset import Filter
from lakehouse.reports.page import Filters, Period

# Four whole weeks: each weekday counts as often as the others, and every length of period fits in.
WINDOW_DAYS = 28

# Longer histories are summed over longer periods, so that a chart stays small and readable.
_DAILY_UP_TO, _WEEKLY_UP_TO = 120, 1100


@dataclass(frozen=True, slots=True)
class Periods:
    """Consecutive periods of equal length that end with the last day, oldest first.

    They are counted back from the last day, so that the last one is whole and no fall at the end is an artefact.
    """

    days: int
    spans: tuple[Period, ...]
    is_first_left_out: bool

    @property
    def first(self) -> date:
        """The first day of the first period."""
        return self.spans[0].first

    @property
    def last(self) -> date:
        """The last day of the last period."""
        return self.spans[-1].last

    @property
    def adjective(self) -> str:
        """The length of a period, before a noun."""
        return {1: "daily", 7: "weekly"}.get(self.days, f"{self.days}-day")

    @property
    def noun(self) -> str:
        """The name of one period."""
        return {1: "day", 7: "week"}.get(self.days, f"{self.days} days")

    @property
    def heading(self) -> str:
        """The header of the column that names the periods."""
        return "Day" if self.days == 1 else f"{self.noun.capitalize()} from"

    @property
    def note(self) -> str:
        """What a reader must know about the periods' bounds; empty for days."""
        if self.days == 1:
            return ""
        left_out = "; the unfinished first one is left out" if self.is_first_left_out else ""
        return f"Periods of {self.days} days, the last one ending {words.day(self.last)}{left_out}."

    @property
    def whole(self) -> Filter:
        """All days of all periods."""
        return Filter(self.first, self.last)

    @property
    def now(self) -> Filter:
        """The days that key figures cover: the last 28, or all of a shorter history."""
        return Filter(self.spans[-self._in_window].first, self.last)

    @property
    def before(self) -> Filter | None:
        """As many days before `now`; None where the history doesn't reach back over both."""
        if len(self.spans) < 2 * self._in_window or self._in_window * self.days < WINDOW_DAYS:
            return None
        earlier = self.spans[-2 * self._in_window : -self._in_window]
        return Filter(earlier[0].first, earlier[-1].last)

    @property
    def parameters(self) -> dict[str, object]:
        """What `start_of` needs in a query."""
        return {"last_day": self.last, "period_days": self.days}

    def filters(self, dimension: str = "", everything: str = "", members: tuple[str, ...] = ()) -> Filters:
        """The choices of a page that is cut into these periods; `dimension` and its members may be none."""
        default = Period(self.spans[-self._in_window].first, self.last)
        return Filters(self.spans, default, dimension, everything, members)

    @property
    def _in_window(self) -> int:
        return min(WINDOW_DAYS // self.days, len(self.spans))


def periods_of(first: date, last: date) -> Periods:
    """The days from first to last, both included, cut into days, weeks or 28 days by the length of the history.

    A first period that isn't whole is left out, unless it is the only one.
    """
    history = (last - first).days + 1
    days = 1 if history <= _DAILY_UP_TO else 7 if history <= _WEEKLY_UP_TO else WINDOW_DAYS
    count = history // days
    start = last - timedelta(days=count * days - 1)
    spans = tuple(
        Period(start + timedelta(days=place * days), start + timedelta(days=(place + 1) * days - 1))
        for place in range(count)
    )
    return Periods(days, spans, is_first_left_out=count * days < history)


def start_of(column: str) -> str:
    """SQL for the first day of the period that the date in a column falls into; with `Periods.parameters`."""
    back = f"(date_diff('day', {column}, $last_day) // $period_days + 1) * $period_days - 1"
    return f"($last_day - cast({back} as integer))"


def span_words(span: Filter) -> str:
    """When, for the middle of a sentence."""
    if span.first is None or span.last is None:
        return "in the whole period"
    if span.first == span.last:
        return f"on {words.day(span.last)}"
    return f"in the {(span.last - span.first).days + 1} days to {words.day(span.last)}"
