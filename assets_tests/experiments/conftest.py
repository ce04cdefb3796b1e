"""Experiments over tables made by hand, in a DuckDB in memory: given these exposures and sales, then that table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import duckdb
import pytest

from lakehouse.experiments.binding import Findings, plan_experiments
from lakehouse.experiments.build import build_experiments, experiments_clock
from lakehouse.experiments.experiment import Experiment
from lakehouse.experiments.load import Registry
from lakehouse.experiments.metric import Metric
from lakehouse.experiments.plan import Lake
from lakehouse.experiments.tables import BUILT, experiment_models
from lakehouse.warehouse.checks import checks_of, run_check
from lakehouse.warehouse.clock import Clock

TABLES = """
create table run_settings (as_of_date date, is_as_of_configured boolean, business_time_zone varchar);
create table core_experiment_exposures (
    source varchar default 'native', experiment_id varchar, visitor_id varchar, variant varchar, exposed_at timestamp,
    _ingested_at timestamp default '2030-01-01'
);
create table core_visitor_identities (visitor_id varchar, customer_id varchar, linked_at timestamp);
create table dim_visitor (
    visitor_id varchar, customer_id varchar, first_seen_at timestamp, device varchar, country varchar, is_bot boolean,
    is_internal boolean
);
create table dim_customer_current (customer_id varchar, age_group varchar);
create table fct_sales (visitor_id varchar, sold_at timestamp, sold_on date, amount double, units bigint, kind varchar);
create table fct_orders (customer_id varchar, created_at timestamp, amount decimal(18, 4));
create table fct_bookings (
    customer_id varchar, booked_at timestamp, kind varchar, amount decimal(18, 4),
    monthly_recurring_revenue decimal(18, 4)
);
create table stg_trial (user_id varchar, converted bigint, spent double, before double, age bigint);
"""

METRICS: dict[str, dict[str, Any]] = {
    "conversion": {"kind": "proportion", "value": "count(*)"},
    "revenue": {"kind": "mean", "value": "sum(amount)"},
    "price": {"kind": "ratio", "numerator": "sum(amount)", "denominator": "sum(units)"},
}


class Trial:
    """Tables that an experiment reads, and what is built from them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        connection.execute("set timezone = 'UTC'")
        connection.execute(TABLES)
        connection.execute("insert into run_settings values ('2026-12-31', true, 'UTC')")
        self.owners: dict[str, str] = {}

    def settings(self, **values: object) -> None:
        for name, value in values.items():
            self.connection.execute(f"update run_settings set {name} = ?", [value])

    def add(self, table: str, *rows: Mapping[str, object]) -> None:
        for row in rows:
            marks = ", ".join("?" for _ in row)
            self.connection.execute(
                f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values())
            )

    def expose(
        self, visitor: str, variant: str | None, at: str = "2026-03-02 10:00", experiment: str = "test"
    ) -> None:
        row = {"experiment_id": experiment, "visitor_id": visitor, "variant": variant, "exposed_at": at}
        self.add("core_experiment_exposures", row)

    def sell(
        self, visitor: str, at: str, amount: float | None = 1.0, units: int = 1, kind: str = "a"
    ) -> None:
        row = {
            "visitor_id": visitor,
            "sold_at": at,
            "sold_on": at[:10],
            "amount": amount,
            "units": units,
            "kind": kind,
        }
        self.add("fct_sales", row)

    def metric(self, name: str = "revenue", **changes: Any) -> dict[str, Metric]:
        base = {"label": name, "source": "fct_sales", "time": "sold_at", **METRICS.get(name, {})}
        return {name: Metric.model_validate({**base, **changes})}

    def experiment(self, name: str = "test", **changes: Any) -> Experiment:
        base = {
            "id": name, "shown": f"registry/{name}.yaml", "name": name, "owner": "o", "start": date(2026, 3, 2),
            "end": date(2026, 3, 30), "variants": {"control": 0.5, "new": 0.5}, "control": "control",
            "metrics": {"primary": "revenue"},
        }  # fmt: skip
        return Experiment.model_validate({**base, **changes})

    def found(self, experiments: Iterable[Experiment], metrics: Mapping[str, Metric]) -> Findings:
        tables = self.rows("select table_name from duckdb_tables() where not starts_with(table_name, 'exp_')")
        columns = {name: tuple(row[0] for row in self.rows(f"describe {name}")) for (name,) in tables}
        known = {one.id: one for one in experiments}
        registry = Registry(known, dict(metrics), dict.fromkeys(metrics, "metrics.yaml"))
        return plan_experiments(registry, Lake(columns, self.owners))

    def build(self, *experiments: Experiment, metrics: Mapping[str, Metric] | None = None) -> Clock:
        """Builds all tables of these experiments (by default one); fails on what configuration would refuse."""
        found = self.found(experiments or (self.experiment(),), metrics or self.metric())
        assert [str(problem) for problem in found.problems] == []
        clock = experiments_clock(self.connection)
        build_experiments(self.connection, found.plans, clock)
        broken = [
            (check.model, check.name, verdict.samples)
            for model in experiment_models(found.plans)
            if model.name in BUILT
            for check in checks_of(model)
            if not (verdict := run_check(self.connection, check, frozenset())).passed
            and check.severity == "error"
        ]
        assert broken == [], "the tables' own checks hold on whatever is built"
        return clock

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def base(self, metric: str = "revenue") -> dict[str, float]:
        """Unit -> its value of a metric."""
        return dict(self.rows(f"select unit_id, numerator from exp_base where metric = '{metric}'"))

    def reasons(self) -> dict[str, str | None]:
        return dict(self.rows("select unit_id, exclusion_reason from exp_eligibility"))


@pytest.fixture
def new_trial() -> Iterator[Any]:
    """Makes trials, for tests that need several; closed at the end."""
    connections: list[duckdb.DuckDBPyConnection] = []

    def make() -> Trial:
        connections.append(duckdb.connect(config={"threads": 1}))
        return Trial(connections[-1])

    yield make
    for connection in connections:
        connection.close()


@pytest.fixture
def trial(new_trial: Any) -> Trial:
    made: Trial = new_trial()
    return made
