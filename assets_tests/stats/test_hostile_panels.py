"""Whatever a panel holds, a quasi-experimental estimator answers in numbers or says why not: no NaN, no warning."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.stats.aggregation import AGGREGATIONS, aggregate
from lakehouse.stats.did import difference_of_changes, panel_did, two_by_two
from lakehouse.stats.event_study import event_study
from lakehouse.stats.shrinkage import shrunk_effects
from lakehouse.stats.staggered import group_time_effects
from lakehouse.stats.synthetic_control import synthetic_control
from lakehouse.stats.synthetic_did import block_did, synthetic_did

HOSTILE = [0.0, 1.0, -1.0, 2.0, 0.5, 1e-300, 1e300, -1e300, 1e160, 1e15, math.nan, math.inf, 5e-324]

Panel = tuple[np.ndarray, np.ndarray]


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    """Outcomes (units x periods), hostile or merely badly scaled, and which units are treated."""
    units, periods = draw(st.integers(1, 8)), draw(st.integers(1, 5))
    if draw(st.booleans()):
        outcomes = np.array(
            draw(st.lists(st.sampled_from(HOSTILE), min_size=units * periods, max_size=units * periods))
        )
    else:
        noise = np.random.default_rng(draw(st.integers(0, 99))).standard_normal(units * periods)
        scale = draw(st.sampled_from([1.0, 0.0, 1e-300, 1e-160, 1e-8, 1e8, 1e160, 1e300]))
        outcomes = noise * scale + draw(st.sampled_from([0.0, 1e8, 1e15]))
    treated = draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=units, max_size=units))
    return outcomes.reshape(units, periods), np.array(treated)


def long(panel: Panel) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    outcomes, treated = panel
    units, periods = outcomes.shape
    unit, time = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    return outcomes.ravel(), treated[unit], unit, time


def staggered(panel: Panel) -> object:
    outcomes, treated = panel
    adopted = np.where(treated == 1, 1.0 + np.arange(len(treated)) % 2, math.inf)
    effects = group_time_effects(outcomes, range(outcomes.shape[1]), adopted)
    return effects, [aggregate(effects, aggregation) for aggregation in AGGREGATIONS]


def table(panel: Panel) -> object:
    y, treated, unit, time = long(panel)
    return two_by_two(y, treated, (time > 0).astype(float), unit)


def regression(panel: Panel) -> object:
    y, treated, unit, time = long(panel)
    return panel_did(y, treated * (time > 0), unit, time)


def events(panel: Panel) -> object:
    y, treated, unit, time = long(panel)
    return event_study(y, treated, unit, time, first_treated=panel[0].shape[1] // 2)


CALLS: dict[str, Callable[[Panel], object]] = {
    "two_by_two": table,
    "difference_of_changes": lambda panel: difference_of_changes(panel[0][:, 0], panel[0][:, -1], panel[1]),
    "panel_did": regression,
    "event_study": events,
    "group_time_effects": staggered,
    "synthetic_control": lambda panel: synthetic_control(*panel, panel[0].shape[1] - 1, replications=20),
    "synthetic_did": lambda panel: synthetic_did(*panel, panel[0].shape[1] - 1, replications=20),
    "block_did": lambda panel: block_did(*panel, panel[0].shape[1] - 1, replications=20),
    "shrunk_effects": lambda panel: shrunk_effects(panel[0][:, 0], np.abs(panel[0][:, -1])),
}


def has_nan(found: object) -> bool:
    if dataclasses.is_dataclass(found):
        return any(has_nan(getattr(found, field.name)) for field in dataclasses.fields(found))
    if isinstance(found, tuple | list):
        return any(has_nan(each) for each in found)
    if isinstance(found, np.ndarray):
        return bool(np.isnan(found).any())
    return isinstance(found, float) and math.isnan(found)


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=60, deadline=None)
@given(panel=panels())
def test_numbers_or_a_reason(name: str, panel: Panel) -> None:
    try:
        found = CALLS[name](panel)
    except ValueError as error:
        assert "expected" in str(error)  # noqa: PT017  # either outcome is right
    else:
        assert not has_nan(found)
