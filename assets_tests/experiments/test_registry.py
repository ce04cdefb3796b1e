"""The registry's YAML: every mistake of every file at once, by file, key, what was expected and the nearest right name."""

from __future__ import annotations

import math
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakehouse.configuration import ConfigurationError
from lakehouse.experiments.binding import plan_experiments
from lakehouse.experiments.load import SHIPPED, Registry, load_registry
from lakehouse.experiments.plan import Lake

EXPERIMENT: dict[str, Any] = {
    "name": "One-page checkout", "owner": "growth", "start": "2026-03-02", "end": "2026-03-30",
    "variants": {"control": 0.5, "one_page": 0.5}, "control": "control", "metrics": {"primary": "conversion"},
    "define": {"conversion": {
        "label": "Conversion", "kind": "proportion", "source": "fct_sales", "time": "sold_at", "value": "count(*)",
    }},
}  # fmt: skip
QUASI: dict[str, Any] = {
    "name": "Minimum wage", "owner": "policy", "design": "difference_in_differences", "metrics": {"primary": "jobs"},
    "define": {"jobs": {"label": "Jobs", "kind": "mean", "value": "avg(amount)"}},
    "panel": {"source": "fct_sales", "unit": "visitor_id", "time": "units", "adopted": "amount"},
}  # fmt: skip
LAKE = Lake(
    {
        "fct_sales": ("visitor_id", "sold_at", "amount", "units", "kind"),
        "dim_visitor": ("visitor_id", "customer_id", "country", "device", "is_bot", "is_internal"),
        "fct_anonymous": ("amount", "sold_at"),
    }
)


class Folder:
    """A team's configuration folder in the making."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def experiment(self, name: str = "checkout", base: dict[str, Any] = EXPERIMENT, **changes: Any) -> None:
        content = {key: value for key, value in {**base, **changes}.items() if value is not ...}
        self.write(f"registry/{name}.yaml", content)

    def metrics(self, **metrics: Any) -> None:
        self.write("metrics.yaml", metrics)

    def write(self, path: str, content: Any) -> None:
        file = self.folder / "experiments" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
        file.write_text(text.replace("'2026-03-02'", "2026-03-02").replace("'2026-03-30'", "2026-03-30"))

    def registry(self) -> Registry:
        return load_registry(self.folder)

    def problems(self, lake: Lake = LAKE) -> list[str]:
        """What loading, or fitting into the lake, tells of this folder's files."""
        try:
            registry = self.registry()
        except ConfigurationError as error:
            return [str(problem) for problem in error.problems]
        own = {
            name: one for name, one in registry.experiments.items() if one.shown.startswith(self.folder.name)
        }
        metrics = {
            name: one
            for name, one in registry.metrics.items()
            if registry.shown[name].startswith(self.folder.name)
        }
        return [
            str(problem)
            for problem in plan_experiments(Registry(own, metrics, registry.shown), lake).problems
        ]


@pytest.fixture
def team(tmp_path: Path) -> Folder:
    folder = tmp_path / "team"
    folder.mkdir()
    return Folder(folder)


def test_a_right_file_is_an_experiment_by_its_files_name(team: Folder) -> None:
    team.experiment(segments=["country"], eligibility={"rules": ["country in ('DE')"]})
    team.experiment("wage", QUASI)
    assert team.problems() == []
    registry = team.registry()
    assert {"checkout", "wage"} <= set(registry.experiments)
    assert registry.experiments["checkout"].segments == {"country": "country"}


def test_the_shipped_registry_loads_with_every_metric_it_names(catalog: Any) -> None:
    assert set(catalog.experiments) == {path.stem for path in (SHIPPED / "registry").glob("*.yaml")}
    for plan in catalog.plans:
        assert [measure.name for measure in plan.measures] == list(plan.experiment.metrics.by_name)


