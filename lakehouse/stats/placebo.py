"""Placebo inference: how large the effect looks where there is none.

Belongs here: block designs (some units treated from one period on), reassigning the treatment to controls, and the
standard error and p-value that follow. Not here: the estimators that are tried (did.py, synthetic_control.py,
synthetic_did.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lakehouse.stats.guards import FloatArray, count, finite_array, same_length, squarable
from lakehouse.stats.panel import flags


@dataclass(frozen=True, slots=True)
class Block:
    """A balanced panel: controls (units x periods), treated units (units x periods), periods before the treatment."""

    controls: FloatArray
    treated: FloatArray
    before: int


def block(outcomes: ArrayLike, treated: ArrayLike, periods_before: int) -> Block:
    """The block design of a panel.

    outcomes: shape (units, periods), finite. treated: 0 or 1 a unit. periods_before: columns before the treatment.
    Raises ValueError without a treated unit, with fewer than 2 more controls than treated units (a placebo needs
    controls of its own), fewer than 2 periods before or none after.
    """
    y, group = (
        squarable("outcomes", finite_array("outcomes", outcomes, dimensions=2)),
        flags("treated", treated),
    )
    same_length(outcomes=y, treated=group)
    before = count("periods_before", periods_before, 2)
    if before >= y.shape[1]:
        raise ValueError(f"periods_before: expected fewer than {y.shape[1]} periods, found {before}")
    treated_units = int(group.sum())
    if treated_units < 1 or len(y) - treated_units < treated_units + 2:
        raise ValueError(
            f"treated: expected at least 1 treated unit and 2 more controls than that, found {treated_units} "
            f"and {len(y) - treated_units}"
        )
    return Block(y[group == 0], y[group == 1], before)


def placebo_blocks(design: Block, replications: int, seed: int) -> list[Block]:
    """The controls alone, some of them taken as treated: each in turn for one treated unit, else random draws.

    Source: Abadie, Diamond & Hainmueller (2010), JASA 105:493-505, section 2.4; Arkhangelsky et al. (2021), algorithm 4.

    >>> design = block([[1.0, 2.0, 3.0]] * 4, [0, 0, 0, 1], 2)
    >>> len(placebo_blocks(design, replications=200, seed=1))
    3
    """
    units, treated = len(design.controls), len(design.treated)
    if treated == 1:
        draws = [np.array([unit]) for unit in range(units)]
    else:
        generator = np.random.default_rng(seed)
        repeats = count("replications", replications, 20)
        draws = [generator.choice(units, treated, replace=False) for _ in range(repeats)]
    return [
        Block(np.delete(design.controls, draw, axis=0), design.controls[draw], design.before)
        for draw in draws
    ]


def placebo_error(effects: FloatArray) -> float:
    """Standard deviation of the placebo effects; ValueError when they don't vary.

    Source: Arkhangelsky et al. (2021), algorithm 4.
    """
    spread = float(effects.std())
    if spread <= 1e-12 * max(float(np.abs(effects).max()), 1e-300):
        raise ValueError(
            "outcomes: expected placebo effects that vary, found none: the controls are all alike"
        )
    return spread


def placebo_p_value(actual: float, placebos: FloatArray) -> float:
    """Share of units, the treated one included, whose statistic is at least as large as the treated one's.

    Source: Abadie, Diamond & Hainmueller (2010), section 3.4.

    >>> placebo_p_value(3.0, np.array([1.0, 3.5, 2.0]))
    0.5
    """
    return float((1 + np.sum(placebos >= actual * (1 - 1e-12))) / (1 + len(placebos)))


def contrast(design: Block, unit_weights: FloatArray, time_weights: FloatArray) -> float:
    """Treated less weighted controls, after less weighted before."""
    gap = design.treated.mean(axis=0) - unit_weights @ design.controls
    return float(gap[design.before :].mean() - time_weights @ gap[: design.before])
