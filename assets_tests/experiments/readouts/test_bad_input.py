"""Bad input through the real tables: a reason in plain words, never a NaN, a warning or a traceback, and no unit lost."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lakehouse.experiments.experiment import Experiment
from lakehouse.experiments.metric import Metric
from lakehouse.experiments.readout_build import build_readouts

KINDS: dict[str, dict[str, Any]] = {
    "conversion": {"kind": "proportion", "value": "count(*)", "covariate_days": 14},
    "revenue": {"kind": "mean", "value": "sum(amount)", "covariate_days": 14, "winsorize": 0.99},
    "price": {"kind": "ratio", "numerator": "sum(amount)", "denominator": "sum(units)", "covariate_days": 14},
    "median": {"kind": "quantile", "value": "sum(amount)", "quantile": 0.5},
    "guarded": {
        "kind": "mean",
        "value": "sum(amount)",
        "margin": 0.05,
        "window_days": 7,
        "direction": "down",
    },
}
METRICS = {
    name: Metric.model_validate(
        {"label": name.capitalize(), "source": "fct_sales", "time": "sold_at", **kind}
    )
    for name, kind in KINDS.items()
}
# Words of programs and of statisticians that a reason must do without.
JARGON = re.compile(
    r"\b(?:nan|NaN|inf|None|alpha|float|dtype|numpy)\b|Error|Traceback|: expected|\b(?!fct_|stg_)[a-z]+_\w+|\w\.\w+\("
)
DAY, BEFORE = "2026-03-05 10:00", "2026-02-25 10:00"
PLAIN = [(f"{variant}{number}", variant) for number in range(30) for variant in ("control", "new")]
Sales = Callable[[int], float | None]


def experiment(trial: Any, **changes: Any) -> Experiment:
    primary = changes.pop("primary", "revenue")
    others = [name for name in METRICS if name not in (primary, "guarded")]
    roles = {
        "primary": primary,
        "secondary": others,
        "guardrails": ["guarded"] if primary != "guarded" else [],
    }
    base = {"metrics": roles, "segments": ["country"], "analysis": {"minimum_effect": 0.1}}
    found: Experiment = trial.experiment(**{**base, **changes})
    return found


def numbers_that_are_none(trial: Any) -> list[tuple[str, str]]:
    """Columns of exp_ tables and views that hold a NaN or an infinity."""
    columns = trial.rows(
        "select table_name, column_name from duckdb_columns() "
        "where starts_with(table_name, 'exp_') and data_type = 'DOUBLE'"
    )
    assert len(columns) > 100
    return [
        (table, column)
        for table, column in columns
        if trial.rows(f'select count(*) from "{table}" where not isfinite("{column}")') != [(0,)]
    ]


def read(trial: Any, *experiments: Experiment, metrics: dict[str, Metric] = METRICS) -> dict[str, str]:
    """Builds all tables and gives each metric's reason; fails on a number that is none, and on a reason that isn't plain."""
    clock = trial.build(*experiments, metrics=metrics)
    known = {one.id: one for one in experiments}
    build_readouts(trial.connection, known, metrics, clock.as_of)
    assert numbers_that_are_none(trial) == []
    rows = trial.rows("select metric, status, decision, reason, n, n_control from exp_readout")
    assert rows
    for _, status, decision, reason, *_ in rows:
        assert reason.startswith("no readout, because ") is (status == "no readout")
        assert status == "ok" or decision in (None, "invalid")
        # Variants that the data named stand in the reason as they are.
        assert status == "ok" or not JARGON.search(re.sub(r"\(seen: .*; named", "(", reason)), reason
    told = trial.rows(
        "select reason from exp_segments where status <> 'ok' union all select text from exp_health"
    )
    assert [text for (text,) in told if JARGON.search(text)] == []
    return {metric: reason for metric, _, _, reason, *_ in rows}


def fill(trial: Any, units: list[tuple[str, str]], amount: Sales, *, at: str = DAY, parts: int = 1) -> None:
    """Exposes units, and sells to each: its amount, of so many parts."""
    for number, (unit, variant) in enumerate(units):
        if at == DAY:
            trial.expose(unit, variant)
        trial.sell(unit, at, amount(number), parts)


def varied(number: int) -> float:
    return 1.0 + number % 7


def all_refused(told: dict[str, str], text: str) -> None:
    assert {metric for metric, reason in told.items() if text in reason} == set(told), told


@pytest.mark.parametrize("primary", METRICS)
def test_an_experiment_without_exposures(trial: Any, primary: str) -> None:
    trial.sell("somebody", DAY)
    told = read(trial, experiment(trial, primary=primary))
    all_refused(told, "no readout, because no eligible unit was exposed to it up to 2026-03-29")


@pytest.mark.parametrize("primary", METRICS)
def test_overlapping_variants_leave_nobody_and_say_so(trial: Any, primary: str) -> None:
    for number in range(30):
        trial.expose(f"v{number}", "control", "2026-03-02 10:00")
        trial.expose(f"v{number}", "new", "2026-03-03 10:00")
        trial.sell(f"v{number}", DAY, varied(number))
    told = read(trial, experiment(trial, primary=primary))
    all_refused(told, "of all that were seen 30 saw several variants")
    assert trial.rows("select decision from exp_readout where role = 'primary'") == [("invalid",)]


@pytest.mark.parametrize("handling", ["first_exposure", "intention_to_treat"])
def test_overlapping_variants_that_are_kept_leave_one_arm(trial: Any, handling: str) -> None:
    for number in range(30):
        trial.expose(f"v{number}", "control", "2026-03-02 10:00")
        trial.expose(f"v{number}", "new", "2026-03-03 10:00")
        trial.sell(f"v{number}", DAY, varied(number))
    told = read(trial, experiment(trial, eligibility={"contamination": handling}))
    assert "30 of 30 units saw more than one variant (100%)" in told["revenue"]
    assert told["price"] == "no readout, because new has no units, and at least 2 are needed"


def test_exposures_that_miss_the_registry_are_told_by_their_fault(trial: Any) -> None:
    for number in range(20):
        trial.expose(f"a{number}", "treatment")
        trial.expose(f"b{number}", "new", "2027-03-05 10:00")
    trial.expose("c", "new")
    told = read(trial, experiment(trial, eligibility={"rules": ["country = 'DE'"]}))
    all_refused(
        told,
        "of all that were seen 20 were exposed outside of its days, 2026-03-02 to 2026-03-29; 20 saw a variant that the "
        "experiment doesn't name (seen: treatment; named: control, new); 1 are left out by its rule: country = 'DE'",
    )


@pytest.mark.parametrize("variant", ["control", "new"])
def test_one_arm(trial: Any, variant: str) -> None:
    fill(trial, [(f"u{number}", variant) for number in range(30)], varied)
    told = read(trial, experiment(trial))
    missing = {"control": "new", "new": "control"}[variant]
    assert told["price"] == f"no readout, because {missing} has no units, and at least 2 are needed"
    assert (
        told["median"]
        == f"no readout, because {missing} has too few units to tell how sure its quantile 0.5 is"
    )


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("sequential", ["none", "confidence_sequence", "group_sequential"])
def test_hardly_any_units(trial: Any, size: int, sequential: str) -> None:
    units = [(f"{variant}{number}", variant) for number in range(size) for variant in ("control", "new")]
    fill(trial, units, varied)
    fill(trial, units, varied, at=BEFORE)
    told = read(
        trial, experiment(trial, analysis={"minimum_effect": 0.1, "sequential": {"method": sequential}})
    )
    assert ("has 1 unit, and at least 2 are needed" in told["revenue"]) is (size == 1)
    assert "too few units to tell" in told["median"]


@pytest.mark.parametrize("primary", METRICS)
@pytest.mark.parametrize("amount", [0.0, 5.0, -5.0, 0.1])
def test_a_metric_with_zero_variance(trial: Any, primary: str, amount: float) -> None:
    fill(trial, PLAIN, lambda _: amount)
    told = read(trial, experiment(trial, primary=primary))
    assert "all units of both arms have the value 1" in told["conversion"]
    assert "the values of all units are equal" in told["revenue"]
    assert "the values of all units are equal" in told["price"]
    assert "too many units share one value" in told["median"]


@pytest.mark.parametrize("primary", METRICS)
def test_nobody_did_anything(trial: Any, primary: str) -> None:
    for unit, variant in PLAIN:
        trial.expose(unit, variant)
    told = read(trial, experiment(trial, primary=primary))
    all_refused(told, "no unit has a value in fct_sales: are the ids there those of the exposures?")


@pytest.mark.parametrize("primary", METRICS)
@pytest.mark.parametrize("amount", [math.inf, -math.inf, math.nan])
def test_a_value_that_is_infinite_or_no_number_is_told_and_not_counted_as_0(
    trial: Any, primary: str, amount: float
) -> None:
    fill(trial, PLAIN, lambda number: amount if number == 0 else varied(number))
    fill(trial, PLAIN, varied, at=BEFORE)
    told = read(trial, experiment(trial, primary=primary))
    for metric in ("revenue", "price", "median", "guarded"):
        assert told[metric].startswith(
            "no readout, because 1 unit has a value in fct_sales that is infinite or not a number: mend the data"
        )
    assert "no readout" in told["conversion"], "everybody bought"
    assert trial.rows(
        "select distinct status from exp_segments where metric in ('revenue', 'price', 'guarded')"
    ) == [("no readout",)]
    if primary == "revenue":
        assert trial.rows("select count(*) from exp_effect_daily where lift is not null") == [(0,)]
        assert trial.rows("select count(*) from exp_sensitivity where decision is not null") == [(0,)]


def test_an_infinite_denominator_is_told(trial: Any) -> None:
    metrics = METRICS | {
        "price": METRICS["price"].model_copy(update={"denominator": "sum(units / (units - 1.0))"})
    }
    fill(trial, PLAIN, varied, parts=2)
    trial.sell(*("new0", DAY), 3.0, 1)
    told = read(trial, experiment(trial), metrics=metrics)
    assert "1 unit has a value in fct_sales that is infinite or not a number" in told["price"]
    assert "no readout" not in told["revenue"]


@pytest.mark.parametrize("amount", [None, math.inf, math.nan, 0.0, 3.0])
def test_a_covariate_of_nothing_leaves_the_readout_without_its_twin(trial: Any, amount: float | None) -> None:
    fill(trial, PLAIN, varied)
    fill(trial, PLAIN, lambda _: amount, at=BEFORE)
    read(trial, experiment(trial))
    assert trial.rows(
        "select metric, status, cuped_effect, variance_reduction from exp_readout where metric in ('revenue', 'price') "
        "order by metric"
    ) == [("price", "ok", None, None), ("revenue", "ok", None, None)]


def test_a_covariate_that_says_everything(trial: Any) -> None:
    fill(trial, PLAIN, varied)
    fill(trial, PLAIN, varied, at=BEFORE)
    read(trial, experiment(trial))


@pytest.mark.parametrize("size", [1e160, 1e300, 1.7e308])
def test_values_too_large_to_calculate_with(trial: Any, size: float) -> None:
    fill(trial, PLAIN, lambda number: size * (varied(number) / 7))
    told = read(trial, experiment(trial))
    assert "a value in the source is too large" in told["revenue"]
    assert "new has values that are too large to calculate with" in told["median"]


@pytest.mark.parametrize("parts", [0, -1])
def test_denominators_that_are_nothing_or_less(trial: Any, parts: int) -> None:
    fill(trial, PLAIN, varied, parts=parts)
    assert f"denominators that add up to {30 * parts}" in read(trial, experiment(trial))["price"]


def test_clusters_that_are_one_and_units_that_have_none(trial: Any) -> None:
    fill(trial, PLAIN, varied)
    read(trial, experiment(trial, cluster="country"))
    for unit, _ in PLAIN:
        trial.add("dim_visitor", {"visitor_id": unit, "country": "DE", "is_bot": False, "is_internal": False})
    told = read(trial, experiment(trial, cluster="country"))
    assert told["revenue"].startswith("no readout, because ")


def panel(
    trial: Any, rows: list[tuple[Any, ...]], design: str = "difference_in_differences", **more: Any
) -> str:
    """The reason of a quasi-experiment's one metric, over rows of unit, year, year of adoption, outcome."""
    trial.connection.execute(
        "create table stg_panel (unit varchar, year bigint, since double, amount double)"
    )
    if rows:
        trial.connection.executemany("insert into stg_panel values (?, ?, ?, ?)", rows)
    made = trial.experiment(
        design=design, variants={}, control=None, start=None, end=None, metrics={"primary": "jobs"},
        define={"jobs": {"label": "Jobs", "kind": "mean", "value": more.pop("value", "avg(amount)")}},
        panel={"source": "stg_panel", "unit": "unit", "time": "year", "adopted": "since"}, analysis=more,
    )  # fmt: skip
    return read(trial, made, metrics={})["jobs"].replace("stg_panel", "the panel")


