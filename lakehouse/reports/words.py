"""Figures as people read them: money, counts, shares, days, changes, and names made safe to print.

Here belongs every rule about how a value looks in a sentence, a tile or a table. What a value means, and
where it comes from, belongs to the report that prints it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Literal

MISSING = "-"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Characters that HTML, XML or a script's text forbid; they would make a chart unreadable for a parser.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")

# More digits than the largest decimal has: rounding a figure never fails.
_ROUNDING = Context(prec=80, rounding=ROUND_HALF_UP)

# A name inside a sentence is set apart, so that right-to-left marks in it don't turn the words around it.
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"

Direction = Literal["up", "down", "level", "unknown"]
FormKind = Literal["amount", "count", "number", "percent", "day", "month", "instant", "text"]
Value = Decimal | int | str | date | datetime | None


@dataclass(frozen=True, slots=True)
class Form:
    """How a column or a measure is printed; the page's script follows the same rules.

    amount: two decimals, then the unit. count: a whole number. number: `decimals`, then the unit.
    percent: a share as a percentage with one decimal. day, month, instant: dates. text: as it stands.
    """

    kind: FormKind
    unit: str = ""
    decimals: int = 2

    @property
    def is_number(self) -> bool:
        """Whether values stand right in a column."""
        return self.kind in ("amount", "count", "number", "percent")


AMOUNT, COUNT, PERCENT = Form("amount"), Form("count"), Form("percent")
DAY, MONTH, INSTANT, TEXT = Form("day"), Form("month"), Form("instant"), Form("text")


@dataclass(frozen=True, slots=True)
class Change:
    """How a figure moved against an earlier one: its direction and the words for it."""

    direction: Direction
    words: str


def money_form(currency: str | None) -> Form:
    """An amount with its currency."""
    return Form("amount", currency or "")


def show(value: Value, form: Form) -> str:
    """The value as the form says; a dash where there is none.

    >>> show(Decimal("0.0512"), PERCENT), show(Decimal("12.345"), Form("number", "s", 1)), show(None, COUNT)
    ('5.1%', '12.3 s', '-')
    """
    if value is None:
        return MISSING
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return month(value) if form.kind == "month" else day(value)
    if isinstance(value, str):
        return value
    if form.kind == "count":
        return f"{_rounded(Decimal(value), '1'):,f}"
    if form.kind == "percent":
        return percent(Decimal(value))
    decimals = 2 if form.kind == "amount" else form.decimals
    text = f"{_rounded(Decimal(value), str(Decimal(1).scaleb(-decimals))):,f}"
    return f"{text} {form.unit}" if form.unit else text


def money(value: Decimal | None, currency: str | None) -> str:
    """An amount with two decimals and its currency.

    >>> money(Decimal("1234.565"), "GBP")
    '1,234.57 GBP'
    """
    if value is None:
        return MISSING
    return f"{amount(value)} {currency}" if currency else amount(value)


def amount(value: Decimal | None) -> str:
    """An amount with two decimals, for a column whose header names the currency."""
    return MISSING if value is None else f"{_rounded(value, '0.01'):,}"


def count(value: int | None) -> str:
    """A whole number with thousands separators."""
    return MISSING if value is None else f"{value:,}"


def counted(value: int, one: str, many: str | None = None) -> str:
    """A whole number with its noun, in the singular where it is one.

    >>> counted(1, "order"), counted(1200, "order"), counted(2, "country", "countries")
    ('1 order', '1,200 orders', '2 countries')
    """
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def shown(limit: int, total: int, one: str, many: str | None = None) -> str:
    """What a table that stops at a limit leaves out; empty when it shows everything."""
    return f"The first {limit} of {counted(total, one, many)}." if total > limit else ""


def percent(share: Decimal | float | None) -> str:
    """A share as a percentage with one decimal."""
    return MISSING if share is None else f"{_rounded(_exact(share) * 100, '0.1'):,}%"


def day(value: date | None) -> str:
    """A day in words that read the same everywhere.

    >>> day(date(2011, 12, 9))
    '9 Dec 2011'
    """
    return MISSING if value is None else f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def month(value: date) -> str:
    """A month and its year."""
    return f"{MONTHS[value.month - 1]} {value.year}"


def instant(value: datetime | None) -> str:
    """A moment in UTC, to the minute."""
    return MISSING if value is None else f"{day(value)} {value:%H:%M} UTC"


def change(now: Decimal | int | None, before: Decimal | int | None) -> Change:
    """The relative change of a quantity; from zero or below it there is no percentage, only a direction."""
    if now is None or before is None:
        return Change("unknown", "not comparable")
    direction = _direction(Decimal(now) - Decimal(before))
    if direction == "level":
        return Change("level", "unchanged")
    if before <= 0:
        return Change(direction, f"{direction} from {'zero' if before == 0 else 'below zero'}")
    return Change(direction, f"{direction} {percent(abs(Decimal(now) - before) / Decimal(before))}")


def change_in_points(now: Decimal | int | None, before: Decimal | int | None) -> Change:
    """The change of a share, in percentage points: the difference of the two shares as they are shown."""
    if now is None or before is None:
        return Change("unknown", "not comparable")
    points = _rounded(Decimal(now) * 100, "0.1") - _rounded(Decimal(before) * 100, "0.1")
    direction = _direction(points)
    return Change(direction, "unchanged" if direction == "level" else f"{direction} {abs(points):,} points")


def plain(text: str) -> str:
    """The text without characters that HTML and XML forbid; line breaks and tabs become spaces."""
    return _FORBIDDEN.sub(lambda found: " " if found.group() in "\t\n\r\v\f\u2028\u2029" else "\ufffd", text)


def shorten(text: str, limit: int) -> str:
    """The text on one line, cut with an ellipsis where it is longer than the limit.

    >>> shorten("a  long name", 7)
    'a long…'
    """
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def named(text: str, limit: int = 60) -> str:
    """A name from the data, ready for the middle of a sentence."""
    return f"{_ISOLATE}{shorten(text, limit)}{_END_ISOLATE}"


def chart_labels(names: Iterable[str], limit: int = 40) -> list[str]:
    """Short labels in which no two are equal: equal ones would be drawn as one bar.

    >>> chart_labels(["Mug", "Mug", "Plate"])
    ['Mug', 'Mug (2)', 'Plate']
    """
    taken: set[str] = set()
    labels = []
    for name in names:
        base = shorten(name, limit)
        label, copy = base, 2
        while label in taken:
            label, copy = f"{base} ({copy})", copy + 1
        taken.add(label)
        labels.append(label)
    return labels


def _exact(value: Decimal | float) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def _rounded(value: Decimal, step: str) -> Decimal:
    rounded = value.quantize(Decimal(step), context=_ROUNDING)
    return abs(rounded) if rounded.is_zero() else rounded


def _direction(difference: Decimal) -> Literal["up", "down", "level"]:
    if difference == 0:
        return "level"
    return "up" if difference > 0 else "down"
