"""The verdict on one variant: may the experiment be believed, is a guardrail hurt, and did the primary metric move.

Belongs here: the order of the questions and the sentence that answers them. Not here: statistics, health checks
(health.py), and which p-value speaks for a metric (readout_metric.py).

The order is fixed: a broken experiment is invalid whatever it shows; a hurt guardrail outweighs any win; only then is
the primary metric asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["invalid", "guardrail hurt", "ship", "do not ship", "keep running"]
VERDICTS: tuple[Verdict, ...] = ("invalid", "guardrail hurt", "ship", "do not ship", "keep running")


@dataclass(frozen=True, slots=True)
class PrimaryReading:
    """What the primary metric says at the level the plan asked for.

    moved: "better" or "worse" when the difference is told from chance, None otherwise. may_judge: the plan allows a
    verdict now (it is over, or looks before the end were planned for). is_ruled_out: an improvement as large as the
    plan's minimum effect isn't compatible with the data. has_enough: as many units as the plan asks for, or no plan.
    sentence: the figures, as a main clause without its full stop. missing: what to wait for, as a sentence.
    """

    moved: Literal["better", "worse"] | None
    may_judge: bool
    is_over: bool
    sentence: str
    is_ruled_out: bool = False
    has_enough: bool = True
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that a verdict rests on; invalid, hurt, unproven: sentences, one per cause.

    unproven: guardrails that aren't yet shown to be worse by less than their margin. refusal: why the primary metric
    has no readout.
    """

    invalid: tuple[str, ...] = ()
    hurt: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    primary: PrimaryReading | None = None
    refusal: str = "no readout, because the experiment has no primary metric"


@dataclass(frozen=True, slots=True)
class Decision:
    """verdict is None where the primary metric has no readout and nothing else speaks against the variant."""

    verdict: Verdict | None
    reason: str


def decide(case: Case) -> Decision:
    """The verdict with its reason.

    >>> decide(Case(primary=PrimaryReading("better", True, True, "Conversion changed by +5.0%"))).verdict
    'ship'
    >>> decide(Case(invalid=("The split is broken.",))).verdict
    'invalid'
    """
    if case.invalid:
        return Decision("invalid", f"The figures can't be trusted. {' '.join(case.invalid)}")
    if case.hurt:
        return Decision("guardrail hurt", " ".join(case.hurt))
    if case.primary is None:
        return Decision(None, case.refusal)
    return _by_primary(case.primary, case.unproven)


def _by_primary(primary: PrimaryReading, unproven: tuple[str, ...]) -> Decision:
    said = primary.sentence
    if not primary.may_judge:
        return Decision("keep running", f"{primary.missing} So far: {said}.")
    if primary.moved == "worse":
        return Decision("do not ship", f"{said}: worse than the control.")
    if primary.moved == "better":
        if unproven:
            return Decision("keep running", f"{said}: better than the control. But {' '.join(unproven)}")
        return Decision("ship", f"{said}: better than the control, and no guardrail metric is hurt.")
    if primary.is_ruled_out:
        return Decision(
            "do not ship", f"{said}: an improvement as large as the one planned for is ruled out."
        )
    if not primary.is_over:
        return Decision("keep running", f"{said}: not told from chance yet. {primary.missing}".rstrip())
    if primary.has_enough:
        return Decision("do not ship", f"{said}: not told from chance, and the plan is complete.")
    return Decision("keep running", f"{said}: not told from chance. {primary.missing}".rstrip())