def test_a_teams_metric_and_experiment_of_the_same_name_win(team: Folder, catalog: Any) -> None:
    shipped = next(iter(catalog.experiments))
    team.experiment(shipped, owner="our-team")
    team.metrics(conversion={**EXPERIMENT["define"]["conversion"], "label": "Ours"})
    registry = team.registry()
    assert registry.experiments[shipped].owner == "our-team"
    assert registry.metrics["conversion"].label == "Ours"
    assert len(registry.metrics) == len(catalog.metrics)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hypothesys": "?"}, 'hypothesys: expected a known key, found "hypothesys".\n  Did you mean "hypothesis"?'),
        ({"owner": ...}, "owner: expected a value, found nothing."),
        ({"id": "x"}, "id: expected no such key: the file names it"),
        ({"design": "random"}, "design: expected 'randomized', 'difference_in_differences' or 'synthetic_control'"),
        ({"start": "soon"}, 'start: expected a date such as 2026-03-02, found "soon".'),
        ({"start": "2026-13-01"}, 'start: expected a date such as 2026-03-02, found "2026-13-01".'),
        ({"start": "2026-02-30"}, 'start: expected a date such as 2026-03-02, found "2026-02-30".'),
        ({"end": datetime(2026, 3, 30, 12)}, "end: expected a date such as 2026-03-02, found 2026-03-30 12:00:00.\n  Days begin at midnight"),
        ({"start": 7}, "expected start, a date such as 2026-03-02, found 7"),
        ({"end": ...}, "expected end, a date such as 2026-03-02, found None"),
        ({"unit": "session"}, "unit: expected 'visitor' or 'customer', found \"session\""),
        ({"end": "2026-03-02"}, "expected end after start (2026-03-02), found 2026-03-02"),
        ({"start": ...}, "expected start, a date such as 2026-03-02, found None"),
        ({"variants": {"control": 1.0}}, "expected at least two variants with their shares, found 1"),
        ({"variants": {"control": 0.5, "one_page": 0.4}}, "expected shares of variants that sum to 1, found 0.9"),
        ({"variants": {"control": 1.5, "one_page": -0.5}}, "expected shares of variants between 0 and 1"),
        ({"variants": {"control": 50, "one_page": 50}}, "found {'control': 50.0, 'one_page': 50.0}.\n  Even shares need no numbers"),
        ({"variants": {True: 0.5, "control": 0.5}}, "expected a variant's name, found True.\n  YAML reads it as a number or a truth: write it in quotation marks"),
        ({"start": "02/03/2026"}, 'start: expected a date such as 2026-03-02, found "02/03/2026".'),
        ({"variants": {"control": 0.5, "one_page": "half"}}, "variants.one_page: expected a valid number"),
        ({"variants": {"control": 0.5, "one_page": math.nan}}, "variants.one_page: expected a finite number, found nan"),
        ({"variants": {"control": 0.5, " ": 0.5}}, 'expected every variant to have a name, found " "'),
        ({"variants": {"control": 0.5, "(not in the experiment)": 0.5}}, "expected another name of a variant"),
        ({"control": ...}, "expected control, one of the variants, found None.\n  Known: control, one_page."),
        ({"control": "contrl"}, 'expected control, one of the variants, found "contrl".\n  Did you mean "control"?'),
        ({"metrics": ...}, "metrics: expected a value, found nothing."),
        ({"metrics": {}}, "metrics.primary: expected a value, found nothing."),
        ({"metrics": "conversion"}, 'metrics: expected a mapping, found "conversion".'),
        ({"metrics": {"primary": "conversion", "guardrail": ["x"]}}, 'metrics.guardrail: expected a known key, found "guardrail".\n  Did you mean "guardrails"?'),
        ({"define": {"Conversion": {}}}, 'define: expected a lower-case name such as conversion, found "Conversion"'),
        ({"define": {"conversion": None}}, "define.conversion: expected a mapping, found None."),
        ({"metrics": {"primary": "convertion"}}, 'metrics.primary: expected a known metric, found "convertion".\n  Did you mean "conversion"?'),
        ({"metrics": {"primary": "conversion", "guardrails": ["nothing"]}}, 'metrics.guardrails: expected a known metric, found "nothing"'),
        ({"metrics": {"primary": "conversion", "secondary": "revenue"}}, 'metrics.secondary: expected a list, found "revenue"'),
        ({"eligibility": {"contamination": "drop"}}, "eligibility.contamination: expected 'exclude', 'first_exposure' or 'intention_to_treat'"),
        ({"eligibility": {"existing_customers": "drop"}}, "eligibility.existing_customers: expected 'include' or 'exclude'"),
        ({"eligibility": {"rules": "not is_bot"}}, 'eligibility.rules: expected a list, found "not is_bot".\n  Write it as [not is_bot].'),
        ({"eligibility": {"rules": ["country in (select 1)"]}}, "eligibility.rules.0: expected an expression without subquery"),
        ({"eligibility": {"rules": ["read_csv('x') is null"]}}, "eligibility.rules.0: expected only known functions, found read_csv"),
        ({"attributes": {"source": "fct_sales"}}, "attributes.unit: expected a value, found nothing."),
        ({"analysis": []}, "analysis: expected a mapping, found []."),
        ({"analysis": {"minimum_effect": 0}}, "analysis.minimum_effect: expected greater than 0, found 0."),
        ({"analysis": {"minimum_effect": math.inf}}, "analysis.minimum_effect: expected a finite number, found inf."),
        ({"analysis": {"power": 0.2, "alpha": 0.4}}, "analysis: expected power above alpha (0.4), found 0.2"),
        ({"analysis": {"multiplicity": "fdr"}}, "analysis.multiplicity: expected 'none', 'bonferroni',"),
        ({"analysis": {"thresholds": {"sample_ratio": 2}}}, "analysis.thresholds.sample_ratio: expected less than 1, found 2."),
        ({"analysis": {"sequential": "none"}}, 'analysis.sequential: expected a mapping, found "none".'),
        ({"analysis": {"sequential": {"looks": 0}}}, "analysis.sequential.looks: expected greater than or equal to 1, found 0."),
        ({"analysis": {"sequential": {"planned_units": math.inf}}}, "analysis.sequential.planned_units: expected a finite number"),
        ({"analysis": {"sequential": {"spending": "power", "parameter": -1}}}, "analysis.sequential: expected parameter above 0 for spending power, found -1"),
        ({"analysis": {"sequential": {"parameter": 2}}}, "analysis.sequential: expected parameter with spending hwang_shih_decani or power only, found it with obrien_fleming"),
        ({"analysis": {"alpha": 5}}, "analysis.alpha: expected less than 0.5, found 5"),
        ({"analysis": {"sequential": {"method": "peek"}}}, "analysis.sequential.method: expected 'none', 'confidence_sequence' or 'group_sequential'"),
        ({"analysis": {"sequentail": {}}}, 'analysis.sequentail: expected a known key, found "sequentail".\n  Did you mean "sequential"?'),
        ({"panel": QUASI["panel"]}, "expected no panel, found one"),
        ({"segments": {"Age": "country"}}, 'segments: expected a lower-case name such as conversion, found "Age"'),
    ],
)  # fmt: skip
def test_what_one_file_gets_wrong_is_told_by_key(team: Folder, changes: dict[str, Any], told: str) -> None:
    team.experiment(**changes)
    (problem,) = team.problems()
    assert problem.startswith("team/experiments/registry/checkout.yaml: ")
    assert told in problem


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"panel": ...}, "expected panel, the data of a difference_in_differences design, found none"),
        ({"panel": {**QUASI["panel"], "treated": "true"}}, "panel: expected either adopted or treated, found both"),
        ({"panel": {"source": "fct_sales", "unit": "kind", "time": "units", "treated": "true"}}, "expected start, the time of treatment"),
        ({"variants": {"a": 1}}, "expected no variants in a difference_in_differences design"),
        ({"eligibility": {"rules": ["true"]}}, "expected no eligibility in a difference_in_differences design"),
        ({"panel": {**QUASI["panel"], "time": "yaer"}}, 'panel.time: expected a column of fct_sales, found "yaer"'),
        ({"panel": {**QUASI["panel"], "source": "fct_sale"}}, 'panel.source: expected a table of the lake, found "fct_sale".\n  Did you mean "fct_sales"?'),
        ({"panel": {**QUASI["panel"], "where": "count(*) > 1"}}, "panel.where: expected an expression over one row, found an aggregate"),
        ({"define": {"jobs": {**QUASI["define"]["jobs"], "source": "dim_visitor", "value": "count(*)"}}}, "metrics: jobs: expected a metric of fct_sales"),
        ({"define": {"jobs": {**QUASI["define"]["jobs"], "value": "avg(amuont)"}}}, 'define.jobs.value: expected a column of fct_sales, found "amuont".\n  Did you mean "amount"?'),
    ],
)  # fmt: skip
def test_what_a_quasi_experiment_gets_wrong_is_told_by_key(
    team: Folder, changes: dict[str, Any], told: str
) -> None:
    team.experiment("wage", QUASI, **changes)
    problems = team.problems()
    assert all(problem.startswith("team/experiments/registry/wage.yaml: ") for problem in problems)
    assert any(told in problem for problem in problems), problems


