"""Two rates: the chance to win, the losses and the intervals are exact."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln

from lakehouse.stats.bayes_proportions import BetaPrior, rate_interval, rates_posterior

UNIFORM = BetaPrior(1.0, 1.0)


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(st.integers(1, 20_000))
    return draw(st.integers(0, n)), n


def evans_miller(x1: int, n1: int, x0: int, n0: int) -> float:
    """P(treatment > control) as a finite sum, for a uniform prior."""
    a1, b1, a0, b0 = x1 + 1, n1 - x1 + 1, x0 + 1, n0 - x0 + 1
    return sum(
        math.exp(betaln(a0 + i, b1 + b0) - math.log(b1 + i) - betaln(1 + i, b1) - betaln(a0, b0))
        for i in range(a1)
    )


@pytest.mark.parametrize("data", [(13, 40, 9, 40), (0, 5, 3, 4), (500, 1009, 42, 104), (5, 100000, 7, 90000)])
def test_the_chance_to_win_is_the_closed_sum(data: tuple[int, int, int, int]) -> None:
    assert rates_posterior(*data, UNIFORM).chance_to_win == pytest.approx(evans_miller(*data), rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(treatment=counts(), control=counts())
def test_what_always_holds(treatment: tuple[int, int], control: tuple[int, int]) -> None:
    belief = rates_posterior(*treatment, *control)
    mirrored = rates_posterior(*control, *treatment)
    assert belief.chance_to_win == pytest.approx(1 - mirrored.chance_to_win, abs=1e-10)
    assert belief.loss_if_control == pytest.approx(mirrored.loss_if_treatment, rel=1e-8, abs=1e-300)
    assert belief.loss_if_control - belief.loss_if_treatment == pytest.approx(belief.estimate, abs=1e-10)
    assert -1 <= belief.low <= belief.high <= 1
    assert -1 <= belief.relative_low <= belief.relative_estimate <= belief.relative_high
    assert all(math.isfinite(x) for x in (belief.relative_high, belief.loss_if_treatment))
    # An interval that excludes 0 on one scale does so on the other.
    if min(abs(belief.low), abs(belief.high)) > 1e-6:
        assert (belief.low > 0) == (belief.relative_low > 0)
        assert (belief.high < 0) == (belief.relative_high < 0)


def test_a_small_loss_is_not_lost_in_rounding() -> None:
    belief = rates_posterior(6000, 10_000, 5000, 10_000)
    assert 0 < belief.loss_if_treatment < 1e-40
    assert belief.chance_to_win == 1.0


def test_a_million_visitors_behave_like_a_normal() -> None:
    belief = rates_posterior(50_500, 1_000_000, 50_000, 1_000_000, UNIFORM)
    error = math.sqrt((0.0505 * 0.9495 + 0.05 * 0.95) / 1_000_000)
    assert belief.low == pytest.approx(0.0005 - 1.959964 * error, abs=1e-7)
    assert belief.high == pytest.approx(0.0005 + 1.959964 * error, abs=1e-7)


def test_no_success_anywhere_is_still_an_answer() -> None:
    belief = rates_posterior(0, 10, 0, 10)
    assert belief.chance_to_win == pytest.approx(0.5)
    assert belief.low == pytest.approx(-belief.high)
    assert 0 < rate_interval(0, 10).low < rate_interval(0, 10).high < 0.25


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((11, 10, 1, 10), "x1: expected successes between 0 and 10 trials, found 11"),
        ((1, 10, -1, 10), "x0: expected at least 0, found -1"),
        ((0, 0, 1, 10), "trials of x1: expected at least 1, found 0"),
        ((1, 10, 0.5, 10), "x0: expected a whole number, found 0.5"),
        ((math.nan, 10, 1, 10), "x1: expected a finite number, found nan"),
    ],
)
def test_bad_counts_are_named(data: tuple[int, int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rates_posterior(*data)


def test_bad_priors_and_levels_are_named() -> None:
    with pytest.raises(ValueError, match="prior a: expected a number above 0"):
        BetaPrior(0.0, 1.0)
    with pytest.raises(ValueError, match="alpha: expected a number between 0 and 1"):
        rates_posterior(1, 10, 1, 10, alpha=0.0)
