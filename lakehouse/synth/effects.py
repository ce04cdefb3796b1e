"""The true effects of an experiment in figures: what each variant's mean is on average over all assignments.

Belongs here: the shipped metrics of `experiments/metrics.yaml`, written a second time on the generator's arrays,
and their expected values under the chances of assignment. Doesn't: estimates from one assignment.
The expected mean of a variant is the mean over all eligible units, each weighed by its chance of the variant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lakehouse.synth.plan import DAY, Bools, Ints

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Logs:
    """What units did while a trial ran and its windows were open: rows by unit number and time."""

    unit: Ints
    at: Ints
    values: dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric: which log it reads, its parts, its window in days (None: to the experiment's end)."""

    log: str
    numerator: str
    denominator: str | None = None
    window_days: int | None = None
    is_share: bool = False
    quantile: float | None = None
    winsorize: float | None = None


MEASURES: dict[str, Measure] = {
    "activation": Measure("sessions", "activation", window_days=14, is_share=True),
    "signup": Measure("sessions", "signup", window_days=14, is_share=True),
    "conversion": Measure("sessions", "purchase", window_days=14, is_share=True),
    "sessions_per_visitor": Measure("sessions", "count", window_days=14),
    "bounce_rate": Measure("sessions", "bounce", "count"),
    "revenue_per_visitor": Measure("orders", "value", window_days=14, winsorize=0.99),
    "average_order_value": Measure("orders", "value", "count", window_days=14),
    "p90_revenue": Measure("orders", "value", window_days=14, quantile=0.9),
    "new_mrr": Measure("bookings", "new_mrr", window_days=28),
    "bookings_amount": Measure("bookings", "amount", window_days=28),
}


@dataclass(frozen=True, slots=True)
class Exposed:
    """The eligible units of a trial: number, first exposure, chance of each variant."""

    unit: Ints
    first_at: Ints
    chances: Floats
    end: int
    as_of_end: int


def values_of(measure: Measure, logs: dict[str, Logs], exposed: Exposed) -> tuple[Floats, Floats, Bools]:
    """Numerator and denominator (1 where there is none) of each unit, and whether its window has elapsed."""
    window = measure.window_days
    until = np.full_like(exposed.first_at, exposed.end) if window is None else exposed.first_at + window * DAY
    log = logs[measure.log]
    numbers = np.argsort(exposed.unit)
    place = np.searchsorted(exposed.unit[numbers], log.unit)
    place = numbers[np.minimum(place, len(numbers) - 1)] if len(numbers) else place
    counted = np.zeros(len(log.unit), dtype=np.bool_)
    if len(numbers):
        counted = (exposed.unit[place] == log.unit) & (log.at >= exposed.first_at[place])
        counted &= log.at < until[place]

    def summed(name: str) -> Floats:
        weights = log.values[name][counted]
        return np.bincount(place[counted], weights, len(exposed.unit)).astype(np.float64)

    numerator = summed(measure.numerator)
    if measure.is_share:
        numerator = (numerator > 0).astype(np.float64)
    ones = np.ones(len(numerator))
    denominator = ones if measure.denominator is None else summed(measure.denominator)
    mature = ones > 0 if window is None else until <= exposed.as_of_end
    if measure.winsorize is not None and mature.any():
        numerator = np.minimum(numerator, np.quantile(numerator[mature], measure.winsorize))
    return numerator, denominator, mature


def effects_of(
    name: str, logs: dict[str, Logs], exposed: Exposed, variants: tuple[str, ...], only: Bools | None = None
) -> dict[str, Any]:
    """The metric's expected mean in the control and effect of each other variant. only: units of a segment."""
    measure = MEASURES[name]
    numerator, denominator, mature = values_of(measure, logs, exposed)
    rows = mature if only is None else mature & only
    told: dict[str, Any] = {"immature_units": int(np.sum(~mature))}
    if not rows.any() or (measure.denominator is not None and not denominator[rows].any()):
        return told
    y, d, chances = numerator[rows], denominator[rows], exposed.chances[rows]
    moments = [_moments(y, d, chances[:, k], measure.quantile) for k in range(len(variants))]
    control, control_variance = moments[0]
    told |= {"control": control, "variants": {}}
    for variant, (mean, variance) in zip(variants[1:], moments[1:], strict=True):
        one: dict[str, float | None] = {"mean": mean, "effect": mean - control}
        one["lift"] = (mean - control) / control if control else None
        # How many standard errors the effect is away from nothing at this plan's size.
        noise = np.sqrt(variance + control_variance)
        one["z"] = float((mean - control) / noise) if noise > 0 and measure.quantile is None else None
        told["variants"][variant] = one
    return told


def _moments(y: Floats, d: Floats, chance: Floats, quantile: float | None) -> tuple[float, float]:
    """Expected mean (or quantile) of a variant, and the variance of its estimate."""
    if quantile is not None:
        by_value = np.argsort(y, kind="stable")
        reached = np.cumsum(chance[by_value]) >= quantile * chance.sum()
        return float(y[by_value][np.argmax(reached)]), 0.0
    total = float(np.sum(chance * d))
    mean = float(np.sum(chance * y)) / total
    spread = float(np.sum(chance * (y - mean * d) ** 2))
    return mean, spread / total**2
