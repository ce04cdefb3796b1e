from __future__ import annotations

import math

import numpy as np
import pytest

from lakehouse.stats.cluster_regression import least_squares
from lakehouse.stats.clusters import cluster_arm, clustered_difference, clustered_lift
from lakehouse.stats.means import difference, welch
from lakehouse.stats.moments import Moments


def units(seed: int, clusters: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Values of units, and their clusters, of which no two are of one size or level."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(clusters), 1 + rng.poisson(4, clusters))
    return rng.normal(0, 1, clusters)[labels] + rng.normal(2, 1, len(labels)), labels


def by_cluster(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.column_stack([np.bincount(labels, values), np.bincount(labels)])


def test_clusters_of_one_unit_are_units() -> None:
    values = np.random.default_rng(1).normal(size=40)
    arm = cluster_arm(Moments.from_values(by_cluster(values, np.arange(40))))
    alone = Moments.from_values(values).arm()
    assert (arm.n, arm.mean, arm.variance) == pytest.approx((alone.n, alone.mean, alone.variance))


def test_it_is_the_regressions_sandwich_when_clusters_belong_to_one_arm() -> None:
    (y1, g1), (y0, g0) = units(1), units(2)
    outcome, clusters = np.concatenate([y1, y0]), np.concatenate([g1, g0 + 100])
    treated = np.repeat([1.0, 0.0], [len(y1), len(y0)])
    fit = least_squares(np.column_stack([np.ones(len(outcome)), treated]), outcome, clusters)
    arms = [cluster_arm(Moments.from_values(by_cluster(*each))) for each in ((y1, g1), (y0, g0))]
    effect = difference(arms[0], arms[1], reference="normal")
    n, groups = len(outcome), 60
    # The arms' factor is 30 / 29 each, the regression's 60 / 59 * (n - 1) / (n - 2).
    factor = math.sqrt(groups / (groups - 1) * (n - 1) / (n - 2) / (30 / 29))
    assert effect.estimate == pytest.approx(fit.estimates[1])
    assert effect.standard_error * factor == pytest.approx(fit.standard_errors[1])


def test_it_is_the_regressions_sandwich_when_clusters_hold_both_arms() -> None:
    values, labels = units(3)
    treated = np.random.default_rng(4).integers(0, 2, len(values)).astype(float)
    fit = least_squares(np.column_stack([np.ones(len(values)), treated]), values, labels)
    sums = [
        np.bincount(labels, part) for part in (values * treated, treated, values * (1 - treated), 1 - treated)
    ]
    effect = clustered_difference(Moments.from_values(np.column_stack(sums)))
    n = len(values)
    assert effect.estimate == pytest.approx(fit.estimates[1])
    assert effect.standard_error * math.sqrt((n - 1) / (n - 2)) == pytest.approx(fit.standard_errors[1])
    assert effect.degrees_of_freedom == fit.degrees_of_freedom == 29


def test_copies_of_a_unit_within_its_cluster_are_no_new_information() -> None:
    values, labels = units(5)
    once = cluster_arm(Moments.from_values(by_cluster(values, labels)))
    twice = cluster_arm(Moments.from_values(by_cluster(np.tile(values, 2), np.tile(labels, 2))))
    assert twice.standard_error == pytest.approx(once.standard_error)
    assert welch(once, once).standard_error == pytest.approx(welch(twice, twice).standard_error)


def test_the_lift_is_the_difference_over_the_control_with_the_controls_error() -> None:
    """A jackknife over clusters finds the same standard error, and knows no derivative."""
    values, labels = units(9, clusters=400)
    treated = np.random.default_rng(10).integers(0, 2, len(values)).astype(float)
    sums = np.column_stack(
        [
            np.bincount(labels, part)
            for part in (values * treated, treated, values * (1 - treated), 1 - treated)
        ]
    )
    lift = clustered_lift(Moments.from_values(sums))
    left_out = sums.sum(axis=0) - sums
    lifts = left_out[:, 0] / left_out[:, 1] / (left_out[:, 2] / left_out[:, 3]) - 1
    groups = len(sums)
    jackknife = math.sqrt((groups - 1) / groups * ((lifts - lifts.mean()) ** 2).sum())
    assert lift.estimate == pytest.approx(
        sums[:, 0].sum() / sums[:, 1].sum() / (sums[:, 2].sum() / sums[:, 3].sum()) - 1
    )
    assert lift.standard_error == pytest.approx(jackknife, rel=0.01)


def test_a_lift_needs_a_control_above_zero() -> None:
    with pytest.raises(ValueError, match="control's mean: expected a number above 0"):
        clustered_lift(Moments.from_values([[1.0, 2.0, -1.0, 2.0], [3.0, 2.0, -2.0, 1.0]]))


def test_regression_with_a_cluster_per_row_is_whites() -> None:
    rng = np.random.default_rng(6)
    x = np.column_stack([np.ones(50), rng.normal(size=50)])
    y = x @ [1.0, 2.0] + rng.normal(size=50) * np.abs(x[:, 1])
    fit = least_squares(x, y, np.arange(50))
    residuals = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    bread = np.linalg.inv(x.T @ x)
    white = bread @ (x.T * residuals**2) @ x @ bread * 50 / 48
    assert fit.standard_errors == pytest.approx(np.sqrt(np.diag(white)))


def test_two_equal_ways_of_clustering_are_one() -> None:
    values, labels = units(7)
    x = np.column_stack([np.ones(len(values)), np.arange(len(values)) % 3])
    one, both = least_squares(x, values, labels), least_squares(x, values, labels, labels)
    assert both.standard_errors == pytest.approx(one.standard_errors)


def test_labels_may_be_anything() -> None:
    values, labels = units(8)
    x = np.column_stack([np.ones(len(values)), np.arange(len(values)) % 3])
    named = [f"school {label}" for label in labels]
    errors = least_squares(x, values, labels).standard_errors
    assert least_squares(x, values, named).standard_errors == pytest.approx(errors)


def test_what_gives_no_clustered_inference_is_said() -> None:
    with pytest.raises(ValueError, match="n: expected at least 2, found 1"):
        cluster_arm(Moments.from_values([[3.0, 2.0]]))
    with pytest.raises(ValueError, match="denominator: expected a mean above 0"):
        clustered_difference(Moments.from_values([[1.0, 2.0, 0.0, 0.0], [3.0, 2.0, 0.0, 0.0]]))
    with pytest.raises(ValueError, match="no variance"):
        clustered_difference(Moments.from_values([[2.0, 2.0, 4.0, 2.0], [3.0, 3.0, 6.0, 3.0]]))
    with pytest.raises(ValueError, match="expected 2 variables, sum and size, found 1"):
        cluster_arm(Moments.from_values([1.0, 2.0]))
    with pytest.raises(ValueError, match="expected 4 variables"):
        clustered_difference(Moments.from_values([1.0, 2.0]))


@pytest.mark.parametrize(
    ("regressors", "outcome", "clusters", "message"),
    [
        ([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]], [1.0, 2.0, 4.0], [1, 2, 3], "aren't collinear"),
        ([[1.0, 1.0], [1.0, 2.0]], [1.0, 2.0], [1, 2], "aren't collinear over more than 2 rows, found 2"),
        ([[1.0], [1.0], [1.0]], [1.0, 2.0, 4.0], [1, 1, 1], "clusters: expected at least 2, found 1"),
        ([[1.0], [1.0], [1.0]], [2.0, 2.0, 2.0], [1, 2, 3], "found no residual"),
        ([[1.0], [1.0], [1.0]], [2.0, 1.0], [1, 2, 3], "expected arrays of one length"),
        ([[1.0], [1.0], [1.0]], [2.0, 1.0, math.inf], [1, 2, 3], "outcome: expected finite numbers"),
        ([[1.0], [1.0], [1.0]], [2.0, 1.0, 3.0], [[1, 2, 3]], "clusters: expected 1 dimension, found 2"),
        (
            [[1.0], [1.0], [1.0]],
            [2.0, 1.0, 1e200],
            [1, 2, 3],
            "expected numbers of at most 1e.75, found larger",
        ),
    ],
)
def test_a_regression_without_errors_is_named(
    regressors: list[list[float]], outcome: list[float], clusters: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        least_squares(regressors, outcome, clusters)
