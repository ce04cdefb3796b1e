"""Keys of series: equal only when everything that an expectation hangs on up to a period is equal to the last bit.

Belongs here: what goes into a key. Not here: what is kept under it (memo.py).
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Sequence
from functools import cache

import numpy as np
import scipy

from lakehouse.stats import (
    calendar_effects,
    confidence,
    expected,
    gains,
    guards,
    learning,
    prepared,
    scales,
    surprise,
)
from lakehouse.stats.calendar_effects import DayFeatures
from lakehouse.stats.guards import FloatArray

# Number of periods -> a key per series.
Keys = dict[int, list[bytes]]
# Of a series of which something said so far may still change when periods are added.
UNSETTLED = b""
SIZE = 16
# Periods by which a group of series is recognized from one run to the next.
FIRST = 28
_CODE = (calendar_effects, confidence, expected, gains, guards, learning, prepared, scales, surprise)


def keys_of(
    values: FloatArray,
    features: DayFeatures,
    denominators: FloatArray | None,
    is_share: Sequence[bool],
    grain: Sequence[float | None],
    periods: Sequence[int],
) -> Keys:
    """Keys of series as far as each of the given numbers of periods, which rise; arrays (series, n)."""
    parts = [_alike(part) for part in (values, denominators) if part is not None]
    calendars = [_calendar(features, count) for count in periods]
    keys: Keys = {count: [] for count in periods}
    for i in range(len(values)):
        of_series = [hashlib.blake2b(digest_size=SIZE) for _ in parts]
        done = 0
        for count, calendar in zip(periods, calendars, strict=True):
            for told, part in zip(of_series, parts, strict=True):
                told.update(part[i, done:count].tobytes())
            done = count
            said = f"{bool(is_share[i])} {grain[i] if grain[i] is None else float(grain[i] or 0.0)!r}"
            whole = [calendar, said.encode(), *(told.digest() for told in of_series)]
            keys[count].append(hashlib.blake2b(b"".join(whole), digest_size=SIZE).digest())
    return keys


def group_name(values: FloatArray, features: DayFeatures, denominators: FloatArray | None) -> str:
    """A name that a group of series keeps from day to day. Two groups of one name only cost time."""
    told = hashlib.blake2b(
        repr((features.cadence, features.names, int(features.days[0]))).encode(), digest_size=SIZE
    )
    told.update(b"alone" if denominators is None else b"of events")
    told.update(_alike(values[0, :FIRST]).tobytes())
    return told.hexdigest()


def _alike(part: FloatArray) -> FloatArray:
    """Every kind of no value as one, and 0 with one sign."""
    return np.where(np.isfinite(part), part, np.nan) + 0.0


def _calendar(features: DayFeatures, periods: int) -> bytes:
    """The calendar as far as a number of periods, and the code."""
    fixed = (features.names, features.yearly, features.cadence, features.season)
    told = hashlib.blake2b(repr(fixed).encode(), digest_size=SIZE)
    told.update(_code())
    for whole in (features.prior_sd, features.drift):
        told.update(whole.tobytes())
    for part in (features.days, features.matrix, features.is_special, features.is_closed, features.season_of):
        told.update(part[:periods].tobytes())
    return told.digest()


@cache
def _code() -> bytes:
    told = hashlib.blake2b(f"{np.__version__} {scipy.__version__}".encode(), digest_size=SIZE)
    for module in _CODE:
        told.update(inspect.getsource(module).encode())
    return told.digest()
