"""The way from one level to another: the pair that a slow search finds, and no answer without enough values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.stats.ramp import ramp


def slowest(y: np.ndarray, least: int) -> float:
    """The smallest sum of squares over every begin and end, by a regression each."""
    at = np.flatnonzero(np.isfinite(y))
    best = np.inf
    for begin in range(at[least - 1] + 1, len(y)):
        for end in range(begin + least - 1, len(y)):
            way = np.clip((at - begin + 1) / (end - begin + 1), 0, 1)
            design = np.column_stack([np.ones(len(at)), way])
            fit = design @ np.linalg.lstsq(design, y[at], rcond=None)[0]
            best = min(best, float(((y[at] - fit) ** 2).sum()))
    return best


@given(st.lists(st.one_of(st.floats(-100, 100), st.just(np.nan)), min_size=8, max_size=24), st.integers(2, 4))
@settings(max_examples=40, deadline=None)
def test_no_other_way_fits_better(values: list[float], least: int) -> None:
    y = np.array(values)
    found = ramp(y, least=least)
    at = np.flatnonzero(np.isfinite(y))
    if found is None:
        assert len(at) < 2 * least or at[least - 1] + least > len(y) - 1
        return
    way = np.clip((at - found.begun + 1) / (found.arrived - found.begun + 1), 0, 1)
    fit = found.before + (found.after - found.before) * way
    assert float(((y[at] - fit) ** 2).sum()) == pytest.approx(slowest(y, least), rel=1e-6, abs=1e-6)


def test_a_way_still_under_way() -> None:
    y = np.concatenate([np.full(20, 5.0), 5 - 0.2 * np.arange(1, 8)])
    found = ramp(y)
    assert found is not None
    assert (found.begun, found.arrived) == (20, 26)
    assert found.after == pytest.approx(3.6)


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 5, [np.nan] * 50])
def test_too_few_values_have_no_way(values: list[float]) -> None:
    assert ramp(values) is None
