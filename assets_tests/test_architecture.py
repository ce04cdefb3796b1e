"""Walls of the house, held by walking the import statements of every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "lakehouse"
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
LONGEST = 350


def imported(tree: ast.AST, *, at_run_time: bool = True) -> Iterator[str]:
    """Names of the modules that are imported; those for type checkers only aside, when only run time is asked."""
    for node in ast.iter_child_nodes(tree):
        if at_run_time and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from imported(node, at_run_time=at_run_time)


def parsed(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def importers(*prefixes: str) -> set[str]:
    return {
        name
        for name in MODULES
        if any(
            f"{module}.".startswith(f"{prefix}.") for module in imported(parsed(name)) for prefix in prefixes
        )
    }


def knows_dagster(name: str) -> bool:
    return name.startswith("defs/") or name in ("definitions.py", "cli.py")


def test_only_defs_the_definitions_and_the_command_line_know_dagster() -> None:
    outside = {
        name for name in importers("dagster", "dagster_duckdb", "lakehouse.defs") if not knows_dagster(name)
    }
    assert outside == set()


def test_types_of_defs_are_borrowed_by_the_display_only() -> None:
    borrowers = {
        name
        for name in MODULES
        if not knows_dagster(name)
        and any(
            "dagster" in module or ".defs" in module for module in imported(parsed(name), at_run_time=False)
        )
    }
    assert borrowers <= {"display.py"}


def test_only_the_settings_read_the_environment() -> None:
    """The command line hands its own environment on to a child, and reads nothing from it."""
    readers = {
        name
        for name in MODULES
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "getenvb")
    }
    assert readers <= {"settings.py", "cli.py"}


def test_logic_packages_do_not_know_those_that_come_after_them() -> None:
    later = ("lakehouse.warehouse", "lakehouse.reports", "lakehouse.cli", "lakehouse.display")
    assert {name for name in importers(*later) if name.startswith(("contracts/", "ingest/"))} == set()
    published_only = importers("lakehouse.ingest", "lakehouse.contracts", "lakehouse.synth")
    assert {name for name in published_only if name.startswith("reports/")} == set()


def test_a_module_is_short_and_says_what_belongs_in_it() -> None:
    too_long = {
        name for name, path in MODULES.items() if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST
    }
    assert too_long == set()
    assert {name for name in MODULES if not ast.get_docstring(parsed(name))} == set()
