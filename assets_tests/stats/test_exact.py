from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lakehouse.stats.exact import ExactTest, barnard, boschloo, fisher
from lakehouse.stats.guards import ALTERNATIVES, Alternative

TESTS = (fisher, barnard, boschloo)


def by_hand(x1: int, n1: int, x0: int, n0: int) -> float:
    """Fisher's one-sided p: of all tables with these margins, those with as many successes in treatment or more."""
    successes = x1 + x0
    tables = math.comb(n1 + n0, successes)
    most = min(n1, successes)
    return sum(math.comb(n1, x) * math.comb(n0, successes - x) for x in range(x1, most + 1)) / tables


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_fishers_test_counts_tables(n1: int, n0: int, data: st.DataObject) -> None:
    x1, x0 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n0))
    assert fisher(x1, n1, x0, n0, "greater").p_value == pytest.approx(by_hand(x1, n1, x0, n0))


def test_fishers_lady_tasting_tea() -> None:
    assert fisher(3, 4, 1, 4, "greater").p_value == pytest.approx(17 / 70)


def test_barnards_own_table() -> None:
    """The example of scipy's documentation, from Barnard's problem: vaccinated 7 of 15 against 12 of 15 infected."""
    assert barnard(7, 15, 12, 15, "less").p_value == pytest.approx(0.0341, abs=5e-5)


def test_boschloos_example() -> None:
    """The survey in scipy's documentation: 74 of 117 professors against 31 of 63 scientists."""
    assert boschloo(74, 117, 31, 63, "greater").p_value == pytest.approx(0.0356, abs=1e-4)


@pytest.mark.parametrize(("x1", "x0"), [(4, 1), (5, 2), (3, 3), (2, 0)])
def test_boschloos_test_takes_the_worst_rate_over_all_tables_with_fishers_p_or_less(x1: int, x0: int) -> None:
    n1, n0 = 5, 7
    tables = [
        (a, b)
        for a in range(n1 + 1)
        for b in range(n0 + 1)
        if by_hand(a, n1, b, n0) <= by_hand(x1, n1, x0, n0) + 1e-12
    ]
    rates = [rate / 2000 for rate in range(1, 2000)]
    worst = max(
        sum(
            math.comb(n1, a) * math.comb(n0, b) * rate ** (a + b) * (1 - rate) ** (n1 + n0 - a - b)
            for a, b in tables
        )
        for rate in rates
    )
    assert boschloo(x1, n1, x0, n0, "greater").p_value == pytest.approx(worst, rel=1e-4)


@pytest.mark.parametrize(("x1", "x0"), [(3, 1), (8, 2), (5, 5), (0, 4), (10, 3)])
def test_boschloos_test_is_never_less_powerful_than_fishers(x1: int, x0: int) -> None:
    for alternative in ("greater", "less"):
        ours = boschloo(x1, 10, x0, 12, alternative).p_value  # type: ignore[arg-type]  # a loop widens the literal
        assert ours <= fisher(x1, 10, x0, 12, alternative).p_value * (1 + 1e-9)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("test", TESTS)
def test_greater_means_that_treatment_succeeds_more(test: Callable[..., ExactTest]) -> None:
    more = [test(9, 10, 2, 10, alternative).p_value for alternative in ALTERNATIVES]
    assert more[1] < 0.05 < more[2]
    mirrored = [test(2, 10, 9, 10, alternative).p_value for alternative in ALTERNATIVES]
    assert mirrored == pytest.approx([more[0], more[2], more[1]], rel=1e-3)
    assert test(9, 10, 2, 10).estimate == pytest.approx(0.7)


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("x", [0, 10])
@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_when_all_or_none_succeed_nothing_is_shown(
    test: Callable[..., ExactTest], x: int, alternative: Alternative
) -> None:
    assert test(x, 10, x, 10, alternative) == ExactTest(0.0, 1.0)


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(
    "counts", [(1, 0, 1, 2), (3, 2, 1, 2), (-1, 2, 1, 2), (1.5, 2, 1, 2), (1, 2, math.nan, 2)]
)
def test_counts_that_no_arm_can_have_are_named(
    test: Callable[..., ExactTest], counts: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="expected"):
        test(*counts)


@pytest.mark.parametrize("test", [barnard, boschloo])
def test_tables_too_many_to_weigh_are_named(test: Callable[..., ExactTest]) -> None:
    with pytest.raises(ValueError, match="expected at most 250,000 possible tables"):
        test(100, 1000, 120, 1000)


def test_fishers_test_takes_any_size() -> None:
    ours = fisher(10_500, 100_000, 10_000, 100_000).p_value
    assert ours == pytest.approx(stats.fisher_exact([[10_500, 10_000], [89_500, 90_000]]).pvalue)
