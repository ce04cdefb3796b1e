"""Many metrics and variants at once: which tests make a family, and their p-values adjusted within it.

Belongs here: the families of a readout and of its segments, named. Not here: the adjustments (stats/multiplicity.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lakehouse.experiments.readout_rows import ReadoutRow, SegmentRow
from lakehouse.stats.multiplicity import Method, adjust

# What the registry may say, and the adjustment that it means.
NONE = "none"


def in_families(rows: Sequence[ReadoutRow], multiplicity: str) -> list[ReadoutRow]:
    """The rows with p-values adjusted over all metrics and variants of one role; deciding p-values likewise."""
    result = list(rows)
    for role in dict.fromkeys(row.role for row in rows):
        places = [place for place, row in enumerate(rows) if row.role == role and row.p_value is not None]
        if not places:
            continue
        metrics = len({rows[place].metric for place in places})
        variants = len({rows[place].variant for place in places})
        name = family_name(role, multiplicity, [(metrics, "metric"), (variants, "variant")])
        plain = adjusted_p([rows[place].p_value for place in places], multiplicity)
        deciding = adjusted_p([rows[place].decisive_p for place in places], multiplicity)
        for place, p, decisive in zip(places, plain, deciding, strict=True):
            result[place] = replace(rows[place], p_adjusted=p, decisive_p=decisive, family=name)
    return result


def segments_in_families(
    rows: Sequence[SegmentRow], roles: dict[str, str], multiplicity: str
) -> list[SegmentRow]:
    """Segment rows with p-values adjusted over all segments, metrics and variants of one role."""
    result = list(rows)
    for role in dict.fromkeys(roles.get(row.metric, "") for row in rows):
        places = [
            place
            for place, row in enumerate(rows)
            if roles.get(row.metric, "") == role and row.p_value is not None
        ]
        if not places:
            continue
        parts = [
            (len({rows[place].metric for place in places}), "metric"),
            (len({rows[place].variant for place in places}), "variant"),
            (len({(rows[place].segment, rows[place].segment_value) for place in places}), "segment"),
        ]
        name = family_name(f"{role} by segment", multiplicity, parts)
        adjusted = adjusted_p([rows[place].p_value for place in places], multiplicity)
        for place, p in zip(places, adjusted, strict=True):
            result[place] = replace(rows[place], p_adjusted=p, family=name)
    return result


def family_name(role: str, multiplicity: str, parts: Sequence[tuple[int, str]]) -> str:
    """What was adjusted together, and how.

    >>> family_name("primary", "holm", [(1, "metric"), (2, "variant")])
    'primary: 1 metric x 2 variants, holm'
    """
    counted = " x ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in parts)
    return f"{role}: {counted}, {'not adjusted' if multiplicity == NONE else multiplicity}"


def adjusted_p(p_values: Sequence[float | None], multiplicity: str) -> list[float | None]:
    """Adjusted p-values in place; a missing one stays missing and counts as no test."""
    known = [p for p in p_values if p is not None]
    if not known or multiplicity == NONE:
        return list(p_values)
    method: Method = multiplicity  # type: ignore[assignment]  # the registry lets only known names pass
    adjusted = iter(adjust(known, method).p_values)
    return [None if p is None else next(adjusted) for p in p_values]
