"""Configuration files: reading YAML strictly, and telling all that is wrong in one message.

Belongs here: what contracts, sources and models share when they load. Not here: what any of them means.
"""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in one configuration file."""

    file: str
    key: str
    expected: str
    found: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        found = f", found {self.found}" if self.found else ""
        line = f"{place}: expected {self.expected}{found}."
        return f"{line}\n  {self.hint}" if self.hint else line


class ConfigurationError(ValueError):
    """Raised once with every problem of every file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} in the configuration:"
        super().__init__("\n".join([head, *(str(problem) for problem in self.problems)]))


class _StrictLoader(yaml.SafeLoader):
    """YAML without its silent last-one-wins for a key given twice, and with impossible dates as the texts that they are."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  yaml's
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'the key "{key}" stands twice', key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_date(self, node: yaml.ScalarNode) -> object:
        """What looks like a date and is none is told by whoever wants a date there, with file and key."""
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError:
            return self.construct_scalar(node)


_StrictLoader.add_constructor("tag:yaml.org,2002:timestamp", _StrictLoader.construct_date)


def read_yaml(path: Path, shown: str) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ConfigurationError naming the file (`shown`) and line."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506  safe subclass
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigurationError(
            [Problem(shown, f"line {line}", "valid YAML", str(error.problem).removeprefix("found "))]
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError([Problem(shown, "", "valid YAML in UTF-8", str(error))]) from error
    if not isinstance(content, dict):
        raise ConfigurationError([Problem(shown, "", "a mapping of keys to values", describe(content))])
    return content


def describe(value: object) -> str:
    """A value as a person would point at it."""
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name: the nearest right one, or all of them when none is near."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(names)}."


_EXPECTED = {
    "missing": "a value",
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "extra_forbidden": "a known key",
}


def problems_of(error: ValidationError, model: type[BaseModel], shown: str) -> list[Problem]:
    """Pydantic's findings in our form."""
    problems = []
    for detail in error.errors():
        key = ".".join(str(part) for part in detail["loc"])
        kind = detail["type"]
        message = str(detail["ctx"]["error"]) if kind == "value_error" else detail["msg"]
        expected = _EXPECTED.get(kind, message.removeprefix("Input should be "))
        found = "nothing" if kind == "missing" else describe(detail["input"])
        hint = ""
        if kind == "extra_forbidden":
            found = f'"{detail["loc"][-1]}"'
            hint = nearest(str(detail["loc"][-1]), _keys_at(model, detail["loc"][:-1]))
        elif kind == "list_type" and isinstance(detail["input"], str):
            hint = f"Write it as [{detail['input']}]."
        if kind == "value_error":
            expected, _, found = message.removeprefix("expected ").partition(", found ")
            found, _, hint = found.partition("\n")
        problems.append(Problem(shown, key, expected, found, hint.strip()))
    return problems


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    current: type[BaseModel] = model
    for part in location:
        field = current.model_fields.get(str(part))
        annotation = field.annotation if field else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            current = annotation
    return [field.alias or name for name, field in current.model_fields.items()]
