"""Synthetic difference-in-differences: controls weighted to run parallel, periods weighted to resemble what follows.

Belongs here: the block-design estimator with its unit and time weights, and plain difference-in-differences of the same
block, both with placebo inference. Not here: synthetic control proper (synthetic_control.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lakehouse.stats.effects import Effect, wald_effect
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.placebo import Block, block, contrast, placebo_blocks, placebo_error, placebo_p_value
from lakehouse.stats.simplex import simplex_least_squares


@dataclass(frozen=True, slots=True)
class SyntheticDid:
    """Effect with normal interval and p-value from the placebo effects' standard deviation.

    placebo_p_value: rank of the effect's size among the placebos; its least value is 1 / (placebos + 1).
    unit_weights: of the controls, time_weights: of the periods before, in their order; each sums to 1.
    """

    effect: Effect
    placebo_p_value: float
    unit_weights: tuple[float, ...]
    time_weights: tuple[float, ...]
    placebos: tuple[float, ...]


def synthetic_did(
    outcomes: ArrayLike,
    treated: ArrayLike,
    periods_before: int,
    *,
    alpha: float = 0.05,
    replications: int = 200,
    seed: int = 0,
) -> SyntheticDid:
    """Effect of a treatment that starts at one period, by weighted difference-in-differences.

    outcomes: balanced panel, shape (units, periods). treated: 0 or 1 a unit. periods_before: columns before the
    treatment. Weights are the exact minima of the paper's problems (its package stops a descent early, and differs in
    the third digit). Inference: every control in turn as placebo; with several treated units, `replications` random
    draws from `seed`.
    Raises ValueError as synthetic_control does, and for controls that never change before the treatment.
    Source: Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), AER 111:4088-4118, algorithms 1 and 4.

    >>> panel = [[1, 2, 3, 4], [3, 2, 1, 2], [0, 4, 1, 1], [2, 2, 2, 5]]
    >>> fit = synthetic_did(panel, [0, 0, 0, 1], periods_before=3)
    >>> round(sum(fit.unit_weights), 6), round(fit.effect.estimate, 2)
    (1.0, 2.23)
    """
    design = block(outcomes, treated, periods_before)
    noise = float(np.diff(design.controls[:, : design.before], axis=1).std(ddof=1))
    if noise <= 1e-12 * max(float(np.abs(design.controls).max()), 1e-300):
        raise ValueError("outcomes: expected controls that change before the treatment, found none")
    unit_weights, time_weights = _weights(design, noise)
    placebos = [contrast(fake, *_weights(fake, noise)) for fake in placebo_blocks(design, replications, seed)]
    return _result(design, unit_weights, time_weights, np.array(placebos), alpha)


def block_did(
    outcomes: ArrayLike,
    treated: ArrayLike,
    periods_before: int,
    *,
    alpha: float = 0.05,
    replications: int = 200,
    seed: int = 0,
) -> SyntheticDid:
    """Plain difference-in-differences of a block, all weights equal: for few treated units, even one.

    Arguments, inference and errors as in synthetic_did.
    Source: Arkhangelsky et al. (2021), section I and algorithm 4; Conley & Taber (2011), REStat 93:113-125.

    >>> panel = [[1, 2, 3, 4], [3, 2, 1, 2], [0, 4, 1, 1], [2, 2, 2, 5]]
    >>> round(block_did(panel, [0, 0, 0, 1], periods_before=3).effect.estimate, 3)
    2.556
    """
    design = block(outcomes, treated, periods_before)
    placebos = [contrast(fake, *_equal(fake)) for fake in placebo_blocks(design, replications, seed)]
    return _result(design, *_equal(design), np.array(placebos), alpha)


def _equal(design: Block) -> tuple[FloatArray, FloatArray]:
    return np.full(len(design.controls), 1 / len(design.controls)), np.full(design.before, 1 / design.before)


def _weights(design: Block, noise: float) -> tuple[FloatArray, FloatArray]:
    """Unit weights with the paper's regularisation, time weights with next to none (to make them unique)."""
    early, late = design.controls[:, : design.before], design.controls[:, design.before :]
    ahead = design.treated[:, : design.before].mean(axis=0)
    zeta = (len(design.treated) * late.shape[1]) ** 0.25 * noise
    unit_weights = simplex_least_squares(early.T, ahead, ridge=design.before * zeta**2, intercept=True)
    time_weights = simplex_least_squares(
        early, late.mean(axis=1), ridge=len(early) * (1e-6 * noise) ** 2, intercept=True
    )
    return unit_weights, time_weights


def _result(
    design: Block, unit_weights: FloatArray, time_weights: FloatArray, placebos: FloatArray, alpha: float
) -> SyntheticDid:
    estimate = contrast(design, unit_weights, time_weights)
    return SyntheticDid(
        effect=wald_effect(estimate, placebo_error(placebos), alpha=alpha),
        placebo_p_value=placebo_p_value(abs(estimate), np.abs(placebos)),
        unit_weights=tuple(unit_weights.tolist()),
        time_weights=tuple(time_weights.tolist()),
        placebos=tuple(placebos.tolist()),
    )
