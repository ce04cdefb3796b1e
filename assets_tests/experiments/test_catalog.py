"""Experiments are part of the catalog: DuckDB judges their SQL over the lake's real columns when configuration loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lakehouse.catalog import load_catalog
from lakehouse.configuration import ConfigurationError

CONTRACT = """
description: An analyst's trial.
owner: lab
key: [user_id]
columns:
  user_id: {type: id, required: true, description: Who.}
  arm: {type: string, required: true, description: Variant.}
  seen_at: {type: timestamp, required: true, description: When.}
  spent: {type: float, description: Outcome.}
"""
MAPPING = "select 'trial' as experiment_id, user_id as visitor_id, arm as variant, seen_at as exposed_at from stg_lab_trial"
EXPERIMENT = """
name: A trial
owner: lab
start: 2024-01-01
end: 2024-02-01
variants: {{a: 0.5, b: 0.5}}
control: a
metrics: {{primary: spent}}
define:
  spent: {{label: Spent, kind: mean, source: stg_lab_trial, unit: user_id, value: "{value}"}}
{attributes}
eligibility: {{rules: ["{rule}"]}}
"""
ATTRIBUTES = "attributes: {source: stg_lab_trial, unit: user_id}"


@pytest.fixture
def team(tmp_path: Path) -> Any:
    folder = tmp_path / "team"
    (folder / "sources" / "lab" / "contracts").mkdir(parents=True)
    (folder / "experiments" / "registry").mkdir(parents=True)
    (folder / "sources" / "lab" / "contracts" / "lab_trial.yaml").write_text(CONTRACT)
    (folder / "sources" / "lab" / "experiment_exposures.sql").write_text(MAPPING)

    def load(value: str = "sum(spent)", rule: str = "spent is not null", attributes: str = ATTRIBUTES) -> Any:
        experiment = EXPERIMENT.format(value=value, rule=rule, attributes=attributes)
        (folder / "experiments" / "registry" / "trial.yaml").write_text(experiment)
        return load_catalog(folder)

    return load


def test_a_flat_file_of_ones_own_is_an_experiment_with_a_contract_a_mapping_and_a_registry_file(
    team: Any,
) -> None:
    (plan,) = [plan for plan in team().plans if plan.experiment.id == "trial"]
    assert plan.primary.ids.owner == "lab"
    assert set(plan.reads) >= {"stg_lab_trial", "core_experiment_exposures", "core_visitor_identities"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"value": "sum(spend)"}, 'trial.yaml: define.spent.value: expected a column of stg_lab_trial, found "spend".\n  Did you mean "spent"?'),
        ({"value": "sum(arm)"}, "trial.yaml: define.spent.value: expected SQL that DuckDB understands, found Binder Error"),
        ({"value": "max(arm)"}, "A unit's value is a number or a truth: sum(amount), bool_or(is_bought)"),
        ({"rule": "spent + arm"}, "trial.yaml: eligibility.rules.0: expected SQL that DuckDB understands, found Binder Error"),
    ],
)  # fmt: skip
def test_sql_that_does_not_fit_the_columns_types_is_told_by_file_and_key(
    team: Any, arguments: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        team(**arguments)
    assert told in str(error.value)


def test_an_attribute_that_no_visitor_has_may_stand_in_a_file(team: Any) -> None:
    with pytest.raises(ConfigurationError) as error:
        team(attributes="")
    assert 'expected a column of the visitor\'s attributes, found "spent"' in str(error.value)
    assert "Or say which table of a file holds it: attributes: {source: stg_..." in str(error.value)
