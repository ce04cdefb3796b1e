"""Text -> times and dates, in UTC and without a zone in the type.

A local time that a clock change makes ambiguous or skips is not guessed, and a date is not cut out of a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

from lakehouse.contracts import Format

_ISO = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f")
# A time that carries its own offset means the same in every contract.
_ISO_WITH_OFFSET = tuple(f"{pattern}%#z" for pattern in _ISO)
_TIME_PARTS = ("%H", "%I", "%k", "%l", "%T", "%R", "%X", "%r", "%c", "%s", "%+")


def times_of(text: pl.Series, form: Format) -> pl.Series:
    """Null where the text is none of the contract's forms (nor ISO 8601), or no time in the contract's zone."""
    patterns = dict.fromkeys((*form.timestamps, *_ISO, *_ISO_WITH_OFFSET))
    return _first_that_fits(text, patterns, lambda cells, pattern: _utc(cells, pattern, form.time_zone))


def dates_of(text: pl.Series, form: Format) -> pl.Series:
    """The date as it is written: no zone is applied to it. A time of day other than midnight is not cut off."""
    patterns = dict.fromkeys((*form.dates, "%Y-%m-%d", *form.timestamps, *_ISO))
    return _first_that_fits(text, patterns, _written_date).cast(pl.Date)


def _first_that_fits(
    text: pl.Series, patterns: Iterable[str], read: Callable[[pl.Series, str], pl.Series]
) -> pl.Series:
    """Tries a pattern only while some cell is not read yet: most files need the first one alone."""
    found: pl.Series | None = None
    for pattern in patterns:
        if found is None:
            found = read(text, pattern)
        elif found.null_count() > text.null_count():
            found = found.zip_with(found.is_not_null(), read(text, pattern))
    assert found is not None  # noqa: S101  there are always the ISO patterns
    return found


def _utc(text: pl.Series, pattern: str, zone: str) -> pl.Series:
    if "z" in pattern.replace("%%", ""):
        offset = text.str.to_datetime(pattern, time_unit="us", time_zone="UTC", strict=False)
        return offset.dt.replace_time_zone(None)
    local = _local(text, pattern)
    if zone == "UTC":
        return local
    zoned = local.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    return zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _local(text: pl.Series, pattern: str) -> pl.Series:
    if any(part in pattern for part in _TIME_PARTS):
        return text.str.to_datetime(pattern, time_unit="us", strict=False)
    return text.str.to_date(pattern, strict=False).cast(pl.Datetime("us"))


def _written_date(text: pl.Series, pattern: str) -> pl.Series:
    if "z" in pattern.replace("%%", ""):
        return pl.Series(text.name, [None] * len(text), dtype=pl.Datetime("us"))
    local = _local(text, pattern)
    return local.set(local.dt.truncate("1d") != local, None)
