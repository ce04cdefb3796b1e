"""Statistics know the standard library, numpy, scipy and one another, and nothing else."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from lakehouse import stats

FOLDER = Path(stats.__path__[0])
FILES = sorted(FOLDER.rglob("*.py"))
MODULES = sorted(module.name for module in pkgutil.walk_packages(stats.__path__, f"{stats.__name__}."))
# Doors to the world outside the arguments: files, processes, networks, the environment, the clock.
WORLDLY = {
    "asyncio", "csv", "datetime", "glob", "http", "io", "json", "logging", "os", "pathlib", "pickle", "random",
    "shutil", "socket", "sqlite3", "subprocess", "tempfile", "time", "urllib",
}  # fmt: skip
ALLOWED = {"numpy", "scipy"} | (set(sys.stdlib_module_names) - WORLDLY)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield str(node.module)


def public_functions(module: ModuleType) -> Iterator[tuple[str, object]]:
    for name, thing in vars(module).items():
        if inspect.isfunction(thing) and thing.__module__ == module.__name__ and not name.startswith("_"):
            yield name, thing


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_module_imports_nothing_but_numbers(path: Path) -> None:
    strangers = {
        name
        for name in imports(path)
        if name.split(".")[0] not in ALLOWED and not name.startswith("lakehouse.stats")
    }
    assert strangers == set()


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_module_opens_no_file_and_prints_nothing(path: Path) -> None:
    called = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called.isdisjoint({"open", "print", "input", "eval", "exec"})


@pytest.mark.parametrize("name", MODULES)
def test_results_are_frozen(name: str) -> None:
    module = importlib.import_module(name)
    for thing in vars(module).values():
        if dataclasses.is_dataclass(thing) and isinstance(thing, type) and thing.__module__ == name:
            assert thing.__dataclass_params__.frozen, thing  # type: ignore[attr-defined]  # not in typeshed
            assert hasattr(thing, "__slots__"), thing


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_belongs_in_it_and_what_does_not(name: str) -> None:
    opening = " ".join((inspect.getdoc(importlib.import_module(name)) or "").split())
    assert "Belongs here:" in opening
    assert "Not here:" in opening


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert [function for function, thing in public_functions(module) if not inspect.getdoc(thing)] == []
