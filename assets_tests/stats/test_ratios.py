from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.stats.means import welch
from lakehouse.stats.moments import Moments
from lakehouse.stats.ratios import linearised, ratio_arm, ratio_difference, ratio_lift
from lakehouse.stats.relative import delta_method, fieller, log_scale


def units(seed: int, n: int = 60) -> np.ndarray:
    """Sessions per unit, and orders among them."""
    rng = np.random.default_rng(seed)
    sessions = 1 + rng.poisson(3, n)
    return np.column_stack([rng.binomial(sessions, 0.3), sessions]).astype(float)


def test_the_variance_is_that_of_the_linearised_units() -> None:
    values = units(1)
    ratio = values[:, 0].sum() / values[:, 1].sum()
    contributions = (values[:, 0] - ratio * values[:, 1]) / values[:, 1].mean()
    arm = ratio_arm(Moments.from_values(values))
    assert arm.mean == pytest.approx(ratio)
    assert arm.variance == pytest.approx(contributions.var(ddof=1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_with_a_denominator_of_one_it_is_the_mean(seed: int) -> None:
    orders = units(seed)[:, 0]
    alone = Moments.from_values(orders).arm()
    arm = ratio_arm(Moments.from_values(np.column_stack([orders, np.ones(len(orders))])))
    assert (arm.mean, arm.variance) == pytest.approx((alone.mean, alone.variance))


def test_the_jackknife_finds_the_same_standard_error() -> None:
    values = units(2, 2000)
    totals = values.sum(axis=0)
    left_out = (totals[0] - values[:, 0]) / (totals[1] - values[:, 1])
    n = len(values)
    jackknife = np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())
    assert ratio_arm(Moments.from_values(values)).standard_error == pytest.approx(jackknife, rel=2e-3)


def test_the_unit_of_the_denominator_changes_the_ratio_and_not_the_lift() -> None:
    treatment, control = units(3), units(4)
    seconds = [Moments.from_values(values) for values in (treatment, control)]
    minutes = [Moments.from_values(values / [1, 60]) for values in (treatment, control)]
    assert ratio_difference(*minutes).estimate == pytest.approx(60 * ratio_difference(*seconds).estimate)
    assert ratio_lift(*minutes).low == pytest.approx(ratio_lift(*seconds).low)


def test_comparisons_are_those_of_the_arms() -> None:
    treatment, control = Moments.from_values(units(3)), Moments.from_values(units(4))
    arms = ratio_arm(treatment), ratio_arm(control)
    assert ratio_difference(treatment, control) == welch(*arms)
    assert ratio_lift(treatment, control) == delta_method(*arms)
    assert ratio_lift(treatment, control, method="log") == log_scale(*arms)
    assert ratio_lift(treatment, control, method="fieller") == fieller(*arms)


def test_pairs_are_linearised_together() -> None:
    values = np.column_stack([units(5), units(6)])
    ratios = linearised(Moments.from_values(values))
    contributions = np.column_stack(
        [
            (pair[:, 0] - pair[:, 0].sum() / pair[:, 1].sum() * pair[:, 1]) / pair[:, 1].mean()
            for pair in (units(5), units(6))
        ]
    )
    np.testing.assert_allclose(ratios.covariances, np.cov(contributions.T))


@pytest.mark.parametrize("denominator", [0.0, -1.0])
def test_a_denominator_that_is_not_above_zero_is_named(denominator: float) -> None:
    with pytest.raises(ValueError, match="denominator: expected a mean above 0"):
        ratio_arm(Moments.from_values([[1.0, denominator], [2.0, denominator]]))


def test_half_a_pair_is_named() -> None:
    with pytest.raises(ValueError, match="expected pairs of numerator and denominator, found 1"):
        ratio_arm(Moments.from_values([1.0, 2.0]))


def test_a_ratio_that_is_the_same_in_every_unit_is_not_compared() -> None:
    arm = Moments.from_values([[1.0, 3.0], [2.0, 6.0], [5.0, 15.0]])
    with pytest.raises(ValueError, match="no variance"):
        ratio_difference(arm, arm)


def test_an_unknown_method_is_named() -> None:
    arm = Moments.from_values(units(1))
    with pytest.raises(ValueError, match="method: expected one of delta, log, fieller"):
        ratio_lift(arm, arm, method="bayes")  # type: ignore[arg-type]  # wrong on purpose