def years(
    amount: Callable[[int, int], float | None],
    units: int = 8,
    adopted: Callable[[int], float | None] = lambda unit: 2004.0 if unit < 3 else None,
    periods: range = range(2000, 2008),
) -> list[tuple[Any, ...]]:
    return [
        (f"u{unit}", year, adopted(unit), amount(unit, year)) for unit in range(units) for year in periods
    ]


def jobs(unit: int, year: int) -> float:
    return 10 + unit + (unit * 7 + year * 3) % 5


PANELS: dict[str, tuple[list[tuple[Any, ...]], str]] = {
    "empty": ([], "its panel has no rows"),
    "no_ids": ([(None, 2000, None, 1.0), ("a", None, None, 1.0)], "its panel has no rows"),
    "one_unit": (years(jobs, units=1), ""),
    "one_period": (years(jobs, periods=range(2004, 2005)), "there is 1 period in the panel"),
    "none_treated": (years(jobs, adopted=lambda _: None), "no unit was treated after the first period"),
    "treated_after_the_end": (years(jobs, adopted=lambda _: 2050.0), "no unit was treated after the first period"),
    "all_treated": (years(jobs, adopted=lambda _: 2004.0), ""),
    "treated_from_the_first": (years(jobs, adopted=lambda _: 2000.0), "every unit was treated from the first period on"),
    "treated_since_ever": (years(jobs, adopted=lambda _: -math.inf), "every unit was treated from the first period on"),
    "never_as_infinity": (years(jobs, adopted=lambda _: math.inf), "no unit was treated after the first period"),
    "never_as_no_number": (years(jobs, adopted=lambda _: math.nan), "no unit was treated after the first period"),
    "nulls": (years(lambda *_: None), "the panel has no rows with a value"),
    "treated_null": (years(lambda unit, year: None if unit < 3 else jobs(unit, year)), "no unit was treated"),
    "others_null": (years(lambda unit, year: jobs(unit, year) if unit < 3 else None), ""),
    "infinite": (years(lambda *_: math.inf), "for 64 pairs of unit and period there is a value in the panel that is infinite"),
    "one_infinite": (years(lambda unit, year: -math.inf if (unit, year) == (1, 2001) else jobs(unit, year)), "for 1 pair of unit and period there is a value"),
    "one_no_number": (years(lambda unit, year: math.nan if (unit, year) == (7, 2001) else jobs(unit, year)), "for 1 pair of unit and period there is a value"),
    "too_large": (years(lambda _, year: 1.7e308 * (-1) ** year), "values that are too large to calculate with"),
    "adopted_each_on_its_own": (years(jobs, adopted=lambda unit: 2002.0 + unit), ""),
}  # fmt: skip


