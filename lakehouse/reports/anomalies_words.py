"""Figures of an anomaly as people read them: amounts in a KPI's own unit, confidence, spans, headings.

Here belongs what several sections say alike. What a section says of it belongs to the section.
"""

import math
import shlex
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from lakehouse.reports import words
from lakehouse.reports.anomalies_data import Anomaly, Kpi, Watch

_LABEL, _SEGMENT, _UNIT = 60, 40, 24

# From which probability on an anomaly is called how; below the last it is weak.
_CONFIDENCE = ((0.75, "very likely real"), (0.5, "likely real"), (0.3, "may be noise"))
_WEAK = "weak"
_MOST_SURE = 0.999


def kpi_form(kpi: Kpi, currency: str | None, figures: Iterable[float | None]) -> words.Form:
    """How a KPI's figures are printed: money, a percentage, or a number with as many places as tell something.

    figures: those that stand together; they get the same places.
    """
    if kpi.unit == "reporting currency":
        return words.money_form(currency)
    if kpi.unit == "ratio":
        return words.PERCENT
    largest = max((abs(each) for each in figures if each is not None), default=0.0)
    places = 0 if largest >= 100 else 1 if kpi.is_additive or largest >= 10 else 2 if largest >= 1 else 4
    return words.Form("number", words.shorten(kpi.unit or "", _UNIT), places)


def form_of(watch: Watch, anomaly: Anomaly) -> words.Form:
    """How the anomaly's own figures are printed."""
    return kpi_form(
        watch.kpi(anomaly.kpi), watch.currency, (anomaly.expected, anomaly.actual, anomaly.impact)
    )


def figure(value: float | None, form: words.Form) -> str:
    """A figure in the form; a dash where there is none.

    >>> figure(1234.5, words.money_form("GBP")), figure(None, words.PERCENT)
    ('1,234.50 GBP', '-')
    """
    return words.show(None if value is None else Decimal(repr(value)), form)


def moved(value: float | None, form: words.Form) -> str:
    """A difference with its sign; of percentages it is points.

    >>> moved(0.0123, words.PERCENT), moved(-12.0, words.money_form("GBP")), moved(0.0, words.COUNT)
    ('+1.2 points', '-12.00 GBP', '0')
    """
    if value is None:
        return words.MISSING
    text = figure(value, form)
    if form.kind == "percent":
        text = text.removesuffix("%") + " points"
    is_nothing = not any(digit in text.partition(" ")[0] for digit in "123456789")
    return text if value < 0 or is_nothing else f"+{text}"


def impact(anomaly: Anomaly, form: words.Form) -> str:
    """Actual less expected, with its sign; of percentages, the points between the two as they are shown."""
    if form.kind != "percent" or anomaly.actual is None or anomaly.expected is None:
        return moved(anomaly.impact, form)
    change = words.change_in_points(Decimal(repr(anomaly.actual)), Decimal(repr(anomaly.expected)))
    sign = {"up": "+", "down": "-"}.get(change.direction, "")
    return f"{sign}{change.words.partition(' ')[2]}" if sign else moved(0.0, form)


def cell_form(form: words.Form) -> words.Form:
    """The form in a table's cells: a number without its unit, which may be long and which the KPI's name tells."""
    return words.Form("number", decimals=form.decimals) if form.kind == "number" else form


def brief(form: words.Form, largest: float) -> words.Form:
    """The form where room is short and something else names the unit: without it, large amounts without cents."""
    if form.kind == "amount":
        return words.Form("number", decimals=0 if largest >= 1000 else 2)
    return cell_form(form)


def share(value: float | None) -> str:
    """A relative change with its sign."""
    return words.MISSING if value is None else moved(value, words.PERCENT).replace(" points", "%")


def money(value: float | None, currency: str | None) -> str:
    """An amount in the reporting currency."""
    return figure(value, words.money_form(currency))


