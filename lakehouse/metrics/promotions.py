"""Promotions as a feed tells them: their days, and how much of a period each kind of them fills.

Belongs here: any feed with a first and a last day, whatever else it has. Not here: which feed a KPI reads (definition.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
from numpy.typing import NDArray

from lakehouse.sql_text import identifier
from lakehouse.warehouse.build import absent_tables

STARTS_ON, ENDS_ON = "starts_on", "ends_on"
NO_KIND, OTHER = "promotion", "other"
# Each kind is an effect to learn. More than these have too few days each to learn from, and are one.
MOST_KINDS = 8
EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Promotion:
    """starts, ends: its first and last day, as days since 1970-01-01. country: as the feed writes it; None for everywhere."""

    kind: str
    starts: int
    ends: int
    country: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Running:
    """A promotion as one series meets it. weight: the part of the series that it concerns."""

    kind: str
    starts: int
    ends: int
    weight: float = 1.0


def read_promotions(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[Promotion, ...]:
    """The promotions of a staged feed; none where nothing has landed. Those that end before they start are no promotions."""
    if absent_tables(connection, [table]):
        return ()
    columns = {row[0] for row in connection.execute(f"describe {identifier(table)}").fetchall()}
    kind, country = (
        f"nullif(trim({name}), '')" if name in columns else "null" for name in ("kind", "country")
    )
    rows = connection.execute(
        f"select distinct coalesce({kind}, $1), {STARTS_ON}, {ENDS_ON}, {country} from {identifier(table)} "
        f"where {STARTS_ON} <= {ENDS_ON} order by all",
        [NO_KIND],
    ).fetchall()
    found = [
        Promotion(kind, start.toordinal() - EPOCH, end.toordinal() - EPOCH, country)
        for kind, start, end, country in rows
    ]
    kept = _commonest(found)
    return tuple(
        one if one.kind in kept else Promotion(OTHER, one.starts, one.ends, one.country) for one in found
    )


def shares(
    running: Sequence[Running], days: NDArray[np.int64], span: int
) -> Mapping[str, NDArray[np.float64]]:
    """Per kind how much of each period it fills: 1 for all its days and the whole of the series. span: days per period."""
    if not len(days):
        return {}
    first, last = int(days[0]), int(days[-1]) + span
    daily: dict[str, NDArray[np.float64]] = {}
    for one in running:
        start, end = max(one.starts, first), min(one.ends + 1, last)
        if start < end:
            filled = daily.setdefault(one.kind, np.zeros(last - first))[start - first : end - first]
            # Two at once are not twice the promotion.
            np.maximum(filled, one.weight, out=filled)
    sums = {kind: np.concatenate([[0.0], np.cumsum(found)]) for kind, found in sorted(daily.items())}
    at = days - first
    # Sums of whole days and of their like are exact but for rounding, which is no promotion.
    return {kind: np.round((total[at + span] - total[at]) / span, 9) for kind, total in sums.items()}


def _commonest(found: Sequence[Promotion]) -> frozenset[str]:
    """All kinds where they are few; otherwise those with the most days, one place kept for the others."""
    days: dict[str, int] = {}
    for one in found:
        days[one.kind] = days.get(one.kind, 0) + one.ends - one.starts + 1
    if len(days) <= MOST_KINDS:
        return frozenset(days)
    ranked = sorted(days, key=lambda kind: (-days[kind], kind))
    return frozenset(ranked[: MOST_KINDS - 1])
