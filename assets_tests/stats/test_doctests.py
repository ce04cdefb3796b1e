"""The examples in the docstrings of every module run, and say what comes out."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from lakehouse import stats

MODULES = sorted(module.name for module in pkgutil.walk_packages(stats.__path__, f"{stats.__name__}."))


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.failed == 0


def test_modules_are_found() -> None:
    assert "lakehouse.stats.means" in MODULES
