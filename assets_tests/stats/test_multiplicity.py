from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.stats.multiplicity import METHODS, Method, adjust

FAMILIES = st.lists(st.floats(0, 1), min_size=1, max_size=12)
ALL: tuple[Method, ...] = ("bonferroni", "holm", "holm-sidak", "hochberg", "bh", "by")


def step_down(p_values: list[float], alpha: float) -> set[int]:
    """Holm (1979) as written: from the smallest, reject while p is at most alpha over the number left."""
    rejected: set[int] = set()
    for step, position in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[position] > alpha / (len(p_values) - step):
            break
        rejected.add(int(position))
    return rejected


def step_up(p_values: list[float], thresholds: list[float]) -> set[int]:
    """From the largest, the first p at or below its threshold is rejected, and all smaller ones with it."""
    order = np.argsort(p_values, kind="stable")
    passing = [rank for rank, position in enumerate(order) if p_values[position] <= thresholds[rank]]
    return {int(position) for position in order[: passing[-1] + 1]} if passing else set()


def rejections(p_values: list[float], method: Method, alpha: float) -> set[int]:
    return {
        position
        for position, is_rejected in enumerate(adjust(p_values, method, alpha).rejected)
        if is_rejected
    }


def near_a_threshold(p_values: list[float], alpha: float) -> bool:
    m = len(p_values)
    harmonic = sum(1 / k for k in range(1, m + 1))
    levels = {alpha * i / j / c for i in range(1, m + 1) for j in range(1, m + 1) for c in (1.0, harmonic)}
    return any(math.isclose(p, level, rel_tol=1e-9) for p in p_values for level in levels)


@settings(max_examples=80, deadline=None)
@given(FAMILIES, st.floats(0.01, 0.3))
def test_adjusted_p_values_decide_like_the_procedures_as_written(p_values: list[float], alpha: float) -> None:
    if near_a_threshold(p_values, alpha):
        return
    m = len(p_values)
    harmonic = sum(1 / k for k in range(1, m + 1))
    assert rejections(p_values, "holm", alpha) == step_down(p_values, alpha)
    assert rejections(p_values, "hochberg", alpha) == step_up(
        p_values, [alpha / (m - rank) for rank in range(m)]
    )
    assert rejections(p_values, "bh", alpha) == step_up(
        p_values, [alpha * (rank + 1) / m for rank in range(m)]
    )
    assert rejections(p_values, "by", alpha) == step_up(
        p_values, [alpha * (rank + 1) / m / harmonic for rank in range(m)]
    )


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_closed_test_of_bonferroni(p_values: list[float]) -> None:
    m = len(p_values)
    closed = [
        max(
            min(1.0, len(subset) * min(p_values[i] for i in subset))
            for size in range(1, m + 1)
            for subset in combinations(range(m), size)
            if position in subset
        )
        for position in range(m)
    ]
    assert adjust(p_values, "holm").p_values == pytest.approx(closed)


@settings(max_examples=60, deadline=None)
@given(FAMILIES)
def test_no_adjustment_makes_a_p_value_smaller_or_turns_their_order(p_values: list[float]) -> None:
    for method in ALL:
        adjusted = adjust(p_values, method).p_values
        assert all(0 <= p <= a + 1e-12 and a <= 1 for p, a in zip(p_values, adjusted, strict=True))
        order = np.argsort(p_values, kind="stable")
        assert (np.diff(np.array(adjusted)[order]) >= -1e-12).all()


@settings(max_examples=60, deadline=None)
@given(FAMILIES)
def test_the_methods_are_ordered_by_their_power(p_values: list[float]) -> None:
    adjusted = {method: np.array(adjust(p_values, method).p_values) for method in ALL}
    for stronger, weaker in (
        ("holm", "bonferroni"),
        ("holm-sidak", "holm"),
        ("hochberg", "holm"),
        ("bh", "hochberg"),
        ("bh", "by"),
    ):
        assert (adjusted[stronger] <= adjusted[weaker] + 1e-12).all()


def test_a_family_of_one_is_not_adjusted() -> None:
    for method in ALL:
        assert adjust([0.03], method).p_values == pytest.approx((0.03,))


def test_certain_p_values_stay_certain() -> None:
    for method in ALL:
        assert adjust([0.0, 1.0, 1.0], method).p_values == pytest.approx((0.0, 1.0, 1.0))


@pytest.mark.parametrize("p_values", [[], [0.1, math.nan], [-0.1], [1.1], [math.inf], [[0.1]]])
def test_what_is_no_family_of_p_values_is_named(p_values: list[float]) -> None:
    with pytest.raises(ValueError, match="p_values: expected"):
        adjust(p_values)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="method: expected one of bonferroni, holm"):
        adjust([0.1], "fdr")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="alpha: expected a number between 0 and 1"):
        adjust([0.1], alpha=1.0)


def test_every_method_is_tried_here() -> None:
    assert set(ALL) == set(METHODS)
