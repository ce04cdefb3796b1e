"""The quadrature under the Bayesian rates is right where numbers are comfortable and where they are not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from lakehouse.stats.beta import Beta, difference_quantile, quadrature, ratio_quantile

parameters = st.floats(0.3, 3000.0)
PAIRS = [
    (Beta(3.0, 7.0), Beta(4.0, 5.0)),
    (Beta(0.5, 10.5), Beta(0.5, 20.5)),
    (Beta(10.5, 0.5), Beta(0.5, 10.5)),
    (Beta(500.5, 509.5), Beta(42.5, 62.5)),
    (Beta(3.5, 1e5), Beta(0.5, 1000.5)),
]


@settings(max_examples=30, deadline=None)
@given(a=parameters, b=parameters)
def test_density_and_tails_fit_together(a: float, b: float) -> None:
    beta = Beta(a, b)
    y, weight = quadrature(beta.edges())
    mass = weight * beta.density(y)
    assert mass.sum() == pytest.approx(1.0, abs=1e-9)
    rate = 1 / (1 + np.exp(-y))
    mass /= mass.sum()
    assert mass @ rate == pytest.approx(beta.mean, rel=1e-10)
    assert math.sqrt(mass @ (rate - beta.mean) ** 2) == pytest.approx(beta.standard_deviation, rel=1e-8)
    assert beta.below(y) + beta.above(y) == pytest.approx(1.0, abs=1e-12)


def test_an_arcsine_law_has_its_closed_form() -> None:
    beta = Beta(0.5, 0.5)
    y = np.linspace(-60, 0, 121)
    rate = 1 / (1 + np.exp(-y))
    assert beta.below(y) == pytest.approx(2 / np.pi * np.arcsin(np.sqrt(rate)), rel=1e-12)
    assert beta.above(-y) == pytest.approx(beta.below(y), rel=1e-12)


def chance_below(first: Beta, second: Beta, gap: float) -> float:
    """P(first - second <= gap) by scipy's adaptive quadrature over the second's probabilities."""
    one, two = stats.beta(first.a, first.b), stats.beta(second.a, second.b)
    points = [float(two.cdf(edge)) for edge in (-gap, 1 - gap) if 0 < edge < 1]
    found, _ = integrate.quad(
        lambda p: one.cdf(two.ppf(p) + gap), 0, 1, points=points or None, limit=500, epsabs=1e-9
    )
    return float(found)


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("probability", [0.025, 0.5, 0.975])
def test_a_quantile_of_the_difference_has_its_probability(
    first: Beta, second: Beta, probability: float
) -> None:
    gap = difference_quantile(first, second, probability)
    assert chance_below(first, second, gap) == pytest.approx(probability, abs=2e-7)


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("probability", [0.025, 0.5, 0.975])
def test_a_quantile_of_the_ratio_has_its_probability(first: Beta, second: Beta, probability: float) -> None:
    ratio = ratio_quantile(first, second, probability)
    one, two = stats.beta(first.a, first.b), stats.beta(second.a, second.b)
    points = [float(two.cdf(1 / ratio))] if ratio > 1 else None
    found, _ = integrate.quad(
        lambda p: one.cdf(two.ppf(p) * ratio), 0, 1, points=points, limit=500, epsabs=1e-9
    )
    assert found == pytest.approx(probability, abs=2e-7)


@settings(max_examples=15, deadline=None)
@given(a=parameters, b=parameters, c=parameters, d=parameters, probability=st.floats(0.001, 0.999))
def test_swapping_the_two_mirrors_the_quantiles(
    a: float, b: float, c: float, d: float, probability: float
) -> None:
    first, second = Beta(a, b), Beta(c, d)
    there = difference_quantile(first, second, probability)
    back = difference_quantile(second, first, 1 - probability)
    assert there == pytest.approx(-back, abs=1e-6)
    log_ratio = math.log(ratio_quantile(first, second, probability))
    mirrored = math.log(ratio_quantile(second, first, 1 - probability))
    assert log_ratio == pytest.approx(-mirrored, abs=1e-6 * max(1.0, abs(log_ratio)))
