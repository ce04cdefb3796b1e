"""Difference-in-differences: the four means, the changes and the panel tell one story."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.stats.did import difference_of_changes, panel_did, two_by_two

REPO = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("LAKEHOUSE_SHARED_DIR", REPO.parent / "shared"))
CARD_KRUEGER = SHARED / "data" / "experiments" / "card_krueger_1994.csv"

values = st.lists(st.floats(-1e3, 1e3).map(lambda x: round(x, 3)), min_size=10, max_size=10)


@settings(max_examples=50, deadline=None)
@given(before=values, after=values)
def test_a_balanced_panel_gives_one_estimate_three_ways(before: list[float], after: list[float]) -> None:
    treated = [0, 1] * 5
    if len({round(b - a, 6) for a, b in zip(before, after, strict=True)}) < 8 or min(map(abs, before)) < 0.01:
        return
    unit, time = [*range(10), *range(10)], [0] * 10 + [1] * 10
    changes = difference_of_changes(before, after, treated)
    table = two_by_two(before + after, treated * 2, time, unit)
    panel = panel_did(before + after, [t * d for t, d in zip(time, treated * 2, strict=True)], unit, time)
    assert table.effect.estimate == pytest.approx(changes.estimate, abs=1e-8)
    assert panel.estimate == pytest.approx(changes.estimate, abs=1e-8)
    # With equal groups the clustered errors are Welch's but for their small-sample factors.
    welch = changes.standard_error * np.sqrt(4 / 5)
    assert panel.standard_error / np.sqrt(10 / 9 * 19 / (20 - 1 - 2)) == pytest.approx(welch, rel=1e-6)
    assert table.effect.standard_error / np.sqrt(10 / 9 * 19 / 16) == pytest.approx(welch, rel=1e-6)


def test_what_all_units_share_cancels() -> None:
    before, after = [1.0, 2.0, 3.0, 5.0, 8.0, 1.0], [2.0, 4.0, 3.0, 9.0, 12.0, 7.0]
    plain = difference_of_changes(before, after, [0, 0, 0, 1, 1, 1])
    trend = difference_of_changes(before, [x + 100 for x in after], [0, 0, 0, 1, 1, 1])
    assert trend.estimate == pytest.approx(plain.estimate)
    assert trend.standard_error == pytest.approx(plain.standard_error)


@pytest.mark.skipif(not CARD_KRUEGER.is_file(), reason="Card and Krueger's data are absent")
def test_the_minimum_wage_did_not_cost_jobs() -> None:
    with CARD_KRUEGER.open(encoding="utf-8", newline="") as stream:
        stores = [row for row in csv.DictReader(stream) if row["fte"] != "NA"]
    columns = {name: [float(row[name]) for row in stores] for name in ("fte", "nj", "d", "id")}
    table = two_by_two(columns["fte"], columns["nj"], columns["d"], columns["id"])
    assert table.effect.estimate == pytest.approx(2.7536, abs=5e-5)
    assert table.effect.standard_error == pytest.approx(1.307, abs=5e-4)


def test_bad_tables_are_named() -> None:
    y, treated, after, unit = (
        [1.0, 2, 1, 4, 2, 3, 0, 4],
        [0, 0, 1, 1, 0, 0, 1, 1],
        [0, 1] * 4,
        [1, 1, 2, 2, 3, 3, 4, 4],
    )
    with pytest.raises(ValueError, match="expected rows with treated = 0 and after = 1, found none"):
        two_by_two(y, treated, [0, 0, 0, 1, 0, 0, 0, 1], unit)
    with pytest.raises(ValueError, match="expected at least 2 treated units"):
        two_by_two(y, [0, 0, 1, 1, 0, 0, 0, 0], after, unit)
    with pytest.raises(ValueError, match="treated: expected one value a unit"):
        two_by_two(y, treated, after, [1, 1, 1, 1, 2, 2, 2, 2])
    with pytest.raises(ValueError, match="treated: expected only 0 and 1"):
        two_by_two(y, [2.0] * 8, after, unit)
    with pytest.raises(ValueError, match="outcome: expected variation within the four cells"):
        two_by_two([1.0] * 8, treated, after, unit)
    with pytest.raises(ValueError, match="outcome: expected finite numbers"):
        two_by_two([np.inf, *y[1:]], treated, after, unit)


def test_bad_panels_are_named() -> None:
    y, unit, time = [1.0, 2, 1, 4, 2, 3, 0, 4], [1, 1, 2, 2, 3, 3, 4, 4], [0, 1] * 4
    with pytest.raises(ValueError, match="expected one row a unit and time, found several"):
        panel_did(y, [0, 1] * 4, [1, 1, 1, 1, 2, 2, 2, 2], time)
    with pytest.raises(ValueError, match="at least 2 control units"):
        panel_did(y, [0, 1] * 4, unit, time)
    with pytest.raises(ValueError, match="no variance"):
        difference_of_changes([1.0] * 4, [2.0] * 4, [0, 0, 1, 1])
