"""From rows to verdicts: what the primary metric's row says, which guardrails are hurt, and every row's sentence.

Belongs here: reading rows of exp_readout for the decision rule, and writing its answer into them. Not here: the rule
(decision.py) and the figures (readout_metric.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from lakehouse.experiments.decision import Case, Decision, PrimaryReading, decide
from lakehouse.experiments.readout_design import ReadoutDesign
from lakehouse.experiments.readout_metric import is_complete
from lakehouse.experiments.readout_rows import ReadoutRow
from lakehouse.experiments.readout_words import (
    CHANCE,
    change,
    p_text,
    plain_percent,
    sequential_note,
    unadjusted_p,
    units,
)

FRAGILE = (
    "The verdict is fragile: it depends on what is done with units that saw more than one variant "
    "(see the sensitivity table)."
)


def with_verdicts(
    design: ReadoutDesign,
    rows: Sequence[ReadoutRow],
    invalid: tuple[str, ...],
    as_of: date,
    fragile: Mapping[str, bool],
) -> list[ReadoutRow]:
    """The rows with a sentence each, and on every variant's primary row its verdict."""
    told = [
        row
        if row.status != "ok"
        else replace(row, reason=f"{_figures(design, row)}: {_conclusion(design, row)}.")
        for row in rows
    ]
    result = []
    for row in told:
        if row.role != "primary":
            result.append(row)
            continue
        guardrails = [other for other in told if other.role == "guardrail" and other.variant == row.variant]
        decision = decide(case(design, row, guardrails, invalid, as_of))
        result.append(_decided(row, decision, is_fragile=fragile.get(row.variant, False)))
    return result


def case(
    design: ReadoutDesign,
    primary: ReadoutRow,
    guardrails: Sequence[ReadoutRow],
    invalid: tuple[str, ...],
    as_of: date,
) -> Case:
    """Everything that the verdict on one variant rests on."""
    return Case(
        invalid=invalid,
        hurt=tuple(_hurt_sentence(design, row) for row in guardrails if is_hurt(design, row)),
        unproven=tuple(text for text in (_unproven(design, row) for row in guardrails) if text),
        primary=primary_reading(design, primary, as_of) if primary.status == "ok" else None,
        refusal=primary.reason,
    )


def primary_reading(design: ReadoutDesign, row: ReadoutRow, as_of: date) -> PrimaryReading:
    """What the primary metric's row says at the plan's level."""
    is_over = is_complete(design, row, as_of)
    is_moved = row.decisive_p is not None and row.decisive_p <= design.alpha
    enough = row.required_n is None or row.n + row.n_control >= row.required_n
    return PrimaryReading(
        moved=("better" if _is_better(row) else "worse") if is_moved else None,
        may_judge=is_over or row.decided_by == "sequential",
        is_over=is_over,
        sentence=_figures(design, row),
        is_ruled_out=_is_ruled_out(design, row),
        has_enough=enough,
        missing=_missing(design, row, as_of, has_enough=enough),
    )


def is_hurt(design: ReadoutDesign, row: ReadoutRow) -> bool:
    """Worse than chance explains, and not shown to be worse by less than the margin that was accepted."""
    if row.status != "ok" or row.decisive_p is None or row.decisive_p > design.alpha or _is_better(row):
        return False
    return not _is_shown_safe(design, row)


def _is_shown_safe(design: ReadoutDesign, row: ReadoutRow) -> bool:
    return row.non_inferiority_p is not None and row.non_inferiority_p <= design.alpha


def _is_better(row: ReadoutRow) -> bool:
    effect = row.cuped_effect if row.decided_by == "cuped" else row.effect
    return (effect or 0.0) > 0 if row.direction == "up" else (effect or 0.0) < 0


