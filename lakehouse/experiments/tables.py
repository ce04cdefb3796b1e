"""The tables of experiments: their columns' types, what schema.yml says of them, and the view over all units.

Belongs here: names and types, the tables as the rest of the lake knows models. Not here: their rows (build.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

import duckdb
from pydantic import ValidationError

from lakehouse.configuration import ConfigurationError, problems_of, read_yaml
from lakehouse.experiments.plan import BOOKINGS, EXPOSURES, IDENTITIES, SETTINGS, Plan
from lakehouse.experiments.sums import SUMS
from lakehouse.experiments.units import base_view
from lakehouse.warehouse.model import Model, ModelDoc, SchemaFile

GROUP = "experiments"
# Tables that are no assets of their own: the view over them is.
UNITS_GROUP = "experiment_units"
BASE = "exp_base"
# What a file `<name>.yml` beside this module describes; the readouts' tables have a file of their own.
SCHEMAS = ("schema.yml", "readouts.yml")

_SUMS = "n bigint, immature bigint, " + ", ".join(f"{name} double" for name in SUMS)
_AGGREGATED = "experiment_id varchar, metric varchar, variant varchar, handling varchar, level varchar"
_MONEY = ("amount", "new_mrr", "expansion_mrr", "contraction_mrr", "churn_mrr", "renewal_mrr", "net_mrr")
TYPES = {
    "exp_experiments": (
        "experiment_id varchar, name varchar, hypothesis varchar, owner varchar, design varchar, unit varchar, "
        "starts varchar, ends varchar, control varchar, handling varchar, as_of_date date, alpha double, "
        "minimum_effect double, planned map(varchar, double)"
    ),
    "exp_metrics": (
        "experiment_id varchar, metric varchar, role varchar, label varchar, kind varchar, direction varchar, "
        "source varchar, window_days integer, units bigint, missing bigint, not_finite bigint, cap double, "
        "denominator_cap double, covariate_missing bigint, covariate_not_finite bigint"
    ),
    "exp_eligibility": (
        "experiment_id varchar, unit_id varchar, variant varchar, first_exposed_at timestamp, exposures bigint, "
        "variants_seen integer, is_eligible boolean, exclusion_reason varchar, cluster_id varchar, "
        "segments map(varchar, varchar), is_contaminated boolean"
    ),
    "exp_aggregate": f"{_AGGREGATED}, {_SUMS}",
    "exp_deep_dive": f"{_AGGREGATED}, segment varchar, segment_value varchar, {_SUMS}",
    "exp_daily": f"{_AGGREGATED}, date date, {_SUMS}",
    "exp_finance": (
        "experiment_id varchar, variant varchar, units bigint, customers bigint, bookings bigint, "
        + ", ".join(f"{name} decimal(38, 4)" for name in _MONEY)
    ),
    "exp_panel": (
        "experiment_id varchar, metric varchar, unit_id varchar, period double, period_label varchar, adopted double, "
        "value double"
    ),
}
BUILT = (*TYPES, BASE)
_NO_UNITS = (
    "select null::varchar as experiment_id, null::varchar as unit_id, null::varchar as variant, "
    "null::varchar as metric, null::double as numerator, null::double as denominator, "
    "null::double as covariate_numerator, null::double as covariate_denominator, null::boolean as is_mature, "
    "null::date as known_on where false"
)


def make_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty tables in the place of the former ones, and no table of units of an experiment that may be gone."""
    for name, columns in TYPES.items():
        connection.execute(f"create or replace table {name} ({columns})")
    connection.execute(f"drop view if exists {BASE}")
    gone = connection.execute(
        "select table_name from duckdb_tables() where not temporary and starts_with(table_name, 'exp_units_')"
    ).fetchall()
    for (table,) in gone:
        connection.execute(f'drop table "{table}"')


def base_sql(plans: Iterable[Plan]) -> str:
    """exp_base as a view: twenty metrics of a million units would be twenty million rows to write and to copy."""
    queries = [base_view(plan) for plan in plans if plan.experiment.is_randomized]
    return " union all ".join(queries or [_NO_UNITS])


def experiment_models(plans: Iterable[Plan]) -> list[Model]:
    """Every table of experiments as a model: descriptions, checks, columns, and what each is built from.

    The tables of units come before the view that reads them; they are described by it.
    """
    known = list(plans)
    models = []
    for doc in _documented():
        columns = tuple(column.name for column in doc.columns)
        model = Model(doc.name, GROUP, "", doc, depends_on=_depends_on(doc.name, known), columns=columns)
        if doc.name == BASE:
            models += [_units_model(model, plan) for plan in known if plan.experiment.is_randomized]
            model = replace(model, sql=base_sql(known))
        models.append(model)
    return models


def _depends_on(table: str, plans: Iterable[Plan]) -> tuple[str, ...]:
    """What a table is built from; tables that are not built here (readouts) are made from all that are."""
    randomized = [plan for plan in plans if plan.experiment.is_randomized]
    quasi = [plan for plan in plans if not plan.experiment.is_randomized]
    attributes = {ids.table for plan in randomized for ids in plan.attributes.values()}
    reads = {
        "exp_experiments": {SETTINGS, EXPOSURES},
        "exp_metrics": {BASE},
        "exp_eligibility": {SETTINGS, EXPOSURES, IDENTITIES, *attributes},
        BASE: {"exp_eligibility", *(measure.ids.table for plan in randomized for measure in plan.measures)},
        "exp_aggregate": {BASE},
        "exp_deep_dive": {BASE},
        "exp_daily": {BASE},
        "exp_finance": {"exp_eligibility", BOOKINGS},
        "exp_panel": {SETTINGS, *(measure.ids.table for plan in quasi for measure in plan.measures)},
    }
    return tuple(sorted(reads.get(table, set(BUILT))))


def _units_model(base: Model, plan: Plan) -> Model:
    said = f"Units of {plan.experiment.id} with one column per value, read through {BASE}."
    config = base.doc.config.model_copy(update={"materialized": "table"})
    doc = base.doc.model_copy(update={"name": plan.units_table, "description": said, "config": config})
    return replace(base, name=plan.units_table, group=UNITS_GROUP, doc=doc, columns=())


@cache
def _documented() -> tuple[ModelDoc, ...]:
    docs: list[ModelDoc] = []
    for name in SCHEMAS:
        path = Path(__file__).parent / name
        if path.exists():
            shown = f"experiments/{name}"
            try:
                docs += SchemaFile.model_validate(read_yaml(path, shown)).models
            except ValidationError as error:
                raise ConfigurationError(problems_of(error, SchemaFile, shown)) from error
    return tuple(docs)
