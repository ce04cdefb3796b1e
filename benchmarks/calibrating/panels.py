"""Worlds of units seen over time: difference-in-differences and the test of its pre-trend.

Belongs here: how such panels come about, and the estimators that read them. Not here: randomized experiments.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.calibrating.cell import (
    ALPHA,
    Method,
    Promise,
    Row,
    Table,
    batches,
    judged,
    table_of,
)
from lakehouse.experiments.readout_few_units import are_few, cautious
from lakehouse.stats.aggregation import aggregate
from lakehouse.stats.did import difference_of_changes, panel_did, two_by_two
from lakehouse.stats.effects import wald_effect
from lakehouse.stats.event_study import event_study
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.panel import WaldTest, fixed_effects_fit
from lakehouse.stats.staggered import group_time_effects


@dataclass(frozen=True, slots=True)
class Panel:
    """Outcomes (units x periods), units treated, and the first period of treatment."""

    outcomes: FloatArray
    treated: FloatArray
    start: int

    @property
    def sides(self) -> tuple[int, int]:
        """Treated and untreated units."""
        treated = int(self.treated.sum())
        return treated, len(self.treated) - treated

    @property
    def rows(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Outcome, treated, unit and period of every row."""
        units, periods = self.outcomes.shape
        return (
            self.outcomes.ravel(),
            np.repeat(self.treated, periods),
            np.repeat(np.arange(units, dtype=np.float64), periods),
            np.tile(np.arange(periods, dtype=np.float64), units),
        )


def _outcomes(rng: np.random.Generator, draws: int, units: int, periods: int) -> FloatArray:
    """Unit and period effects, and noise that remembers 60% of itself from period to period."""
    noise = rng.normal(size=(draws, units, periods))
    for period in range(1, periods):
        noise[:, :, period] = 0.6 * noise[:, :, period - 1] + 0.8 * noise[:, :, period]
    return np.asarray(noise + rng.normal(0, 2, (draws, units, 1)) + rng.normal(0, 1, (draws, 1, periods)))


def panels(treated: int, control: int, periods: int, draws: int, seed: int, *, promise: Promise) -> list[Row]:
    """One date of adoption, half way; the effect is 0.5."""
    start = periods // 2
    flags = np.repeat([1.0, 0.0], [treated, control])

    def sample(rng: np.random.Generator, draws: int, effect: float) -> Iterator[Panel]:
        for size in batches(draws):
            outcomes = _outcomes(rng, size, treated + control, periods)
            outcomes[:, :treated, start:] += effect
            yield from (Panel(each, flags, start) for each in outcomes)

    methods: list[Method[Panel]] = [
        Method("DiD, 2 x 2 (clustered by unit)", _two_by_two, 0.5, promise, promise),
    ]
    if periods == 2:
        methods.append(Method("DiD, Welch of changes", _changes, 0.5, promise, promise))
    else:
        methods += [
            Method("DiD, unit and period effects", _two_way, 0.5, promise, promise),
            Method("event study, test of no pre-trend", _pre_trend, None, promise),
        ]
    if are_few((treated, control)):
        methods += [
            Method("DiD, as readouts judge few units", _few, 0.5, "at most", "at least"),
            Method("linear pre-trend, as readouts judge few units", _few_trend, None, "at most"),
        ]
    world = f"{treated} treated and {control} control units, {periods} periods"
    return judged(world, sample, 0.5, methods, draws, seed)


def _two_by_two(panel: Panel) -> object:
    outcome, treated, unit, time = panel.rows
    return two_by_two(outcome, treated, time >= panel.start, unit).effect


def _changes(panel: Panel) -> object:
    return difference_of_changes(panel.outcomes[:, 0], panel.outcomes[:, 1], panel.treated)


def _two_way(panel: Panel) -> object:
    outcome, treated, unit, time = panel.rows
    return panel_did(outcome, treated * (time >= panel.start), unit, time)


def _pre_trend(panel: Panel) -> WaldTest | None:
    outcome, treated, unit, time = panel.rows
    return event_study(outcome, treated, unit, time, first_treated=panel.start).pre_trend


def _few(panel: Panel) -> object:
    outcome, treated, unit, time = panel.rows
    effect = panel_did(outcome, treated * (time >= panel.start), unit, time)
    return cautious(effect, panel.sides, ALPHA)


def _few_trend(panel: Panel) -> object:
    outcome, treated, unit, time = panel.rows
    before = time < panel.start
    steps = ((time - time[before].mean()) * treated)[before]
    fit = fixed_effects_fit(
        outcome[before], steps[:, None], unit[before].astype(np.intp), time[before].astype(np.intp)
    )
    return cautious(wald_effect(float(fit.estimates[0]), math.sqrt(fit.covariance[0, 0])), panel.sides, ALPHA)


def staggered(draws: int, seed: int) -> list[Row]:
    """Three dates of adoption and units that never adopt; the effect is 0.5 from the date on."""
    periods, cohort, never = 6, 50, 100
    adopted = np.concatenate([np.repeat([2.0, 3.0, 4.0], cohort), np.full(never, math.inf)])
    is_treated = np.arange(periods) >= adopted[:, None]

    def sample(rng: np.random.Generator, draws: int, effect: float) -> Iterator[FloatArray]:
        for size in batches(draws):
            yield from _outcomes(rng, size, len(adopted), periods) + effect * is_treated

    def read(outcomes: FloatArray) -> object:
        return aggregate(group_time_effects(outcomes, np.arange(periods), adopted), "simple").effect

    method = Method("DiD, staggered adoption (simple average)", read, 0.5)
    return judged(f"3 cohorts of {cohort} and {never} never treated", sample, 0.5, [method], draws, seed)


def panels_table(draws: int, seed: int) -> Table:
    """One date of adoption with many and with few treated units, and three dates."""
    return table_of(
        "Difference-in-differences",
        "Outcomes remember 60% of their noise from period to period; errors are clustered by unit, and two arms of 30 units "
        "suffice. A handful of treated units doesn't, least of all for the joint test of the pre-trend. With fewer than 10 units "
        "on a side readouts warn, take as many degrees of freedom as the smaller side has units, less one, and test the linear "
        "trend alone; synthetic control or synthetic difference-in-differences with their placebos may tell more.",
        [
            *panels(15, 25, 2, draws, seed, promise="equal"),
            *panels(30, 30, 6, draws, seed, promise="equal"),
            *panels(4, 36, 6, draws, seed, promise="shown"),
            *staggered(draws, seed),
        ],
    )
