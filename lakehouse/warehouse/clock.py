"""Days and instants as the business cuts them: days of one time zone over timestamps that are UTC.

Not here: which day the data are judged at (experiments/build.py and metrics/arrival.py ask the tables).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lakehouse.sql_text import literal


@dataclass(frozen=True, slots=True)
class Clock:
    """The business time zone, and the last day whose data count. `is_chosen`: by a person, not read off the data."""

    as_of: date
    time_zone: str = "UTC"
    is_chosen: bool = False

    def midnight(self, day: date) -> str:
        """The instant at which a day begins, as SQL."""
        begun = datetime.combine(day, time.min, ZoneInfo(self.time_zone)).astimezone(UTC)
        return f"timestamp '{begun:%Y-%m-%d %H:%M:%S}'"

    @property
    def closing(self) -> str:
        """The instant from which on nothing counts any more, as SQL."""
        return self.midnight(self.as_of + timedelta(days=1))

    def day_of(self, timestamp_sql: str) -> str:
        """The business day of a UTC timestamp, as SQL."""
        if self.time_zone == "UTC":
            return f"cast({timestamp_sql} as date)"
        return f"cast(cast({timestamp_sql} as timestamp) at time zone 'UTC' at time zone {literal(self.time_zone)} as date)"


def day(value: date) -> str:
    """A date as SQL."""
    return f"date '{value.isoformat()}'"
