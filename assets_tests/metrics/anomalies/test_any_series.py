"""Whatever a series holds, every table has a clear status, and nothing is NaN, infinite or lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.metrics.anomalies.build import build_anomalies
from lakehouse.metrics.anomalies.tables import TYPES
from lakehouse.metrics.definition import Kpi
from lakehouse.metrics.plan import KpiPlan
from lakehouse.metrics.tables import make_tables

CASES: dict[str, tuple[list[float | None], str]] = {
    "one point": ([5.0], "fewer than 29 periods"),
    "all zeros": ([0.0] * 90, "all values are zero"),
    "all null": ([None] * 90, "no values"),
    "one value": ([None] * 60 + [7.0], "fewer than 29 periods"),
    "constant": ([100.0] * 90, "ok"),
    "negative": ([-50.0 + (t % 7) for t in range(90)], "ok"),
    "from negative to positive": ([float(t - 45) for t in range(90)], "ok"),
    "huge": ([1e17 * (1 + t % 3) for t in range(90)], "ok"),
    "tiny": ([1e-6 * (1 + t % 3) for t in range(90)], "ok"),
    "every second missing": ([None if t % 2 else 10.0 + t % 5 for t in range(120)], "ok"),
    "a week missing": ([None if 50 <= t < 57 else 10.0 + t % 7 for t in range(120)], "ok"),
    "begins with zeros": ([0.0] * 60 + [100.0 + t % 7 for t in range(60)], "ok"),
    "one spike of all": ([0.0] * 80 + [1e9] + [0.0] * 9, "ok"),
}


def judged(kpi: Kpi, values: Sequence[float | None], rows: int = 50) -> duckdb.DuckDBPyConnection:
    """The tables of anomalies over kpi_values written by hand, a day each."""
    connection = duckdb.connect(":memory:")
    connection.execute(
        "create table run_settings (as_of_date date, is_as_of_configured boolean, business_time_zone varchar)"
    )
    connection.execute("insert into run_settings values (date '2025-12-31', false, 'UTC')")
    connection.execute("create table sales (day date, amount double)")
    make_tables(connection)
    frame = pl.DataFrame(
        {"place": list(range(len(values))), "value": list(values)},
        schema={"place": pl.Int64, "value": pl.Float64},
    )
    connection.register("_values", frame.to_arrow())
    connection.execute(
        "insert into kpi_values by name select $1 as kpi, 'daily' as cadence, date '2025-01-06' + cast(place as integer) as period_start, "
        "'' as dimension, '' as segment, value::decimal(38, 6) as numerator, $2::decimal(38, 6) as denominator, value, "
        "$3 as n, true as is_complete from _values",
        [kpi.name, 50 if kpi.is_ratio else None, rows],
    )
    build_anomalies(connection, [KpiPlan(kpi, ())])
    return connection


def holds(connection: duckdb.DuckDBPyConnection) -> None:
    for table in TYPES:
        for name, kind in connection.execute(
            "select column_name, data_type from duckdb_columns() where table_name = $1", [table]
        ).fetchall():
            if kind == "DOUBLE":
                [(wrong,)] = connection.execute(
                    f"select count(*) from {table} where not isfinite({name})"
                ).fetchall()
                assert wrong == 0, (table, name)
    [(wrong,)] = connection.execute(
        "select count(*) from kpi_expected where not (low <= expected and expected <= high) or p_value not between 0 and 1"
    ).fetchall()
    assert wrong == 0
    [(wrong,)] = connection.execute(
        "select count(*) from anomalies where not (started_on <= detected_on and detected_on <= ended_on) "
        "or confidence not between 0 and 1 or money < 0 or len(methods) = 0"
    ).fetchall()
    assert wrong == 0


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("ratio", [False, True], ids=["sum", "ratio"])
def test_bad_series_have_a_clear_status(name: str, ratio: bool, kpi_of: Callable[..., Kpi]) -> None:  # noqa: FBT001  a parameter of the test
    values, status = CASES[name]
    said: dict[str, Any] = {"numerator": "sum(amount)", "denominator": "count(*)"} if ratio else {}
    with judged(kpi_of(cadence="daily", **said), values) as connection:
        holds(connection)
        assert connection.execute("select status from kpi_series").fetchall() == [(status,)]


def test_a_thin_series_is_not_judged(kpi_of: Callable[..., Kpi]) -> None:
    with judged(kpi_of(cadence="daily"), [float(t % 5) for t in range(120)], rows=2) as connection:
        assert connection.execute("select status from kpi_series").fetchall() == [("low volume",)]
        assert connection.execute("select count(*) from kpi_expected").fetchall() == [(0,)]
        holds(connection)


def test_no_values_at_all_are_no_trouble(kpi_of: Callable[..., Kpi]) -> None:
    with judged(kpi_of(cadence="daily"), []) as connection:
        for table in TYPES:
            assert connection.execute(f"select count(*) from {table}").fetchall() == [(0,)]


values_of = st.lists(
    st.one_of(
        st.none(),
        st.floats(-1e9, 1e9, allow_nan=False),
        st.integers(0, 50).map(float),
        st.sampled_from([0.0, 1.0, 1e12, -1e12]),
    ),
    max_size=140,
)


@given(values=values_of, ratio=st.booleans(), rows=st.sampled_from([0, 3, 200]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_series_leaves_whole_tables(
    values: list[float | None],
    ratio: bool,  # noqa: FBT001  drawn
    rows: int,
    kpi_of: Callable[..., Kpi],
) -> None:
    said: dict[str, Any] = {"numerator": "sum(amount)", "denominator": "count(*)"} if ratio else {}
    with judged(kpi_of(cadence="daily", **said), values, rows) as connection:
        holds(connection)
        [(series,)] = connection.execute("select count(*) from kpi_series").fetchall()
        assert series == (1 if values else 0)


def test_segments_beyond_the_largest_are_named(watched: Any, kpi_of: Callable[..., Kpi]) -> None:
    counts = {f"C{number:02}": np.full(60, 8 + number) for number in range(30)}
    watched.sell(counts)
    watched.build(kpi_of(value="count(*)", dimensions=["country"], cadence="daily"), days=60)
    told = dict(watched.rows("select status, count(*) from kpi_series group by 1"))
    assert told == {"ok": 26, "not among the 25 largest segments": 5}
    assert watched.rows("select count(*) from kpi_series where segment = 'C00' and status = 'ok'") == [(0,)]


def test_a_kpi_by_another_definition_is_left_out(watched: Any, kpi_of: Callable[..., Kpi]) -> None:
    """Values that stand in the table for a KPI that no definition names any more are not judged."""
    watched.sell({"A": np.full(60, 20)})
    watched.build(kpi_of(value="count(*)", cadence="daily"), days=60)
    build_anomalies(watched.connection, [KpiPlan(kpi_of(name="other", value="count(*)"), ())])
    assert watched.rows("select count(*) from kpi_series") == [(0,)]