def conversion(**changes: Any) -> dict[str, Any]:
    metric = {**EXPERIMENT["define"]["conversion"], **changes}
    return {key: value for key, value in metric.items() if value is not ...}


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        (conversion(knid="x"), 'conversion.knid: expected a known key, found "knid".\n  Did you mean "kind"?'),
        (conversion(kind="rate"), "conversion.kind: expected 'proportion', 'mean', 'ratio' or 'quantile', found \"rate\""),
        (conversion(kind="ratio"), "conversion: expected numerator and denominator for a ratio, found value."),
        (conversion(kind="quantile"), "conversion: expected value and quantile for a quantile, found value."),
        (conversion(value=...), "conversion: expected value for a proportion, found none."),
        (conversion(quantile=0.5), "conversion: expected value for a proportion, found value, quantile."),
        (conversion(winsorize=0.99), "conversion: expected winsorize with a mean or a ratio only"),
        (conversion(kind="mean", winsorize=99), "conversion.winsorize: expected less than 1, found 99"),
        (conversion(time=..., window_days=7), "conversion: expected time, the column that window_days is counted on, found none"),
        (conversion(label=...), "conversion.label: expected a value, found nothing."),
        (conversion(direction="left"), "conversion.direction: expected 'up' or 'down', found \"left\""),
        (conversion(margin=2), "conversion.margin: expected less than 1, found 2"),
        (conversion(prior={"sd": 0}), "conversion.prior.sd: expected greater than 0, found 0"),
        (conversion(prior={"sd": 1, "mean": math.nan}), "conversion.prior.mean: expected a finite number, found nan"),
        (conversion(covariate_days=0), "conversion.covariate_days: expected greater than or equal to 1, found 0"),
        (conversion(kind="ratio", value=..., numerator="sum(amount)", denominator="count(*)", covariate="max(units)"), "conversion: expected covariate with one value per unit, found it with a ratio"),
        (conversion(kind="quantile", quantile=1), "conversion.quantile: expected less than 1, found 1"),
        (conversion(value=""), "conversion.value: expected"),
        (conversion(value="count(*"), "conversion.value: expected one SQL expression"),
        (conversion(window_days=0), "conversion.window_days: expected greater than or equal to 1, found 0"),
        (conversion(source="fct_sale"), 'conversion.source: expected a table of the lake, found "fct_sale".\n  Did you mean "fct_sales"?'),
        (conversion(value="sum(amuont)"), 'conversion.value: expected a column of fct_sales, found "amuont".\n  Did you mean "amount"?'),
        (conversion(value="amount"), 'conversion.value: expected an aggregate such as sum(amount), found "amount".\n  Write max(amount)'),
        (conversion(value="suum(amount)"), 'conversion.value: expected only known functions, found suum.\n  Did you mean "sum"?'),
        (conversion(time="sold"), 'conversion.time: expected a column of fct_sales, found "sold".\n  Did you mean "sold_at"?'),
        (conversion(unit="visitor"), 'conversion.unit: expected a column of fct_sales, found "visitor".\n  Did you mean "visitor_id"?'),
    ],
)  # fmt: skip
def test_what_a_metric_gets_wrong_is_told_where_it_is_defined(
    team: Folder, metric: dict[str, Any], told: str
) -> None:
    team.metrics(conversion=metric)
    (problem,) = team.problems()
    assert problem.startswith("team/experiments/metrics.yaml: ")
    assert told in problem


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"segments": ["contry"]}, 'segments.contry: expected a column of the visitor\'s attributes, found "contry".\n  Did you mean "country"?'),
        ({"cluster": "town"}, 'cluster: expected a column of the visitor\'s attributes, found "town"'),
        ({"eligibility": {"rules": ["not is_bot", "cuontry = 'DE'"]}}, 'eligibility.rules.1: expected a column of the visitor\'s attributes, found "cuontry"'),
        ({"eligibility": {"rules": ["country ="]}}, "eligibility.rules.0: expected one SQL expression"),
        ({"attributes": {"source": "fct_sales", "unit": "user"}}, 'attributes.unit: expected a column of fct_sales, found "user"'),
        ({"attributes": {"source": "stg_users", "unit": "user"}}, 'attributes.source: expected a table of the lake, found "stg_users"'),
        ({"define": {"conversion": conversion(source=...)}}, "define.conversion.source: expected a metric with a source, found none"),
        ({"define": {"conversion": conversion(source="fct_anonymous")}}, "metrics: conversion: expected visitor_id or customer_id in fct_anonymous, or the metric's unit"),
    ],
)  # fmt: skip
def test_what_the_lake_does_not_have_is_told_by_key(team: Folder, changes: dict[str, Any], told: str) -> None:
    team.experiment(**changes)
    (problem,) = team.problems()
    assert told in problem


