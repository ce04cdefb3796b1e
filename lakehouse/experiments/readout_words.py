"""Figures in a readout's sentences: lifts, effects, p-values and counts as people read them.

Belongs here: how a number looks inside a reason, and the sentence of one metric. Not here: which verdict the
sentence supports (decision.py), nor the tables and tiles of a page (reports/).
"""

from __future__ import annotations

import math

from lakehouse.experiments.readout_rows import ReadoutRow

CHANCE = "the chance of a difference at least this large if there were none"


def percent(share: float, digits: int = 1) -> str:
    """A share with its sign.

    >>> percent(0.0523), percent(-0.2), percent(0.0)
    ('+5.2%', '-20.0%', '0.0%')
    """
    shown = round(100 * share, digits)
    return f"{shown:+,.{digits}f}%" if shown else f"{0:.{digits}f}%"


def plain_percent(share: float) -> str:
    """A share without a sign, with as many digits as it takes to see it.

    >>> plain_percent(0.95), plain_percent(0.0123), plain_percent(0.0004)
    ('95%', '1.2%', '0.04%')
    """
    hundred = 100 * share
    is_whole = abs(hundred - round(hundred)) < 1e-9 * max(1.0, abs(hundred))
    return f"{hundred:,.{0 if is_whole else 1 if abs(hundred) >= 1 else 2}f}%"


def amount(value: float, kind: str) -> str:
    """An effect in the metric's own unit with its sign; of a proportion in percentage points.

    >>> amount(0.0052, "proportion"), amount(-12.3456, "mean")
    ('+0.52 percentage points', '-12.35')
    """
    if kind == "proportion":
        return f"{100 * value:+,.2f} percentage points"
    digits = 2 if abs(value) >= 1 or value == 0 else min(8, 1 - math.floor(math.log10(abs(value))) + 1)
    return f"{value:+,.{digits}f}"


def p_text(p: float) -> str:
    """A p-value that is never shown as 0.

    >>> p_text(0.04213), p_text(1e-9)
    ('p = 0.042', 'p < 0.0001')
    """
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.4f}" if p < 0.01 else f"p = {p:.3f}"


def unadjusted_p(row: ReadoutRow) -> float | None:
    """The p-value of the row's own comparison, of the kind that its verdict rests on.

    >>> row = ReadoutRow("e", "m", "primary", "mean", "b", "a", "M", "up", "ok", p_value=0.04, decisive_p=0.08, decided_by="fixed")
    >>> unadjusted_p(row)
    0.04
    """
    kinds = {"cuped": row.cuped_p_value, "sequential": row.sequential_p}
    return kinds.get(row.decided_by or "", row.p_value)


def change(row: ReadoutRow, alpha: float) -> str:
    """The change that a row shows, relative where there is a baseline, with the interval that its verdict rests on.

    >>> row = ReadoutRow("e", "m", "primary", "mean", "b", "a", "M", "up", "ok", lift=0.05, lift_low=0.02, lift_high=0.08)
    >>> change(row, 0.05)
    '+5.0% (95% interval +2.0% to +8.0%)'
    """
    sure = plain_percent(1 - alpha)
    lifts = (row.lift, row.lift_low, row.lift_high)
    effects = (row.effect, row.effect_low, row.effect_high)
    note = ""
    if row.decided_by == "cuped" and row.cuped_effect is not None:
        lifts = (row.cuped_lift, row.cuped_lift_low, row.cuped_lift_high)
        effects = (row.cuped_effect, row.cuped_low, row.cuped_high)
        note = ", adjusted for the time before"
    if lifts[0] is not None and lifts[1] is not None and lifts[2] is not None:
        return f"{percent(lifts[0])} ({sure} interval {percent(lifts[1])} to {percent(lifts[2])}{note})"
    if effects[0] is None:
        return "unknown"
    if effects[1] is None or effects[2] is None:
        return amount(effects[0], row.kind)
    low, high = amount(effects[1], row.kind), amount(effects[2], row.kind)
    return f"{amount(effects[0], row.kind)} ({sure} interval {low} to {high}{note})"


def sequential_note(row: ReadoutRow, alpha: float) -> str:
    """The interval that holds in spite of many looks, for the middle of a sentence; empty without one."""
    if row.sequential_low is None or row.sequential_high is None or row.looks is None:
        return ""
    low, high = amount(row.sequential_low, row.kind), amount(row.sequential_high, row.kind)
    looks = "1 look" if row.looks == 1 else f"{row.looks} looks"
    return (
        f"; allowing for {looks} at the results, the {plain_percent(1 - alpha)} interval is {low} to {high}"
    )


def units(n: int) -> str:
    """A number of units with its noun.

    >>> units(1), units(12000)
    ('1 unit', '12,000 units')
    """
    return f"{n:,} unit{'' if n == 1 else 's'}"
