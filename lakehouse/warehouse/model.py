"""What a model is: one SQL file, one table, described in its folder's schema.yml by dbt's keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lakehouse.configuration import describe, nearest

TESTS = {
    "unique": (),
    "not_null": (),
    "accepted_values": ("values",),
    "relationships": ("to", "field"),
    "expression_is_true": ("expression",),
    "unique_combination_of_columns": ("columns",),
    "sql_is_empty": ("query",),
}
Severity = Literal["error", "warn"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataTest(_Strict):
    """One test of schema.yml: dbt's name and arguments."""

    kind: str
    arguments: dict[str, Any] = {}
    name: str = ""
    description: str = ""
    severity: Severity | None = None

    @classmethod
    def parse(cls, value: object) -> DataTest:
        """From `unique` or `{accepted_values: {values: [...], severity: warn}}`. Raises ValueError."""
        kind, arguments = (value, {}) if isinstance(value, str) else _single(value)
        if kind not in TESTS:
            raise ValueError(f"expected a test, found {describe(kind)}\n{nearest(str(kind), TESTS)}")
        common = {key: arguments.pop(key) for key in ("name", "description", "severity") if key in arguments}
        wrong = [key for key in arguments if key not in TESTS[kind]]
        missing = [key for key in TESTS[kind] if key not in arguments]
        if wrong or missing:
            raise ValueError(
                f"expected {', '.join(TESTS[kind]) or 'no arguments'} under {kind}, found {describe(arguments)}"
            )
        return cls(kind=kind, arguments=arguments, **common)


def _single(value: object) -> tuple[str, dict[str, Any]]:
    if isinstance(value, dict) and len(value) == 1:
        kind, arguments = next(iter(value.items()))
        if isinstance(arguments, dict):
            return str(kind), dict(arguments)
    raise ValueError(f"expected a test's name or one name with its arguments, found {describe(value)}")


def _parsed(tests: object) -> object:
    return [DataTest.parse(test) for test in tests] if isinstance(tests, list) else tests


class ColumnMeta(_Strict):
    unit: str | None = None
    pii: bool = False


class ColumnDoc(_Strict):
    name: str
    description: str
    meta: ColumnMeta = ColumnMeta()
    data_tests: tuple[DataTest, ...] = ()

    _tests = field_validator("data_tests", mode="before")(_parsed)


class ModelMeta(_Strict):
    owner: str
    grain: str


class ModelConfig(_Strict):
    materialized: Literal["table", "view"] = "table"
    severity: Severity = "error"
    meta: ModelMeta


class ModelDoc(_Strict):
    name: str
    description: str
    config: ModelConfig
    data_tests: tuple[DataTest, ...] = ()
    columns: tuple[ColumnDoc, ...] = Field(min_length=1)

    _tests = field_validator("data_tests", mode="before")(_parsed)


class SchemaFile(_Strict):
    version: Literal[2] = 2
    models: tuple[ModelDoc, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """One table or view of the warehouse and all that is known of it."""

    name: str
    group: str
    sql: str
    doc: ModelDoc
    path: Path | None = None
    depends_on: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    lineage: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)

    @property
    def is_view(self) -> bool:
        return self.doc.config.materialized == "view"
