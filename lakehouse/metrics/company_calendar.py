"""The calendar that holds for every KPI: metrics/calendar.yaml, the shipped one and a team's own, which wins key by key.

Belongs here: reading it, and what a KPI's own keys leave to it. Not here: which days it means (calendar.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from lakehouse.configuration import ConfigurationError, Problem, problems_of, read_yaml
from lakehouse.metrics.definition import Calendar, Kpi

FILE = "calendar.yaml"
SHOWN = f"metrics/{FILE}"


@dataclass(frozen=True, slots=True)
class CompanyCalendar:
    """file_of: the file, as told to people, that says each key."""

    calendar: Calendar
    file_of: Mapping[str, str]

    def applied(self, kpi: Kpi) -> Kpi:
        """The KPI with the company's days where it doesn't name its own; model_fields_set stays what its file says."""
        return kpi.model_copy(update={"calendar": _over(self.calendar, kpi.calendar)})


def load_company_calendar(config_dir: Path | None = None) -> CompanyCalendar:
    """Raises ConfigurationError with every problem of both files."""
    files = [(Path(__file__).with_name(FILE), SHOWN)]
    if config_dir is not None and (config_dir / SHOWN).exists():
        files.append((config_dir / SHOWN, f"{config_dir.name}/{SHOWN}"))
    problems: list[Problem] = []
    calendar = Calendar()
    file_of: dict[str, str] = {}
    for path, shown in files:
        try:
            own = Calendar.model_validate(read_yaml(path, shown))
        except ValidationError as error:
            problems += problems_of(error, Calendar, shown)
        except ConfigurationError as error:
            problems += error.problems
        else:
            calendar = _over(calendar, own)
            file_of |= dict.fromkeys(own.model_fields_set, shown)
    if problems:
        raise ConfigurationError(problems)
    return CompanyCalendar(calendar, file_of)


def _over(common: Calendar, own: Calendar) -> Calendar:
    said = own.model_fields_set
    values = {name: getattr(own if name in said else common, name) for name in Calendar.model_fields}
    # Both are valid; what the file itself says is still to be told from what it leaves to the other.
    return Calendar.model_construct(_fields_set=set(said), **values)
