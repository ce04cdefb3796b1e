"""What an explanation looks like in a terminal of 80 columns.

Belongs here: words and tables made of an explanation that is given. Not here: where it comes from (cli_explain.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lakehouse.display_experiments import printable
from lakehouse.display_metrics import MISSING, amount, change
from lakehouse.metrics.causes.explanation import Cause
from lakehouse.metrics.causes.kpi_factors import Factor
from lakehouse.metrics.causes.of_kpi import KpiExplanation, span
from lakehouse.metrics.definition import Kpi


def explained(kpi: Kpi, found: KpiExplanation) -> Iterator[RenderableType]:
    """The change in a sentence, its factors, its causes, what they leave, and what a reader has to know."""
    within = f" within {found.within[0]}={found.within[1]}" if found.within else ""
    yield _text(f"{kpi.label}{within}, {span(found.period)}, compared with {found.compared_with}.")
    explanation = found.explanation
    if explanation is not None:
        unit = "" if kpi.unit == "ratio" else f" {kpi.unit}"
        relative = explanation.change / abs(explanation.expected) if explanation.expected else None
        yield _text(
            f"{amount(explanation.actual)} instead of {amount(explanation.expected)}{unit}: "
            f"{explanation.change:+,.6g} ({change(relative)})."
        )
    if found.factors.factors:
        yield _factors(found.factors.factors)
    if explanation is not None and explanation.causes:
        yield _causes(explanation.causes)
        share = explanation.rest / explanation.change if explanation.change else None
        of = f" ({share:.0%} of the change)" if share is not None else ""
        yield _text(f"Not explained by these: {explanation.rest:+,.6g}{of}.")
    yield _text(found.reason)
    for note in (found.factors.reason, *(explanation_notes(found)), *found.notes):
        if note:
            yield _text(note)


def explanation_notes(found: KpiExplanation) -> list[str]:
    """What a ratio's total hides."""
    reversed_along = found.explanation.simpson if found.explanation else ()
    return [
        f"Simpson's paradox along {name}: no {name}'s own ratio moved the way of the whole; their shares did it."
        for name in reversed_along
    ]


def document(found: KpiExplanation) -> dict[str, object]:
    """For programs: the same, unrounded."""
    explanation = found.explanation
    return {
        "kpi": found.kpi,
        "from": found.period[0],
        "to": found.period[1],
        "within": dict([found.within]) if found.within else None,
        "compared_with": found.compared_with,
        "verdict": found.verdict,
        "reason": found.reason,
        "expected": explanation.expected if explanation else None,
        "actual": explanation.actual if explanation else None,
        "change": explanation.change if explanation else None,
        "causes": explanation.frame().to_dicts() if explanation else [],
        "rest": explanation.rest if explanation else None,
        "simpson": list(explanation.simpson) if explanation else [],
        "factors": [
            {"factor": one.name, "before": one.before, "after": one.after, "contribution": one.contribution}
            for one in found.factors.factors
        ],
        "notes": [*([found.factors.reason] if found.factors.reason else []), *found.notes],
    }


def _factors(factors: tuple[Factor, ...]) -> Table:
    table = _table("Factors")
    table.add_column("factor", overflow="fold")
    for heading in ("before", "after", "contribution"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in factors:
        table.add_row(Text(one.name), amount(one.before), amount(one.after), f"{one.contribution:+,.6g}")
    return table


def _causes(causes: tuple[Cause, ...]) -> Table:
    table = _table("Segments that stand out")
    table.add_column("segment", overflow="fold", min_width=16)
    table.add_column("effect", no_wrap=True)
    for heading in ("before", "after", "contribution", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in causes:
        named = ", ".join(f"{dimension}={value}" for dimension, value in one.segment)
        share = MISSING if one.share is None else f"{one.share:.0%}"
        before, after = (
            f"{value:.2%}" if one.effect == "mix" else amount(value) for value in (one.expected, one.actual)
        )
        table.add_row(Text(printable(named)), one.effect, before, after, f"{one.contribution:+,.5g}", share)
    return table


def _text(line: str) -> Text:
    return Text(printable(line))


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