def _is_ruled_out(design: ReadoutDesign, row: ReadoutRow) -> bool:
    """Whether the interval that decides leaves out an improvement as large as the minimum effect."""
    if not design.minimum_effect:
        return False
    low, high = row.lift_low, row.lift_high
    if row.decided_by == "cuped":
        low, high = row.cuped_lift_low, row.cuped_lift_high
    elif row.decided_by == "sequential":
        level = row.mean_control or 0.0
        bounds = (row.sequential_low, row.sequential_high)
        low, high = (bound / level if bound is not None and level > 0 else None for bound in bounds)
    least = abs(design.minimum_effect)
    if row.direction == "up":
        return high is not None and high < least
    return low is not None and low > -least


def _missing(design: ReadoutDesign, row: ReadoutRow, as_of: date, *, has_enough: bool) -> str:
    """What to wait for."""
    if not design.is_over(as_of):
        return (
            f"It runs until {design.last_day(design.end or as_of)}, the day it was planned to be judged on."
        )
    if row.immature:
        return f"For {units(row.immature)} the time in which the metric counts has not passed yet by {as_of}."
    if not has_enough and row.required_n is not None and design.minimum_effect:
        more = row.required_n - row.n - row.n_control
        least = plain_percent(abs(design.minimum_effect))
        return (
            f"Finding a change of {least} takes {row.required_n:,} units of both variants together: "
            f"{more:,} are missing."
        )
    return ""


def _figures(design: ReadoutDesign, row: ReadoutRow) -> str:
    """The metric's change, how it is told from chance, and from how many units."""
    p = row.decisive_p
    if row.decided_by in (None, "any time", "no look yet") or p is None:
        p, note = row.p_adjusted if row.p_adjusted is not None else row.p_value, ""
    else:
        note = sequential_note(row, design.alpha) if row.decided_by == "sequential" else ""
    return (
        f"{row.label} of {row.variant} against {row.control}: {change(row, design.alpha)}{note}{_chance(row, p)}; "
        f"{row.n:,} and {units(row.n_control)}"
    )


def _chance(row: ReadoutRow, p: float | None) -> str:
    """The p-value with its meaning, which is that of the one comparison; beside it what all of them make of it."""
    if p is None:
        return ""
    alone = unadjusted_p(row)
    if alone is None or math.isclose(alone, p):
        return f"; {p_text(p)}, {CHANCE}"
    return f"; {p_text(alone)}, {CHANCE}; adjusted for several comparisons {p_text(p)}"


def _conclusion(design: ReadoutDesign, row: ReadoutRow) -> str:
    """What the figures of a metric come to, for the end of its sentence."""
    p, early = row.decisive_p, row.decided_by in ("any time", "no look yet")
    if p is None or p > design.alpha:
        told = "not to be judged before the end" if early else "not told from chance"
    else:
        told = f"{'better' if _is_better(row) else 'worse'} than the control"
        told += ", even allowing for having looked before the end" if early else ""
    if row.margin is None:
        return told
    shown = "shown" if _is_shown_safe(design, row) else "not shown yet"
    return f"{told}; {shown} to be worse by less than {plain_percent(row.margin)}"


def _hurt_sentence(design: ReadoutDesign, row: ReadoutRow) -> str:
    accepted = f" (a margin of {plain_percent(row.margin)} was accepted)" if row.margin else ""
    return f"{row.label} must not get worse{accepted}, and did: {change(row, design.alpha)}."


def _unproven(design: ReadoutDesign, row: ReadoutRow) -> str:
    if row.status != "ok":
        return f"{row.label} must not get worse, and has {row.reason.removesuffix('.')}."
    if row.margin is None or _is_shown_safe(design, row):
        return ""
    return (
        f"{row.label} isn't shown yet to be worse by less than {plain_percent(row.margin)}: "
        f"{change(row, design.alpha)}."
    )


def _decided(row: ReadoutRow, decision: Decision, *, is_fragile: bool) -> ReadoutRow:
    told = [decision.reason]
    if row.status != "ok" and decision.reason != row.reason:
        told.insert(0, f"{row.reason}.")
    if is_fragile:
        told = [text if text.endswith(".") else f"{text}." for text in told] + [FRAGILE]
    return replace(row, decision=decision.verdict, reason=" ".join(told), is_fragile=is_fragile)
