"""The form of a contract: what an outside file looks like, and what its rows promise.

Everything here is validated when the contract loads, so that ingestion can trust it.
"""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import Any, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lakehouse.configuration import describe, nearest
from lakehouse.contracts.checks import CHECK_NAMES, INGESTED_AT, check_problem, default_problem
from lakehouse.contracts.format import Format, Listed, Strict

ColumnType = Literal["id", "string", "integer", "decimal", "float", "boolean", "timestamp", "date"]
COLUMN_TYPES: tuple[str, ...] = (
    "id",
    "string",
    "integer",
    "decimal",
    "float",
    "boolean",
    "timestamp",
    "date",
)
STAGING_RULES = "1"  # raised when the code that casts and judges gives other rows than before
META_COLUMNS = ("_source_file", "_row_number", "_ingested_at", "_row_hash")
NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_DURATION = re.compile(r"^(\d+)\s*([hd])$")


class Column(BaseModel):
    """One column; keys that are not listed here are Pandera checks by their Pandera names."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: ColumnType
    header: tuple[str, ...] = ()
    required: bool = False
    default: Any = None
    unit: str | None = None
    description: str = ""
    pii: bool = False
    scale: int = Field(4, ge=0, le=12)
    position_within: Listed | None = None

    @field_validator("header", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("type", mode="before")
    @classmethod
    def _known_type(cls, value: object) -> object:
        if value not in COLUMN_TYPES:
            hint = nearest(str(value), COLUMN_TYPES)
            raise ValueError(f"expected a type ({', '.join(COLUMN_TYPES)}), found {describe(value)}\n{hint}")
        return value

    @model_validator(mode="after")
    def _checks_are_panderas(self) -> Self:
        for name, argument in self.checks.items():
            problem = check_problem(name, argument, self.type)
            if problem:
                raise ValueError(problem)
        problem = "" if self.default is None else default_problem(self.default, self.type, self.scale)
        if problem:
            raise ValueError(problem)
        return self

    @property
    def checks(self) -> dict[str, Any]:
        return dict(self.__pydantic_extra__ or {})

    @property
    def is_derived(self) -> bool:
        return self.position_within is not None

    @property
    def polars_type(self) -> pl.DataType:
        types: dict[str, pl.DataType] = {
            "id": pl.String(),
            "string": pl.String(),
            "integer": pl.Int64(),
            "decimal": pl.Decimal(18, self.scale),
            "float": pl.Float64(),
            "boolean": pl.Boolean(),
            "timestamp": pl.Datetime("us"),
            "date": pl.Date(),
        }
        return types[self.type]

    @property
    def sql_type(self) -> str:
        types = {
            "id": "VARCHAR",
            "string": "VARCHAR",
            "integer": "BIGINT",
            "decimal": f"DECIMAL(18,{self.scale})",
            "float": "DOUBLE",
            "boolean": "BOOLEAN",
            "timestamp": "TIMESTAMP",
            "date": "DATE",
        }
        return types[self.type]


class QuarantineLimit(Strict):
    at_most: float = Field(0.02, ge=0, le=1)


class Contract(Strict):
    """One feed: what lands, and what its rows promise. `name` is the file's stem, `source` the folder it came from."""

    name: str
    source: str | None = None
    description: str
    owner: str
    format: Format = Format()
    key: Listed = Field(min_length=1)
    latest_by: Listed = (INGESTED_AT,)
    history: bool = False
    columns: dict[str, Column] = Field(min_length=1)
    rules: dict[str, str] = Field(default_factory=dict)
    references: dict[str, str] = Field(default_factory=dict)
    event_time: str | None = None
    freshness: timedelta | None = None
    quarantine: QuarantineLimit = QuarantineLimit()

    @field_validator("key", mode="before")
    @classmethod
    def _key_is_named(cls, value: object) -> object:
        if value == []:
            hint = "Where no column names a row, add one with position_within: [], its row number."
            raise ValueError(f"expected columns that name a row, found none\n{hint}")
        return value

    @field_validator("freshness", mode="before")
    @classmethod
    def _duration(cls, value: object) -> object:
        if value is None:
            return None
        match = _DURATION.match(value) if isinstance(value, str) else None
        if not match:
            raise ValueError(f'expected a duration such as "26h" or "2d", found {describe(value)}')
        return timedelta(hours=int(match[1]) * (24 if match[2] == "d" else 1))

    @field_validator("columns")
    @classmethod
    def _column_names(cls, columns: dict[str, Column]) -> dict[str, Column]:
        for name in columns:
            if not NAME.match(name):
                plain = re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).strip("_").lower()
                hint = f"Call it {plain}, with header: {name}." if NAME.match(plain) else ""
                raise ValueError(
                    f"expected a lower-case name such as order_id, found {describe(name)}\n{hint}"
                )
        return columns

    @field_validator("rules")
    @classmethod
    def _rules_parse(cls, rules: dict[str, str]) -> dict[str, str]:
        for name, rule in rules.items():
            try:
                pl.sql_expr(rule)
            except (pl.exceptions.SQLInterfaceError, pl.exceptions.SQLSyntaxError) as error:
                raise ValueError(
                    f"expected a SQL condition in {name}, found {describe(rule)}\n{error}"
                ) from error
        return rules

    @property
    def file_columns(self) -> dict[str, Column]:
        """The columns that come from the file, the derived ones aside."""
        return {name: column for name, column in self.columns.items() if not column.is_derived}

    @property
    def needed_columns(self) -> frozenset[str]:
        """The columns without which a file is rejected whole."""
        required = {name for name, column in self.file_columns.items() if column.required or name in self.key}
        return frozenset(name for name in required if self.columns[name].default is None)

    @property
    def pii_columns(self) -> frozenset[str]:
        return frozenset(name for name, column in self.columns.items() if column.pii)

    @property
    def staged_table(self) -> str:
        return f"stg_{self.name}"

    @property
    def versions_table(self) -> str:
        """The table that holds every valid version: the staged table itself where no history is kept."""
        return f"stg_{self.name}_versions" if self.history else self.staged_table

    def headers_of(self, column: str) -> tuple[str, ...]:
        """Outside names that a column may come under, our own name included."""
        return (*self.columns[column].header, column)

    @property
    def staging_version(self) -> str:
        """Changes when anything that decides how raw text becomes staged rows changes."""
        kept = self.model_dump(mode="json", include={"name", "format", "columns", "rules", "key"})
        for column in kept["columns"].values():
            column.pop("description"), column.pop("unit")
        return _digest((STAGING_RULES, kept))

    @property
    def reading_version(self) -> str:
        """Changes when a file that was rejected whole deserves another reading."""
        wanted = [
            (name, column.header) for name, column in self.file_columns.items() if name in self.needed_columns
        ]
        return _digest((self.format.reading, wanted))


def _digest(content: object) -> str:
    return hashlib.blake2b(repr(content).encode(), digest_size=4).hexdigest()


__all__ = ["CHECK_NAMES", "INGESTED_AT", "Column", "Contract", "Format"]
