"""Whatever two arms hold, a comparison ends in numbers or in one ValueError: no NaN, no warning, no other error."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.stats.arms import REFERENCES, Arm, Reference
from lakehouse.stats.clusters import clustered_difference, clustered_lift
from lakehouse.stats.cuped import cuped, cuped_lift
from lakehouse.stats.guards import ALTERNATIVES, Alternative
from lakehouse.stats.means import difference, welch
from lakehouse.stats.moments import Moments
from lakehouse.stats.noninferiority import equivalence, non_inferiority, relative_non_inferiority
from lakehouse.stats.planning import current_power
from lakehouse.stats.power import Outcome, minimum_detectable_effect, power_of, sample_size
from lakehouse.stats.proportions import newcombe, wilson, z_lift, z_test
from lakehouse.stats.ratios import ratio_difference, ratio_lift
from lakehouse.stats.relative import delta_method, fieller, log_scale

ANY = st.floats(allow_nan=True, allow_infinity=True)
SIZES = st.integers(-1, 10**12)


def ends_well(ask: Callable[[], object]) -> None:
    try:
        result = ask()
    except ValueError as error:
        assert "expected" in str(error)  # noqa: PT017  # either outcome is right
        return
    assert dataclasses.is_dataclass(result)
    assert not isinstance(result, type)
    for name, value in dataclasses.asdict(result).items():
        if isinstance(value, float):
            assert not math.isnan(value), name
            assert math.isfinite(value) or name in ("low", "high", "degrees_of_freedom"), name


@settings(max_examples=120, deadline=None)
@given(SIZES, ANY, ANY, SIZES, ANY, ANY, st.sampled_from(REFERENCES), st.sampled_from(ALTERNATIVES))
def test_comparisons_of_arms(
    n1: int,
    m1: float,
    v1: float,
    n0: int,
    m0: float,
    v0: float,
    reference: Reference,
    alternative: Alternative,
) -> None:
    for compare in (difference, delta_method, log_scale, fieller):
        ends_well(
            lambda compare=compare: compare(
                Arm(n1, m1, v1), Arm(n0, m0, v0), reference=reference, alternative=alternative
            )
        )
    for test in (non_inferiority, relative_non_inferiority, equivalence):
        ends_well(lambda test=test: test(Arm(n1, m1, v1), Arm(n0, m0, v0), 0.1, reference=reference))


EXTREMES = st.sampled_from(
    [0.0, -1.0, 1.0, 1e-320, 1e-200, 1e-160, 1e-8, 3.5, 1e8, 1e154, 1e200, 1e308, math.inf]
)


@settings(max_examples=120, deadline=None)
@given(EXTREMES, EXTREMES, EXTREMES, EXTREMES, st.sampled_from(ALTERNATIVES))
def test_comparisons_at_the_ends_of_what_a_float_holds(
    m1: float, v1: float, m0: float, v0: float, alternative: Alternative
) -> None:
    for compare in (difference, delta_method, log_scale, fieller):
        ends_well(lambda compare=compare: compare(Arm(2, m1, v1), Arm(10, m0, v0), alternative=alternative))
    ends_well(lambda: relative_non_inferiority(Arm(2, m1, v1), Arm(10, m0, v0), 0.1))
    ends_well(lambda: power_of(Outcome(m0, v0), m1, 10, 20))
    ends_well(lambda: sample_size(Outcome(m0, v0), m1))
    ends_well(lambda: minimum_detectable_effect(Outcome(m0, v0), 10, 20))
    ends_well(lambda: current_power(v1, m1, 10))


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(*[EXTREMES] * 4), min_size=0, max_size=4),
    st.lists(st.tuples(*[EXTREMES] * 4), min_size=0, max_size=4),
)
def test_comparisons_of_values(first: list[tuple[float, ...]], second: list[tuple[float, ...]]) -> None:
    def arm(values: list[tuple[float, ...]], variables: int) -> Moments:
        return Moments.from_values([value[:variables] for value in values])

    ends_well(lambda: welch(arm(first, 1).arm(), arm(second, 1).arm()))
    ends_well(lambda: ratio_difference(arm(first, 2), arm(second, 2)))
    ends_well(lambda: ratio_lift(arm(first, 2), arm(second, 2), method="log"))
    ends_well(lambda: cuped(arm(first, 2), arm(second, 2)))
    ends_well(lambda: cuped_lift(arm(first, 2), arm(second, 2)))
    ends_well(lambda: clustered_difference(arm(first, 4)))
    ends_well(lambda: clustered_lift(arm(first, 4)))


@settings(max_examples=120, deadline=None)
@given(SIZES, SIZES, SIZES, SIZES, st.floats(1e-12, 0.999))
def test_comparisons_of_counts(x1: int, n1: int, x0: int, n0: int, alpha: float) -> None:
    ends_well(lambda: wilson(x1, n1, alpha))
    ends_well(lambda: z_test(x1, n1, x0, n0, alpha=alpha))
    ends_well(lambda: z_lift(x1, n1, x0, n0, alpha=alpha))
    for alternative in ALTERNATIVES:
        ends_well(
            lambda alternative=alternative: newcombe(x1, n1, x0, n0, alpha=alpha, alternative=alternative)
        )


@pytest.mark.parametrize(
    "sums", [(0, [0.0], [[0.0]]), (1, [3.0], [[9.0]]), (5, [None], [[None]]), (5, [15.0], [[45.0]])]
)
def test_what_a_database_says_of_an_empty_or_constant_metric_gives_no_inference(
    sums: tuple[int, list[float], list[list[float]]],
) -> None:
    def ask() -> object:
        arm = Moments.from_sums(*sums).arm()
        return welch(arm, arm)

    with pytest.raises(ValueError, match="expected"):
        ask()
