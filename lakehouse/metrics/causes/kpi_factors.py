"""What each factor of a KPI that is a product (orders by revenue per order) added to its change.

Belongs here: the factors' values in both periods, from kpi_values, and whether their product is the KPI. Not here: the
arithmetic of effects (stats/factors.py), which days are compared (of_kpi.py).

A sum is summed over the days, a ratio is the ratio of such sums. A ratio of nothing (no orders, so no revenue per order) is
taken as unchanged, so that all of the change is the other factors'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from lakehouse.metrics.definition import Kpi
from lakehouse.stats.factors import shapley_factors

# Values are kept with six places; sums of many days and their products stray no further.
CLOSE = 1e-6
Weights = Mapping[date, float]


@dataclass(frozen=True, slots=True)
class Factor:
    """A KPI that is a factor: its value before and in the period, and what it added, in the unit of the product."""

    name: str
    before: float
    after: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Factors:
    """The factors, or why there are none; contributions sum to the change of the product."""

    factors: tuple[Factor, ...] = ()
    reason: str = ""


NONE = Factors()


@dataclass(frozen=True, slots=True)
class _Value:
    """A KPI over some days; None where it has no value."""

    value: float | None
    is_sum: bool


def factors_of(
    connection: duckdb.DuckDBPyConnection,
    kpi: Kpi,
    before: Weights,
    after: Weights,
    *,
    within: tuple[str, str] | None = None,
    expected: float | None = None,
) -> Factors:
    """Effects of a KPI's factors between two sets of days, each counting as often as its weight says.

    expected: what the KPI should have been; what of it the days before don't say is put on the factors that are sums.
    """
    if not kpi.factors:
        return NONE
    values = []
    for days in (before, after):
        found = {name: _value(connection, name, days, within) for name in (kpi.name, *kpi.factors)}
        if missing := [name for name, value in found.items() if value is None]:
            return Factors(reason=f"No factors: {missing[0]} has no daily values there.")
        values.append({name: value for name, value in found.items() if value is not None})
    filled = [_filled(one, other) for one, other in (values, values[::-1])]
    products = [math.prod(one[name] for name in kpi.factors) for one in filled]
    for product, known in zip(products, values, strict=True):
        whole = known[kpi.name].value or 0.0
        if abs(product - whole) > CLOSE * max(1.0, abs(whole)):
            return Factors(
                reason=f"The factors do not multiply to it: {' x '.join(kpi.factors)} is {product:,.6g}, it is {whole:,.6g}."
            )
    sums = [name for name in kpi.factors if values[0][name].is_sum]
    if expected is not None and expected > 0 and products[0] > 0 and sums:
        scale = (expected / products[0]) ** (1 / len(sums))
        filled[0] = {name: value * scale if name in sums else value for name, value in filled[0].items()}
    effects = shapley_factors(
        [filled[0][name] for name in kpi.factors], [filled[1][name] for name in kpi.factors]
    )
    return Factors(
        tuple(
            Factor(name, filled[0][name], filled[1][name], effect)
            for name, effect in zip(kpi.factors, effects.effects, strict=True)
        )
    )


def _value(
    connection: duckdb.DuckDBPyConnection, name: str, days: Weights, within: tuple[str, str] | None
) -> _Value | None:
    """None for a KPI that isn't known by day there, or whose days don't sum up."""
    known = connection.execute(
        "select is_additive, is_ratio from kpi_definitions where kpi = $1 and list_contains(cadences, 'daily')",
        [name],
    ).fetchall()
    if not known or not days or not any(known[0]):
        return None
    dimension, segment = within or ("", "")
    rows = connection.execute(
        "select period_start, numerator::double, denominator::double from kpi_values "
        "where kpi = $1 and cadence = 'daily' and dimension = $2 and segment = $3 and period_start between $4 and $5",
        [name, dimension, segment, min(days), max(days)],
    ).fetchall()
    found = [(days[day], top or 0.0, bottom or 0.0) for day, top, bottom in rows if day in days]
    if not found:
        return None
    top = math.fsum(weight * top for weight, top, _ in found)
    if known[0][0]:
        return _Value(top, is_sum=True)
    bottom = math.fsum(weight * bottom for weight, _, bottom in found)
    return _Value(top / bottom if bottom else None, is_sum=False)


def _filled(known: Mapping[str, _Value], other: Mapping[str, _Value]) -> dict[str, float]:
    return {
        name: value.value if value.value is not None else other[name].value or 0.0
        for name, value in known.items()
    }
