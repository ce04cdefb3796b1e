"""A world where somebody looks every day: what peeking does to a test that wasn't made for it, and to those that were.

Belongs here: a month of days, sequential methods and the sequential test of the split. Not here: tests that are made
once (means.py, panels.py, ...).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibrating.cell import ALPHA, Cell, Promise, Table, batches, generator
from lakehouse.stats.arms import Arm
from lakehouse.stats.effects import Effect
from lakehouse.stats.group_sequential import GroupSequentialDesign, boundary_design, spending_design
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.means import difference
from lakehouse.stats.power import Outcome, minimum_detectable_effect
from lakehouse.stats.sequential import confidence_sequence
from lakehouse.stats.srm import sequential_sample_ratio

DAYS = 28
UNITS = 200  # a side and day
# One draw, day by day: the effect so far.
Month = list[Effect]
# Values whose expectation is moved by the effect.
Drawn = Callable[[np.random.Generator, tuple[int, int, int], float], FloatArray]
# Per day: may it reject, and the interval; None on days without a look.
Look = tuple[bool, float, float] | None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a month is looked at."""

    name: str
    look: Callable[[int, Effect], Look]
    promise: Promise


def _months(rng: np.random.Generator, draw: Drawn, effect: float, draws: int) -> Iterator[Month]:
    """Two arms whose units come evenly over the days."""
    n = UNITS * np.arange(1, DAYS + 1)
    for size in batches(draws):
        arms = []
        for shift in (effect, 0.0):
            values = draw(rng, (size, DAYS, UNITS), shift)
            sums = np.cumsum(values.sum(axis=2), axis=1)
            squares = np.cumsum((values * values).sum(axis=2), axis=1)
            arms.append((sums / n, (squares - sums * sums / n) / (n - 1)))
        for treatment, control in zip(*(zip(*arm, strict=True) for arm in arms), strict=True):
            yield [_effect(int(n[day]), treatment, control, day) for day in range(DAYS)]


def _effect(n: int, treatment: tuple[FloatArray, ...], control: tuple[FloatArray, ...], day: int) -> Effect:
    arms = (Arm(n, float(side[0][day]), float(side[1][day])) for side in (treatment, control))
    return difference(*arms, reference="normal")


def _every_day(day: int, effect: Effect) -> Look:
    del day
    return effect.p_value <= ALPHA, effect.low, effect.high


def _at_the_end(day: int, effect: Effect) -> Look:
    return _every_day(day, effect) if day == DAYS - 1 else None


def _sequence(day: int, effect: Effect) -> Look:
    found = confidence_sequence(
        effect.estimate, effect.standard_error, 2 * UNITS * (day + 1), expected_n=2 * UNITS * DAYS
    )
    return found.p_value <= ALPHA, found.low, found.high


def _planned(design: GroupSequentialDesign, days: list[int]) -> Callable[[int, Effect], Look]:
    bounds = dict(zip(days, design.upper, strict=True))

    def look(day: int, effect: Effect) -> Look:
        if day + 1 not in bounds:
            return None
        reach = bounds[day + 1] * effect.standard_error
        return abs(effect.statistic) >= bounds[day + 1], effect.estimate - reach, effect.estimate + reach

    return look


def plans() -> list[Plan]:
    """Once, wrongly every day, and in the ways that allow for looking."""
    weekly, daily = [7, 14, 21, 28], list(range(1, DAYS + 1))
    shares = [day / DAYS for day in daily]
    return [
        Plan("once, at the end", _at_the_end, "equal"),
        Plan("*warning:* the plain test, every day", _every_day, "shown"),
        Plan("confidence sequence, every day", _sequence, "at most"),
        Plan(
            "O'Brien-Fleming spending, every day",
            _planned(spending_design("obrien_fleming", shares), daily),
            "equal",
        ),
        Plan("Pocock spending, every day", _planned(spending_design("pocock", shares), daily), "equal"),
        Plan(
            "Hwang-Shih-DeCani spending, every day",
            _planned(spending_design("hwang_shih_decani", shares), daily),
            "equal",
        ),
        Plan(
            "O'Brien-Fleming bounds, every week",
            _planned(boundary_design("obrien_fleming", weekly), weekly),
            "equal",
        ),
        Plan("Pocock bounds, every week", _planned(boundary_design("pocock", weekly), weekly), "equal"),
    ]


@dataclass(slots=True)
class _Tally:
    rejected: int = 0
    covered: int = 0
    days: int = 0


