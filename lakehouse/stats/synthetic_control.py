"""Synthetic control: the treated unit against the mix of controls that resembled it before.

Belongs here: outcome-only synthetic control with placebo inference. Not here: time weights and unit effects
(synthetic_did.py) and many treated units at different times (staggered.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lakehouse.stats.effects import Effect, wald_effect
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.placebo import Block, block, placebo_blocks, placebo_error, placebo_p_value
from lakehouse.stats.simplex import simplex_least_squares


@dataclass(frozen=True, slots=True)
class SyntheticControl:
    """Mean gap after the treatment; its interval and p-value are normal, with the placebo effects' standard deviation.

    placebo_p_value: rank of the treated unit's ratio of gaps after to gaps before among the controls' own; its least
    value is 1 / (controls + 1). weights: of the controls in their order. gaps: treated less synthetic at every period.
    rmspe_before, rmspe_after: root mean squared gap. placebos: effects found where there was no treatment.
    """

    effect: Effect
    placebo_p_value: float
    weights: tuple[float, ...]
    gaps: tuple[float, ...]
    rmspe_before: float
    rmspe_after: float
    placebos: tuple[float, ...]


def synthetic_control(
    outcomes: ArrayLike,
    treated: ArrayLike,
    periods_before: int,
    *,
    alpha: float = 0.05,
    replications: int = 200,
    seed: int = 0,
) -> SyntheticControl:
    """Effect of a treatment that starts at one period, against weighted controls; weights sum to 1, none below 0.

    outcomes: balanced panel, shape (units, periods). treated: 0 or 1 a unit; several treated units are averaged.
    periods_before: columns before the treatment. Weights are least squares on the outcomes before, without covariates
    and without regularisation. Inference: every control in turn as placebo; with several treated units, `replications`
    random draws from `seed`.
    Raises ValueError for a panel that is not finite, no treated unit, fewer than 2 more controls than treated units,
    fewer than 2 periods before or none after, or controls that are all alike.
    Source: Abadie, Diamond & Hainmueller (2010), JASA 105:493-505; standard error: Arkhangelsky et al. (2021), AER
    111:4088-4118, algorithm 4.

    >>> panel = [[1, 2, 3, 4], [3, 2, 1, 2], [0, 4, 1, 1], [2, 2, 2, 5]]
    >>> fit = synthetic_control(panel, [0, 0, 0, 1], periods_before=3)
    >>> [round(weight, 3) for weight in fit.weights], round(fit.effect.estimate, 3)
    ([0.5, 0.5, 0.0], 2.0)
    """
    design = block(outcomes, treated, periods_before)
    weights = _weights(design)
    gaps = _gaps(design, weights)
    before, after = _rmspe(gaps, design.before)
    placebo_gaps = [_gaps(fake, _weights(fake)) for fake in placebo_blocks(design, replications, seed)]
    placebos = np.array([gap[design.before :].mean() for gap in placebo_gaps])
    # A perfect fit before would divide by 0.
    least = max(1e-9 * float(np.abs(design.controls).max()), 1e-300)
    ratios = [_ratio(*_rmspe(gap, design.before), least) for gap in placebo_gaps]
    return SyntheticControl(
        effect=wald_effect(float(gaps[design.before :].mean()), placebo_error(placebos), alpha=alpha),
        placebo_p_value=placebo_p_value(_ratio(before, after, least), np.array(ratios)),
        weights=tuple(weights.tolist()),
        gaps=tuple(gaps.tolist()),
        rmspe_before=before,
        rmspe_after=after,
        placebos=tuple(placebos.tolist()),
    )


def _weights(design: Block) -> FloatArray:
    return simplex_least_squares(
        design.controls[:, : design.before].T, design.treated[:, : design.before].mean(axis=0)
    )


def _gaps(design: Block, weights: FloatArray) -> FloatArray:
    return np.asarray(design.treated.mean(axis=0) - weights @ design.controls, dtype=np.float64)


def _rmspe(gaps: FloatArray, before: int) -> tuple[float, float]:
    return math.sqrt(np.mean(gaps[:before] ** 2)), math.sqrt(np.mean(gaps[before:] ** 2))


def _ratio(before: float, after: float, least: float) -> float:
    return after / max(before, least)
