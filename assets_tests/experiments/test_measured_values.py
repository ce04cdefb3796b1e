"""What a unit did: windows, periods before the experiment, caps, values that are missing or infinite."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest


def test_rows_count_from_first_exposure_to_the_experiments_end(trial: Any) -> None:
    trial.expose("v", "new", "2026-03-05 10:00")
    for at, amount in (
        ("2026-03-05 09:59:59", 1), ("2026-03-05 10:00:00", 2), ("2026-03-29 23:59:59", 4), ("2026-03-30 00:00:00", 8),
    ):  # fmt: skip
        trial.sell("v", at, amount)
    trial.sell("someone else", "2026-03-10", 16)
    trial.build()
    assert trial.base() == {"v": 6}


def test_a_window_runs_from_first_exposure_past_the_experiments_end(trial: Any) -> None:
    trial.expose("v", "new", "2026-03-29 10:00")
    for at, amount in (("2026-03-29 10:00", 1), ("2026-04-05 09:59:59", 2), ("2026-04-05 10:00", 4)):
        trial.sell("v", at, amount)
    trial.build(metrics=trial.metric(window_days=7))
    assert trial.base() == {"v": 3}


def test_a_date_column_counts_whole_days(trial: Any) -> None:
    trial.expose("v", "new", "2026-03-05 10:00")
    for at, amount in (
        ("2026-03-04 12:00", 1),
        ("2026-03-05 00:00", 2),
        ("2026-03-11 23:00", 4),
        ("2026-03-12 00:00", 8),
    ):
        trial.sell("v", at, amount)
    trial.build(metrics=trial.metric(time="sold_on", window_days=7, covariate_days=1))
    assert trial.rows("select numerator, covariate_numerator from exp_base") == [(6, 1)]


def test_a_window_that_has_not_elapsed_is_immature_and_left_out_of_the_sums(trial: Any) -> None:
    trial.settings(as_of_date="2026-03-12")
    for visitor, at in (("ripe", "2026-03-05 23:00"), ("green", "2026-03-06 01:00")):
        trial.expose(visitor, "new", at)
        trial.sell(visitor, "2026-03-07", 5)
    trial.build(metrics=trial.metric(window_days=7))
    assert trial.rows("select unit_id, is_mature, known_on, numerator from exp_base order by 1") == [
        ("green", False, date(2026, 3, 13), 5.0),
        ("ripe", True, date(2026, 3, 12), 5.0),
    ]
    assert trial.rows(
        "select n, immature, s_y from exp_aggregate where variant = 'new' and handling = 'exclude'"
    ) == [(1, 1, 5.0)]
    assert trial.rows("select date, n, s_y from exp_daily where variant = 'new'") == [
        (date(2026, 3, 12), 1, 5.0)
    ]


def test_data_after_the_as_of_date_do_not_count(trial: Any) -> None:
    trial.settings(as_of_date="2026-03-12")
    trial.expose("v", "new")
    trial.sell("v", "2026-03-12 23:59", 1)
    trial.sell("v", "2026-03-13 00:00", 2)
    trial.build()
    assert trial.base() == {"v": 1}


def test_units_without_rows_count_as_0_and_are_counted(trial: Any) -> None:
    trial.expose("v", "new")
    trial.expose("idle", "new")
    trial.sell("v", "2026-03-03", 4)
    trial.build()
    assert trial.base() == {"v": 4, "idle": 0}
    assert trial.rows("select units, missing, not_finite from exp_metrics") == [(2, 1, 0)]


@pytest.mark.parametrize("amount", [float("inf"), float("-inf"), float("nan")])
def test_infinite_values_and_no_numbers_count_as_0_and_are_counted(trial: Any, amount: float) -> None:
    trial.expose("v", "new")
    trial.sell("v", "2026-03-03", amount)
    metrics = {**trial.metric(covariate_days=5, winsorize=0.9), **trial.metric("price")}
    trial.sell("v", "2026-03-01", amount)
    trial.build(trial.experiment(metrics={"primary": "revenue", "secondary": ["price"]}), metrics=metrics)
    assert trial.base() == {"v": 0}
    assert trial.rows("select distinct missing, not_finite from exp_metrics") == [(0, 1)]
    assert trial.rows("select covariate_not_finite from exp_metrics where metric = 'revenue'") == [(1,)]
    for value, *_ in trial.rows(
        "select unnest([s_y, s_x, yy, yx, xx]) from exp_aggregate where metric = 'revenue'"
    ):
        assert value == 0


def test_sums_too_large_for_a_number_are_null(trial: Any) -> None:
    trial.expose("v", "new")
    trial.sell("v", "2026-03-03", 1e200)
    trial.build()
    assert trial.rows(
        "select n, s_y, yy from exp_aggregate where variant = 'new' and handling = 'exclude'"
    ) == [(1, 1e200, None)]


def test_a_proportion_is_one_where_the_value_is_above_zero(trial: Any) -> None:
    for visitor, amounts in (("two", (1, 1)), ("none", ()), ("refunded", (-1,))):
        trial.expose(visitor, "new")
        for amount in amounts:
            trial.sell(visitor, "2026-03-03", amount)
    metrics = trial.metric("conversion", value="sum(amount)", covariate_days=9)
    trial.build(trial.experiment(metrics={"primary": "conversion"}), metrics=metrics)
    assert trial.base("conversion") == {"two": 1, "none": 0, "refunded": 0}


def test_the_time_before_the_first_exposure_is_the_covariate(trial: Any) -> None:
    trial.expose("v", "new", "2026-03-05 10:00")
    for at, amount in (
        ("2026-02-26 09:59", 1),
        ("2026-02-26 10:00", 2),
        ("2026-03-05 09:59", 4),
        ("2026-03-05 10:00", 8),
    ):
        trial.sell("v", at, amount, units=amount)
    metrics = {**trial.metric(covariate_days=7), **trial.metric("price", covariate_days=7)}
    trial.build(trial.experiment(metrics={"primary": "revenue", "guardrails": ["price"]}), metrics=metrics)
    assert trial.rows(
        "select * exclude (experiment_id, unit_id, variant, is_mature, known_on) from exp_base order by 1"
    ) == [
        ("price", 8, 8, 6, 6),
        ("revenue", 8, None, 6, None),
    ]


def test_a_cap_is_a_quantile_of_all_arms_together(trial: Any) -> None:
    for place in range(101):
        visitor = f"v{place}"
        trial.expose(visitor, "control" if place % 2 else "new")
        trial.sell(visitor, "2026-03-03", place)
        trial.sell(visitor, "2026-03-01", 10 * place)
    trial.build(metrics=trial.metric(winsorize=0.9, covariate_days=9))
    assert trial.rows("select cap from exp_metrics") == [(90.0,)]
    assert trial.rows("select max(numerator), max(covariate_numerator), sum(numerator) from exp_base") == [
        (90.0, 900.0, sum(min(place, 90) for place in range(101)))
    ]


def test_a_ratios_denominator_is_capped_in_the_units_whose_numerator_is(trial: Any) -> None:
    """Of ten units one has a numerator above the cap; another one has as large a denominator, and keeps it."""
    values = [(place, 1) for place in range(1, 9)] + [(9, 50), (100, 60)]
    for place, (amount, units) in enumerate(values):
        trial.expose(f"v{place}", "control" if place % 2 else "new")
        trial.sell(f"v{place}", "2026-03-03", amount, units)
    trial.build(trial.experiment(metrics={"primary": "price"}), metrics=trial.metric("price", winsorize=0.9))
    ((cap, denominator_cap),) = trial.rows("select cap, denominator_cap from exp_metrics")
    assert (cap, denominator_cap) == (pytest.approx(18.1), pytest.approx(51))
    assert trial.rows(
        "select numerator, denominator from exp_base where unit_id in ('v8', 'v9') order by unit_id"
    ) == [
        (9.0, 50.0),
        (pytest.approx(18.1), pytest.approx(51)),
    ]


def test_a_metric_may_choose_rows_and_read_several_columns(trial: Any) -> None:
    trial.expose("v", "new")
    for kind, amount in (("a", 1), ("b", 2), ("b", 4)):
        trial.sell("v", "2026-03-03", amount, units=3, kind=kind)
    trial.build(
        metrics=trial.metric(value="sum(amount * units) filter (where kind = 'b') - count(distinct kind)")
    )
    assert trial.base() == {"v": 16}


def test_a_customers_orders_are_the_visitors_and_of_several_visitors_the_first_ones(trial: Any) -> None:
    trial.expose("first", "new", "2026-03-02 10:00")
    trial.expose("second", "control", "2026-03-03 10:00")
    for visitor in ("first", "second"):
        trial.add(
            "core_visitor_identities", {"visitor_id": visitor, "customer_id": "c", "linked_at": "2026-01-01"}
        )
    trial.add("fct_orders", {"customer_id": "c", "created_at": "2026-03-04", "amount": 7})
    trial.build(metrics=trial.metric(source="fct_orders", time="created_at"))
    assert trial.base() == {"first": 7, "second": 0}


def test_visitors_rows_are_their_customers_when_customers_are_randomized(trial: Any) -> None:
    for visitor in ("phone", "laptop"):
        trial.expose(visitor, "new")
        trial.add(
            "core_visitor_identities", {"visitor_id": visitor, "customer_id": "c", "linked_at": "2026-01-01"}
        )
        trial.sell(visitor, "2026-03-03", 2)
    trial.build(trial.experiment(unit="customer"))
    assert trial.base() == {"c": 4}


def test_an_analysts_file_is_measured_without_times_and_without_the_sources_prefix(trial: Any) -> None:
    trial.owners = {"stg_trial": "lab"}
    for user, spent, before in (("u1", 3.0, 1.0), ("u2", None, 2.0)):
        trial.expose(f"lab:{user}", "new")
        trial.add("stg_trial", {"user_id": user, "spent": spent, "before": before, "converted": 1})
    metrics = trial.metric(
        source="stg_trial", unit="user_id", time=None, value="sum(spent)", covariate="max(before)"
    ) | trial.metric("conversion", source="stg_trial", unit="user_id", time=None, value="max(converted)")
    trial.build(
        trial.experiment(metrics={"primary": "conversion", "secondary": ["revenue"]}), metrics=metrics
    )
    assert trial.rows(
        "select unit_id, metric, numerator, covariate_numerator from exp_base order by 1, 2"
    ) == [
        ("lab:u1", "conversion", 1, None), ("lab:u1", "revenue", 3, 1),
        ("lab:u2", "conversion", 1, None), ("lab:u2", "revenue", 0, 2),
    ]  # fmt: skip


def test_a_sql_that_fails_on_the_data_names_the_experiment_and_leaves_the_former_tables(trial: Any) -> None:
    trial.expose("v", "new")
    trial.build()
    trial.sell("v", "2026-03-03", kind="not a number")
    with pytest.raises(
        ValueError, match=r"registry/test\.yaml: expected SQL that runs on the data .*fct_sales"
    ):
        trial.build(metrics=trial.metric(value="sum(cast(kind as double))"))
    assert trial.rows("select count(*) from exp_base") == [(1,)]
