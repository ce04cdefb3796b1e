"""Lifts that agree with their tests: adjusted ones, and those of clusters that hold both arms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.stats.arms import spread
from lakehouse.stats.clusters import clustered_difference, clustered_fieller, clustered_lift
from lakehouse.stats.cuped import cuped, cuped_fieller, cuped_lift
from lakehouse.stats.effects import quantile
from lakehouse.stats.means import difference
from lakehouse.stats.moments import Moments
from lakehouse.stats.relative import fieller, fieller_lifts


def arms(seed: int, effect: float, noise: float, n: tuple[int, int]) -> tuple[Moments, Moments]:
    """Outcome and covariate of two arms around a level of 10."""
    rng = np.random.default_rng(seed)
    made = []
    for size, level in zip(n, (10 + effect, 10.0), strict=True):
        before = rng.exponential(noise, size)
        made.append(
            Moments.from_values(np.column_stack([level + before + rng.normal(0, noise, size), before]))
        )
    return made[0], made[1]


@given(
    st.integers(0, 10_000), st.floats(-4, 4), st.floats(0.1, 3), st.tuples(st.integers(8, 60), st.integers(8, 60)),
    st.sampled_from([0.05, 0.2]), st.sampled_from(["welch", "pooled"]),
)  # fmt: skip
def test_an_adjusted_lift_leaves_out_0_exactly_when_the_adjusted_difference_is_told_from_chance(
    seed: int, effect: float, noise: float, n: tuple[int, int], alpha: float, reference: str
) -> None:
    treatment, control = arms(seed, effect, noise, n)
    adjusted = cuped(treatment, control)
    absolute = difference(adjusted.treatment, adjusted.control, reference=reference, alpha=alpha)  # type: ignore[arg-type]  # one of the names
    # The control's level of 10 is more than five standard errors from 0, whatever is drawn.
    lift = cuped_fieller(treatment, control, reference=reference, alpha=alpha)  # type: ignore[arg-type]  # one of the names
    assert lift.p_value == absolute.p_value
    assert lift.low <= lift.estimate <= lift.high
    if abs(absolute.p_value - alpha) > 1e-9:
        assert (lift.low > 0 or lift.high < 0) == (absolute.p_value < alpha)


def test_the_bounds_are_the_lifts_that_the_test_of_what_they_leave_just_rejects() -> None:
    treatment, control = arms(5, 1.0, 1.5, (40, 70))
    theta = 0.8
    lift = cuped_fieller(treatment, control, theta)
    adjusted = cuped(treatment, control, theta)
    freedom = spread(adjusted.treatment, adjusted.control, "welch").degrees_of_freedom
    critical = quantile(0.025, freedom)
    gap = adjusted.treatment.mean - adjusted.control.mean
    for bound in (lift.low, lift.high):
        weights = [[1 + bound, -theta]]
        variance = adjusted.treatment.variance / 40 + control.linear(weights).covariances[0][0] / 70
        assert abs(gap - bound * control.means[0]) == pytest.approx(critical * math.sqrt(variance), rel=1e-9)


def test_without_a_covariates_share_it_is_the_plain_interval() -> None:
    treatment, control = arms(7, 0.5, 1.0, (30, 50))
    plain = fieller(treatment.arm(), control.arm())
    lift = cuped_fieller(treatment, control, 0.0)
    assert (lift.low, lift.high) == pytest.approx((plain.low, plain.high), rel=1e-9)


def test_of_many_units_it_is_the_delta_methods_interval() -> None:
    treatment, control = arms(9, 0.5, 1.0, (40_000, 40_000))
    linear, lift = cuped_lift(treatment, control), cuped_fieller(treatment, control)
    assert (lift.low, lift.high) == pytest.approx((linear.low, linear.high), rel=1e-2)


@given(st.integers(0, 10_000), st.floats(0.5, 2), st.integers(6, 40))
def test_a_lift_of_clusters_agrees_with_the_test_of_their_difference(
    seed: int, factor: float, g: int
) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 9, (g, 2)).astype(float)
    shared = rng.gamma(4, 1, g)
    sums = np.column_stack(
        [
            factor * shared * sizes[:, 0],
            sizes[:, 0],
            shared * sizes[:, 1] * rng.uniform(0.8, 1.2, g),
            sizes[:, 1],
        ]
    )
    moments = Moments.from_values(sums)
    absolute = clustered_difference(moments)
    try:
        lift = clustered_fieller(moments)
    except ValueError:
        # Of a few clusters, a level may not be told from 0.
        with pytest.raises(ValueError, match="unbounded"):
            clustered_fieller(moments)
        return
    assert lift.estimate == clustered_lift(moments).estimate
    if abs(absolute.p_value - 0.05) > 1e-9:
        assert (lift.low > 0 or lift.high < 0) == (absolute.p_value < 0.05)


def test_a_level_that_may_be_0_bounds_no_lift() -> None:
    with pytest.raises(ValueError, match="the relative lift is unbounded"):
        fieller_lifts(1.0, 1.0, lambda lift: 0.5 + 0.5 * (1 + lift) ** 2, 2.0)
