"""The order of rows never shows: shuffled exposures and facts give the same tables, to the last bit."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lakehouse.experiments.readout_build import build_readouts

START = datetime(2026, 3, 2)
TABLES = (
    "exp_eligibility",
    "exp_base",
    "exp_metrics",
    "exp_aggregate",
    "exp_deep_dive",
    "exp_daily",
    "exp_finance",
    "exp_panel",
    "exp_readout",
    "exp_segments",
    "exp_sensitivity",
    "exp_effect_daily",
    "exp_health",
)
VISITORS = 60


def facts(seed: int) -> dict[str, list[dict[str, object]]]:
    """Rows by table. Amounts are floating-point values of many digits and sizes, whose sums depend on their order."""
    rng = random.Random(seed)

    def moment(days: int) -> str:
        return str(START + timedelta(days=rng.uniform(-20, days)))

    names = [f"v{number}" for number in range(VISITORS)]
    return {
        "core_experiment_exposures": [
            {"experiment_id": "test", "visitor_id": name, "variant": rng.choice(["control", "new"] if rng.random() < 0.9 else ["other"]), "exposed_at": str(START + timedelta(days=rng.uniform(0, 27)))}
            for name in names
            for _ in range(rng.choice([1, 1, 1, 2]))
        ],
        "dim_visitor": [
            {"visitor_id": name, "customer_id": f"c{number // 2}", "country": f"c{number % 9}", "device": rng.choice("ab"), "is_bot": rng.random() < 0.05}
            for number, name in enumerate(names)
        ],
        "core_visitor_identities": [
            {"visitor_id": name, "customer_id": f"c{number // 2}", "linked_at": moment(10)}
            for number, name in enumerate(names)
        ],
        "fct_sales": [
            {"visitor_id": rng.choice(names), "sold_at": moment(30), "sold_on": f"2026-03-0{rng.randint(1, 9)}", "amount": rng.lognormvariate(0, 3), "units": rng.randint(1, 5)}
            for _ in range(VISITORS * 6)
        ],
        "fct_bookings": [
            {"customer_id": f"c{rng.randrange(VISITORS)}", "booked_at": moment(30), "kind": "new", "amount": rng.randint(1, 999) / 4, "monthly_recurring_revenue": 1}
            for _ in range(VISITORS)
        ],
        "stg_trial": [
            {"user_id": f"u{unit}", "age": week, "spent": rng.lognormvariate(0, 2), "converted": int(unit < 12)}
            for unit in range(30)
            for week in range(6)
            for _ in range(3)
        ],
    }  # fmt: skip


def tables(
    trial: Any, rows: dict[str, list[dict[str, object]]], cluster: str | None
) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of experiments, its rows in one order, after the facts were put in as they are given."""
    for name, given_rows in rows.items():
        _insert(trial, name, given_rows)
    metrics = {
        **trial.metric("conversion", window_days=7),
        **trial.metric("revenue", covariate_days=14, winsorize=0.9),
        **trial.metric("price", covariate_days=14, winsorize=0.95),
        **trial.metric("last", kind="mean", value="arg_max(units, sold_on) + avg(amount)", time="sold_on"),
        **trial.metric("high", kind="quantile", quantile=0.75, value="sum(amount)"),
        **trial.metric(
            "spent", kind="mean", source="stg_trial", time=None, value="sum(spent)", unit="user_id"
        ),
    }
    roles = {"primary": "revenue", "secondary": ["conversion", "price", "last", "high"]}
    test = trial.experiment(
        metrics=roles, segments={"device": "device", "country": "country"}, cluster=cluster
    )
    panel = trial.experiment(
        "panel", design="difference_in_differences", variants={}, control=None, start=3, end=None,
        panel={"source": "stg_trial", "unit": "user_id", "time": "age", "treated": "converted = 1"},
        metrics={"primary": "spent"},
    )  # fmt: skip
    clock = trial.build(test, panel, metrics=metrics)
    build_readouts(trial.connection, {"test": test, "panel": panel}, metrics, clock.as_of)
    return {name: trial.rows(f"select * from {name} order by all") for name in TABLES}


def _insert(trial: Any, table: str, rows: Sequence[dict[str, object]]) -> None:
    columns = list(rows[0])
    trial.connection.executemany(
        f"insert into {table} ({', '.join(columns)}) values ({', '.join('?' for _ in columns)})",
        [list(row.values()) for row in rows],
    )


@pytest.mark.parametrize("cluster", [None, "country"])
# The trials that the fixture makes are fresh ones every time; a seed is no simpler for being smaller.
@settings(
    max_examples=4,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32), shuffle=st.randoms(use_true_random=False))
def test_shuffled_rows_give_equal_tables(
    new_trial: Any, cluster: str | None, seed: int, shuffle: random.Random
) -> None:
    rows = facts(seed)
    shuffled = {name: shuffle.sample(some, len(some)) for name, some in rows.items()}
    one, other = (tables(new_trial(), each, cluster) for each in (rows, shuffled))
    for name in TABLES:
        assert one[name] == other[name], name
    assert {row[0] for row in one["exp_readout"]} == {"test", "panel"}
    # A quantile of few, or of equal values, may have none.
    assert sum("ok" in row for row in one["exp_readout"]) >= 3
    assert date(2026, 3, 10) in {value for row in one["exp_daily"] for value in row}
