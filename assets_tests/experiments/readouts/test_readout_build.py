"""From the exp_ tables in DuckDB to the four tables of readouts, and back to the units' own values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from scipy import stats

from lakehouse.experiments.experiment import Experiment
from lakehouse.experiments.health import LateFeed
from lakehouse.experiments.metric import Metric
from lakehouse.experiments.readout_build import build_readouts
from lakehouse.experiments.sums import PRODUCTS
from lakehouse.experiments.tables import TYPES

AS_OF = date(2026, 4, 30)
METRICS = {
    "conversion": Metric(label="Conversion", kind="proportion", value="count(*)"),
    "revenue": Metric(label="Revenue", kind="mean", value="sum(amount)", time="at", covariate_days=14),
    "p90": Metric(label="90th percentile", kind="quantile", quantile=0.9, value="sum(amount)"),
    "order_value": Metric(label="Order value", kind="ratio", numerator="sum(amount)", denominator="count(*)"),
}


def experiment(name: str = "checkout", **more: Any) -> Experiment:
    given: dict[str, Any] = {
        "id": name,
        "name": "Checkout",
        "owner": "product",
        "start": date(2026, 3, 2),
        "end": date(2026, 3, 30),
        "variants": {"a": 0.5, "b": 0.5},
        "control": "a",
        "metrics": {"primary": "conversion", "secondary": ["revenue", "p90"], "guardrails": ["order_value"]},
    }
    return Experiment.model_validate(given | more)


@pytest.fixture
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        for name, columns in TYPES.items():
            connection.execute(f"create table {name} ({columns})")
        connection.execute(
            "create table _base (experiment_id varchar, unit_id varchar, variant varchar, metric varchar, numerator double, "
            "denominator double, covariate_numerator double, covariate_denominator double, is_mature boolean, known_on date)"
        )
        # As the lake has it: twenty metrics of a million units are read through a view.
        connection.execute("create view exp_base as select * from _base")
        yield connection


def fill(
    connection: duckdb.DuckDBPyConnection, name: str = "checkout", size: int = 2000, clusters: int = 0
) -> None:
    """Units, their base rows by chance, and from these the sums in SQL of this test's own."""
    rng = np.random.default_rng(7)
    rows = []
    for variant, lift in (("a", 1.0), ("b", 1.1)):
        habit = rng.gamma(2, 5, size)
        revenue = habit * rng.gamma(3, lift / 3, size)
        orders = rng.poisson(2, size) + 1.0
        for unit in range(size):
            key = f"{variant}{unit}"
            cluster = f"c{unit % clusters}" if clusters else None
            rows.append(
                (
                    key,
                    variant,
                    cluster,
                    unit % 20,
                    unit % 3,
                    float(rng.random() < 0.2 * lift),
                    revenue[unit],
                    habit[unit],
                    orders[unit],
                )
            )
    connection.execute(
        "create or replace table _seen (k varchar, v varchar, c varchar, day int, seg int, conv double, rev double, hab double, ord double)"
    )
    frame = pl.DataFrame(
        rows,
        schema=["k", "v", "c", "day", "seg", "conv", "rev", "hab", "ord"],
        orient="row",
        infer_schema_length=None,
    )
    connection.register("_frame", frame.to_arrow())
    connection.execute("insert into _seen select * from _frame")
    connection.unregister("_frame")
    connection.execute(
        "insert into exp_eligibility select $1, k, v, timestamp '2026-03-02 10:00:00' + to_days(day), 1, 1, true, null, c, "
        "map(['size'], [seg::varchar]), false from _seen",
        [name],
    )
    parts = {
        "conversion": ("conv", "null", "null"),
        "revenue": ("rev", "null", "hab"),
        "p90": ("rev", "null", "null"),
        "order_value": ("rev * ord", "ord", "null"),
    }
    for metric, (y, d, x) in parts.items():
        connection.execute(
            f"insert into _base select $1, k, v, $2, {y}, {d}, {x}, null, true, date '2026-03-02' + day from _seen",
            [name, metric],
        )
    variables = {
        "y": "numerator",
        "d": "coalesce(denominator, 1)",
        "x": "covariate_numerator",
        "e": "covariate_denominator",
    }
    sums = ", ".join(
        [f"sum({sql}) as s_{variable}" for variable, sql in variables.items()]
        + [f"sum({variables[pair[0]]} * {variables[pair[1]]}) as {pair}" for pair in PRODUCTS]
    )
    connection.execute(
        f"insert into exp_aggregate by name select experiment_id, metric, variant, handling, 'unit' as level, count(*) as n, "
        f"0 as immature, {sums} from exp_base, (values ('exclude'), ('first_exposure'), ('intention_to_treat')) as h(handling) "
        f"where experiment_id = $1 group by all",
        [name],
    )
    connection.execute(
        f"insert into exp_deep_dive by name select base.experiment_id, metric, base.variant, 'exclude' as handling, 'unit' as level, "
        f"'size' as segment, segments['size'] as segment_value, count(*) as n, 0 as immature, {sums} "
        f"from exp_base as base join exp_eligibility as seen on base.unit_id = seen.unit_id and base.experiment_id = seen.experiment_id "
        f"where base.experiment_id = $1 group by all",
        [name],
    )


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