@pytest.mark.parametrize("design", ["difference_in_differences", "synthetic_control", "synthetic_did"])
@pytest.mark.parametrize("name", PANELS)
def test_a_panel_that_cannot_be_read(trial: Any, name: str, design: str) -> None:
    rows, text = PANELS[name]
    more = {"estimator": "synthetic_did"} if design == "synthetic_did" else {}
    reason = panel(trial, rows, design.replace("synthetic_did", "synthetic_control"), **more)
    assert reason.startswith("no readout, because ")
    assert text in reason


@pytest.mark.parametrize("design", ["difference_in_differences", "synthetic_control"])
def test_a_panel_without_any_difference(trial: Any, design: str) -> None:
    """Outcomes that are all alike: no noise to tell an effect by, or none worth telling."""
    panel(trial, years(lambda *_: 5.0), design)
    assert trial.rows("select coalesce(abs(effect), 0) < 1e-9 from exp_readout") == [(True,)]


def test_a_panel_with_gaps_is_read_from_what_is_there(trial: Any) -> None:
    reason = panel(trial, years(lambda unit, year: None if (unit, year) == (6, 2002) else jobs(unit, year)))
    assert trial.rows("select status, n, n_control from exp_readout") == [("ok", 3, 5)], reason


amounts = st.one_of(
    st.none(),
    st.sampled_from(
        [0.0, 1.0, -1.0, math.nan, math.inf, -math.inf, 1.7e308, -1.7e308, 1e-308, 5e-324, 1e100]
    ),
    st.floats(),
)
texts = st.sampled_from(
    ["control", "new", "new ", "", "'; drop table exp_readout; --", "\x00", "\u202e\u2066", "NaN"]
)
exposures = st.lists(
    st.tuples(
        st.integers(0, 12),
        texts,
        st.sampled_from(
            ["2026-03-02 00:00", DAY, "2026-03-29 23:59:59", "2025-01-01 00:00", "2027-01-01 00:00"]
        ),
    ),
    max_size=40,
)
sales = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sampled_from([BEFORE, DAY, "2026-03-20 00:00"]),
        amounts,
        st.integers(-2, 3),
        texts,
    ),
    max_size=40,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    exposed=exposures,
    sold=sales,
    handling=st.sampled_from(["exclude", "first_exposure", "intention_to_treat"]),
    method=st.sampled_from(["none", "confidence_sequence", "group_sequential"]),
    primary=st.sampled_from(sorted(METRICS)),
    is_clustered=st.booleans(),
)
@example(
    exposed=[(number, ("control", "new")[number % 2], DAY) for number in range(12)],
    sold=[(number, DAY, 1.7e308, 1, "NaN") for number in range(12)] * 2,
    handling="exclude", method="none", primary="revenue", is_clustered=True,
)  # fmt: skip
def test_whatever_is_landed_is_read_or_refused_and_no_unit_is_lost(
    new_trial: Any,
    exposed: list[tuple[int, str, str]],
    sold: list[tuple[int, str, float | None, int, str]],
    handling: str,
    method: str,
    primary: str,
    is_clustered: bool,  # noqa: FBT001  hypothesis gives it by name
) -> None:
    trial = new_trial()
    try:
        for unit, variant, at in exposed:
            trial.expose(f"v{unit}", variant, at)
        for unit, at, amount, parts, kind in sold:
            trial.sell(f"v{unit}", at, amount, parts, kind)
        for number, text in enumerate({kind for *_, kind in sold}):
            flags = {"is_bot": False, "is_internal": None}
            trial.add("dim_visitor", {"visitor_id": f"v{number}", "country": text, **flags})
        changes: dict[str, Any] = {"cluster": "country"} if is_clustered else {}
        analysis = {"minimum_effect": 0.1, "sequential": {"method": method}}
        made = experiment(
            trial, primary=primary, eligibility={"contamination": handling}, analysis=analysis, **changes
        )
        read(trial, made)
        seen = len({unit for unit, *_ in exposed})
        counted = trial.rows("select count(*), coalesce(sum(exposures), 0) from exp_eligibility")
        assert counted == [(seen, len(exposed))]
        eligible = trial.rows("select count(*) from exp_eligibility where is_eligible")
        assert trial.rows("select count(*) from exp_base where metric = 'conversion'") == eligible
        assert (
            trial.rows(
                f"select sum(n) + sum(immature) from exp_aggregate where metric = '{primary}' and handling = '{handling}' "
                "and level = 'unit'"
            )
            == eligible
        )
        sliced = trial.rows(
            "select coalesce(sum(n + immature), 0) from exp_deep_dive where metric = 'revenue'"
        )
        assert sliced == eligible
    finally:
        trial.connection.close()


cells = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d", "e", "'; --", ""]),
        st.integers(0, 4),
        st.sampled_from([None, 0.0, 1.0, 2.0, 3.0, 99.0, math.inf, -math.inf, math.nan]),
        amounts,
    ),
    max_size=60,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=cells, design=st.sampled_from(["difference_in_differences", "synthetic_control"]))
def test_whatever_panel_is_landed_is_read_or_refused(
    new_trial: Any, rows: list[tuple[Any, ...]], design: str
) -> None:
    trial = new_trial()
    try:
        panel(trial, rows, design)
        kept = len({(unit, period) for unit, period, *_ in rows})
        assert trial.rows("select count(*) from exp_panel") == [(kept,)]
    finally:
        trial.connection.close()


def test_an_experiment_that_has_not_begun(trial: Any) -> None:
    trial.settings(as_of_date=date(2026, 2, 1))
    fill(trial, PLAIN, varied)
    all_refused(read(trial, experiment(trial)), "it starts on 2026-03-02, and the data reach to 2026-02-01")
