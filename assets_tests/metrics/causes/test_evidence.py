"""Noise is read off the leaves, whatever kind it is, and a few that changed don't hide themselves in it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from lakehouse.metrics.causes.evidence import Comparison, Noise, noise_of

LEAVES = 2000


def measured(before: NDArray[np.float64], after: NDArray[np.float64]) -> Noise:
    comparison = Comparison.of_amounts(before, after)
    return noise_of(*comparison.score(np.zeros(len(before))), comparison.least_phi)


def sizes(chance: np.random.Generator) -> NDArray[np.float64]:
    return chance.lognormal(5, 1.5, LEAVES)


def test_counts_around_a_forecast_have_half_a_unit_of_phi() -> None:
    chance = np.random.default_rng(1)
    forecast = sizes(chance)
    noise = measured(forecast, chance.poisson(forecast).astype(float))
    assert noise.phi == pytest.approx(0.5, rel=0.15)
    assert math.sqrt(noise.tau_squared) < 0.02


def test_two_counts_have_one() -> None:
    chance = np.random.default_rng(2)
    mean = sizes(chance)
    noise = measured(chance.poisson(mean).astype(float), chance.poisson(mean).astype(float))
    assert noise.phi == pytest.approx(1.0, rel=0.15)


def test_noise_like_the_size_is_tau() -> None:
    chance = np.random.default_rng(3)
    forecast = sizes(chance)
    noise = measured(forecast, forecast * chance.lognormal(0, 0.2, LEAVES))
    assert math.sqrt(noise.tau_squared) == pytest.approx(0.2, rel=0.1)


def test_both_kinds_are_told_apart() -> None:
    chance = np.random.default_rng(4)
    mean = sizes(chance)
    noise = measured(mean, chance.poisson(mean * chance.lognormal(0, 0.1, LEAVES)).astype(float))
    assert noise.phi == pytest.approx(0.5, rel=0.3)
    assert math.sqrt(noise.tau_squared) == pytest.approx(0.1, rel=0.2)


def test_a_tenth_of_all_leaves_that_vanished_hardly_shows() -> None:
    chance = np.random.default_rng(5)
    forecast = sizes(chance)
    real = forecast * chance.lognormal(0, 0.2, LEAVES) * (chance.uniform(size=LEAVES) > 0.1)
    assert math.sqrt(measured(forecast, real).tau_squared) == pytest.approx(0.23, rel=0.15)


def test_what_moved_everything_is_no_noise() -> None:
    chance = np.random.default_rng(6)
    forecast = sizes(chance)
    noise = measured(forecast, 0.5 * forecast * chance.lognormal(0, 0.1, LEAVES))
    assert math.sqrt(noise.tau_squared) == pytest.approx(0.1, rel=0.15)


@pytest.mark.parametrize(("degrees", "longest"), [(3, 6.0), (1000, math.inf)])
def test_tails_are_as_long_as_the_leaves_say(degrees: int, longest: float) -> None:
    chance = np.random.default_rng(7)
    forecast = sizes(chance)
    noise = measured(forecast, forecast * (1 + 0.02 * chance.standard_t(degrees, LEAVES)))
    assert noise.tail <= longest
    assert (noise.tail > 10) == (degrees > 10)


def test_the_score_is_0_at_the_factor_that_was_and_treats_before_and_after_alike() -> None:
    ratios = Comparison.of_ratios(*(np.array([x]) for x in (10.0, 40.0, 100.0, 200.0)))
    assert ratios.score(np.array([math.log(2.0)]))[0][0] == pytest.approx(0)
    there = Comparison.of_amounts(np.array([3.0, 0.0]), np.array([5.0, 2.0])).score(np.zeros(2))
    back = Comparison.of_amounts(np.array([5.0, 2.0]), np.array([3.0, 0.0])).score(np.zeros(2))
    assert back[0].tolist() == [-score for score in there[0]]
    assert back[1].tolist() == there[1].tolist()


def test_trials_that_nearly_all_succeed_are_quieter_than_events() -> None:
    visits = np.array([1000.0, 1000.0])
    assert Comparison.of_ratios(0.95 * visits, 0.95 * visits, visits, visits).least_phi == pytest.approx(0.05)
    assert Comparison.of_ratios(2 * visits, 2 * visits, visits, visits).least_phi == 1.0
    assert Comparison.of_ratios(2.5 * visits + 0.5, visits, visits, visits).least_phi == 0.0


def test_leaves_without_numbers_have_a_noise_all_the_same() -> None:
    noise = measured(np.zeros(3), np.zeros(3))
    assert noise.leaves == 0
    assert math.isfinite(noise.phi + noise.tau_squared)