def values(connection: duckdb.DuckDBPyConnection, metric: str, column: str = "numerator") -> list[np.ndarray]:
    """The units' own values, variant then control."""
    return [
        np.array(
            [
                row[0]
                for row in rows(
                    connection,
                    f"select {column} from exp_base where metric = '{metric}' and variant = '{name}'",
                )
            ]
        )
        for name in "ba"
    ]


def test_the_readout_of_tables_is_that_of_the_values(lake: duckdb.DuckDBPyConnection) -> None:
    fill(lake)
    built = build_readouts(lake, {"checkout": experiment()}, METRICS, AS_OF)
    expected = {"exp_readout": 4, "exp_segments": 9, "exp_sensitivity": 3, "exp_health": 6}
    assert {table: built.rows[table] for table in expected} == expected
    assert built.failed == {}
    found = {
        row[0]: row[1:] for row in rows(lake, "select metric, role, effect, p_value, status from exp_readout")
    }
    one, other = values(lake, "revenue")
    assert found["revenue"][1] == pytest.approx(one.mean() - other.mean())
    assert found["revenue"][2] == pytest.approx(stats.ttest_ind(one, other, equal_var=False).pvalue)
    one, other = values(lake, "p90")
    assert found["p90"][1] == pytest.approx(np.quantile(one, 0.9) - np.quantile(other, 0.9))
    y, d = values(lake, "order_value"), values(lake, "order_value", "denominator")
    assert found["order_value"][1] == pytest.approx(y[0].sum() / d[0].sum() - y[1].sum() / d[1].sum())
    assert [entry[0] for entry in found.values()] == ["primary", "secondary", "secondary", "guardrail"]


def test_the_twin_comes_from_the_covariate(lake: duckdb.DuckDBPyConnection) -> None:
    fill(lake)
    build_readouts(lake, {"checkout": experiment()}, METRICS, AS_OF)
    (found,) = rows(
        lake,
        "select variance_reduction, decided_by, cuped_p_value, decisive_p from exp_readout where metric = 'revenue'",
    )
    assert found[0] > 0.4
    assert found[1] == "cuped"
    assert rows(lake, "select count(cuped_effect) from exp_readout where metric <> 'revenue'") == [(0,)]


def test_segments_are_shrunk_and_adjusted(lake: duckdb.DuckDBPyConnection) -> None:
    fill(lake)
    build_readouts(lake, {"checkout": experiment()}, METRICS, AS_OF)
    spread = "max({0}) - min({0})"
    (found,) = rows(
        lake,
        f"select {spread.format('lift')}, {spread.format('shrunk_lift')}, bool_and(p_adjusted >= p_value), count(*) "
        "from exp_segments where metric = 'revenue'",
    )
    assert found[1] < found[0]
    assert found[2:] == (True, 3)


def test_clusters_with_both_variants_are_compared_within(lake: duckdb.DuckDBPyConnection) -> None:
    fill(lake, clusters=50)
    lake.execute(
        """
        create temp table sums as
        select base.metric, base.variant, seen.cluster_id, sum(numerator) as y, sum(coalesce(denominator, 1)) as d
        from exp_base as base join exp_eligibility as seen on base.unit_id = seen.unit_id group by all
        """
    )
    lake.execute(
        """
        insert into exp_aggregate by name
        select 'checkout' as experiment_id, mine.metric, mine.variant, 'exclude' as handling, 'cluster' as level, count(*) as n,
            0 as immature, sum(mine.y) as s_y, sum(mine.d) as s_d, sum(mine.y * mine.y) as yy, sum(mine.y * mine.d) as yd,
            sum(mine.d * mine.d) as dd
        from sums as mine group by all
        """
    )
    build_readouts(lake, {"checkout": experiment(cluster="country")}, METRICS, AS_OF)
    wide = np.array(
        rows(
            lake,
            "select sum(y) filter (variant = 'b'), sum(d) filter (variant = 'b'), sum(y) filter (variant = 'a'), "
            "sum(d) filter (variant = 'a') from sums where metric = 'revenue' group by cluster_id",
        )
    )
    means = wide[:, 0].sum() / wide[:, 1].sum(), wide[:, 2].sum() / wide[:, 3].sum()
    scores = (wide[:, 0] - means[0] * wide[:, 1]) / wide[:, 1].sum() - (
        wide[:, 2] - means[1] * wide[:, 3]
    ) / wide[:, 3].sum()
    (found,) = rows(lake, "select effect, standard_error, method from exp_readout where metric = 'revenue'")
    assert found[0] == pytest.approx(means[0] - means[1])
    assert found[1] == pytest.approx(math.sqrt(50 / 49 * (scores @ scores)))
    assert found[2] == "cluster-robust by 50 clusters that hold both arms"


