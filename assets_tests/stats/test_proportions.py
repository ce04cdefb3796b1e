from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lakehouse.stats.guards import ALTERNATIVES, Alternative
from lakehouse.stats.means import difference
from lakehouse.stats.proportions import newcombe, proportion_arm, wald_interval, wilson, z_lift, z_test
from lakehouse.stats.relative import log_scale

Counts = tuple[int, int, int, int]


@st.composite
def two_arms(draw: st.DrawFn, most: int = 300) -> Counts:
    n1, n0 = draw(st.integers(1, most)), draw(st.integers(1, most))
    return draw(st.integers(0, n1)), n1, draw(st.integers(0, n0)), n0


# Newcombe (1998), Statistics in Medicine 17:873-890, table II, method 10.
TABLE_II = {
    (56, 70, 48, 80): (0.0524, 0.3339),
    (9, 10, 3, 10): (0.1705, 0.8090),
    (6, 7, 2, 7): (0.0582, 0.8062),
    (5, 56, 0, 29): (-0.0381, 0.1926),
    (0, 10, 0, 20): (-0.1611, 0.2775),
    (0, 10, 0, 10): (-0.2775, 0.2775),
    (10, 10, 0, 20): (0.6791, 1.0),
    (10, 10, 0, 10): (0.6075, 1.0),
}


@pytest.mark.parametrize(("counts", "bounds"), TABLE_II.items())
def test_newcombes_own_table(counts: Counts, bounds: tuple[float, float]) -> None:
    ours = newcombe(*counts)
    assert (ours.low, ours.high) == pytest.approx(bounds, abs=5e-5)


@settings(max_examples=60, deadline=None)
@given(two_arms(), st.floats(0.001, 0.4), st.sampled_from(ALTERNATIVES))
def test_newcombes_interval_and_p_value_never_disagree(
    counts: Counts, alpha: float, alternative: Alternative
) -> None:
    ours = newcombe(*counts, alpha=alpha, alternative=alternative)
    assert ours.low <= ours.estimate <= ours.high
    assert 0 <= ours.p_value <= 1
    if abs(ours.p_value - alpha) > 1e-7:
        assert (ours.p_value < alpha) == (not ours.low <= 0 <= ours.high)


@settings(max_examples=60, deadline=None)
@given(two_arms())
def test_newcombes_interval_stays_within_what_a_difference_can_be(counts: Counts) -> None:
    ours = newcombe(*counts)
    assert ours.low >= -1 - 1e-12
    assert ours.high <= 1 + 1e-12
    x1, n1, x0, n0 = counts
    mirrored = newcombe(x0, n0, x1, n1)
    assert (mirrored.low, mirrored.high) == pytest.approx((-ours.high, -ours.low))
    assert mirrored.p_value == pytest.approx(ours.p_value)


def test_newcombes_p_value_of_a_landslide_is_tiny_and_positive() -> None:
    assert 0 < newcombe(90_000, 100_000, 89_000, 100_000).p_value < 1e-9


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 10**6), st.floats(0, 1), st.floats(0.001, 0.5))
def test_wilsons_interval_is_scipys(n: int, share: float, alpha: float) -> None:
    x = round(n * share)
    theirs = stats.binomtest(x, n).proportion_ci(1 - alpha, method="wilson")
    ours = wilson(x, n, alpha)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert ours.low <= ours.estimate <= ours.high


@settings(max_examples=50, deadline=None)
@given(two_arms())
def test_the_pooled_z_test_is_the_chi_square_test_of_the_table(counts: Counts) -> None:
    x1, n1, x0, n0 = counts
    if x1 + x0 in (0, n1 + n0):
        return
    table = [[x1, x0], [n1 - x1, n0 - x0]]
    for continuity in (False, True):
        theirs = stats.chi2_contingency(table, correction=continuity)
        assert z_test(*counts, continuity=continuity).p_value == pytest.approx(
            theirs.pvalue, rel=1e-6, abs=1e-12
        )


def test_unpooled_tests_are_those_of_the_arms() -> None:
    counts = (30, 100, 20, 120)
    arms = proportion_arm(30, 100), proportion_arm(20, 120)
    absolute, plain = z_test(*counts, pooled=False), difference(*arms, reference="normal")
    assert (absolute.low, absolute.high, absolute.p_value) == pytest.approx(
        (plain.low, plain.high, plain.p_value)
    )
    lift, logs = z_lift(*counts, pooled=False), log_scale(*arms, reference="normal")
    assert (lift.low, lift.high, lift.p_value) == pytest.approx((logs.low, logs.high, logs.p_value))


@settings(max_examples=40, deadline=None)
@given(two_arms(), st.booleans(), st.sampled_from(ALTERNATIVES), st.floats(0.01, 0.4))
def test_a_z_test_and_its_interval_never_disagree(
    counts: Counts,
    continuity: bool,  # noqa: FBT001  # hypothesis fills it in
    alternative: Alternative,
    alpha: float,
) -> None:
    x1, n1, x0, n0 = counts
    if x1 + x0 in (0, n1 + n0):
        return
    effect = z_test(*counts, continuity=continuity, alternative=alternative, alpha=alpha)
    assert 0 <= effect.p_value <= 1
    if abs(effect.p_value - alpha) > 1e-9:
        assert (effect.p_value < alpha) == (not effect.low <= 0 <= effect.high)


@pytest.mark.parametrize(("x", "n"), [(0, 0), (-1, 10), (11, 10), (math.nan, 10), (1.5, 10), (1, math.inf)])
def test_counts_that_no_arm_can_have_are_named(x: float, n: float) -> None:
    for ask in (
        lambda: wilson(x, n),  # type: ignore[arg-type]  # wrong on purpose
        lambda: wald_interval(x, n),  # type: ignore[arg-type]  # wrong on purpose
        lambda: z_test(x, n, 1, 10),  # type: ignore[arg-type]  # wrong on purpose
        lambda: z_lift(1, 10, x, n),  # type: ignore[arg-type]  # wrong on purpose
        lambda: newcombe(1, 10, x, n),  # type: ignore[arg-type]  # wrong on purpose
        lambda: proportion_arm(x, n),  # type: ignore[arg-type]  # wrong on purpose
    ):
        with pytest.raises(ValueError, match="expected"):
            ask()


@pytest.mark.parametrize("x", [0, 10])
@pytest.mark.parametrize("pooled", [True, False])
def test_rates_without_variance_have_no_z_test(x: int, *, pooled: bool) -> None:
    with pytest.raises(ValueError, match="no variance"):
        z_test(x, 10, x, 10, pooled=pooled)
    with pytest.raises(ValueError, match="no variance"):
        wald_interval(x, 10)


def test_an_arm_without_success_has_no_log_lift() -> None:
    with pytest.raises(ValueError, match="successes: expected at least 1 in either arm, found 0 and 4"):
        z_lift(0, 10, 4, 10)


def test_a_one_trial_arm_still_has_score_intervals() -> None:
    assert wilson(1, 1).low == pytest.approx(0.2065, abs=1e-4)
    assert newcombe(1, 1, 0, 1).p_value > 0.05