def test_all_mistakes_of_all_files_are_told_at_once(team: Folder) -> None:
    team.experiment("first", owner=..., control="x")
    team.experiment("second", start=...)
    team.experiment("Third")
    team.write("registry/fourth.yaml", "name: [")
    team.write("metrics.yaml", {"Big": {}, "small": {"label": "x", "kind": "mean", "vale": "count(*)"}})
    told = "\n".join(team.problems())
    for part in ("first.yaml: owner", "second.yaml: expected start", "Third.yaml: expected a lower-case file name",
                 "fourth.yaml: line", 'metrics.yaml: expected a lower-case name such as conversion, found "Big"',
                 "metrics.yaml: small.vale: expected a known key"):  # fmt: skip
        assert part in told


def test_even_shares_need_no_numbers(team: Folder) -> None:
    team.experiment(variants=["control", "one_page", "two_pages"])
    experiment = team.registry().experiments["checkout"]
    assert sum(experiment.variants.values()) == pytest.approx(1)
    assert set(experiment.variants.values()) == {1 / 3}


def test_shares_that_sum_to_1_but_for_rounding_are_put_right(team: Folder) -> None:
    team.experiment(variants={"control": 0.33, "one_page": 0.33, "two_pages": 0.33})
    experiment = team.registry().experiments["checkout"]
    assert experiment.variants == pytest.approx({"control": 1 / 3, "one_page": 1 / 3, "two_pages": 1 / 3})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "checkout.yaml: expected a mapping of keys to values, found None"),
        ("- name", "checkout.yaml: expected a mapping of keys to values, found ['name']"),
        ("name: a\nname: b", 'checkout.yaml: line 2: expected valid YAML, found the key "name" stands twice'),
        ("name: !!python/object/apply:os.getcwd []", "checkout.yaml: line 1: expected valid YAML, found could not determine a constructor"),
        ("name: \x00", "checkout.yaml: expected valid YAML in UTF-8"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_registration_is_told(team: Folder, text: str, told: str) -> None:
    team.write("registry/checkout.yaml", text)
    (problem,) = team.problems()
    assert told in problem


def test_files_that_nothing_would_read_are_told(team: Folder) -> None:
    team.experiment("twice")
    team.write("registry/twice.yml", EXPERIMENT)
    team.write("checkout.yaml", EXPERIMENT)
    team.write("metrics.yml", "conversion: {}")
    astray, metrics, second = team.problems()
    assert astray == (
        "team/experiments/checkout.yaml: expected metrics.yaml and the folder registry only, found checkout.yaml.\n"
        "  An experiment is a file team/experiments/registry/<id>.yaml, metrics are team/experiments/metrics.yaml."
    )
    assert metrics.startswith(
        "team/experiments/metrics.yml: expected metrics.yaml and the folder registry only"
    )
    assert (
        second
        == "team/experiments/registry/twice.yml: expected one file per experiment, found twice.yaml, too."
    )


def test_days_may_be_quoted(team: Folder) -> None:
    team.write(
        "registry/checkout.yaml", yaml.safe_dump({**EXPERIMENT, "start": "2026-04-01", "end": "2026-04-05"})
    )
    assert team.registry().experiments["checkout"].days == (date(2026, 4, 1), date(2026, 4, 5))


def test_numbers_may_name_variants(team: Folder) -> None:
    team.experiment(variants={0: 0.5, 1: 0.5}, control=0)
    (experiment,) = [one for one in team.registry().experiments.values() if one.id == "checkout"]
    assert (experiment.variants, experiment.control) == ({"0": 0.5, "1": 0.5}, "0")
