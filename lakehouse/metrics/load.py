"""Loads KPI definitions: the shipped ones, and a team's own, which win where the name is the same.

Belongs here: reading YAML into the form, and mistakes that show within one file. Not here: tables and columns
(binding.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from lakehouse.configuration import ConfigurationError, Problem, describe, nearest, problems_of, read_yaml
from lakehouse.contracts.contract import NAME
from lakehouse.metrics.company_calendar import FILE as CALENDAR
from lakehouse.metrics.company_calendar import load_company_calendar
from lakehouse.metrics.definition import Kpi

SHIPPED = Path(__file__).parent / "definitions"
SHOWN = "metrics/definitions"
_LOADER_KEYS = ("shown",)


def load_kpis(config_dir: Path | None = None) -> dict[str, Kpi]:
    """KPIs by name, each with its whole calendar. Raises ConfigurationError with every problem of every file.

    `config_dir`: a team's own, whose metrics/definitions/ is read beside the shipped one.
    """
    folders = [(SHIPPED, SHOWN)]
    problems: list[Problem] = []
    if config_dir is not None:
        own = f"{config_dir.name}/{SHOWN}"
        folders.append((config_dir / SHOWN, own))
        problems += _astray(config_dir, own)
    kpis: dict[str, Kpi] = {}
    for folder, shown in folders:
        for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
            if path.suffix == ".yml" and path.with_suffix(".yaml").exists():
                found = f"{path.stem}.yaml, too"
                problems.append(Problem(f"{shown}/{path.name}", "", "one file per KPI", found))
                continue
            try:
                kpis[path.stem] = _kpi(path, f"{shown}/{path.name}")
            except ConfigurationError as error:
                problems += error.problems
    try:
        company = load_company_calendar(config_dir)
    except ConfigurationError as error:
        raise ConfigurationError([*problems, *error.problems]) from error
    # A file that can't be read is no reason to call its KPI unknown.
    problems = problems or list(_unknown_kpis(kpis))
    if problems:
        raise ConfigurationError(problems)
    return {name: company.applied(kpi) for name, kpi in sorted(kpis.items())}


def _unknown_kpis(kpis: Mapping[str, Kpi]) -> Iterator[Problem]:
    """KPIs that a definition names and that aren't there."""
    for kpi in kpis.values():
        named = [("money", kpi.money)] if kpi.money is not None else []
        for key, name in [*named, *(("factors", factor) for factor in kpi.factors)]:
            others = [one for one in kpis if one != kpi.name]
            if name not in others:
                yield Problem(kpi.shown, key, "another KPI", describe(name), nearest(name, others))


def _astray(config_dir: Path, shown: str) -> Iterator[Problem]:
    """Files beside the folder of definitions and the calendar, which nothing would read."""
    folder = config_dir / "metrics"
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        if path.name == CALENDAR:
            continue
        hint = f"A KPI is a file {shown}/<name>.yaml."
        yield Problem(
            f"{config_dir.name}/metrics/{path.name}",
            "",
            f"the folder definitions and {CALENDAR} only",
            path.name,
            hint,
        )


def _kpi(path: Path, shown: str) -> Kpi:
    if not NAME.match(path.stem):
        hint = "The file's name is the KPI's."
        raise ConfigurationError([Problem(shown, "", "a lower-case file name", describe(path.stem), hint)])
    content = read_yaml(path, shown)
    problems = [Problem(shown, key, "no such key", key) for key in _LOADER_KEYS if key in content]
    if content.get("name", path.stem) != path.stem:
        hint = "The file's name is the KPI's: rename one of the two."
        problems.append(Problem(shown, "name", f'"{path.stem}"', describe(content["name"]), hint))
    if problems:
        raise ConfigurationError(problems)
    try:
        return Kpi.model_validate({**content, "name": path.stem, "shown": shown})
    except ValidationError as error:
        raise ConfigurationError(problems_of(error, Kpi, shown)) from error
