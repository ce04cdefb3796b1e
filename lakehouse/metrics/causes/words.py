"""Causes and abstentions in plain words.

Belongs here: sentences made of numbers that others found. Not here: finding them.
"""

from __future__ import annotations

from lakehouse.metrics.causes.explanation import Effect, Verdict


def cause_sentence(
    segment: str,
    effect: Effect,
    expected: float,
    actual: float,
    share: float | None,
    unit: str = "",
) -> str:
    """What happened in one segment, and how much of the change that is. unit: what an amount is of."""
    return f"{segment}: {_happened(effect, expected, actual, f' {unit}' if unit else '')}{_of_the_change(share)}."


def verdict_sentence(
    verdict: Verdict, expected: float, actual: float, broad_factor: float, causes: int
) -> str:
    """What the causes say together, or why there is none."""
    moved = f"{number(expected)} to {number(actual)}{_percent(expected, actual)}"
    broad = (
        f"everything else {_direction(broad_factor)} by {abs(broad_factor - 1):.1%}"
        if broad_factor != 1
        else ""
    )
    if verdict == "within noise":
        return f"Within noise: the change from {moved} is no more than leaves vary by themselves."
    if verdict == "broad change":
        return f"No segment stands out: broad change from {moved}."
    stand = "One segment stands" if causes == 1 else f"{causes} segments stand"
    return f"{stand} out in the change from {moved}{'; ' + broad if broad else ''}."


def number(value: float) -> str:
    """Four significant digits, whole from 1,000 on, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _happened(effect: Effect, expected: float, actual: float, unit: str) -> str:
    if effect == "volume":
        if expected == 0:
            return f"{number(actual)}{unit} where nothing was expected"
        return f"{number(actual)}{unit} instead of {number(expected)}{_percent(expected, actual)}"
    if effect == "mix":
        if expected == 0:
            return f"new, now {actual:.1%} of the whole"
        return (
            f"gone, was {expected:.1%} of the whole"
            if actual == 0
            else (
                f"{'grew' if actual > expected else 'shrank'} from {expected:.1%} to {actual:.1%} of the whole"
            )
        )
    moved = f"from {number(expected)} to {number(actual)}{_percent(expected, actual)}"
    if effect == "rate":
        return f"its ratio went {moved}"
    return f"its ratio went {moved}, and its share of the whole changed as well"


def _of_the_change(share: float | None) -> str:
    if share is None:
        return ""
    return f", {share:.0%} of the change" if share >= 0 else f", against the change ({share:.0%} of it)"


def _percent(expected: float, actual: float) -> str:
    return f" ({(actual - expected) / abs(expected):+.1%})" if expected else ""


def _direction(factor: float) -> str:
    return "grew" if factor > 1 else "fell"
