"""What anomalies look like in a terminal of 80 columns.

Belongs here: text made of values that are given. Not here: where the values come from (cli_anomalies.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lakehouse.display_experiments import printable
from lakehouse.display_metrics import amount, change
from lakehouse.metrics.anomalies.feedback import Shown
from lakehouse.metrics.anomalies.published import Anomaly, Cause, Factor
from lakehouse.reports import words

# At least so sure, in words.
_SURE = ((0.75, "very likely real"), (0.5, "likely real"), (0.3, "may be noise"), (0.0, "weak"))
_COLOURS = {"open": "yellow", "closed": "dim", "muted": "dim", "confirmed": "cyan", "expected": "dim"}


def sureness(confidence: float) -> str:
    """Confidence in words and figures.

    >>> sureness(0.97), sureness(0.31)
    ('very likely real (97%)', 'may be noise (31%)')
    """
    return f"{next(said for least, said in _SURE if confidence >= least)} ({100 * confidence:.0f}%)"


def series(anomaly: Anomaly | Shown) -> str:
    """The KPI, and the segment of it."""
    part = f", {anomaly.dimension}={anomaly.segment}" if anomaly.dimension else ""
    return printable(f"{anomaly.kpi}{part}")


def days(anomaly: Anomaly) -> str:
    """First and last day, or since when it goes on."""
    if anomaly.is_open:
        return f"since {words.day(anomaly.started_on)}"
    if anomaly.started_on == anomaly.ended_on:
        return words.day(anomaly.started_on)
    return f"{words.day(anomaly.started_on)} to {words.day(anomaly.ended_on)}"


def stake(anomaly: Anomaly, currency: str | None) -> str:
    """What it is worth; words where nothing tells."""
    if anomaly.money is None:
        return "money at stake unknown"
    return f"{anomaly.money:,.0f} {currency or ''}".rstrip() + " at stake"


def listed(anomalies: Iterable[Anomaly], currency: str | None) -> Group:
    """One block each: its id, what and when; what it is worth and how sure; the sentence."""
    blocks: list[RenderableType] = []
    for one in anomalies:
        head = Text.assemble((printable(one.anomaly), "bold"), "  ", (one.status, _COLOURS[one.status]))
        about = [series(one), days(one), stake(one, currency), sureness(one.confidence)]
        if one.part_of is not None:
            about.append(f"part of {printable(one.part_of)}")
        blocks += [head, _indented(" · ".join(about)), _indented(printable(one.sentence))]
        if one.note:
            blocks.append(_indented(f"note: {printable(one.note)}"))
        blocks.append(Text())
    return Group(*blocks)


def whole(
    anomaly: Anomaly,
    causes: Sequence[Cause],
    factors: Sequence[Factor],
    parts: Sequence[Anomaly],
    currency: str | None,
) -> Group:
    """Everything that is known of one anomaly."""
    blocks: list[RenderableType] = [Text(printable(anomaly.sentence), style="bold"), Text()]
    blocks += [_facts(anomaly, currency), Text()]
    if factors:
        blocks.append(_factors(factors))
    if causes:
        blocks.append(_causes(causes))
    without = "" if anomaly.verdict == "causes" else f"No causes ({anomaly.verdict}): "
    blocks.append(Text(printable(f"{without}{anomaly.explanation}")))
    for one in parts:
        blocks.append(_indented(f"part: {printable(one.anomaly)}  {series(one)}, {days(one)}"))
    return Group(*blocks)


def _facts(anomaly: Anomaly, currency: str | None) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    relative = "" if anomaly.relative_impact is None else f" ({change(anomaly.relative_impact)})"
    facts = {
        "anomaly": anomaly.anomaly,
        "KPI": f"{anomaly.label} ({series(anomaly)}), {anomaly.cadence}",
        "days": f"{days(anomaly)}; told from noise on {words.day(anomaly.detected_on)}",
        "expected": f"{amount(anomaly.expected)} {anomaly.unit}",
        "actual": f"{amount(anomaly.actual)} {anomaly.unit}",
        "change": f"{anomaly.impact:+,.2f}{relative}, {_judgement(anomaly.is_good)}",
        "worth": stake(anomaly, currency),
        "confidence": sureness(anomaly.confidence),
        "methods": ", ".join(anomaly.methods) or words.MISSING,
        "status": anomaly.status,
        "note": anomaly.note or words.MISSING,
        **({"part of": anomaly.part_of} if anomaly.part_of is not None else {}),
    }
    for name, value in facts.items():
        table.add_row(name, Text(printable(value)))
    return table


def _judgement(is_good: bool | None) -> str:  # noqa: FBT001  a row's value
    return {True: "the good way", False: "the bad way", None: "neither good nor bad"}[is_good]


def _factors(factors: Sequence[Factor]) -> Table:
    table = _table("Factors")
    table.add_column("factor", overflow="fold")
    for heading in ("before", "after", "added"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in factors:
        table.add_row(
            Text(printable(one.factor)), amount(one.before), amount(one.after), _signed(one.contribution)
        )
    return table


def _causes(causes: Sequence[Cause]) -> Table:
    table = _table("Causes")
    table.add_column("segment", overflow="fold", min_width=16)
    table.add_column("effect", no_wrap=True)
    for heading in ("expected", "actual", "added", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in causes:
        share = words.MISSING if one.share is None else f"{100 * one.share:,.0f}%"
        table.add_row(
            Text(printable(one.segment)),
            one.effect,
            amount(one.expected),
            amount(one.actual),
            _signed(one.contribution),
            share,
        )
    return table


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{amount(value)}"


def _indented(text: str) -> Padding:
    return Padding(Text(text), (0, 0, 0, 2))


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