def test_experiments_without_rows_are_told_and_do_not_disturb_others(lake: duckdb.DuckDBPyConnection) -> None:
    fill(lake)
    quasi = experiment(
        "rollout", design="difference_in_differences", variants={}, control=None, start=None, end=None,
        panel={"source": "t", "unit": "region", "time": "week", "adopted": "since"}, metrics={"primary": "revenue"},
    )  # fmt: skip
    known = {"checkout": experiment(), "empty": experiment("empty"), "rollout": quasi}
    built = build_readouts(lake, known, METRICS, AS_OF)
    assert built.verdicts["empty"] == {"b": None}
    assert built.verdicts["rollout"] == {"treated": None}
    assert rows(lake, "select distinct experiment_id from exp_readout where status <> 'ok' order by 1") == [
        ("empty",),
        ("rollout",),
    ]
    assert rows(
        lake,
        "select count(*) from exp_readout where not starts_with(reason, 'no readout, because ') and status <> 'ok'",
    ) == [(0,)]


def test_a_lake_without_any_table_gives_refusals(lake: duckdb.DuckDBPyConnection) -> None:
    with duckdb.connect(":memory:") as bare:
        assert build_readouts(bare, {"checkout": experiment()}, METRICS, AS_OF).rows["exp_readout"] == 4
        assert build_readouts(bare, {}, {}, AS_OF).rows == dict.fromkeys(built_tables(bare), 0)


def built_tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [
        name for (name,) in rows(connection, "select table_name from duckdb_tables() order by table_name")
    ]


def test_late_feeds_are_told(lake: duckdb.DuckDBPyConnection) -> None:
    fill(lake)
    late = {"checkout": [LateFeed("web_events", 60, 26)]}
    built = build_readouts(lake, {"checkout": experiment()}, METRICS, AS_OF, late=late)
    assert built.warned == {"checkout": ["freshness"]}
    (found,) = rows(lake, """select value, threshold, text from exp_health where "check" = 'freshness'""")
    assert found == (
        60,
        26,
        "Late feeds: web_events; the newest row of web_events is 60 hours old, and at most 26 are allowed.",
    )


def test_days_are_those_of_the_business_time_zone(lake: duckdb.DuckDBPyConnection) -> None:
    lake.execute(
        "insert into exp_eligibility by name select 'checkout' as experiment_id, 'u' || i as unit_id, 'a' as variant, "
        "timestamp '2026-03-04 23:30:00' + to_hours(24 * i) as first_exposed_at, true as is_eligible, false as is_contaminated "
        "from range(3) as r(i)"
    )
    build_readouts(lake, {"checkout": experiment()}, METRICS, AS_OF, time_zone="Europe/Berlin")
    assert rows(lake, """select text from exp_health where "check" = 'exposure_by_day'""") == [
        ("Units entered on every day from 2026-03-05 to 2026-03-07.",)
    ]


def test_a_panel_is_read_by_its_design(lake: duckdb.DuckDBPyConnection) -> None:
    rng = np.random.default_rng(2)
    panel = [
        ("rollout", "revenue", f"r{unit}", float(week), None, 6.0 if unit < 8 else None, 50 + 3 * unit + week + rng.normal(0, 1) + (5 if unit < 8 and week >= 6 else 0))
        for unit in range(20)
        for week in range(12)
    ]  # fmt: skip
    lake.executemany("insert into exp_panel values (?, ?, ?, ?, ?, ?, ?)", panel)
    quasi = experiment(
        "rollout", design="difference_in_differences", variants={}, control=None, start=None, end=None,
        panel={"source": "t", "unit": "region", "time": "week", "adopted": "since"}, metrics={"primary": "revenue"},
    )  # fmt: skip
    built = build_readouts(lake, {"rollout": quasi}, METRICS, AS_OF)
    assert built.verdicts == {"rollout": {"treated": "ship"}}
    (found,) = rows(lake, "select n, n_control, effect, variant, control from exp_readout")
    assert found[:2] == (8, 12)
    assert found[2] == pytest.approx(5, abs=0.5)
    assert found[3:] == ("treated", "untreated")
    assert rows(lake, """select "check", status from exp_health order by 1""") == [
        ("few_units", "warn"),
        ("freshness", "pass"),
        ("pre_trend", "pass"),
    ]