def _tallies(known: list[Plan], months: Iterator[Month], truth: float) -> list[_Tally]:
    tallies = [_Tally() for _ in known]
    for month in months:
        for plan, tally in zip(known, tallies, strict=True):
            looks = [(day, plan.look(day, effect)) for day, effect in enumerate(month)]
            taken = [(day, look) for day, look in looks if look is not None]
            first = next((day for day, look in taken if look[0]), None)
            tally.rejected += first is not None
            tally.days += DAYS if first is None else first + 1
            tally.covered += all(low <= truth <= high for _, (_, low, high) in taken)
    return tallies


def peeking_table(
    kind: str, draw: Drawn, outcome: Outcome, draws: int, seed: int, *, is_skewed: bool = False
) -> Table:
    """Every plan on months without an effect, and on months with one that the plain test finds in 80%."""
    rng, known = generator(seed, f"peeking {kind}"), plans()
    units = UNITS * DAYS
    plan = minimum_detectable_effect(outcome, units, units)
    effect, target = plan.effect, plan.power
    without = _tallies(known, _months(rng, draw, 0.0, draws), 0.0)
    found = _tallies(known, _months(rng, draw, effect, draws), effect)
    table = Table(
        f"Looking every day: {kind}",
        f"{DAYS} days, {UNITS} units a side and day. *False positives*: at least one look rejects in a month without an effect, "
        "and somebody would have stopped there. *Coverage*: the intervals of all looks hold the truth at once. *Found* and "
        f"*days*: with an effect for which a single test at the end has a power of {target:.0%}; the days are those until the "
        "first look that rejects, 28 when none does.",
        ("looked at", "false positives", "", "coverage", "", "found", "days"),
    )
    for way, null, real in zip(known, without, found, strict=True):
        promise: Promise = "at most" if is_skewed and way.promise == "equal" else way.promise
        rejected = Cell(null.rejected, draws, ALPHA, promise)
        covered = Cell(real.covered, draws, 1 - ALPHA, "shown" if promise == "shown" else "at least")
        share = Cell(real.rejected, draws, target, "shown")
        table.add(
            (
                way.name,
                rejected.words,
                rejected.verdict,
                covered.words,
                covered.verdict,
                share.words,
                f"{real.days / draws:.1f}",
            ),
            rejected,
            covered,
        )
    return table


def split_table(draws: int, seed: int) -> Table:
    """The sequential test of the split, looked at every day, beside the plain one."""
    rng = generator(seed, "sequential split")
    table = Table(
        "Looking at the split every day",
        f"{DAYS} days, {2 * UNITS} units a day; an alarm on any day counts. The broken split sends 47% instead of 50% to treatment.",
        ("looked at", "false alarms", "", "found, when broken"),
    )
    alarms = {"sequential": [0, 0], "plain": [0, 0]}
    for broken, share in enumerate((0.5, 0.47)):
        treated: NDArray[np.int64] = rng.binomial(2 * UNITS, share, (draws, DAYS))
        for month in treated:
            batch = np.column_stack([month, 2 * UNITS - month])
            alarms["sequential"][broken] += sequential_sample_ratio(batch, [0.5, 0.5]).p_value <= ALPHA
        totals, units = np.cumsum(treated, axis=1), 2 * UNITS * np.arange(1, DAYS + 1)
        # The normal approximation for all draws at once: only the warning rests on it.
        z = np.abs(totals - units / 2) / np.sqrt(units / 4)
        alarms["plain"][broken] = int((z >= 1.959964).any(axis=1).sum())
    for name, key, promise in (
        ("sequential test, every day", "sequential", "at most"),
        ("*warning:* the plain test, every day", "plain", "shown"),
    ):
        cell = Cell(alarms[key][0], draws, ALPHA, promise)  # type: ignore[arg-type]  # the pairs above hold promises
        table.add((name, cell.words, cell.verdict, f"{alarms[key][1] / draws:.1%}"), cell)
    return table


def conversions_table(draws: int, seed: int) -> Table:
    """Looking at a conversion rate."""

    def conversions(rng: np.random.Generator, shape: tuple[int, int, int], effect: float) -> FloatArray:
        return np.asarray(rng.random(shape) < 0.1 + effect, dtype=np.float64)

    return peeking_table("conversion of 10%", conversions, Outcome.rate(0.1), draws, seed)


def revenue_table(draws: int, seed: int) -> Table:
    """Looking at skewed revenue."""

    def revenue(rng: np.random.Generator, shape: tuple[int, int, int], effect: float) -> FloatArray:
        return rng.lognormal(0.0, 1.0, shape) + effect

    outcome = Outcome(math.exp(0.5), (math.e - 1) * math.e)
    return peeking_table("skewed revenue (lognormal, sigma 1)", revenue, outcome, draws, seed, is_skewed=True)
