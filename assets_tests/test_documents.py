"""What the documents say of the project that can be looked up: links, settings, commands, contract keys.

The walk-through in docs/add-a-source.md is followed in end_to_end/.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from lakehouse.cli import app
from lakehouse.contracts.checks import CHECK_NAMES
from lakehouse.contracts.contract import COLUMN_TYPES, Column, Contract, Format
from lakehouse.settings import Settings

REPO = Path(__file__).parents[1]
DOCUMENTS = sorted([*REPO.glob("*.md"), *(REPO / "docs").rglob("*.md")])


def _first_cells(text: str) -> set[str]:
    """What stands in code marks in the first column of the text's tables."""
    return {
        word for line in text.splitlines() if line.startswith("| `") for word in _code(line.split(" | ")[0])
    }


def _code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPO).as_posix())
def test_every_link_between_documents_leads_somewhere(document):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (document.parent / link).exists()] == []


def test_the_readme_lists_every_setting_and_no_other():
    told = _first_cells((REPO / "README.md").read_text(encoding="utf-8"))
    named = {name for name in told if name.startswith("LAKEHOUSE_")}
    assert named == {f"LAKEHOUSE_{name.upper()}" for name in Settings.model_fields}


def test_the_readme_lists_every_command_and_no_other():
    told = _first_cells((REPO / "README.md").read_text(encoding="utf-8"))
    named = {name.split()[1] for name in told if name.startswith("lakehouse ")}
    assert named == set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # a group


def test_the_reference_tells_every_key_of_a_contract_and_no_other():
    text = (REPO / "docs" / "contracts.md").read_text(encoding="utf-8")
    sections = {part.split("\n", 1)[0]: part for part in text.split("\n## ")}
    assert _first_cells(sections["Keys of a contract"]) == set(Contract.model_fields) - {"name", "source"}
    assert _first_cells(sections["`format`"]) == set(Format.model_fields)
    assert _first_cells(sections["A column"]) == {*Column.model_fields, *COLUMN_TYPES}
    assert set(CHECK_NAMES) <= set(_code(sections["A column"]))
