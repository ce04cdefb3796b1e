"""Figures of an experiment as people read them: changes with their sign, intervals, levels, and what a row comes to.

Here belongs what several sections say alike. What they say of it belongs to each section.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from lakehouse.experiments.readout_rows import ReadoutRow
from lakehouse.experiments.readout_words import amount, p_text
from lakehouse.reports import words

# What a metric's row comes to, and the words for it.
RESULTS = {
    "better": "better than the control",
    "worse": "worse than the control",
    "open": "not told from chance",
    "none": "no readout",
}
# A figure that is a text already, for a column of its own.
TOLD = words.Form("number")
ROLES = {"primary": "decides", "secondary": "secondary", "guardrail": "guardrail"}


@dataclass(frozen=True, slots=True)
class Rested:
    """The lift that a row's judgement rests on, and how it was found; bounds are None where no finite ones exist."""

    lift: float | None
    low: float | None
    high: float | None
    note: str = ""


def signed(share: float | None) -> str:
    """A change as a percentage with its sign.

    >>> signed(0.0523), signed(-0.2), signed(0.0), signed(None)
    ('+5.2%', '-20.0%', '0.0%', '-')
    """
    text = words.percent(share)
    return f"+{text}" if share is not None and share > 0 and text != "0.0%" else text


def interval(low: float | None, high: float | None) -> str:
    """Two bounds of a change."""
    return "no bounded interval" if low is None or high is None else f"{signed(low)} to {signed(high)}"


def level(value: float | None, kind: str) -> str:
    """A metric's level in its own unit: a share of units as a percentage, else a number with the digits that count.

    >>> level(0.1949, "proportion"), level(160.0746, "ratio"), level(0.01234, "mean"), level(None, "mean")
    ('19.5%', '160.07', '0.0123', '-')
    """
    if value is None:
        return words.MISSING
    if kind == "proportion":
        return words.percent(value)
    small = 0 < abs(value) < 1
    decimals = min(8, 2 - math.floor(math.log10(abs(value)))) if small else 2
    return words.show(Decimal(repr(value)), words.Form("number", decimals=decimals))


def chance(p: float | None) -> str | None:
    """A p-value for a table; None where there is none."""
    return None if p is None else p_text(p).removeprefix("p = ").removeprefix("p ")


def rested(row: ReadoutRow) -> Rested:
    """What the row is judged by: the plan's looks, the change adjusted for the time before, or the plain one."""
    if row.decided_by == "cuped" and row.cuped_effect is not None:
        note = "adjusted for the time before"
        return Rested(row.cuped_lift, row.cuped_lift_low, row.cuped_lift_high, note)
    if row.decided_by == "sequential" and row.mean_control is not None and row.mean_control > 0:
        ends = [
            None if end is None else end / row.mean_control
            for end in (row.sequential_low, row.sequential_high)
        ]
        looks = words.counted(row.looks or 0, "look")
        return Rested(row.lift, ends[0], ends[1], f"allowing for {looks} at the results")
    return Rested(row.lift, row.lift_low, row.lift_high)


def changed(row: ReadoutRow, sure: str) -> str:
    """The change that the row is judged by, with its interval. sure: the interval's level."""
    found = rested(row)
    note = f", {found.note}" if found.note else ""
    if found.lift is not None:
        return f"{signed(found.lift)} ({sure} interval {interval(found.low, found.high)}{note})"
    effect, low, high = row.effect, row.effect_low, row.effect_high
    if row.decided_by == "cuped":
        effect, low, high = row.cuped_effect, row.cuped_low, row.cuped_high
    if effect is None:
        return "unknown"
    if low is None or high is None:
        return amount(effect, row.kind)
    return f"{amount(effect, row.kind)} ({sure} interval {amount(low, row.kind)} to {amount(high, row.kind)}{note})"


def is_moved(row: ReadoutRow, alpha: float) -> bool:
    """Whether the difference may be told from chance now, by the p-value that decides."""
    return row.decisive_p is not None and row.decisive_p <= alpha


def result(row: ReadoutRow, alpha: float) -> str:
    """What the row comes to: one of RESULTS."""
    if row.status != "ok":
        return "none"
    if not is_moved(row, alpha):
        return "open"
    effect = (row.cuped_effect if row.decided_by == "cuped" else row.effect) or 0.0
    return "better" if (effect > 0) == (row.direction == "up") else "worse"


def sentence_of(text: str) -> str:
    """A reason as a sentence of its own.

    >>> sentence_of("no readout, because it has not begun")
    'No readout, because it has not begun.'
    """
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}" if text else ""
