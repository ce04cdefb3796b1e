"""docs/experiment-from-a-file.md, followed to the letter; its fragments fit what they are said to belong to.

Belongs here: reading the document as instructions. What files of other shapes give is in test_flat_files.py.
"""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from lakehouse.contracts.contract import Contract
from lakehouse.experiments.experiment import (
    Analysis,
    Attributes,
    Eligibility,
    Experiment,
    Panel,
    Roles,
    Sequential,
    Thresholds,
)
from lakehouse.experiments.metric import Metric, Prior
from lakehouse.warehouse.expressions import FUNCTION_NAMES, aggregate, per_row
from lakehouse.warehouse.lineage import parse, tables_read

DOCUMENT = Path(__file__).parents[2] / "docs" / "experiment-from-a-file.md"
EXAMPLE = "assets_tests/end_to_end/flat_files/sources/campaigns/schema.yml"
TEXT = DOCUMENT.read_text(encoding="utf-8")
FRAGMENTS = re.findall(r"^```yaml\n# (contract|registry)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
MODEL = yaml.safe_load(re.findall(r"^```yaml\n(models:.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)[0])[
    "models"
][0]
MAPPINGS = re.findall(
    r"^```sql\n(.*?)^```$", TEXT.partition("## When the file is not like that")[2], re.MULTILINE | re.DOTALL
)


def _sections() -> dict[str, str]:
    return {part.split("\n", 1)[0]: part for part in TEXT.partition("## Reference")[2].split("\n### ")}


@pytest.mark.skipif(sys.platform == "win32", reason="the document's commands are for a Unix shell")
def test_who_follows_the_document_sees_what_it_shows(reader: Any) -> None:
    shown = list(reader.follow(TEXT))

    assert len(shown) == 6
    for command, expected, found in shown:
        assert reader.matches(expected, found), (
            f"$ {command}\nthe document shows\n{expected}\nthe command says\n{found}"
        )


def test_there_is_a_fragment_for_every_way_in_which_a_file_may_differ() -> None:
    assert len(FRAGMENTS) >= 16
    assert len(MAPPINGS) == 4


@pytest.mark.parametrize("fragment", [text for kind, text in FRAGMENTS if kind == "contract"])
def test_a_contracts_fragment_is_one(fragment: str) -> None:
    given = yaml.safe_load(fragment)
    whole = {"columns": {"x": {"type": "id"}}, **given}
    Contract.model_validate(
        {"name": "file", "description": "-", "owner": "-", "key": list(whole["columns"])[:1], **whole}
    )


@pytest.mark.parametrize("fragment", [text for kind, text in FRAGMENTS if kind == "registry"])
def test_a_registry_files_fragment_is_one(fragment: str) -> None:
    given = yaml.safe_load(fragment)
    base: dict[str, Any] = {"id": "x", "name": "x", "owner": "-", "metrics": {"primary": "m"}}
    if "panel" not in given:
        base |= {"start": date(2025, 3, 3), "end": date(2025, 3, 4), "variants": ["a", "b"], "control": "a"}
    experiment = Experiment.model_validate({**base, **given})
    for metric in experiment.define.values():
        assert [aggregate(text) for text in metric.expressions.values()]
    for text in (*experiment.segments.values(), *experiment.eligibility.rules):
        per_row(text)


def test_a_table_of_ones_own_describes_its_columns() -> None:
    assert [column["name"] for column in MODEL["columns"]] == parse(MAPPINGS[-1]).named_selects
    shown = yaml.safe_load((DOCUMENT.parents[1] / EXAMPLE).read_text(encoding="utf-8"))
    assert shown["models"] == [MODEL]


@pytest.mark.parametrize("mapping", MAPPINGS[:-1])
def test_a_mapping_selects_the_feeds_columns(mapping: str) -> None:
    query = parse(mapping)
    assert query.named_selects == ["experiment_id", "visitor_id", "variant", "exposed_at"]
    assert [table for table in tables_read(query) if not table.startswith("stg_")] == []


@pytest.mark.parametrize(
    ("section", "form"),
    [
        ("The registry file", Experiment),
        ("`eligibility`", Eligibility),
        ("`attributes`", Attributes),
        ("`metrics`", Roles),
        ("A metric", Metric),
        ("`prior`", Prior),
        ("`analysis`", Analysis),
        ("`sequential`", Sequential),
        ("`thresholds`", Thresholds),
        ("`panel`", Panel),
    ],
)
def test_the_reference_tells_every_key_and_no_other(section: str, form: type[BaseModel]) -> None:
    rows = [line for line in _sections()[section].splitlines() if line.startswith("| `")]
    told = {name for line in rows for name in re.findall(r"`([^`]+)`", line.split(" | ")[0])}
    assert told == set(form.model_fields) - {"id", "shown"}


def test_the_reference_tells_every_function() -> None:
    functions = _sections()["A metric"].partition("these functions:")[2]
    assert re.findall(r"`(\w+)`", functions) == list(FUNCTION_NAMES)
