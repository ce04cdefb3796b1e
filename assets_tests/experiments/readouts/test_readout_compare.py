"""Each kind of metric, computed once more from the units' own values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lakehouse.experiments.readout_compare import Crossed, compare_quantiles, compare_sums
from lakehouse.experiments.readout_sums import NoReadout
from lakehouse.stats.quantiles import quantile_estimate

NAMES = ("b", "a")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_a_mean_is_welchs_test_of_the_values(hand: Any, rng: np.random.Generator) -> None:
    one, other = rng.gamma(2, 5, 400), rng.gamma(2, 4, 300)
    found = compare_sums("mean", hand.values(one).sums(), hand.values(other).sums(), NAMES)
    theirs = stats.ttest_ind(one, other, equal_var=False)
    interval = theirs.confidence_interval()
    assert found.effect.estimate == pytest.approx(one.mean() - other.mean())
    assert found.effect.p_value == pytest.approx(theirs.pvalue)
    assert (found.effect.low, found.effect.high) == pytest.approx((interval.low, interval.high))
    assert found.lift is not None
    assert found.lift.estimate == pytest.approx(one.mean() / other.mean() - 1)


def test_a_mean_with_equal_variances_is_the_pooled_test_and_so_is_its_twin(
    hand: Any, rng: np.random.Generator
) -> None:
    before = rng.normal(5, 2, 160)
    after = before + rng.normal(1, 1, 160)
    sums = [hand.values(after[part], x=before[part]).sums() for part in (slice(0, 100), slice(100, 160))]
    found = compare_sums("mean", *sums, names=NAMES, with_twin=True, variances="equal")
    expected = stats.ttest_ind(after[:100], after[100:], equal_var=True)
    interval = expected.confidence_interval(0.95)
    assert found.method == "pooled t-test"
    assert found.effect.p_value == pytest.approx(expected.pvalue)
    assert (found.effect.low, found.effect.high) == pytest.approx((interval.low, interval.high))
    assert found.twin is not None
    assert found.twin.effect.degrees_of_freedom == 158


def test_a_proportion_of_many_is_the_pooled_z_test_with_newcombes_interval(hand: Any) -> None:
    arms = hand.rates(56, 70, 48, 80)
    found = compare_sums("proportion", arms["b"].sums(), arms["a"].sums(), NAMES)
    common = (56 + 48) / (70 + 80)
    z = (56 / 70 - 48 / 80) / math.sqrt(common * (1 - common) * (1 / 70 + 1 / 80))
    assert found.method == "z-test (pooled), Newcombe's interval"
    assert found.effect.p_value == pytest.approx(2 * stats.norm.sf(z))
    # Newcombe (1998), table II, method 10, example (a).
    assert (found.effect.low, found.effect.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert found.counts == (56, 70, 48, 80)


@pytest.mark.parametrize(
    ("counts", "expected", "name"),
    [
        ((8, 10, 1, 6), stats.boschloo_exact([[8, 1], [2, 5]]).pvalue, "Boschloo"),
        ((3, 2000, 12, 2000), stats.fisher_exact([[3, 12], [1997, 1988]]).pvalue, "Fisher"),
    ],
)
def test_a_proportion_of_few_is_tested_exactly(hand: Any, counts: Any, expected: float, name: str) -> None:
    arms = hand.rates(*counts)
    found = compare_sums("proportion", arms["b"].sums(), arms["a"].sums(), NAMES)
    assert found.effect.p_value == pytest.approx(expected, rel=1e-6)
    assert name in found.method


def test_one_of_many_is_tested_by_the_quick_exact_test(hand: Any) -> None:
    arms = hand.rates(8, 10, 1, 6)
    found = compare_sums("proportion", arms["b"].sums(), arms["a"].sums(), NAMES, is_one_of_many=True)
    assert found.effect.p_value == pytest.approx(stats.fisher_exact([[8, 1], [2, 5]]).pvalue)


def test_a_ratio_is_compared_by_the_delta_method(hand: Any, rng: np.random.Generator) -> None:
    arms = []
    for size, scale in ((500, 1.1), (400, 1.0)):
        orders = rng.poisson(2, size).astype(float)
        arms.append((orders * rng.gamma(3, scale, size), orders))
    found = compare_sums("ratio", *(hand.values(y, d=d).sums() for y, d in arms), names=NAMES)
    ratios, variances = [], []
    for y, d in arms:
        ratio = y.sum() / d.sum()
        ratios.append(ratio)
        variances.append(np.var(y - ratio * d, ddof=1) / d.mean() ** 2 / len(y))
    assert found.effect.estimate == pytest.approx(ratios[0] - ratios[1])
    assert found.effect.standard_error == pytest.approx(math.sqrt(sum(variances)))


def test_the_twin_is_the_analysis_of_covariance_of_the_values(hand: Any, rng: np.random.Generator) -> None:
    n = 600
    before = [rng.gamma(2, 5, n) for _ in range(2)]
    after = [before[0] + rng.normal(0.5, 2, n), before[1] + rng.normal(0, 2, n)]
    sums = [hand.values(y, x=x).sums() for y, x in zip(after, before, strict=True)]
    twin = compare_sums("mean", *sums, names=NAMES, with_twin=True).twin
    assert twin is not None
    design = np.column_stack([np.ones(2 * n), np.repeat([1.0, 0.0], n), np.concatenate(before)])
    outcome = np.concatenate(after)
    coefficients, residual, *_ = np.linalg.lstsq(design, outcome, rcond=None)
    error = math.sqrt(residual[0] / (2 * n - 3) * np.linalg.inv(design.T @ design)[1, 1])
    assert twin.effect.estimate == pytest.approx(coefficients[1], rel=1e-3)
    assert twin.effect.standard_error == pytest.approx(error, rel=5e-3)
    assert twin.variance_reduction == pytest.approx(
        np.corrcoef(outcome, np.concatenate(before))[0, 1] ** 2, abs=0.02
    )


def test_a_ratios_twin_moves_both_parts(hand: Any, rng: np.random.Generator) -> None:
    sums = []
    for lift in (1.05, 1.0):
        habit = rng.gamma(3, 2, 800)
        before, after = rng.poisson(3, 800) + 1.0, rng.poisson(3, 800) + 1.0
        y = after * habit * lift + rng.normal(0, 1, 800)
        sums.append(hand.values(y, d=after, x=before * habit, e=before).sums())
    found = compare_sums("ratio", *sums, names=NAMES, with_twin=True)
    assert found.twin is not None
    assert found.twin.variance_reduction > 0.5
    assert found.twin.effect.standard_error < found.effect.standard_error


@pytest.mark.parametrize("level", [2, 200])
def test_a_lift_has_fiellers_interval(hand: Any, rng: np.random.Generator, level: float) -> None:
    treatment, control = rng.normal(1.25 * level, 10, 200), rng.normal(level, 10, 200)
    found = compare_sums("mean", hand.values(treatment).sums(), hand.values(control).sums(), NAMES)
    assert found.lift is not None
    assert found.lift.method.startswith("Fieller")
    assert found.lift.low is not None
    assert found.lift.high is not None
    # The bounds are the lifts that the test of treatment - (1 + lift) * control just rejects.
    for bound in (found.lift.low, found.lift.high):
        gap = treatment.mean() - (1 + bound) * control.mean()
        error = math.sqrt(treatment.var(ddof=1) / 200 + (1 + bound) ** 2 * control.var(ddof=1) / 200)
        assert abs(gap / error) == pytest.approx(
            stats.t.isf(0.025, found.effect.degrees_of_freedom), rel=1e-6
        )


def test_a_control_that_is_not_above_zero_has_no_lift(hand: Any, rng: np.random.Generator) -> None:
    found = compare_sums(
        "mean", hand.values(rng.normal(1, 1, 50)).sums(), hand.values(rng.normal(-9, 1, 50)).sums(), NAMES
    )
    assert found.lift is None
    assert found.effect.estimate > 9


def test_clusters_of_one_arm_each_are_compared_by_their_sums(hand: Any, rng: np.random.Generator) -> None:
    arms = []
    for shift in (0.5, 0.0):
        sizes = rng.integers(5, 30, 40)
        cluster = np.repeat(np.arange(40), sizes)
        arms.append((rng.normal(shift, 1, sizes.sum()) + rng.normal(10, 1, 40)[cluster], cluster))
    found = compare_sums(
        "mean", *(hand.values(y, cluster=cluster).sums("cluster") for y, cluster in arms), names=NAMES
    )
    variances = []
    for y, cluster in arms:
        residuals = np.bincount(cluster, weights=y - y.mean())
        variances.append(40 / 39 * (residuals @ residuals) / len(y) ** 2)
    assert found.effect.estimate == pytest.approx(arms[0][0].mean() - arms[1][0].mean())
    assert found.effect.standard_error == pytest.approx(math.sqrt(sum(variances)))


def test_clusters_that_hold_both_arms_keep_what_they_share_out_of_the_error(
    hand: Any, rng: np.random.Generator
) -> None:
    clusters = 60
    shared = rng.normal(0, 5, clusters)
    values = [shared.repeat(10) + rng.normal(mean, 1, clusters * 10) for mean in (10.3, 10.0)]
    index = np.arange(clusters).repeat(10)
    sums = np.column_stack(
        [np.bincount(index, weights=part) for y in values for part in (y, np.ones(len(y)))]
    )
    crossed = Crossed(clusters, tuple(sums.sum(axis=0)), tuple(map(tuple, sums.T @ sums)))
    by_cluster = [hand.values(y, cluster=index).sums("cluster") for y in values]
    found = compare_sums("mean", *by_cluster, names=NAMES, crossed=crossed)
    apart = compare_sums("mean", *by_cluster, names=NAMES)
    gaps = (sums[:, 0] - sums[:, 2]) / 10
    assert found.effect.estimate == pytest.approx(gaps.mean())
    assert found.effect.standard_error == pytest.approx(gaps.std(ddof=1) / math.sqrt(clusters))
    assert found.effect.standard_error < apart.effect.standard_error / 5


def test_quantiles_are_compared_by_their_order_statistics(rng: np.random.Generator) -> None:
    pair = [quantile_estimate(rng.gamma(2, scale, 3000), 0.9) for scale in (6.0, 5.0)]
    found = compare_quantiles(0.9, pair[0], pair[1], NAMES)
    assert found.effect.estimate == pair[0].estimate - pair[1].estimate
    # Asymptotics of a sample quantile, with the distribution's own density.
    errors = [
        math.sqrt(0.09 / 3000) / stats.gamma(2, scale=scale).pdf(stats.gamma(2, scale=scale).ppf(0.9))
        for scale in (6.0, 5.0)
    ]
    assert found.effect.standard_error == pytest.approx(math.hypot(*errors), rel=0.15)


def test_a_proportion_with_other_values_than_0_and_1_is_refused(hand: Any) -> None:
    sums = hand.values([0.0, 2.0, 1.0, 0.0]).sums()
    with pytest.raises(NoReadout, match="other than 0 and 1"):
        compare_sums("proportion", sums, sums, NAMES)
