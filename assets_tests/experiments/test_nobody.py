"""An experiment that nobody entered has the tables of any other, all zeros, and says why it has no readout."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.experiments.readout_build import build_readouts
from lakehouse.warehouse.clock import Clock

PLAN: dict[str, Any] = {
    "metrics": {"primary": "conversion", "secondary": ["revenue"], "guardrails": ["price"]},
    "segments": {"device": "device"},
    "cluster": "country",
}
AGGREGATE = "select * exclude (experiment_id) from exp_aggregate where experiment_id = '{}' order by all"
METRICS = "select * exclude (experiment_id) from exp_metrics where experiment_id = '{}' order by all"
FINANCE = "select * exclude (experiment_id) from exp_finance where experiment_id = '{}' order by all"


def metrics(trial: Any) -> dict[str, Any]:
    return {
        **trial.metric("conversion", window_days=7),
        **trial.metric("revenue", covariate_days=14, winsorize=0.9),
        **trial.metric("price"),
    }


@pytest.fixture
def built(trial: Any) -> tuple[Any, Clock]:
    """Never shown to anyone, shown to a crawler only, and shown to one visitor who counts."""
    trial.add("dim_visitor", {"visitor_id": "bot", "is_bot": True}, {"visitor_id": "person", "is_bot": False})
    trial.add(
        "fct_bookings",
        {
            "customer_id": "c",
            "booked_at": "2026-03-05",
            "kind": "new",
            "amount": 5,
            "monthly_recurring_revenue": 1,
        },
    )
    trial.expose("bot", "new", experiment="crawled")
    trial.expose("person", "new", experiment="read")
    names = ("unseen", "crawled", "read")
    return trial, trial.build(*(trial.experiment(name, **PLAN) for name in names), metrics=metrics(trial))


@pytest.mark.parametrize("name", ["unseen", "crawled"])
def test_the_tables_are_those_of_an_experiment_with_units_with_nothing_in_them(
    built: tuple[Any, Clock], name: str
) -> None:
    trial, _ = built
    # One visitor without any sale has sums of 0 too, but for n and what counts units.
    rows, others = (trial.rows(AGGREGATE.format(one)) for one in (name, "read"))
    assert [row[:4] for row in rows] == [row[:4] for row in others]
    assert {value for row in rows for value in row[4:]} == {0, None}
    assert [[value is None for value in row] for row in rows] == [
        [value is None for value in row] for row in others
    ]
    columns = [trial.rows(f"describe exp_units_{one}") for one in (name, "read")]
    assert columns[0] == columns[1]
    assert trial.rows(f"select count(*) from exp_base where experiment_id = '{name}'") == [(0,)]
    assert [row[:7] for row in trial.rows(METRICS.format(name))] == [
        row[:7] for row in trial.rows(METRICS.format("read"))
    ]
    assert trial.rows(
        f"select distinct units, missing, not_finite, cap from exp_metrics where experiment_id = '{name}'"
    ) == [(0, 0, 0, None)]
    assert trial.rows(f"select variant, units, bookings from exp_finance where experiment_id = '{name}' order by 1") == [
        ("(not in the experiment)", None, 1), ("control", 0, 0), ("new", 0, 0)
    ]  # fmt: skip
    assert trial.rows(f"select count(*) from exp_experiments where experiment_id = '{name}'") == [(1,)]


def test_units_that_do_not_count_are_still_told(built: tuple[Any, Clock]) -> None:
    trial, _ = built
    assert trial.rows("select experiment_id, unit_id, exclusion_reason from exp_eligibility order by 1") == [
        ("crawled", "bot", "bot_or_internal"),
        ("read", "person", None),
    ]


def test_there_is_no_readout_because_nobody_was_exposed(built: tuple[Any, Clock]) -> None:
    trial, clock = built
    experiments = {name: trial.experiment(name, **PLAN) for name in ("unseen", "crawled")}
    build_readouts(trial.connection, experiments, metrics(trial), clock.as_of)
    told = trial.rows(
        "select experiment_id, status, reason from exp_readout where role = 'primary' order by 1"
    )
    assert [row[:2] for row in told] == [("crawled", "no readout"), ("unseen", "no readout")]
    for _, _, reason in told:
        assert reason.startswith("no readout, because no eligible unit was exposed to it up to")
