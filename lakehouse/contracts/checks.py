"""The Pandera checks that a contract may name, and what each takes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandera.polars as pa
import polars as pl

from lakehouse.configuration import describe, nearest

_VALUE = ("eq", "ne", "gt", "ge", "lt", "le")
_LIST = ("isin", "notin")
_PATTERN = ("str_matches", "str_contains")
_TEXT = ("str_startswith", "str_endswith")
_RANGE = {
    "in_range": {"min_value", "max_value", "include_min", "include_max"},
    "str_length": {"min_value", "max_value", "exact_value"},
}
CHECK_NAMES: tuple[str, ...] = (*_VALUE, *_LIST, *_PATTERN, *_TEXT, *_RANGE)
_TEXT_TYPES = ("id", "string")
INGESTED_AT = "_ingested_at"  # as a default: the moment at which the file was ingested
_COLUMN_KEYS = (
    "type",
    "header",
    "required",
    "default",
    "unit",
    "description",
    "pii",
    "scale",
    "position_within",
)


def check_problem(name: str, argument: object, column_type: str) -> str:
    """What is wrong with a check and its argument, or an empty text."""
    if name not in CHECK_NAMES:
        hint = nearest(name, (*CHECK_NAMES, *_COLUMN_KEYS))
        if argument is None and not name.isidentifier():
            hint = "A text with a comma in it stands in quotation marks."
        return f"expected a Pandera check or a column key, found {describe(name)}\n{hint}"
    if name.startswith("str_") and column_type not in _TEXT_TYPES:
        return f"expected a column of type string or id under {name}, found {column_type}"
    if name in _LIST:
        return _list_problem(name, argument, column_type)
    if name in _RANGE:
        return _range_problem(name, argument, column_type)
    if name in _PATTERN:
        try:
            # Tried with the engine that will run it: Polars knows no look-around, Python does.
            pl.Series([""]).str.contains(str(argument))
        except pl.exceptions.ComputeError as error:
            told = next((line for line in str(error).splitlines() if line.startswith("error: ")), "")
            return f"expected a regular expression under {name}, found {describe(argument)}\n{told}"
    if name in (*_PATTERN, *_TEXT):
        return (
            "" if isinstance(argument, str) else f"expected a text under {name}, found {describe(argument)}"
        )
    return _value_problem(name, argument, column_type)


def default_problem(value: object, column_type: str, scale: int) -> str:
    """What is wrong with a column's default, or an empty text."""
    if value == INGESTED_AT and column_type == "timestamp":
        return ""
    problem = _value_problem("default", value, column_type)
    if not problem and column_type == "decimal":
        exponent = Decimal(str(value)).as_tuple().exponent
        if not isinstance(exponent, int) or -exponent > scale:
            problem = f"expected a number with up to {scale} decimals under default, found {describe(value)}"
    return problem


def _list_problem(name: str, argument: object, column_type: str) -> str:
    kind = "strings" if column_type in _TEXT_TYPES else f"{column_type} values"
    if not isinstance(argument, list):
        hint = f"\nWrite it as [{argument}]." if isinstance(argument, str) else ""
        return f"expected a list of {kind} under {name}, found {describe(argument)}{hint}"
    return next((p for value in argument if (p := _value_problem(name, value, column_type))), "")


def _range_problem(name: str, argument: object, column_type: str) -> str:
    keys = _RANGE[name]
    if not isinstance(argument, Mapping) or not set(argument) <= keys or not argument:
        return f"expected a mapping of {', '.join(sorted(keys))} under {name}, found {describe(argument)}"
    if name == "in_range" and not {"min_value", "max_value"} <= set(argument):
        return f"expected min_value and max_value under {name}, found {describe(argument)}"
    bounds = [value for key, value in argument.items() if key.endswith("_value")]
    bound_type = "integer" if name == "str_length" else column_type
    return next((p for value in bounds if (p := _value_problem(name, value, bound_type))), "")


def _value_problem(name: str, value: object, column_type: str) -> str:
    fits: dict[str, tuple[type, ...]] = {
        "integer": (int,),
        "decimal": (int, float),
        "float": (int, float),
        "boolean": (bool,),
        "timestamp": (datetime, date),
        "date": (date,),
    }
    types = fits.get(column_type, (str,))
    wrong_bool = isinstance(value, bool) and column_type != "boolean"
    if wrong_bool or not isinstance(value, types):
        hint = (
            "\nYAML reads yes, no, on and off as booleans: put it in quotation marks." if wrong_bool else ""
        )
        wanted = "string" if column_type in _TEXT_TYPES else column_type
        return f"expected a value of type {wanted} under {name}, found {describe(value)}{hint}"
    return ""


def pandera_check(name: str, argument: Any, dtype: pl.DataType) -> pa.Check:
    """The Pandera check that a contract's key names, with a title a person understands."""
    title = f"{name} {describe(argument) if not isinstance(argument, str) else argument}"
    make = getattr(pa.Check, name)
    if isinstance(argument, Mapping):
        values = {key: _literal(value, dtype) for key, value in argument.items()}
        check: pa.Check = make(**values, title=title)
    elif isinstance(argument, list):
        check = make([_literal(value, dtype) for value in argument], title=title)
    else:
        check = make(_literal(argument, dtype), title=title)
    return check


def _literal(value: Any, dtype: pl.DataType) -> Any:
    """YAML's floats are binary; money is compared as the decimal that was written."""
    if isinstance(dtype, pl.Decimal) and isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    return value
