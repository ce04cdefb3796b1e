"""The rows a readout consists of, one dataclass per table: its fields are the table's columns, in order.

Belongs here: exp_readout, exp_segments, exp_sensitivity, exp_effect_daily and exp_health as rows, and the SQL that makes the tables.
Not here: how a row is found (readout.py, segments.py, sensitivity.py, health.py) or stored (readout_build.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import date
from typing import Literal

Status = Literal["ok", "no readout"]
HealthStatus = Literal["pass", "warn", "fail"]
Value = str | int | float | bool | date | None


@dataclass(frozen=True, slots=True)
class ReadoutRow:
    """One metric of one variant against the control; a number is None where there is none."""

    experiment_id: str
    metric: str
    role: str
    kind: str
    variant: str
    control: str
    label: str
    direction: str
    status: Status
    reason: str = ""
    decision: str | None = None
    is_fragile: bool = False
    n: int = 0
    n_control: int = 0
    immature: int = 0
    mean: float | None = None
    mean_control: float | None = None
    effect: float | None = None
    effect_low: float | None = None
    effect_high: float | None = None
    standard_error: float | None = None
    lift: float | None = None
    lift_low: float | None = None
    lift_high: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    family: str | None = None
    decisive_p: float | None = None
    decided_by: str | None = None
    sequential_method: str | None = None
    sequential_low: float | None = None
    sequential_high: float | None = None
    sequential_p: float | None = None
    looks: int | None = None
    chance_to_win: float | None = None
    expected_loss: float | None = None
    cuped_effect: float | None = None
    cuped_low: float | None = None
    cuped_high: float | None = None
    cuped_lift: float | None = None
    cuped_lift_low: float | None = None
    cuped_lift_high: float | None = None
    cuped_p_value: float | None = None
    variance_reduction: float | None = None
    margin: float | None = None
    non_inferiority_p: float | None = None
    required_n: int | None = None
    current_power: float | None = None
    minimum_detectable_lift: float | None = None
    method: str | None = None
    lift_method: str | None = None


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One metric of one variant among the units of one segment; shrunk: pulled towards the segments' common lift."""

    experiment_id: str
    metric: str
    variant: str
    segment: str
    segment_value: str
    n: int
    n_control: int
    lift: float | None = None
    lift_low: float | None = None
    lift_high: float | None = None
    shrunk_lift: float | None = None
    shrunk_low: float | None = None
    shrunk_high: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    family: str | None = None
    status: Status = "ok"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SensitivityRow:
    """The primary metric of one variant, had units that saw several variants been handled that way."""

    experiment_id: str
    variant: str
    handling: str
    n: int
    n_control: int
    lift: float | None = None
    lift_low: float | None = None
    lift_high: float | None = None
    p_value: float | None = None
    decision: str | None = None


@dataclass(frozen=True, slots=True)
class HealthRow:
    """One check of whether the experiment may be believed at all."""

    experiment_id: str
    check: str
    status: HealthStatus
    value: float | None
    threshold: float | None
    text: str


@dataclass(frozen=True, slots=True)
class EffectRow:
    """The primary metric of one variant by the end of a day; every bound relative to the control of that day."""

    experiment_id: str
    metric: str
    variant: str
    date: date
    n: int
    n_control: int
    lift: float | None = None
    low: float | None = None
    high: float | None = None
    sequential_low: float | None = None
    sequential_high: float | None = None


Row = ReadoutRow | SegmentRow | SensitivityRow | EffectRow | HealthRow
TABLES: dict[str, type[Row]] = {
    "exp_readout": ReadoutRow,
    "exp_segments": SegmentRow,
    "exp_sensitivity": SensitivityRow,
    "exp_effect_daily": EffectRow,
    "exp_health": HealthRow,
}
_SQL_TYPES = {"int": "bigint", "float": "double", "bool": "boolean", "date": "date"}


def create_sql(table: str) -> str:
    """The statement that makes the table anew, empty.

    >>> create_sql("exp_health")[:76]
    'create or replace table exp_health ("experiment_id" varchar, "check" varchar'
    """
    columns = ", ".join(f'"{field.name}" {_sql_type(str(field.type))}' for field in fields(TABLES[table]))
    return f"create or replace table {table} ({columns})"


def values_of(row: Row) -> list[Value]:
    """The row's values in the table's order; a number that isn't finite is none.

    >>> values_of(HealthRow("e", "freshness", "pass", float("nan"), None, "fine"))
    ['e', 'freshness', 'pass', None, None, 'fine']
    """
    return [_kept(getattr(row, field.name)) for field in fields(row)]


def _kept(value: Value) -> Value:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _sql_type(annotation: str) -> str:
    return _SQL_TYPES.get(annotation.removesuffix(" | None"), "varchar")
