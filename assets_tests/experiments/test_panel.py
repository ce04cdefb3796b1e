"""A quasi-experiment's panel: periods, adoption, outcomes by unit and period."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest


def panel_experiment(trial: Any, panel: dict[str, Any], value: str = "avg(amount)", **changes: Any) -> Any:
    base = {"source": "fct_sales", "unit": "visitor_id", "time": "units"}
    return trial.experiment(
        design="difference_in_differences",
        variants={},
        control=None,
        metrics={"primary": "outcome"},
        define={"outcome": {"label": "Outcome", "kind": "mean", "value": value}},
        panel={**base, **panel},
        **changes,
    )


def rows(trial: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = trial.rows(
        "select unit_id, period, period_label, adopted, value from exp_panel order by unit_id, period"
    )
    return found


def test_numbers_stay_and_units_adopt_when_the_panel_says(trial: Any) -> None:
    for year in (2003, 2004):
        trial.sell("late", "2026-01-01", year, units=year, kind="2004")
        trial.sell("never", "2026-01-01", -year, units=year, kind="0")
    trial.sell("unsaid", "2026-01-01", None, units=2003, kind="")
    trial.build(panel_experiment(trial, {"adopted": "try_cast(kind as bigint)"}, start=None, end=None))
    assert rows(trial) == [
        ("late", 2003, "2003", 2004, 2003),
        ("late", 2004, "2004", 2004, 2004),
        ("never", 2003, "2003", None, -2003),
        ("never", 2004, "2004", None, -2004),
        ("unsaid", 2003, "2003", None, None),
    ]


def test_treated_units_adopt_at_the_start(trial: Any) -> None:
    for period in (0, 1):
        trial.sell("treated", "2026-01-01", units=period, kind="nj")
        trial.sell("other", "2026-01-01", units=period, kind="pa")
    trial.build(panel_experiment(trial, {"treated": "kind = 'nj'"}, start=1, end=None))
    assert {(unit, adopted) for unit, _, _, adopted, _ in rows(trial)} == {("treated", 1.0), ("other", None)}


def test_dates_are_counted_in_order_and_empty_cells_may_be_zero(trial: Any) -> None:
    for visitor, day in (("a", "2026-01-05"), ("b", "2026-01-13"), ("a", "2026-01-20"), ("a", "2026-01-21")):
        trial.sell(visitor, day)
    panel = {"time": "date_trunc('week', sold_on)", "treated": "visitor_id = 'a'", "absent": "zero"}
    trial.build(panel_experiment(trial, panel, "count(*)", start=date(2026, 1, 12), end=None))
    assert [(unit, period, adopted, value) for unit, period, _, adopted, value in rows(trial)] == [
        ("a", 0, 1, 1), ("a", 1, 1, 0), ("a", 2, 1, 2), ("b", 0, None, 0), ("b", 1, None, 1), ("b", 2, None, 0),
    ]  # fmt: skip
    trial.build(
        panel_experiment(trial, {**panel, "absent": "missing"}, "count(*)", start=date(2026, 1, 12), end=None)
    )
    assert len(rows(trial)) == 3


def test_periods_after_the_as_of_date_are_left_out(trial: Any) -> None:
    trial.settings(as_of_date="2026-01-10")
    for day in ("2026-01-10", "2026-01-11"):
        trial.sell("a", day)
    panel = {"time": "sold_on", "treated": "false"}
    trial.build(panel_experiment(trial, panel, start=date(2026, 1, 1), end=None))
    assert [label for _, _, label, _, _ in rows(trial)] == ["2026-01-10"]


def test_a_sources_own_file_is_whole_whatever_the_shops_day(trial: Any) -> None:
    trial.owners["fct_sales"] = "files"
    trial.settings(as_of_date="2026-01-10", is_as_of_configured=False)
    for day in ("2026-01-10", "2026-01-11"):
        trial.sell("a", day)
    panel = panel_experiment(trial, {"time": "sold_on", "treated": "false"}, start=date(2026, 1, 1), end=None)
    trial.build(panel)
    assert len(rows(trial)) == 2
    trial.settings(is_as_of_configured=True)
    trial.build(panel)
    assert len(rows(trial)) == 1


def test_an_outcome_may_be_a_ratio_and_rows_may_be_chosen(trial: Any) -> None:
    for amount, units in ((6.0, 2), (3.0, 1), (100.0, 9)):
        trial.sell("a", "2026-01-01", amount, units)
    trial.sell("nothing", "2026-01-01", 1.0, 0)
    experiment = panel_experiment(
        trial, {"time": "1", "treated": "false", "where": "amount < 50"}, start=1, end=None
    ).model_copy(update={"define": trial.metric("price", source=None, time=None)})
    experiment = experiment.model_copy(
        update={"metrics": experiment.metrics.model_copy(update={"primary": "price"})}
    )
    trial.build(experiment)
    assert [(unit, value) for unit, _, _, _, value in rows(trial)] == [("a", 3.0), ("nothing", None)]


def test_infinite_values_are_null(trial: Any) -> None:
    trial.sell("a", "2026-01-01", float("inf"))
    trial.build(panel_experiment(trial, {"treated": "false"}, start=1, end=None))
    assert [value for *_, value in rows(trial)] == [None]


def test_a_start_of_another_sort_than_the_times_is_told(trial: Any) -> None:
    trial.sell("a", "2026-01-01")
    experiment = panel_experiment(trial, {"treated": "true"}, start=date(2026, 1, 1), end=None)
    with pytest.raises(
        ValueError, match=r"start: expected a number like panel\.time \(BIGINT\), found 2026-01-01"
    ):
        trial.build(experiment)