def confidence(probability: float | None) -> str:
    """How far to believe that it is no noise, in words.

    >>> confidence(0.75), confidence(0.5), confidence(0.3), confidence(0.1), confidence(None)
    ('very likely real', 'likely real', 'may be noise', 'weak', 'unknown')
    """
    if probability is None or math.isnan(probability):
        return "unknown"
    return next((text for least, text in _CONFIDENCE if probability >= least), _WEAK)


def sure(probability: float | None) -> float | None:
    """A probability as it is printed: nothing is told as certain because it rounds to it.

    >>> sure(0.99996), sure(0.5), sure(None)
    (0.999, 0.5, None)
    """
    return None if probability is None else min(probability, _MOST_SURE)


def periods(anomaly: Anomaly) -> int:
    """How many periods it spans."""
    days = (anomaly.ended_on - anomaly.started_on).days + 1
    return max(1, math.ceil(days / 7) if anomaly.is_weekly else days)


def span(watch: Watch, anomaly: Anomaly) -> str:
    """From which day to which, the year where it isn't that of the page."""
    first, last = anomaly.started_on, anomaly.ended_on
    if first == last:
        return near(watch, first)
    if first.year != last.year:
        return f"{words.day(first)} to {words.day(last)}"
    begun = str(first.day) if first.month == last.month else f"{first.day} {words.MONTHS[first.month - 1]}"
    return f"{begun} to {near(watch, last)}"


def near(watch: Watch, day: date) -> str:
    """A day, without the year where it is that of the page."""
    text = words.day(day)
    return text.removesuffix(f" {day.year}") if watch.as_of and watch.as_of.year == day.year else text


def name_of(watch: Watch, anomaly: Anomaly) -> str:
    """The KPI and the segment, for a cell of a table."""
    label = words.shorten(watch.kpi(anomaly.kpi).label, _LABEL)
    return f"{label}, {where(anomaly)}" if anomaly.dimension else label


def where(anomaly: Anomaly) -> str:
    """The segment with its dimension; of the whole, that it is the whole."""
    if not anomaly.dimension:
        return "everything"
    dimension = anomaly.dimension.replace("_", " ")
    return f"{words.shorten(dimension, _SEGMENT)} {words.shorten(anomaly.segment, _SEGMENT) or '(empty)'}"


def heading(watch: Watch, anomaly: Anomaly) -> str:
    """What is out of the ordinary, by how much, and when.

    Such as: Net revenue, country France: 32.1% below expectation since 3 Nov
    """
    name = words.named(watch.kpi(anomaly.kpi).label, _LABEL)
    if anomaly.dimension:
        name += f", {words.named(where(anomaly), 2 * _SEGMENT + 1)}"
    return f"{name}: {size(watch, anomaly)} {_when(watch, anomaly)}"


def size(watch: Watch, anomaly: Anomaly) -> str:
    """How far from what was expected, and to which side."""
    side = "below" if anomaly.direction == "down" else "above"
    form = form_of(watch, anomaly)
    if form.kind == "percent":
        by = impact(anomaly, form).lstrip("+-") or words.MISSING
    elif anomaly.relative_impact is not None:
        by = words.percent(abs(anomaly.relative_impact))
    else:
        by = figure(None if anomaly.impact is None else abs(anomaly.impact), form)
    return f"{side} expectation" if by == words.MISSING else f"{by} {side} expectation"


def answer(anomaly: Anomaly) -> str:
    """The command line by which people say that it was to be expected."""
    return f'lakehouse anomalies expected {shlex.quote(words.plain(anomaly.id))} --note "..."'


def _when(watch: Watch, anomaly: Anomaly) -> str:
    weekly = ", by week" if anomaly.is_weekly else ""
    if anomaly.is_open:
        return f"since {near(watch, anomaly.started_on)}{weekly}"
    return f"{'on' if anomaly.started_on == anomaly.ended_on else 'from'} {span(watch, anomaly)}{weekly}"
