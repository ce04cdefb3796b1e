"""The examples in the docstrings of the readouts' modules run, and say what comes out."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from lakehouse import experiments

OTHERS = ("decision", "health", "planning", "segments", "sensitivity")
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(experiments.__path__, f"{experiments.__name__}.")
    if module.name.rsplit(".", 1)[1].startswith("readout") or module.name.rsplit(".", 1)[1] in OTHERS
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_every_column_is_described() -> None:
    rows = importlib.import_module("lakehouse.experiments.readout_rows")
    tables = importlib.import_module("lakehouse.experiments.tables")
    described = {model.name: list(model.columns) for model in tables.experiment_models([])}
    for table, kind in rows.TABLES.items():
        assert described[table] == list(kind.__dataclass_fields__)
