"""A team's own configuration folder, and what loading it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakehouse.catalog import load_catalog
from lakehouse.configuration import ConfigurationError

SALES: dict[str, Any] = {
    "description": "Sales.",
    "owner": "sales",
    "key": ["sale_id"],
    "columns": {
        "sale_id": {"type": "id", "required": True},
        "amount": {"type": "decimal"},
        "sold_at": {"type": "timestamp"},
        "kind": {"type": "string"},
    },
}


class ConfigDir:
    """A `LAKEHOUSE_CONFIG_DIR` in the making."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, path: str, content: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def contract(self, name: str = "sales", *, column: dict[str, Any] | None = None, **changes: Any) -> None:
        """A right contract but for `changes`; `column` replaces what is said of the column kind."""
        content = {**SALES, **changes}
        if column is not None:
            content["columns"] = {**content["columns"], "kind": column}
        self.write(f"contracts/{name}.yaml", yaml.safe_dump(content, sort_keys=False))

    def problems(self) -> list[str]:
        """Each problem of the configuration as it is told; none when it loads."""
        try:
            load_catalog(self.folder)
        except ConfigurationError as error:
            return [str(problem) for problem in error.problems]
        return []


@pytest.fixture
def config(tmp_path: Path) -> ConfigDir:
    folder = tmp_path / "team"
    folder.mkdir()
    return ConfigDir(folder)


@pytest.fixture
def sales() -> Callable[..., dict[str, Any]]:
    return lambda **changes: {"name": "sales", **SALES, **changes}
