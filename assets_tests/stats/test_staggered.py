"""Group-time effects are R's, compare with clean controls only, and fall back to a plain difference-in-differences."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from lakehouse.stats.did import difference_of_changes
from lakehouse.stats.staggered import GroupTimeEffects, group_time_effects

REPO = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("LAKEHOUSE_SHARED_DIR", REPO.parent / "shared"))
MPDTA = SHARED / "data" / "experiments" / "mpdta.csv"
NEVER = np.inf

# R's did 2.x, bstrap = FALSE, no covariates: att and standard error by group and period.
NEVER_TREATED = {
    (2004, 2004): (-0.0105032462209624, 0.0232510363681664),
    (2004, 2007): (-0.100811363085404, 0.0343592258346732),
    (2006, 2004): (0.00652011242423301, 0.0233268051418047),
    (2006, 2006): (-0.00459460695286304, 0.0177551966592763),
    (2007, 2004): (0.0305066555832928, 0.01503356028013),
    (2007, 2007): (-0.0260544107191966, 0.0166554353492522),
}
NOT_YET_TREATED = {
    (2004, 2004): (-0.0193723636759221, 0.0223101128836806),
    (2004, 2006): (-0.136274346328678, 0.03540338496891),
    (2006, 2004): (-0.00256255094261098, 0.0225302351453388),
    (2006, 2006): (0.00466087631997615, 0.0163355842468236),
    (2007, 2005): (-0.0024106128000969, 0.0160312963755178),
}


def made(seed: int = 5, units: int = 80) -> tuple[np.ndarray, list[float], np.ndarray]:
    """Periods 1 to 5; a quarter each adopts at 3, at 4, at 6 (after the end) and never; the effect is 1 + periods since."""
    generator = np.random.default_rng(seed)
    adopted = np.array([3.0, 4.0, 6.0, NEVER])[np.arange(units) % 4]
    times = np.arange(1.0, 6.0)
    noise = generator.standard_normal((units, 5)) * 0.3
    since = times - adopted[:, None]
    return (
        noise + generator.standard_normal((units, 1)) + times + np.where(since >= 0, 1 + since, 0),
        times.tolist(),
        adopted,
    )


@pytest.mark.skipif(not MPDTA.is_file(), reason="the county data of Callaway and Sant'Anna are absent")
@pytest.mark.parametrize(
    ("control_group", "expected", "statistic"),
    [
        ("never_treated", NEVER_TREATED, 7.79123662720035),
        ("not_yet_treated", NOT_YET_TREATED, 7.79092771882739),
    ],
)
def test_the_numbers_are_those_of_r(
    control_group: str, expected: dict[tuple[int, int], tuple[float, float]], statistic: float
) -> None:
    with MPDTA.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    units = sorted({row["countyreal"] for row in rows})
    panel, adopted = np.full((len(units), 5), np.nan), np.full(len(units), NEVER)
    for row in rows:
        unit = units.index(row["countyreal"])
        panel[unit, int(row["year"]) - 2003] = float(row["lemp"])
        adopted[unit] = float(row["first.treat"]) or NEVER
    found = group_time_effects(
        panel,
        [2003, 2004, 2005, 2006, 2007],
        adopted,
        control_group=control_group,  # type: ignore[arg-type]  # one of the two
    )
    effects = {(each.group, each.period): each.effect for each in found.effects}
    assert len(effects) == 12
    for key, (estimate, error) in expected.items():
        assert effects[key].estimate == pytest.approx(estimate, abs=1e-12)
        assert effects[key].standard_error == pytest.approx(error, abs=1e-12)
    assert found.pre_trend is not None
    assert found.pre_trend.statistic == pytest.approx(statistic, rel=1e-9)
    assert found.pre_trend.degrees_of_freedom == 5


def by_key(found: GroupTimeEffects) -> dict[tuple[float, float], float]:
    return {(each.group, each.period): each.effect.estimate for each in found.effects}


def test_an_effect_that_grows_is_seen_growing() -> None:
    effects = by_key(group_time_effects(*made()))
    assert set(effects) == {(group, period) for group in (3.0, 4.0) for period in (2.0, 3.0, 4.0, 5.0)}
    for (group, period), estimate in effects.items():
        truth = 1 + period - group if period >= group else 0.0
        assert estimate == pytest.approx(truth, abs=0.5)


def test_one_group_and_two_periods_are_a_difference_of_changes() -> None:
    y, _, adopted = made()
    kept = (adopted == 3.0) | (adopted > 5)
    found = group_time_effects(y[kept][:, 1:3], [2, 3], adopted[kept])
    plain = difference_of_changes(y[kept, 1], y[kept, 2], (adopted[kept] == 3.0).astype(float))
    assert found.effects[0].effect.estimate == pytest.approx(plain.estimate)
    n1, n0 = 20, 40
    # R divides by n, Welch by n - 1.
    assert found.effects[0].effect.standard_error == pytest.approx(
        plain.standard_error, rel=0.5 / n1 + 0.5 / n0
    )


def test_adoption_after_the_end_counts_as_never_and_before_the_start_not_at_all() -> None:
    y, times, adopted = made()
    found = group_time_effects(y, times, adopted)
    assert by_key(found) == by_key(group_time_effects(y, times, np.where(adopted == 6, NEVER, adopted)))
    early = group_time_effects(np.vstack([y, y[:2]]), times, np.append(adopted, [0.0, 1.0]))
    assert early.units == len(y)
    assert by_key(early) == by_key(found)


def test_the_universal_base_is_the_last_period_before_adoption() -> None:
    y, times, adopted = made()
    varying = by_key(group_time_effects(y, times, adopted))
    universal = by_key(group_time_effects(y, times, adopted, base_period="universal"))
    assert universal[4.0, 5.0] == varying[4.0, 5.0]
    assert universal[4.0, 2.0] == pytest.approx(-varying[4.0, 3.0])
    assert universal[4.0, 1.0] == pytest.approx(-varying[4.0, 3.0] - varying[4.0, 2.0])


def test_with_anticipation_the_base_moves_back() -> None:
    y, times, adopted = made()
    found = by_key(group_time_effects(y, times, adopted, anticipation=1))
    controls, group = y[adopted > 5], y[adopted == 4.0]
    expected = (group[:, 3] - group[:, 1]).mean() - (controls[:, 3] - controls[:, 1]).mean()
    assert found[4.0, 4.0] == pytest.approx(expected)


def test_without_never_treated_the_last_group_serves_until_it_adopts() -> None:
    y, times, adopted = made()
    kept = np.isin(adopted, (3.0, 4.0))
    found = group_time_effects(y[kept], times, adopted[kept], control_group="not_yet_treated")
    assert set(by_key(found)) == {(3.0, 2.0), (3.0, 3.0)}
    with pytest.raises(ValueError, match="expected at least 2 control units"):
        group_time_effects(y[kept], times, adopted[kept])


def test_units_that_move_together_count_once() -> None:
    y, times, adopted = made()
    doubled = group_time_effects(
        np.vstack([y, y]), times, np.tile(adopted, 2), clusters=np.tile(np.arange(len(y)), 2)
    )
    plain = group_time_effects(y, times, adopted)
    for one, other in zip(plain.effects, doubled.effects, strict=True):
        assert other.effect.estimate == pytest.approx(one.effect.estimate)
        assert other.effect.standard_error == pytest.approx(one.effect.standard_error)


def test_bad_input_is_named() -> None:
    y, times, adopted = made()
    with pytest.raises(ValueError, match="periods: expected 5 rising times"):
        group_time_effects(y, times[::-1], adopted)
    with pytest.raises(ValueError, match="first_treated: expected a time or infinity for each of 80 units"):
        group_time_effects(y, times, adopted[:-1])
    with pytest.raises(ValueError, match="first_treated: expected a time or infinity"):
        group_time_effects(y, times, np.where(np.isinf(adopted), np.nan, adopted))
    with pytest.raises(ValueError, match="expected a group that adopts after the first period, found none"):
        group_time_effects(y, times, np.full(80, NEVER))
    with pytest.raises(
        ValueError, match="expected at least 2 treated units for the group of 2 at 2, found 1"
    ):
        group_time_effects(y, times, np.append(adopted[:-1], 2.0))
    with pytest.raises(ValueError, match="outcomes: expected finite numbers, found 1 that are not"):
        group_time_effects(np.where(y == y.max(), np.inf, y), times, adopted)
    with pytest.raises(ValueError, match="outcomes: expected changes that vary"):
        group_time_effects(np.ones_like(y), times, adopted)
    with pytest.raises(ValueError, match="control_group: expected one of never_treated, not_yet_treated"):
        group_time_effects(y, times, adopted, control_group="all")  # type: ignore[arg-type]  # wrong on purpose
