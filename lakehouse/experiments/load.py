"""Loads the registry and the metrics: the shipped ones, and a team's own, which win where the name is the same.

Belongs here: reading YAML into the forms, and mistakes that show within one file or between names. Not here: tables and
columns (binding.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lakehouse.configuration import ConfigurationError, Problem, describe, nearest, problems_of, read_yaml
from lakehouse.contracts.contract import NAME
from lakehouse.experiments.experiment import Experiment
from lakehouse.experiments.metric import Metric

SHIPPED = Path(__file__).parent
SHOWN = "experiments"
_LOADER_KEYS = ("id", "shown")


@dataclass(frozen=True, slots=True)
class Registry:
    """What configuration says of experiments. `shown`: metric -> how messages name the file that defines it."""

    experiments: dict[str, Experiment]
    metrics: dict[str, Metric]
    shown: dict[str, str]


def load_registry(config_dir: Path | None = None) -> Registry:
    """Experiments by id and the common metrics by name. Raises ConfigurationError with every problem of every file.

    `config_dir`: a team's own, whose experiments/ is read beside the shipped one.
    """
    folders = [(SHIPPED, SHOWN)]
    if config_dir is not None:
        folders.append((config_dir / "experiments", f"{config_dir.name}/{SHOWN}"))
    problems: list[Problem] = []
    metrics: dict[str, Metric] = {}
    defined_in: dict[str, str] = {}
    experiments: dict[str, Experiment] = {}
    for folder, shown in folders:
        found, wrong = _metrics(folder / "metrics.yaml", f"{shown}/metrics.yaml")
        problems += wrong
        metrics |= found
        defined_in |= dict.fromkeys(found, f"{shown}/metrics.yaml")
        problems += _astray(folder, shown) if folder != SHIPPED else ()
        for path in sorted([*(folder / "registry").glob("*.yaml"), *(folder / "registry").glob("*.yml")]):
            try:
                experiments[path.stem] = _experiment(path, f"{shown}/registry/{path.name}")
            except ConfigurationError as error:
                problems += error.problems
    # A broken file of metrics defines names that can't be known here.
    if not problems:
        problems += [problem for one in experiments.values() for problem in _unknown_metrics(one, metrics)]
    if problems:
        raise ConfigurationError(problems)
    return Registry(dict(sorted(experiments.items())), dict(sorted(metrics.items())), defined_in)


def _astray(folder: Path, shown: str) -> Iterator[Problem]:
    """Files that nothing would read: beside the registry, or a second one of the same experiment."""
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        if path.name != "metrics.yaml":
            hint = f"An experiment is a file {shown}/registry/<id>.yaml, metrics are {shown}/metrics.yaml."
            yield Problem(
                f"{shown}/{path.name}", "", "metrics.yaml and the folder registry only", path.name, hint
            )
    for path in sorted((folder / "registry").glob("*.yml")):
        if path.with_suffix(".yaml").exists():
            found = f"{path.stem}.yaml, too"
            yield Problem(f"{shown}/registry/{path.name}", "", "one file per experiment", found)


def _metrics(path: Path, shown: str) -> tuple[dict[str, Metric], list[Problem]]:
    if not path.exists():
        return {}, []
    try:
        content = read_yaml(path, shown)
    except ConfigurationError as error:
        return {}, list(error.problems)
    metrics: dict[str, Metric] = {}
    problems: list[Problem] = list(_names(content, shown, ""))
    for name, said in content.items():
        try:
            metrics[name] = Metric.model_validate(said)
        except ValidationError as error:
            problems += [_under(str(name), problem) for problem in problems_of(error, Metric, shown)]
    return metrics, problems


def _under(name: str, problem: Problem) -> Problem:
    key = f"{name}.{problem.key}" if problem.key else name
    return Problem(problem.file, key, problem.expected, problem.found, problem.hint)


def _experiment(path: Path, shown: str) -> Experiment:
    if not NAME.match(path.stem):
        hint = "The file's name is the experiment's id, as exposures carry it."
        raise ConfigurationError([Problem(shown, "", "a lower-case file name", describe(path.stem), hint)])
    content = read_yaml(path, shown)
    problems = [
        Problem(shown, key, "no such key: the file names it", key) for key in _LOADER_KEYS if key in content
    ]
    for key in ("define", "segments"):
        problems += _names(content.get(key), shown, key)
    if problems:
        raise ConfigurationError(problems)
    try:
        return Experiment.model_validate({**content, "id": path.stem, "shown": shown})
    except ValidationError as error:
        raise ConfigurationError(problems_of(error, Experiment, shown)) from error


def _names(named: Any, shown: str, key: str) -> Iterator[Problem]:
    """Names that become names in tables are plain."""
    for name in named if isinstance(named, dict) else ():
        if not (isinstance(name, str) and NAME.match(name)):
            yield Problem(shown, key, "a lower-case name such as conversion", describe(name))


def _unknown_metrics(experiment: Experiment, metrics: Iterable[str]) -> Iterator[Problem]:
    known = {*metrics, *experiment.define}
    roles = experiment.metrics
    for key, names in (
        ("primary", (roles.primary,)),
        ("secondary", roles.secondary),
        ("guardrails", roles.guardrails),
    ):
        for name in names:
            if name not in known:
                hint = nearest(name, known) if known else "Define it in metrics.yaml, or under define."
                yield Problem(experiment.shown, f"metrics.{key}", "a known metric", describe(name), hint)
