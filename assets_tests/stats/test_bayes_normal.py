"""A normal effect: the posterior weighs prior and data, losses and chance are those of the posterior."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from lakehouse.stats.arms import Arm
from lakehouse.stats.bayes_normal import NormalPrior, effect_posterior, posterior

estimates = st.floats(-1e6, 1e6)
errors = st.floats(1e-6, 1e6)


@pytest.mark.parametrize("mean", [-0.4, 0.0, 0.1])
def test_losses_are_the_integrals_that_define_them(mean: float) -> None:
    belief, density = posterior(mean, 0.15), stats.norm(mean, 0.15)
    gain, _ = integrate.quad(lambda x: x * density.pdf(x), 0, 3, epsabs=1e-14)
    loss, _ = integrate.quad(lambda x: -x * density.pdf(x), -3, 0, epsabs=1e-14)
    assert belief.loss_if_control == pytest.approx(gain, rel=1e-8)
    assert belief.loss_if_treatment == pytest.approx(loss, rel=1e-8)
    assert belief.chance_to_win == pytest.approx(density.sf(0))
    assert (belief.low, belief.high) == pytest.approx(density.interval(0.95))


@settings(deadline=None)
@given(estimate=estimates, error=errors, mean=estimates, deviation=errors)
def test_the_prior_pulls_and_narrows(estimate: float, error: float, mean: float, deviation: float) -> None:
    belief = posterior(estimate, error, NormalPrior(mean, deviation))
    slack = 1e-9 * (abs(estimate) + abs(mean))
    assert min(estimate, mean) - slack <= belief.estimate <= max(estimate, mean) + slack
    assert belief.standard_deviation <= min(error, deviation) * (1 + 1e-12)
    assert belief.standard_deviation**-2 == pytest.approx(error**-2 + deviation**-2, rel=1e-9)
    assert 0 <= belief.chance_to_win <= 1


@settings(deadline=None)
@given(estimate=estimates, error=errors)
def test_a_gain_seen_from_the_other_side_is_a_loss(estimate: float, error: float) -> None:
    belief, mirrored = posterior(estimate, error), posterior(-estimate, error)
    assert belief.loss_if_control == mirrored.loss_if_treatment
    assert belief.loss_if_control - belief.loss_if_treatment == pytest.approx(
        estimate, rel=1e-9, abs=1e-9 * error
    )
    assert belief.loss_if_treatment >= 0


def test_a_vague_prior_is_the_flat_one() -> None:
    flat, vague = posterior(0.3, 0.1), posterior(0.3, 0.1, NormalPrior(0.0, 1e6))
    assert vague.estimate == pytest.approx(flat.estimate)
    assert vague.chance_to_win == pytest.approx(flat.chance_to_win)


def test_the_scale_of_the_effect_is_the_scale_of_the_result() -> None:
    treatment, control = Arm(400, 110.0, 900.0), Arm(400, 100.0, 800.0)
    absolute = effect_posterior(treatment, control, "absolute")
    relative = effect_posterior(treatment, control, "relative")
    assert absolute.estimate == pytest.approx(10.0)
    assert relative.estimate == pytest.approx(0.1)
    assert absolute.standard_deviation == pytest.approx(math.sqrt(900 / 400 + 800 / 400))
    shrunk = effect_posterior(treatment, control, "relative", NormalPrior(0.0, 0.02))
    assert 0 < shrunk.estimate < relative.estimate


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="standard_error: expected a number above 0"):
        posterior(0.1, 0.0)
    with pytest.raises(ValueError, match="estimate: expected a finite number, found nan"):
        posterior(math.nan, 0.1)
    with pytest.raises(ValueError, match="prior standard_deviation: expected a number above 0"):
        NormalPrior(0.0, 0.0)
    with pytest.raises(ValueError, match="scale: expected one of absolute, relative"):
        effect_posterior(Arm(10, 1.0, 1.0), Arm(10, 1.0, 1.0), "log")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match=r"control\.mean: expected a number above 0"):
        effect_posterior(Arm(10, 1.0, 1.0), Arm(10, 0.0, 1.0))
    with pytest.raises(ValueError, match="no variance"):
        effect_posterior(Arm(10, 2.0, 0.0), Arm(10, 1.0, 0.0), "absolute")
